"""`study FOLDER`: foreign weights, activations and our own runs, from the command line."""

import json
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from analysis.cli import main
from analysis.folder_study import own_experiment
from training.experiment import Experiment
from training.fit import fit
from training.runs import experiment_folder, load_run, seed_folder
from training.shuffled_runs import fit_shuffled

EXPERIMENT = {
    "name": "tiny",
    "seeds": 3,
    "shuffled_seeds": 0,
    "model": {"class_path": "group_mlp", "init_args": {"d_mlp": 8}},
    "task": {"class_path": "groups", "init_args": {"group": "S3", "share": 0.6}},
    "optimizer": {"lr": 0.01},
    "trainer": {"max_steps": 5},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Experiment]:
    root = tmp_path_factory.mktemp("runs")
    experiment = Experiment.from_mapping(EXPERIMENT)
    fit(experiment, root, progress=False)
    return root, experiment


@pytest.fixture
def weights(runs: tuple[Path, Experiment], tmp_path: Path) -> Path:
    """The same runs as bare safetensors, with the configuration beside them."""
    root, experiment = runs
    folder = tmp_path / "weights"
    folder.mkdir()
    for seed in experiment.seeds:
        run = load_run(seed_folder(root, experiment, seed))
        save_file(dict(run.weights), folder / f"run {seed}.safetensors")
    (tmp_path / "tiny.yaml").write_text(json.dumps(EXPERIMENT), encoding="utf-8")
    return folder


def study(tmp_path: Path, *arguments: str) -> dict:
    assert main(["study", *arguments, "--reports", str(tmp_path / "reports")]) == 0
    (numbers,) = (tmp_path / "reports").glob("*.json")
    assert numbers.with_suffix(".html").is_file()
    return json.loads(numbers.read_text(encoding="utf-8"))


def test_activations_alone_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "activations"
    folder.mkdir()
    generator = np.random.default_rng(0)
    shared = generator.normal(size=(300, 6))
    for name in "abc":
        own = generator.normal(size=(300, 6))
        np.save(folder / f"{name}.npy", (shared + 0.3 * own).astype(np.float32))
    found = study(tmp_path, str(folder))
    levels = {level["name"]: level for level in found["levels"]}
    assert {"representations", "features"} <= levels.keys()
    assert found["stability"] is None
    assert "debiased linear CKA" in capsys.readouterr().out
    assert main(["report", str(tmp_path / "reports/activations.json")]) == 0


def test_weights_with_their_configuration_are_models(weights: Path, tmp_path: Path) -> None:
    found = study(tmp_path, str(weights), "--of", str(weights.parent / "tiny.yaml"))
    levels = [level["name"] for level in found["levels"]]
    assert levels[:2] == ["outputs", "representations"]
    assert "weights" in levels
    assert found["names"][0] == "run 0-0-0"


def test_bare_weights_say_what_they_need(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", str(weights), "--reports", str(tmp_path / "reports")]) == 2
    assert "--of CONFIG.yaml" in capsys.readouterr().err
    assert not (tmp_path / "reports").exists()


def test_weights_of_another_model_are_refused(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {**EXPERIMENT, "model": {"class_path": "group_mlp", "init_args": {"d_mlp": 9}}}
    (tmp_path / "other.yaml").write_text(json.dumps(other), encoding="utf-8")
    assert main(["study", str(weights), "--of", str(tmp_path / "other.yaml")]) == 2
    assert "run 0-0-0: not weights of group_mlp" in capsys.readouterr().err


def test_our_own_runs_are_a_study(runs: tuple[Path, Experiment], tmp_path: Path) -> None:
    root, experiment = runs
    folder = seed_folder(root, experiment, experiment.seeds[0]).parent
    found = study(tmp_path, str(folder), "--class_threshold", "0.2")
    (cell,) = found["cells"]
    assert cell["stability"]["threshold"] == 0.2
    assert len(cell["seeds"]) == 3


def test_runs_of_several_experiments_are_named(
    runs: tuple[Path, Experiment], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, _ = runs
    other = Experiment.from_mapping({**EXPERIMENT, "name": "other", "seeds": 1})
    fit(other, root / "more", progress=False)
    assert main(["study", str(root)]) == 2
    assert "wanted the runs of one experiment, got those of 2" in capsys.readouterr().err


@pytest.mark.parametrize("threshold", ["2", "-0.5", "nan"])
def test_a_threshold_out_of_range_is_one_line(
    weights: Path, capsys: pytest.CaptureFixture[str], threshold: str
) -> None:
    config = str(weights.parent / "tiny.yaml")
    given = ["study", str(weights), "--of", config, f"--class_threshold={threshold}"]
    assert main(given) == 2
    assert "wanted 0 to 0.8326" in capsys.readouterr().err


def test_a_run_given_twice_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    state = nn.Linear(3, 2).state_dict()
    for name in ("first", "second"):
        save_file(state, tmp_path / f"{name}.safetensors")
    assert main(["study", str(tmp_path)]) == 2
    assert "first and second hold the same weights" in capsys.readouterr().err


@pytest.fixture
def activations(tmp_path: Path) -> Path:
    folder = tmp_path / "few"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name in "abc":
        np.save(folder / f"{name}.npy", generator.normal(size=(30, 3)))
    return folder


def test_what_was_not_there_is_printed(
    activations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (activations / "stray.txt").write_text("")
    study(tmp_path, str(activations))
    said = capsys.readouterr().out
    assert said.index("not there, files: not used: stray.txt") < said.index("numbers:")


def test_quiet_prints_no_level(
    activations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study(tmp_path, str(activations), "--quiet")
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == ["numbers", "page"]


@pytest.mark.parametrize("name", ["../../esc", "a/b", "", "."])
def test_a_name_that_no_file_may_have_is_refused_at_once(
    activations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    place = str(tmp_path / "reports")
    assert main(["study", str(activations), "--reports", place, f"--name={name}"]) == 2
    found = capsys.readouterr()
    assert "name: wants 1 to 200 printable characters" in found.err
    assert found.out == ""


def test_reports_that_cannot_be_written_are_refused_at_once(
    weights: Path, activations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("")
    for given in (activations, weights.parent / "tiny.yaml"):
        for place in ("taken", "taken/deeper"):
            assert main(["study", str(given), "--reports", str(tmp_path / place)]) == 2
            found = capsys.readouterr()
            assert "taken is a file; wanted a folder" in found.err
            assert found.out == ""


def test_the_figures_in_brief_are_of_our_own_runs(
    activations: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", str(activations), "--brief", "x.json"]) == 2
    assert "--brief" in capsys.readouterr().err


def test_a_comparison_is_no_model(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "many.yaml").write_text("architectures: {}\ntasks: {}\n", encoding="utf-8")
    assert main(["study", str(weights), "--of", str(tmp_path / "many.yaml")]) == 2
    assert "many.yaml is a comparison; wanted the YAML of one" in capsys.readouterr().err


def test_a_file_of_a_folder_is_no_folder(
    activations: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", str(activations / "a.npy")]) == 2
    assert "give the folder" in capsys.readouterr().err


def test_a_shuffled_null_that_is_there_is_used_and_none_is_trained(
    runs: tuple[Path, Experiment], tmp_path: Path
) -> None:
    root = tmp_path / "with null"
    experiment = replace(runs[1], shuffled_seeds=2)
    fit(experiment, root, progress=False)
    assert own_experiment(root)[0].shuffled_seeds == 0
    fit_shuffled(experiment, root, progress=False)
    before = sorted(path for path in root.rglob("*"))
    for folder in (root, experiment_folder(root, experiment)):
        found, place = own_experiment(folder)
        assert (found.shuffled_seeds, found.name, place) == (2, "tiny", root.resolve())
    (level,) = (
        e for e in study(tmp_path, str(root))["cells"][0]["levels"] if e["name"] == "outputs"
    )
    assert "label-shuffled training" in {rung["name"] for rung in level["measures"][0]["rungs"]}
    assert sorted(path for path in root.rglob("*")) == before


def test_a_renamed_folder_of_runs_is_not_trained_again(
    runs: tuple[Path, Experiment], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copytree(experiment_folder(*runs), tmp_path / "renamed")
    assert main(["study", str(tmp_path / "renamed")]) == 2
    assert "wanted a folder of the name tiny-" in capsys.readouterr().err


def test_help_speaks_of_folders(capsys: pytest.CaptureFixture[str]) -> None:
    for command, words in (("study", ("FOLDER", "--of")), ("report", ("study of a folder",))):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        said = " ".join(capsys.readouterr().out.split())
        assert all(word in said for word in words)


def test_stress_is_explained(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["study", str(weights.parent / "tiny.yaml"), "--help"])
    assert "a task on whose inputs outputs are compared" in " ".join(
        capsys.readouterr().out.split()
    )
