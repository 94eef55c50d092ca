"""The README is true: its code runs, its paths exist, its commands are those that exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def block(language: str, containing: str) -> str:
    return next(text for kind, text in BLOCKS if kind == language and containing in text)


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_model_of_ones_own(tmp_path):
    """The page of code for a user's own model, run as it stands."""
    (tmp_path / "parity.py").write_text(block("python", "class Net"), encoding="utf-8")
    (tmp_path / "parity.yaml").write_text(block("yaml", "parity.Net"), encoding="utf-8")
    (tmp_path / "own.py").write_text(block("python", "Experiment.from_yaml"), encoding="utf-8")
    assert "of 5 seeds solved it" in run(tmp_path, "own.py")
    assert (tmp_path / "reports" / "parity.html").stat().st_size > 100_000
    # The command line finds the trained seeds and the module in the folder it is run from.
    out = run(tmp_path, "-m", "analysis.cli", "study", "parity.yaml", "--quiet")
    assert "parity.html" in out


def test_the_contract_example_runs(tmp_path):
    (tmp_path / "example.py").write_text(block("python", "model.decompose"), encoding="utf-8")
    out = run(tmp_path, "example.py")
    assert "GIVEN(" in out
    assert "Symmetry(" in out


def test_a_model_that_needs_no_steps(tmp_path):
    """The YAML of a fit to data, on another text."""
    text = "\n\n".join(README.split("\n"))
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    given = block("yaml", "max_steps: 0").replace("source: kjv", "source: text.txt")
    (tmp_path / "letters.yaml").write_text(given.replace("context: 256", "context: 32"))
    out = run(tmp_path, "-m", "analysis.cli", "study", "letters.yaml", "--quiet")
    assert "1 solution class" in out
    assert "canonical parameters within" in out


def test_paths_exist():
    map_block = next((t for kind, t in BLOCKS if kind == "text"), "")
    listed = re.findall(r"^(\S+\.(?:py|yaml|md|txt)|\S+/)\s", map_block, re.MULTILINE)
    mentioned = re.findall(r"`((?:configs|tests|docs|analysis|training)/[\w./-]+)`", README)
    assert len(listed) > 20
    for path in [*listed, *mentioned]:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("command", sorted(set(re.findall(r"interpretable-arch (\w+)", README))))
def test_commands_exist(command):
    from analysis.cli import COMMANDS

    assert command in COMMANDS
