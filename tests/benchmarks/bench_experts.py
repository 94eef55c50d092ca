"""MxD, Monet and PEER beside the dense mlp, and PEER beside lucidrains' PEER-pytorch.

Forward and backward on one thread, milliseconds, the fastest of a few. Run from the repository's
root: python tests/benchmarks/bench_experts.py (with PEER-pytorch installed for the last lines).
"""

import math
import time
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from interpretable_arch.registry import ENTRIES

D_MODEL, TOKENS = 128, 2048
LAYERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("mlp", {}),
    ("mxd", {"experts": 64, "k": 8, "d_mlp": 448}),
    ("monet_horizontal", {"keys": 16, "heads": 4, "k": 4}),
    ("monet_vertical", {"keys": 16, "heads": 4, "k": 4}),
)
GRIDS = (16, 32, 64, 128)


def built(name: str, given: dict[str, Any]) -> nn.Module:
    config, layer = ENTRIES[name].load()
    return layer(config(d_model=D_MODEL, **given))


def milliseconds(layer: nn.Module, repeats: int = 5) -> float:
    """The fastest of a few forward and backward passes."""
    x = torch.randn(1, TOKENS, D_MODEL, requires_grad=True)
    best = math.inf
    for _ in range(repeats):
        start = time.perf_counter()
        layer(x).square().sum().backward()
        best = min(best, time.perf_counter() - start)
    return 1000 * best


def peer(keys: int) -> nn.Module:
    return built("peer", {"keys": keys, "heads": 4, "k": 8, "d_key": 15})


def theirs(keys: int) -> nn.Module:
    """The paper's form: by default it calls one expert a head, with a ReLU as gate."""
    from PEER_pytorch import PEER

    sizes = {"heads": 4, "num_experts": keys**2, "num_experts_per_head": 8, "dim_key": 15}
    return PEER(D_MODEL, **sizes, non_competing_scores=False)


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    for name, given in LAYERS:
        layer = built(name, given)
        size = sum(p.numel() for p in layer.parameters())
        print(f"{name}: {size} parameters, {milliseconds(layer):.0f} ms")
    for keys in GRIDS:
        ours = milliseconds(peer(keys))
        line = f"peer, {keys}^2 experts, 4 heads, top 8: {ours:.0f} ms"
        if find_spec("PEER_pytorch"):
            other = milliseconds(theirs(keys))
            line += f", PEER-pytorch {other:.0f} ms ({other / ours:.1f}x)"
        print(line)


if __name__ == "__main__":
    main()
