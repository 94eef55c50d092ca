"""A study of values instead of classes: measured, compared over seeds, drawn."""

import math
import re

from analysis.comparison import save, study
from training.experiment import Experiment

WHOLE = {
    "name": "line",
    "model": {"class_path": "kan", "init_args": {"hidden": [], "grid": 3}},
    "task": {"class_path": "formulas", "init_args": {"formula": "x + y", "examples": 50}},
    "optimizer": {"name": "adam", "lr": 0.05},
    "trainer": {"max_steps": 100, "precision": "64"},
    "seeds": 3,
}


def test_values_are_measured_and_drawn(tmp_path):
    said: list[str] = []
    experiment = Experiment.from_mapping(WHOLE)
    result = study(experiment, tmp_path / "runs", progress=False, say=said.append)
    cell = result.cells[0]
    assert cell.held_out_loss.estimate < 0.5
    assert math.isnan(cell.held_out_accuracy.estimate)
    assert cell.stability.disagreement is not None
    assert not any("solved" in line or "nan" in line for line in said)
    _, page = save(result, tmp_path / "reports")
    text = page.read_text(encoding="utf-8")
    row = re.search(r"Seeds that solved it.*?<td>(.*?)</td>", text, re.DOTALL)
    assert row
    assert row.group(1) == "–"
    assert "seeds solved it" not in text
