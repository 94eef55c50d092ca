"""`interpretable-arch fit | study | compare | read | report`: the command line.

Every key of a YAML file is an option too (`--trainer.max_steps 100`); `--help` after a file lists
its keys with the values they have there. A mistake of the caller's is one line, never a traceback.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser

from training.experiment import Comparison, Experiment, Optimizer, Trainer
from training.yaml_file import load_yaml

EPILOG = """
examples:
  interpretable-arch compare configs/groups.yaml         architectures x tasks x seeds, one page
  interpretable-arch study configs/s5.yaml --seeds 3     many seeds of one experiment
  interpretable-arch fit configs/s5.yaml --trainer.max_steps 50
  interpretable-arch read runs/EXPERIMENT/seed-0-0-0     what one trained model says
  interpretable-arch report reports/groups.json          the page again, from its numbers
"""
COMMANDS = {
    "fit": "train the seeds of one experiment that are not on disk yet",
    "study": "train many seeds of one experiment and measure how much they differ",
    "compare": "train several architectures on the same tasks and seeds and compare them",
    "read": "say what one trained model computes and how exactly",
    "report": "rebuild the page of a comparison from its JSON",
}
HELP = {
    "trainer": "see Trainer in training/settings.py",
    "optimizer": "see Optimizer in training/settings.py",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 2 a mistake of the caller's, 130 stopped."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # A user's own model or data lie in the folder that the command is run from.
    sys.path.insert(0, os.getcwd())
    try:
        return _run(given)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    except (ValueError, OSError, ImportError) as error:
        if "--traceback" in given:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2


def _run(given: list[str]) -> int:
    parser = _parser(given)
    options = parser.parse_args(given)
    command = options.pop("subcommand")
    if command is None:
        parser.print_help()
        return 2
    chosen = options.pop(command)
    from analysis import commands

    if command in ("read", "report"):
        return getattr(commands, command)(chosen)
    mapping = _with_overrides(load_yaml(chosen.config), _overrides(chosen), command)
    kind = Comparison if command == "compare" else Experiment
    return getattr(commands, command)(kind.from_mapping(mapping), chosen)


def _parser(given: Sequence[str]) -> ArgumentParser:
    parser = ArgumentParser(
        prog="interpretable-arch",
        description="Train readable architectures over many seeds, read them, measure what varies.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subcommands(required=False, dest="subcommand")
    for name, help_text in COMMANDS.items():
        sub = ArgumentParser(description=help_text + ".")
        if name in ("fit", "study", "compare"):
            _training_options(sub, name, given)
        elif name == "read":
            sub.add_argument("run", type=str, help="a run folder, .../seed-0-0-0")
            sub.add_argument("--features", type=int, default=20, help="how many to print")
            sub.add_argument(
                "--edit", type=list[str], default=[], help="such as ablate:row.0, scale:row.0:0.5"
            )
            sub.add_argument("--save", type=str, default=None, help="a name to save the edits by")
        else:
            sub.add_argument("result", type=str, help="the JSON that compare or study wrote")
        sub.add_argument("--traceback", action="store_true", help="show where an error arose")
        commands.add_subcommand(name, sub, help=help_text)
    return parser


def _training_options(sub: ArgumentParser, command: str, given: Sequence[str]) -> None:
    sub.add_argument("config", type=str, help="a YAML file, see configs/")
    sub.add_argument("--root", type=str, default="runs", help="where runs are kept")
    sub.add_argument("--reports", type=str, default="reports", help="where pages are written")
    logger = "csv, wandb (offline) or wandb-online: a mirror of each finished run"
    sub.add_argument("--logger", type=str, default=None, help=logger)
    sub.add_argument("--quiet", action="store_true", help="no progress bars")
    config = _peek(command, given)
    for key, value in _keys(command, config):
        shown = "" if value is None else f"now {json.dumps(value, default=str)}"
        sub.add_argument(
            f"--{key}",
            type=str,
            default=argparse.SUPPRESS,
            help=shown or HELP.get(key.split(".")[0], " "),
        )


def _peek(command: str, given: Sequence[str]) -> Mapping[str, Any]:
    """The YAML file named on the command line, so that its keys can be options."""
    if list(given[:1]) != [command]:
        return {}
    files = [a for a in given[1:] if a.endswith((".yaml", ".yml")) and Path(a).is_file()]
    return load_yaml(files[0]) if files else {}


def _keys(command: str, config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    found = dict(_leaves(config, ""))
    known = ["seeds"] + [f"optimizer.{f.name}" for f in fields(Optimizer)]
    known += [f"trainer.{f.name}" for f in fields(Trainer)]
    if command == "compare":
        found = {k: v for k, v in found.items() if not k.startswith(("architectures", "tasks"))}
    for key in dict.fromkeys([*found, *known]):
        yield key, found.get(key)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif path:
        yield path, value


def _overrides(chosen: Any) -> dict[str, Any]:
    own = {"config", "root", "reports", "logger", "quiet", "traceback", "__path__"}
    flat = dict(_leaves(chosen.as_dict(), ""))
    return {k: yaml.safe_load(v) for k, v in flat.items() if k.split(".")[0] not in own}


def _with_overrides(
    mapping: Mapping[str, Any], overrides: Mapping[str, Any], command: str
) -> dict[str, Any]:
    """The file's mapping with options put in; in a comparison, in every architecture."""
    out = json.loads(json.dumps(mapping))
    for key, value in overrides.items():
        path = key.split(".")
        everywhere = command == "compare" and path[0] in ("trainer", "optimizer")
        targets = list(out.get("architectures", {}).values()) if everywhere else [out]
        for target in targets:
            for part in path[:-1]:
                target = target.setdefault(part, {})
            target[path[-1]] = value
    return out


if __name__ == "__main__":
    sys.exit(main())
