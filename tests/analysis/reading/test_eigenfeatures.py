"""Eigenfeatures of a bilinear classifier: all of them are the model, the first are what matters."""

import pytest
import torch

from analysis.exhibits import Lines, Pictures, Table
from analysis.reading.eigenfeatures import quadratic_layer, read_eigenfeatures
from interpretable_arch.models.feedforward import FeedForward, FeedForwardConfig
from training.data.images import images
from training.data.task import Split, Task

RANK = "effective rank (mean over classes)"


def planted() -> tuple[FeedForward, Task]:
    """class 0: 4 x_0^2, class 1: 4 x_1^2 - x_2^2 + x_3^2, on a picture of 2 x 2."""
    built = FeedForward(FeedForwardConfig(4, 2, head={"class_path": "bilinear"}))
    with torch.no_grad():
        built.head.W_in.zero_()
        built.head.W_out.zero_()
        for h, (pixel, digit, value) in enumerate([(0, 0, 4), (1, 1, 4), (2, 1, -1), (3, 1, 1)]):
            built.head.W_in[:, pixel, h] = 1
            built.head.W_out[h, digit] = value
    torch.manual_seed(0)
    x = torch.randn(50, 4)
    data = Split(x, built(x).argmax(-1))
    dimensions = {"features": 4, "outputs": 2}
    return built, Task("planted", data, data, 2, ("a", "b"), dimensions, picture=(2, 2))


@torch.no_grad()
def test_a_planted_spectrum_is_read_off():
    found = read_eigenfeatures(*planted())
    assert found is not None
    # Class a has one eigenvalue; class b has shares 2/3, 1/6, 1/6.
    share = torch.tensor([4.0, 1.0, 1.0]) / 6
    wanted = (1 + float(torch.special.entr(share).sum().exp())) / 2
    assert found.figures[RANK] == pytest.approx(wanted, rel=1e-5)
    assert found.figures["accuracy with all eigenvectors"] == 1
    assert found.figures["accuracy with the top 1 eigenvector of each class"] < 1
    assert found.figures["accuracy with the top 5 eigenvectors of each class"] == 1
    table, lines, positive, negative = found.exhibits
    assert isinstance(table, Table)
    assert [row[4:] for row in table.rows] == [(4.0, 0.0), (4.0, -1.0)]
    assert isinstance(lines, Lines)
    assert isinstance(positive, Pictures)
    assert isinstance(negative, Pictures)
    assert positive.captions == ("a: +4", "b: +4", "b: +1")
    assert positive.images[0] == ((1.0, 0.0), (0.0, 0.0))
    assert negative.captions == ("b: -1",)
    assert negative.images[0] == ((0.0, 0.0), (1.0, 0.0))


CONFIGS = {
    "head": {"head": {"class_path": "bilinear", "init_args": {"d_hidden": 20, "bias": True}}},
    "layer": {"layers": [{"class_path": "bilinear", "init_args": {"d_hidden": 40}}]},
}


@pytest.mark.parametrize("which", list(CONFIGS))
@torch.no_grad()
def test_all_eigenvectors_are_the_model(which):
    task = images("digits")
    torch.manual_seed(0)
    built = FeedForward(FeedForwardConfig(64, 10, **CONFIGS[which]))
    for value in built.state_dict().values():
        if not value.any():
            value.normal_()
    found = read_eigenfeatures(built, task)
    assert found is not None
    assert found.figures["relative error with all eigenvectors"] <= 1e-5
    hits = (built(task.held_out.inputs).argmax(-1) == task.held_out.targets).double().mean()
    assert found.figures["accuracy with all eigenvectors"] == pytest.approx(float(hits), abs=0.003)
    assert all(len(e.images[0]) == 8 for e in found.exhibits if isinstance(e, Pictures))


@torch.no_grad()
def test_the_reading_does_not_change_under_the_symmetry(generator):
    built, task = planted()
    torch.nn.init.normal_(built.head.W_in)
    torch.nn.init.normal_(built.head.W_out)
    first = read_eigenfeatures(built, task)
    symmetry = built.symmetry()
    values = {n: v.clone() for n, v in built.state_dict().items()}
    built.load_state_dict(symmetry.act(symmetry.sample(generator, torch.float32), values))
    second = read_eigenfeatures(built, task)
    assert first is not None
    assert second is not None
    assert second.figures == pytest.approx(first.figures, rel=1e-4, abs=1e-5)


def test_other_models_have_nothing_of_the_kind():
    mlp, bilinear = {"class_path": "mlp"}, {"class_path": "bilinear"}
    task = planted()[1]
    for arguments in ({"layers": [mlp]}, {"layers": [mlp], "head": bilinear}, {}):
        built = FeedForward(FeedForwardConfig(4, 2, **arguments))
        assert quadratic_layer(built) is None
        assert read_eigenfeatures(built, task) is None
    assert read_eigenfeatures(torch.nn.Linear(4, 2), task) is None
