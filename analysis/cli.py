"""`interpretable-arch fit | study | compare | read | report`: the command line.

Every key of a YAML file is an option too (`--trainer.max_steps 100`); `--help` after a file lists
its keys with the values they have there. A mistake of the caller's is one line, never a traceback.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from jsonargparse import ArgumentParser

from analysis.options import (
    add_folder_options,
    add_training_options,
    check_kind,
    check_logger,
    names_folder,
    overrides,
    refuse_tensors,
    with_overrides,
)

EPILOG = """
examples:
  interpretable-arch compare configs/groups.yaml      architectures x tasks x seeds, one page
  interpretable-arch study configs/s5.yaml --seeds 3  many seeds of one experiment
  interpretable-arch study FOLDER                     runs of any origin: weights, activations ...
  interpretable-arch fit configs/s5.yaml --trainer.max_steps 50
  interpretable-arch read runs/EXPERIMENT/seed-0-0-0  what one trained model says
  interpretable-arch report reports/groups.json       the page again, from its numbers
"""
COMMANDS = {
    "fit": "train the seeds of one experiment that are not on disk yet",
    "study": "many seeds of one experiment, or runs of any origin: how much they differ",
    "compare": "train several architectures on the same tasks and seeds and compare them",
    "read": "say what one trained model computes and how exactly",
    "report": "rebuild the page of a comparison or a study of a folder from its JSON",
}
FOLDER_USAGE = """
       interpretable-arch study FOLDER [--of CONFIG]   (`study FOLDER --help` lists its options)"""
TRAINING = ("fit", "study", "compare")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0: done, 2: a mistake of the caller's, 130: stopped."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Threads that wait by spinning slow small models tenfold when a core is shared; this is read
    # when torch is first imported, below.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    # A user's own model or data lie in the folder that the command is run from.
    sys.path.insert(0, os.getcwd())
    try:
        return _run(given)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
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
    # Loaded here, so that --help and a mistyped command answer at once.
    from analysis import commands
    from training.experiment import Comparison, Experiment
    from training.yaml_file import load_yaml

    if command == "study" and names_folder(given):
        chosen.arguments, chosen.logger = given, None
        return commands.study_folder(chosen)
    run = getattr(commands, command)
    if command not in TRAINING:
        return run(chosen)
    check_logger(chosen.logger)
    if command == "study":
        refuse_tensors(chosen.config)
    mapping = load_yaml(chosen.config)
    check_kind(mapping, chosen.config, command)
    mapping = with_overrides(mapping, overrides(chosen.as_dict()), command)
    chosen.arguments = given
    kind = Comparison if command == "compare" else Experiment
    return run(kind.from_mapping(mapping), chosen)


def _parser(given: Sequence[str]) -> ArgumentParser:
    parser = ArgumentParser(
        prog="interpretable-arch",
        description="Train readable architectures over many seeds, read them, measure what varies.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subcommands(required=False, dest="subcommand")
    for name, text in COMMANDS.items():
        what = "CONFIG" if name in TRAINING else "PATH"
        usage = f"interpretable-arch {name} {what} [options]"
        usage += FOLDER_USAGE if name == "study" else ""
        sub = ArgumentParser(description=text[0].upper() + text[1:] + ".", usage=usage)
        if name == "study" and names_folder(given):
            add_folder_options(sub, given)
        elif name in TRAINING and name in given[:1]:
            add_training_options(sub, name, given)
        elif name == "read":
            _add_reading_options(sub)
        else:
            sub.add_argument("result", type=str, help="the JSON that compare or study wrote")
        sub.add_argument("--traceback", action="store_true", help="show where an error arose")
        commands.add_subcommand(name, sub, help=text)
    return parser


def _add_reading_options(sub: ArgumentParser) -> None:
    sub.add_argument("run", type=str, help="a run folder, .../seed-0-0-0")
    sub.add_argument("--features", type=int, default=20, help="how many to print")
    word = "its sense table: each meaning's weight, nearest words, contexts; may be repeated"
    sub.add_argument("--word", type=str, action="append", default=[], help=word)
    slow = "readings that take long, several with commas: pruning"
    sub.add_argument("--also", type=str, default="", help=slow)
    edits = "ablate:PART, scale:PART:FACTOR or pin:PART:VALUE, several with commas between"
    sub.add_argument("--edit", type=str, default="", help=edits)
    sub.add_argument("--edits", type=str, default=None, help="a file of edits kept by --save")
    sub.add_argument("--page", type=str, default=None, help="write all of it, drawn, as HTML here")
    sub.add_argument("--save", type=str, default=None, help="keep the edits, under this name")


if __name__ == "__main__":
    sys.exit(main())
