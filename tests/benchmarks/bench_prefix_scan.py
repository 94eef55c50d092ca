"""The prefix scan against the loop over positions: milliseconds and their ratio, on one thread.

    python tests/benchmarks/bench_prefix_scan.py

Superoperators of a quantum channel of dimension d are d^2 x d^2. Each figure is the best of several
rounds, scan and loop taken in turns; both divide by the largest entry at every step. "loop" in the
last column: a step is large there, and `prefix_states` takes the loop itself.
"""

import time
from collections.abc import Callable

import torch

from interpretable_arch.maths.processes.prefix_scan import LARGE_STEP, prefix_states

ROUNDS = 5


def loop(start: torch.Tensor, matrices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The obvious way: one step a position."""
    rows, logs = [], []
    state, log = start, start.new_zeros(start.shape[:-1])
    for matrix in matrices.unbind(-3):
        state = (state[..., None, :] @ matrix).squeeze(-2)
        scale = state.detach().abs().amax(-1)
        state, log = state / scale[..., None], log + scale.log()
        rows.append(state)
        logs.append(log)
    return torch.stack(rows, -2), torch.stack(logs, -1)


def milliseconds(run: Callable, batch: int, length: int, d: int, backward: bool) -> float:
    generator = torch.Generator().manual_seed(0)
    matrices = torch.rand(batch, length, d, d, generator=generator).requires_grad_(backward)
    start = torch.ones(batch, d)
    begun = time.perf_counter()
    states, logs = run(start, matrices)
    if backward:
        (states.sum() + logs.sum()).backward()
    return 1e3 * (time.perf_counter() - begun)


def main() -> None:
    torch.set_num_threads(1)
    print("d^2  batch  length  pass      loop ms   scan ms   ratio")
    for d in (4, 9, 16):
        for batch in (1, 16, 64):
            for length in (256, 1024):
                for backward in (False, True):
                    best = [1e9, 1e9]
                    for _ in range(ROUNDS):
                        for i, run in enumerate((loop, prefix_states)):
                            took = milliseconds(run, batch, length, d, backward)
                            best[i] = min(best[i], took)
                    name = "both" if backward else "forward"
                    taken = "  loop" if batch * d * d > LARGE_STEP else ""
                    print(
                        f"{d:3d}  {batch:5d}  {length:6d}  {name:8s}"
                        f"{best[0]:9.2f} {best[1]:9.2f} {best[0] / best[1]:7.1f}{taken}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
