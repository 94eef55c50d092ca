"""CKA of all inputs: exact where it may be, by batches where it must, and None beyond."""

import pytest
import torch

from analysis.stability.levels.representations import measure_representations
from analysis.stability.material import Material
from analysis.stability.representations import all_inputs
from analysis.stability.representations.all_inputs import cka_of_all
from analysis.stability.representations.cka import cka


@pytest.fixture
def seeds(generator: torch.Generator) -> torch.Tensor:
    common = torch.randn(5000, 6, generator=generator)
    return common + torch.randn(3, 5000, 6, generator=generator)


def test_few_features_are_exact(seeds: torch.Tensor) -> None:
    found = cka_of_all(seeds)
    assert found is not None
    torch.testing.assert_close(found[0], cka(seeds.double(), batch=5000), atol=1e-9, rtol=0)
    assert found[1] == "all 5000 inputs, piece by piece"


def test_many_features_are_by_batch_and_more_not_at_all(
    seeds: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_inputs, "MOST_WORK", 5000 * 512 * (18 + 9) / 2)
    monkeypatch.setattr(all_inputs, "WIDEST", 17)
    found = cka_of_all(seeds)
    assert found is not None
    assert found[1] == "all 5000 inputs, in batches of 512"
    torch.testing.assert_close(found[0], cka(seeds, batch=5000), atol=0.01, rtol=0)
    monkeypatch.setattr(all_inputs, "MOST_WORK", 1000)
    assert cka_of_all(seeds) is None


def test_the_level_compares_all_inputs_and_says_where_its_nulls_are_of_fewer(
    seeds: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    material = Material(names=("a", "b", "c"), representations={"mlp": tuple(seeds)})
    level = measure_representations(material)
    assert level is not None
    measure = level.measures[0]
    expected = cka(seeds.double(), batch=5000)
    torch.testing.assert_close(torch.tensor(measure.matrix), expected.float(), atol=1e-6, rtol=0)
    assert any(
        "all 5000 inputs, piece by piece; its nulls at 4096 of 5000 inputs" in note
        for note in level.notes
    ), level.notes
    assert measure.new_inputs is None
    monkeypatch.setattr(all_inputs, "MOST_WORK", 1000)
    level = measure_representations(material)
    assert level is not None
    assert any("debiased linear CKA: 4096 of 5000 inputs" in note for note in level.notes)
    assert level.measures[0].new_inputs is not None


def test_the_level_has_intervals_for_new_inputs(seeds: torch.Tensor) -> None:
    rows = tuple(seeds[:, :300])
    level = measure_representations(Material(names=("a", "b", "c"), representations={"mlp": rows}))
    assert level is not None
    debiased, biased = level.measures[:2]
    assert debiased.new_inputs is not None
    assert debiased.new_inputs.low <= debiased.raw.low
    assert biased.new_inputs is None
    few = Material(names=("a", "b", "c"), representations={"mlp": tuple(seeds[:, :6])})
    level = measure_representations(few)
    assert level is not None
    assert level.measures[0].new_inputs is None
