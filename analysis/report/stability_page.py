"""One report of how much K models differ, of whatever origin, as a page of its own."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from analysis.report.charts import palette
from analysis.report.level_tables import sentences
from analysis.report.levels import groups_of, levels_section
from analysis.report.numerals import counted, duration, finite
from analysis.report.page import Gallery, document, write_document
from analysis.report.schema import check_stability_report
from analysis.report.seed_points import map_of_seeds
from analysis.report.stability_charts import entropy_against_threshold

DOUBTS = ("duplicates", "diverged")


def write_stability_page(report: Mapping[str, Any], path: Path | str) -> Path:
    """Write the page of a stability report (its JSON form) to `path`: offline, whole or not at all.

    Raises ValueError naming the key that the JSON lacks.
    """
    return write_document(stability_page(report), path)


def stability_page(report: Mapping[str, Any]) -> str:
    """The HTML of a stability report: what may be said of it first, then level by level."""
    check_stability_report(report)
    gallery = Gallery()
    levels, names = report["levels"], report["names"]
    architectures = report["architectures"]
    body = (
        f"<header>{_title(report)}{_answers(report)}{_absent(report)}</header>"
        f'<main><div class="figures wide">{_overview(report, gallery)}</div>'
        f"{levels_section(levels, names, architectures, gallery.hang)}</main>"
        "<footer><div><p>Made offline from the JSON beside this page.</p></div></footer>"
    )
    return document(str(report["name"]), body, gallery)


def _title(report: Mapping[str, Any]) -> str:
    kinds = len(set(report["architectures"]))
    facts = [counted(len(report["names"]), "model")]
    facts += [counted(kinds, "architecture")] if kinds else []
    facts += [counted(len(report["levels"]), "level")]
    shown = [fact.split(" ", 1) for fact in facts]
    items = "".join(f"<li><b>{number}</b> {escape(noun)}</li>" for number, noun in shown)
    if finite(report.get("seconds")) is not None:
        items += f"<li><b>{duration(report['seconds'])}</b> to measure</li>"
    return f'<h1>{escape(str(report["name"]))}</h1><ul class="facts">{items}</ul>'


def _answers(report: Mapping[str, Any]) -> str:
    """What may be said, level by level; of statements that no level makes, a list."""
    levels = [level for level in report["levels"] if level["statements"]]
    items = "".join(
        f"<li><b>{escape(str(level['name']))}</b><div>{_first(level['statements'])}</div></li>"
        for level in levels
    )
    known = {each for level in levels for each in level["statements"]}
    others = [each for each in report["statements"] if each not in known]
    return (f'<ul class="answers">{items}</ul>' if items else "") + sentences(others)


def _first(said: Sequence[str], most: int = 3) -> str:
    """The first sentences; the rest stands with the level."""
    shown = "".join(f"<p>{escape(each[:1].upper() + each[1:])}</p>" for each in said[:most])
    return shown


def _overview(report: Mapping[str, Any], gallery: Gallery) -> str:
    """Entropy against threshold, and the map of seeds by the distance of their outputs."""
    stability = report["stability"]
    if stability is None:
        return ""
    drawn = []
    if stability["curve"]:
        name = str(report["name"])
        cell = {"architecture": name, "stability": stability}
        threshold = stability["threshold"]
        drawn.append(entropy_against_threshold([cell], threshold, palette((name,))))
    if stability["divergence"] is not None:
        level = {
            "measures": [stability["divergence"]],
            "classes": [found for found in (stability["by_output"],) if found],
        }
        groups = groups_of(level, report["names"], report["architectures"])
        drawn.append(map_of_seeds(stability["divergence"], report["names"], groups))
    return "".join(gallery.hang(figure) for figure in drawn if figure is not None)


def _absent(report: Mapping[str, Any]) -> str:
    """What was given and is of no use; what casts doubt on all of it stands in front of that."""
    absent = report.get("absent") or {}
    doubts = sentences([f"{key}: {absent[key]}" for key in DOUBTS if key in absent])
    others = sentences([f"{k}: {why}" for k, why in absent.items() if k not in DOUBTS], "skipped")
    missing = f'<div class="aside">What was not there:{others}</div>' if others else ""
    return f"{doubts}{missing}"
