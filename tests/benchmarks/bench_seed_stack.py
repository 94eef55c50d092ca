"""Speed of a stack of seeds against a loop of Lightning fits: tokens per second of training.

    python tests/benchmarks/bench_seed_stack.py [--compile]

A pre-norm transformer (2 layers, 4 heads) reads King James characters, batch 8, 32 positions.
At d_model 32 the stack of 32 seeds is compared with single fits; at d_model 128 the automatic
choice of the block size is. Each figure is the best of three, taken in turns.
"""

import argparse
import os
import tempfile

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as the command line does

import torch

from training.experiment import Experiment
from training.fit import fit

SEEDS, BATCH, CONTEXT, ROUNDS = 32, 8, 32, 3


def tokens_per_second(
    d_model: int, seeds: int, block: int | str, steps: int, compiled: bool
) -> float:
    mapping = {
        "name": "benchmark",
        "model": {"class_path": "transformer", "init_args": {"d_model": d_model, "layers": 2}},
        "task": {"class_path": "text", "init_args": {"context": CONTEXT}},
        "optimizer": {"clip": 1.0, "weight_decay": 0.1, "warmup_steps": 10, "schedule": "cosine"},
        "trainer": {
            "max_steps": steps,
            "batch_size": BATCH,
            "block": block,
            "evaluate_every": steps,
            "evaluate_windows": BATCH,
            "compile": compiled,
        },
        "seeds": seeds,
    }
    with tempfile.TemporaryDirectory() as root:
        runs = fit(Experiment.from_mapping(mapping), root, progress=False)
    return seeds * steps * BATCH * CONTEXT / sum(run.seconds for run in runs)


def compare(d_model: int, block: int | str, single: dict, stacked: dict, compiled: bool) -> None:
    rates = [
        (
            tokens_per_second(d_model, **single, block=1, compiled=compiled),
            tokens_per_second(d_model, **stacked, block=block, compiled=compiled),
        )
        for _ in range(ROUNDS)
    ]
    alone, together = (max(column) for column in zip(*rates, strict=True))
    print(
        f"d_model {d_model}: one at a time {alone:,.0f} tokens/s, block {block} "
        f"{together:,.0f} tokens/s, ratio {together / alone:.2f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compile", action="store_true", help="torch.compile both sides")
    compiled = parser.parse_args().compile
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, compile {compiled}")
    long = 400 if compiled else 100  # compilation is part of a training, and of the figure
    compare(32, SEEDS, {"seeds": 2, "steps": 4 * long}, {"seeds": SEEDS, "steps": long}, compiled)
    compare(128, "auto", {"seeds": 2, "steps": long}, {"seeds": SEEDS, "steps": long}, compiled)


if __name__ == "__main__":
    main()
