"""A map of seeds: points of the plane whose distances are as near as may be to those measured.

Metric multidimensional scaling by majorisation (de Leeuw 1977; scikit-learn's SMACOF), started from
classical scaling (Torgerson 1952), so that the same distances always give the same map. Of the map
nothing but the distances means anything: a bar gives their scale, and the stress

    sqrt(sum (d - delta)^2 / sum delta^2)        (Kruskal 1964: .05 good, .2 poor)

says how far the plane bends them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
from sklearn.manifold import smacof

from analysis.report.charts import (
    COLOURS,
    INK,
    MUTED,
    Figure,
    specification,
    thinned,
    values,
)
from analysis.report.numerals import counted, numeral
from analysis.report.pair_maps import distances, seed_names, titled

SIZE, FOOT, MARGIN, MOST_SEEDS = 290, 26, 0.1, 300
ROUGH = 0.2  # stress from which a map is poor (Kruskal 1964)
LETTER, LINE = 5.4, 12  # pixels that a letter and a line of a name take
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
MOST_GROUPS, OTHERS = 6, "others"


def map_of_seeds(
    measure: Mapping[str, Any], names: Sequence[str], groups: Sequence[str]
) -> Figure | None:
    """Seeds as points coloured by their group, one for each name; None where there is no plane.

    There is none below three seeds with all their distances, or where all of these are 0.
    """
    apart = distances(measure)
    whole = [place for place in range(len(apart)) if np.isfinite(apart[place]).sum() > 1]
    whole = [place for place in whole if np.isfinite(apart[place, whole]).all()]
    whole = [whole[place] for place in thinned(len(whole), MOST_SEEDS)]
    apart = apart[np.ix_(whole, whole)]
    if len(whole) < 3 or not apart.max() > 0:
        return None
    points = scaled(apart)
    called = seed_names(measure, names)
    seeds: Sequence[int] = measure["seeds"]
    kinds, order = _few([groups[seeds[place]] for place in whole])
    chart = _chart(
        points,
        [called[place] for place in whole],
        kinds,
        order,
        "(1 − similarity)" if measure["best"] else str(measure["unit"]),
    )
    caption = f"{counted(len(whole), 'seed')}, placed by this measure, stress "
    bent = stress(points, apart)
    caption += numeral(bent, 2)
    caption += ": a rough map, whose distances the plane bends" if bent > ROUGH else ""
    return Figure(specification(chart), f"Map of seeds: {titled(measure)}", caption)


def scaled(apart: np.ndarray) -> np.ndarray:
    """Points [seed, 2] for distances [seed, seed], the widest spread along the first axis."""
    scale = float(apart.max())
    start = _classical(apart / scale)
    found = np.asarray(smacof(apart / scale, init=start, n_init=1, eps=1e-9)[0])
    centred = found - found.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    turned = centred @ axes.T
    turned *= np.where(turned[np.abs(turned).argmax(0), range(2)] < 0, -1, 1)
    return turned * scale


def stress(points: np.ndarray, apart: np.ndarray) -> float:
    """Kruskal's stress of a map, 0 where it is exact."""
    drawn = np.linalg.norm(points[:, None] - points[None], axis=-1)
    return float(np.sqrt(((drawn - apart) ** 2).sum() / (apart**2).sum()))


def _classical(apart: np.ndarray) -> np.ndarray:
    """The two leading axes of the doubly centred squares."""
    centring = np.eye(len(apart)) - 1 / len(apart)
    sizes, axes = np.linalg.eigh(-centring @ apart**2 @ centring / 2)
    start = axes[:, -2:] * np.sqrt(np.maximum(sizes[-2:], 0.0))
    # Majorisation never leaves a line that it was started on, nor parts points that coincide.
    nudge = np.random.default_rng(0).normal(size=start.shape)
    return start + 1e-3 * nudge


def _few(groups: Sequence[str]) -> tuple[list[str], list[str]]:
    """Each point's group, the rare ones as others, and all groups, the commonest first."""
    order = [group for group, _ in Counter(groups).most_common()]
    kept = order if len(order) <= MOST_GROUPS else order[: MOST_GROUPS - 1]
    kinds = [group if group in kept else OTHERS for group in groups]
    return kinds, [*kept, *([OTHERS] if len(kept) < len(order) else [])]


def _chart(
    points: np.ndarray, names: list[str], kinds: list[str], order: list[str], unit: str
) -> Any:
    low, high = points.min(0), points.max(0)
    middle, half = (low + high) / 2, float((high - low).max()) / 2 * (1 + 2 * MARGIN)
    pixels = (points - middle) / half * SIZE / 2
    rows = [
        {
            "x": round(float(x), 5),
            "y": round(float(y), 5),
            "seed": name,
            "group": kind,
            "named": shown,
        }
        for (x, y), name, kind, shown in zip(
            points, names, kinds, uncrowded(pixels, names), strict=True
        )
    ]
    foot = middle - half * np.array([1, 1 + 2 * FOOT / SIZE])  # room for the bar below all points
    axes = [
        channel(
            f"{field}:Q",
            axis=None,
            scale=alt.Scale(domain=[float(foot[n]), float(middle[n] + half)], nice=False),
        )
        for channel, field, n in ((alt.X, "x", 0), (alt.Y, "y", 1))
    ]
    legend = (
        alt.Legend(title=None, orient="bottom", columns=3, labelLimit=SIZE // 3)
        if len(order) > 1
        else None
    )
    base = alt.Chart(values(rows)).encode(*axes)
    dots = base.mark_point(filled=True, size=54, opacity=0.9).encode(
        alt.Color(
            "group:N",
            sort=order,
            scale=alt.Scale(domain=order, range=list(COLOURS[: len(order)])),
            legend=legend,
        ),
        alt.Shape(
            "group:N",
            sort=order,
            scale=alt.Scale(domain=order, range=list(SHAPES[: len(order)])),
            legend=legend,
        ),
        tooltip=["seed:N", "group:N"],
    )
    text = base.transform_filter("datum.named").mark_text(
        align="left", dx=6, fontSize=9, color=INK, limit=90
    )
    bar = _scale_bar(foot, half, unit, axes)
    return alt.layer(*bar, dots, text.encode(text="seed:N")).properties(
        width=SIZE, height=SIZE + FOOT
    )


def _scale_bar(corner: np.ndarray, half: float, unit: str, axes: list[Any]) -> list[alt.Chart]:
    """A line of a round length at the lower left, which the axes would say less plainly."""
    length = _round_length(half / 2)
    x, y = float(corner[0] + 0.02 * half), float(corner[1] + 0.03 * half)
    row = {"x": x, "end": x + length, "y": y, "says": f"{length:g} {unit}".strip()}
    base = alt.Chart(values([row])).encode(*axes)
    text = base.mark_text(align="left", baseline="bottom", dy=-4, fontSize=10, color=MUTED)
    rule = base.mark_rule(color=MUTED, strokeWidth=1.5).encode(x2="end:Q")
    return [rule, text.encode(text="says:N")]


def _round_length(most: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is no longer."""
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(step * power for step in (1, 2, 5) if step * power <= most))


def uncrowded(pixels: np.ndarray, names: Sequence[str]) -> list[bool]:
    """Which points can be named without a name lying on another name, or a point's middle."""
    boxes: list[tuple[float, float, float]] = []
    shown = []
    for (x, y), name in zip(pixels, names, strict=True):
        left, right = x + 5, x + 7 + LETTER * min(len(name), 17)
        free = all(
            abs(y - other) >= LINE or right < start or end < left for start, end, other in boxes
        )
        over = (
            (np.abs(pixels[:, 1] - y) < LINE / 2) & (pixels[:, 0] > left) & (pixels[:, 0] < right)
        )
        fits = free and not over.any()
        shown.append(bool(fits))
        if fits:
            boxes.append((left, right, float(y)))
    return shown
