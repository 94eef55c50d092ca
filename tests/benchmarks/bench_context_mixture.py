"""The context mixture on King James characters: time to fit, memory, and characters a second.

    python tests/benchmarks/bench_context_mixture.py [--order 12] [--threads 2] [--starts 1]

Prints one JSON object. Seconds are given by the clock and by the processor (all threads), which a
busy machine does not stretch; `in sorts` is the processor's time in units of sorting the training
text's length of random numbers once on one thread, which another machine would need too. Scoring
gives the whole distribution after every held-out character, in windows of 512. With several starts,
what is kept aside is prepared once and alpha fitted from each random start: `spread` is the
largest difference of any weight from the first start's.
"""

import argparse
import json
import math
import resource
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from interpretable_arch.maths.contexts.gated_logits import fit_gates
from interpretable_arch.models.context_mixture import (
    LEVEL,
    ContextMixture,
    ContextMixtureConfig,
    longest_alone,
)
from training.data import build_task
from training.data.task import Split, Stream, Task
from training.data_fit import data_batches

TASK = {"source": "kjv", "level": "character", "context": 512, "held_out": 0.1, "split": "verse"}


def timed(run: Callable[[], Any]) -> tuple[Any, float, float]:
    """What it returns, seconds by the clock, seconds by the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    result = run()
    return result, time.perf_counter() - clock, time.process_time() - processor


def one_sort(length: int) -> float:
    numbers = torch.randint(2**40, (length,), generator=torch.Generator().manual_seed(0))
    return min(timed(lambda: torch.sort(numbers))[2] for _ in range(3))


@torch.no_grad()
def score(model: ContextMixture, text: Split | Stream) -> tuple[float, int]:
    """Nats and characters of all held-out windows, which don't overlap."""
    nats, places = 0.0, 0
    for indices in torch.arange(len(text)).split(16):
        tokens, after = text.take(indices)
        logits = model(tokens).flatten(0, 1)
        nats += float(F.cross_entropy(logits, after.flatten(), reduction="sum"))
        places += after.numel()
    return nats, places


def from_starts(config: ContextMixtureConfig, task: Task, starts: int) -> dict[str, float]:
    """The weights that random starts end at, all on the same text kept aside."""
    tokens, after = data_batches(task.train)[0]
    model = ContextMixture(config)
    with torch.no_grad():
        pieces = model.kept_aside([torch.cat([tokens[0, :1], after[0]])])
    found = []
    for seed in range(starts):
        torch.manual_seed(seed)
        start = ContextMixture(config).weights().detach()
        prior = longest_alone(model.speaks)
        found.append(fit_gates(lambda: pieces, start, prior, config.l2, config.steps, LEVEL))
    alpha = torch.stack([f.alpha for f in found])
    return {
        "starts": starts,
        "spread": float((alpha - alpha[0]).abs().max()),
        "largest gradient norm": max(f.gradient_norm for f in found),
        "least curvature": min(f.least_curvature for f in found),
        "most steps": max(f.steps for f in found),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--order", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--starts", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    task = build_task("text", TASK)
    torch.manual_seed(0)
    config = ContextMixtureConfig(vocab=task.outputs, order=asked.order)
    model = ContextMixture(config)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _, clock, processor = timed(lambda: model.fit_data(data_batches(task.train)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (nats, places), score_clock, score_processor = timed(lambda: score(model, task.held_out))
    shown: dict[str, Any] = {
        "order": asked.order,
        "threads": asked.threads,
        "weights": model.alpha.numel(),
        "bits per character": nats / places / math.log(2),
        "fit, seconds": clock,
        "fit, processor seconds": processor,
        "fit, in sorts": processor / one_sort(sum(t.numel() for t, _ in data_batches(task.train))),
        "peak memory, GB": peak / 1e6,
        "of which before the fit": before / 1e6,
        "characters a second": places / score_clock,
        "characters a processor second": places / score_processor,
        "saved, MB": sum(v.numel() * v.element_size() for v in model.state_dict().values()) / 1e6,
        "holds": model.certificate().holds,
    }
    if asked.starts > 1:
        shown |= from_starts(config, task, asked.starts)
    print(json.dumps(shown, indent=1))


if __name__ == "__main__":
    main()
