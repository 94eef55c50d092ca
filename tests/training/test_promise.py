"""An experiment may require an exactness; a weaker model is refused before any training."""

import pytest
from torch import nn

from analysis.comparison import compare, study
from training.data import build_task
from training.experiment import Comparison, ConfigError, Experiment
from training.fit import fit
from training.promise import check_promise

WHOLE = {
    "name": "little",
    "model": {"class_path": "group_mlp", "init_args": {"d_mlp": 4}},
    "task": {"class_path": "groups", "init_args": {"group": "S3", "share": 0.5}},
    "optimizer": {},
    "trainer": {"max_steps": 2},
    "seeds": 2,
}


def test_a_promise_that_is_too_weak_is_refused_before_training(tmp_path):
    experiment = Experiment.from_mapping({**WHOLE, "require": "unconditional"})
    with pytest.raises(ConfigError, match=r"wants unconditional.*group_mlp keeps GIVEN"):
        fit(experiment, tmp_path, progress=False)
    assert not list(tmp_path.rglob("weights.safetensors"))


@pytest.mark.parametrize("required", ["given", "remainder", "approximate"])
def test_a_promise_at_least_as_strong_is_let_through(tmp_path, required):
    experiment = Experiment.from_mapping({**WHOLE, "require": required})
    assert len(study(experiment, tmp_path, progress=False).cells) == 1


def test_the_layers_that_set_it_are_named(tmp_path):
    body = {"class_path": "group_transformer", "init_args": {"d_model": 8, "heads": 2}}
    experiment = Experiment.from_mapping({**WHOLE, "model": body, "require": "unconditional"})
    with pytest.raises(ConfigError, match=r"set by .*ln_final"):
        fit(experiment, tmp_path, progress=False)


def test_a_model_without_parts_is_refused_whatever_is_required():
    experiment = Experiment.from_mapping({**WHOLE, "require": "approximate"})
    task = build_task("groups", WHOLE["task"]["init_args"])
    with pytest.raises(ConfigError, match="offers no parts"):
        check_promise(experiment, nn.Linear(2, 6), task)


def test_a_comparison_refuses_before_it_trains_the_first_of_its_models(tmp_path):
    pieces = {"optimizer": {}, "trainer": {"max_steps": 2}}
    comparison = Comparison.from_mapping(
        {
            "name": "two",
            "description": "",
            "seeds": 1,
            "tasks": {"S3": WHOLE["task"]},
            "architectures": {
                "first": {**pieces, "model": {"class_path": "group_representation"}},
                "second": {**pieces, "model": WHOLE["model"], "require": "unconditional"},
            },
        }
    )
    with pytest.raises(ConfigError, match="require"):
        compare(comparison, tmp_path, progress=False)
    assert not list(tmp_path.rglob("weights.safetensors"))


def test_what_is_required_changes_no_run():
    plain = Experiment.from_mapping(WHOLE)
    assert Experiment.from_mapping({**WHOLE, "require": "given"}).fingerprint() == (
        plain.fingerprint()
    )


def test_an_unknown_promise_is_refused():
    with pytest.raises(ConfigError, match="one of unconditional, given"):
        Experiment.from_mapping({**WHOLE, "require": "exact"})
