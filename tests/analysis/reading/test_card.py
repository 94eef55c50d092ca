"""What `read` prints of one run: the numbers of an edit, a word's senses, clear refusals."""

import json
import re

import pytest
import torch

from analysis.cli import main
from interpretable_arch.edits import Edit, edited
from training.data import build_task
from training.experiment import Experiment
from training.fit import fit
from training.objective import Measure
from training.runs import load_run, run_model, seed_folder

WHOLE = {
    "name": "small",
    "model": {"class_path": "backpack", "init_args": {"d_model": 8, "senses": 2, "heads": 2}},
    "optimizer": {"lr": 1e-2},
    "trainer": {"max_steps": 5, "batch_size": 4},
    "seeds": 1,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("card")
    text = root / "verses.txt"
    text.write_text("\n".join(f"and {n}, begat {n + 1}" for n in range(300)), encoding="utf-8")
    task = {"class_path": "text", "init_args": {"source": str(text), "context": 8}}
    experiment = Experiment.from_mapping({**WHOLE, "task": task})
    fit(experiment, root, progress=False)
    return seed_folder(root, experiment, experiment.seeds[0])


def said(capsys, *arguments: str) -> tuple[int, str, str]:
    status = main(["read", *arguments])
    out = capsys.readouterr()
    return status, out.out, out.err


def test_an_edits_numbers_are_those_of_the_probe(run, capsys):
    status, out, _ = said(capsys, str(run), "--edit", "ablate:sense.0")
    assert status == 0
    found = re.search(r"held-out loss (\S+) -> (\S+)", out)
    assert found
    loaded = load_run(run)
    task = build_task(loaded.experiment.task.class_path, loaded.experiment.task.init_args)
    model = run_model(loaded, task)
    with torch.no_grad():
        before = Measure(model)(task.probe.inputs, task.probe.targets)[0]
        with edited(model, Edit.ablate("sense.0")):
            after = Measure(model)(task.probe.inputs, task.probe.targets)[0]
    assert [float(g) for g in found.groups()] == pytest.approx(
        [float(before), float(after)], rel=1e-3
    )
    assert float(before) != float(after)


def test_a_words_senses_even_of_a_comma(run, capsys, tmp_path):
    page = tmp_path / "model.html"
    status, out, _ = said(capsys, str(run), "--word", ",", "--word", "b", "--page", str(page))
    assert status == 0
    assert "Senses of ,:" in out
    assert "Senses of b:" in out
    assert "Senses of b" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--word", "king"), "word: 'king' is not in the vocabulary"),
        (("--features", "-3"), "features: wanted 0 or more, got -3"),
        (("--edit", "scale:sense.0:nan"), "--edit: wanted"),
        (("--edit", "pin:sense.0:inf"), "--edit: wanted"),
        (("--also", "prunning"), "did you mean 'pruning'"),
        (("--page", "/"), "wanted a file in a folder that exists"),
        (("--page", "/no/such/folder/x.html"), "wanted a file in a folder that exists"),
    ],
)
def test_a_mistake_is_one_line(run, capsys, arguments, message):
    status, _, err = said(capsys, str(run), *arguments)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "entry",
    [
        {"verb": "scale", "component": "sense.0", "value": "x"},
        {"verb": "scale", "component": "sense.0", "value": [1.0]},
        {"verb": "pin", "component": "sense.0", "value": [1, 2, 3]},
        {"verb": "pin", "component": "sense.0", "value": float("nan")},
        {"verb": "swap", "component": "sense.0", "value": [[99999]]},
        {"verb": "ablate", "component": ["x"], "value": None},
    ],
)
def test_a_file_of_bad_edits_is_one_line(run, capsys, tmp_path, entry):
    path = tmp_path / "edits.json"
    path.write_text(json.dumps([entry]), encoding="utf-8")
    status, _, err = said(capsys, str(run), "--edits", str(path))
    assert status == 2
    assert err.count("\n") == 1
