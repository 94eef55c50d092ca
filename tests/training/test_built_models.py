"""Mistakes in a model's arguments or its own code become one line that names them."""

import pytest

from interpretable_arch.registry import build

SIZES = {"order": 5, "vocab": 5, "context": 3}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("group_mlp", {"d_mlp": "lots"}, "d_mlp: wants a whole number, got 'lots'"),
        ("group_mlp", {"d_mlp": 2.5}, "d_mlp: wants a whole number, got 2.5"),
        ("group_mlp", {"d_mlp": True}, "d_mlp: wants a whole number, got True"),
        ("group_representation", {"d": "x"}, "d: wants a whole number or null, got 'x'"),
        ("transformer", {"std": "x"}, "std: wants a number, got 'x'"),
        ("transformer", {"tied": 1}, "tied: wants true or false, got 1"),
        ("transformer", {"positions": "x"}, "positions: wants one of learned, rotary, got 'x'"),
        ("transformer", {"mlp": "mixture"}, "mlp: wants a mapping or a list, got 'mixture'"),
    ],
)
def test_a_wrong_argument_is_named(name: str, given: dict, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^model\.init_args\.{message}"):
        build(name, given, SIZES)


def test_whole_numbers_and_numbers_pass_for_each_other() -> None:
    model = build("transformer", {"d_model": 8.0, "std": 1, "mlp": {"class_path": "mlp"}}, SIZES)
    assert type(model.config.d_model) is int
    assert type(model.config.std) is float
    assert build("group_representation", {"d": None}, SIZES)


def test_an_error_within_the_class_is_told_in_one_line() -> None:
    given = {"in_features": "a", "out_features": 3}
    message = r"^model\.class_path torch\.nn\.Linear: could not be built \(TypeError: "
    with pytest.raises(ValueError, match=message) as caught:
        build("torch.nn.Linear", given, {})
    assert isinstance(caught.value.__cause__, TypeError)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"group_mlp: could not be built \(TypeError: .*order"):
        build("group_mlp", {}, {})
