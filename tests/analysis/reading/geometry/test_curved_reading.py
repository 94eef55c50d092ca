"""The reader of curved spaces: named geometry, figures, a picture inside the disc."""

import torch

from analysis.exhibits import Points
from analysis.reading.geometry.curved import read_curved
from interpretable_arch import build
from training.data import build_task


def read(signature: str, given: dict):
    task = build_task("distances", given)
    torch.manual_seed(0)
    model = build("curved_embedding", {"signature": signature}, task.dimensions).double()
    model.fit_data([(task.train.inputs, task.train.targets)])
    return read_curved(model, task)


def test_a_small_tree_in_the_disc():
    found = read("H2", {"source": "tree", "depth": 2})
    assert found.figures["geometry named (-1 hyperbolic, 0 flat, 1 spherical)"] == -1
    assert found.figures["mean distortion"] < 0.1
    picture = found.exhibits[0]
    assert isinstance(picture, Points)
    assert picture.round
    assert len(picture.paths) == 6
    assert max(x * x + y * y for x, y in zip(picture.x, picture.y, strict=True)) <= 1


def test_none_for_other_tasks():
    task = build_task("distances", {"source": "cycle", "size": 5})
    assert read_curved(torch.nn.Linear(1, 1), task) is None
