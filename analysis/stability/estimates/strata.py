"""Intervals for a statistic of several groups of seeds: the jackknife, a seed of a group at a time.

    SE^2 = sum_h (K_h - 1)/K_h sum_i (theta_(-hi) - mean_i theta_(-hi))^2,    theta +- t_v SE
    v = (sum_h s_h)^2 / sum_h s_h^2/(K_h - 1),    s_h the terms of SE^2

Jones (1974) for strata, Satterthwaite (1946) for v. Groups (architectures, a null's models) are
taken as they are and seeds as drawn within them: the interval speaks of new seeds of the same
groups.
"""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from scipy.special import stdtrit
from torch import Tensor

from analysis.stability.estimates.intervals import Interval, undefined

METHOD = "jackknife-t within groups"


def stratified_interval(
    estimate: float,
    left_out: Mapping[str, Float[Tensor, "_"]],
    *,
    level: float = 0.95,
    least_variance: float = 0.0,
) -> Interval:
    """The interval from the statistic with each seed of each group left out in turn.

    `least_variance` is a lower bound of the variance known from elsewhere. Undefined where a group
    has one seed, or a value is not finite. One group gives the ordinary jackknife-t interval.
    Raises ValueError for no groups and a level outside (0, 1).
    """
    if not left_out:
        raise ValueError("left_out: wanted at least one group, got none")
    if not 0 < level < 1:
        raise ValueError(f"level: wanted a number between 0 and 1, got {level}")
    alone = [name for name, values in left_out.items() if len(values) < 2]
    if alone:
        return undefined(estimate, f"one seed of {', '.join(alone)}", level)
    finite = all(bool(values.isfinite().all()) for values in left_out.values())
    if not (finite and math.isfinite(estimate)):
        return undefined(estimate, "no value with a seed left out", level)
    sizes = torch.tensor([len(values) for values in left_out.values()], dtype=torch.float64)
    spreads = [values.double().var(correction=0) * len(values) for values in left_out.values()]
    terms = (sizes - 1) / sizes * torch.stack(spreads)
    total = float(terms.sum())
    freedom = float((sizes - 1).sum())
    if total > 0:
        freedom = total**2 / float((terms.square() / (sizes - 1)).sum())
    reach = float(stdtrit(freedom, (1 + level) / 2)) * math.sqrt(max(total, least_variance))
    return Interval(float(estimate), estimate - reach, estimate + reach, level, METHOD)
