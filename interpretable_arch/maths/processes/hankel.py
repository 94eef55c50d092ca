"""An automaton from the Hankel matrix of a text by one singular value decomposition.

    H[u, v] = P(the past is u, the future is v) = f_u . g_v
    H_x[u, v] = P(past u, then x, then future v) = f_u A_x g_v

for classes of pasts and of futures, f_u the sum of the rows that lead to u, g_v that of the columns
that v leaves. Rows and columns are divided by the square roots of their probabilities: the singular
values are then the canonical correlations of past and future, 1 first, and equal counts are equally
uncertain (Balle, Quattoni & Carreras 2014; scaling: Larimore 1990). With U S V^T cut at r,

    A_x = S^-1 U^T H_x V,    start = sqrt(P(v)) V,    end = S^-1 U^T sqrt(P(u)).

No seed, no step. With independent past and future the scaled matrix of n counts has no singular
value above (sqrt(rows) + sqrt(columns)) / sqrt(n) but the first (Bai & Yin 1993): the `edge`, above
which a state is told from noise.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interpretable_arch.maths.processes.distance import States


@dataclass(frozen=True, eq=False)
class Triples:
    """What stands around each symbol: class of the past, symbol, classes of the future before it
    and after it, [place] each."""

    past: Int[Tensor, " place"]
    symbol: Int[Tensor, " place"]
    future: Int[Tensor, " place"]
    after: Int[Tensor, " place"]

    def at(self, chosen: Tensor) -> "Triples":
        """The places of a mask or of numbers."""
        return Triples(*(part[chosen] for part in vars(self).values()))


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The scaled Hankel matrix decomposed; `correlations` are all its singular values, descending.

    `projected` is U^T H_x V for the leading ones; `count` the number of places counted.
    """

    correlations: Float[Tensor, " value"]
    edge: float
    projected: Float[Tensor, "vocab lead lead"]
    rows: Float[Tensor, " lead"]
    columns: Float[Tensor, " lead"]
    count: int

    @property
    def held(self) -> int:
        """The most states that an automaton of this matrix can have."""
        seen = self.correlations[: len(self.rows)]
        return int((seen > 1e-9 * seen[0]).sum())

    @property
    def above_noise(self) -> int:
        """How many correlations lie above the edge, at least one."""
        return max(1, min(int((self.correlations > self.edge).sum()), self.held))

    def automaton(self, states: int) -> States:
        """start, operators, end of the automaton with so many states.

        Raises ValueError for more than the matrix holds.
        """
        if not 1 <= states <= self.held:
            raise ValueError(
                f"states: wanted 1 to {self.held}, the rank of the Hankel matrix, got {states}"
            )
        size = self.correlations[:states]
        operators = self.projected[:, :states, :states] / size[:, None]
        return self.columns[:states], operators, self.rows[:states] / size


def spectrum(triples: Triples, vocab: int, lead: int) -> Spectrum:
    """The spectrum of the counted triples, ready for automata of up to `lead` states.

    Raises ValueError where there are none.
    """
    if len(triples.past) == 0:
        raise ValueError("triples: wanted at least one place, got none")
    rows, columns = (int(part.max()) + 1 for part in (triples.past, triples.future))
    count = len(triples.past)
    pairs = (triples.past * columns + triples.future).bincount(minlength=rows * columns)
    joint = pairs.reshape(rows, columns).double() / count
    before, behind = joint.sum(1), joint.sum(0)
    row_scale, column_scale = _inverse_root(before), _inverse_root(behind)
    scaled = row_scale[:, None] * joint * column_scale
    U, S, Vh = torch.linalg.svd(scaled, full_matrices=False)
    lead = min(lead, len(S))
    U, V = U[:, :lead] * _signs(U[:, :lead]), Vh[:lead].T * _signs(U[:, :lead])
    moved = _moved(triples, vocab, rows, column_scale[:, None] * V) / count
    return Spectrum(
        correlations=S,
        edge=(rows**0.5 + columns**0.5) / count**0.5,
        projected=torch.einsum("ur,xus->xrs", row_scale[:, None] * U, moved),
        rows=U.T @ before.sqrt(),
        columns=V.T @ behind.sqrt(),
        count=count,
    )


def _moved(
    triples: Triples, vocab: int, rows: int, V: Float[Tensor, "column lead"]
) -> Float[Tensor, "vocab row lead"]:
    """Counts of past u, symbol x and the future after it, times V; sparse, as most are none."""
    from scipy.sparse import coo_matrix

    # A class of futures can occur after a symbol in places where none begins before one.
    known = triples.after < len(V)
    where = (triples.symbol * rows + triples.past)[known], triples.after[known]
    ones = torch.ones(len(where[0]), dtype=torch.float64)
    shape = (vocab * rows, len(V))
    counts = coo_matrix((ones.numpy(), (where[0].numpy(), where[1].numpy())), shape).tocsr()
    return torch.from_numpy(counts @ V.numpy()).reshape(vocab, rows, V.shape[1])


def _inverse_root(p: Tensor) -> Tensor:
    return torch.where(p > 0, p, 1).rsqrt()


def _signs(vectors: Tensor) -> Tensor:
    """The sign of the largest entry of each column."""
    largest = vectors.abs().argmax(0, keepdim=True)
    return vectors.gather(0, largest).sign()
