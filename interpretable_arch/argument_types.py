"""A frozen config's arguments against its type hints, so that a wrong one is named before use."""

import math
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    NoneType: "null",
}


def checked(config: type, given: Mapping[str, Any], path: str) -> dict[str, Any]:
    """`given`, its numbers of the kind wanted (2.0 as 2, 2 as 2.0); other hints pass anything.

    Raises ValueError that names `path` and the argument, what it wants and what was got.
    """
    hints = get_type_hints(config)
    typed: dict[str, Any] = {}
    value: Any
    for name, value in given.items():
        kinds = _alternatives(hints[name])
        value = _number(value) if float in kinds and str not in kinds else value
        if not any(_fits(kind, value) for kind in kinds):
            wanted = " or ".join(map(_describe, kinds))
            raise ValueError(f"{path}.{name}: wants {wanted}, got {value!r}")
        if isinstance(value, list):
            value = tuple(value)
        exact = type(value) in kinds or type(value) not in (int, float)
        as_number = int if int in kinds else float
        typed[name] = value if exact or as_number not in kinds else as_number(value)
    return typed


def at_least_one(**sizes: int | None) -> None:
    """ValueError, naming it, for the first size below 1; None is a default that is left open."""
    for name, got in sizes.items():
        if got is not None and got < 1:
            raise ValueError(f"{name}: wanted at least 1, got {got}")


def _number(value: Any) -> Any:
    """YAML reads 1e-2, without a point, as text; what is no number stays as it is."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _fits(kind: Any, value: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) in (Mapping, dict):
        return isinstance(value, Mapping)
    if get_origin(kind) is tuple:
        return isinstance(value, list | tuple)
    if kind is int:
        return type(value) is int or (type(value) is float and value.is_integer())
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is kind if kind in _WORDS else True


def _describe(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    return "a list" if get_origin(kind) is tuple else _WORDS.get(kind, "a mapping")
