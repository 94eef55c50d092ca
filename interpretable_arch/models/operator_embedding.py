"""The operator embedding (matrix-product embedding): a matrix a token by maximum likelihood.

    maximise  (1/n) log rho(X_x1 ... X_xn)    with  sum_w X_w X_w* = 1

over the text x (J. Van Name, matrix-product embedding, 2023). For a long text this is half the mean
log-likelihood of the Born machine with these matrices. `fit_data` maximises that to convergence by
L-BFGS over tuples of any sum, carried to sum 1, on the first `most` tokens; gradient steps on the
isometries may follow.

It is the honest counter-example to LSRDR: the value can be pinned, the model is not. Of n distinct
tokens in a ring rho is at most (d/n)^{n/2}, met by X_i = sqrt(d/n) f_i f_{i+1}* for *every*
unit-norm tight frame f, of which many are carried into each other by no unitary.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor
from torch.nn import functional as F

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.certificate import Certificate, Condition
from interpretable_arch.interpretation import Interpretation
from interpretable_arch.maths.polar import newton_schulz
from interpretable_arch.maths.processes.isometry import nearest_isometry
from interpretable_arch.maths.processes.uniform_mps import anchors, isometric
from interpretable_arch.models.born_machine import BornMachine
from interpretable_arch.readings.born_reading import (
    conditions,
    features,
    formulas,
    label,
    token_traces,
    undetermined,
)
from interpretable_arch.symmetries.matrix_product import UnitaryGauge
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry


@dataclass(frozen=True)
class OperatorEmbeddingConfig:
    """`d` by `d` matrices, fitted to the first `most` tokens in windows of `window`."""

    vocab: int
    d: int = 3
    most: int = 4096
    window: int = 64
    iterations: int = 1000

    def __post_init__(self) -> None:
        at_least_one(vocab=self.vocab, d=self.d, most=self.most, window=self.window)
        at_least_one(iterations=self.iterations)


EXAMPLES = {
    "plain": OperatorEmbeddingConfig(vocab=4, d=2),
    "wide": OperatorEmbeddingConfig(vocab=3, d=3),
}


class OperatorEmbedding(BornMachine):
    """X [vocab, d, d, 2], real and imaginary, with sum_w X_w X_w* = 1; `slope` is the norm of the
    loss's gradient where the fit ended, at `fitted_X`."""

    slope: Float[Tensor, ""]
    fitted_X: Float[Tensor, "vocab d d 2"]

    def __init__(self, config: OperatorEmbeddingConfig) -> None:
        super().__init__(config.vocab, config.d)
        self.config = config
        self.register_buffer("slope", torch.tensor(1.0))
        self.register_buffer("fitted_X", self.X.detach().clone())

    def started(self, X: Complex[Tensor, "vocab d d"]) -> Complex[Tensor, "vocab d d"]:
        return _unstacked(nearest_isometry(_stacked(X)), X)

    def isometric(self) -> Complex[Tensor, "vocab d d"]:
        """X_w past one Newton-Schulz step, which leaves values alone and projects the gradient on
        the tangent space."""
        X = self.matrices()
        return _unstacked(newton_schulz(_stacked(X), 1), X)

    def constrain(self, parameters: Parameters) -> dict[str, Tensor]:
        """Back to sum_w X_w X_w* = 1 after a step (any leading axes)."""
        X = torch.view_as_complex(parameters["X"])
        moved = _unstacked(nearest_isometry(_stacked(X)), X)
        return {**parameters, "X": torch.view_as_real(moved).contiguous()}

    def fit_data(
        self, batches: Sequence[tuple[Int[Tensor, "*batch"], Int[Tensor, "*batch"]]]
    ) -> None:
        """Climb to a maximum of the likelihood from X as it is, the same data for every start.

        Raises ValueError for data without a token that another follows.
        """
        inputs, targets = _windows(batches, self.config.most, self.config.window)
        model = deepcopy(self).double()
        free = model.X.detach().clone().requires_grad_()
        search = torch.optim.LBFGS(
            [free],
            max_iter=self.config.iterations,
            tolerance_grad=1e-9,
            tolerance_change=1e-14,
            history_size=40,
            line_search_fn="strong_wolfe",
        )

        def evaluate() -> Float[Tensor, ""]:
            search.zero_grad()
            X = torch.view_as_real(isometric(torch.view_as_complex(free)))
            scored = torch.func.functional_call(model, {"X": X}, (inputs,))
            loss = F.cross_entropy(scored.flatten(0, -2), targets.flatten())
            loss.backward()
            return loss

        with torch.enable_grad():
            search.step(evaluate)
            evaluate()
        assert free.grad is not None
        with torch.no_grad():
            self.slope.copy_(free.grad.norm())
            self.X.copy_(torch.view_as_real(isometric(torch.view_as_complex(free))))
            self.fitted_X.copy_(self.X)

    @torch.no_grad()
    def moved(self) -> float:
        """How far X has gone since the fit, largest entry, both in canonical form."""
        then = torch.view_as_complex(self.fitted_X).to(torch.complex128)
        now = self.matrices().to(torch.complex128)
        return UnitaryGauge(self.vocab, self.d).apart(now, then)

    def log_radius(self, tokens: Int[Tensor, " position"]) -> Float[Tensor, ""]:
        """(1/n) log rho(X_x1 ... X_xn), in nats a token: what is maximised, exactly."""
        return log_radius(self.isometric(), tokens)

    def symmetry(self) -> Symmetry:
        """PU(d), a phase of each token and conjugation."""
        whole = (Action("X", 0, complex=True),)
        return Symmetry((Factor("gauge", UnitaryGauge(self.vocab, self.d), whole),))

    @torch.no_grad()
    def interpretation(self) -> Interpretation:
        """Schmidt weights of a cut and the product formula; the label rounds the weights."""
        X = self.matrices().to(torch.complex128)
        return Interpretation(label(X), features(X), formulas(X))

    @torch.no_grad()
    def certificate(self) -> Certificate:
        """What fixes the canonical form here; nothing fixes the model."""
        X = self.matrices().to(torch.complex128)
        found, traces = anchors(X), token_traces(X)
        eye = torch.eye(self.d, dtype=X.dtype, device=X.device)
        off = float((torch.einsum("wij,wkj->ik", X, X.conj()) - eye).abs().max())
        return Certificate(
            "These matrices have one canonical form. The likelihood is not convex, and of distinct "
            "tokens every unit-norm tight frame is optimal: the value is unique, the model is not.",
            (
                Condition(
                    "gradient norm of the loss when fitted", float(self.slope), "below", 1e-6
                ),
                Condition("X moved since the fit", self.moved(), "below", 1e-6),
                *conditions(found, traces),
                Condition("distance from 1", off, "below", 1e-4),
            ),
            {},
            undetermined(found, traces),
            settles="form",
        )


def log_radius(
    X: Complex[Tensor, "vocab d d"], tokens: Int[Tensor, " position"]
) -> Float[Tensor, ""]:
    """(1/n) log of the spectral radius of X_x1 ... X_xn, scaled on the way; -inf where it is 0.

    Raises ValueError for no tokens.
    """
    if len(tokens) == 0:
        raise ValueError("tokens: wanted 1 or more, got none")
    product = torch.eye(X.shape[-1], dtype=X.dtype, device=X.device)
    logs = torch.zeros((), dtype=X.real.dtype, device=X.device)
    for token in tokens.tolist():
        product = product @ X[token]
        size = product.abs().amax()
        if bool(size == 0):
            return torch.full_like(logs, -torch.inf)
        product, logs = product / size, logs + size.log()
    return (logs + torch.linalg.eigvals(product).abs().amax().log()) / len(tokens)


def _windows(
    batches: Sequence[tuple[Tensor, Tensor]], most: int, window: int
) -> tuple[Int[Tensor, "batch position"], Int[Tensor, "batch position"]]:
    """The first `most` tokens of the first stretch, or as many rows of examples, none longer."""
    if not batches or batches[0][0].numel() == 0:
        raise ValueError("batches: wanted a token with one that follows it, got none")
    tokens, following = batches[0]
    if len(tokens) > 1:
        rows = max(1, most // tokens.shape[-1])
        return tokens[:rows, :most], following[:rows, :most]
    window = min(window, most, tokens.shape[-1])
    kept = min(most, tokens.shape[-1]) // window * window
    return tokens[0, :kept].reshape(-1, window), following[0, :kept].reshape(-1, window)


def _stacked(X: Tensor) -> Tensor:
    """[vocab * d, d] with orthonormal columns: X_w* one below the other."""
    return X.mH.flatten(-3, -2)


def _unstacked(stacked: Tensor, like: Tensor) -> Tensor:
    return stacked.reshape(like.shape).mH.resolve_conj()
