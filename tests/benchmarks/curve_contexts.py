"""A context mixture beside a transformer on King James characters: loss against time and text.

Run from the repository's root:

    python tests/benchmarks/curve_contexts.py gpt --share 1 --seconds 1200
    python tests/benchmarks/curve_contexts.py mixture --share 1
    python tests/benchmarks/curve_contexts.py table

Each run adds one row to docs/results/contexts_curve.json, replacing the row of the same model,
share and budget; `table` prints what stands there. Time is the processor's own (all threads of
`time.process_time`), so that a busy machine doesn't count; measuring is not counted. The
transformer's learning rate falls along a cosine from its peak to a hundredth as the budget is
spent. Both models answer for the same held-out windows of 256 characters that don't overlap, all of
them at the end of a run and 192 of them along a curve; `deep` is the loss of the second half of
each window alone, where every character has at least 128 before it. A `share` of the text is so
many of 1,024 equal pieces, spread evenly. On little text a transformer learns it by heart and gets
worse: `best` is the lowest value of its curve, chosen on the held-out text itself, which flatters
it.
"""

import argparse
import json
import math
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.maths.spread import evenly
from interpretable_arch.registry import build
from training.data import Stream, Task, batch_indices, build_task
from training.optimizers import build_optimizer, clip_by_seed
from training.settings import Optimizer

RESULT = Path("docs/results/contexts_curve.json")
CONTEXT = 256
PIECES = 1024
CURVE_WINDOWS = 192
SPACING = 1.25  # of two measurements along a curve, as a factor of the time spent
FIRST = 4.0


def read_task() -> Task:
    return build_task(
        "text",
        {
            "source": "kjv",
            "level": "character",
            "context": CONTEXT,
            "held_out": 0.1,
            "split": "verse",
        },
    )


def part(task: Task, share: Fraction) -> Tensor:
    """The training text, or evenly spread pieces of it, in order."""
    assert isinstance(task.train, Stream)
    tokens = task.train.tokens
    size = len(tokens) // PIECES
    count = max(1, round(share * PIECES))
    if count == PIECES:
        return tokens
    return tokens[: size * PIECES].view(PIECES, size)[evenly(PIECES, count)].flatten()


@torch.no_grad()
def bits(model: nn.Module, task: Task, windows: int | None = None) -> tuple[float, float]:
    """Held-out bits per character over whole windows, and over the second half of each."""
    held_out = task.held_out
    chosen = evenly(len(held_out), windows or len(held_out))
    total = torch.zeros(CONTEXT, dtype=torch.float64)
    model.eval()
    for piece in chosen.split(32):
        tokens, targets = held_out.take(piece)
        loss = F.cross_entropy(model(tokens).mT, targets, reduction="none")
        total += loss.double().sum(0)
    model.train()
    by_position = total / len(chosen) / math.log(2)
    return float(by_position.mean()), float(by_position[CONTEXT // 2 :].mean())


def train_gpt(task: Task, settings: argparse.Namespace) -> dict[str, Any]:
    torch.manual_seed(settings.seed)
    sizes = {name: getattr(settings, name) for name in ("d_model", "layers", "heads")}
    model = build(
        "transformer", {**sizes, "positions": "rotary", "std": settings.std}, task.dimensions
    )
    recipe = Optimizer("adamw", settings.lr, (0.9, 0.95), weight_decay=0.1)
    optimizer = build_optimizer(recipe, model.parameters(), 0)
    text = part(task, settings.share)
    train = Stream(text, torch.arange(len(text) - CONTEXT), CONTEXT)
    spent, step, curve, due = 0.0, 0, [], FIRST
    while spent < settings.seconds:
        begun = time.process_time()
        rate = _rate(settings, step, spent)
        for group in optimizer.param_groups:
            group["lr"] = rate
        tokens, targets = train.take(batch_indices(len(train), settings.batch, settings.seed, step))
        with torch.autocast("cpu", torch.bfloat16):  # half again as fast, at no loss
            loss = F.cross_entropy(model(tokens).flatten(0, 1).float(), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        clip_by_seed([p.grad[None] for p in model.parameters() if p.grad is not None], 1.0)
        optimizer.step()
        spent, step = spent + time.process_time() - begun, step + 1
        if spent >= due:
            curve.append([round(spent, 1), round(bits(model, task, CURVE_WINDOWS)[0], 4)])
            print(f"{spent:7.0f} s, step {step}: {curve[-1][1]:.4f} bits", flush=True)
            due = spent * SPACING
    whole, deep = bits(model, task)
    curve.append([round(spent, 1), round(bits(model, task, CURVE_WINDOWS)[0], 4)])
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": step,
        "passes": round(step * settings.batch * CONTEXT / len(text), 2),
        "characters": len(text),
        "cpu_seconds": round(spent, 1),
        "bits": round(whole, 4),
        "deep": round(deep, 4),
        "best": min(value for _, value in curve),
        "curve": curve,
    }


def _rate(settings: argparse.Namespace, step: int, spent: float) -> float:
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, spent / settings.seconds)))
    return settings.lr * min(1.0, (step + 1) / 100) * (0.01 + 0.99 * fall)


def fit_mixture(task: Task, settings: argparse.Namespace) -> dict[str, Any]:
    model = build("context_mixture", json.loads(settings.arguments), task.dimensions)
    text = part(task, settings.share)
    begun = time.process_time()
    model.fit_data([(text[None, :-1], text[None, 1:])])  # pyright: ignore[reportCallIssue]
    spent = time.process_time() - begun
    begun = time.process_time()
    whole, deep = bits(model, task)
    scored = len(task.held_out) * CONTEXT / (time.process_time() - begun)
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "characters": len(text),
        "cpu_seconds": round(spent, 1),
        "bits": round(whole, 4),
        "deep": round(deep, 4),
        "scored_per_cpu_second": round(scored),
    }


def keep(row: dict[str, Any], path: Path) -> None:
    """The row among those on file, in place of an older one of the same run."""
    known = json.loads(path.read_text())["rows"] if path.exists() else []
    same = ("model", "share", "seconds")
    rows = [old for old in known if any(old.get(k) != row.get(k) for k in same)]
    rows.append(row)
    rows.sort(key=lambda r: (r["model"], float(Fraction(r["share"])), r.get("seconds", 0)))
    note = (__doc__ or "").partition("\n")[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f"  {json.dumps(r)}" for r in rows)
    path.write_text(f'{{\n "what": {json.dumps(note)},\n "rows": [\n{lines}\n ]\n}}\n')


def table(path: Path) -> None:
    """What stands on file, one line a run."""
    print("| model | share of the text | CPU seconds | bits | second half of windows | best |")
    print("|---|---|---|---|---|---|")
    for r in json.loads(path.read_text())["rows"]:
        cells = [r["model"], r["share"], f"{r['cpu_seconds']:.0f}"]
        cells += [f"{r[name]:.3f}" if name in r else "" for name in ("bits", "deep", "best")]
        print(f"| {' | '.join(cells)} |")


def read_settings(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", choices=["gpt", "mixture", "table"])
    parser.add_argument("--share", type=Fraction, default=Fraction(1), help="of the training text")
    parser.add_argument("--seconds", type=float, default=1200.0, help="of processor time, gpt")
    for name, value in {"d_model": 160, "layers": 4, "heads": 5, "batch": 16, "seed": 0}.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--std", type=float, default=0.04, help="of initial weights, gpt")
    parser.add_argument("--arguments", default="{}", help="of the mixture, as JSON")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULT)
    settings = parser.parse_args(arguments)
    if not 1 / PIECES <= settings.share <= 1:
        parser.error(f"--share: wanted 1/{PIECES} to 1, got {settings.share}")
    if settings.seconds <= 0:
        parser.error(f"--seconds: wanted more than 0, got {settings.seconds}")
    return settings


def main() -> None:
    settings = read_settings()
    if settings.model == "table":
        return table(settings.out)
    torch.set_num_threads(settings.threads)
    task = read_task()
    row: dict[str, Any] = {"model": settings.model, "share": str(settings.share)}
    if settings.model == "gpt":
        chosen = ("d_model", "layers", "heads", "batch", "seed", "lr", "std")
        row |= {"seconds": settings.seconds, **{name: getattr(settings, name) for name in chosen}}
        row |= train_gpt(task, settings)
    else:
        row |= {"arguments": json.loads(settings.arguments), **fit_mixture(task, settings)}
    print({k: v for k, v in row.items() if k != "curve"})
    keep(row, settings.out)


if __name__ == "__main__":
    main()
