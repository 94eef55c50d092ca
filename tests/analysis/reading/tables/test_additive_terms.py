"""What is read off an additive model: names, shares, pure curves, and its formula by sympy."""

import json

import pytest
import torch
from torch import nn

from analysis.exhibits import Heatmap, Lines, Table
from analysis.reading.finding import Finding
from analysis.reading.formulas.rerun import read_rerun
from analysis.reading.tables.additive_terms import left_over, read_additive_terms, terms_of
from interpretable_arch.models.additive import Additive, AdditiveConfig
from training.data.tables import tables
from training.data.task import Split, Task


def planted(outputs: int = 2) -> tuple[Additive, Task]:
    """A class (or a value) that rests on a, and on b with c; d is idle."""
    generator = torch.Generator().manual_seed(0)
    x = 2 * torch.rand(300, 4, generator=generator, dtype=torch.float64) - 1
    score = 2 * x[:, 0] + 3 * x[:, 1] * x[:, 2]
    targets = score[:, None] if outputs == 1 else (score > 0).long()
    data = Split(x, targets)
    labels = ("value",) if outputs == 1 else ("no", "yes")
    sizes = {"features": 4, "outputs": outputs}
    task = Task("planted", data, data, outputs, labels, sizes, features=("a", "b", "c", "d"))
    torch.manual_seed(0)
    config = AdditiveConfig(**sizes, pairs=2, knots=9, smooth=(1e-3,), ridge=(1e-3,))
    model = Additive(config).double()
    model.fit_data([(x, targets)])
    return model, task


def read(model: nn.Module, task: Task) -> Finding:
    found = read_additive_terms(model, task)
    assert found is not None
    return found


def training(task: Task) -> Split:
    assert isinstance(task.train, Split)
    return task.train


@pytest.mark.parametrize("outputs", [1, 2])
def test_the_planted_functions_are_the_most_important(outputs):
    model, task = planted(outputs)
    found = read(model, task)
    importance = next(e for e in found.exhibits if isinstance(e, Table))
    assert {row[0] for row in importance.rows[:2]} == {"a", "b x c"}
    assert len(importance.rows) == 4 + 2
    shares = [v for n, v in found.figures.items() if n.startswith("share")]
    assert sum(shares) == pytest.approx(1)
    assert min(shares) > 0.2
    maps = [e for e in found.exhibits if isinstance(e, Heatmap)]
    assert maps[0].title.startswith("b (rows) x c (columns), added to the ")
    json.dumps(found.to_mapping())


def test_curves_are_those_of_the_model():
    model, task = planted()
    found = read(model, task)
    curve = next(e for e in found.exhibits if isinstance(e, Lines) and e.title == "a")
    rows = torch.zeros(len(curve.x), 4).double()
    rows[:, 0] = torch.tensor(curve.x)
    logits = model.decompose(rows)["feature.0"].value()
    wanted = logits[:, 1] - logits[:, 0]
    torch.testing.assert_close(torch.tensor(curve.y["log odds of yes"]).double(), wanted)
    density = next(e for e in found.exhibits if isinstance(e, Lines) and "training rows" in e.title)
    assert sum(density.y["rows"]) == pytest.approx(1)


def test_terms_and_intercept_sum_to_the_score():
    model, task = planted()
    x = training(task).inputs
    terms = terms_of(model, task, x)
    whole = terms.mains.sum(1) + terms.pairs.sum(1)
    logits = model(x)
    apart = logits[:, 1] - logits[:, 0] - whole[:, 0]
    torch.testing.assert_close(apart, apart[:1].expand(300))
    assert terms.names[-2:] == tuple(
        f"{task.features[i]} x {task.features[j]}" for i, j in model.chosen.tolist()
    )


def test_reading_is_the_same_after_mass_has_moved(generator):
    model, task = planted()
    first = read(model, task)
    symmetry = model.symmetry()
    values = {n: v.detach() for n, v in model.state_dict().items()}
    model.load_state_dict(symmetry.act(symmetry.sample(generator), values))
    second = read(model, task)
    for name, value in first.figures.items():
        assert second.figures[name] == pytest.approx(value, abs=1e-8)


def test_what_is_left_in_a_pair_is_of_the_size_of_one_row():
    model, task = planted()
    assert 0 < left_over(model, training(task).inputs) < 0.05


def test_sympy_agrees_on_real_rows():
    model, task = planted()
    with torch.no_grad():  # as every reader is called
        found = read_rerun(model, task)
    assert found is not None
    assert found.figures["outputs: apart, by sympy"] <= 1e-12


def test_three_classes_and_tables_without_names():
    task = tables("iris")
    torch.manual_seed(0)
    model = Additive(AdditiveConfig(4, 3, pairs=1, smooth=(1e-3,), ridge=(1e-2,))).double()
    model.fit_data([(training(task).inputs, training(task).targets)])
    found = read(model, task)
    curve = next(e for e in found.exhibits if isinstance(e, Lines))
    assert set(curve.y) == {"logit of setosa", "logit of versicolor", "logit of virginica"}
    assert read_additive_terms(nn.Linear(4, 3), task) is None
