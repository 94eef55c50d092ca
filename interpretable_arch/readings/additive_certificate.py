"""On what the one optimum of an additive model rests."""

import torch
from torch import Tensor

from interpretable_arch.certificate import Certificate, Condition
from interpretable_arch.maths.additive.purification import impurity
from interpretable_arch.readings.additive_parts import AdditiveParts

GRADIENT_BOUND = 1e-9
APART_BOUND = 1e-5
MOVED_BOUND = 1e-6
PURE_BOUND = 1e-9
ROUNDINGS = 1e2  # of the parameters' type: float32 is not pure to 1e-9
CONCURVE = 0.9


@torch.no_grad()
def additive_certificate(model: AdditiveParts) -> Certificate:
    """The conditions at this model as it is now.

    From a gradient norm g where no curvature is below m the optimum is at most g / m away.
    """
    gradient, loss, steps, curvature, rows, *rest = model.optimum.double().tolist()
    smooth, ridge, unseen, concurvity, clearance = rest
    pure = model.pure().double()
    scale = _size(model.fitted[1:])
    bound = max(PURE_BOUND, ROUNDINGS * torch.finfo(model.b.dtype).eps)
    return Certificate(
        "The optimum is unique: the loss is convex in the values at the knots and the penalty, "
        "with ridge > 0, is positive definite on pure functions, so that their sum is strictly "
        "convex; "
        "the pure form is one form (Hooker 2007, Lengerich et al. 2020).",
        (
            Condition("gradient norm", gradient, "below", GRADIENT_BOUND),
            Condition("least curvature", curvature, "above", 0.0),
            Condition(
                "distance from the optimum, at most", gradient / curvature, "below", APART_BOUND
            ),
            Condition("moved since the fit", _moved(model, pure), "below", MOVED_BOUND),
            Condition("knots moved, of their range", _regridded(model), "below", MOVED_BOUND),
            Condition(
                "largest impurity",
                impurity(model.parts.double(), pure) / scale,
                "below",
                bound,
            ),
        ),
        {
            "penalised loss": loss,
            "Newton steps": steps,
            "training rows": rows,
            "penalty on roughness": smooth,
            "penalty on size": ridge,
            "directions that the penalty alone decides": unseen,
            "largest concurvity": concurvity,
            **({"clearance of the choice of pairs": clearance} if model.config.pairs else {}),
        },
        _notes(model, unseen, concurvity),
    )


def _size(values: Tensor) -> float:
    """The largest entry in size, above 0."""
    return max(float(values.abs().max()), torch.finfo(torch.float64).tiny)


def _moved(model: AdditiveParts, pure: Tensor) -> float:
    """The functions in units of the fitted functions, the intercept in those of all of it."""
    fitted = model.fitted.double()
    apart = (pure - fitted).abs()
    shares = torch.stack([apart[0].max() / _size(fitted), apart[1:].max() / _size(fitted[1:])])
    return float(shares.max())


def _regridded(model: AdditiveParts) -> float:
    """The largest move of a knot, of its feature's range; 1 where other pairs are chosen."""
    if not torch.equal(model.chosen, model.fitted_chosen):
        return 1.0
    fitted = model.fitted_knots.double()
    reach = fitted[:, -1:] - fitted[:, :1]
    return float(((model.knots.double() - fitted).abs() / reach).max())


def _notes(model: AdditiveParts, unseen: float, concurvity: float) -> tuple[str, ...]:
    notes = []
    if unseen > 0:
        notes.append(
            f"{unseen:.0f} directions of the functions are moved by no training row: there the "
            "optimum is unique through the penalty alone"
        )
    if concurvity > CONCURVE:
        notes.append(
            f"{concurvity:.3g} of the variance of one feature's function is a sum of the others': "
            "how the effect is shared among them rests on the penalty"
        )
    still = model.still.nonzero().squeeze(1).tolist()
    if still:
        named = ", ".join(map(str, still))
        notes.append(f"features {named} do not vary in the training rows: their functions are zero")
    if bool(model.counts.any()):
        few = [(c, n) for c, n in enumerate(model.counts.tolist()) if n < 2]
        notes += [
            f"class {c} has {n} training rows: its functions rest on the penalty" for c, n in few
        ]
    return tuple(notes)
