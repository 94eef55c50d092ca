"""Crossed seeds and the number of shuffled ones, asked for on the command line."""

from pathlib import Path

import pytest

from analysis.cli import main

TINY = """
name: tiny
model: {class_path: group_mlp, init_args: {d_mlp: 4}}
task: {class_path: groups, init_args: {group: S3, share: 0.8}}
trainer: {max_steps: 2, batch_size: 8, accelerator: cpu}
seeds: 1
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return str(path)


def test_seeds_are_crossed(config: str, tmp_path: Path, capsys) -> None:
    arguments = ["--seeds", "{init: 2, order: 2}", "--root", str(tmp_path / "runs"), "--quiet"]
    assert main(["fit", config, *arguments]) == 0
    printed = capsys.readouterr().out
    assert all(f"seed-{i}-{o}-0" in printed for i in (0, 1) for o in (0, 1))


def test_a_mistake_in_a_factor_is_one_line(config: str, capsys) -> None:
    assert main(["fit", config, "--seeds", "{ordre: 2}"]) == 2
    assert "seeds.ordre: no such factor; the nearest is 'order'" in capsys.readouterr().err


def test_a_file_of_crossed_seeds_takes_others(config: str, tmp_path: Path, capsys) -> None:
    Path(config).write_text(TINY.replace("seeds: 1", "seeds: {init: 3}"), encoding="utf-8")
    arguments = ["--seeds", "{order: 2}", "--root", str(tmp_path / "runs"), "--quiet"]
    assert main(["fit", config, *arguments]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
