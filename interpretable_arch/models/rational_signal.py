"""The best approximation of a signal by k poles, in closed form (Adamyan, Arov and Krein 1971).

    h_k = sum_j r_j p_j^k nearest to the samples in the norm of Hankel operators

No sum of k poles is nearer than s_{k+1}, the next singular value of the signal's Hankel matrix, and
exactly one is as near, if s_{k+1} < s_k (`maths.signals.adamyan_arov_krein`). The statement is one
on infinite matrices: the signal is taken as zero after its last sample, which is exact up to what
poles inside the stated radius leave there, and a signal too short for that is refused. The radius
is not taken on trust: if what the last tenth of the samples still holds went on and fell with the
radius, it must be lost on s_k. Noise that does not decay fails this, and so it should: the answer
is then the best one of the samples, not of what they were drawn from.

Where the singular values end at rounding, the signal itself has k poles or fewer and is written
down (Kronecker 1881). Nothing is drawn at random: one signal has one answer. A double pole comes
out as two that the certificate finds too near each other; one of multiplicity m splits by about
eps^(1/m), so that a triple one is 1e-5 apart and may pass for three simple poles.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from interpretable_arch.certificate import Certificate, Condition
from interpretable_arch.maths.signals.adamyan_arov_krein import best_approximation
from interpretable_arch.maths.signals.hankel_operator import (
    Signal,
    error_norm,
    pole_sum,
    realised,
    samples_needed,
    singular_values,
)
from interpretable_arch.models.pole_sum import PoleSum, PoleSumConfig

ROUNDING = 1e-13  # singular values below it, against the first, are no signal's
GAP, APART, CIRCLE = 1e-9, 1e-6, 1 - 1e-6
LOST = 1e-6  # of s_k, by what lies beyond the samples
LATE = 0.25  # share of the energy in the second half that no decaying signal keeps
MOVED = 1e-9  # relative, since the fit
OVER = 1e-9  # by which the error may exceed the least there is


@dataclass(frozen=True)
class RationalSignalConfig(PoleSumConfig):
    """Of the `poles` only as many are used as have s above `tolerance` s_1; 0 uses all.

    `truncation` is the share of radius^k, summed, that may lie beyond the samples.
    """

    tolerance: float = 0.0
    truncation: float = 1e-9

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.tolerance < 1 or not 0 < self.truncation < math.inf:
            wanted = "tolerance from 0 up and below 1, truncation finite and above 0"
            raise ValueError(f"config: wanted {wanted}, got {self.tolerance}, {self.truncation}")


EXAMPLES = {
    "plain": RationalSignalConfig(samples=60, poles=3, radius=0.6),
    "one": RationalSignalConfig(samples=60, poles=1, radius=0.6),
}


class RationalSignal(PoleSum):
    """Sample numbers [.., 1] to the signal there [.., 2]; before a fit, random poles.

    `measured` holds s_1, s_k, s_{k+1}, the error reached, the largest sample, the largest of the
    last tenth and the number of poles used.
    """

    fitted_poles: Float[Tensor, "pole 2"]
    fitted_residues: Float[Tensor, "pole 2"]
    measured: Float[Tensor, "7"]

    def __init__(self, config: RationalSignalConfig) -> None:
        super().__init__(config)
        self.limits = config
        self.register_buffer("fitted_poles", self.poles.detach().clone())
        self.register_buffer("fitted_residues", self.residues.detach().clone())
        self.register_buffer("measured", torch.full((7,), torch.nan))

    @torch.no_grad()
    def fit_data(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Poles and residues from the samples 0 to `samples` - 1, each once, in any order.

        Raises ValueError for samples that are missing, repeated or not finite, for a signal that is
        zero, too short for the stated radius, does not decay, or has residues beyond the model's
        number type.
        """
        at = torch.cat([x.flatten() for x, _ in batches])
        values = torch.cat([y.flatten(end_dim=-2) for _, y in batches]).double()
        h, unit = _signal(at.cpu(), values.cpu(), self.limits)
        poles, residues, s = _fitted(h, self.limits)
        used, most = len(poles), float(residues.abs().max()) * unit
        kind = torch.finfo(self.residues.dtype)
        if most and not kind.tiny < most < kind.max:
            wanted = f"residues from {kind.tiny:.1g} to {kind.max:.1g}"
            raise ValueError(f"signal: wanted {wanted}, got {most:.3g}")
        for parameter, found in ((self.poles, poles), (self.residues, residues * unit)):
            parameter.zero_()
            parameter[:used] = torch.view_as_real(found).to(parameter)
        for name, value in self.symmetry().canonical(dict(self.named_parameters())).items():
            getattr(self, name).copy_(value)
            getattr(self, f"fitted_{name}").copy_(value)
        kept = [torch.view_as_complex(p.detach().double().cpu()) for p in self.parameters()]
        error = error_norm(h, kept[0], kept[1] / unit)
        late = h[-max(1, len(h) // 10) :].abs().max()
        sizes = (s[0], s[used - 1], s[used], error, h.abs().max(), late)
        measured = [*(float(m) * unit for m in sizes), used]
        self.measured.copy_(torch.tensor(measured, dtype=torch.float64))

    def certificate(self) -> Certificate:
        """That no other sum of as many poles is as near, and that the samples say enough."""
        first, last, following, error, largest, late, used = self.measured.tolist()
        poles = torch.view_as_complex(self.poles.detach())
        residues = torch.view_as_complex(self.residues.detach()).abs()  # of any size
        n, radius = self.config.samples, self.config.radius
        beyond = largest * radius**n / (1 - radius)
        # A pole at 1 or beyond leaves nothing finite there, and the condition on it says so.
        decay = poles.abs().clamp_max(CIRCLE)
        tail = float((residues * decay**n / (1 - decay)).sum())
        floor = max(following, ROUNDING * first)
        notes = ()
        if used < self.config.poles:
            notes = (
                f"{used:.0f} poles reach the tolerance; the others are 0 and could be anywhere",
            )
        return Certificate(
            "The signal is unique: if s_{k+1} < s_k, exactly one Hankel operator of rank k or less "
            "is within s_{k+1} of the signal's, and none is nearer (Adamyan, Arov and Krein); its "
            "poles and residues are unique up to order where the poles differ.",
            (
                Condition("gap of the singular values", 1 - following / last, "above", GAP),
                Condition("error over the least, less 1", error / floor - 1, "below", OVER),
                Condition("least distance of poles", _apart(poles), "above", APART),
                Condition("least residue over the largest", _ratio(residues), "above", ROUNDING),
                Condition("largest pole radius", float(poles.abs().max()), "below", CIRCLE),
                Condition("beyond the samples, model over s_k", tail / last, "below", LOST),
                Condition("beyond the samples, stated radius", beyond / last, "below", LOST),
                Condition(
                    "beyond the samples, their last tenth",
                    late / (1 - radius) / last,
                    "below",
                    LOST,
                ),
                Condition("moved since the fit", self._moved(), "below", MOVED),
            ),
            {"s_1": first, "s_k": last, "s_{k+1}": following, "error": error, "poles used": used},
            notes,
        )

    def _moved(self) -> float:
        """Poles in units of the disc, residues of their own joint size."""
        now = self.symmetry().canonical({n: p.detach() for n, p in self.named_parameters()})
        poles = (now["poles"] - self.fitted_poles).norm()
        unit = self.fitted_residues.abs().max().clamp_min(torch.finfo(self.poles.dtype).tiny)
        residues = ((now["residues"] - self.fitted_residues) / unit).norm()
        size = (self.fitted_residues / unit).norm().clamp_min(1.0)  # 0 only where all are
        return float(torch.stack([poles, residues / size]).max())

    def example_batches(self) -> Sequence[tuple[Tensor, Tensor]]:
        """A signal of one pole more, far enough from each other, all inside the radius."""
        k = torch.arange(self.config.poles + 1)
        poles = torch.polar(self.config.radius * (1 + k) / (2.0 + len(k)), 1.0 + 2.0 * k).to(
            torch.complex128
        )
        number = torch.arange(self.config.samples)
        h = pole_sum(poles, torch.ones_like(poles), number)
        return ((number[:, None], torch.view_as_real(h)),)


def _fitted(h: Signal, config: RationalSignalConfig) -> tuple[Tensor, Tensor, Tensor]:
    """Poles, residues and the singular values of the signal's operator."""
    values = singular_values(h)
    enough = int((values > max(config.tolerance, ROUNDING) * values[0]).sum())
    if enough <= config.poles and values[enough] <= ROUNDING * values[0]:
        return *realised(h, enough), values
    found = best_approximation(h, min(enough, config.poles))
    return found.poles, found.residues, found.values


def _signal(at: Tensor, values: Tensor, config: RationalSignalConfig) -> tuple[Signal, float]:
    """The samples in order, checked, in units of a power of two that makes the largest near 1."""
    if not bool(values.isfinite().all()):
        raise ValueError(
            f"signal: wanted finite samples, got {int((~values.isfinite()).sum())} not"
        )
    n = config.samples
    if len(at) != n or not torch.equal(at.sort().values, torch.arange(n)):
        wanted = f"the samples 0 to {n - 1}, each once"
        raise ValueError(f"signal: wanted {wanted}, got {len(at)}, from {at.min()} to {at.max()}")
    needed = samples_needed(config.radius, config.truncation)
    needed = max(needed, 2 * config.poles + 2)
    if n < needed:
        wanted = f"at least {needed} samples for poles inside radius {config.radius:g}"
        lost = config.radius**n / (1 - config.radius)
        raise ValueError(f"signal: wanted {wanted}, got {n}: up to {lost:.2g} of it lies beyond")
    most = float(values.abs().max())
    if most == 0:
        raise ValueError("signal: wanted one that is not zero, got only zeros")
    unit = math.ldexp(0.5, math.frexp(most)[1])
    ordered = values[at.argsort()]
    h = torch.view_as_complex(ordered / torch.full_like(ordered, unit))  # exact
    energy = h.abs().square()
    late = float(energy[n // 2 :].sum() / energy.sum())
    if late > LATE:
        early = energy[: n // 2].sum().clamp_min(torch.finfo(energy.dtype).tiny)
        radius = float((energy[-(n // 2) :].sum() / early) ** (1 / (n + n % 2)))
        wanted = f"poles inside radius {config.radius:g}"
        got = f"a share of {late:.2g} of the energy in the second half: radius about {radius:.6g}"
        raise ValueError(f"signal: wanted {wanted}, got {got}")
    return h, unit


def _apart(poles: Complex[Tensor, " pole"]) -> float:
    """The least distance of two poles; that from the circle's other side for a single one."""
    if len(poles) == 1:
        return 1.0
    gaps = (poles[:, None] - poles).abs()
    return float(gaps[~torch.eye(len(poles), dtype=torch.bool, device=poles.device)].min())


def _ratio(residues: Float[Tensor, " pole"]) -> float:
    return float(residues.min() / residues.max())
