"""What K models are compared on, whatever they came from: our runs, files, tensors.

Each field is one level of comparison and may be missing: what is missing is said, not guessed.
Seeds may differ in width where they are of different shapes, which is why representations and
dictionaries are lists of one tensor a seed. Nulls are materials of the same kind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor

from analysis.stability.entropies.classes import UNREAD
from analysis.stability.weights.evaluation import Evaluation
from interpretable_arch.interpretation import Interpretation
from interpretable_arch.symmetry import Parameters, Symmetry


@dataclass(frozen=True, eq=False)
class Material:
    """K models' outputs, representations, features, weights and interpretations, a seed each.

    names            what the seeds are called
    architectures    of what architecture each is, one a seed; all alike where not said
    diverged         one flag a seed; what such a seed holds is never read
    outputs          seed x input x output, logits
    outputs_as       how values were made logits, in words, "" where outputs are logits
    targets          right answers, one an input; below 0 where an input has none
    representations  by site: one [input, feature] a seed, on the same inputs
    dictionaries     by kind ("decoder", "encoder"): one [feature, d] a seed, all in one space
    activations      by kind: one [input, feature] a seed, on the same inputs, matched as features
    parameters       named weights, one mapping a seed, with the `symmetries` that act on them
    evaluation       what any weights of the architecture answer, for losses between models
    interpretations  what each model says of itself, None where it says nothing
    labels           what solutions are counted by instead of the interpretations' labels
    losses           held-out loss, one a seed
    untrained        the same seeds before their first step
    shuffled         seeds of the same architecture trained on answers dealt anew
    stress           the same seeds on other inputs, on which outputs are compared once more
    factors          by factor ("init", "order", "repeat"): its level in each seed
    optimiser        what trained them ("adam", "sgd", ..), "" where it is not known
    varied           what the seeds vary, in words, "" where they vary all that is drawn
    threshold        largest root-mean-square sqrt(JSD) in a solution class, stated before looking
    whole            all runs of a crossed study, of which these are the independent ones
    row_counts       by site: the rows it had before they were thinned; unknown where not given
    absent           level -> why there is none, for what could not be collected
    """

    names: tuple[str, ...]
    architectures: tuple[str, ...] = ()
    diverged: tuple[bool, ...] = ()
    outputs: Float[Tensor, "seed input output"] | None = None
    outputs_as: str = ""
    targets: Int[Tensor, "input"] | None = None
    representations: Mapping[str, tuple[Tensor, ...]] = field(default_factory=dict)
    dictionaries: Mapping[str, tuple[Tensor, ...]] = field(default_factory=dict)
    activations: Mapping[str, tuple[Tensor, ...]] = field(default_factory=dict)
    parameters: tuple[Parameters, ...] = ()
    symmetries: tuple[Symmetry, ...] = ()
    evaluation: Evaluation | None = None
    interpretations: tuple[Interpretation | None, ...] = ()
    labels: tuple[str, ...] = ()
    losses: tuple[float, ...] = ()
    untrained: "Material | None" = None
    shuffled: "Material | None" = None
    stress: "Material | None" = None
    factors: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    optimiser: str = ""
    varied: str = ""
    threshold: float = 0.1
    whole: "Material | None" = None
    row_counts: Mapping[str, int] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def kept(self) -> tuple[int, ...]:
        """The seeds that did not diverge."""
        flags = self.diverged or (False,) * len(self.names)
        return tuple(seed for seed, flag in enumerate(flags) if not flag)

    @property
    def asked_outputs(self) -> Float[Tensor, "kept asked output"] | None:
        """Outputs of the kept seeds at the inputs that have an answer: a target below 0 has none.

        None without outputs; all inputs where no targets were given.
        """
        if self.outputs is None:
            return None
        outputs = self.outputs[list(self.kept)]
        return outputs if self.targets is None else outputs[:, self.targets >= 0]

    @property
    def solution_labels(self) -> list[str]:
        """What each kept seed calls its solution; empty where one of them names none."""
        given = self.labels or tuple(each.label if each else "" for each in self.interpretations)
        labels = [given[seed] for seed in self.kept] if given else []
        told = all(label and not label.startswith(UNREAD) for label in labels)
        return labels if told else []

    def only(self, places: Sequence[int]) -> "Material":
        """The same material of these seeds alone, in this order, untrained and stressed too.

        Shuffled training is of seeds of its own and stays.
        """
        changed: dict[str, Any] = {}
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, Mapping) and entry.name not in ("absent", "row_counts"):
                changed[entry.name] = {k: tuple(v[p] for p in places) for k, v in value.items()}
            elif isinstance(value, tuple) and value:
                changed[entry.name] = tuple(value[p] for p in places)
            elif isinstance(value, Material) and entry.name in ("untrained", "stress"):
                changed[entry.name] = value.only(places)
        if self.outputs is not None:
            changed["outputs"] = self.outputs[list(places)]
        return replace(self, **changed)
