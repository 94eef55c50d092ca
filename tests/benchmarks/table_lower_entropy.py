"""The table of `configs/lower_entropy.yaml`: method x loss x disagreement x entropy x cost.

    interpretable-arch compare configs/lower_entropy.yaml --brief docs/results/lower_entropy.json
    python tests/benchmarks/table_lower_entropy.py docs/results/lower_entropy.json

A method "halves" where its disagreement is at most half of that of the plain architecture, while
its held-out loss is not worse: the intervals of the two losses meet, or it is lower. Runs are the
trainings that one result costs; seconds are of one result, its members counted.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

CONFIG = Path(__file__).parents[2] / "configs" / "lower_entropy.yaml"
HEAD = (
    "method",
    "held-out loss",
    "disagreement",
    "of plain",
    "root mean square of sqrt(JSD)",
    "solution classes",
    "entropy, bits",
    "runs",
    "seconds",
    "halves",
)
Cell = Mapping[str, Any]


def table(cells: Mapping[str, Cell], plain: str) -> list[tuple[str, ...]]:
    """One row for the plain architecture and each of its methods, in the order of the YAML."""
    asked = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["architectures"]
    base = cells[plain]
    return [
        row(name.removeprefix(f"{plain}, "), cell, base, runs(asked[name], asked[plain]))
        for name, cell in cells.items()
        if name == plain or name.startswith(f"{plain}, ")
    ]


def row(name: str, cell: Cell, base: Cell, runs: float) -> tuple[str, ...]:
    share = mean(cell) / mean(base)
    equal = cell["held_out_loss"][1] <= base["held_out_loss"][2]
    return (
        name,
        between(cell["held_out_loss"]),
        between(cell["disagreement"]["mean"]),
        f"{share:.2f}",
        between(cell["divergence"]["mean"]),
        str(len(cell["by_output"]["counts"])),
        entropy(cell["by_output"]),
        f"{runs:g}",
        f"{cell['seconds'] / cell['seeds']:.0f}",
        "yes" if share <= 0.5 and equal else "" if share > 0.5 else "at a worse loss",
    )


def mean(cell: Cell) -> float:
    return cell["disagreement"]["mean"][0]


def between(interval: list[float]) -> str:
    return f"{interval[0]:.3f} [{interval[1]:.3f}, {interval[2]:.3f}]"


def entropy(classes: Mapping[str, Any]) -> str:
    """Chao-Wang-Jost where the coverage allows it; else the lower bound that remains."""
    if not classes["resolved"]:
        return f"unresolved, at least {classes['at_least']:.2f}"
    if classes["shannon"]["chao_wang_jost"]["estimate"] == 0:
        return f"at most {classes['at_most']:.2f}" if classes["at_most"] else "0, too few seeds"
    return f"{classes['shannon']['chao_wang_jost']['estimate']:.2f}"


def runs(asked: Mapping[str, Any], plain: Mapping[str, Any]) -> float:
    """Ordinary runs that one result takes; a student is one more."""
    steps = asked["trainer"]["max_steps"] / plain["trainer"]["max_steps"]
    part = asked.get("combine")
    if part is None:
        return steps
    return steps * (part["init_args"]["members"] + (part["class_path"] == "distil"))


def main(path: str) -> None:
    found = json.loads(Path(path).read_text(encoding="utf-8"))
    cells = {cell["architecture"]: cell for cell in found["cells"]}
    for plain in [name for name in cells if "," not in name]:
        rows = [(plain, *HEAD[1:]), *table(cells, plain)]
        print("| " + " | ".join(rows[0]) + " |")
        print("|" + "---|" * len(HEAD))
        for cells_of_row in rows[1:]:
            print("| " + " | ".join(cells_of_row) + " |")
        print()


if __name__ == "__main__":
    main(sys.argv[1])
