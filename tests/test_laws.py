"""`check_laws`: each law is kept by a sound model and broken by the fault that it is there for."""

import pytest
import torch
from torch import nn

from interpretable_arch import build
from interpretable_arch.certificate import Certificate, Condition
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.interpretation import Feature, Formula, Interpretation
from interpretable_arch.laws import check_laws
from interpretable_arch.symmetries.groups import Orthogonal
from interpretable_arch.symmetry import Action, Factor, Symmetry


class Line(nn.Module):
    """y = x w, one part a feature; `fault` plants what one law is there to find."""

    def __init__(self, fault: str = "", gain: bool = False) -> None:
        super().__init__()
        self.fault = fault
        self.weight = nn.Parameter(torch.randn(3, 2))
        self.gain = nn.Parameter(torch.ones(1)) if gain else 1.0

    def forward(self, x):
        return x @ self.weight * self.gain

    def decompose(self, x):
        read = x - x.mean(0) if self.fault == "mates" else x
        weight = 1.01 * self.weight if self.fault == "sum" else self.weight
        parts = [Component(f"x{i}", read[:, i : i + 1], weight[i : i + 1]) for i in range(3)]
        return Decomposition(tuple(parts), Exactness.unconditional())

    def symmetry(self):
        if self.fault != "turned":
            return Symmetry(())
        rows = Action("weight", 0)
        return Symmetry((Factor("rows", Orthogonal(3), (rows,)),))

    def interpretation(self):
        w = self.weight.detach()
        names = ["size", "size"] if self.fault == "names" else ["size", "mean"]
        features = (Feature(names[0], float(w.norm()), "|w|"), Feature(names[1], 0.0, "0"))
        constants = {f"w{i}": row.tolist() for i, row in enumerate(w)}
        expression = "x0 * w0 + x1 * w1" + (" + x2 * w2" if self.fault != "formula" else "")
        inputs = ("x0", "x1", "x2")
        formula = Formula("y", expression, inputs, constants, "value", 0.0)
        return Interpretation("", features, (formula,))

    def certificate(self):
        value = float("nan") if self.fault == "nan" else 1.0
        return Certificate("Unique.", (Condition("one", value, "above", 0.0),))


def broken(model: nn.Module) -> set[str]:
    torch.manual_seed(0)
    return {law.name for law in check_laws(model, torch.randn(20, 3)) if not law.kept}


def test_a_sound_model_keeps_all():
    laws = check_laws(Line(), torch.randn(20, 3))
    assert all(law.kept for law in laws), [str(law) for law in laws]
    assert len(laws) == 9


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        ("sum", "parts sum to the output"),
        ("mates", "parts do not depend on batch mates"),
        ("turned", "the symmetry leaves the output alone"),
        ("names", "one reading for all copies"),
        ("formula", "formulas give the model's numbers"),
    ],
)
def test_a_planted_fault_breaks_its_law(fault, law):
    assert law in broken(Line(fault))


def test_a_symmetry_that_is_left_out_is_seen():
    assert broken(Line(gain=True)) >= {"the declared symmetry is all there is"}


def test_what_is_no_number_breaks_the_law_and_is_not_lost_in_a_maximum():
    class Lost(Line):
        def decompose(self, x):
            found = super().decompose(x)
            parts = list(found.components)
            parts[1] = Component("x1", parts[1].coefficient * torch.nan, parts[1].direction)
            return Decomposition(tuple(parts), Exactness.unconditional())

    assert broken(Lost()) >= {"parts sum to the output", "parts do not depend on batch mates"}


def test_a_model_without_answers_is_not_asked():
    laws = check_laws(nn.Linear(3, 2), torch.randn(4, 3))
    assert all(law.value is None and not law.kept for law in laws)
    assert "no decompose()" in str(laws[0])


def test_too_few_inputs_are_said():
    with pytest.raises(ValueError, match="inputs: wanted two or more, got 1"):
        check_laws(Line(), torch.randn(1, 3))
    notes = {law.name: law.note for law in check_laws(Line(), torch.randn(2, 3))}
    assert "4 outputs cannot tell 6" in notes["the declared symmetry is all there is"]


def test_an_output_of_zero_that_stays_zero_is_no_fault():
    class Zero(Line):
        def forward(self, x):
            return 0 * super().forward(x)

    laws = {law.name: law for law in check_laws(Zero("turned"), torch.randn(20, 3))}
    assert laws["the symmetry leaves the output alone"].kept


def test_a_reading_without_formulas_is_not_asked_for_them():
    class Mute(Line):
        def interpretation(self):
            return Interpretation("")

    laws = {law.name: law for law in check_laws(Mute(), torch.randn(20, 3))}
    assert laws["formulas give the model's numbers"].value is None
    assert laws["one reading for all copies"].kept


def test_the_model_is_left_as_it_was():
    model = Line()
    before = model.weight.detach().clone()
    check_laws(model, torch.randn(20, 3))
    assert model.weight.dtype == torch.float32
    torch.testing.assert_close(model.weight.detach(), before, rtol=0, atol=0)


def test_a_registered_model_with_a_symmetry_keeps_all():
    model = build("group_orthogonal", {"order": 5, "d": 3}, {})
    pairs = torch.cartesian_prod(torch.arange(5), torch.arange(5))
    laws = [law for law in check_laws(model, pairs) if law.value is not None]
    assert len(laws) >= 8
    assert all(law.kept for law in laws), [str(law) for law in laws]
