"""Formulas: MathML that a parser accepts, and nothing but MathML."""

from xml.etree import ElementTree

import pytest
import sympy

from analysis.report.formulas import MATHML, character_table, direct_sum, formula, image, mathml


def elements(markup):
    return [
        node.tag.removeprefix(f"{{{MATHML}}}") for node in ElementTree.fromstring(markup).iter()
    ]


def test_a_fraction_is_a_fraction():
    assert elements(mathml(r"\frac{1}{2}")) == ["math", "mrow", "mfrac", "mrow", "mn", "mrow", "mn"]


def test_sympy_and_its_latex_give_the_same():
    half = sympy.sqrt(3) / 2
    assert formula(half) == formula(sympy.latex(half))
    assert "msqrt" in elements(formula(half))


def test_a_matrix_has_its_rows_and_its_brackets():
    matrix = sympy.Matrix([[1, sympy.Rational(-1, 2)], [0, sympy.exp(2 * sympy.pi * sympy.I / 3)]])
    markup = formula(matrix)
    assert elements(markup).count("mtr") == 2
    assert elements(markup).count("mtd") == 4
    assert markup.count('<mtable class="matrix">') == 1


@pytest.mark.parametrize(
    "hostile",
    [
        r"\text{<script>alert(1)</script>}",
        r"\mathrm{<img src=x onerror=alert(1)>}",
        r"x < y > z",
    ],
)
def test_angle_brackets_never_become_markup(hostile):
    markup = mathml(hostile)
    assert not {"script", "img"} & set(elements(markup))


@pytest.mark.parametrize(
    "hostile", [r"\href{javascript:alert(1)}{x}", r"\class{a}{x}", r"\text{a & b}"]
)
def test_what_is_not_mathematics_is_refused(hostile):
    with pytest.raises(ValueError, match="latex: wanted"):
        mathml(hostile)


def test_names_are_plain_text():
    for name in ("<b>", "r^2 & s_1", "\\frac"):
        assert "".join(ElementTree.fromstring(image(name, "1")).itertext()) == f"{name}↦1"
    assert "".join(
        ElementTree.fromstring(direct_sum([(1, "1a"), (0, "x"), (2, "<2a>")])).itertext()
    ) == ("1a⊕2·<2a>")


def test_character_table_of_s3():
    table = character_table(
        ["e", "(1 2)", "(1 2 3)"],
        [1, 3, 2],
        [("trivial", [1, 1, 1]), ("sign", [1, -1, 1]), ("standard", [2, 0, -1])],
    )
    assert (table.count("<tr>"), table.count("<td>"), table.count("<math")) == (4, 9, 9)
    assert "3 elements" in table
    with pytest.raises(ValueError, match="wanted 2 values"):
        character_table(["e", "x"], [1, 1], [("odd", [1])])
