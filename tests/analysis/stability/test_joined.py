"""Architectures side by side: only what is of the same rows of the same inputs is compared."""

from dataclasses import replace

import torch

from analysis.stability.joined import ONE_HAS_NONE, joined
from analysis.stability.material import Material


def material(generator: torch.Generator, rows: int, inputs: int = 20) -> Material:
    """Two seeds, one site of each kind, thinned to ten rows from `rows`."""
    sites = tuple(torch.randn(10, 3, generator=generator) for _ in range(2))
    return Material(
        names=("0", "1"),
        outputs=torch.randn(2, inputs, 4, generator=generator),
        representations={"stream": sites},
        activations={"mlp": sites, "codes": sites},
        row_counts={"stream": rows, "mlp": rows, "codes": rows},
    )


def test_sites_of_the_same_rows_are_joined(generator: torch.Generator) -> None:
    found = joined({"a": material(generator, 20), "b": material(generator, 20)})
    assert [x.shape for x in found.representations["representation"]] == [(10, 3)] * 4
    assert [x.shape for x in found.activations["units"]] == [(10, 6)] * 4
    unknown = replace(material(generator, 20), row_counts={})
    assert joined({"a": unknown, "b": material(generator, 20)}).representations


def test_rows_of_other_inputs_are_refused_though_they_are_as_many(
    generator: torch.Generator,
) -> None:
    """A row for each position, or one an input: both are thinned to the same number."""
    found = joined({"a": material(generator, 20), "b": material(generator, 160)})
    assert (found.representations, found.activations) == ({}, {})
    assert found.absent["features"] == found.absent["representations"] == ONE_HAS_NONE
    other = joined({"a": material(generator, 20), "b": material(generator, 20, inputs=30)})
    assert (other.representations, other.activations) == ({}, {})


def test_units_that_answer_to_something_else_are_left_out(generator: torch.Generator) -> None:
    odd = replace(material(generator, 20), row_counts={"stream": 20, "mlp": 20, "codes": 40})
    found = joined({"a": odd, "b": material(generator, 20)})
    assert [x.shape for x in found.activations["units"]] == [(10, 3)] * 2 + [(10, 6)] * 2
    assert found.representations


def test_row_counts_are_kept_of_fewer_seeds(generator: torch.Generator) -> None:
    assert material(generator, 20).only([1]).row_counts["mlp"] == 20
