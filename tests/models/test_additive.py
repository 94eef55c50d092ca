"""The additive model: one optimum, planted functions and pairs, and bad rows."""

import pytest
import torch

from interpretable_arch.models.additive import Additive, AdditiveConfig

FIXED = {"smooth": (1e-3,), "ridge": (1e-2,)}


def rows(count: int = 120, features: int = 4, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(count, features, generator=generator, dtype=torch.float64) - 1


def classes(x: torch.Tensor) -> torch.Tensor:
    return (torch.sin(3 * x[:, 0]) + 2 * x[:, 1] * x[:, 2] > 0).long()


def fitted(x: torch.Tensor, targets: torch.Tensor, seed: int = 0, **changes) -> Additive:
    torch.manual_seed(seed)
    outputs = targets.shape[1] if targets.is_floating_point() else 2
    settings = {"features": x.shape[1], "outputs": outputs, "knots": 9, **FIXED, **changes}
    model = Additive(AdditiveConfig(**settings)).double()
    model.fit_data([(x, targets)])
    return model


@pytest.mark.parametrize("kind", ["classes", "values"])
def test_twenty_starts_end_in_one_set_of_parameters(kind):
    x = rows()
    x[:, 3] = x[:, 0]  # a copy: only the penalty says how an effect is shared
    targets = classes(x) if kind == "classes" else torch.sin(3 * x[:, :1])
    models = [fitted(x, targets, seed, pairs=2, std=3.0) for seed in range(20)]
    assert all(m.certificate().holds for m in models)
    for m in models[1:]:
        for value, first in zip(m.parameters(), models[0].parameters(), strict=True):
            torch.testing.assert_close(value, first, rtol=0, atol=1e-6)
        assert torch.equal(m.chosen, models[0].chosen)
    # Copies share an effect evenly, since the penalty has no reason to prefer one.
    torch.testing.assert_close(models[0].mains[0], models[0].mains[3], rtol=0, atol=0.05)


def test_the_planted_pair_is_the_one_that_is_chosen():
    x = rows(400)
    model = fitted(x, classes(x), pairs=1)
    assert model.chosen.tolist() == [[1, 2]]
    without = fitted(x, classes(x))
    fresh = rows(1000, seed=7)
    right = [(m(fresh).argmax(1) == classes(fresh)).double().mean() for m in (model, without)]
    assert right[0] > 0.88 > 0.84 > right[1]


def test_planted_functions_are_recovered_in_their_pure_form():
    x = rows(2000, 3)
    values = torch.sin(3 * x[:, :1]) + x[:, 1:2] ** 2 + x[:, 1:2] * x[:, 2:]
    model = fitted(x, values, pairs=1, knots=17, smooth=(1e-7,), ridge=(1e-7,))
    at = model.knots[0]
    wanted = torch.sin(3 * at) - torch.sin(3 * x[:, 0]).mean()
    torch.testing.assert_close(model.mains[0, :, 0], wanted, rtol=0, atol=0.03)
    square = model.knots[1] ** 2 - (x[:, 1] ** 2).mean()
    # x y is pure already but for the little that the rows happen to correlate.
    torch.testing.assert_close(model.mains[1, :, 0], square, rtol=0, atol=0.06)
    assert float(model.mains[2].detach().abs().max()) < 0.08


def test_another_scale_of_a_feature_changes_nothing():
    x = rows()
    model, scaled = fitted(x, classes(x), pairs=1), fitted(1000 * x - 5, classes(x), pairs=1)
    torch.testing.assert_close(scaled(1000 * x - 5), model(x), rtol=0, atol=1e-6)


def test_another_scale_of_the_values_scales_the_answer():
    x = rows()
    values = torch.sin(3 * x[:, :1])
    model, scaled = fitted(x, values, pairs=1), fitted(x, 1e4 * values + 3e4, pairs=1)
    torch.testing.assert_close(scaled(x), 1e4 * model(x) + 3e4, rtol=1e-6, atol=1e-2)


def test_the_order_of_rows_does_not_matter():
    x = rows()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    one, other = fitted(x, classes(x), pairs=1), fitted(x[order], classes(x)[order], pairs=1)
    torch.testing.assert_close(one(x), other(x), rtol=0, atol=1e-7)


def test_logits_sum_to_zero_over_classes():
    x = rows()
    model = fitted(x, classes(x), pairs=1)
    assert float(model(rows(seed=3)).sum(1).detach().abs().max()) <= 1e-9


def test_the_penalty_is_chosen_among_candidates():
    x = rows(200)
    model = fitted(x, classes(x), smooth=(1e-4, 1e3), ridge=(1e-2, 1e3))
    figures = model.certificate().figures
    assert figures["penalty on roughness"] == pytest.approx(1e-4)
    assert figures["penalty on size"] == pytest.approx(1e-2)


def test_a_certificate_speaks_of_the_model_as_it_is_now():
    x = rows()
    model = fitted(x, classes(x), pairs=1)
    assert model.certificate().holds
    with torch.no_grad():
        model.mains[0, 0] += 0.01
    assert [c.name for c in model.certificate().failed] == ["moved since the fit"]
    with torch.no_grad():
        model.mains[0, 0] -= 0.01
        model.mains[0] += 5.0  # mass that moves: the function is another, by its constant alone
        model.b.sub_(5.0)
    assert model.certificate().holds
    unfitted = Additive(AdditiveConfig(features=2, outputs=2)).double()
    assert not unfitted.certificate().holds
    assert unfitted(x[:, :2]).shape == (120, 2)


def test_too_few_steps_are_not_certified():
    x = rows()
    model = fitted(x, classes(x), steps=1, std=20.0)
    assert "gradient norm" in [c.name for c in model.certificate().failed]


def test_features_that_go_together_are_named():
    x = rows()
    assert not [n for n in fitted(x, classes(x)).certificate().notes if "variance" in n]
    x[:, 3] = x[:, 0]
    certificate = fitted(x, classes(x)).certificate()
    assert certificate.figures["largest concurvity"] > 0.99
    assert [n for n in certificate.notes if "rests on the penalty" in n]


def test_a_constant_feature_has_the_zero_function():
    x = rows()
    x[:, 2] = 4.0
    model = fitted(x, (x[:, 0] > 0).long(), pairs=2)
    assert float(model.mains[2].detach().abs().max()) <= 1e-9
    assert not bool((model.chosen == 2).any())
    assert [n for n in model.certificate().notes if n.startswith("features 2 do not vary")]
    assert model.certificate().holds


def test_a_class_of_one_row_and_one_of_none_still_have_one_optimum():
    x = rows()
    targets = (x[:, 0] > 0).long()
    targets[5] = 2
    models = []
    for seed in range(2):
        torch.manual_seed(seed)
        model = Additive(AdditiveConfig(features=4, outputs=4, knots=5)).double()
        model.fit_data([(x, targets)])
        models.append(model)
    torch.testing.assert_close(models[0].mains, models[1].mains, rtol=0, atol=1e-6)
    notes = models[0].certificate().notes
    assert [n[:26] for n in notes if n.startswith("class")] == [
        "class 2 has 1 training row",
        "class 3 has 0 training row",
    ]
    assert models[0].certificate().holds
    assert bool(models[0](x).isfinite().all())
    assert float(models[0](x).detach().softmax(1)[:, 3].max()) < 0.01


def test_rows_that_count_not_are_left_out():
    x = rows()
    targets = classes(x)
    ignored = torch.cat([targets, torch.full((10,), -100)])
    more = fitted(torch.cat([x, rows(10, seed=9)]), ignored)
    torch.testing.assert_close(more(x), fitted(x, targets)(x), rtol=0, atol=1e-8)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_rows_that_are_not_finite_are_named(bad):
    x = rows()
    x[7, 2] = bad
    with pytest.raises(ValueError, match=rf"got {bad} in row 7, feature 2"):
        fitted(x, torch.zeros(120).long())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pairs": 7}, "pairs: wanted 0 to 6, as there are 4 features, got 7"),
        ({"pairs": -1}, "pairs"),
        ({"knots": 8}, "knots: wanted one more than a multiple of pair_knots - 1 = 4, got 8"),
        ({"pair_knots": 1}, "pair_knots"),
        ({"ridge": (0.0,)}, "ridge: wanted numbers above 0, for there to be one optimum"),
        ({"ridge": ()}, "ridge"),
        ({"smooth": (-1.0,)}, "smooth"),
        ({"folds": 1}, "folds"),
        ({"features": 0}, "features"),
    ],
)
def test_settings_that_make_no_sense_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        AdditiveConfig(**{"features": 4, "outputs": 2, **changes})


def test_targets_that_make_no_sense_are_named():
    x = rows()
    with pytest.raises(ValueError, match="targets: wanted classes from 0 to 1, got 2"):
        fitted(x, torch.full((120,), 2))
    with pytest.raises(ValueError, match="rows: wanted at least folds = 5, got 3"):
        fitted(x[:3], torch.tensor([0, 1, 0]))
    model = Additive(AdditiveConfig(features=4, outputs=2))
    with pytest.raises(ValueError, match=r"targets: wanted values \[row, 2\], got \[120, 3\]"):
        model.fit_data([(x, torch.zeros(120, 3))])
    with pytest.raises(ValueError, match=r"rows: wanted \[row, 4\], got \[120, 3\]"):
        model.fit_data([(x[:, :3], torch.zeros(120).long())])


def test_a_saved_model_answers_the_same():
    x = rows()
    model = fitted(x, classes(x), pairs=2)
    loaded = Additive(model.config).double()
    loaded.load_state_dict(model.state_dict())
    assert torch.equal(loaded(x), model(x))
    assert loaded.certificate() == model.certificate()


def test_moved_is_told_in_units_of_the_fitted_functions():
    x = rows(60)
    small = fitted(x, 1e-9 * torch.sin(3 * x[:, :1]), knots=5)
    assert small.certificate().holds
    with torch.no_grad():
        small.mains.mul_(3)
    assert "moved since the fit" in [c.name for c in small.certificate().failed]


def test_a_certificate_looks_at_knots_and_pairs_too():
    x = rows(60)
    model = fitted(x, classes(x), pairs=1, knots=5)
    assert model.certificate().holds
    kept = model.knots.clone()
    model.knots[0, 1] += 1e-3
    assert [c.name for c in model.certificate().failed] == ["knots moved, of their range"]
    model.knots.copy_(kept)
    assert model.certificate().holds
    model.chosen.copy_(torch.tensor([[0, 3]]))
    assert "knots moved, of their range" in [c.name for c in model.certificate().failed]


def test_constant_values_are_the_intercept_and_nothing_else():
    x = rows(60)
    model = fitted(x, torch.full((60, 1), 0.1).double(), knots=5)
    assert model.certificate().holds
    torch.testing.assert_close(model(x), torch.full((60, 1), 0.1).double(), rtol=0, atol=1e-8)
    assert float(model.mains.detach().abs().max()) < 1e-8


def test_small_changes_of_large_values_are_fitted():
    x = rows(60)
    wave = torch.sin(3 * x[:, :1])
    model, large = fitted(x, wave, knots=5), fitted(x, 1e-3 * wave + 1e6, knots=5)
    assert large.certificate().holds
    torch.testing.assert_close(1e3 * large.mains, model.mains, rtol=0, atol=1e-5)


def test_a_float32_model_is_as_pure_as_its_numbers_are():
    x = rows(60).float()
    model = Additive(AdditiveConfig(features=4, outputs=2, knots=5, **FIXED))
    model.fit_data([(x, classes(x))])
    assert "largest impurity" not in [c.name for c in model.certificate().failed]


def test_classes_of_any_whole_numbers_are_taken():
    x = rows(60)
    model = fitted(x, classes(x), knots=5)
    for kind in (torch.int32, torch.bool):
        assert torch.equal(fitted(x, classes(x).to(kind), knots=5).mains, model.mains)


def test_rows_and_targets_of_other_shapes_are_named():
    model, x = Additive(AdditiveConfig(features=4, outputs=2)).double(), rows(60)
    with pytest.raises(ValueError, match=r"one for each of 60 rows, got shape \[50\]"):
        model.fit_data([(x, torch.zeros(50).long())])
    with pytest.raises(ValueError, match=r"targets: wanted classes \[row\], got \[60, 1\]"):
        model.fit_data([(x, torch.zeros(60, 1).long())])
    with pytest.raises(ValueError, match=r"rows: wanted \[row, feature\], got \[4\]"):
        model.fit_data([(x[0], torch.zeros(4).long())])
    with pytest.raises(ValueError, match="at least one batch"):
        model.fit_data([])
