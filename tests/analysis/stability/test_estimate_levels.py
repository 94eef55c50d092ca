"""The levels of entropies, plans and factors on small planted materials."""

import json
import math
from dataclasses import replace
from itertools import product

import pytest
import torch

from analysis.exhibits import Bars, Table
from analysis.stability.headline import headline_of
from analysis.stability.level import Level
from analysis.stability.levels.entropies import measure_entropies, output_similarity
from analysis.stability.levels.factors import measure_factors
from analysis.stability.levels.outputs import measure_outputs
from analysis.stability.levels.planning import measure_planning
from analysis.stability.levels.universality import measure_universality
from analysis.stability.material import Material
from analysis.stability.plain import plain
from interpretable_arch.symmetries.groups import Permutation
from interpretable_arch.symmetry import Action, Factor, Symmetry

SYMMETRY = Symmetry((Factor("units", Permutation(5), (Action("w", 0),)),))


def study(seeds: int, generator: torch.Generator, **more) -> Material:
    common = torch.randn(1, 50, 4, generator=generator)
    outputs = common + torch.randn(seeds, 50, 4, generator=generator)
    return Material(
        names=tuple(f"seed {s}" for s in range(seeds)),
        outputs=outputs,
        losses=tuple(torch.rand(seeds, generator=generator).tolist()),
        labels=tuple("ab"[s % 2] for s in range(seeds)),
        **more,
    )


def written(level: Level | None) -> Level:
    assert level is not None
    json.dumps(plain(level.to_mapping()), allow_nan=False)
    return level


def test_similarity_of_outputs_is_a_kernel(generator: torch.Generator) -> None:
    K = output_similarity(4 * torch.randn(12, 7, 5, generator=generator, dtype=torch.float64))
    assert float(torch.linalg.eigvalsh(K)[0]) >= -1e-12
    assert K.diagonal().tolist() == [1.0] * 12


def test_entropies(generator: torch.Generator) -> None:
    weights = [{"w": torch.randn(5, 3, generator=generator)} for _ in range(6)]
    material = study(
        6,
        generator,
        stress=study(6, generator),
        symmetries=(SYMMETRY,) * 6,
        parameters=tuple(weights),
    )
    level = written(measure_entropies(material))
    named = {figure.name: figure.value for figure in level.figures}
    assert 1 <= named["Vendi, order 1"].estimate <= 6
    assert named["predictive entropy"].estimate >= named["expected entropy"].estimate
    assert "predictive entropy on the stress set" in named
    assert named["log |G|"].estimate == pytest.approx(math.log2(120))
    assert level.skipped == ()


def test_entropies_say_what_is_missing(generator: torch.Generator) -> None:
    level = written(measure_entropies(study(1, generator)))
    assert any("one seed" in line for line in level.skipped)
    assert any("no symmetry was given" in line for line in level.skipped)
    odd = study(3, generator, symmetries=(SYMMETRY,) * 3, optimiser="lbfgs")
    assert "'lbfgs' respects is not known" in written(measure_entropies(odd)).skipped[0]
    twins = ({"w": torch.ones(5, 3)},) * 3
    alike = study(3, generator, symmetries=(SYMMETRY,) * 3, parameters=twins)
    assert "units alike" in written(measure_entropies(alike)).skipped[0]
    assert measure_entropies(Material(names=("a", "b"))) is None


def test_planning(generator: torch.Generator) -> None:
    level = written(measure_planning(study(6, generator)))
    assert any("loss: interval" in line and "with 12" in line for line in level.statements)
    assert any(line.startswith("by interpretation: 2 classes") for line in level.statements)
    assert any("unresolved" in line for line in level.statements)  # all outputs differ
    assert "wanted four seeds, got 3" in written(measure_planning(study(3, generator))).skipped[0]
    assert measure_planning(Material(names=("a",))) is None


def test_planning_without_spread(generator: torch.Generator) -> None:
    same = Material(names=tuple("abcde"), outputs=torch.randn(1, 9, 3).repeat(5, 1, 1))
    level = written(measure_planning(same))
    assert any("no spread over the seeds" in line for line in level.statements)


def test_one_loss_that_is_not_finite_costs_one_plan(generator: torch.Generator) -> None:
    material = study(6, generator)
    broken = replace(material, losses=(*material.losses[:5], math.nan))
    level = written(measure_planning(broken))
    assert level.skipped == (
        "planning of loss: losses: wanted finite numbers, got others from seed 5",
    )
    assert any(line.startswith("divergence of outputs: interval") for line in level.statements)
    assert any(line.startswith("by interpretation: 2 classes") for line in level.statements)


def test_one_class_met_once_is_no_forecast(generator: torch.Generator) -> None:
    material = Material(names=tuple("abcdef"), labels=(*"xxxxx", "y"))
    (table,) = written(measure_planning(material)).exhibits
    assert isinstance(table, Table)
    assert table.rows[0][3] == table.rows[0][5] == "unresolved"


def test_inputs_without_an_answer_are_not_read(generator: torch.Generator) -> None:
    """Five seeds alike wherever an answer was asked, and apart wherever none was."""
    outputs = torch.randn(1, 40, 4, generator=generator).repeat(8, 1, 1)
    outputs[:, 25:] = 5 * torch.randn(8, 15, 4, generator=generator)
    targets = torch.zeros(40, dtype=torch.long)
    targets[25:] = -100
    material = Material(
        names=tuple("abcdefgh"),
        architectures=("one",) * 4 + ("two",) * 4,
        outputs=outputs,
        targets=targets,
        factors={"init": (0, 0, 1, 1, 2, 2, 3, 3), "repeat": (0, 1) * 4},
    )
    assert material.asked_outputs is not None
    assert material.asked_outputs.shape == (8, 25, 4)
    of_outputs = written(measure_outputs(material, headline_of(material)))
    assert [each.raw.estimate for each in of_outputs.measures] == [0.0, 0.0]
    entropies = {each.name: each.value for each in written(measure_entropies(material)).figures}
    assert entropies["entropy of votes"].estimate == 0
    assert entropies["Vendi, order 1"].estimate == pytest.approx(1)
    planning = written(measure_planning(material))
    assert all("no spread over the seeds" in line for line in planning.statements[:2])
    assert planning.statements[2].startswith("by outputs: 1 class in 8 seeds")
    assert "no two runs differ" in written(measure_factors(material)).statements[0]
    universal = {each.name: each.value for each in written(measure_universality(material)).figures}
    assert universal["answers: within"].estimate == universal["answers: between"].estimate == 1


def test_nulls_are_read_where_an_answer_was_asked(generator: torch.Generator) -> None:
    targets = torch.tensor([0] * 20 + [-100] * 30)
    trained, untrained = study(4, generator), study(4, generator)
    for material in (trained, untrained):
        assert material.outputs is not None
        material.outputs[:, :20] = material.outputs[:1, :20].clone()
    null = replace(untrained, targets=targets)
    whole = replace(trained, targets=targets, untrained=null)
    for measure in written(measure_outputs(whole, headline_of(whole))).measures:
        assert measure.raw.estimate == measure.rungs[0].null.estimate == 0


def test_one_seed_of_each_architecture_is_not_given_a_number(generator: torch.Generator) -> None:
    level = written(
        measure_universality(replace(study(2, generator), architectures=("one", "two")))
    )
    (said,) = level.statements
    assert "share is not defined (no architecture has two seeds)" in said
    assert "nan" not in said


def test_shares_of_features_stand_beside_those_of_permuted_rows(
    generator: torch.Generator,
) -> None:
    rows = torch.randn(64, 9, generator=generator)
    material = Material(
        names=tuple("abcdef"),
        architectures=("one",) * 3 + ("two",) * 3,
        activations={"units": (rows,) * 6},
    )
    figures = {each.name: each.value for each in written(measure_universality(material)).figures}
    assert figures["universal features of units, one"].estimate == 1
    assert figures["universal features of units, one, null row permutation"].estimate < 0.15
    assert figures["private features of units, two, null row permutation"].estimate > 0.7


def test_an_optimiser_that_was_not_given_is_said_to_be_taken(generator: torch.Generator) -> None:
    material = study(3, generator, symmetries=(SYMMETRY,) * 3)
    said = written(measure_entropies(material)).statements[-1]
    assert said.endswith("optimiser not given, taken as Adam")
    given = written(measure_entropies(replace(material, optimiser="adam"))).statements[-1]
    assert "not given" not in given


def test_factors_find_the_planted_one(generator: torch.Generator) -> None:
    init, order, repeat = zip(*product(range(4), range(4), range(2)), strict=True)
    per_init = torch.randn(4, 30, 3, generator=generator)
    noise = 0.1 * torch.randn(32, 30, 3, generator=generator)
    material = Material(
        names=tuple(str(n) for n in range(33)),
        diverged=(False,) * 32 + (True,),
        outputs=torch.cat([per_init[list(init)] + noise, torch.full((1, 30, 3), math.nan)]),
        losses=(*(0.1 * i + 0.001 * o for i, o in zip(init, order, strict=True)), math.nan),
        labels=(*("xyzw"[i] for i in init), ""),
        factors={"init": (*init, 0), "order": (*order, 0), "repeat": (*repeat, 0)},
    )
    level = written(measure_factors(material))
    assert len(level.exhibits) == 3
    for bars in level.exhibits:
        assert isinstance(bars, Bars)
        assert bars.names == ("init", "order", "init x order", "repeat")
        assert bars.values[0] > 0.9


def test_ordinary_seeds_have_no_factors(generator: torch.Generator) -> None:
    assert measure_factors(study(4, generator)) is None
    own = {"init": (0, 1, 2, 3), "order": (0, 1, 2, 3), "repeat": (0, 0, 0, 0)}
    assert measure_factors(study(4, generator, factors=own)) is None
    tied = {"init": (0, 0, 1, 1), "order": (0, 0, 1, 1)}
    level = written(measure_factors(study(4, generator, factors=tied)))
    assert "wanted every factor varied" in level.skipped[0]
