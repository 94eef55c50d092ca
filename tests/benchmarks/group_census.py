"""Every small group that has a name, ten seeds each: solved, one class, at the optimum?

    python tests/benchmarks/group_census.py docs/results/group_census.jsonl
    python tests/benchmarks/group_census.py docs/results/group_census.jsonl 12 24   # these orders
    python tests/benchmarks/group_census.py --yaml D15 > d15.yaml

One line of JSON a group is appended; a group that is in the file already is not trained again. The
table is printed at the end. The recipe is a function of the order alone, so no group was tuned.
Where the certificate fails in a seed (it looks at tokens, at no product), all ten seeds are
trained once more with twice the steps; that line counts, and says so.

Shown are 30% of the products (75% below order 12), held out all others. A group counts where all
its seeds answer every held-out product, their outputs are one class (complete linkage at 0.1, root
mean square of sqrt(JSD)) and max |chi + 1| off the identity is at most 0.01 in each. Beside it
stands whether the products shown fix the table at all.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import yaml

from analysis.stability.entropies.classes import distance_classes
from analysis.stability.functional import divergence
from interpretable_arch.maths.groups.families import named_groups
from interpretable_arch.maths.groups.finite_groups import parse
from interpretable_arch.maths.groups.information_limit import determines
from interpretable_arch.readings.group_certificate import OFF_IDENTITY, group_certificate
from training.data import build_task
from training.data.task import Split, Task
from training.experiment import Experiment
from training.fit import fit
from training.runs import run_model

SEEDS = list(range(10))
LARGEST, THRESHOLD = 60, 0.1
COLUMNS = ("group", "order", "form", "solved", "settled", "classes", "off_identity", "seconds")


def recipe(name: str, seeds: list[int] | None = None, times: int = 1) -> dict[str, Any]:
    """The experiment of a group, from its order n alone.

    Below order 12 the tokens are unitary: a few small rotations are stuck where unitary matrices
    are not. From 12 on they are real, at a quarter of the work. Up to order 23 batches are all the
    products shown; above, 2n of them. `times` lengthens the training.
    """
    n = parse(name).order
    real, wide = n >= 12, n >= 24
    return {
        "name": f"census-{name}",
        "seeds": SEEDS if seeds is None else seeds,
        "model": {"class_path": "group_orthogonal" if real else "group_representation"},
        "task": {
            "class_path": "groups",
            "init_args": {"group": name, "share": 0.3 if real else 0.75, "split_seed": 0},
        },
        "optimizer": {
            "name": "adam",
            "lr": 0.05 if real and not wide else 0.03,
            "betas": [0.9, 0.99],
            "schedule": "half",
        },
        "trainer": {
            "max_steps": times * (400 if real and not wide else 300),
            "batch_size": 2 * n if wide else None,
            "evaluate_every": 400 * times,
        },
    }


def measure(name: str, times: int = 1) -> dict[str, Any]:
    """Train the seeds of one group and read them."""
    experiment = Experiment.from_mapping(recipe(name, times=times))
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as root:
        runs = fit(experiment, root, progress=False)
    seconds = time.process_time() - begun
    task = build_task("groups", experiment.task.init_args)
    final = [run.metrics.slice(run.metrics.num_rows - 1).to_pylist()[0] for run in runs]
    models = [run_model(run, task) for run in runs]
    real = experiment.model.class_path == "group_orthogonal"
    with torch.no_grad():
        outputs = torch.stack([model(task.probe.inputs) for model in models])
        certificates = [group_certificate(m.matrices(), real) for m in models]  # pyright: ignore
    values = [{c.name: c.value for c in found.conditions} for found in certificates]
    off = [found["max |chi + 1| off the identity"] for found in values]
    return {
        "group": name,
        "order": task.outputs,
        "form": "real" if real else "unitary",
        "shown": len(task.train),
        "determined": determines(_shown(task), task.outputs),
        "accuracy": [row["held_out_accuracy"] for row in final],
        "off_identity": off,
        "certified": sum(found.holds for found in certificates),
        "classes": len(set(distance_classes(divergence(outputs), THRESHOLD).tolist())),
        "seconds": seconds,
        "times": times,
    }


def _shown(task: Task) -> torch.Tensor:
    assert isinstance(task.train, Split)
    return torch.cat([task.train.inputs, task.train.targets[:, None]], dim=1)


def counts(row: dict[str, Any]) -> bool:
    """Whether every seed solves the group, at the optimum, as one class."""
    solved = all(a == 1.0 for a in row["accuracy"])
    return solved and row["classes"] == 1 and all(x <= OFF_IDENTITY for x in row["off_identity"])


def table(rows: list[dict[str, Any]]) -> str:
    """One line a group, then how many count."""
    lines = [" ".join(f"{c:>12}" for c in COLUMNS)]
    for row in rows:
        off = [x for x in row["off_identity"] if x == x]
        shown = {
            **row,
            "solved": sum(a == 1.0 for a in row["accuracy"]),
            "settled": sum(x <= OFF_IDENTITY for x in off),
            "off_identity": f"{max(off):.2g}" if len(off) == len(row["accuracy"]) else "none",
            "seconds": f"{row['seconds']:.1f}",
        }
        note = "  twice the steps" if row.get("times", 1) > 1 else ""
        note += (
            ""
            if counts(row)
            else "  <- no"
            if row["determined"]
            else "  <- not fixed by what is shown"
        )
        lines.append(" ".join(f"{shown[c]!s:>12}" for c in COLUMNS) + note)
    good = sum(map(counts, rows))
    seconds = sum(row["seconds"] for row in rows)
    lines.append(f"{good} of {len(rows)} groups, {seconds / 60:.1f} minutes of one core")
    return "\n".join(lines)


def main(path: Path, least: int, most: int) -> None:
    lines = path.read_text().splitlines() if path.exists() else []
    rows = {row["group"]: row for row in map(json.loads, lines)}  # the last of a group counts

    def add(row: dict[str, Any]) -> None:
        rows[row["group"]] = row
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(table([row]).splitlines()[1], flush=True)

    for name in named_groups(most):
        if parse(name).order < least:
            continue
        if name not in rows:
            add(measure(name))
        if rows[name]["certified"] < len(SEEDS) and rows[name].get("times", 1) == 1:
            add(measure(name, times=2))
    print(table(list(rows.values())))


if __name__ == "__main__":
    if sys.argv[1] == "--yaml":
        print(yaml.safe_dump(recipe(sys.argv[2]), sort_keys=False), end="")
    else:
        orders = [int(text) for text in sys.argv[2:4]]
        main(Path(sys.argv[1]), *(orders or (2, LARGEST)))
