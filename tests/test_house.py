"""The house itself: directions of import, what an import costs, one home for each heavy library."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("interpretable_arch", "training", "analysis")
HOMES = {
    "lightning": (
        "training/module.py",
        "training/fit.py",
        "training/callbacks.py",
        "training/switches/",
        "training/checkpoint.py",
    ),
    "altair": ("analysis/report/",),
    "vl_convert": ("analysis/report/",),
    "wandb": ("training/mirror.py",),
    "pickle": (),
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


FILES = [p for room in ROOMS for p in sorted((ROOT / room).rglob("*.py"))]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    room = ROOMS.index(path.relative_to(ROOT).parts[0])
    above = {f for f in imports(path) if f.split(".")[0] in ROOMS[room + 1 :]}
    assert not above


@pytest.mark.parametrize("library", list(HOMES))
def test_one_home_for_each_foreign_library(library):
    for path in FILES:
        name = str(path.relative_to(ROOT))
        if library in {f.split(".")[0] for f in imports(path)}:
            assert name.startswith(HOMES[library]), f"{name} imports {library}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_outgrows_one_concept(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_import_loads_nothing_heavy():
    heavy = ["sympy", "lightning", "wandb", "altair", "sklearn", "scipy", "pyarrow", "transformers"]
    code = (
        "import sys, torch; before = set(sys.modules); import interpretable_arch; "
        f"print([m for m in {heavy} if m in sys.modules and m not in before])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
