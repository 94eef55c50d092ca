r"""Exact formulas as MathML, which a browser draws without a script.

The converter passes the text of ``\text{...}`` through as it stands, so angle brackets are replaced
by their LaTeX names before, and what comes back is parsed and held to the elements and
attributes of MathML: a hostile label can't become markup.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any
from xml.etree import ElementTree

from latex2mathml.converter import convert

from analysis.report.numerals import counted

MATHML = "http://www.w3.org/1998/Math/MathML"
ELEMENTS = frozenset(
    """math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup mover munder
    munderover mtable mtr mtd mstyle""".split()  # noqa: SIM905
)
ATTRIBUTES = frozenset(
    """display stretchy fence form mathvariant width height depth linethickness columnalign minsize
    maxsize accent displaystyle""".split()  # noqa: SIM905
)
FENCED = re.compile(
    r'<mo stretchy="true" fence="true" form="prefix">\[</mo><mtable>(.*?)</mtable>'
    r'<mo stretchy="true" fence="true" form="postfix">\]</mo>'
)


def mathml(latex: str) -> str:
    """One formula as a ``<math>`` element; ``ValueError`` for LaTeX that makes anything else."""
    markup = convert(latex.replace("<", r"\lt ").replace(">", r"\gt "))
    try:
        root = ElementTree.fromstring(markup)
    except ElementTree.ParseError as error:
        raise ValueError(f"latex: wanted a formula, got {latex!r} ({error})") from error
    for node in root.iter():
        name = node.tag.removeprefix(f"{{{MATHML}}}")
        foreign = set(node.attrib) - ATTRIBUTES
        if name not in ELEMENTS or foreign:
            raise ValueError(f"latex: wanted plain mathematics, got {latex!r} (<{name}> {foreign})")
    return _bracketed(markup)


def latex_of(value: Any) -> str:
    """LaTeX of a sympy expression or matrix; a string is taken to be LaTeX already."""
    if isinstance(value, str):
        return value
    import sympy

    return sympy.latex(value)


def formula(value: Any) -> str:
    """MathML of a sympy expression or matrix, or of a LaTeX string."""
    return mathml(latex_of(value))


def image(element: str, latex: str) -> str:
    """MathML of ``element ↦ matrix``: the element's name is plain text, the matrix LaTeX."""
    return _math(f"<mtext>{escape(element)}</mtext><mo>↦</mo>{_inside(mathml(latex))}")


def direct_sum(terms: Iterable[tuple[int, str]]) -> str:
    """MathML of a direct sum, 1a ⊕ 2·2a, from (copies, name); names are plain text."""
    shown = [
        (f"<mn>{copies}</mn><mo>·</mo>" if copies != 1 else "") + f"<mtext>{escape(name)}</mtext>"
        for copies, name in terms
        if copies
    ]
    return _math("<mo>⊕</mo>".join(shown) if shown else "<mn>0</mn>")


def _bracketed(markup: str) -> str:
    """Leave a matrix's brackets to the page's style: few systems have fonts that stretch them."""
    return FENCED.sub(r'<mtable class="matrix">\1</mtable>', markup)


def _math(inside: str) -> str:
    return f'<math xmlns="{MATHML}" display="inline"><mrow>{inside}</mrow></math>'


def _inside(markup: str) -> str:
    return markup[markup.index(">") + 1 : markup.rindex("</math>")]


def character_table(
    classes: Sequence[str],
    sizes: Sequence[int],
    characters: Iterable[tuple[str, Sequence[Any]]],
) -> str:
    """HTML table of exact characters: a column per conjugacy class, a row per irreducible.

    ``characters`` pairs each irreducible's name with its values (sympy or LaTeX), one per class.
    """
    rows = list(characters)
    for name, values in rows:
        if len(values) != len(classes):
            raise ValueError(
                f"characters[{name!r}]: wanted {len(classes)} values, one per class, "
                f"got {len(values)}"
            )
    head = "".join(
        f'<th scope="col">{escape(label)}<small>{counted(size, "element")}</small></th>'
        for label, size in zip(classes, sizes, strict=True)
    )
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{formula(value)}</td>" for value in values)
        + "</tr>"
        for name, values in rows
    )
    return (
        f'<table class="characters"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
