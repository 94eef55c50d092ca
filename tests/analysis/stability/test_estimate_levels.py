"""The levels of entropies, plans and factors on small planted materials."""

import json
import math
from itertools import product

import pytest
import torch

from analysis.exhibits import Bars
from analysis.stability.level import Level
from analysis.stability.levels.entropies import measure_entropies, output_similarity
from analysis.stability.levels.factors import measure_factors
from analysis.stability.levels.planning import measure_planning
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
    assert any("too little to plan with" in line for line in level.statements)


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
