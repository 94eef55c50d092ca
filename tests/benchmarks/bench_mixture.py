"""Sparse mixture against a dense MLP of equal active FLOPs, and the mixtures of two libraries.

4,096 tokens, d 256, 16 experts, top 2, forward and backward, all in turn in each round; the ratio
is the median over rounds of the time of the other by ours, so that it is our rate by theirs. Every
expert is 512 wide (4d / 2). Mixtral's has a third matrix: it is run at that width and at one where
FLOPs are equal within 2%. Lucidrains' takes tokens in groups and gives each expert a capacity in
each; its default has room for 1.25 of the 2 experts of a token and drops the rest, so it is also
run with room for 2 and for 4 (second choices are never dropped at random; what it serves is said).

Run from the repository's root, with the peers in a folder of their own:
    pip install --no-deps --target PEERS mixture-of-experts transformers einops regex
    PYTHONPATH=PEERS python tests/benchmarks/bench_mixture.py [threads ...]
"""

import statistics
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module

import torch
from torch import Tensor, nn

from interpretable_arch.layers.mixture import Mixture, MixtureConfig
from interpretable_arch.layers.mlp import MLP, MLPConfig

TOKENS, D, EXPERTS, K, WIDTH = 4096, 256, 16, 2, 512
EQUAL = 2 * WIDTH // 24 * 8  # two thirds, down to what the grouped kernel takes
ROUNDS = 9

Pass = Callable[[Tensor], Tensor]


def ours() -> nn.Module:
    return Mixture(MixtureConfig(D, EXPERTS, K, WIDTH))


def dense() -> nn.Module:
    return MLP(MLPConfig(D, K * WIDTH))


def lucidrains(groups: int, capacity: float) -> Pass:
    peer = import_module("mixture_of_experts")
    layer = peer.MoE(
        D,
        EXPERTS,
        WIDTH,
        activation=nn.GELU,
        second_policy_train="all",
        capacity_factor_train=capacity,
    )
    kept = layer.gate(torch.randn(groups, TOKENS // groups, D))[0].sum() / (TOKENS * K)
    print(f"  lucidrains, {groups} groups, room for {capacity}: serves {float(kept):.0%} of calls")

    def run(x: Tensor) -> Tensor:
        out, loss = layer(x.view(groups, -1, D))
        return out + loss

    return run


def mixtral(implementation: str, width: int) -> Pass:
    peer = import_module("transformers.models.mixtral.modeling_mixtral")
    config = import_module("transformers").MixtralConfig(
        hidden_size=D, intermediate_size=width, num_local_experts=EXPERTS, num_experts_per_tok=K
    )
    config._experts_implementation = implementation
    block = peer.MixtralSparseMoeBlock(config)
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.02)
    return lambda x: block(x[None])


RIVALS: dict[str, Callable[[], Pass]] = {
    "dense MLP": dense,
    "lucidrains, 8 groups, room for 1.25": lambda: lucidrains(8, 1.25),
    "lucidrains, 4 groups, room for 1.25": lambda: lucidrains(4, 1.25),
    "lucidrains, 1 group, room for 1.25": lambda: lucidrains(1, 1.25),
    "lucidrains, 8 groups, room for 2": lambda: lucidrains(8, 2.0),
    "lucidrains, 8 groups, room for 4": lambda: lucidrains(8, 4.0),
    "lucidrains, 4 groups, room for 2": lambda: lucidrains(4, 2.0),
    "Mixtral eager": lambda: mixtral("eager", WIDTH),
    "Mixtral eager, equal FLOPs": lambda: mixtral("eager", EQUAL),
    "Mixtral grouped": lambda: mixtral("grouped_mm", WIDTH),
    "Mixtral grouped, equal FLOPs": lambda: mixtral("grouped_mm", EQUAL),
}


def built() -> dict[str, Pass]:
    """Ours first, then every rival that is installed and runs; the others are named."""
    runs: dict[str, Pass] = {"ours": ours()}
    for name, build in RIVALS.items():
        torch.manual_seed(0)
        try:
            run = build()
            seconds(run, torch.randn(TOKENS, D))
        except (ImportError, RuntimeError) as error:
            print(f"{name}: skipped ({error}); see this file's head for what to install")
            continue
        runs[name] = run
    return runs


def seconds(run: Pass, x: Tensor) -> float:
    """One forward and backward, down to the input as inside a model."""
    x = x.clone().requires_grad_()
    start = time.perf_counter()
    run(x).sum().backward()
    return time.perf_counter() - start


def measure(threads: int) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    runs, x = built(), torch.randn(TOKENS, D)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            times[name].append(seconds(run, x))
    mine = times.pop("ours")
    print(f"{threads} thread(s): ours {1e3 * statistics.median(mine):.0f} ms")
    for name, theirs in times.items():
        ratios = sorted(t / m for t, m in zip(theirs, mine, strict=True))
        low, middle, high = ratios[1], statistics.median(ratios), ratios[-2]
        took = 1e3 * statistics.median(theirs)
        print(f"  {name}: {took:.0f} ms, our rate {middle:.2f} of theirs ({low:.2f} to {high:.2f})")


def main() -> None:
    warnings.simplefilter("ignore")
    for threads in [int(a) for a in sys.argv[1:]] or [1, 2]:
        measure(threads)


if __name__ == "__main__":
    main()
