"""Which geometry do noisy distances have? 30 planted trees, 30 cycles, 30 Euclidean grids.

    python tests/benchmarks/name_geometry.py [--json FILE] [--seed 200] [--each 30] [--noise 0.02]

Every distance is multiplied by 1 + noise z, z normal, the same both ways. Half of the trees are
balanced (branching 2 to 4), half random recursive ones of 15 to 59 nodes; rings have 8 to 40
points, grids 3 to 8 rows and columns. A tree should be named hyperbolic, a ring spherical, a grid
flat. Thresholds and starts of `naming` were set on draws of seeds 7 and 100.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from interpretable_arch.maths.geometry.naming import FLAT_BELOW, MARGIN, Named, name_geometry
from training.data.distances import noisy
from training.data.metric_spaces import cycle, grid, tree

Drawn = tuple[str, torch.Tensor]


def planted_tree(draw: np.random.Generator) -> Drawn:
    if draw.random() < 0.5:
        branching = int(draw.integers(2, 5))
        depth = int(draw.integers(*{2: (3, 6), 3: (2, 4), 4: (2, 4)}[branching]))
        return f"balanced {branching}^{depth}", tree(branching, depth).distances
    count = int(draw.integers(15, 60))
    table = torch.zeros(count, count, dtype=torch.float64)
    for i in range(1, count):  # a node's way to all others goes over its parent
        parent = int(draw.integers(i))
        table[i, :i] = table[:i, i] = table[parent, :i] + 1
    return f"random, {count} nodes", table


def planted_cycle(draw: np.random.Generator) -> Drawn:
    size = int(draw.integers(8, 41))
    return f"ring of {size}", cycle(size).distances


def planted_grid(draw: np.random.Generator) -> Drawn:
    rows, columns = (int(n) for n in draw.integers(3, 9, size=2))
    return f"grid {rows} x {columns}", grid(rows, columns, "euclidean").distances


KINDS: dict[str, tuple[str, Callable[[np.random.Generator], Drawn]]] = {
    "tree": ("hyperbolic", planted_tree),
    "cycle": ("spherical", planted_cycle),
    "grid": ("flat", planted_grid),
}


def row(kind: str, what: str, found: Named) -> dict[str, object]:
    by_geometry = {t.spaces[0].geometry: t for t in found.tried}
    errors = {g: round(t.rms, 4) for g, t in by_geometry.items()}
    bends = {g: round(t.bend[0], 2) for g, t in by_geometry.items() if g != "flat"}
    return {"kind": kind, "what": what, "named": found.geometry, "rms": errors, "bend": bends}


def main() -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("--json")
    asked.add_argument("--seed", type=int, default=200)
    asked.add_argument("--each", type=int, default=30)
    asked.add_argument("--noise", type=float, default=0.02)
    given = asked.parse_args()
    rows, right, began = [], dict.fromkeys(KINDS, 0), time.perf_counter()
    for kind, (wanted, draw) in KINDS.items():
        for n in range(given.each):
            what, table = draw(np.random.default_rng((given.seed, n)))
            found = row(kind, what, name_geometry(noisy(table, given.noise, given.seed + n)))
            right[kind] += found["named"] == wanted
            rows.append(found)
            mark = "" if found["named"] == wanted else "  WRONG"
            print(*(str(v) for v in found.values()), sep="; ", end=f"{mark}\n", flush=True)
    whole = sum(right.values()) / (len(KINDS) * given.each)
    seconds = round(time.perf_counter() - began, 1)
    print(f"right: {right} of {given.each} each, {whole:.1%}; {seconds} s")
    if given.json:
        summary = {
            "command": "python " + " ".join(sys.argv),
            "flat below kappa diameter^2": FLAT_BELOW,
            "margin": MARGIN,
            "each": given.each,
            "right": right,
            "share": whole,
            "seconds": seconds,
            "rows": rows,
        }
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(summary, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
