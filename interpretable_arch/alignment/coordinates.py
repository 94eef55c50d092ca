"""A factor's element by descent in its own coordinates, where no closed form is known.

open       scales, complex scales, other open sets of numbers: L-BFGS on ||act(g) - theta'||^2
unitary    changes of basis on both sides, U A U*: the gradient of Re <act(U) theta, theta'> has a
           closest unitary matrix, and that is the next U (a Frank-Wolfe step over unitary matrices)
signs      each unit's sign alone changes that unit's rows alone, so all are chosen at once

Local optima; who asks keeps the move only where the distance falls.
"""

import numpy as np
import torch
from torch import Tensor

from interpretable_arch.symmetries.conjugation import (
    OrthogonalConjugation,
    UnitaryConjugation,
    intertwiner,
)
from interpretable_arch.symmetries.groups import Scale, polar
from interpretable_arch.symmetry import Factor, Parameters

ROUNDS, ITERATIONS = 30, 60
POWERS = 60  # steps to an intertwiner: of copies a few do, of others none converge
UNITARY = (OrthogonalConjugation, UnitaryConjugation)


def declared(factor: Factor, parameters: Parameters, reference: Parameters) -> Tensor:
    """The factor's own fit, a change of basis from a bounded number of steps."""
    sides = [a for a in factor.actions if a.anchor and a.side == "direct"]
    if type(factor) is not Factor or type(factor.group) not in UNITARY or not sides:
        return factor.fit(parameters, reference)
    action = sides[0]
    both = (action.anchor_view(values[action.parameter])[0] for values in (parameters, reference))
    source, target = (x.reshape(len(x), -1, len(x)).movedim(1, 0) for x in both)
    return intertwiner(source, target, POWERS)[None]


def fit_open(
    factor: Factor, parameters: Parameters, reference: Parameters, start: Tensor
) -> Tensor:
    """The element that L-BFGS reaches from `start`; positive scales move by their logarithm."""
    from scipy.optimize import minimize

    positive = isinstance(factor.group, Scale)
    wide, target = (_doubled(factor, values) for values in (parameters, reference))
    first = _real(start.log() if positive else start)

    def element(flat: Tensor) -> Tensor:
        value = flat.reshape(first.shape)
        value = torch.view_as_complex(value) if start.is_complex() else value
        return value.exp() if positive else value

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        leaf = torch.from_numpy(flat.copy()).requires_grad_()
        cost = _cost(factor.act(element(leaf), wide), target)
        (slope,) = torch.autograd.grad(cost, leaf)
        return float(cost.detach()), slope.numpy()

    with torch.enable_grad():
        options = {"maxiter": ITERATIONS}
        begin = first.double().flatten().numpy()
        found = minimize(objective, begin, jac=True, method="L-BFGS-B", options=options)
    return element(torch.from_numpy(found.x)).to(start.dtype)


def fit_unitary(factor: Factor, parameters: Parameters, reference: Parameters, g: Tensor) -> Tensor:
    """The unitary element reached from g; stops where the overlap no longer grows."""
    best, found = -1e300, g
    least = max(1e-9, 10 * torch.finfo(g.dtype).eps)
    for _ in range(ROUNDS):
        leaf = g.detach().requires_grad_()
        with torch.enable_grad():
            overlap = _overlap(factor.act(leaf, parameters), reference, factor)
            (slope,) = torch.autograd.grad(overlap, leaf)
        if float(overlap.detach()) <= best + least * abs(best):
            break
        best, found = float(overlap.detach()), g
        g = polar(slope)
    return found.detach()


def fit_signs(factor: Factor, parameters: Parameters, reference: Parameters) -> Tensor:
    """Signs [copies, n], each the better of the two for the rows of its unit."""
    action = factor.actions[0]
    view = action.view(parameters[action.parameter])
    kept = torch.ones(view.shape[:2], dtype=view.real.dtype)
    turned = factor.act(-kept, parameters)
    change = torch.zeros(view.shape[:2], dtype=torch.float64)
    for a in factor.actions:
        y = a.view(reference[a.parameter])
        for values, sign in ((turned, 1), (parameters, -1)):
            apart = a.view(values[a.parameter]) - y
            change += sign * apart.abs().double().square().sum(-1)
    return torch.where(change < 0, -kept, kept)


def _names(factor: Factor) -> set[str]:
    return {a.parameter for a in factor.actions}


def _doubled(factor: Factor, values: Parameters) -> dict[str, Tensor]:
    return {n: values[n].detach().double() for n in _names(factor)}


def _real(value: Tensor) -> Tensor:
    return torch.view_as_real(value) if value.is_complex() else value


def _cost(moved: Parameters, target: Parameters) -> Tensor:
    return torch.stack([(moved[n] - value).square().sum() for n, value in target.items()]).sum()


def _overlap(moved: Parameters, reference: Parameters, factor: Factor) -> Tensor:
    return torch.stack([(moved[n] * reference[n]).sum() for n in _names(factor)]).sum()
