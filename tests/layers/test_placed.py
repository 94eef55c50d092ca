"""Parts named in a configuration: what fits no place is one line that begins with the place."""

import re
import subprocess
import sys

import pytest
from torch import nn

from interpretable_arch.layers.placed import check_alone, check_part, check_shape

MLP = {"class_path": "mlp", "init_args": {"d_mlp": 5}}


@pytest.mark.parametrize("part", ["mlp", ["mlp"], None, {}, {"init_args": {}}, {**MLP, "k": 2}])
def test_a_part_is_a_mapping_of_class_path_and_init_args(part):
    wanted = f"mlp: wanted a mapping of class_path and init_args, got {part!r}"
    with pytest.raises(ValueError, match=re.escape(wanted)):
        check_part("mlp", part)


def test_what_fits_passes():
    check_part("mlp", MLP)
    check_part("mlp", {"class_path": "mlp"})
    check_alone("mlp", MLP, nn.Linear(4, 3))
    check_shape("mlp", MLP, nn.Linear(4, 3), 4, 3)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.Linear(4, 1), r"mlp: wanted .* to \[\.\., 3\], but mlp gives \[1, 2, 1\]"),
        (nn.Linear(5, 3), r"mlp: wanted a layer from \[\.\., 4\] .*, but mlp can't read it"),
    ],
)
def test_another_shape_is_refused(layer, message):
    with pytest.raises(ValueError, match=message):
        check_shape("mlp", MLP, layer, 4, 3)


@pytest.mark.parametrize(
    ("attribute", "want"), [("causal", "positions in order"), ("reads_token", "tokens")]
)
def test_wants_are_seen_however_deep(attribute, want):
    inner = nn.Linear(4, 4)
    setattr(inner, attribute, True)
    with pytest.raises(ValueError, match=f"head: .* mlp wants {want}"):
        check_alone("head", MLP, nn.Sequential(nn.Sequential(inner)))


NAMES = """
from interpretable_arch import build
try:
    sizes = {"vocab": 7, "context": 5}
    build("transformer", {"d_model": 8, "heads": 2, "mlp": ["mlp", "mlp"]}, sizes)
except ValueError as error:
    print(error)
"""


def test_names_in_place_of_parts_are_refused_by_a_transformer():
    """In a process of its own: the type checks of the test run would speak first."""
    command = [sys.executable, "-c", NAMES]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "mlp: wanted a mapping of class_path and init_args, got 'mlp'\n"
