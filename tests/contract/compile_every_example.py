"""Compiles every registered example whole, forward and backward; prints those that differ.

Run by itself: type checks at run time, which the tests switch on, can't be compiled.
"""

import sys

import torch
from registered_examples import CASES, example, inputs
from torch import nn

from interpretable_arch.layers.written_out import write_out

TOLERANCE = 1e-8


def forward_and_gradients(model: nn.Module, run, x: torch.Tensor) -> list[torch.Tensor]:
    model.zero_grad()
    out = run(x)
    out.square().mean().backward()
    found = [p.grad for p in model.parameters() if p.grad is not None]
    return [out.detach(), *(g.clone() for g in found)]


def largest_gap(name: str, which: str) -> float:
    torch.compiler.reset()
    model = example(name, which).eval()
    write_out(model, True)
    x = inputs(model)
    wanted = forward_and_gradients(model, model, x)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    got = forward_and_gradients(model, compiled, x)
    assert len(got) == len(wanted)
    return max(float((g - w).abs().max()) for g, w in zip(got, wanted, strict=True))


def main() -> int:
    torch.set_default_dtype(torch.float64)
    gaps = {f"{name}-{which}": largest_gap(name, which) for name, which in CASES}
    wrong = {case: gap for case, gap in gaps.items() if not gap <= TOLERANCE}
    print(f"{len(gaps)} compiled, {len(wrong)} differ: {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
