"""The level of weights: what it measures, and what it says where it can't."""

from dataclasses import replace

import pytest
import torch

from analysis.stability.levels import weights as level_file
from analysis.stability.levels.weights import measure_weights
from analysis.stability.material import Material
from analysis.stability.weights import comparable as comparable_file
from analysis.stability.weights.comparable import comparable
from analysis.stability.weights.evaluation import evaluation
from interpretable_arch.registry import build
from interpretable_arch.symmetry import weights


def _models(count: int, width: int = 6, first: int = 0):
    part = {"class_path": "mlp", "init_args": {"d_mlp": width}}
    for seed in range(first, first + count):
        torch.manual_seed(seed)
        yield build("feedforward", {"layers": [part], "std": 0.5}, {"features": 4, "outputs": 5})


def _material(models, **more) -> Material:
    models = list(models)
    return Material(
        names=tuple(f"seed {n}" for n in range(len(models))),
        parameters=tuple(weights(m) for m in models),
        symmetries=tuple(m.symmetry() for m in models),
        **more,
    )


def _evaluated(model):
    return evaluation(model, torch.randn(50, 4), torch.randint(5, (50,)))


@pytest.fixture(scope="module")
def level():
    torch.manual_seed(0)
    models = list(_models(4))
    untrained = _material(_models(4, first=10))
    return measure_weights(_material(models, untrained=untrained, evaluation=_evaluated(models[0])))


def test_both_distances_stand_beside_untrained_ones(level):
    quotient, raw = level.measures
    assert (quotient.name, raw.name) == ("quotient distance", "raw distance")
    assert 0 < quotient.raw.estimate < raw.raw.estimate
    assert [r.name for r in quotient.rungs] == ["untrained"]


def test_planted_copies_are_found_and_barriers_are_given(level):
    values = {f.name: f.value.estimate for f in level.figures}
    assert values["planted elements recovered"] == 1
    for way in ("raw", "aligned", "repaired", "temperature"):
        assert values[f"loss barrier, {way}"] >= 0
    assert values["loss of the merged model"] > 0
    assert len(level.exhibits[0].y["raw"]) == len(level.exhibits[0].x)
    assert any("loss barrier between two seeds" in s for s in level.statements)
    assert not any("failed alignment" in s for s in level.statements)
    assert level.to_mapping()["exhibits"][0]["kind"] == "lines"


def test_seeds_of_another_shape_or_not_finite_are_named_and_left_out():
    models = [*_models(3), *_models(1, width=7)]
    material = _material(models)
    bad = {n: v.clone().fill_(torch.nan) for n, v in material.parameters[1].items()}
    spoiled = (material.parameters[0], bad, *material.parameters[2:])
    found = measure_weights(replace(material, parameters=spoiled))
    assert found is not None
    assert found.measures[0].seeds == (0, 2)
    assert any("seed 3 have other tensors or shapes" in s for s in found.skipped)
    assert any("seed 1 has weights that are not finite" in s for s in found.skipped)
    assert any("no way to evaluate" in s for s in found.skipped)


def test_diverged_seeds_are_left_out():
    found = measure_weights(_material(_models(3), diverged=(False, True, False)))
    assert found is not None
    assert found.measures[0].seeds == (0, 2)


def test_nothing_one_seed_and_no_symmetry_are_said():
    assert measure_weights(Material(names=("a",))) is None
    one = measure_weights(_material(_models(1)))
    assert one is not None
    assert one.skipped == ("weights: one seed, no pair to compare",)
    none = measure_weights(Material(names=("a",), absent={"weights": "no symmetry"}))
    assert none is not None
    assert none.skipped == ("weights: no symmetry",)


def test_failed_alignment_is_said_to_look_like_diversity(monkeypatch):
    def half(*_, **__):
        return level_file.undefined(0.5, "made up")

    monkeypatch.setattr(level_file, "planted_recovery", half)
    found = measure_weights(_material(_models(2)))
    assert found is not None
    assert sum("failed alignment looks like diversity" in s for s in found.statements) == 2


def test_large_models_are_cut_to_the_first_seeds(monkeypatch):
    material = _material(_models(6))
    monkeypatch.setattr(comparable_file, "MOST_NUMBERS", 3 * 68 + 1)  # three pairs of 4*6+6*4+4*5
    found = comparable(material)
    assert found is not None
    assert found.seeds == (0, 1, 2)
    assert found.notes == ("weights: the first 3 of 6 seeds alone are aligned, for time",)
