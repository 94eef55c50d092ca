"""The levels of interpretations and of universality on small materials."""

import pytest
import torch

from analysis.stability.interpretations.strongest import strongest
from analysis.stability.levels.interpretations import measure_interpretations
from analysis.stability.levels.universality import measure_universality
from analysis.stability.material import Material
from interpretable_arch.interpretation import Edge, Feature, Formula, Graph, Interpretation
from interpretable_arch.registry import ENTRIES


def model(name: str, seed: int) -> Interpretation:
    config, built = ENTRIES[name].load()
    del config
    torch.manual_seed(seed)
    examples = ENTRIES[name].examples()
    return built(next(iter(examples.values()))).interpretation()


def says(number: float, label: str = "a") -> Interpretation:
    graph = Graph(
        ("in", "head.0", "head.1"), (Edge("in", "head.0", number), Edge("in", "head.1", 1.0))
    )
    formula = Formula("f", "c * x", ("x",), {"c": number}, "value", 0.0)
    return Interpretation(label, (Feature("head.0.size", number, ""),), (formula,), graph)


def material(*given: Interpretation | None, **more: object) -> Material:
    names = tuple(f"seed {n}" for n in range(len(given)))
    return Material(names=names, interpretations=given, **more)


def test_everything_is_measured_beside_its_null() -> None:
    untrained = material(says(5.0), says(1.0), says(3.0))
    level = measure_interpretations(material(says(2.0), says(2.0), says(4.0), untrained=untrained))
    assert level is not None
    found = {(each.name, each.of): each for each in level.measures}
    values = found["agreement of values", "head.size"]
    assert values.raw.estimate == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    assert [rung.name for rung in values.rungs] == ["untrained"]
    assert found["gap on probes", "f"].raw.estimate == pytest.approx(1 / 3)
    assert {"edges, best matching of units", "roles"} <= {name for name, _ in found}
    assert [sorted(each.counts) for each in level.classes] == [[3], [1, 2], [1, 2]]
    assert level.exhibits[0].rows[0][:2] == ("head.0.size", "3/3")


def test_one_seed_silent_seeds_and_nothing() -> None:
    assert measure_interpretations(material()) is None
    assert measure_interpretations(material(None, None)) is None
    level = measure_interpretations(material(says(1.0), None, Interpretation("")))
    assert level is not None
    assert level.notes == ("of 2 seeds: seed 1 say nothing",)
    assert measure_interpretations(material(says(1.0))) is not None


@pytest.mark.parametrize("name", ["transformer", "attention_only", "kan", "peer", "sense_tensor"])
def test_the_same_call_for_each_architecture(name: str) -> None:
    level = measure_interpretations(material(*(model(name, seed) for seed in range(3))))
    assert level is not None
    assert level.measures


def test_a_bad_value_is_said_and_the_rest_comes() -> None:
    level = measure_interpretations(material(says(float("nan")), says(1.0), says(1.0)))
    assert level is not None
    assert any("got nan, 'head.0.size' of model 0" in reason for reason in level.skipped)
    assert level.classes


def test_universality_needs_two_architectures(generator: torch.Generator) -> None:
    given = [says(1.0)] * 6
    assert measure_universality(material(*given, architectures=("a",) * 6)) is None
    shared = torch.randn(40, 5, generator=generator)
    rows = [
        torch.cat([shared, torch.randn(40, w, generator=generator)], 1) for w in (2,) * 3 + (4,) * 3
    ]
    level = measure_universality(
        material(
            *given,
            architectures=("a",) * 3 + ("b",) * 3,
            representations={"end": tuple(rows)},
            activations={"units": tuple(rows)},
        )
    )
    assert level is not None
    figures = {figure.name: figure.value.estimate for figure in level.figures}
    assert figures["universal features of units, a"] == pytest.approx(5 / 7)
    assert figures["roles of circuits: between"] == pytest.approx(1.0)
    assert figures["end, debiased CKA: between"] > 0.5
    assert level.exhibits[0].rows


def test_the_strongest_edges_by_hand() -> None:
    graph = Graph(("a", "b", "c"), (Edge("a", "b", 1.0), Edge("b", "c", -3.0)))
    assert strongest(graph).edges == (Edge("b", "c", 1.0),)
    assert len(strongest(graph, 1.0).edges) == 2
    with pytest.raises(ValueError, match="carried"):
        strongest(graph, 0.0)


def test_circuits_of_components_are_named_by_them() -> None:
    said = [Interpretation("", graph=Graph(nodes, ())) for nodes in (("b", "a"), ("c",), ("c",))]
    level = measure_interpretations(material(*said))
    assert level is not None
    (found,) = level.classes
    assert found.names == ("c", "a, b")
    assert found.basis == "circuit of these components, up to the order of units"


def test_circuits_of_edges_are_named_by_number() -> None:
    said = [
        Interpretation("", graph=Graph(("a", "b", "c"), (Edge("a", end, 1.0),))) for end in "bbc"
    ]
    level = measure_interpretations(material(*said))
    assert level is not None
    assert level.classes[0].names == ("class 1", "class 2")
    assert "edges that carry 90%" in level.classes[0].basis
