"""The laws that every layer and model keeps, as numbers that can be asked of any module.

`check_laws` asks a module of one's own what `tests/contract` asks of every registered one: its
parts sum to its output, its declared symmetry leaves its function alone and is all there is, its
canonical form, reading and certificate are the same for a transformed copy, its formulas give its
numbers when they are run without it. A law that a module gives no answer to is reported as not
asked, with the reason, and never as kept.
"""

import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from interpretable_arch.certificate import Certificate
from interpretable_arch.layers.written_out import write_out
from interpretable_arch.symmetry import Parameters, weights

MOST_PARAMETERS = 3000  # of which a Jacobian is still taken
SAMPLES = 3
POINTS = 6


@dataclass(frozen=True)
class Law:
    """The number found and the largest that keeps the law; None where `note` says why not asked."""

    name: str
    value: float | None
    bound: float
    note: str = ""

    @property
    def kept(self) -> bool:
        return self.value is not None and self.value <= self.bound

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.name}: not asked, {self.note}"
        end = "kept" if self.kept else "BROKEN"
        return f"{self.name}: {self.value:.2g}, at most {self.bound:.0e}: {end}"


def check_laws(model: nn.Module, inputs: Shaped[Tensor, "batch *input"]) -> tuple[Law, ...]:
    """Every law, at the model's parameters as they are, on a copy in float64 and in eval mode.

    Inputs should tell parameters apart: their outputs together outnumber the parameters. Raises
    ValueError for fewer than two.
    """
    if len(inputs) < 2:
        raise ValueError(f"inputs: wanted two or more, got {len(inputs)}")
    copy = deepcopy(model).double().eval()
    x = inputs.double() if inputs.is_floating_point() else inputs
    return tuple(_law(question, copy, x) for question in QUESTIONS)


def apart_from_parts(model: Any, x: Tensor) -> float:
    """Relative distance of the sum of parts from the output."""
    return float(model.decompose(x).relative_error(model(x)))


def mixed_by_batch(model: Any, x: Tensor) -> float:
    """Largest change of a part when its batch is turned round, or is but itself, over the largest
    part."""
    whole = model.decompose(x)
    turned, alone = model.decompose(x.flip(0)), model.decompose(x[:1])
    gap, size = 0.0, 0.0
    for part in whole.components:
        value = part.value()
        aside = (value.flip(0) - turned[part.name].value(), value[:1] - alone[part.name].value())
        gap = _worst([gap, *(float(a.abs().max()) for a in aside)])
        size = _worst([size, float(value.abs().max())])
    return gap / size if size else gap


def moved_by_symmetry(model: Any, x: Tensor) -> float:
    """Relative change of the output under sampled elements; 0 without a symmetry."""
    before = model(x)
    after = [torch.func.functional_call(model, moved, (x,)) for moved in _copies(model)]
    size = float(before.norm())
    return _worst(float((y - before).norm()) / (size or 1.0) for y in after)


def unaligned(model: Any, x: Tensor) -> float:
    """Relative distance of a transformed copy from the model once it is aligned."""
    values, symmetry = weights(model), model.symmetry()
    copies = _copies(model)
    return _worst(symmetry.distance(values, moved) for moved in copies)


def canonical_gap(model: Any, x: Tensor) -> float:
    """Largest difference of canonical form, or invariants, between the model and its copies."""
    symmetry = model.symmetry()
    first = symmetry.canonical(weights(model))
    return _worst(
        float((symmetry.canonical(moved)[name] - value).abs().max())
        for moved in _copies(model)
        for name, value in first.items()
        if value.numel()
    )


def reading_gap(model: Any, x: Tensor) -> float:
    """Largest difference of a feature between copies; infinite where names or labels differ."""
    first = model.interpretation()
    names = [f.name for f in first.features]
    if len(set(names)) < len(names):
        return float("inf")
    worst = 0.0
    for moved in _copies(model):
        second = _with(model, moved).interpretation()
        if second.label != first.label or [f.name for f in second.features] != names:
            return float("inf")
        pairs = zip(first.features, second.features, strict=True)
        worst = _worst([worst, *(abs(a.value - b.value) for a, b in pairs)])
    return worst


def formula_gaps(model: Any, x: Tensor) -> list[float]:
    """For each formula, its distance from the model's output beyond the error that it states."""
    beyond = []
    for formula in model.interpretation().formulas:
        text = getattr(model, "causal", False)
        wanted = model(x[:, : len(formula.inputs)])[:, -1] if text else model(x)
        if formula.quantity == "probability":
            wanted = wanted.softmax(-1)
        columns = {
            n: (x[:, i] if text else x[:, i : i + 1]).cpu().numpy()
            for i, n in enumerate(formula.inputs)
        }
        found = formula.evaluate(**columns).reshape(wanted.shape)
        beyond.append(float(np.abs(found - wanted.detach().cpu().numpy()).max() - formula.error))
    return beyond


def worst_formula(model: Any, x: Tensor) -> float:
    return _worst(formula_gaps(model, x))


def certificate_gap(model: Any, x: Tensor) -> float:
    """Largest relative difference of a number of the certificate between copies."""
    first, worst = model.certificate(), 0.0
    for moved in _copies(model):
        second = _with(model, moved).certificate()
        if _named(second) != _named(first):
            return float("inf")
        pairs = zip(_numbers(first), _numbers(second), strict=True)
        worst = _worst([worst, *(_relative(a, b) for a, b in pairs)])
    return worst


def flat_directions(model: Any, x: Tensor) -> int:
    """How many directions of parameter space, of those a constraint leaves, move no output.

    The corank of the Jacobian at the model's own point. Raises ValueError for fewer outputs than
    parameters.
    """
    model = deepcopy(model)  # some keep what they saw last
    write_out(model, True)
    values = {n: p.detach() for n, p in model.named_parameters()}

    def call(v: Parameters) -> Tensor:
        return torch.func.functional_call(model, dict(v), (x,))

    # The derivative of the retraction is the projection on the tangent space.
    allowed = getattr(model, "constrain", dict)
    moved = _jacobian(lambda v: torch.cat([p.flatten() for p in allowed(v).values()]), values)
    seen = _jacobian(lambda v: call(allowed(v)).flatten(), values)
    if seen.shape[0] <= seen.shape[1]:
        raise ValueError(f"inputs: wanted more than {seen.shape[1]} outputs, got {seen.shape[0]}")
    return _rank(moved) - _rank(seen)


def undeclared(model: Any, x: Tensor) -> float:
    """By how many flat directions the declared symmetry is wrong: the least corank of a few points.

    Gates that are shut for all inputs leave more directions flat, on open sets of parameters.
    """
    declared = model.symmetry().continuous_dimension + getattr(model, "flat_while_chosen", 0)
    coranks: list[int] = []
    for attempt in range(POINTS):
        coranks.append(flat_directions(_elsewhere(model, attempt), x))
        if coranks[-1] <= declared:
            break
    return float(abs(min(coranks) - declared))


@dataclass(frozen=True)
class _Question:
    """`answers` are the methods that it needs, `unless` says why it can't be asked, or ""."""

    name: str
    bound: float
    answers: tuple[str, ...]
    ask: Callable[[Any, Tensor], float]
    unless: Callable[[Any, Tensor], str] = lambda model, x: ""


def _no_formulas(model: Any, x: Tensor) -> str:
    return "" if model.interpretation().formulas else "no formulas"


def _too_large(model: nn.Module, x: Tensor) -> str:
    parameters = sum(p.numel() for p in model.parameters())
    outputs = model(x).numel()
    if parameters > MOST_PARAMETERS:
        return f"{parameters} parameters, more than {MOST_PARAMETERS}"
    if outputs <= parameters:
        return f"{outputs} outputs cannot tell {parameters} parameters apart"
    return ""


QUESTIONS = (
    _Question("parts sum to the output", 1e-10, ("decompose",), apart_from_parts),
    _Question("parts do not depend on batch mates", 1e-10, ("decompose",), mixed_by_batch),
    _Question("the symmetry leaves the output alone", 1e-10, ("symmetry",), moved_by_symmetry),
    _Question("the declared symmetry is all there is", 0.0, ("symmetry",), undeclared, _too_large),
    _Question("alignment finds a planted element", 1e-8, ("symmetry",), unaligned),
    _Question("one canonical form for all copies", 1e-8, ("symmetry",), canonical_gap),
    _Question("one reading for all copies", 1e-8, ("symmetry", "interpretation"), reading_gap),
    _Question(
        "formulas give the model's numbers", 1e-10, ("interpretation",), worst_formula, _no_formulas
    ),
    _Question("one certificate for all copies", 1e-6, ("symmetry", "certificate"), certificate_gap),
)


def _law(question: _Question, model: Any, x: Tensor) -> Law:
    why = next((f"no {m}()" for m in question.answers if not hasattr(model, m)), "")
    why = why or question.unless(model, x)
    if why:
        return Law(question.name, None, question.bound, why)
    with torch.no_grad():
        return Law(question.name, question.ask(model, x), question.bound)


def _copies(model: Any) -> list[dict[str, Tensor]]:
    """The model's values under a few sampled elements of its symmetry; none without one."""
    symmetry, generator = model.symmetry(), torch.Generator().manual_seed(0)
    count = SAMPLES if symmetry.factors else 0
    return [symmetry.act(symmetry.sample(generator), weights(model)) for _ in range(count)]


def _worst(values: Iterable[float]) -> float:
    """The largest, 0 for none; what is no number is worse than every number."""
    return float(np.max([0.0, *values]))


def _elsewhere(model: Any, attempt: int) -> Any:
    """The model at first, then copies at random points of the same size, by parameter."""
    if attempt == 0:
        return model
    generator, moved = torch.Generator().manual_seed(attempt), deepcopy(model)
    with torch.no_grad():
        for p in moved.parameters():
            size = p.square().mean().sqrt()
            p += size * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    return moved


def _with(model: nn.Module, values: Parameters) -> Any:
    moved = deepcopy(model)
    moved.load_state_dict(dict(values))
    return moved


def _named(certificate: Certificate) -> tuple[str, ...]:
    return (certificate.unique, *(c.name for c in certificate.conditions), *certificate.figures)


def _numbers(certificate: Certificate) -> list[float]:
    return [*(c.value for c in certificate.conditions), *certificate.figures.values()]


def _relative(first: float, second: float) -> float:
    """|a - b| over |a|, or over .001 where that is larger; 0 for two that are not numbers."""
    if first == second or (math.isnan(first) and math.isnan(second)):
        return 0.0
    gap = abs(first - second) / max(1e-3, abs(first))
    return gap if math.isfinite(gap) else math.inf


def _jacobian(
    function: Callable[[dict[str, Tensor]], Tensor], values: dict[str, Tensor]
) -> Float[Tensor, "output parameter"]:
    rows = torch.func.jacrev(function, chunk_size=256)(values)
    return torch.cat([r.flatten(1) for r in rows.values()], 1)


def _rank(matrix: Float[Tensor, "row column"]) -> int:
    spectrum = torch.linalg.svdvals(matrix / matrix.norm(dim=0).clamp_min(1e-30))
    return int((spectrum > 1e-9 * spectrum[0]).sum())
