"""What each mistake in an experiment or a comparison is answered with."""

import pytest
import yaml
from written_experiments import COMPARISON, WHOLE, changed, write

from training.experiment import Comparison, ConfigError, Experiment


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
        ("trainer.max_steps", -1, "trainer.max_steps: wants 0 or more, got -1"),
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


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("adam", "adan", "architectures.ours.optimizer.name: wants one of adam, adamw, got 'adan'"),
        ("max_steps", "steps", "architectures.ours.trainer.steps: no such key; .*'max_steps'"),
        ("seeds", "seed", "seed: no such key; the nearest is 'seeds'"),
        ("[0, 5]", "[5, 5]", r"seeds\[1\]: 5-5-5 is given twice, first as seeds\[0\]"),
        ("S4 80%", "S4/80", "tasks.S4/80: wants 1 to 200 printable"),
        ("seeds:", "class_threshold: 0.9\nseeds:", "class_threshold: .*from 0 to 0.8326, got 0.9"),
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
