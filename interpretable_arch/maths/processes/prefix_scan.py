"""All prefixes of a matrix product at once: s A_1 ... A_t for every t, in log depth.

    pairs    B_i = A_2i-1 A_2i                          one batched product, half as many matrices
    even t   s A_1 ... A_2i = s B_1 ... B_i             the same problem, at half the length
    odd t    s A_1 ... A_2i+1 = (s B_1 ... B_i) A_2i+1  one batched product

T matrix products and T applications to s in 2 log2 T steps (Blelloch 1990). Where s is a single row
the second part costs a row each. After every product the result is divided by its largest entry and
the logarithm of that is kept, so that neither long products nor small factors overflow.

A loop over t does T applications to s and nothing else. The scan pays where one step of the loop is
too little work to fill the machine, as for small matrices and long texts; where a step reads more
than `LARGE_STEP` entries a processor is full, and the loop is taken. A GPU always scans.
`tests/benchmarks/bench_prefix_scan.py` prints both.
"""

import torch
from jaxtyping import Float
from torch import Tensor

SHORT = 4
LARGE_STEP = 4000  # entries of all matrices of one position


def prefix_products(
    matrices: Float[Tensor, "*batch position d d"],
) -> tuple[Float[Tensor, "*batch position d d"], Float[Tensor, "*batch position"]]:
    """P_t and log c_t with A_1 ... A_t = c_t P_t, the largest entry of P_t being 1 in size."""
    d = matrices.shape[-1]
    eye = torch.eye(d, dtype=matrices.dtype, device=matrices.device)
    return prefix_rows(eye.expand(*matrices.shape[:-3], d, d), matrices)


def prefix_states(
    start: Float[Tensor, "*batch d"], matrices: Float[Tensor, "*batch position d d"]
) -> tuple[Float[Tensor, "*batch position d"], Float[Tensor, "*batch position"]]:
    """r_t and log c_t with start A_1 ... A_t = c_t r_t, the largest entry of r_t of size 1."""
    rows, logs = prefix_rows(start[..., None, :], matrices)
    return rows.squeeze(-2), logs


def prefix_rows(
    start: Float[Tensor, "*batch row d"], matrices: Float[Tensor, "*batch position d d"]
) -> tuple[Float[Tensor, "*batch position row d"], Float[Tensor, "*batch position"]]:
    """R_t and log c_t with start A_1 ... A_t = c_t R_t, for several rows at once.

    The scales c_t are constants to autograd: c_t R_t has the right gradient, and so has whatever
    does not depend on the size of R_t, but neither factor alone. A product that is zero stays so.
    """
    logs, start_log = matrices.new_zeros(matrices.shape[:-2]), matrices.new_zeros(start.shape[:-2])
    step = matrices.numel() // max(1, matrices.shape[-3])
    if matrices.device.type == "cpu" and step > LARGE_STEP:
        return _loop(start, start_log, matrices, logs)
    return _scan(start, start_log, *_scaled(matrices, logs))


def _scan(
    start: Tensor, start_log: Tensor, matrices: Tensor, logs: Tensor
) -> tuple[Tensor, Tensor]:
    length = matrices.shape[-3]
    if length < SHORT:
        return _loop(start, start_log, matrices, logs)
    whole = length - length % 2
    odd, even = matrices[..., 0::2, :, :], matrices[..., 1::2, :, :]
    odd_log, even_log = logs[..., 0::2], logs[..., 1::2]
    n = whole // 2
    pairs = _scaled(odd[..., :n, :, :] @ even, odd_log[..., :n] + even_log)
    after, after_log = _scan(start, start_log, *pairs)
    before = torch.cat([start[..., None, :, :], after], -3)[..., : odd.shape[-3], :, :]
    before_log = torch.cat([start_log[..., None], after_log], -1)[..., : odd.shape[-3]]
    between, between_log = _scaled(before @ odd, before_log + odd_log)
    rows = torch.stack([between[..., :n, :, :], after], -3).flatten(-4, -3)
    rows_log = torch.stack([between_log[..., :n], after_log], -1).flatten(-2)
    if length == whole:
        return rows, rows_log
    last, last_log = between[..., n:, :, :], between_log[..., n:]
    return torch.cat([rows, last], -3), torch.cat([rows_log, last_log], -1)


def _loop(start: Tensor, log: Tensor, matrices: Tensor, logs: Tensor) -> tuple[Tensor, Tensor]:
    rows: list[Tensor] = []
    kept: list[Tensor] = []
    for matrix, more in zip(matrices.unbind(-3), logs.unbind(-1), strict=True):
        start, log = _scaled(start @ matrix, log + more)
        rows.append(start)
        kept.append(log)
    return torch.stack(rows, -3), torch.stack(kept, -1)


def _scaled(matrices: Tensor, logs: Tensor) -> tuple[Tensor, Tensor]:
    """Largest entries made 1 in size, their logarithms added; a matrix of zeros is left alone."""
    largest = matrices.detach().abs().amax((-2, -1))
    largest = torch.where(largest > 0, largest, torch.ones_like(largest))
    return matrices / largest[..., None, None], logs + largest.log()
