"""How many weights of a trained model are not zero: exact counts, matrix by matrix.

Biases and gains are counted apart, as weight sparsity (Gao et al. 2025, arXiv 2511.13653) leaves
them dense.
"""

from torch import Tensor, nn

from analysis.exhibits import Table
from analysis.reading.finding import Finding
from interpretable_arch.maths.sparsity import is_matrix
from training.data.task import Task


def read_sparsity(model: nn.Module, task: Task) -> Finding | None:
    """Non-zero weights of each matrix, tied ones once; None where no weight is zero."""
    named = dict(model.named_parameters())
    matrices = {n: p.detach() for n, p in named.items() if is_matrix(n, p.dim())}
    counts = {n: non_zero(p) for n, p in matrices.items()}
    total = sum(p.numel() for p in matrices.values())
    if sum(counts.values()) == total:
        return None
    others = sum(non_zero(p) for n, p in named.items() if n not in matrices)
    rows = tuple(
        (n, float(counts[n]), float(p.numel()), counts[n] / p.numel()) for n, p in matrices.items()
    )
    return Finding(
        title="Weight sparsity",
        figures={
            "non-zero weights": float(sum(counts.values())),
            "weights": float(total),
            "share of weights": sum(counts.values()) / total,
            "non-zero biases and gains": float(others),
        },
        exhibits=(Table("Non-zero weights", ("matrix", "non-zero", "entries", "share"), rows),),
    )


def non_zero(values: Tensor) -> int:
    """Entries other than exactly 0 (of either sign)."""
    return int(values.ne(0).sum())
