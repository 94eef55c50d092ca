"""How near a sum of poles is to its signal, against the least that theory allows.

The Hankel norm of the difference over s_{k+1}, the next singular value of the signal's operator:
1 is the optimum, and nothing with k poles is below it (Adamyan, Arov and Krein 1971). For the
closed form also what makes it optimal: the error on the circle has one modulus.
"""

import torch
from jaxtyping import Complex
from torch import Tensor, nn

from analysis.exhibits import Lines, Table
from analysis.reading.finding import Finding
from analysis.reading.signals.rivals import RIVALS
from analysis.reading.signals.transfer_function import rounded, series, transfer_function
from interpretable_arch.maths.signals.adamyan_arov_krein import best_approximation, error_on_circle
from interpretable_arch.maths.signals.hankel_operator import (
    Signal,
    error_norm,
    pole_sum,
    singular_values,
)
from interpretable_arch.models.pole_sum import PoleSum
from interpretable_arch.models.rational_signal import RationalSignal
from interpretable_arch.symmetry import weights
from training.data import signals
from training.data.task import Split, Task

SHOWN = 16  # singular values
SERIES = 8  # samples that the transfer function is divided out for
ROUNDING = 1e-12  # singular values below it, against the first, are none


def read_rational(model: nn.Module, task: Task) -> Finding | None:
    """Error against s_{k+1}, poles found beside those planted, rivals; None for other models."""
    if not isinstance(model, PoleSum) or not isinstance(task.train, Split):
        return None
    values = model.symmetry().canonical(weights(model))
    poles, residues = (
        torch.view_as_complex(values[name].double().cpu().contiguous())
        for name in ("poles", "residues")
    )
    h = _samples(task.train)
    s = singular_values(h)
    k, kept = len(poles), pole_sum(poles, residues, torch.arange(len(h)))
    error = error_norm(h, poles, residues)
    figures = {
        "s_1": float(s[0]),
        "s_{k+1}": float(s[k]),
        "Hankel norm of the error": error,
        "root mean square error": float((h - kept).abs().square().mean().sqrt()),
        "largest pole radius": float(poles.abs().max()),
    }
    exact = bool(s[k] <= ROUNDING * s[0])
    if not exact:
        figures["error over s_{k+1}, less 1"] = error / float(s[k]) - 1
    figures |= _against_planted(task.train, poles)
    tables = [_poles(poles, residues, task.train)]
    if isinstance(model, RationalSignal):
        if not exact:
            figures |= _optimal(h, k, kept)
        tables.append(_rivals(h, k, error, float(s[k])))
    numerator, denominator = transfer_function(poles.tolist(), residues.tolist())
    divided = [complex(c) for c in series(numerator, denominator, SERIES)]
    apart = torch.tensor(divided, dtype=kept.dtype) - kept[:SERIES]
    figures["transfer function's series, apart"] = float(apart.abs().max())
    note = f"sum_k h_k z^(-k-1) = ({rounded(numerator)}) / ({rounded(denominator)})"
    return Finding("Rational signal", figures, (*tables, *_lines(s, h, kept)), (note,))


def _samples(train: Split) -> Signal:
    order = train.inputs.flatten().argsort()
    return torch.view_as_complex(train.targets[order].double().cpu().contiguous())


def _against_planted(train: Split, poles: Complex[Tensor, " pole"]) -> dict[str, float]:
    """Largest distance of a planted pole to the nearest found, where there are enough of them."""
    if not isinstance(train, signals.Signal) or len(train.poles) > len(poles):
        return {}
    gaps = (train.poles[:, None] - poles).abs().amin(1)
    return {"planted pole, furthest from a found one": float(gaps.max())}


def _optimal(h: Signal, count: int, kept: Signal) -> dict[str, float]:
    """What the Schmidt pair of the samples says of the optimum, computed anew."""
    found = best_approximation(h, count)
    modulus = error_on_circle(found.u, found.v).abs()
    optimum = pole_sum(found.poles, found.residues, torch.arange(len(h)))
    return {
        "all-pass: modulus on the circle, apart from 1": float((modulus - 1).abs().max()),
        "zeros of the Schmidt vector inside": float(found.winding),
        "samples, apart from the optimum's": float((optimum - kept).abs().max()),
    }


def _poles(poles: Tensor, residues: Tensor, train: Split) -> Table:
    planted = train.poles if isinstance(train, signals.Signal) else None
    rows = []
    for p, r in zip(poles, residues, strict=True):
        near = float("nan") if planted is None else float((planted - p).abs().min())
        rows.append((f"{complex(p):.6g}", float(p.abs()), f"{complex(r):.6g}", near))
    columns = ("pole", "radius", "residue", "to the nearest planted")
    return Table("Poles, in canonical order", columns, tuple(rows))


def _rivals(h: Signal, count: int, error: float, least: float) -> Table:
    """Errors of other methods with as many poles, as multiples of the least there is."""
    rows = [("this model", error, error / least)]
    for name, method in RIVALS.items():
        found = method(h, count)
        # Growing powers of a pole outside the circle would be no signal of finite norm.
        inside = bool((found[0].abs() < 1).all())
        norm = error_norm(h, *found) if inside else float("inf")
        rows.append((name, norm, norm / least))
    return Table(
        "As many poles by other methods", ("method", "Hankel error", "over s_{k+1}"), (*rows,)
    )


def _lines(s: Tensor, h: Signal, kept: Signal) -> tuple[Lines, Lines]:
    places = tuple(float(i + 1) for i in range(min(SHOWN, len(s))))
    values = {"s": tuple(s[: len(places)].tolist())}
    number = tuple(float(k) for k in range(min(60, len(h))))
    curves = {
        f"{what}, {part}": tuple(getattr(of[: len(number)], name).tolist())
        for what, of in (("signal", h), ("model", kept))
        for part, name in (("real", "real"), ("imaginary", "imag"))
    }
    return (
        Lines("Singular values of the signal's operator", places, values, "place", "value"),
        Lines("The signal", number, curves, "sample", "value"),
    )
