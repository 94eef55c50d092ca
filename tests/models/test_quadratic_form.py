"""The quadratic form: one optimum from every start, what it says of itself, and bad input."""

import re

import pytest
import torch

from interpretable_arch.models.quadratic_form import QuadraticForm, QuadraticFormConfig


def quadrants(count: int = 200, features: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """The class is the sign of a product of two features: no linear model can tell."""
    x = torch.randn(count, features, generator=torch.Generator().manual_seed(0))
    return x, (x[:, 0] * x[:, 1] > 0).long()


def fitted(x: torch.Tensor, y: torch.Tensor, seed: int = 0, outputs: int = 2) -> QuadraticForm:
    torch.manual_seed(seed)
    model = QuadraticForm(QuadraticFormConfig(x.shape[1], outputs, l2=1e-3, std=2.0))
    model.to(torch.get_default_dtype()).fit_data([(x, y)])
    return model


def test_twenty_starts_end_in_one_model(float64):
    x, y = quadrants()
    first = fitted(x, y)
    for seed in range(1, 20):
        torch.testing.assert_close(fitted(x, y, seed).form, first.form, rtol=0, atol=1e-9)
    certificate = first.certificate()
    assert certificate.holds
    assert float((first(x).argmax(-1) == y).double().mean()) > 0.97


def test_a_certificate_speaks_of_the_model_as_it_is_now(float64):
    model = fitted(*quadrants())
    with torch.no_grad():
        model.form[0, 1] += 1e-4
    failed = [c.name for c in model.certificate().failed]
    assert failed == ["distance from the optimum, at most", "sum over classes, relative"]
    unfitted = QuadraticForm(QuadraticFormConfig(3, 2))
    assert not unfitted.certificate().holds


def test_a_float32_model_says_that_it_is_not_proved():
    x, y = quadrants()
    model = fitted(x, y)
    assert "distance from the optimum, at most" in [c.name for c in model.certificate().failed]
    assert float((model(x).argmax(-1) == y).double().mean()) > 0.97


def test_classes_cancel_and_a_common_form_changes_no_probability(float64):
    model = fitted(*quadrants())
    torch.testing.assert_close(
        model.form.sum(0), torch.zeros_like(model.form[0]), atol=1e-9, rtol=0
    )
    x = torch.randn(5, 3)
    logits = model(x)
    with torch.no_grad():
        model.form.add_(torch.randn_like(model.form[0]))
    assert not torch.allclose(model(x), logits)
    torch.testing.assert_close(model(x).softmax(-1), logits.softmax(-1))


def test_the_product_is_read_off_as_two_eigenvalues(float64):
    """x_0 x_1 = ((x_0 + x_1)^2 - (x_0 - x_1)^2) / 4."""
    form = fitted(*quadrants(800)).eigenfeatures()[1]
    assert float(form.values[0] * form.values[1]) < 0
    assert float(form.values[:2].abs().min()) > 5 * float(form.values[2].abs())
    diagonal = torch.tensor([1.0, 1.0]) / 2**0.5
    top = form.vectors[form.values.argmax()][1:3]
    assert abs(float(top @ diagonal)) > 0.98


def test_the_raw_matrices_are_the_logits_of_raw_features(float64):
    x, y = quadrants()
    model = fitted(3 + 10 * x, y)
    raw = torch.cat([torch.ones(len(x), 1), 3 + 10 * x], 1)
    again = torch.einsum("ni,cij,nj->nc", raw, model.raw_matrices(), raw)
    torch.testing.assert_close(again, model(3 + 10 * x))


def test_constant_features_add_nothing(float64):
    x, y = quadrants()
    wide = torch.cat([x, torch.full((len(x), 1), 7.0)], 1)
    model, narrow = fitted(wide, y), fitted(x, y)
    assert bool(model.form.isfinite().all())
    torch.testing.assert_close(model(wide), narrow(x), rtol=0, atol=1e-8)
    assert float(model.matrices()[:, -1].detach().abs().max()) < 1e-9


def test_all_features_constant_gives_the_shares_of_the_classes(float64):
    y = torch.tensor([0, 0, 0, 1])
    model = fitted(torch.ones(4, 3), y)
    p = model(torch.ones(1, 3)).softmax(-1)[0, 0]
    assert float(p.detach()) == pytest.approx(0.75, abs=0.01)


def test_one_example_of_a_class_and_none_of_another(float64):
    x, y = quadrants()
    y[0] = 2
    model = fitted(x, y, outputs=4)
    certificate = model.certificate()
    assert certificate.holds
    assert "class 3" in certificate.notes[0]
    assert float(model(x).softmax(-1)[:, 3].detach().max()) < 0.1
    assert int(model(x)[0].argmax()) in (0, 1, 2)


BAD = {
    "labels too large": (torch.zeros(3, 3), torch.tensor([0, 1, 2]), "from 0 to 1, got 2"),
    "labels below 0": (torch.zeros(3, 3), torch.tensor([0, 1, -1]), "from 0 to 1, got -1"),
    "labels no classes": (torch.zeros(3, 3), torch.zeros(3), "whole numbers, got torch.float"),
    "features not finite": (torch.full((3, 3), torch.nan), torch.tensor([0, 1, 1]), "got 9 others"),
    "too many features": (torch.zeros(3, 4), torch.tensor([0, 1, 1]), "3 features, got shape [3,"),
    "no examples": (torch.zeros(0, 3), torch.zeros(0).long(), "3 features, got shape [0, 3]"),
}


@pytest.mark.parametrize("which", list(BAD))
def test_bad_examples_are_refused(which):
    x, y, said = BAD[which]
    model = QuadraticForm(QuadraticFormConfig(3, 2))
    with pytest.raises(ValueError, match=re.escape(said)):
        model.fit_data([(x, y)])


@pytest.mark.parametrize(("name", "value"), [("l2", 0.0), ("length", -1.0), ("outputs", 0)])
def test_bad_settings_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        QuadraticFormConfig(**{"features": 3, "outputs": 2, name: value})


def test_constant_features_are_exactly_zero_whatever_their_mean_rounds_to(float64):
    """Seven times .1 over 7 is not .1: the rounding must not be taken for a spread."""
    y = torch.arange(7) % 2
    model = fitted(torch.full((7, 2), 0.1), y)
    assert float(model.scale) == pytest.approx(1.0, abs=0)
    assert torch.equal(model.homogeneous(torch.full((1, 2), 0.1)), torch.tensor([[1.0, 0, 0]]))
    near, at = model(torch.full((1, 2), 0.1 + 1e-7)), model(torch.full((1, 2), 0.1))
    torch.testing.assert_close(near, at, rtol=0, atol=1e-9)
    assert model.certificate().holds


def test_a_certificate_looks_at_centre_and_scale_too(float64):
    for name in ("centre", "scale"):
        model = fitted(*quadrants(60))
        assert model.certificate().holds
        model.get_buffer(name).add_(1e-3)
        failed = [c.name for c in model.certificate().failed]
        assert failed == ["centre and scale moved, of the scale"]


def test_classes_of_any_whole_numbers_are_taken(float64):
    x, y = quadrants(60)
    for kind in (torch.int32, torch.bool, torch.uint8):
        assert torch.equal(fitted(x, y.to(kind)).form, fitted(x, y).form)


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        ((4, 3), (3,), "targets: wanted one class an example, shape [4], got [3]"),
        ((4, 3), (4, 1), "targets: wanted one class an example, shape [4], got [4, 1]"),
        ((3,), (1,), "inputs: wanted [example, feature], got shape [3]"),
    ],
)
def test_examples_and_classes_of_other_shapes_are_refused(x, y, said):
    model = QuadraticForm(QuadraticFormConfig(3, 2))
    with pytest.raises(ValueError, match=re.escape(said)):
        model.fit_data([(torch.zeros(x), torch.zeros(y).long())])
    with pytest.raises(ValueError, match="examples of 3 features"):
        model.fit_data([])


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_features_whose_square_is_no_number_are_refused(float64, size):
    x, y = quadrants(60)
    with pytest.raises(ValueError, match="can square, got"):
        fitted(size * x, y)
    torch.testing.assert_close(fitted(size**0.5 * x, y)(size**0.5 * x), fitted(x, y)(x))


@pytest.mark.parametrize("name", ["l2", "length"])
def test_settings_that_are_not_finite_are_refused(name):
    for value in (float("inf"), float("nan")):
        with pytest.raises(ValueError, match=f"{name}: wanted a finite number above 0"):
            QuadraticFormConfig(**{"features": 3, "outputs": 2, name: value})
