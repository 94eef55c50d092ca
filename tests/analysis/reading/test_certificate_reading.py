"""Certificates as findings, and formulas run again by sympy."""

import math

import torch
from torch import nn

from analysis.reading.certificates import SETTLES, certificate_finding
from analysis.reading.formulas.rerun import read_rerun
from interpretable_arch.certificate import Certificate, Condition
from interpretable_arch.interpretation import Formula, Interpretation
from training.data import build_task


def test_a_failed_condition_is_said_and_counted():
    gap = Condition("gap of 1, 2", 0.0, "above", 1e-6)
    conditions = (gap, Condition("norm", 0.0, "below", 1.0))
    found = certificate_finding(Certificate("unique up to signs", conditions, {"curvature": 2.0}))
    assert found.figures == {
        SETTLES["optimum"]: 0.0,
        "gap of 1, 2": 0.0,
        "norm": 0.0,
        "curvature": 2.0,
    }
    assert found.notes[0].startswith("Not certified")
    assert "gap of 1, 2" in found.notes[1]
    good = certificate_finding(Certificate("unique up to signs", conditions[1:]))
    assert good.figures[SETTLES["optimum"]] == 1
    assert good.notes == ("unique up to signs",)


def test_a_form_that_is_fixed_is_not_called_the_one_optimum():
    gap = Condition("gap", 1.0, "above", 0.0)
    found = certificate_finding(Certificate("one form", (gap,), settles="form"))
    assert found.figures[SETTLES["form"]] == 1
    assert SETTLES["optimum"] not in found.figures


class Chain(nn.Module):
    """p(next | last) as a table; the formula may be given another one."""

    causal = True

    def __init__(self, vocab: int, off: float = 0.0) -> None:
        super().__init__()
        self.table = torch.rand(vocab, vocab, dtype=torch.float64)
        self.off = off

    def forward(self, tokens):
        return self.table[tokens].log()

    def interpretation(self):
        table = (self.table + self.off).numpy()
        formula = Formula("chain", "log(P[x1])", ("x0", "x1"), {"P": table}, "logits", 0.0)
        return Interpretation("", formulas=(formula,))


def test_the_printed_formula_is_run_again_by_sympy():
    task = build_task("planted_senses", {"tokens": 4000, "context": 8})
    apart = "chain: apart, by sympy"
    found = read_rerun(Chain(task.outputs), task)
    assert found is not None
    assert found.figures[apart] < 1e-14
    wrong = read_rerun(Chain(task.outputs, off=1.0), task)
    assert wrong is not None
    assert wrong.figures[apart] > math.log(1.5)


def test_a_model_without_formulas_has_none_to_run():
    task = build_task("planted_senses", {"tokens": 4000, "context": 8})
    assert read_rerun(nn.Linear(2, 2), task) is None
