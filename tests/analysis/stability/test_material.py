"""Material of some of its seeds: everything that is held a seed each is taken together."""

from dataclasses import replace

import torch

from analysis.run_material import independent
from analysis.stability.material import Material
from training.settings import Seed


def whole(count: int = 4) -> Material:
    return Material(
        names=tuple("abcd"[:count]),
        outputs=torch.arange(count * 6.0).reshape(count, 2, 3),
        targets=torch.tensor([0, 1]),
        representations={"site": tuple(torch.full((2, 1), float(n)) for n in range(count))},
        losses=tuple(float(n) for n in range(count)),
        factors={"init": tuple(range(count))},
        untrained=Material(
            names=tuple("wxyz"[:count]), losses=tuple(float(n) for n in range(count))
        ),
        shuffled=Material(names=("s", "t")),
    )


def test_a_part_holds_what_those_seeds_held() -> None:
    part = whole().only([2, 0])
    assert part.names == ("c", "a")
    assert part.losses == (2.0, 0.0)
    assert part.outputs is not None
    assert part.outputs[:, 0, 0].tolist() == [12.0, 0.0]
    assert [float(rows[0]) for rows in part.representations["site"]] == [2.0, 0.0]
    assert part.factors == {"init": (2, 0)}
    assert part.targets is not None
    assert len(part.targets) == 2


def test_the_untrained_go_with_their_seeds_and_other_nulls_stay() -> None:
    part = whole().only([3])
    assert part.untrained is not None
    assert part.untrained.names == ("z",)
    assert part.shuffled is not None
    assert part.shuffled.names == ("s", "t")


def test_crossed_runs_are_compared_where_they_share_no_stream() -> None:
    crossed = [Seed(i, o, 0) for i in (0, 1) for o in (0, 1)]
    found = independent(whole(), crossed)
    assert found.names == ("a", "d")
    assert found.whole is not None
    assert found.whole.names == ("a", "b", "c", "d")


def test_a_shuffled_null_of_as_many_seeds_is_of_seeds_of_its_own() -> None:
    material = replace(whole(), shuffled=Material(names=("a", "d", "b", "c")))
    part = material.only([0, 3])
    assert part.shuffled is not None
    assert part.shuffled.names == ("a", "d", "b", "c")


def test_a_seed_that_could_not_be_read_or_says_nothing_leaves_no_labels() -> None:
    assert replace(whole(), labels=("x", "y", "x", "x")).solution_labels == ["x", "y", "x", "x"]
    assert replace(whole(), labels=("x", "unread 1", "x", "x")).solution_labels == []
    assert replace(whole(), labels=("x", "", "x", "x")).solution_labels == []


def test_ordinary_seeds_and_pure_repeats_are_all_compared() -> None:
    assert independent(whole(), [Seed(n, n, n) for n in range(4)]).whole is None
    assert independent(whole(), [Seed(0, 0, 0, n) for n in range(4)]).whole is None
