"""Plain values, as YAML or JSON gives them, to typed frozen dataclasses and back.

Every mistake becomes one `ConfigError` that names the whole key path, what was wanted and what was
got; an unknown key also names the nearest valid one. Nothing is guessed or dropped.
"""

import math
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


class ConfigError(ValueError):
    """A mistake in a configuration: where (`path`), and what is wrong (`problem`)."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path, self.problem = path, problem

    def under(self, parent: str) -> "ConfigError":
        """The same mistake, its path seen from `parent`."""
        return ConfigError(".".join(filter(None, (parent, self.path))), self.problem)


def wants(path: str, wanted: str, got: object) -> ConfigError:
    """The error for a value that is not what `path` wants."""
    return ConfigError(path, f"wants {wanted}, got {got!r}")


def parse(kind: Any, value: Any, path: str = "") -> Any:
    """`value` as the type `kind`: scalars, Literal of texts, unions, sequences, dataclasses.

    A whole float passes for an int, and text such as "1e-3" for a float. Raises ConfigError.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _record(kind, value, path)
    if kind is Any:
        return _plain(value, path)
    if origin in (Union, UnionType):
        return _union(inner, kind, value, path)
    if origin in (tuple, list):
        return _sequence(origin, inner, kind, value, path)
    if origin is dict:
        items = _keyed(value, path).items()
        return {key: parse(inner[1], item, _join(path, key)) for key, item in items}
    return _scalar(kind, value, path)


def describe(kind: Any) -> str:
    """A type in words, for an error."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return "one of " + ", ".join(map(str, inner))
    if origin in (Union, UnionType):
        return " or ".join(map(describe, inner))
    if origin is tuple and inner[-1] is not Ellipsis:
        return f"a list of {len(inner)}: " + ", ".join(map(describe, inner))
    if origin in (tuple, list):
        return f"a list, each {describe(inner[0])}"
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    return {**words, NoneType: "null"}.get(kind, "a mapping")


def _scalar(kind: Any, value: Any, path: str) -> Any:
    if get_origin(kind) is Literal:
        # YAML reads the choice "32" as a number unless it is quoted.
        choice = str(value) if type(value) is int else value
        if type(choice) is str and choice in get_args(kind):
            return choice
    elif kind is float:
        number = _number(value)
        if number is not None:
            return number
    elif kind is int and type(value) is float and value.is_integer():
        return int(value)
    elif type(value) is kind:
        return value
    raise wants(path, describe(kind), value)


def _number(value: Any) -> float | None:
    if type(value) not in (int, float, str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _union(inner: tuple[Any, ...], kind: Any, value: Any, path: str) -> Any:
    errors = []
    for one in inner:
        try:
            return parse(one, value, path)
        except ConfigError as error:
            errors.append(error)
    # A mistake deep inside one alternative says more than the list of alternatives.
    deepest = max(errors, key=lambda error: len(error.path))
    raise deepest if len(deepest.path) > len(path) else wants(path, describe(kind), value)


def _sequence(origin: Any, inner: tuple[Any, ...], kind: Any, value: Any, path: str) -> Any:
    if not isinstance(value, list | tuple):
        raise wants(path, describe(kind), value)
    fixed = origin is tuple and inner[-1] is not Ellipsis
    if fixed and len(value) != len(inner):
        raise wants(path, describe(kind), value)
    kinds = inner if fixed else inner[:1] * len(value)
    pairs = zip(kinds, value, strict=True)
    return origin(parse(one, item, f"{path}[{i}]") for i, (one, item) in enumerate(pairs))


def _record(kind: Any, value: Any, path: str) -> Any:
    if isinstance(value, kind):
        return value
    hints, known = get_type_hints(kind), [field.name for field in fields(kind)]
    given = _keyed(value, path)
    for key in given:
        if key not in known:
            near = get_close_matches(key, known, 1, cutoff=0)[0]
            valid = ", ".join(known)
            raise ConfigError(
                _join(path, key), f"no such key; the nearest is {near!r} (valid: {valid})"
            )
    for field in fields(kind):
        required = field.default is MISSING and field.default_factory is MISSING
        if required and field.name not in given:
            raise ConfigError(
                _join(path, field.name), f"missing; wants {describe(hints[field.name])}"
            )
    typed = {key: parse(hints[key], item, _join(path, key)) for key, item in given.items()}
    try:
        return kind(**typed)
    except ConfigError as error:
        raise error.under(path) from None


def _plain(value: Any, path: str) -> Any:
    """A copy of free-form data; only what JSON can hold."""
    if isinstance(value, dict):
        return {key: _plain(item, _join(path, key)) for key, item in _keyed(value, path).items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{path}[{i}]") for i, item in enumerate(value)]
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise wants(path, "text, a number, true, false, null, a list or a mapping", value)


def _keyed(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wants(path, "a mapping", value)
    for key in value:
        if not isinstance(key, str):
            raise wants(path, "keys that are text", key)
    return value


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def to_plain(value: Any) -> Any:
    """Dataclasses as dicts and tuples as lists, all the way down: what JSON and YAML can hold."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value
