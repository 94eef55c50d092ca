"""How many products fix a group's table: the bound, what greedy deletion finds, random shares.

python tests/benchmarks/information_limit.py Z2 S3 S4 ... [--draws 20] [--json FILE]
"""

import argparse
import json
import time
from pathlib import Path

from interpretable_arch.maths.groups.finite_groups import parse
from interpretable_arch.maths.groups.information_limit import (
    fewest_products,
    random_share_that_determines,
)


def measured(name: str, draws: int) -> dict[str, float | str]:
    group, start = parse(name), time.process_time()
    random = random_share_that_determines(group, draws)
    fewest = fewest_products(group, draws=3 if group.order <= 24 else 1)
    return {
        "group": name,
        "order": group.order,
        "bound": fewest.bound,
        "found": fewest.found,
        "median share": round(random.median, 4),
        "lowest share": round(random.lowest, 4),
        "highest share": round(random.highest, 4),
        "processor seconds": round(time.process_time() - start, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Products that fix a group's table.")
    parser.add_argument("groups", nargs="+")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows = []
    for name in asked.groups:
        rows.append(measured(name, asked.draws))
        print(rows[-1], flush=True)
    if asked.json is not None:
        command = f"python tests/benchmarks/information_limit.py {' '.join(asked.groups)}"
        asked.json.write_text(json.dumps({"command": command, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
