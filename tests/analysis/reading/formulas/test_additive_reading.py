"""The additive reading: planted lines and bends are told apart, and pixels make a picture."""

import pytest
import torch

from analysis.reading.formulas.additive import read_additive
from interpretable_arch.maths.splines import spline_basis, straight
from interpretable_arch.models.kan import KAN, KANConfig
from training.data.task import Split, Task


def task(picture: tuple[int, int] | None = (2, 2)) -> Task:
    generator = torch.Generator().manual_seed(0)
    x = 2 * torch.rand(400, 4, dtype=torch.float64, generator=generator) - 1
    part = Split(x, (x[:, 0] > 0).long())
    sizes = {"features": 4, "outputs": 2}
    return Task("planted", part, part, 2, ("no", "yes"), sizes, picture=picture)


def planted(bent: bool) -> KAN:
    """Feature 2 pulls towards class 1 by -3 x, or by x^2; nothing else matters."""
    model = KAN(KANConfig(4, 2, grid=5)).double()
    layer = model.layers[0]
    x = torch.linspace(-1, 1, 80, dtype=torch.float64)
    square = torch.linalg.lstsq(spline_basis(x, layer.ends[2], 5), x[:, None] ** 2).solution[:, 0]
    with torch.no_grad():
        layer.W_b.zero_()
        layer.C.zero_()
        layer.C[2, :, 1] = square if bent else -3 * straight(layer.ends[2], 5)
    return model.eval()


def test_a_line_has_no_bend_and_its_sign_is_in_the_picture(float64):
    found = read_additive(planted(False), task())
    assert found.figures["share of variance that is bent"] == pytest.approx(0, abs=1e-9)
    assert found.figures["largest function"] == pytest.approx(3**0.5, rel=0.1)  # 3 / sqrt 3
    images = torch.tensor(found.exhibits[0].images)
    assert found.exhibits[0].captions == ("no", "yes")
    assert float(images[1, 1, 0]) < -1.5
    assert int((images != 0).sum()) == 1
    assert found.exhibits[1].title == "feature 2 for yes"


def test_a_parabola_is_all_bend(float64):
    assert read_additive(planted(True), task()).figures["share of variance that is bent"] > 0.95


def test_without_a_picture_there_are_curves_only(float64):
    found = read_additive(planted(True), task(picture=None))
    assert {type(e).__name__ for e in found.exhibits} == {"Lines"}


def test_a_deeper_network_is_no_sum_over_features():
    assert read_additive(KAN(KANConfig(4, 2, (3,))), task()) is None
