"""A result in brief holds the figures, the command and nothing large."""

import json

import pytest

from analysis.cli import main

STUDY = """
name: tiny
model: {class_path: group_mlp, init_args: {d_mlp: 8}}
task: {class_path: groups, init_args: {group: Z5, share: 0.6}}
optimizer: {lr: 0.01}
trainer: {max_steps: 4}
seeds: 3
"""


def test_the_command_writes_it_beside_the_page(tmp_path, capsys):
    config, small = tmp_path / "tiny.yaml", tmp_path / "small.json"
    config.write_text(STUDY)
    given = ["study", str(config), "--quiet", "--brief", str(small), "--seeds", "3"]
    given += ["--root", str(tmp_path / "runs"), "--reports", str(tmp_path / "reports")]
    assert main(given) == 0
    out = capsys.readouterr().out
    assert f"brief:   {small}" in out
    assert "disagreement" in out
    found, whole = (
        json.loads(small.read_text()),
        json.loads((tmp_path / "reports/tiny.json").read_text()),
    )
    assert found["command"] == f"interpretable-arch study {config} --seeds 3"
    (cell,), (full,) = found["cells"], whole["cells"]
    assert cell["seeds"] == 3
    assert cell["held_out_loss"] == pytest.approx(
        [full["held_out_loss"][k] for k in ("estimate", "low", "high")], rel=1e-5
    )
    raw = full["stability"]["disagreement"]["raw"]
    assert cell["disagreement"]["mean"][0] == pytest.approx(raw["estimate"], rel=1e-5)
    assert cell["by_output"]["counts"] == full["stability"]["by_output"]["counts"]
    assert len(small.read_text()) < 0.5 * len((tmp_path / "reports/tiny.json").read_text())
