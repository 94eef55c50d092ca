"""A process given by one matrix a token, A_w [n, n], and what a smaller tuple X sees of it.

    push: U -> sum_w A_w U X_w*,    pull: V -> sum_w A_w* V X_w,    compress: R A_w S

A dense tuple is any; a column tuple is A_w = a_w e_w^T, one state a token: the tuple of a Markov
chain over tokens, A_w[u, w] = sqrt p(w | u), which is only ever stored as the matrix [u, w].
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

Vector = Complex[Tensor, "n d"]
Small = Complex[Tensor, "vocab d d"]


@dataclass(frozen=True, eq=False)
class DenseTuple:
    """A [vocab, n, n], any complex matrices; `mixed` is the matrix of `push` on flat [n, d], and
    `sizes` are |lambda_1| and |lambda_2| of sum_w A_w (x) conj A_w."""

    A: Complex[Tensor, "vocab n n"]

    @property
    def size(self) -> int:
        return self.A.shape[-1]

    def push(self, U: Vector, X: Small) -> Vector:
        return torch.einsum("wuv,vj,wij->ui", self.A, U, X.conj())

    def pull(self, V: Vector, X: Small) -> Vector:
        return torch.einsum("wuv,ui,wij->vj", self.A.conj(), V, X)

    def compress(self, R: Complex[Tensor, "d n"], S: Vector) -> Small:
        return R @ self.A @ S

    def mixed(self, X: Small) -> Complex[Tensor, "nd nd"]:
        size = self.size * X.shape[-1]
        return torch.einsum("wuv,wij->uivj", self.A, X.conj()).reshape(size, size)

    def sizes(self) -> tuple[float, float]:
        return _two_largest(self.mixed(self.A))


@dataclass(frozen=True, eq=False)
class ColumnTuple:
    """`root` [u, w] holds a_w[u]: token w leads to state w, whatever came before."""

    root: Complex[Tensor, "n n"]

    @property
    def size(self) -> int:
        return len(self.root)

    def push(self, U: Vector, X: Small) -> Vector:
        return self.root @ torch.einsum("wj,wij->wi", U, X.conj())

    def pull(self, V: Vector, X: Small) -> Vector:
        return torch.einsum("wi,wij->wj", self.root.mH @ V, X)

    def compress(self, R: Complex[Tensor, "d n"], S: Vector) -> Small:
        return torch.einsum("iw,wj->wij", R @ self.root, S)

    def mixed(self, X: Small) -> Complex[Tensor, "nd nd"]:
        size = self.size * X.shape[-1]
        return torch.einsum("uw,wij->uiwj", self.root, X.conj()).reshape(size, size)

    def sizes(self) -> tuple[float, float]:
        # Images lie on the pairs (w, w), where the transfer operator is |root|^2.
        return _two_largest(self.root.abs().square())


OperatorTuple = DenseTuple | ColumnTuple


def _two_largest(matrix: Tensor) -> tuple[float, float]:
    sizes = torch.linalg.eigvals(matrix).abs().sort(descending=True).values
    return float(sizes[0]), float(sizes[1]) if len(sizes) > 1 else 0.0


def operator_tuple(operators: Float[Tensor, "vocab n n 2"]) -> OperatorTuple:
    """The tuple of these matrices (real and imaginary part last), as columns where it is one."""
    A = torch.view_as_complex(operators.double().contiguous())
    vocab, n = A.shape[:2]
    columns = A.diagonal(dim1=0, dim2=2) if vocab == n else None
    if columns is not None and int((A != 0).sum()) == int((columns != 0).sum()):
        return ColumnTuple(columns.contiguous())
    return DenseTuple(A)


def check_inside(name: str, symbols: Int[Tensor, "..."], count: int) -> None:
    """ValueError for the first of the symbols that is none of `count`: it would pass for another's
    pair."""
    outside = symbols[(symbols < 0) | (symbols >= count)]
    if len(outside):
        wanted = f"{name}: wanted 0 to {count - 1}, as there are {count}"
        raise ValueError(f"{wanted}, got {int(outside[0])}")


def bigram_tuple(
    batches: Sequence[tuple[Int[Tensor, "..."], Int[Tensor, "..."]]], vocab: int
) -> ColumnTuple:
    """sqrt p(w | u), counted in pairs of a token and the one that follows it.

    A token that nothing follows is followed by any, as often as it occurs; targets below 0 are not
    counted. Raises ValueError where there is no pair, and for a token outside the vocabulary.
    """
    counts = torch.zeros(vocab * vocab, dtype=torch.float64)
    for tokens, following in batches:
        counted = following >= 0
        first, second = tokens[counted], following[counted]
        check_inside("tokens", torch.cat([first, second]), vocab)
        counts += torch.bincount((first * vocab + second).cpu(), minlength=vocab * vocab)
    table = counts.reshape(vocab, vocab)
    if not bool(table.any()):
        raise ValueError("batches: wanted a token with one that follows it, got none")
    p = torch.where(table.sum(1, keepdim=True) > 0, table, table.sum(0))
    root = (p / p.sum(1, keepdim=True)).sqrt()
    return ColumnTuple(torch.complex(root, torch.zeros_like(root)))
