"""Seeds as factors: what `seeds: {init: 4, order: 4, repeat: 2}` unfolds into, and back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written_experiments import COMPARISON, WHOLE, changed, write

from training.experiment import Comparison, ConfigError, Experiment, Seed
from training.seeds import FACTORS, distinct_seeds, factors

levels = st.integers(1, 3) | st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True)
crossings = st.dictionaries(st.sampled_from(FACTORS), levels, min_size=1)


def read(seeds: object) -> tuple[Seed, ...]:
    return Experiment.from_mapping(changed("seeds", seeds)).seeds


@settings(max_examples=30, deadline=None)
@given(crossings)
def test_every_combination_is_there_once(given_levels) -> None:
    seeds = read(given_levels)
    wanted = {
        name: set(range(given) if isinstance(given, int) else given)
        for name, given in {**{key: [0] for key in FACTORS}, **given_levels}.items()
    }
    assert {name: {getattr(s, name) for s in seeds} for name in FACTORS} == wanted
    product = 1
    for found in wanted.values():
        product *= len(found)
    assert len(seeds) == len(set(seeds)) == product


@settings(max_examples=30, deadline=None)
@given(crossings)
def test_what_is_spelt_out_is_read_back(given_levels) -> None:
    experiment = Experiment.from_mapping(changed("seeds", given_levels))
    assert Experiment.from_mapping(experiment.to_mapping()) == experiment
    assert all("repeat" not in s for s in experiment.to_mapping()["seeds"] if not s.get("repeat"))


def test_a_crossing_by_hand() -> None:
    seeds = read({"order": 2, "init": [5, 3], "repeat": 2})
    assert [str(seed) for seed in seeds] == [
        *("5-0-0", "5-1-0", "3-0-0", "3-1-0"),
        *("5-0-0-r1", "5-1-0-r1", "3-0-0-r1", "3-1-0-r1"),
    ]
    assert read({"noise": 2}) == (Seed(0, 0, 0), Seed(0, 0, 1))
    assert read([4, {"init": 4, "order": 4, "noise": 4, "repeat": 1}])[1] == Seed(4, 4, 4, 1)


def test_a_comparison_and_a_file_cross_them_too(tmp_path) -> None:
    text = "seeds: {init: 2, order: 3}"
    study = Experiment.from_yaml(write(tmp_path, WHOLE.replace("seeds: 3", text)))
    compared = Comparison.from_yaml(write(tmp_path, COMPARISON.replace("seeds: [0, 5]", text)))
    assert study.seeds == compared.seeds == compared.experiments()[0][2].seeds
    assert len(study.seeds) == 6


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ({"ordre": 3}, "seeds.ordre: no such factor; the nearest is 'order' .valid: init, order"),
        ({"init": 0}, "seeds.init: wants 1 or more, got 0"),
        ({"init": 2, "repeat": -1}, "seeds.repeat: wants 1 or more, got -1"),
        ({"init": []}, "seeds.init: wants at least one level, got"),
        ({"init": [3, 1, 3]}, r"seeds.init\[2\]: 3 is given twice, first as seeds.init\[0\]"),
        ({"init": [0, -2]}, r"seeds.init\[1\]: wants 0 or more, got -2"),
        ({"init": [0, "a"]}, r"seeds.init\[1\]: wants a whole number, got 'a'"),
        ({"init": True}, "seeds.init: wants how many levels, or a list of them, got True"),
        ({"init": 1.5}, "seeds.init: wants how many levels, or a list of them, got 1.5"),
        ({}, "seeds: wants one factor or more of init, order, noise, repeat"),
        (
            [0, {"init": 0, "order": 0, "noise": 0, "repeat": 0}],
            r"seeds\[1\]: 0-0-0 is given twice",
        ),
        (
            [{"init": 0, "order": 0, "noise": 0, "repeat": -1}],
            r"seeds\[0\].repeat: wants 0 or more",
        ),
    ],
)
def test_a_mistake_in_the_factors_is_named(seeds, message) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        read(seeds)


def test_levels_of_the_factors_that_vary() -> None:
    assert factors(read({"init": 2, "repeat": 2})) == {
        "init": (0, 1, 0, 1),
        "repeat": (0, 0, 1, 1),
    }
    assert factors(read(3)) == dict.fromkeys(("init", "order", "noise"), (0, 1, 2))
    assert factors(read(1)) == {}


def test_a_few_seeds_for_all_share_no_stream() -> None:
    crossed = read({"init": 3, "order": 3, "repeat": 2})
    assert distinct_seeds(crossed, 3) == (Seed(0, 0, 0), Seed(1, 1, 0), Seed(2, 2, 0))
    assert distinct_seeds(crossed, 5) == distinct_seeds(crossed, 3)  # no more are independent
    assert distinct_seeds(read(4), 2) == (Seed(0, 0, 0), Seed(1, 1, 1))
    assert distinct_seeds(read(1), 3) == read(1)
    assert distinct_seeds(read({"repeat": 3}), 2) == (Seed(0, 0, 0), Seed(0, 0, 0, 1))


def test_seeds_and_shuffled_seeds_are_no_part_of_the_fingerprint() -> None:
    plain = Experiment.from_mapping(changed("seeds", 3))
    crossed = Experiment.from_mapping(changed("seeds", {"init": 2, "repeat": 2}))
    assert plain.fingerprint() == crossed.fingerprint()
    more = Experiment.from_mapping(changed("shuffled_seeds", 7))
    assert (plain.shuffled_seeds, more.shuffled_seeds) == (3, 7)
    assert plain.fingerprint() == more.fingerprint()
    with pytest.raises(ConfigError, match=r"^shuffled_seeds: wants 0 or more, got -1"):
        Experiment.from_mapping(changed("shuffled_seeds", -1))
