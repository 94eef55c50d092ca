"""The smallest share of a group's table from which each architecture solves the rest.

    python tests/benchmarks/smallest_share.py docs/results/smallest_share.json

Shares are walked downward until two in a row fail; a share is solved when all three seeds answer
every held-out product. The products shown at a share are part of those shown at every larger one.
Settings are the best of eight trials on S4 each (`tune_groups.py`, `tune_hypercube.py`; the
transformer then gets more steps, as in `configs/groups.yaml`). Beside them stand the fewest
products found that present the group, and the median share at which a random part presents it, each
over the whole table; knowing the number of elements may fix the table with fewer. The grids were
written down before the first run. Finished cells are kept in the file, so that a stopped run goes
on. The picture is written beside it, as SVG.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import altair as alt

from interpretable_arch.maths.groups.finite_groups import parse
from interpretable_arch.maths.groups.information_limit import (
    fewest_products,
    random_share_that_presents,
)
from training.experiment import Experiment
from training.fit import fit

GROUPS = ("S3", "Z7", "Q8", "D5", "Z12", "A4", "F21", "S4")
SHARES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.08)
SEEDS = [0, 1, 2]
BATCH = 86
FAILS = 2
ADAMW = {"name": "adamw", "betas": [0.9, 0.98], "warmup_steps": 10, "schedule": "half"}
ADAM = {"name": "adam", "schedule": "half"}
# name: (class path, arguments, optimizer, steps)
ARCHITECTURES: dict[str, tuple[str, dict[str, Any], dict[str, Any], int]] = {
    "matrix-valued tokens": (
        "group_representation",
        {},
        {**ADAM, "lr": 0.02, "betas": [0.9, 0.999]},
        300,
    ),
    "HyperCube": (
        "hypercube",
        {"epsilon": 0.1, "spread": 1.0},
        {**ADAM, "lr": 0.03, "betas": [0.9, 0.99]},
        600,
    ),
    "one-hidden-layer MLP": (
        "group_mlp",
        {"d_mlp": 256},
        {**ADAMW, "lr": 0.02, "weight_decay": 1.0},
        1500,
    ),
    "transformer": (
        "group_transformer",
        {"d_model": 64, "heads": 4},
        {**ADAMW, "lr": 3e-3, "weight_decay": 2.0},
        2500,
    ),
}
CHOSEN, RANDOM = "fewest products that present it", "random products that present it, median"


def solves(group: str, architecture: str, share: float) -> dict[str, Any]:
    """How many seeds answer every held-out product, and what it took."""
    class_path, arguments, optimizer, steps = ARCHITECTURES[architecture]
    shown = round(share * parse(group).order ** 2)
    experiment = Experiment.from_mapping(
        {
            "name": "share",
            "model": {"class_path": class_path, "init_args": arguments},
            "task": {"class_path": "groups", "init_args": {"group": group, "share": share}},
            "optimizer": optimizer,
            "trainer": {
                "max_steps": steps,
                "batch_size": min(BATCH, shown),
                "evaluate_every": steps,
            },
            "seeds": SEEDS,
        }
    )
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as root:
        runs = fit(experiment, root, progress=False)
    seconds = time.process_time() - begun
    last = [r.metrics.slice(r.metrics.num_rows - 1).to_pylist()[0] for r in runs]
    accuracy = [row["held_out_accuracy"] for row in last]
    return {"share": share, "accuracy": accuracy, "seconds": seconds}


def walk(cells: list[dict[str, Any]], group: str, architecture: str) -> float | None:
    """The next share to try; None when the walk is over."""
    fails = 0
    for share, cell in zip(SHARES, [*cells, None], strict=False):
        if cell is None:
            return share
        fails = 0 if solved(cell) else fails + 1
        if fails == FAILS:
            return None
    return None


def solved(cell: dict[str, Any]) -> bool:
    return all(a == 1.0 for a in cell["accuracy"])


def smallest(cells: list[dict[str, Any]]) -> float | None:
    """The smallest share solved; None where none is."""
    return min((c["share"] for c in cells if solved(c)), default=None)


def limits(group: str) -> dict[str, float]:
    """The shares at which products present the group: fewest, and random ones' median."""
    found = parse(group)
    return {
        CHOSEN: fewest_products(found).found / found.order**2,
        RANDOM: random_share_that_presents(found).median,
    }


def picture(found: dict[str, Any]) -> alt.Chart:
    """One row a group, one mark an architecture, others for products that present the group."""
    rows = [
        {"group": g, "who": who, "share": smallest(cells)}
        for g, per in found["walks"].items()
        for who, cells in per.items()
        if smallest(cells) is not None
    ]
    ticks = [
        {"group": g, "who": who, "share": share}
        for g, per in found["limits"].items()
        for who, share in per.items()
    ]
    order = [*ARCHITECTURES, CHOSEN, RANDOM]
    x = alt.X(
        "share:Q",
        title="smallest share of the table",
        scale=alt.Scale(type="log", domain=(0.04, 1)),
    )
    told = {"sort": order, "title": None, "scale": alt.Scale(domain=order)}
    told["legend"] = alt.Legend(labelLimit=320)
    shape, colour = alt.Shape("who:N", **told), alt.Color("who:N", **told)
    y = alt.Y("group:N", sort=list(GROUPS), title=None)
    base = alt.Chart(alt.Data(values=rows + ticks)).encode(x=x, y=y, shape=shape, color=colour)
    return base.mark_point(filled=True, size=90, opacity=0.85).properties(
        width=460, height=240, title="From how much of its table is a group solved (3 of 3 seeds)?"
    )


def main(path: Path) -> None:
    empty: dict[str, Any] = {"command": f"python {' '.join(sys.argv)}", "limits": {}, "walks": {}}
    found = json.loads(path.read_text()) if path.exists() else empty
    for group in GROUPS:
        if set(found["limits"].get(group, {})) != {CHOSEN, RANDOM}:
            found["limits"][group] = limits(group)
    for architecture in ARCHITECTURES:
        for group in GROUPS:
            cells = found["walks"].setdefault(group, {}).setdefault(architecture, [])
            while (share := walk(cells, group, architecture)) is not None:
                cells.append(solves(group, architecture, share))
                path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
                print(architecture, group, cells[-1], flush=True)
    picture(found).save(path.with_suffix(".svg"))
    for group in GROUPS:
        per = {who: smallest(cells) for who, cells in found["walks"][group].items()}
        print(group, {**per, **found["limits"][group]})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
