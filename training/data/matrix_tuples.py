"""A random tuple of complex matrices as a process: the text is what its own Born machine writes.

    p(x_1 .. x_n) = tr(sigma A_x1 .. A_xn A_xn* .. A_x1*),    sum_w A_w A_w* = 1

`vocab` matrices, `n` by `n`, with independent complex normal entries, carried to the basis where
the sum is 1. The task carries them as operators: the data of "generic" LSRDR, about which nothing
is known but its size.
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Complex
from torch import Tensor

from interpretable_arch.maths.processes.uniform_mps import isometric
from training.data.observable_operators import of_kraus
from training.data.rows import rows_task
from training.data.task import Task


def matrix_tuples(
    vocab: int = 2,
    n: int = 8,
    tuple_seed: int = 0,
    rows: int = 64,
    length: int = 256,
    held_out: int = 16,
) -> Task:
    """Next-token prediction on rows of the tuple's own process, `held_out` of them held out.

    Raises ValueError for sizes below 1, one token of several states, as nothing is left of it
    where the sum is 1 but a rotation, a negative seed, rows of one token, or no row to train on.
    """
    for name, value, least in (("vocab", vocab, 1), ("n", n, 1), ("length", length, 2)):
        if value < least:
            raise ValueError(f"{name}: wants {least} or more, got {value}")
    if vocab == 1 and n > 1:
        raise ValueError(f"vocab: wants 2 or more for n = {n}, got 1")
    if tuple_seed < 0:
        raise ValueError(f"tuple_seed: wants 0 or more, got {tuple_seed}")
    if not 0 < held_out < rows:
        raise ValueError(f"held_out: wants 1 to {rows - 1} of {rows} rows, got {held_out}")
    A = random_tuple(vocab, n, tuple_seed)
    process = of_kraus(A.mH.resolve_conj().numpy()[:, None])
    drawn = process.draw(rows, length, tuple_seed)
    name = f"tuple of {vocab} random {n} x {n} matrices, seed {tuple_seed}"
    labels = tuple(f"token {w}" for w in range(vocab))
    truth = process.loss(drawn[:held_out], 0)
    task = rows_task(name, drawn[held_out:], drawn[:held_out], labels, None, 0, truth)
    return replace(task, operators=torch.view_as_real(A.resolve_conj()).contiguous())


def random_tuple(vocab: int, n: int, seed: int) -> Complex[Tensor, "vocab n n"]:
    """Complex normal entries, in the basis where sum AA* = 1; a function of `seed`."""
    draw = np.random.default_rng(seed)
    parts = draw.standard_normal((vocab, n, n, 2))
    return isometric(torch.view_as_complex(torch.from_numpy(parts)))
