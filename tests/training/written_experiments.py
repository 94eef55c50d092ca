"""A whole experiment and a whole comparison as YAML, to be read and to be spoilt."""

import yaml

WHOLE = """
name: little
model: {class_path: transformer, init_args: {d_model: 64, layers: 2}}
task:
  class_path: groups
  init_args: {group: S4, share: 0.15}
optimizer: {lr: 1e-3, betas: [0.9, 0.98], schedule: half}
trainer: {max_steps: 1000, batch_size: null}
seeds: 3
"""

COMPARISON = """
name: groups
description: Products in S4.
seeds: [0, 5]
tasks:
  S4 15%: {class_path: groups, init_args: {group: S4, share: 0.15}}
  S4 80%: {class_path: groups, init_args: {group: S4, share: 0.8}}
architectures:
  ours: &ours
    model: {class_path: group_representation}
    optimizer: {name: adam, lr: 0.01}
    trainer: {max_steps: 10}
  theirs: {<<: *ours, model: {class_path: group_mlp}}
"""


def plain():
    return yaml.safe_load(WHOLE)


def changed(path, value):
    """The whole mapping with one key set (or, for `...`, taken out)."""
    mapping = place = plain()
    *parents, last = path.split(".")
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return mapping


def write(tmp_path, content):
    path = tmp_path / "it.yaml"
    path.write_text(content, encoding="utf-8")
    return path
