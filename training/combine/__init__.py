"""Ways to make one run from several, one a file: the best of them, their mean, or their pupil.

    combine: {class_path: average, init_args: {members: 4}}

Seed s first trains `members` ordinary runs of the same experiment without `combine`, from streams
derived from its own three; they lie in the same store, found again by every way to combine them.
The combined run's seconds count its members too.
"""

import inspect
from typing import get_type_hints

from interpretable_arch.registry import locate, nearest
from training.combine.members import Combination
from training.parsing import ConfigError, parse
from training.settings import Part

COMBINATIONS: dict[str, str] = {
    "average": "training.combine.average.Average",
    "best_of": "training.combine.best_of.BestOf",
    "distil": "training.combine.distil.Distil",
}


def build_combination(part: Part) -> Combination:
    """The combination that an experiment's `combine` names. ConfigError for an unknown name or
    argument, or one of the wrong type or out of range."""
    if part.class_path not in COMBINATIONS:
        raise ConfigError("combine", nearest("class_path", part.class_path, COMBINATIONS))
    kind = locate(COMBINATIONS[part.class_path])
    known = inspect.signature(kind).parameters
    hints = get_type_hints(kind)
    for name in part.init_args:
        if name not in known:
            raise ConfigError("combine.init_args", nearest("argument", name, known))
    given = {
        name: parse(hints[name], value, f"combine.init_args.{name}")
        for name, value in part.init_args.items()
    }
    try:
        return kind(**given)
    except ConfigError as error:
        raise error.under("combine.init_args") from None
