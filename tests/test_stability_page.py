"""docs/stability.md is true: its layouts are the loader's, its code runs, its seeds unfold."""

import re
from pathlib import Path

import pytest
import yaml

from analysis.stability.foreign.layouts import LAYOUTS
from analysis.stability.levels.every_level import MEASURERS
from training.seeds import independent_places, spell_out_seeds
from training.settings import Seed

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/stability.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


def test_the_layouts_are_those_that_the_loader_teaches() -> None:
    assert block("text").strip() == LAYOUTS.strip()


def test_the_example_prints_every_level_it_can(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block("python"), "docs/stability.md", "exec"), {})
    said = capsys.readouterr().out
    for level in ("outputs", "representations", "entropies", "planning"):
        assert f"\n{level}\n" in said


def test_the_crossed_seeds_unfold_as_told() -> None:
    seeds = [Seed(**each) for each in spell_out_seeds(yaml.safe_load(block("yaml")))["seeds"]]
    assert len(seeds) == 50
    assert len(independent_places(seeds)) == 5


def test_every_level_is_explained() -> None:
    for level in MEASURERS:
        assert re.search(rf"^\| {level}", PAGE, re.MULTILINE), level


@pytest.mark.parametrize("name", re.findall(r"`(configs/\S+\.yaml)`", PAGE))
def test_the_configurations_are_there(name: str) -> None:
    assert (ROOT / name).is_file()
