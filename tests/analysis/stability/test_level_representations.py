"""The level of representations: every measure beside its ladder, and what was left out, said."""

import torch

from analysis.stability.levels.representations import ASKED, measure_representations
from analysis.stability.material import Material
from analysis.stability.nulls import PERMUTED, ROTATED, SHUFFLED, UNTRAINED

INPUTS, FEATURES = 60, 6


def seeds(count: int, shared: float, start: int = 0) -> tuple[torch.Tensor, ...]:
    draws = torch.Generator().manual_seed(start)
    common = shared * torch.randn(INPUTS, FEATURES, generator=draws)
    return tuple(common + torch.randn(INPUTS, FEATURES, generator=draws) for _ in range(count))


def material(count: int, shared: float, start: int = 0, **rest) -> Material:
    names = tuple(f"seed {k}" for k in range(count))
    return Material(names, representations={"mlp": seeds(count, shared, start)}, **rest)


def test_every_measure_beside_its_ladder() -> None:
    nulls = {"untrained": material(5, 0.0, 1), "shuffled": material(4, 0.0, 2)}
    level = measure_representations(material(5, 3.0, **nulls))
    assert level is not None
    assert level.skipped == ()
    assert len(level.measures) == len(ASKED) + 1
    for measure in level.measures:
        names = {rung.name for rung in measure.rungs}
        basis = {ROTATED} if measure.name.startswith("permutation") else set()
        assert names == {UNTRAINED, SHUFFLED, PERMUTED} | basis
        assert measure.of == "mlp"
        if measure.best == 1:
            assert measure.raw.estimate > max(rung.null.estimate for rung in measure.rungs)
        else:
            assert measure.raw.estimate < min(rung.null.estimate for rung in measure.rungs)
    assert "debiased linear CKA is" in level.statements[0]


def test_nothing_given_is_no_level() -> None:
    assert measure_representations(Material(("a", "b"))) is None


def test_two_seeds_give_undefined_intervals() -> None:
    level = measure_representations(material(2, 1.0))
    assert level is not None
    assert len(level.measures) == len(ASKED) + 1
    assert not any(measure.raw.defined for measure in level.measures)


def test_seeds_that_cannot_be_compared_are_left_out_and_said() -> None:
    given = list(seeds(6, 1.0))
    given[1] = torch.full_like(given[1], torch.nan)
    given[2] = torch.full_like(given[2], 0.3)
    given[3] = given[3].clone()
    given[3][7, 2] = torch.inf
    rest = {"diverged": (False, True, False, False, False, False)}
    names = tuple(f"seed {k}" for k in range(6))
    trained = Material(names, representations={"mlp": tuple(given)}, **rest)
    level = measure_representations(trained)
    assert level is not None
    assert {measure.seeds for measure in level.measures} == {(0, 4, 5)}
    assert level.skipped == (
        "representations at mlp: seed 2 left out: the same for every input",
        "representations at mlp: seed 3 left out: numbers that are not finite, first at input 7",
    )


def test_few_inputs_refuse_what_needs_more_and_leave_the_rest() -> None:
    wide = tuple(torch.randn(20, 30, generator=torch.Generator().manual_seed(k)) for k in range(3))
    level = measure_representations(Material(("a", "b", "c"), representations={"mlp": wide}))
    assert level is not None
    names = {measure.name for measure in level.measures}
    assert "mean CCA" not in names
    assert "debiased linear CKA" in names
    assert any("mean CCA not measured" in reason for reason in level.skipped)
    assert any("more inputs than features to match" in reason for reason in level.skipped)


def test_other_inputs_or_widths() -> None:
    draws = torch.Generator().manual_seed(0)
    wider = tuple(torch.randn(30, p, generator=draws) for p in (4, 6, 9))
    uneven = (torch.randn(30, 4), torch.randn(31, 4), torch.randn(30, 4))
    sites = {"wide": wider, "uneven": uneven, "short": wider[:2]}
    level = measure_representations(Material(("a", "b", "c"), representations=sites))
    assert level is not None
    assert {measure.of for measure in level.measures} == {"wide"}
    assert len(level.measures) == len(ASKED) + 1
    assert any("at uneven: wanted the same inputs" in reason for reason in level.skipped)
    assert any("at short: wanted one a seed, 3, got 2" in reason for reason in level.skipped)


def test_what_is_cut_for_its_cost_is_said() -> None:
    draws = torch.Generator().manual_seed(0)
    many = tuple(torch.randn(700, 3, generator=draws) for _ in range(3))
    wide = tuple(torch.randn(400, 300, generator=draws) for _ in range(13))
    level = measure_representations(Material(("a", "b", "c"), representations={"many": many}))
    assert level is not None
    assert level.skipped == ()
    assert level.notes == (
        "representations at many: RSA, Spearman of distances: 512 of 700 inputs, evenly spread",
    )
    names = tuple(f"{k}" for k in range(13))
    level = measure_representations(Material(names, representations={"wide": wide}))
    assert level is not None
    assert any("the first 8 of 13 seeds" in note for note in level.notes)
    assert any("256 leading principal components" in note for note in level.notes)


def test_one_seed_has_no_pair() -> None:
    given = tuple(torch.randn(30, 4) for _ in range(2))
    said = ("representations: one seed, no pair to compare",)
    one = Material(("a",), representations={"mlp": given[:1]})
    left = Material(("a", "b"), diverged=(False, True), representations={"mlp": given})
    for material in (one, left):
        level = measure_representations(material)
        assert level is not None
        assert (level.measures, level.statements, level.skipped) == ((), (), said)
    bad = (given[0], torch.full_like(given[1], torch.nan))
    level = measure_representations(Material(("a", "b"), representations={"mlp": bad}))
    assert level is not None
    assert level.measures == ()
    assert level.skipped[-1] == "representations at mlp: one seed, no pair to compare"
