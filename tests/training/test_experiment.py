"""Experiments and comparisons: what YAML may say, and what each mistake is answered with."""

import json
from dataclasses import FrozenInstanceError

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from training.experiment import (
    Architecture,
    Comparison,
    ConfigError,
    Experiment,
    Optimizer,
    Part,
    Seed,
    Trainer,
)

WHOLE = """
name: little
model: {class_path: transformer, init_args: {d_model: 64, layers: 2}}
task:
  class_path: groups
  init_args: {group: S4, share: 0.15}
optimizer: {lr: 1e-3, betas: [0.9, 0.98], schedule: half}
trainer: {max_steps: 1000, batch_size: null}
seeds: 3
"""

COMPARISON = """
name: groups
description: Products in S4.
seeds: [0, 5]
tasks:
  S4 15%: {class_path: groups, init_args: {group: S4, share: 0.15}}
  S4 80%: {class_path: groups, init_args: {group: S4, share: 0.8}}
architectures:
  ours: &ours
    model: {class_path: group_representation}
    optimizer: {name: adam, lr: 0.01}
    trainer: {max_steps: 10}
  theirs: {<<: *ours, model: {class_path: group_mlp}}
"""


def plain():
    return yaml.safe_load(WHOLE)


def changed(path, value):
    """The whole mapping with one key set (or, for `...`, taken out)."""
    mapping = place = plain()
    *parents, last = path.split(".")
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return mapping


def write(tmp_path, content):
    path = tmp_path / "it.yaml"
    path.write_text(content, encoding="utf-8")
    return path


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


# Mistakes


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("optimiser", {}, "optimiser: no such key; the nearest is 'optimizer'"),
        ("optimizer.learning_rat", 1, "optimizer.learning_rat: no such key; .*valid: name, lr"),
        ("trainer.max_step", 5, "trainer.max_step: no such key; the nearest is 'max_steps'"),
        ("model.init_arg", {}, "model.init_arg: no such key; the nearest is 'init_args'"),
        ("task", ..., "task: missing; wants a mapping"),
        ("trainer.max_steps", ..., "trainer.max_steps: missing; wants a whole number"),
        ("optimizer.lr", "fast", "optimizer.lr: wants a number, got 'fast'"),
        ("optimizer.lr", True, "optimizer.lr: wants a number, got True"),
        ("optimizer.lr", float("nan"), "optimizer.lr: wants a number, got nan"),
        ("optimizer.lr", 0, "optimizer.lr: wants a number above 0, got 0.0"),
        ("optimizer.name", "sgd", "optimizer.name: wants one of adam, adamw, got 'sgd'"),
        ("optimizer.betas", 0.9, "optimizer.betas: wants a list of 2: a number, a number, got 0.9"),
        ("optimizer.betas", [0.9], "optimizer.betas: wants a list of 2"),
        ("optimizer.betas", [0.9, "x"], r"optimizer.betas\[1\]: wants a number, got 'x'"),
        ("optimizer.betas", [0.9, 1], "optimizer.betas: wants two numbers from 0 to below 1"),
        ("optimizer.clip", "no", "optimizer.clip: wants a number or null, got 'no'"),
        ("optimizer.clip", -1, "optimizer.clip: wants a number above 0, got -1"),
        ("optimizer.weight_decay", -1, "optimizer.weight_decay: wants 0 or more, got -1"),
        ("optimizer.warmup_steps", -1, "optimizer.warmup_steps: wants 0 or more, got -1"),
        ("optimizer.final_fraction", 2, "optimizer.final_fraction: wants a number from 0 to 1"),
        ("trainer.max_steps", 1.5, "trainer.max_steps: wants a whole number, got 1.5"),
        ("trainer.max_steps", 0, "trainer.max_steps: wants 1 or more, got 0"),
        ("trainer.compile", 1, "trainer.compile: wants true or false, got 1"),
        ("trainer.precision", 16, "trainer.precision: wants one of 32, 64, got 16"),
        ("trainer.block", "all", "trainer.block: wants a whole number or one of auto, got 'all'"),
        ("trainer.block", 0, "trainer.block: wants 1 or more, got 0"),
        ("trainer", None, "trainer: wants a mapping, got None"),
        ("model", "transformer", "model: wants a mapping, got 'transformer'"),
        ("model.class_path", 3, "model.class_path: wants text, got 3"),
        ("model.init_args", [1], r"model.init_args: wants a mapping, got \[1\]"),
        ("model.init_args", {"when": object}, "model.init_args.when: wants text, a number"),
        ("model.init_args", {1: 2}, "model.init_args: wants keys that are text, got 1"),
        ("name", "a/b", "name: wants 1 to 200 printable characters .* got 'a/b'"),
        ("name", "", "name: wants"),
        ("name", "..", "name: wants"),
        ("seeds", "many", "seeds: wants how many, or a list of them, got 'many'"),
        ("seeds", True, "seeds: wants how many, or a list of them, got True"),
        ("seeds", 0, "seeds: wants 1 or more, got 0"),
        ("seeds", [], "seeds: wants at least one, got none"),
        ("seeds", [1, 2, 1], r"seeds\[2\]: 1-1-1 is given twice, first as seeds\[0\]"),
        ("seeds", [1, {"init": 1, "order": 1, "noise": 1}], r"seeds\[1\]: 1-1-1 is given twice"),
        ("seeds", [-1], r"seeds\[0\].init: wants 0 or more, got -1"),
        ("seeds", ["a"], r"seeds\[0\]: wants a mapping, got 'a'"),
        ("seeds", [{"init": 1}], r"seeds\[0\].order: missing"),
        ("seeds", [{"inti": 1}], r"seeds\[0\].inti: no such key; the nearest is 'init'"),
    ],
)
def test_a_mistake_names_its_key_and_what_it_wants(path, value, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        Experiment.from_mapping(changed(path, value))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (WHOLE.replace("lr:", "rl:"), "it.yaml: optimizer.rl: no such key; the nearest is 'lr'"),
        (WHOLE + "seeds: 4\n", "it.yaml: seeds: given twice, again on line 10"),
        (WHOLE.replace("layers", "d_model"), "it.yaml: d_model: given twice, again on line 3"),
        ("a: [1,", "it.yaml: is not YAML: .* on line"),
        ("a: !!python/object:os.system {}", "it.yaml: is not YAML: could not determine"),
        ("a: 2020-13-45", "it.yaml: is not YAML: month must be in 1..12"),
        ("- a", "it.yaml: wants a mapping at the top"),
        ("", "it.yaml: wants a mapping at the top, got None"),
    ],
)
def test_a_mistake_in_a_file_names_the_file(tmp_path, content, message):
    with pytest.raises(ConfigError, match=message):
        Experiment.from_yaml(write(tmp_path, content))


def test_a_file_that_is_missing_or_not_text(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere.yaml: cannot be read"):
        Experiment.from_yaml(tmp_path / "nowhere.yaml")
    (tmp_path / "b.yaml").write_bytes(b"name: \xff")
    with pytest.raises(ConfigError, match=r"b.yaml: wants UTF-8 text"):
        Experiment.from_yaml(tmp_path / "b.yaml")
    (tmp_path / "c.yaml").write_bytes(b"name: \x00")
    with pytest.raises(ConfigError, match=r"c.yaml: is not YAML"):
        Experiment.from_yaml(tmp_path / "c.yaml")


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


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("adam", "adan", "architectures.ours.optimizer.name: wants one of adam, adamw, got 'adan'"),
        ("max_steps", "steps", "architectures.ours.trainer.steps: no such key; .*'max_steps'"),
        ("seeds", "seed", "seed: no such key; the nearest is 'seeds'"),
        ("[0, 5]", "[5, 5]", r"seeds\[1\]: 5-5-5 is given twice, first as seeds\[0\]"),
        ("S4 80%", "S4/80", "tasks.S4/80: wants 1 to 200 printable"),
        ("seeds:", "solved_at: 80\nseeds:", "solved_at: wants a number from 0 to 1, got 80"),
    ],
)
def test_a_mistake_in_a_comparison_names_the_whole_path(tmp_path, old, new, message):
    with pytest.raises(ConfigError, match=message):
        Comparison.from_yaml(write(tmp_path, COMPARISON.replace(old, new)))


def test_a_comparison_wants_something_to_compare(tmp_path):
    mapping = yaml.safe_load(COMPARISON)
    with pytest.raises(ConfigError, match="tasks: wants at least one, got none"):
        Comparison.from_mapping({**mapping, "tasks": {}})
