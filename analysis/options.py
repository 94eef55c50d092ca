"""Every key of a YAML file as an option of the command line, with what it means and is now.

In a comparison, `--trainer.KEY` and `--optimizer.KEY` speak to every architecture.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser

from training.settings import Optimizer, Trainer
from training.yaml_file import load_yaml

OWN = {
    "root": ("runs", "where runs are kept"),
    "reports": ("reports", "where pages are written"),
    "brief": (None, "also write the figures, in brief, as JSON here"),
    "logger": (None, "csv, wandb (offline) or wandb-online: mirrors each finished run"),
}
# Defaults of what is measured; they are an experiment's, which is loaded later.
MEASURED = {"solved_at": 1.0, "class_threshold": 0.1, "shuffled_seeds": 3, "stress": None}
MEANING = {
    "name": "what the results are called",
    "description": "what was asked, for the page",
    "seeds": "how many, a list such as [3, 5], or crossed: {init: 4, order: 4, repeat: 2}",
    "shuffled_seeds": "how many seeds are also trained on answers dealt anew, as a null",
    "solved_at": "held-out accuracy from which a seed counts as having solved its task",
    "class_threshold": "largest distance within a solution class, rms sqrt(JSD)",
    "stress": "a task on whose inputs outputs are compared once more: {class_path: ...}",
    "require": "weakest exactness that will do: unconditional, given, remainder, approximate",
    "also_read": "readings that take long: [pruning]",
    "optimizer.name": "adam or adamw",
    "optimizer.lr": "learning rate",
    "optimizer.betas": "decay of the two moments",
    "optimizer.weight_decay": "of adamw: decoupled",
    "optimizer.warmup_steps": "steps over which the rate rises from 0",
    "optimizer.schedule": "constant, cosine, or half: constant, then cosine from half way",
    "optimizer.final_fraction": "of the rate, at the end of the schedule",
    "optimizer.clip": "largest gradient norm of a seed",
    "trainer.max_steps": "steps of training",
    "trainer.batch_size": "examples a step; null is all of them",
    "trainer.evaluate_every": "steps between evaluations; null is a twentieth of all",
    "trainer.evaluate_windows": "held-out windows looked at, for text",
    "trainer.accelerator": "auto, cpu, cuda or mps",
    "trainer.precision": "32 or 64 bits",
    "trainer.compile": "compile the step (pays back on long runs)",
    "trainer.block": "seeds trained at once; auto tries a few and takes the fastest",
    "trainer.callbacks": "Lightning callbacks: [{class_path: my_module.MyCallback}]",
    "trainer.checkpoint_every": "steps between checkpoints; null: every half minute or so",
}


def add_training_options(parser: ArgumentParser, command: str, given: Sequence[str]) -> None:
    """The file, the project's own options, and one option for each key."""
    parser.add_argument("config", type=str, help="a YAML file, see configs/")
    for name, (default, text) in OWN.items():
        parser.add_argument(f"--{name}", type=str, default=default, help=text)
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    keys = _keys(command, _peek(command, given))
    _check_names(given, [*keys, *OWN, "quiet", "traceback", "help"])
    for key, text in keys.items():
        name = key.split(".")[-1].upper()
        parser.add_argument(
            f"--{key}", type=str, default=argparse.SUPPRESS, metavar=name, help=text
        )


def refuse_tensors(path: str) -> None:
    """ValueError where a file of tensors is given in the place of a folder or a configuration."""
    tensors = (".safetensors", ".npy", ".npz", ".pt", ".pth", ".bin", ".pkl", ".ckpt")
    if path.endswith(tensors) and Path(path).is_file():
        raise ValueError(f"{path}: wanted a folder of runs, got one of its files: give the folder")


def names_folder(given: Sequence[str]) -> bool:
    """Whether `study` is asked about a folder of runs, not about a file."""
    return list(given[:1]) == ["study"] and any(Path(each).is_dir() for each in given[1:2])


def add_folder_options(parser: ArgumentParser, given: Sequence[str]) -> None:
    """What a study of runs that are there already can be told."""
    parser.add_argument("config", type=str, help="a folder of runs, of any origin")
    of = "the YAML whose model foreign weights are of: then everything is measured"
    parser.add_argument("--of", type=str, default=None, metavar="CONFIG", help=of)
    parser.add_argument("--name", type=str, default=None, help="of the page; else the folder's")
    line = MEANING["class_threshold"]
    parser.add_argument("--class_threshold", type=str, default="0.1", help=line)
    for name in ("reports", "brief"):
        default, text = OWN[name]
        part = " (of this project's own runs)" if name == "brief" else ""
        parser.add_argument(f"--{name}", type=str, default=default, help=text + part)
    twice = "keep runs that are equal to the last bit, and say so"
    parser.add_argument("--allow_duplicates", action="store_true", help=twice)
    parser.add_argument("--quiet", action="store_true", help="print where the page lies, no levels")
    own = ("of", "name", "class_threshold", "allow_duplicates", "reports", "brief", "quiet")
    _check_names(given, [*own, "traceback", "help"])


def check_logger(name: str | None) -> None:
    """ValueError for a logger that there is none of."""
    known = ("csv", "wandb", "wandb-online")
    if name is not None and name not in known:
        raise ValueError(f"--logger: wanted one of {', '.join(known)}, got {name!r}")


def overrides(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The keys given on the command line, read as YAML values."""
    own = {"config", "quiet", "traceback", *OWN}
    return {k: _value(k, v) for k, v in _leaves(chosen, "") if k.split(".")[0] not in own}


def _value(key: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ValueError(f"--{key}: wanted a YAML value, got {text!r}") from None


def check_kind(mapping: Mapping[str, Any], path: str, command: str) -> None:
    """ValueError where a file is for another command."""
    is_comparison = "architectures" in mapping or "tasks" in mapping
    if command == "compare" and not is_comparison and "model" in mapping:
        raise ValueError(f"{path}: this file is one experiment; use `study` or `fit` on it")
    if command == "--of" and is_comparison:
        raise ValueError(f"--of: {path} is a comparison; wanted the YAML of one experiment")
    if command != "compare" and is_comparison:
        raise ValueError(f"{path}: this file is a comparison; use `compare` on it")


def with_overrides(
    mapping: Mapping[str, Any], given: Mapping[str, Any], command: str
) -> dict[str, Any]:
    """The file's mapping with options put in; in a comparison, in every architecture."""
    out = json.loads(json.dumps(mapping))
    for key, value in given.items():
        path = key.split(".")
        everywhere = command == "compare" and path[0] in ("trainer", "optimizer")
        for target in list(out.get("architectures", {}).values()) if everywhere else [out]:
            for part in path[:-1]:
                target = target.setdefault(part, {})
            target[path[-1]] = value
    return out


def _check_names(given: Sequence[str], known: Sequence[str]) -> None:
    for argument in given:
        name = argument.removeprefix("--").partition("=")[0]
        if argument.startswith("--") and name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean --{near[0]}?" if near else "see --help"
            raise ValueError(f"option: unknown --{name}; {hint}")


def _help(key: str, value: Any, word: str) -> str:
    shown = "" if value is None else f" ({word} {json.dumps(value, default=str)})"
    known = key if key in MEANING else ".".join(key.split(".")[-2:])
    return (MEANING.get(known, "an argument of the class") + shown).replace("%", "%%")


def _peek(command: str, given: Sequence[str]) -> Mapping[str, Any]:
    """The YAML file named on the command line, so that its keys can be options."""
    if list(given[:1]) != [command]:
        return {}
    files = [a for a in given[1:] if a.endswith((".yaml", ".yml")) and Path(a).is_file()]
    return load_yaml(files[0]) if files else {}


def _keys(command: str, config: Mapping[str, Any]) -> dict[str, str]:
    """Every key that may be given, and its help: what it means and is in the file or by default."""
    texts = {"name": _help("name", None, ""), "seeds": _help("seeds", None, "")}
    texts |= {key: _help(key, value, "default") for key, value in MEASURED.items()}
    for group, kind in (("optimizer", Optimizer), ("trainer", Trainer)):
        for f in fields(kind):
            key, default = f"{group}.{f.name}", None if f.default is MISSING else f.default
            texts[key] = _help(key, default, "default")
    for key in _arguments(config):
        texts[key] = "an argument of the class"
    hidden = ("architectures", "tasks") if command == "compare" else ()
    for key, value in _leaves(config, ""):
        # A crossed `seeds: {init: 4}` is one key, given whole.
        if key.split(".")[0] not in (*hidden, "seeds"):
            texts[key] = _help(key, value, "now")
    return texts


def _arguments(config: Mapping[str, Any]) -> Iterator[str]:
    """What the file's model and task could be given besides what the file gives them."""
    from interpretable_arch.registry import ENTRIES
    from training.data import TASKS, task_arguments

    model, task = (config.get(k, {}) for k in ("model", "task"))
    if isinstance(model, Mapping) and model.get("class_path") in ENTRIES:
        kind, _ = ENTRIES[model["class_path"]].load()
        yield from (f"model.init_args.{f.name}" for f in fields(kind))
    if isinstance(task, Mapping) and task.get("class_path") in TASKS:
        yield from (f"task.init_args.{name}" for name in task_arguments(task["class_path"]))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif path:
        yield path, value
