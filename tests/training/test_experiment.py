"""Experiments and comparisons: what YAML may say and what it means."""

import json
from dataclasses import FrozenInstanceError

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from written_experiments import COMPARISON, WHOLE, changed, plain, write

from training.experiment import (
    Architecture,
    Comparison,
    Experiment,
    Optimizer,
    Part,
    Seed,
    Trainer,
)

# What is read


def test_yaml_becomes_typed_values(tmp_path):
    read = Experiment.from_yaml(write(tmp_path, WHOLE))
    assert read == Experiment(
        name="little",
        model=Part("transformer", {"d_model": 64, "layers": 2}),
        task=Part("groups", {"group": "S4", "share": 0.15}),
        optimizer=Optimizer(lr=0.001, betas=(0.9, 0.98), schedule="half"),
        trainer=Trainer(max_steps=1000),
        seeds=(Seed(0, 0, 0), Seed(1, 1, 1), Seed(2, 2, 2)),
    )
    assert isinstance(read.optimizer.lr, float)
    with pytest.raises(FrozenInstanceError):
        read.name = "other"  # pyright: ignore[reportAttributeAccessIssue]


def test_seeds_may_set_their_streams_apart():
    seeds = [4, {"init": 1, "order": 2, "noise": 3}]
    read = Experiment.from_mapping(changed("seeds", seeds))
    assert read.seeds == (Seed(4, 4, 4), Seed(1, 2, 3))
    assert [str(seed) for seed in read.seeds] == ["4-4-4", "1-2-3"]


free = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
settled = {
    "optimizer": st.fixed_dictionaries(
        {},
        optional={
            "lr": st.floats(1e-6, 10),
            "clip": st.none() | st.floats(0.1, 10),
            "schedule": st.sampled_from(["constant", "cosine", "half"]),
        },
    ),
    "trainer": st.fixed_dictionaries(
        {"max_steps": st.integers(1, 10**6)},
        optional={"block": st.just("auto") | st.integers(1, 9), "compile": st.booleans()},
    ),
    "model": st.fixed_dictionaries(
        {"class_path": st.text(max_size=5)},
        optional={"init_args": st.dictionaries(st.text(max_size=3), free, max_size=3)},
    ),
    "seeds": st.integers(1, 9) | st.lists(st.integers(0, 99), min_size=1, unique=True, max_size=9),
}


@settings(max_examples=30)
@given(st.fixed_dictionaries(settled))
def test_plain_values_and_back(values):
    experiment = Experiment.from_mapping({**plain(), **values})
    through_json = json.loads(json.dumps(experiment.to_mapping()))
    assert Experiment.from_mapping(through_json) == experiment
    through_yaml = yaml.safe_load(yaml.safe_dump(experiment.to_mapping()))
    assert Experiment.from_mapping(through_yaml) == experiment


@pytest.mark.parametrize(
    ("written", "number"), [("1e-3", 0.001), ("2E+2", 200.0), (".5e1", 5.0), ("-1e0", -1.0)]
)
def test_numbers_in_scientific_notation_are_numbers_everywhere(tmp_path, written, number):
    path = write(tmp_path, WHOLE.replace("share: 0.15", f"share: {written}"))
    assert Experiment.from_yaml(path).task.init_args["share"] == number


@pytest.mark.parametrize("written", ["1e3", "1000.0", "1000"])
def test_a_whole_number_may_be_written_as_a_float(tmp_path, written):
    path = write(tmp_path, WHOLE.replace("max_steps: 1000", f"max_steps: {written}"))
    steps = Experiment.from_yaml(path).trainer.max_steps
    assert (steps, type(steps)) == (1000, int)


def test_text_that_is_a_number_passes_for_a_number():
    assert Experiment.from_mapping(changed("optimizer.lr", "1e-3")).optimizer.lr == 0.001


def test_a_choice_that_looks_like_a_number_needs_no_quotes():
    assert Experiment.from_mapping(changed("trainer.precision", 64)).trainer.precision == "64"


def test_a_mapping_given_is_not_changed_and_not_shared():
    mapping = plain()
    experiment = Experiment.from_mapping(mapping)
    assert mapping == plain()
    mapping["model"]["init_args"]["d_model"] = 1
    assert experiment.model.init_args["d_model"] == 64


# The fingerprint


def reversed_keys(value):
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return value


def test_the_fingerprint_is_blind_to_spelling_name_and_seeds():
    first = Experiment.from_mapping(plain()).fingerprint()
    same = [
        reversed_keys(plain()),
        changed("name", "other"),
        changed("seeds", [9]),
        changed("model.init_args.d_model", 64.0),
        changed("optimizer.weight_decay", 0),
        changed("trainer.max_steps", 1000.0),
    ]
    assert {Experiment.from_mapping(mapping).fingerprint() for mapping in same} == {first}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model.class_path", "group_mlp"),
        ("model.init_args.d_model", 65),
        ("model.init_args.d_model", "64"),
        ("task.init_args.share", 0.2),
        ("optimizer.lr", 0.002),
        ("trainer.max_steps", 1001),
    ],
)
def test_the_fingerprint_sees_every_other_change(path, value):
    other = Experiment.from_mapping(changed(path, value))
    assert other.fingerprint() != Experiment.from_mapping(plain()).fingerprint()


def test_the_fingerprint_stays_what_it_was():
    found = Experiment.from_mapping(plain()).fingerprint()
    assert found[:10] == "ba968a6570"


# Comparisons


def test_a_comparison_unfolds_task_by_task(tmp_path):
    comparison = Comparison.from_yaml(write(tmp_path, COMPARISON))
    found = comparison.experiments()
    assert [(task, name) for task, name, _ in found] == [
        ("S4 15%", "ours"),
        ("S4 15%", "theirs"),
        ("S4 80%", "ours"),
        ("S4 80%", "theirs"),
    ]
    *_, last = found[-1]
    assert last == Experiment(
        name="groups-S4 80%-theirs",
        model=Part("group_mlp"),
        task=comparison.tasks["S4 80%"],
        optimizer=Optimizer(name="adam", lr=0.01),
        trainer=Trainer(max_steps=10),
        seeds=(Seed(0, 0, 0), Seed(5, 5, 5)),
    )
    assert isinstance(comparison.architectures["ours"], Architecture)
    assert (comparison.solved_at, comparison.class_threshold) == (1.0, 0.1)
    assert Comparison.from_mapping(comparison.to_mapping()) == comparison
