"""The spectral automaton on the letters of the King James text, beside unigram and bigram.

Run from the repository's root, writes docs/results/automaton_letters.json:

    python tests/benchmarks/automaton_letters.py

Nine tenths of the verses are read, the others scored in 1,024 windows of 64 characters that do not
overlap; each model starts every window anew. The number of states, of classes and the floor are
chosen on the training text. Time is the processor's own.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from interpretable_arch.maths.contexts.text_rows import rows_of
from interpretable_arch.models.spectral_automaton import (
    SpectralAutomaton,
    SpectralAutomatonConfig,
)
from training.data import Task, build_task
from training.data_fit import data_batches
from training.evaluation import evaluate

RESULT = Path("docs/results/automaton_letters.json")
WINDOWS = 1024
SIZES = ((256, 48), (1024, 64))  # most classes, most states
UNSEEN = 0.05  # added to every count of the bigram


def bits(task: Task, outputs: Callable[[Tensor], Tensor]) -> float:
    """Held-out bits per character."""

    def measure(inputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs(inputs).flatten(0, -2), targets.flatten())[None]

    with torch.no_grad():
        return float(evaluate(measure, task.held_out, WINDOWS, 128)) / math.log(2)


def baselines(task: Task, text: Tensor) -> list[dict[str, Any]]:
    size = task.outputs
    single = (text.bincount(minlength=size) + UNSEEN).double()
    pairs = (text[:-1] * size + text[1:]).bincount(minlength=size**2).reshape(size, size) + UNSEEN
    single, pairs = single / single.sum(), (pairs / pairs.sum(1, keepdim=True)).double()
    return [
        {"model": "unigram", "bits": bits(task, lambda x: single.log().expand(*x.shape, size))},
        {"model": "bigram", "bits": bits(task, lambda x: pairs.log()[x])},
    ]


def automaton(task: Task, classes: int, states: int) -> dict[str, Any]:
    config = SpectralAutomatonConfig(task.outputs, classes=classes, most_states=states)
    model = SpectralAutomaton(config).double()
    begun = time.process_time()
    model.fit_data(data_batches(task.train))
    spent = time.process_time() - begun
    with torch.no_grad():
        negative = float((model.raw_odds(task.probe.inputs) < 0).double().mean())
    tried = [
        dict(zip(("classes", "states", "floor", "nats"), t, strict=True))
        for t in model.tried.tolist()
    ]
    return {
        "model": f"automaton, up to {classes} classes and {states} states",
        "bits": bits(task, model),
        "states": model.states,
        "floor": float(model.floor),
        "share of negative odds": negative,
        "correlations above the noise": float(model.noise[1]),
        "cpu_seconds": spent,
        "tried": tried,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=RESULT)
    settings = parser.parse_args(arguments)
    torch.set_num_threads(1)
    task = build_task("text", {"source": "kjv", "level": "character", "context": 64})
    rows = baselines(task, torch.cat(rows_of(data_batches(task.train))))
    for row in rows:
        print(row, flush=True)
    for classes, states in SIZES:
        rows.append(automaton(task, classes, states))
        print(rows[-1], flush=True)
    command = "python tests/benchmarks/automaton_letters.py"
    settings.out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"command": command, "windows": WINDOWS, "rows": rows}, indent=1)
    settings.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
