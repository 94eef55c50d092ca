"""How many products of a group's table present the group, and up to order 8, leave one law?

python tests/benchmarks/information_limit.py Z2 S3 S4 ... [--draws 20] [--json FILE]

The bound, what greedy deletion finds, and random shares, of products that present the group. Up to
order 8 also the fewest products that leave one law of all on the letters, and random shares.
"""

import argparse
import json
import time
from pathlib import Path

from interpretable_arch.maths.groups.all_laws import (
    GROUPS,
    fewest_among_all_laws,
    random_share_among_all_laws,
)
from interpretable_arch.maths.groups.finite_groups import FiniteGroup, parse
from interpretable_arch.maths.groups.information_limit import (
    fewest_products,
    random_share_that_presents,
)


def measured(name: str, draws: int) -> dict[str, float | str | bool]:
    group, start = parse(name), time.process_time()
    random = random_share_that_presents(group, draws)
    fewest = fewest_products(group, draws=3 if group.order <= 24 else 1)
    return {
        "group": name,
        "order": group.order,
        "bound to present it": fewest.bound,
        "found that present it": fewest.found,
        "median share that presents it": round(random.median, 4),
        "lowest share that presents it": round(random.lowest, 4),
        "highest share that presents it": round(random.highest, 4),
        **(among_laws(group) if group.order in GROUPS else {}),
        "processor seconds": round(time.process_time() - start, 1),
    }


def among_laws(group: FiniteGroup) -> dict[str, float | bool]:
    """What leaves one law of all on the letters."""
    fewest, random = fewest_among_all_laws(group), random_share_among_all_laws(group)
    return {
        "fewest that leave one law": fewest.found,
        "no fewer do, by trying all sets": fewest.exact,
        "median share that leaves one law": round(random.median, 4),
        "lowest share that leaves one law": round(random.lowest, 4),
        "highest share that leaves one law": round(random.highest, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Products that present a group, or leave one law.")
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
