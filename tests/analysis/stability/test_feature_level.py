"""The level of features: planted ones come back above every null; partial and wrong material."""

import json
import math
from dataclasses import replace

import torch

from analysis.exhibits import Lines
from analysis.stability.features.budget import affordable, pair_seconds
from analysis.stability.features.kinds import MOST_ROTATED
from analysis.stability.levels.features import measure_features
from analysis.stability.material import Material
from analysis.stability.nulls import PERMUTED, RANDOM, ROTATED, UNTRAINED, PairMeasure


def planted(seeds: int, generator: torch.Generator, noise: float = 0.2) -> Material:
    """Dictionaries and activations with common features, in another order in each seed."""
    rows = torch.randn(24, 16, generator=generator)
    inputs = torch.randn(200, 24, generator=generator)
    orders = [torch.randperm(24, generator=generator) for _ in range(seeds)]

    def blurred(x: torch.Tensor) -> torch.Tensor:
        return x + noise * torch.randn(x.shape, generator=generator)

    return Material(
        names=tuple(map(str, range(seeds))),
        dictionaries={"decoder": tuple(blurred(rows[o]) for o in orders)},
        activations={"latents": tuple(blurred(inputs[:, o]) for o in orders)},
    )


def found(measures: tuple[PairMeasure, ...], name: str, of: str) -> PairMeasure:
    return next(m for m in measures if (m.name, m.of) == (name, of))


def test_planted_features_come_back_above_every_null(generator: torch.Generator) -> None:
    material = planted(4, generator)
    untrained = replace(
        planted(4, generator),
        dictionaries={"decoder": tuple(torch.randn(24, 16, generator=generator) for _ in "abcd")},
        activations={},
    )
    level = measure_features(replace(material, untrained=untrained))
    assert level is not None
    rungs = {"decoder": {UNTRAINED, ROTATED, RANDOM}, "latents": {PERMUTED, ROTATED}}
    for of, names in rungs.items():
        mean = found(level.measures, "PW-MCC", of)
        assert mean.raw.estimate > 0.9
        assert {r.name for r in mean.rungs} == names
        for rung in mean.rungs:
            assert rung.null.estimate < 0.6
            assert rung.above is not None
            assert rung.above.low > 0.8
        assert found(level.measures, "shared at 0.7", of).raw.estimate > 0.97
    assert [f.value.estimate for f in level.figures] == [0.0, 1.0, 0.0, 1.0]
    (exhibit,) = level.exhibits
    assert isinstance(exhibit, Lines)
    assert exhibit.y["decoder"][-1] > 0.97
    assert "4 seeds: matched features agree by 0.9" in level.statements[0]
    json.dumps(level.to_mapping())


def test_unstable_features_of_a_stable_span(generator: torch.Generator) -> None:
    plane = torch.randn(4, 16, generator=generator)
    sets = tuple(torch.randn(30, 4, generator=generator) @ plane for _ in range(4))
    level = measure_features(Material(names=("a", "b", "c", "d"), dictionaries={"decoder": sets}))
    assert level is not None
    assert found(level.measures, "span overlap", "decoder").raw.estimate > 0.99
    assert found(level.measures, "shared at 0.7", "decoder").raw.estimate < 1


def test_widths_may_differ_and_the_dead_are_counted(generator: torch.Generator) -> None:
    material = planted(3, generator)
    first, second, third = material.dictionaries["decoder"]
    second = second.clone()
    second[:6] = 0
    sets = (first, second, third[:12])
    level = measure_features(replace(material, dictionaries={"decoder": sets}, activations={}))
    assert level is not None
    assert level.figures[0].value.estimate == 6 / 3
    assert found(level.measures, "PW-MCC", "decoder").raw.estimate > 0.5
    numbers = [m.raw.estimate for m in level.measures]
    assert not any(math.isnan(n) for n in numbers)


def test_what_cannot_be_matched_is_said_and_the_rest_comes(generator: torch.Generator) -> None:
    material = planted(3, generator)
    bad = [x.clone() for x in material.activations["latents"]]
    bad[1][7, 0] = math.nan
    other = (*material.dictionaries["decoder"][:2], torch.ones(5, 3))
    level = measure_features(
        replace(
            material,
            activations={"latents": tuple(bad)},
            dictionaries={**material.dictionaries, "encoder": other},
        )
    )
    assert level is not None
    said = " ".join(level.skipped)
    assert "latents: 1 left out: activations: wanted finite numbers, got 1" in said
    assert "first in row 7" in said
    assert "encoder: features: wanted rows of one space, got [3, 16]" in said
    assert {m.of for m in level.measures} == {"decoder", "latents"}
    assert found(level.measures, "PW-MCC", "latents").seeds == (0, 2)


def test_no_seed_one_seed_two_seeds(generator: torch.Generator) -> None:
    assert measure_features(Material(names=("a", "b"))) is None
    one = measure_features(planted(1, generator))
    assert one is not None
    assert one.skipped == ("features: one seed, no pair to compare",)
    two = measure_features(planted(2, generator))
    assert two is not None
    assert not found(two.measures, "PW-MCC", "decoder").raw.defined
    assert "(no interval)" in two.statements[0]


def test_diverged_seeds_are_not_read(generator: torch.Generator) -> None:
    material = planted(4, generator)
    sets = list(material.dictionaries["decoder"])
    sets[2] = torch.full((24, 16), math.nan)
    level = measure_features(
        replace(
            material,
            diverged=(False, False, True, False),
            dictionaries={"decoder": tuple(sets)},
            activations={},
        )
    )
    assert level is not None
    assert found(level.measures, "PW-MCC", "decoder").seeds == (0, 1, 3)


def test_seeds_are_cut_to_what_time_allows() -> None:
    assert affordable(20, 512, 20.0, 5) == 20
    assert affordable(20, 4096, 20.0, 5) == 5
    assert affordable(3, 4096, 1.0, 5) == 3
    assert pair_seconds(16_384) > pair_seconds(4096)


def test_a_dead_seed_is_named_and_left_out(generator: torch.Generator) -> None:
    material = replace(planted(4, generator), diverged=(True, False, False, False))
    sets = list(material.activations["latents"])
    sets[2] = torch.zeros(200, 24)
    level = measure_features(
        replace(material, names=("a", "b", "c", "d"), activations={"latents": tuple(sets)})
    )
    assert level is not None
    assert "latents: c left out: no live feature" in level.skipped
    assert found(level.measures, "PW-MCC", "latents").seeds == (1, 3)
    sets[1] = sets[2]
    level = measure_features(replace(material, dictionaries={}, activations={"x": tuple(sets)}))
    assert level is not None
    assert any("two seeds with features to match, got 1" in line for line in level.skipped)


def test_wide_activations_keep_the_null_that_costs_little(generator: torch.Generator) -> None:
    sets = tuple(torch.randn(40, MOST_ROTATED + 2, generator=generator) for _ in range(2))
    level = measure_features(Material(names=("a", "b"), activations={"mlp": sets}))
    assert level is not None
    rungs = found(level.measures, "PW-MCC", "mlp").rungs
    assert [rung.name for rung in rungs] == [PERMUTED]
    assert any("no null of rotated basis above 2048" in line for line in level.notes)


def test_inputs_that_repeat_are_left_out_and_it_is_said(generator: torch.Generator) -> None:
    which = torch.randint(0, 80, (600,), generator=generator)
    sets = tuple(torch.randn(80, 16, generator=generator)[which] for _ in range(4))
    level = measure_features(Material(names=("a", "b", "c", "d"), activations={"mlp": sets}))
    assert level is not None
    mean = found(level.measures, "PW-MCC", "mlp")
    assert abs(mean.raw.estimate) < 0.1
    assert abs(mean.rungs[0].null.estimate) < 0.1
    assert any("80 of 600 inputs, those that differ" in line for line in level.notes)
