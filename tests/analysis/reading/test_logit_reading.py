import itertools
import json
import math

import pytest
import torch
from torch import Tensor

from analysis.reading.logits import average_by_quotient, isotypic_shares, read_logits
from interpretable_arch.maths.groups.characters import character_table
from interpretable_arch.maths.groups.finite_groups import FiniteGroup, parse


def logits_of(F: Tensor, group: FiniteGroup) -> Tensor:
    """z[a, b, c] = F(a b c^-1)."""
    return F[group.table[group.table][:, :, group.inverse]]


@pytest.mark.parametrize("name", ["S4", "Z7", "Q8", "D5"])
def test_a_sum_of_characters_is_read_as_its_terms(name: str, generator: torch.Generator) -> None:
    group = parse(name)
    table = character_table(group)
    last = table.on_elements[-1]
    reading = read_logits(logits_of(last.real, group), group)
    used = {n for n, row in zip(table.names, table.on_elements, strict=True)
            if torch.allclose(row, last) or torch.allclose(row, last.conj())}  # fmt: skip
    assert set(reading.label.split(" + ")) == used
    assert reading.explained == pytest.approx(1)
    assert sum(reading.shares) == pytest.approx(1)


def test_shares_are_squared_weights(generator: torch.Generator) -> None:
    group = parse("S4")
    table = character_table(group)
    weights = torch.tensor([0.0, 0.0, 1.0, 3.0, 0.5], dtype=torch.double)
    F = torch.einsum("r,rg->g", weights, table.on_elements.real)
    reading = read_logits(logits_of(F, group), group)
    wanted = (weights.square() / weights.square().sum()).tolist()
    assert list(reading.shares) == pytest.approx(wanted, abs=1e-12)
    assert reading.label == "(2,2) + (3,1)"


def test_constants_over_c_are_not_seen(generator: torch.Generator) -> None:
    group = parse("S3")
    z = torch.randn(6, 6, 6, dtype=torch.double, generator=generator)
    offset = torch.randn(6, 6, 1, dtype=torch.double, generator=generator)
    one, other = read_logits(z, group), read_logits(z + 10 * offset, group)
    assert one.explained == pytest.approx(other.explained)
    assert list(one.shares) == pytest.approx(list(other.shares))
    assert one.shares[0] == pytest.approx(0)


def test_the_average_equals_a_loop_over_triples(generator: torch.Generator) -> None:
    group = parse("Q8")
    z = torch.randn(8, 8, 8, dtype=torch.double, generator=generator)
    slow = torch.zeros(8, dtype=torch.double)
    for a, b, c in itertools.product(range(8), repeat=3):
        slow[group.table[group.table[a, b], group.inverse[c]]] += z[a, b, c] / 64
    torch.testing.assert_close(average_by_quotient(z, group), slow)


def test_isotypic_parts_equal_the_regular_representations(generator: torch.Generator) -> None:
    group = parse("S3")
    F = torch.randn(6, dtype=torch.double, generator=generator)
    table = character_table(group)
    slow = []
    for d, chi in zip(table.dimensions, table.on_elements, strict=True):
        part = torch.zeros(6, dtype=torch.cdouble)
        for h, g in itertools.product(range(6), repeat=2):
            part[g] += d / 6 * chi[h].conj() * F[group.table[group.inverse[h], g]]
        slow.append(float(part.abs().square().sum() / F.square().sum()))
    assert isotypic_shares(F, group).tolist() == pytest.approx(slow)
    assert sum(slow) == pytest.approx(1)


def test_a_memorised_table_has_no_label(generator: torch.Generator) -> None:
    group = parse("S4")
    z = torch.randn(24, 24, 24, generator=generator)
    reading = read_logits(z, group)
    assert reading.label == "none"
    assert reading.explained < 0.01


def test_constant_logits_are_no_reading() -> None:
    reading = read_logits(torch.ones(6, 6, 6), parse("S3"))
    assert (reading.label, reading.explained, sum(reading.shares)) == ("none", 0.0, 0.0)


def test_a_perfect_answer_uses_every_irreducible_by_its_squared_dimension() -> None:
    group = parse("S4")
    z = torch.zeros(24, 24, 24)
    z.scatter_(2, group.table[..., None], 1.0)
    reading = read_logits(z, group)
    wanted = [0.0] + [d * d / 23 for d in character_table(group).dimensions[1:]]
    assert list(reading.shares) == pytest.approx(wanted, abs=1e-6)
    assert json.loads(json.dumps(reading.to_mapping()))["label"] == reading.label


@pytest.mark.parametrize(
    ("logits", "words"),
    [
        (torch.ones(6, 6, 5), r"wanted \[6, 6, 6\] for S3, got \[6, 6, 5\]"),
        (torch.full((6, 6, 6), math.inf), "finite"),
    ],
)
def test_other_logits_are_refused(logits: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_logits(logits, parse("S3"))
