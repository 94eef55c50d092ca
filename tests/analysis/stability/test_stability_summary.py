"""K models in, one result out: laws of the whole, diverged seeds, masked inputs, bad arguments."""

import json
import math
from typing import Any

import pytest
import torch

from analysis.stability import Stability, stability

SEEDS, INPUTS, OUTPUTS = 8, 60, 5


@pytest.fixture
def study(generator: torch.Generator) -> dict[str, Any]:
    """Two solutions, five seeds of one and three of the other, far from untrained models."""
    solutions = 4 * torch.randn(2, INPUTS, OUTPUTS, generator=generator)
    which = torch.tensor([0, 1, 0, 0, 1, 0, 1, 0])
    noise = 0.05 * torch.randn(SEEDS, INPUTS, OUTPUTS, generator=generator)
    common = torch.randn(INPUTS, 12, generator=generator)
    return {
        "outputs": solutions[which] + noise,
        "targets": solutions[0].argmax(-1),
        "representations": common + 0.5 * torch.randn(SEEDS, INPUTS, 12, generator=generator),
        "untrained_outputs": torch.randn(SEEDS, INPUTS, OUTPUTS, generator=generator),
        "untrained_representations": torch.randn(SEEDS, INPUTS, 12, generator=generator),
        "interpretation_labels": ["std" if each == 0 else "sgn" for each in which],
    }


def without(study: dict[str, Any], seeds: list[int]) -> dict[str, Any]:
    return {
        name: value
        if name == "targets"
        else [value[seed] for seed in seeds]
        if isinstance(value, list)
        else value[seeds]
        for name, value in study.items()
    }


def test_the_planted_classes_are_found(study: dict[str, Any]) -> None:
    found = stability(**study)
    assert found.by_output is not None
    assert found.by_interpretation is not None
    assert found.by_output.classes == (0, 1, 0, 0, 1, 0, 1, 0)
    assert found.by_output.classes == found.by_interpretation.classes
    assert found.by_interpretation.names == ("std", "sgn")
    assert found.by_output.collision.estimate == pytest.approx(26 / 56)
    assert found.by_output_with_diverged is None
    first, second = set(found.order[:3]), set(found.order[-3:])
    assert {1, 4, 6} in (first, second)


def test_relabelling_the_seeds_changes_no_number(study: dict[str, Any]) -> None:
    places = [3, 0, 7, 5, 1, 2, 6, 4]
    here, there = stability(**study), stability(**without(study, places))
    for name in ("disagreement", "divergence", "cka"):
        a, b = getattr(here, name), getattr(there, name)
        assert a.raw.estimate == pytest.approx(b.raw.estimate)
        assert a.raw.low == pytest.approx(b.raw.low)
        assert a.rung("untrained").null.high == pytest.approx(b.rung("untrained").null.high)
        assert (a.rung("untrained").above is None) == (name != "cka")
    assert here.cka is not None
    assert there.cka is not None
    ours, theirs = here.cka.rungs[0].above, there.cka.rungs[0].above
    assert ours is not None
    assert theirs is not None
    assert ours.high == pytest.approx(theirs.high)
    assert here.by_output is not None
    assert there.by_output is not None
    assert here.by_output.collision.low == pytest.approx(there.by_output.collision.low)


def test_every_estimate_lies_in_its_interval_and_range(study: dict[str, Any]) -> None:
    found = stability(**study)
    assert found.disagreement is not None
    assert found.errors is not None
    assert found.divergence is not None
    assert found.cka is not None
    assert found.ensemble_information is not None
    measures = (found.disagreement, found.divergence, found.cka)
    for interval in (*(each.raw for each in measures), found.errors.error):
        assert interval.low <= interval.estimate <= interval.high
    estimate = found.disagreement.raw.estimate
    assert found.errors.least.estimate <= estimate <= found.errors.most.estimate
    assert found.divergence.raw.estimate <= math.sqrt(math.log(2))
    assert 0 <= found.ensemble_information.estimate <= math.log(SEEDS)
    assert found.cka.rungs[0].null.estimate == pytest.approx(0.0, abs=0.05)
    assert found.cka.raw.estimate == pytest.approx(0.64, abs=0.05)  # 1/(1 + .5^2)^2


def test_diverged_seeds_are_not_read_but_counted(study: dict[str, Any]) -> None:
    alone = stability(**without(study, [0, 1, 3, 4, 6, 7]))
    broken = {
        name: value.clone() if torch.is_tensor(value) else value for name, value in study.items()
    }
    for name in ("outputs", "representations"):
        broken[name][[2, 5]] = math.nan
    flags = [seed in (2, 5) for seed in range(SEEDS)]
    found = stability(**broken, diverged=flags)
    assert found.diverged == (2, 5)
    assert found.kept == (0, 1, 3, 4, 6, 7)
    assert sorted(found.order) == list(found.kept)
    for name in ("disagreement", "divergence", "cka"):
        assert getattr(found, name).raw == getattr(alone, name).raw
    assert found.by_output == alone.by_output
    both = found.by_output_with_diverged
    assert both is not None
    assert both.counts == (3, 3, 2)
    assert both.names[both.classes[2]] == both.names[both.classes[5]] == "diverged"
    assert any("2 of which diverged" in sentence for sentence in found.statements)


def test_all_seeds_may_diverge() -> None:
    outputs = torch.full((3, 4, 5), math.nan)
    found = stability(outputs, diverged=[True] * 3, interpretation_labels=["a"] * 3)
    assert found.divergence is None
    assert found.by_output is None
    assert found.by_output_with_diverged is not None
    assert found.statements[0] == "3 seeds, all diverged: there is nothing to compare."
    json.dumps(found.to_mapping(), allow_nan=False)


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_few_seeds_are_no_error(study: dict[str, Any], seeds: int) -> None:
    found = stability(**without(study, list(range(seeds))))
    json.dumps(found.to_mapping(), allow_nan=False)
    assert found.divergence is not None
    assert found.divergence.raw.defined == (seeds > 2)


def test_masked_inputs_and_positions_are_no_matter_of_form(study: dict[str, Any]) -> None:
    flat = {**study, "outputs": study["outputs"][:, :48], "targets": study["targets"][:48]}
    flat["untrained_outputs"] = study["untrained_outputs"][:, :48]
    masked = {**study, "targets": study["targets"].clone()}
    masked["targets"][48:] = -100
    shaped = {
        name: value.unflatten(1 if value.ndim == 3 else 0, (6, 10))
        if name in ("outputs", "untrained_outputs", "targets")
        else value
        for name, value in masked.items()
    }
    expected = stability(**flat)
    assert stability(**masked) == expected
    assert stability(**shaped) == expected
    assert expected.inputs == 48


def test_a_dead_representation_is_left_out_by_number(study: dict[str, Any]) -> None:
    study["representations"][3] = 0.7
    found = stability(**study)
    assert found.cka is not None
    assert found.cka.seeds == (0, 1, 2, 4, 5, 6, 7)
    study["untrained_representations"][0] = 0.0
    again = stability(**study).cka
    assert again is not None
    assert again.rungs == ()


def test_equal_seeds_are_not_called_proof() -> None:
    outputs = torch.randn(1, 30, 4, generator=torch.Generator().manual_seed(3)).repeat(20, 1, 1)
    found = stability(outputs, interpretation_labels=["std"] * 20)
    words = " ".join(found.statements)
    assert "zero entropy at K=20 means below about 0.6 bit" in words
    assert "no width because all seeds are alike" in words
    assert found.by_output is not None
    assert found.by_output.collision.low == pytest.approx(0.741, abs=0.001)


def test_seeds_that_all_differ_are_not_called_alike() -> None:
    """Each of three seeds answers every input in its own way: they differ on all of them."""
    outputs = 9 * torch.eye(3)[:, None, :].repeat(1, 30, 1)
    words = " ".join(stability(outputs).statements)
    assert "differently on a share 1 (no spread over seeds)" in words
    assert "no width because all pairs of seeds differ by the same amount" in words
    assert "alike" not in words


def test_the_mapping_is_the_result(study: dict[str, Any]) -> None:
    found = stability(**study)
    mapping = json.loads(json.dumps(found.to_mapping(), allow_nan=False))
    assert set(mapping) == set(Stability.__dataclass_fields__)
    assert mapping["by_output"]["unit"] == "bits"
    assert mapping["divergence"]["raw"]["method"].startswith("jackknife-t")
    assert len(mapping["divergence"]["matrix"]) == SEEDS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"diverged": [False] * 3}, "diverged: wanted one flag a seed, 8, got 3"),
        ({"interpretation_labels": ["a"]}, "interpretation_labels: wanted one label a seed"),
        ({"interpretation_labels": ["diverged"] * 8}, "kept for seeds that diverged"),
        ({"threshold": -1.0}, "threshold"),
        ({"threshold": math.inf}, "threshold: wanted 0 to 0.8326, got inf"),
        ({"threshold": 0.84}, "threshold: wanted 0 to 0.8326, got 0.84"),
        ({"targets": torch.zeros(3, dtype=torch.long)}, "targets: wanted one an input"),
        ({"targets": torch.full((INPUTS,), 9)}, "targets: wanted 0 to 4, got 9 to 9"),
        ({"targets": torch.full((INPUTS,), -100)}, "targets: wanted at least one"),
        ({"representations": torch.zeros(3, 60, 4)}, "representations: wanted 8 x input"),
        ({"untrained_outputs": torch.zeros(8, 9, 5)}, "untrained_outputs: wanted the shape"),
        ({"outputs": torch.full((8, 60, 5), math.nan)}, "outputs: wanted finite numbers"),
        ({"outputs": torch.zeros(8, 60, 1)}, "outputs: wanted seed x input x output"),
    ],
)
def test_mistakes_are_named(study: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stability(**{**study, **change})


def test_a_procedure_that_draws_nothing_is_told_from_a_landscape_with_one_optimum() -> None:
    outputs = torch.randn(1, INPUTS, OUTPUTS).repeat(4, 1, 1)
    said = "the same to the last bit"
    assert any(said in s for s in stability(outputs).statements)
    nearly = outputs + 1e-7 * torch.randn(4, 1, 1)
    assert not any(said in s for s in stability(nearly).statements)
    assert not any(said in s for s in stability(outputs[:1]).statements)
