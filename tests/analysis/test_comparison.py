"""The main job, end to end and tiny: fit, read, measure, write, start again, refuse mistakes."""

import json
from dataclasses import replace

import pytest
import torch

from analysis.comparison import compare, save, study
from training.experiment import Comparison, Experiment

SMALL = {
    "name": "small",
    "description": "S3 <b>&</b> friends",
    "seeds": 3,
    "tasks": {"S3": {"class_path": "groups", "init_args": {"group": "S3", "share": 0.8}}},
    "architectures": {
        "tokens": {
            "model": {"class_path": "group_representation"},
            "optimizer": {"name": "adam", "lr": 0.03, "betas": [0.9, 0.99], "schedule": "half"},
            "trainer": {"max_steps": 300},
        },
        "mlp": {
            "model": {"class_path": "group_mlp", "init_args": {"d_mlp": 16}},
            "optimizer": {"lr": 0.01, "weight_decay": 1.0},
            "trainer": {"max_steps": 20},
        },
        "transformer": {
            "model": {"class_path": "group_transformer", "init_args": {"d_model": 8, "heads": 2}},
            "optimizer": {"lr": 0.01},
            "trainer": {"max_steps": 20},
        },
    },
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    root = tmp_path_factory.mktemp("comparison")
    comparison = Comparison.from_mapping(SMALL)
    return root, comparison, compare(comparison, root / "runs", progress=False)


def test_every_pair_has_a_cell_with_sums_that_hold(done):
    _, _, result = done
    assert [c.architecture for c in result.cells] == ["tokens", "mlp", "transformer"]
    assert [c.state_share is None for c in result.cells] == [True, False, False]
    for cell in result.cells:
        assert cell.sum_error is not None
        assert cell.sum_error <= 1e-5
        assert len(cell.curves) == len(cell.readings) == 3
        assert cell.status == ("finished",) * 3
        assert cell.unit == "nats"


def test_matrix_tokens_find_one_solution_and_read_it(done):
    cell = done[2].cells[0]
    assert cell.solved == 3
    assert cell.stability.by_output.counts == (3,)
    assert {r.label for r in cell.readings} == {"(1,1,1) + (2,1)*2"}
    assert max(r.off_identity for r in cell.readings) < 0.05
    assert cell.exactness == "UNCONDITIONAL"


def assert_same(one, other):
    """Equal but for the rounding of sums in float32, which depends on where memory lies."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif isinstance(one, float) and isinstance(other, float):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-6)
    else:
        assert one == other


def test_started_again_it_trains_nothing_and_says_the_same(done):
    root, comparison, result = done
    files = sorted((root / "runs").rglob("*"))
    before = {f: f.stat().st_mtime_ns for f in files}
    again = compare(comparison, root / "runs", progress=False)
    assert {f: f.stat().st_mtime_ns for f in sorted((root / "runs").rglob("*"))} == before
    assert_same(replace(again, seconds=0.0).to_mapping(), replace(result, seconds=0.0).to_mapping())


def test_page_and_json_are_written_and_rebuilt(done, tmp_path, capsys):
    from analysis.cli import main

    numbers, page = save(done[2], tmp_path)
    assert json.loads(numbers.read_text())["cells"][0]["solved"] == 3
    html = page.read_text()
    assert "S3 &lt;b&gt;&amp;&lt;/b&gt; friends" in html
    page.unlink()
    assert main(["report", str(numbers)]) == 0
    assert page.read_text() == html


def test_read_prints_the_solution_and_what_an_edit_does(done, capsys):
    from analysis.cli import main

    root, _, _ = done
    folder = next((root / "runs").glob("small-S3-tokens-*")) / "seed-0-0-0"
    assert main(["read", str(folder), "--edit", "ablate:row.0", "--save", "no_row"]) == 0
    out = capsys.readouterr().out
    assert "UNCONDITIONAL" in out
    assert "representation of S3: (1,1,1) + (2,1)*2" in out
    assert "total effect" in out
    from analysis.reading.card import load_edits

    (saved,) = (folder.parent / "edits").iterdir()
    assert load_edits(saved)[0].component == "row.0"
    capsys.readouterr()
    assert main(["read", str(folder), "--edits", str(saved)]) == 0
    assert "with ablate row.0 (total effect)" in capsys.readouterr().out
    assert main(["read", str(folder), "--edit", "ablate:row.99"]) == 2
    assert "row.99" in capsys.readouterr().err


class Fragile(torch.nn.Module):
    """Diverges for the second initialisation only."""

    def __init__(self, order: int):
        super().__init__()
        self.table = torch.nn.Parameter(torch.randn(order, order, order))
        if torch.initial_seed() == 1:
            self.table.data.fill_(float("inf"))

    def forward(self, pairs):
        return self.table[pairs[..., 0], pairs[..., 1]]


def test_a_seed_that_diverges_is_recorded_and_the_study_goes_on(tmp_path, monkeypatch):
    import sys
    import types

    module = types.ModuleType("fragile")
    module.Fragile = Fragile
    monkeypatch.setitem(sys.modules, "fragile", module)
    experiment = Experiment.from_mapping(
        {
            "name": "fragile",
            "seeds": 3,
            "model": {"class_path": "fragile.Fragile"},
            "task": SMALL["tasks"]["S3"],
            "optimizer": {"lr": 0.1},
            "trainer": {"max_steps": 20},
        }
    )
    (cell,) = study(experiment, tmp_path, progress=False).cells
    assert cell.status == ("finished", "diverged", "finished")
    assert cell.stability.diverged == (1,)
    assert cell.held_out_loss.defined
    assert cell.sum_error is None
    assert cell.exactness == "not offered"
    numbers, page = save(study(experiment, tmp_path, progress=False), tmp_path / "reports")
    assert "diverged" in page.read_text()
    json.loads(numbers.read_text())


def mistake(capsys, tmp_path, text: str, command: str = "study") -> str:
    from analysis.cli import main

    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    assert main([command, str(path), "--root", str(tmp_path / "runs"), "--quiet"]) == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    assert captured.err.count("\n") == 1
    assert not list(tmp_path.glob("runs/*/seed-*"))
    return captured.err


GOOD = """
name: bad
seeds: [0, 1]
model: {class_path: group_mlp, init_args: {d_mlp: 8}}
task: {class_path: groups, init_args: {group: S3, share: 0.5}}
optimizer: {lr: 0.01}
trainer: {max_steps: 3}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("max_steps: 3", "max_step: 3", "nearest is 'max_steps'"),
        ("max_steps: 3", "max_steps: soon", "trainer.max_steps: wants a whole number, got 'soon'"),
        ("seeds: [0, 1]", "seeds: [4, 4]", "given twice"),
        ("group: S3", "group: S_3", "S_3"),
        ("share: 0.5", "share: 0.0", "at least one to train on"),
        ("group: S3", "table: [[0, 1], [1, 1]]", "1"),
        ("class_path: groups", "class_path: gruops", "did you mean 'groups'"),
        ("d_mlp: 8", "d_mpl: 8", "did you mean 'd_mlp'"),
        ("class_path: group_mlp", "class_path: group_mpl", "did you mean 'group_mlp'"),
        ("name: bad", "name: bad\nname: worse", "name"),
        ("lr: 0.01", "lr: -1", "optimizer.lr"),
    ],
)
def test_mistakes_in_a_file_are_one_clear_line(capsys, tmp_path, old, new, said):
    assert old in GOOD
    assert said in mistake(capsys, tmp_path, GOOD.replace(old, new))


def test_a_table_that_is_no_group_names_the_triple(capsys, tmp_path):
    # A Latin square with identity (a loop of order 5) that is not associative.
    rows = "[[0,1,2,3,4],[1,0,3,4,2],[2,4,0,1,3],[3,2,4,0,1],[4,3,1,2,0]]"
    text = GOOD.replace("group: S3", f"table: {rows}")
    assert "·" in (err := mistake(capsys, tmp_path, text)), err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--optimizer.lr", "{"], "--optimizer.lr: wanted a YAML value"),
        (["--model.init_args.d_mlp", "lots"], "model.init_args.d_mlp"),
        (["--trainer.max_stepz", "3"], "did you mean --trainer.max_steps"),
        (["--logger", "wandbb"], "wandb"),
    ],
)
def test_mistakes_in_options_are_one_clear_line(capsys, tmp_path, options, said):
    from analysis.cli import main

    path = tmp_path / "good.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert main(["study", str(path), "--root", str(tmp_path / "runs"), "--quiet", *options]) == 2
    assert said in capsys.readouterr().err


def test_a_file_for_another_command_says_so(capsys, tmp_path):
    assert "use `study` or `fit`" in mistake(capsys, tmp_path, GOOD, "compare")
    assert "use `compare`" in mistake(capsys, tmp_path, "name: x\ntasks: {}\narchitectures: {}\n")


@pytest.mark.parametrize(("content", "said"), [(b"", "empty"), (b"\xff\xfe\x00bad", "UTF-8")])
def test_bad_text_files(capsys, tmp_path, content, said):
    (tmp_path / "text.txt").write_bytes(content)
    source = f"class_path: text, init_args: {{source: {tmp_path / 'text.txt'}}}"
    text = GOOD.replace("class_path: groups, init_args: {group: S3, share: 0.5}", source)
    text = text.replace("class_path: group_mlp, init_args: {d_mlp: 8}", "class_path: transformer")
    assert said in mistake(capsys, tmp_path, text)


def test_a_changed_byte_is_found_and_nothing_is_retrained(capsys, tmp_path):
    from analysis.cli import main

    path = tmp_path / "good.yaml"
    path.write_text(GOOD, encoding="utf-8")
    command = ["fit", str(path), "--root", str(tmp_path / "runs"), "--quiet"]
    assert main(command) == 0
    weights = next(tmp_path.rglob("seed-1-1-1/weights.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    capsys.readouterr()
    assert main(command) == 2
    assert "checksum" in capsys.readouterr().err
    assert weights.read_bytes() == bytes(content)
