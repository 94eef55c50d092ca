"""How far apart trained parameters lie once the symmetry is divided out.

For models that claim one optimum. Each seed's parameters are carried to their canonical form, or to
the complete invariants where no form is unique, and compared with the first seed's.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from interpretable_arch.symmetry import Symmetry, weights


def parameter_spread(models: Sequence[nn.Module]) -> float | None:
    """Largest difference of any canonical entry between a seed and the first.

    In the parameters' own units; the precision of the run is the floor. None with fewer than two
    seeds, or for models that claim no uniqueness. A seed whose canonical form is not unique is as
    far as its arbitrary part: its certificate says which part that is.
    """
    if len(models) < 2 or not all(hasattr(m, "certificate") for m in models):
        return None
    first, *rest = (_canonical(m) for m in models)
    return max(
        (
            float((other[name].double() - value.double()).abs().max())
            for other in rest
            for name, value in first.items()
            if value.is_floating_point() and value.numel()
        ),
        default=0.0,
    )


def _canonical(model: nn.Module) -> dict[str, Tensor]:
    """The canonical parameters, or the invariants; not what the model notes of its fit."""
    symmetry: Symmetry = model.symmetry()  # pyright: ignore[reportCallIssue]
    found = symmetry.canonical(weights(model))
    if symmetry.invariants is not None:
        return found
    return {name: found[name] for name, _ in model.named_parameters()}
