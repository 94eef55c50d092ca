"""Regression tasks on known formulas: what they hold, safe parsing, named mistakes."""

import pytest
import torch

from training.data import build_task
from training.data.formulas import FORMULAS, evaluate_formula, formulas, variables


def test_hellokan_by_hand():
    task = formulas(examples=20, held_out=10)
    x, y = task.train.inputs.T
    assert task.train.inputs.dtype == torch.float64
    assert (len(task.train), len(task.held_out)) == (20, 10)
    wanted = ((torch.pi * x).sin() + y**2).exp()[:, None]
    torch.testing.assert_close(task.train.targets, wanted)
    assert task.dimensions == {"features": 2, "outputs": 1}
    assert task.truth == FORMULAS["hellokan"]


@pytest.mark.parametrize("name", list(FORMULAS))
def test_every_name_builds(name):
    task = build_task("formulas", {"formula": name, "examples": 30})
    assert bool(task.train.targets.isfinite().all())


def test_noise_is_in_training_targets_only():
    clean, noisy = formulas(examples=500), formulas(examples=500, noise=0.5)
    torch.testing.assert_close(clean.held_out.targets, noisy.held_out.targets)
    gap = noisy.train.targets - clean.train.targets
    assert float(gap.std() / clean.train.targets.std()) == pytest.approx(0.5, rel=0.15)


def test_a_split_seed_draws_other_points():
    assert not torch.equal(formulas().train.inputs, formulas(split_seed=1).train.inputs)
    assert torch.equal(formulas().train.inputs, formulas().train.inputs)


def test_variables_are_in_alphabetical_order_and_constants_are_none():
    assert variables("z * pi + sin(x) - E") == ("x", "z")
    values = evaluate_formula("z - x", torch.tensor([[1.0, 5.0]]), ("x", "z"))
    assert values.tolist() == [[4.0]]


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"formula": "open(x)"}, "formula"),
        ({"formula": "x."}, "formula"),
        ({"formula": "1 + 2"}, "formula"),
        ({"formula": "log(x)"}, "finite"),
        ({"examples": 0}, "examples"),
        ({"low": 1.0}, "high"),
        ({"noise": -1.0}, "noise"),
    ],
)
def test_a_mistake_is_named(arguments, named):
    with pytest.raises(ValueError, match=named):
        formulas(**arguments)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("helokan", "did you mean 'hellokan'"),
        ("x + 1/0", "has no value"),
        ("x[0]", "wants no indexing"),
    ],
)
def test_a_formula_that_is_none_is_one_line(formula, message):
    with pytest.raises(ValueError, match=message) as caught:
        formulas(formula)
    assert "\n" not in str(caught.value)
