"""How many steps LSRDR takes with the natural gradient and with the plain one; prints a table.

The same step rule, starts and tolerance; random complex tuples of two 8 x 8 matrices, and with
`letters` the bigrams of the King James text. Evaluations count the steps that were cut as well.

    python tests/benchmarks/bench_lsrdr.py [letters] [--starts 5] [--json FILE]
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch

from interpretable_arch.maths.processes.nearest_mps import natural, nearest_mps, plain
from interpretable_arch.maths.processes.operator_tuples import (
    OperatorTuple,
    bigram_tuple,
    operator_tuple,
)
from training.data.letters import letters
from training.data.matrix_tuples import matrix_tuples
from training.data_fit import data_batches

MOST = 3000


def problems(with_letters: bool) -> dict[str, tuple[OperatorTuple, int, int]]:
    """Data, tokens and bond by name."""
    found: dict[str, tuple[OperatorTuple, int, int]] = {}
    for seed in range(3):
        operators = matrix_tuples(tuple_seed=seed, rows=2, length=4, held_out=1).operators
        assert operators is not None
        for d in (2, 3, 4):
            found[f"tuple {seed}, d = {d}"] = (operator_tuple(operators), 2, d)
    if with_letters:
        found["letters, d = 3"] = (bigram_tuple(data_batches(letters().train), 27), 27, 3)
    return found


def compare(data: OperatorTuple, vocab: int, d: int, starts: int) -> dict[str, float]:
    """Mean steps, evaluations and seconds of each metric, and how many arrived."""
    row: dict[str, float] = {}
    for metric in (natural, plain):
        before, found = time.perf_counter(), []
        for seed in range(starts):
            generator = torch.Generator().manual_seed(seed)
            start = torch.randn(vocab, d, d, generator=generator, dtype=torch.complex128)
            found.append(nearest_mps(data, start, most=MOST, metric=metric))
        name = metric.__name__
        row[f"{name} steps"] = sum(f.steps for f in found) / starts
        row[f"{name} evaluations"] = sum(f.evaluations for f in found) / starts
        row[f"{name} seconds"] = (time.perf_counter() - before) / starts
        row[f"{name} arrived"] = sum(f.residual <= 1e-9 for f in found)
    row["ratio of steps"] = row["plain steps"] / row["natural steps"]
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("letters", nargs="?", choices=["letters"])
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = {}
    for name, (data, vocab, d) in problems(asked.letters is not None).items():
        rows[name] = compare(data, vocab, d, asked.starts)
        print(name, {k: round(v, 4) for k, v in rows[name].items()}, flush=True)
    if asked.json is not None:
        command = "python " + " ".join(sys.argv)
        asked.json.write_text(json.dumps({"command": command, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
