"""A core that can be read, under a neural remainder that is kept small.

    logits(w | left) = core(w | left) + scale * remainder(w | left)

The core is any registered model of running text that finds its answer in the data (`fit_data`); it
is fitted once and then held. The remainder is any other, a transformer say, and learns by gradient
steps on what the core leaves over. To the loss of the training is added

    penalty * mean over positions and outputs of (scale * remainder)^2,

each position's remainder less its mean over the outputs, which the softmax never sees. A core of
counts has seen the text that the remainder learns from, and is surer there than elsewhere; to let a
core answer in training that lacks each window's part of the text helped less, measured.

The *share* of the remainder is |R| / (|C| + |R|), Frobenius norms over positions and outputs of
remainder R and core C so centred: 0 where the core says everything. A free remainder closes the
sum, so that the promise of the decomposition is REMAINDER(share), whatever the core's own parts
promise. With a `scale` well below 1 training starts near the core's loss; it is a constant, for as
a parameter it would trade size with what the remainder writes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.certificate import Certificate
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.interpretation import Interpretation
from interpretable_arch.layers.placed import check_part
from interpretable_arch.registry import build
from interpretable_arch.symmetry import Parameters, Symmetry

PARTS = ("core", "remainder")
ADDITIVE = ("logits", "log-probability")  # quantities that a remainder can be added to


@dataclass(frozen=True)
class CoreRemainderConfig:
    """`core` and `remainder` name models: {class_path: transformer, init_args: {layers: 2}}."""

    vocab: int
    context: int
    core: Mapping[str, Any] = field(default_factory=lambda: {"class_path": "context_mixture"})
    remainder: Mapping[str, Any] = field(default_factory=lambda: {"class_path": "transformer"})
    penalty: float = 0.0
    scale: float = 0.1

    def __post_init__(self) -> None:
        at_least_one(vocab=self.vocab, context=self.context)
        for name in PARTS:
            check_part(name, getattr(self, name))
        if not 0 <= self.penalty < math.inf:
            raise ValueError(f"penalty: wanted 0 or more, got {self.penalty}")
        if not 0 < self.scale < math.inf:
            raise ValueError(f"scale: wanted a number above 0, got {self.scale}")


_MIXTURE = {"order": 2, "buckets": (2,), "parts": 4, "folds": 4, "block": 7, "l2": 1e-3}
_TRANSFORMER = {
    "d_model": 4,
    "layers": 1,
    "heads": 2,
    "std": 0.5,
    "mlp": {"class_path": "mlp", "init_args": {"d_mlp": 5}},
}
EXAMPLES = {
    "plain": CoreRemainderConfig(
        vocab=5,
        context=5,
        core={"class_path": "context_mixture", "init_args": _MIXTURE},
        remainder={"class_path": "transformer", "init_args": _TRANSFORMER},
        penalty=0.1,
        scale=0.5,
    )
}


class CoreRemainder(nn.Module):
    """Tokens [batch, position] to logits [batch, position, vocab]."""

    causal = True

    def __init__(self, config: CoreRemainderConfig) -> None:
        super().__init__()
        self.config = config
        self.core = _part(config, "core")
        self.remainder = _part(config, "remainder")
        if not hasattr(self.core, "fit_data"):
            wanted, got = "a model with fit_data", config.core["class_path"]
            raise ValueError(f"core: wanted {wanted}, got {got}")
        self.core.requires_grad_(False)
        self.due: Tensor | None = None

    def forward(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position vocab"]:
        core, remainder = self.both(tokens)
        self.due = self._due(remainder)
        return core + remainder

    def both(self, tokens: Int[Tensor, "*batch position"]) -> tuple[Tensor, Tensor]:
        """What the core says, and what the remainder adds: [*batch, position, vocab] each."""
        return self.core(tokens), self.config.scale * self.remainder(tokens)

    def _due(self, remainder: Tensor) -> Tensor | None:
        if not self.config.penalty or not self.training or not torch.is_grad_enabled():
            return None
        return self.config.penalty * centred(remainder).square().mean()

    def penalty(self) -> Float[Tensor, ""] | None:
        """What the remainder's size adds to the training loss for the latest forward, once.

        None in evaluation, without gradients, and where the penalty is 0.
        """
        due, self.due = self.due, None
        return due

    def __getstate__(self) -> dict[str, Any]:
        """A copy starts with nothing due: a tensor inside a graph cannot be copied."""
        return {**self.__dict__, "due": None}

    def fit_data(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Fit the core, and hold it from then on; the remainder stays as it is."""
        self.core.requires_grad_(True)
        self.core.fit_data(batches)  # pyright: ignore[reportCallIssue]
        self.core.requires_grad_(False)

    def example_batches(self) -> Sequence[tuple[Tensor, Tensor]]:
        return self.core.example_batches()  # pyright: ignore[reportCallIssue]

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.config.vocab, (count, self.config.context), generator=generator)

    def representation(self, tokens: Int[Tensor, "batch position"]) -> Float[Tensor, "input d"]:
        """The remainder's own, which alone depends on the seed; its output where it has none."""
        own = getattr(self.remainder, "representation", None)
        return self.remainder(tokens).flatten(0, 1) if own is None else own(tokens)

    @property
    def flat_while_chosen(self) -> int:
        """Directions that are flat for this text or these choices, of both parts."""
        return sum(getattr(getattr(self, part), "flat_while_chosen", 0) for part in PARTS)

    def sites(self) -> Mapping[str, Site]:
        return {
            f"{part}.{name}": Site(f"{part}.{s.hook}", s.axis, s.index)
            for part in PARTS
            for name, s in getattr(getattr(self, part), "sites", dict)().items()
        }

    def decompose(self, tokens: Int[Tensor, "*batch position"]) -> Decomposition:
        """The core's parts and the remainder's; each one part where it has no parts of logits."""
        core, remainder = (_parts(getattr(self, part), part, tokens) for part in PARTS)
        scaled = [
            replace(c, coefficient=self.config.scale * c.coefficient) for c in remainder.components
        ]
        added = replace(remainder, components=tuple(scaled))
        state = {**core.state, **remainder.state}
        found = Exactness.remainder(share(core.total(), added.total()))
        promise = replace(found, state=tuple(state), set_by=("remainder",))
        return Decomposition((*core.components, *scaled), promise, "logits", state)

    def symmetry(self) -> Symmetry:
        """That of the core and that of the remainder, each acting on its own."""
        found = {part: getattr(self, part).symmetry() for part in PARTS}
        factors = [f.prefixed(f"{p}.") for p, symmetry in found.items() for f in symmetry.factors]
        if all(symmetry.invariants is None for symmetry in found.values()):
            return Symmetry(tuple(factors))

        def invariants(parameters: Parameters) -> dict[str, Tensor]:
            return {
                f"{part}.{name}": value
                for part, symmetry in found.items()
                for name, value in symmetry.canonical(_under(part, parameters)).items()
            }

        return Symmetry(tuple(factors), invariants)

    def interpretation(self) -> Interpretation:
        """Features of both; formulas of one alone would not give the whole's numbers."""
        read = {part: getattr(self, part).interpretation() for part in PARTS}
        features = [
            replace(f, name=f"{part}: {f.name}") for part, i in read.items() for f in i.features
        ]
        label = "; ".join(i.label for i in read.values() if i.label)
        notes = tuple(f"{part}: {note}" for part, i in read.items() for note in i.notes)
        return Interpretation(label, tuple(features), notes=notes)

    def certificate(self) -> Certificate:
        """The core's, which speaks of the core alone; one that proves nothing where it has none."""
        give = getattr(self.core, "certificate", None)
        none = f"nothing is shown: {self.config.core['class_path']} gives no certificate"
        found: Certificate = Certificate(none, ()) if give is None else give()
        note = "the remainder is trained by gradient, and seeds of it may differ"
        return replace(
            found,
            unique=f"the core alone: {found.unique}",
            notes=(*found.notes, note),
            settles="form",
        )


def centred(logits: Float[Tensor, "*index vocab"]) -> Float[Tensor, "*index vocab"]:
    """Less their mean over the outputs, which no probability depends on."""
    return logits - logits.mean(-1, keepdim=True)


def share(core: Float[Tensor, "*index vocab"], remainder: Float[Tensor, "*index vocab"]) -> float:
    """|R| / (|C| + |R|) of what is centred, in [0, 1]; 0 where both say nothing."""
    c, r = (float(centred(x.detach()).norm()) for x in (core, remainder))
    return share_of(c, r)


def share_of(core: float, remainder: float) -> float:
    """The same from the two norms."""
    return remainder / (core + remainder) if core + remainder else 0.0


def _part(config: CoreRemainderConfig, name: str) -> nn.Module:
    part = getattr(config, name)
    sizes = {"vocab": config.vocab, "context": config.context, "outputs": config.vocab}
    built = build(part["class_path"], part.get("init_args", {}), sizes)
    if not getattr(built, "causal", False):
        raise ValueError(f"{name}: wanted a model of running text, got {part['class_path']}")
    return built


def _parts(model: nn.Module, name: str, tokens: Tensor) -> Decomposition:
    """The model's own parts under its name, or its output as one part."""
    found = getattr(model, "decompose", lambda _: None)(tokens)
    if found is None or found.quantity not in ADDITIVE:
        output = model(tokens)
        whole = torch.eye(output.shape[-1], dtype=output.dtype, device=output.device)
        return Decomposition((Component(name, output, whole),), Exactness.unconditional())
    components = tuple(replace(c, name=f"{name}.{c.name}") for c in found.components)
    return replace(
        found, components=components, state={f"{name}.{n}": v for n, v in found.state.items()}
    )


def _under(part: str, parameters: Parameters) -> dict[str, Tensor]:
    prefix = f"{part}."
    return {n.removeprefix(prefix): v for n, v in parameters.items() if n.startswith(prefix)}
