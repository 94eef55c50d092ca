"""Is it one optimum? Quantum channels at the whole likelihood's optimum, from many random starts.

    python tests/benchmarks/channel_optima.py [--kind quantum] [--d 3] [--starts 20] [--file x.json]

Rows of a planted process (training/data/hidden_process.py). For each start: the loss in nats a
symbol, the largest entry of its gradient, and, against the best start, the distance of the
processes (maths/processes/distance.py), of the operators after alignment and of the canonical
forms, both relative.
"""

import argparse
import json
import sys
import time

import torch

from interpretable_arch.maths.processes.distance import process_distance
from interpretable_arch.models.quantum_channel_likelihood import (
    QuantumChannelLikelihood,
    QuantumChannelLikelihoodConfig,
)
from training.data.hidden_process import hidden_process
from training.data.rows import Rows

SIZES = {"states": 2, "symbols": 4, "d": 2, "kraus": 1, "starts": 20, "rows": 20, "length": 1000}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", default="two_states_four_symbols")
    parser.add_argument("--file")
    for name, value in {**SIZES, "steps": 500}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser.parse_args()


def main() -> None:
    a = arguments()
    task = hidden_process(
        a.kind, a.states, a.symbols, rows=a.rows, held_out_rows=1, length=a.length, burn_in=1
    )
    assert isinstance(task.train, Rows)
    batches = ((task.train.inputs, task.train.targets),)
    config = QuantumChannelLikelihoodConfig(task.outputs, a.d, a.kraus, a.steps)
    found = []
    for seed in range(a.starts):
        begun = time.perf_counter()
        torch.manual_seed(seed)
        model = QuantumChannelLikelihood(config).double()
        model.fit_data(batches)
        with torch.no_grad():
            log = model(batches[0][0]).gather(-1, batches[0][1][..., None])
        found.append((-float(log.mean()), model))
        size, seconds = float(model.gradient), time.perf_counter() - begun
        print(f"start {seed}: {found[-1][0]:.9f}, gradient {size:.1e}, {seconds:.1f} s", flush=True)
    best = min(found, key=lambda row: row[0])[1]
    symmetry, wanted = best.symmetry(), {"K": best.K.detach()}
    canonical = symmetry.canonical(wanted)["K"]
    rows = []
    for loss, model in found:
        values = {"K": model.K.detach()}
        off = symmetry.canonical(values)["K"] - canonical
        process = process_distance(best.automaton(), model.automaton())
        aligned, apart = symmetry.distance(values, wanted), float(off.norm() / canonical.norm())
        rows.append((loss, float(model.gradient), process, aligned, apart))
    print("loss, gradient; from the best start: process, operators aligned, canonical forms")
    for row in sorted(rows):
        print("  {:.9f}  {:.1e}  {:.1e}  {:.1e}  {:.1e}".format(*row))
    if a.file:
        command = " ".join(["python", "tests/benchmarks/channel_optima.py", *sys.argv[1:]])
        columns = ("loss", "gradient", "process", "aligned", "canonical")
        with open(a.file, "w", encoding="utf-8") as out:
            json.dump({"command": command, "columns": columns, "rows": sorted(rows)}, out, indent=1)


if __name__ == "__main__":
    main()
