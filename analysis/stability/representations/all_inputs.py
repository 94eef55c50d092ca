"""Debiased linear CKA of as many inputs as there are, by the most exact way that ends in seconds.

A million tokens of five seeds don't fit in memory as Grams, nor at times at all: files are mapped,
and what is read of them is let go again.
"""

import math

from jaxtyping import Float
from torch import Tensor

from analysis.stability.representations.given import Representations
from analysis.stability.representations.streamed import WIDEST, MinibatchCKA, StreamedCKA

MOST_WORK = 5e11  # multiplications: some ten seconds on two cores
PIECE = 4096  # inputs held at once
BATCHES = (1024, 512, 256)


def cka_of_all(representations: Representations) -> tuple[Float[Tensor, "seed seed"], str] | None:
    """CKA in [-1, 1] of all pairs on all inputs, and how in words; None where it would take long.

    Exact where the seeds' features are few enough, else by HSIC averaged over the largest batches
    that can be afforded, each of them spread over all inputs. For n inputs and K seeds of P
    features in all that is n (P + K)^2 multiplications, or n m (P + K^2)/2 by batches of m. Raises
    what `StreamedCKA` and `MinibatchCKA` do.
    """
    inputs, seeds = len(representations[0]), len(representations)
    features = sum(each.shape[1] for each in representations)
    if features <= WIDEST and inputs * (features + seeds) ** 2 <= MOST_WORK:
        exact = StreamedCKA()
        for start in range(0, inputs, PIECE):
            exact.update([each[start : start + PIECE] for each in representations])
        return exact.result(), f"all {inputs} inputs, piece by piece"
    for batch in BATCHES:
        if inputs * batch * (features + seeds**2) / 2 <= MOST_WORK:
            by_batch, count = MinibatchCKA(), math.ceil(inputs / batch)
            for start in range(count):
                by_batch.update([each[start::count] for each in representations])
            return by_batch.result(), f"all {inputs} inputs, in batches of {batch}"
    return None
