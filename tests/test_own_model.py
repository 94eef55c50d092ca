"""docs/own_model.md is true: its file, its laws, its study and its comparison run as they stand."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs/own_model.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)


def block(containing: str) -> str:
    return next(text for _, text in BLOCKS if containing in text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What a reader has after copying the page."""
    where = tmp_path_factory.mktemp("own")
    for name, containing in (
        ("discriminant.py", "class Discriminant"),
        ("laws.py", "check_laws"),
        ("discriminant.yaml", "name: discriminant\n"),
        ("beside.yaml", "discriminant-beside-others"),
    ):
        (where / name).write_text(block(containing), encoding="utf-8")
    return where


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_keeps_every_law(folder):
    lines = run(folder, "laws.py").splitlines()
    assert len(lines) == 9
    assert all(line.endswith("kept") for line in lines), lines


def test_twenty_starts_are_one_answer_with_a_certificate(folder):
    out = run(folder, "-m", "analysis.cli", "study", "discriminant.yaml", "--quiet")
    assert "1 solution class" in out
    (apart,) = re.findall(r"canonical parameters within ([\d.e+-]+)", out)
    assert float(apart) <= 1e-9
    assert re.search(r"one optimum .*: 1 \(no spread over seeds\)", out), out
    page = (folder / "reports" / "discriminant.html").read_text(encoding="utf-8")
    assert "least eigenvalue of the covariance" in page
    assert "Formulas run again" in page


def test_without_the_ridge_it_does_not_certify(folder):
    out = run(
        folder,
        *("-m", "analysis.cli", "study", "discriminant.yaml", "--quiet", "--seeds", "2"),
        *("--model.init_args.ridge", "0"),
    )
    assert re.search(r"one optimum .*: 0 \(no spread over seeds\)", out), out


def test_the_certificate_is_of_the_model_as_it_is_and_refuses_what_has_no_spread(folder):
    (folder / "moved.py").write_text(
        "import torch\n"
        "from discriminant import Discriminant\n"
        "torch.set_default_dtype(torch.float64)\n"
        "model = Discriminant(2, 2)\n"
        "x, y = torch.randn(40, 2), torch.arange(40) % 2\n"
        "print(model.certificate().holds)\n"
        "model.fit_data([(x[:10], y[:10]), (x[10:], y[10:])])\n"
        "print(model.certificate().holds)\n"
        "model.bias.data += 5\n"
        "print(model.certificate().holds)\n"
        "model.fit_data([(torch.ones(4, 2), y[:4])])  # constant features\n"
        "print(model.certificate().holds)\n"
        "model.fit_data([(x[:2], y[:2])])  # one example a class\n"
        "print(model.certificate().holds)\n",
        encoding="utf-8",
    )
    assert run(folder, "moved.py").split() == ["False", "True", "False", "False", "False"]


def test_it_stands_beside_others(folder):
    run(folder, "-m", "analysis.cli", "compare", "beside.yaml", "--quiet")
    found = json.loads((folder / "reports" / "discriminant-beside-others.json").read_text())
    ours, mlp = found["cells"]
    assert ours["stability"]["disagreement"]["raw"]["estimate"] == 0
    assert mlp["stability"]["disagreement"]["raw"]["estimate"] > 0
