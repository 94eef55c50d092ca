"""What one factor can do for two models, the other factors held: a few elements worth trying.

permutation          the best assignment of all rows that it moves (Ainsworth et al. 2023,
                     arXiv:2209.04836, "weight matching")
orthogonal           Procrustes on all that it turns (Schoenemann 1966)
translation, mass    least squares
sign                 the better of the two, unit by unit
general linear       Gauss-Newton on both sides (`linear`)
positive scales      one number a unit, looked for by itself (`scaling`)
other scales, bases  L-BFGS (`coordinates`)
conjugation          the overlap's gradient, made unitary (`coordinates`)

and the declared fit of every factor, which is exact for copies of one model but for models trained
apart may lead further off. Each of the first four is the optimum where no tensor is moved by the
factor on two of its axes.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from interpretable_arch.alignment.coordinates import (
    UNITARY,
    declared,
    fit_open,
    fit_signs,
    fit_unitary,
)
from interpretable_arch.alignment.linear import fit_linear
from interpretable_arch.alignment.scaling import fit_scale
from interpretable_arch.symmetries.conjugation import OrthogonalConjugation, UnitaryConjugation
from interpretable_arch.symmetries.general_linear import NonZero
from interpretable_arch.symmetries.groups import (
    ComplexScale,
    GeneralLinear,
    Orthogonal,
    Pairs,
    Permutation,
    Scale,
    Sign,
    Translation,
)
from interpretable_arch.symmetries.products import FactorScales
from interpretable_arch.symmetry import Factor, Parameters

OPEN = (Scale, ComplexScale, FactorScales, NonZero, GeneralLinear)


def candidates(factor: Factor, parameters: Parameters, reference: Parameters) -> Iterator[Tensor]:
    """Elements of the factor's group that may bring `parameters` nearer to `reference`.

    None of them need do so. The declared fit comes last, and not at all where another is known to
    be the optimum.
    """
    if isinstance(factor.group, Sign):
        yield fit_signs(factor, parameters, reference)
    elif type(factor.group) in (Permutation, Orthogonal, Translation) and _once(factor):
        yield factor.group.fit(_pairs(factor, parameters, reference))
        return
    elif type(factor.group) is GeneralLinear and _once(factor):
        yield fit_linear(factor.group, _pairs(factor, parameters, reference))
        return
    elif type(factor.group) is Scale and _once(factor):
        yield fit_scale(_pairs(factor, parameters, reference))
        return
    fitted = declared(factor, parameters, reference)
    if isinstance(factor.group, OPEN):
        starts = (_neutral(factor, fitted), *_signed(factor, parameters, reference), fitted)
        yield from (fit_open(factor, parameters, reference, g) for g in starts)
    if isinstance(factor.group, UNITARY):
        starts = (_neutral(factor, fitted), fitted)
        yield from (fit_unitary(factor, parameters, reference, g) for g in starts)
    yield fitted


def _once(factor: Factor) -> bool:
    """Whether each tensor is moved along one axis alone, by the group as it stands."""
    if type(factor) is not Factor:
        return False
    names = [a.parameter for a in factor.actions]
    return len(set(names)) == len(names)


def _pairs(factor: Factor, parameters: Parameters, reference: Parameters) -> Pairs:
    """All that the factor moves, joined side by side: one pair for each side."""
    sides = sorted({a.side for a in factor.actions}, reverse=True)
    if isinstance(factor.group, Permutation | Orthogonal):
        chosen = [("direct", factor.actions)]  # both sides move alike
    else:
        chosen = [(s, tuple(a for a in factor.actions if a.side == s)) for s in sides]
    return [
        (
            torch.cat([a.view(parameters[a.parameter]) for a in actions], -1),
            torch.cat([a.view(reference[a.parameter]) for a in actions], -1),
            "dual" if side == "dual" else "direct",
        )
        for side, actions in chosen
    ]


def _neutral(factor: Factor, like: Tensor) -> Tensor:
    """The element that moves nothing, in the form of `like`."""
    if isinstance(factor.group, GeneralLinear | OrthogonalConjugation | UnitaryConjugation):
        return torch.eye(like.shape[-1], dtype=like.dtype).expand_as(like).contiguous()
    return torch.ones_like(like)


def _signed(factor: Factor, parameters: Parameters, reference: Parameters) -> Iterator[Tensor]:
    """For scales of either sign: the best pattern of signs of each copy, as a start."""
    if not isinstance(factor.group, FactorScales):
        return
    count = factor.group.factors
    patterns = torch.cartesian_prod(*[torch.tensor([1.0, -1.0])] * count).reshape(-1, count)
    names = dict.fromkeys(a.parameter for a in factor.actions)
    kind = parameters[next(iter(names))].dtype
    costs = []
    for pattern in patterns.to(kind):
        g = pattern.expand(factor.copies, -1)
        moved = factor.act(g, parameters)
        costs.append(_by_copy(factor, moved, reference))
    yield patterns.to(kind)[torch.stack(costs).argmin(0)]


def _by_copy(factor: Factor, moved: Parameters, reference: Parameters) -> Tensor:
    apart = [a.view(moved[a.parameter]) - a.view(reference[a.parameter]) for a in factor.actions]
    return torch.stack([v.double().square().sum((-2, -1)) for v in apart]).sum(0)
