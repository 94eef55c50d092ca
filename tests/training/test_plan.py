"""The remembered size of blocks: used where it holds, measured again where it can't be read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from training.experiment import Experiment
from training.plan import plan


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"block": "x"}', "\x00"])
def test_an_unreadable_choice_is_made_again(
    toy: Callable[..., Experiment], tmp_path: Path, content: str
) -> None:
    experiment, asked = toy(block="auto"), []

    def choose(count: int) -> int:
        asked.append(count)
        return 2

    def sizes() -> list[int]:
        return [len(block.seeds) for block in plan(experiment, experiment.seeds, tmp_path, choose)]

    (tmp_path / "block.json").write_text(content)
    assert sizes() == sizes() == [1, 2]
    assert asked == [3]
