"""The model's own formulas, run again by sympy on held-out inputs, beside the model's numbers.

Nothing of the model is used but the text and the constants of the formula; see `expression`.
"""

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from analysis.exhibits import Table
from analysis.expression import rerun
from analysis.reading.finding import Finding
from interpretable_arch.interpretation import Formula
from training.data.task import Task

MOST_CONSTANTS = 30_000  # exact rationals: more would take minutes
INPUTS = 2


def read_rerun(model: nn.Module, task: Task) -> Finding | None:
    """Each formula on two held-out inputs; None for a model without formulas."""
    interpretation = getattr(model, "interpretation", None)
    sample = task.sample[:INPUTS]
    if interpretation is None:
        return None
    formulas = [f for f in interpretation().formulas if _small(f) and _fits(f, sample)]
    if not formulas:
        return None
    gaps = {f.name: largest_gap(model, f, sample) for f in formulas}
    rows = [(f.name, f.expression, f.quantity, f.error, gaps[f.name]) for f in formulas]
    columns = ("formula", "expression", "quantity", "stated error", "apart, by sympy")
    return Finding(
        title="Formulas run again",
        figures={f"{name}: apart, by sympy": gap for name, gap in gaps.items()},
        exhibits=(Table("Formulas", columns, tuple(rows)),),
        notes=(f"On {len(sample)} held-out inputs, in exact arithmetic rounded once at the end.",),
    )


def largest_gap(model: nn.Module, formula: Formula, inputs: Shaped[Tensor, "input name"]) -> float:
    """Largest distance of the formula, run by sympy, from the model's own numbers at the inputs.

    Of a sequence model, at the last of as many tokens as the formula has inputs.
    """
    inputs = inputs[:, : len(formula.inputs)]
    wanted = model(inputs)[:, -1] if getattr(model, "causal", False) else model(inputs)
    if formula.quantity == "probability":
        wanted = wanted.softmax(-1)
    found = [rerun(formula, dict(zip(formula.inputs, row, strict=True))) for row in inputs.tolist()]
    gaps = torch.from_numpy(np.stack(found)).reshape(wanted.shape) - wanted
    return float(gaps.detach().abs().max())


def _small(formula: Formula) -> bool:
    return sum(np.asarray(c).size for c in formula.constants.values()) <= MOST_CONSTANTS


def _fits(formula: Formula, sample: Tensor) -> bool:
    return sample.dim() == 2 and sample.shape[1] >= len(formula.inputs)
