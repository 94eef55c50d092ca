"""The levels of comparison on a page: what may be said, the numbers beside their nulls, pictures.

Of each level the first measure is drawn: a seed x seed map with its tree, and a map of the seeds.
The maps of the others are folded away.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from analysis.report.charts import Figure
from analysis.report.findings import exhibits
from analysis.report.ladder_chart import null_ladder
from analysis.report.level_tables import classes_of, figures_of, measures_of, sentences
from analysis.report.pair_maps import pair_map
from analysis.report.seed_points import map_of_seeds

MOST_FOLDED, MOST_OPEN = 12, 6  # maps that are drawn, measures whose table stands open

Level = Mapping[str, Any]
Hang = Callable[[Figure], str]


def levels_section(
    levels: Sequence[Level],
    names: Sequence[str],
    architectures: Sequence[str],
    hang: Hang,
) -> str:
    """HTML sections, one a level: `Level.to_mapping()` of each, of seeds with these names.

    `architectures` holds one name a seed, or none; where they differ, points are coloured by them.
    """
    shown = "".join(
        f'<section class="task"><h2>{escape(_title(level))}</h2>'
        f"{level_body(level, names, architectures, hang)}</section>"
        for level in levels
        if _measured(level)
    )
    return shown + _not_measured(levels)


def across_section(across: Mapping[str, Any], hang: Hang) -> str:
    """HTML section of what the architectures of one task share."""
    body = level_body(across["level"], across["names"], across["architectures"], hang)
    title = f"Across architectures: {across['task']}"
    return f'<section class="task"><h2>{escape(title)}</h2>{body}</section>'


def folded_levels(
    levels: Sequence[Level],
    names: Sequence[str],
    architectures: Sequence[str],
    hang: Hang,
    *,
    unfolded: bool = False,
) -> str:
    """The same, each level behind its name and the first thing that is said of it."""
    opened = " open" if unfolded else ""
    shown = "".join(
        f"<details{opened}><summary><b>{escape(_title(level))}</b> "
        f"{escape(_first_words(level))}</summary>"
        f"{level_body(level, names, architectures, hang)}</details>"
        for level in levels
        if _measured(level)
    )
    return shown + _not_measured(levels)


def level_body(level: Level, names: Sequence[str], architectures: Sequence[str], hang: Hang) -> str:
    """HTML of one level without its heading."""
    groups = groups_of(level, names, architectures)
    return (
        f'<div class="reading">{sentences(level["statements"])}{classes_of(level, names)}'
        f"{_drawn(level, names, groups, hang)}{_numbers(level)}{figures_of(level)}"
        f"{exhibits(level['exhibits'], hang)}{_small_print(level)}</div>"
    )


def groups_of(level: Level, names: Sequence[str], architectures: Sequence[str]) -> list[str]:
    """What the points of a map are coloured by, one a seed.

    Their architecture where these differ, else their solution class where the level has one.
    """
    if len(set(architectures)) > 1:
        return list(architectures)
    for found in level["classes"]:
        for measure in level["measures"][:1]:
            if len(found["classes"]) == len(measure["seeds"]):
                called = ["" for _ in names]
                for seed, number in zip(measure["seeds"], found["classes"], strict=True):
                    called[seed] = f"class {number + 1}"
                return called
    return [""] * len(names)


def _drawn(level: Level, names: Sequence[str], groups: Sequence[str], hang: Hang) -> str:
    """The first measure's maps and the null ladder, then the other maps, folded."""
    first, others = level["measures"][:1], level["measures"][1:]
    drawn = [pair_map(measure, names) for measure in first]
    drawn += [map_of_seeds(measure, names, groups) for measure in first]
    shown = "".join(hang(figure) for figure in drawn if figure is not None)
    ladder = null_ladder(level["measures"])
    nulls = "" if ladder is None else f'<div class="figures wide">{hang(ladder)}</div>'
    maps = [pair_map(measure, names) for measure in others[:MOST_FOLDED]]
    more = "".join(hang(figure) for figure in maps if figure is not None)
    part = "" if len(others) <= MOST_FOLDED else f", the first {MOST_FOLDED} of {len(others)}"
    folded = (
        f"<details><summary>Maps of the other measures{part}</summary>"
        f'<div class="figures">{more}</div></details>'
    )
    beside = f'<div class="figures">{shown}</div>' if shown else ""
    return f"{nulls}{beside}{folded if more else ''}"


def _numbers(level: Level) -> str:
    """The table of measures, folded where it is long."""
    count = len(level["measures"])
    if count <= MOST_OPEN:
        return measures_of(level)
    return f"<details><summary>All {count} measures</summary>{measures_of(level)}</details>"


def _small_print(level: Level) -> str:
    """How it was measured where not as usual, and what was not measured."""
    parts = (("How it was measured", level.get("notes")), ("Not measured", level["skipped"]))
    return "".join(
        f'<div class="aside">{title}:{sentences(said, "skipped")}</div>'
        for title, said in parts
        if said
    )


def _measured(level: Level) -> bool:
    """Whether it says anything but why it says nothing."""
    return any(value for key, value in level.items() if key not in ("name", "skipped"))


def _not_measured(levels: Sequence[Level]) -> str:
    """One folded list of the levels that say nothing, with the reasons; empty where all do."""
    empty = [level for level in levels if not _measured(level)]
    if not empty:
        return ""
    reasons = [
        each if each.startswith(level["name"]) else f"{level['name']}: {each}"
        for level in empty
        for each in level["skipped"]
    ]
    names = escape(", ".join(str(level["name"]) for level in empty))
    return (
        f'<details class="aside"><summary>Not measured: {names}</summary>'
        f"{sentences(reasons, 'skipped')}</details>"
    )


def _title(level: Level) -> str:
    return str(level["name"])[:1].upper() + str(level["name"])[1:]


def _first_words(level: Level) -> str:
    said = [*level["statements"], *(f"not measured: {each}" for each in level["skipped"])]
    return said[0] if said else ""
