"""What K models said on the same inputs: checked, without diverged seeds and unasked inputs."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

IGNORED_TARGET = -100


@dataclass(frozen=True)
class Probe:
    """The material of a comparison; `kept` numbers the seeds whose rows the tensors hold.

    Every tensor but the targets has those seeds first; what wasn't given is None.
    """

    diverged: tuple[bool, ...]
    kept: tuple[int, ...]
    outputs: Float[Tensor, "kept input output"]
    targets: Int[Tensor, "input"] | None
    representations: Float[Tensor, "kept example feature"] | None
    untrained_outputs: Float[Tensor, "kept input output"] | None
    untrained_representations: Float[Tensor, "kept example feature"] | None


def make_probe(
    outputs: Float[Tensor, "seed *input output"],
    *,
    targets: Int[Tensor, "..."] | None,
    representations: Float[Tensor, "..."] | None,
    untrained_outputs: Float[Tensor, "..."] | None,
    untrained_representations: Float[Tensor, "..."] | None,
    diverged: Sequence[bool] | None,
) -> Probe:
    """Check what is compared and keep what can be; a ValueError names the argument at fault."""
    if outputs.ndim < 3 or 0 in outputs.shape or outputs.shape[-1] < 2:
        wanted = "seed x input x output with at least two outputs"
        raise ValueError(f"outputs: wanted {wanted}, got shape {tuple(outputs.shape)}")
    seeds = len(outputs)
    flags = tuple(bool(flag) for flag in diverged) if diverged is not None else (False,) * seeds
    if len(flags) != seeds:
        raise ValueError(f"diverged: wanted one flag a seed, {seeds}, got {len(flags)}")
    if representations is not None and (representations.ndim != 3 or len(representations) != seeds):
        got = tuple(representations.shape)
        raise ValueError(f"representations: wanted {seeds} x input x feature, got shape {got}")
    _check_twin("untrained_outputs", untrained_outputs, outputs)
    _check_twin("untrained_representations", untrained_representations, representations)
    kept = tuple(seed for seed, flag in enumerate(flags) if not flag)
    asked = _asked(targets, outputs)
    return Probe(
        diverged=flags,
        kept=kept,
        outputs=_functions("outputs", outputs, kept, asked),
        targets=None if targets is None else targets.flatten()[asked],
        representations=_kept("representations", representations, kept),
        untrained_outputs=None
        if untrained_outputs is None
        else _functions("untrained_outputs", untrained_outputs, kept, asked),
        untrained_representations=_kept(
            "untrained_representations", untrained_representations, kept
        ),
    )


def _asked(targets: Tensor | None, outputs: Tensor) -> Tensor | slice:
    """Which inputs have a right answer: all of them where there are no targets."""
    if targets is None:
        return slice(None)
    if targets.shape != outputs.shape[1:-1]:
        wanted, got = tuple(outputs.shape[1:-1]), tuple(targets.shape)
        raise ValueError(f"targets: wanted one an input, shape {wanted}, got {got}")
    asked = targets.flatten() != IGNORED_TARGET
    answers = targets.flatten()[asked]
    if not len(answers):
        raise ValueError(f"targets: wanted at least one other than {IGNORED_TARGET}, got none")
    if int(answers.min()) < 0 or int(answers.max()) >= outputs.shape[-1]:
        got = f"{int(answers.min())} to {int(answers.max())}"
        raise ValueError(f"targets: wanted 0 to {outputs.shape[-1] - 1}, got {got}")
    return slice(None) if bool(asked.all()) else asked


def _functions(
    name: str, outputs: Tensor, kept: tuple[int, ...], asked: Tensor | slice
) -> Float[Tensor, "kept input output"]:
    flat = outputs.detach().flatten(1, -2)
    flat = flat if isinstance(asked, slice) else flat[:, asked.to(flat.device)]
    return _finite(name, flat, kept)


def _kept(name: str, values: Tensor | None, kept: tuple[int, ...]) -> Tensor | None:
    return None if values is None else _finite(name, values.detach(), kept)


def _finite(name: str, values: Tensor, kept: tuple[int, ...]) -> Tensor:
    bad = [seed for seed in kept if not bool(values[seed].isfinite().all())]
    if bad:
        wanted = "finite numbers from every seed not flagged as diverged"
        raise ValueError(f"{name}: wanted {wanted}, got others from seeds {bad}")
    return values if len(kept) == len(values) else values[list(kept)]


def _check_twin(name: str, untrained: Tensor | None, trained: Tensor | None) -> None:
    """Untrained models are the trained ones before their first step, so the shapes agree."""
    if untrained is None:
        return
    wanted = None if trained is None else tuple(trained.shape)
    if tuple(untrained.shape) != wanted:
        got = tuple(untrained.shape)
        raise ValueError(f"{name}: wanted the shape of the trained ones, {wanted}, got {got}")
