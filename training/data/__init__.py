"""Sources of data, one a file, and the short names they are asked for by."""

import inspect
from collections.abc import Mapping
from typing import Any, get_type_hints

from interpretable_arch.registry import locate, nearest
from training.data.order import batch_indices
from training.data.task import Split, Stream, Task
from training.parsing import parse

TASKS: dict[str, str] = {
    "distances": "training.data.distances.distances",
    "formulas": "training.data.formulas.formulas",
    "graph_walks": "training.data.graph_walks.graph_walks",
    "groups": "training.data.groups.groups",
    "hidden_process": "training.data.hidden_process.hidden_process",
    "images": "training.data.images.images",
    "latent_classes": "training.data.latent_classes.latent_classes",
    "letters": "training.data.letters.letters",
    "matrix_tuples": "training.data.matrix_tuples.matrix_tuples",
    "modular": "training.data.modular.modular",
    "quotes": "training.data.quotes.quotes",
    "nonsense": "training.data.nonsense.nonsense",
    "planted_period": "training.data.planted_period.planted_period",
    "planted_senses": "training.data.planted_senses.planted_senses",
    "pseudowords": "training.data.pseudowords.pseudowords",
    "repeats": "training.data.repeats.repeats",
    "shuffled": "training.data.shuffled.shuffled",
    "signals": "training.data.signals.signals",
    "superposition": "training.data.superposition.superposition",
    "symbol_rows": "training.data.symbol_rows.symbol_rows",
    "tables": "training.data.tables.tables",
    "text": "training.data.text.text",
    "unknown_table": "training.data.group_table.unknown_table",
}

__all__ = ["TASKS", "Split", "Stream", "Task", "batch_indices", "build_task", "task_arguments"]


def build_task(class_path: str, init_args: Mapping[str, Any]) -> Task:
    """A task from its short name, or from the dotted path of any function that returns one.

    Raises ValueError for an unknown name or argument, naming the nearest, for an argument of the
    wrong type (short names only), and for a function that returns something else.
    """
    if class_path not in TASKS and "." not in class_path:
        raise ValueError(nearest("task.class_path", class_path, TASKS))
    source = locate(TASKS.get(class_path, class_path))
    if not callable(source):
        raise ValueError(f"task.class_path: wants a function that returns a Task, got {source!r}")
    arguments = _arguments(source, class_path, init_args)
    task = source(**arguments)
    if not isinstance(task, Task):
        kind = type(task).__name__
        raise ValueError(f"task.class_path: wants a Task, but {class_path} returned a {kind}")
    return task


def task_arguments(name: str) -> tuple[str, ...]:
    """What the task of a short name may be given."""
    return tuple(inspect.signature(locate(TASKS[name])).parameters)


def _arguments(source: Any, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(source).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for key in given:
        if key not in parameters and not takes_any:
            raise ValueError(nearest(f"task.init_args of {name}", key, parameters))
    for key, parameter in parameters.items():
        plain = parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        if plain and parameter.default is parameter.empty and key not in given:
            raise ValueError(f"task.init_args of {name}: wants {key!r}, which is not given")
    if name not in TASKS:
        return dict(given)
    hints = get_type_hints(source)
    return {key: parse(hints[key], got, f"task.init_args.{key}") for key, got in given.items()}
