"""Circuits, formulas and features of foreign origin: read, or refused with their place."""

import json
from typing import Any

import pytest

from analysis.stability.interpretations.foreign import interpretations_from
from analysis.stability.interpretations.formulas import formula_classes, formula_gaps
from interpretable_arch.interpretation import Edge


def test_a_whole_file() -> None:
    text = """{
      "names": ["one", "other"], "labels": ["induction", "none"],
      "features": [{"head.0.copying": 0.5}, {"head.0.copying": 1}],
      "circuits": [["a0.h1", "m0"], {"edges": [["embed", "a0.h1", 0.4], ["a0.h1", "logits"]]}],
      "formulas": [{"expression": "x * (y + b[0])", "inputs": ["x", "y"], "constants": {"b": [1]}},
                   [{"expression": "x*y + x", "inputs": ["x", "y"]}]]}"""
    one, other = interpretations_from(json.loads(text))
    assert (one.label, other.features[0].value) == ("induction", 1.0)
    assert one.graph is not None
    assert (one.graph.nodes, one.graph.edges) == (("a0.h1", "m0"), ())
    assert other.graph is not None
    assert other.graph.nodes == ("embed", "a0.h1", "logits")
    assert other.graph.edges[1] == Edge("a0.h1", "logits", 1.0)
    gaps = formula_gaps([one.formulas[0], other.formulas[0]])
    assert formula_classes(gaps) == ("formula 1", "formula 1")


F = {"expression": "x", "inputs": ["x"]}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "wanted one of"),
        ({"circuit": []}, "got \\['circuit'\\]"),
        ({"circuits": []}, "circuits: wanted at least one"),
        ({"circuits": "a0.h1"}, "circuits: wanted a list, got str"),
        ({"circuits": [["a", "a"]]}, "circuits\\[0\\]: wanted each name once"),
        ({"circuits": [[1]]}, "circuits\\[0\\]\\[0\\]: wanted text"),
        ({"circuits": [{"edges": [["a"]]}]}, "edges\\[0\\]: wanted \\[source"),
        ({"circuits": [{"edges": [["a", "b", "c"]]}]}, "wanted a finite number"),
        ({"circuits": [{"nodes": ["a"], "edges": [["a", "b"]]}]}, "among its nodes, got \\['b'\\]"),
        ({"circuits": [{"node": ["a"]}]}, "got \\['node'\\]"),
        ({"labels": ["a"], "circuits": [[], []]}, "one item a model in each list"),
        ({"names": ["a"], "circuits": [[], []]}, "one item a model in each list"),
        ({"formulas": [{"expression": "x"}]}, "wanted an expression and its inputs"),
        ({"formulas": [{**F, "expression": "x +"}]}, "wanted arithmetic"),
        ({"formulas": [{**F, "expression": "x ^ 2"}]}, "wanted \\*\\* for powers"),
        ({"formulas": [{**F, "expression": "x + z"}]}, "got 'z'"),
        ({"formulas": [{**F, "expression": "eval(x)"}]}, "got 'eval'"),
        ({"formulas": [{**F, "constants": {"c": [[1], [1, 2]]}}]}, "constants.c: wanted"),
        ({"formulas": [{**F, "constants": {"c": "one"}}]}, "wanted finite numbers"),
        ({"formulas": [[F, F | {"name": "formula 0"}]]}, "wanted each name once"),
        ({"features": [["a"]]}, "features\\[0\\]: wanted names and numbers"),
        ({"features": [{"a": True}]}, "features\\[0\\].a: wanted a finite number"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        interpretations_from(given)
