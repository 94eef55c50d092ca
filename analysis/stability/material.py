"""What K models are compared on, whatever they came from: our runs, files, tensors.

Each field is one level of comparison and may be missing: what is missing is said, not guessed.
Seeds may differ in width where they are of different shapes, which is why representations and
dictionaries are lists of one tensor a seed. Nulls are materials of the same kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxtyping import Float, Int
from torch import Tensor

from interpretable_arch.interpretation import Interpretation
from interpretable_arch.symmetry import Parameters, Symmetry


@dataclass(frozen=True, eq=False)
class Material:
    """K models' outputs, representations, features, weights and interpretations, a seed each.

    names            what the seeds are called
    architectures    of what architecture each is, one a seed; all alike where not said
    diverged         one flag a seed; what such a seed holds is never read
    outputs          seed x input x output, logits
    targets          right answers, one an input
    representations  by site: one [input, feature] a seed, on the same inputs
    dictionaries     by kind ("decoder", "encoder"): one [feature, d] a seed, all in one space
    activations      by kind: one [input, feature] a seed, on the same inputs, matched as features
    parameters       named weights, one mapping a seed, with the `symmetries` that act on them
    interpretations  what each model says of itself, None where it says nothing
    losses           held-out loss, one a seed
    untrained        the same seeds before their first step
    shuffled         seeds of the same architecture trained on answers dealt anew
    factors          by factor ("init", "order", "repeat"): its level in each seed
    absent           level -> why there is none, for what could not be collected
    """

    names: tuple[str, ...]
    architectures: tuple[str, ...] = ()
    diverged: tuple[bool, ...] = ()
    outputs: Float[Tensor, "seed input output"] | None = None
    targets: Int[Tensor, "input"] | None = None
    representations: Mapping[str, tuple[Tensor, ...]] = field(default_factory=dict)
    dictionaries: Mapping[str, tuple[Tensor, ...]] = field(default_factory=dict)
    activations: Mapping[str, tuple[Tensor, ...]] = field(default_factory=dict)
    parameters: tuple[Parameters, ...] = ()
    symmetries: tuple[Symmetry, ...] = ()
    interpretations: tuple[Interpretation | None, ...] = ()
    losses: tuple[float, ...] = ()
    untrained: "Material | None" = None
    shuffled: "Material | None" = None
    factors: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def kept(self) -> tuple[int, ...]:
        """The seeds that did not diverge."""
        flags = self.diverged or (False,) * len(self.names)
        return tuple(seed for seed, flag in enumerate(flags) if not flag)
