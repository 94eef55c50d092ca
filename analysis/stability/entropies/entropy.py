"""How many different solutions: estimators of diversity from the class counts c of K seeds, nats.

    collision   sum c(c-1) / (K(K-1))     unbiased for sum p^2 whenever K >= 2
    coverage    1 - f1/K                  Good-Turing: how probable what was met is
    plug-in     -sum (c/K) log(c/K)       biased down, at most log K
    Miller-Madow (1955)                   plug-in + (classes seen - 1)/(2K)
    Chao-Shen (2003)                      coverage-adjusted, Horvitz-Thompson weighted
    Chao-Wang-Jost (2013)                 the accumulation curve extrapolated by f1 and f2

f1, f2: classes seen once, twice. Good 1953; Miller 1955; Chao and Shen 2003
(10.1023/A:1026096204727); Chao, Wang, Jost 2013 (10.1111/2041-210X.12108). Below coverage .5 no
Shannon estimate means anything: `solutions` gives a bound there.
"""

import math

import torch
from jaxtyping import Int
from scipy.special import hyp2f1
from torch import Tensor

Counts = Int[Tensor, "class"]


def collision(counts: Counts) -> float:
    """Probability that two seeds share a class, in [0, 1]; NaN for one seed, which has no pair."""
    c, K = _checked(counts)
    return float((c * (c - 1)).sum()) / (K * (K - 1)) if K > 1 else math.nan


def coverage(counts: Counts) -> float:
    """Estimated probability that a new seed falls in a class already seen; 0 for one seed."""
    c, K = _checked(counts)
    return 1 - int((c == 1).sum()) / K


def plug_in(counts: Counts) -> float:
    """Entropy of the observed shares, nats, in [0, log K]; too low by about (classes-1)/(2K)."""
    c, K = _checked(counts)
    return float(torch.special.entr(c / K).sum())


def miller_madow(counts: Counts) -> float:
    """Plug-in entropy with the first-order bias of the classes *seen* added, nats."""
    c, K = _checked(counts)
    return plug_in(counts) + (len(c) - 1) / (2 * K)


def chao_shen(counts: Counts) -> float:
    """Coverage-adjusted Shannon entropy, nats; NaN where every class was seen once (coverage 0)."""
    c, K = _checked(counts)
    p = coverage(counts) * c / K
    if float(p.max()) == 0:
        return math.nan
    return float((torch.special.entr(p) / -torch.expm1(K * torch.log1p(-p))).sum())


def chao_wang_jost(counts: Counts) -> float:
    """Shannon entropy by extrapolating the species accumulation curve, nats; nearly unbiased."""
    c, K = _checked(counts)
    surprise = torch.special.digamma(c.sum()) - torch.special.digamma(c)
    return float((c / K * surprise).sum()) + _unseen(int((c == 1).sum()), int((c == 2).sum()), K)


def _unseen(f1: int, f2: int, K: int) -> float:
    """The term of the classes not met, f1/K q^(1-K) {-log(1-q) - sum_{r<K} q^r/r}.

    The braces are the tail sum_{r>=K} q^r/r, which a subtraction would lose to rounding.
    """
    if f1 == 0 or K == 1:
        return 0.0
    seen = (K - 1) * f1 + 2 * f2 if f2 else (K - 1) * (f1 - 1) + 2
    q = 1 - 2 * max(f2, 1) / seen
    return f1 / K * q / K * float(hyp2f1(1, K, K + 1, q))


def _checked(counts: Counts) -> tuple[Tensor, int]:
    if counts.ndim != 1 or not len(counts) or int(counts.min()) < 1:
        raise ValueError(
            f"counts: wanted at least one class, each with a seed, got {counts.tolist()}"
        )
    return counts.double(), int(counts.sum())
