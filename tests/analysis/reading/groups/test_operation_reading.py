import numpy as np
import pytest
import torch
from torch import Tensor, nn

from analysis.exhibits import Table
from analysis.reading.finding import Finding
from analysis.reading.groups.kernel import exact_kernel, exact_scalars, kernel_and_centre
from analysis.reading.groups.operation import read_operation
from analysis.reading.groups.theory import read_kernel, read_margin_proof
from analysis.reading.intertwiners import direct_sum
from interpretable_arch.maths.groups.characters import character_table
from interpretable_arch.maths.groups.finite_groups import FiniteGroup, parse
from interpretable_arch.maths.groups.irreducibles import irreducibles
from training.data.group_table import unknown_table
from training.data.groups import groups
from training.data.tables import tables


class Tokens(nn.Module):
    """Fixed matrices that answer argmax Re tr(A_a A_b A_c*)."""

    def __init__(self, tokens: Tensor) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.view_as_real(tokens))

    def matrices(self) -> Tensor:
        return torch.view_as_complex(self.tokens)

    def forward(self, pairs: Tensor) -> Tensor:
        A = self.matrices()
        return torch.einsum("bij,cij->bc", A[pairs[:, 0]] @ A[pairs[:, 1]], A.conj()).real


class Answers(nn.Module):
    """A given table, answered as one-hot logits."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.table = nn.Parameter(table.double())

    def forward(self, pairs: Tensor) -> Tensor:
        answers = self.table[pairs[:, 0], pairs[:, 1]].long()
        return nn.functional.one_hot(answers, len(self.table)).double()


def planted(group: FiniteGroup, copies: list[int], generator: torch.Generator) -> Tokens:
    sums = direct_sum(irreducibles(group), copies)
    U = torch.linalg.qr(torch.randn(sums.shape[1:], dtype=torch.cdouble, generator=generator))[0]
    return Tokens(U @ sums @ U.mH)


def optimum(group: FiniteGroup, generator: torch.Generator) -> Tokens:
    return planted(group, [0, *character_table(group).dimensions[1:]], generator)


def table_named(finding: Finding, title: str) -> Table:
    (found,) = [e for e in finding.exhibits if e.title.startswith(title)]
    assert isinstance(found, Table)
    return found


def test_a_solved_group_with_enough_shown_is_determined(generator: torch.Generator) -> None:
    task = groups("S4", share=0.3)
    finding = read_operation(optimum(parse("S4"), generator), task)
    assert finding is not None
    assert finding.figures["the answers are a group"] == 1
    assert finding.figures["given products contradicted"] == 0
    assert finding.figures["shown products present the table"] == 1
    assert "isomorphic to S4" in finding.notes[0]


def test_too_few_products_do_not_determine_what_a_model_may_still_answer(
    generator: torch.Generator,
) -> None:
    finding = read_operation(optimum(parse("S4"), generator), groups("S4", share=0.03))
    assert finding is not None
    assert finding.figures["the answers are a group"] == 1
    assert finding.figures["shown products present the table"] == 0
    assert "infinite, or was not enumerated" in finding.notes[1]


def test_a_tenth_of_s4_wrong_is_listed_entry_by_entry(generator: torch.Generator) -> None:
    group, rng = parse("S4"), np.random.default_rng(0)
    table, wrong = group.table.clone(), {}
    for i in rng.permutation(576)[:58].tolist():
        a, b = divmod(i, 24)
        wrong[a, b] = (int(table[a, b]) + int(rng.integers(1, 24))) % 24
        table[a, b] = wrong[a, b]
    task = unknown_table(table=table.tolist(), labels=list(group.labels), share=0.6)
    finding = read_operation(optimum(group, generator), task)
    assert finding is not None
    assert finding.figures["given products contradicted"] == 58
    assert finding.figures["shown products present the table"] == 0
    assert finding.figures["shown products that the answers keep present the table"] == 1
    assert finding.figures["given products: elements of the largest group inside"] <= 6
    listed = table_named(finding, "Given products that the answers contradict").rows
    label = group.labels
    assert set(listed) == {
        (label[a], label[b], label[c], label[int(group.table[a, b])]) for (a, b), c in wrong.items()
    }


@pytest.mark.parametrize(
    ("law", "inside", "sentence"),
    [
        (lambda a, b: (a - b) % 5, 1, "no identity"),
        (lambda a, b: (a * b) % 5, 4, "no Latin square"),
        (lambda a, b: a, 1, "no identity"),
    ],
)
def test_an_operation_that_is_no_group_is_measured(law, inside: int, sentence: str) -> None:
    rows = [[law(a, b) for b in range(5)] for a in range(5)]
    finding = read_operation(Answers(torch.tensor(rows)), unknown_table(table=rows))
    assert finding is not None
    assert finding.notes[0] == "The answers are no group."
    assert finding.figures["the answers are a group"] == 0
    assert finding.figures["answers: elements of the largest group inside"] == inside
    assert finding.figures["given products: elements of the largest group inside"] == inside
    assert any(sentence in note for note in finding.notes)
    assert any("proved largest by search" in note for note in finding.notes)


def test_holes_are_counted_and_answered(generator: torch.Generator) -> None:
    group = parse("Q8")
    rows: list[list[int | None]] = group.table.tolist()
    rows[2][3] = rows[4][4] = None
    finding = read_operation(optimum(group, generator), unknown_table(table=rows, share=1.0))
    assert finding is not None
    assert finding.figures["given: products unknown"] == 2
    assert finding.figures["given products"] == 62
    assert finding.figures["shown products present the table"] == 1


def test_contradicting_products_leave_at_least_one_contradicted(
    generator: torch.Generator,
) -> None:
    products = [[a, b, (a + b) % 3] for a in range(3) for b in range(3)] + [[1, 1, 0]]
    task = unknown_table(products=products, contradictions="keep", share=0.6)
    finding = read_operation(optimum(parse("Z3"), generator), task)
    assert finding is not None
    rows = table_named(finding, "Given products that the answers contradict").rows
    assert rows == (("1", "1", "0", "2"),)
    assert finding.figures["given: pairs with several products"] == 1
    assert finding.figures["given: products unknown"] == 0
    assert any("1 pairs have several" in note for note in finding.notes)
    assert finding.figures["given products: elements of the largest group inside"] == 1


def test_the_faithful_optimum_has_the_centre_of_its_group(generator: torch.Generator) -> None:
    for name, centre in (("Q8", 2), ("S4", 1), ("Z6", 6), ("D6", 2)):
        group = parse(name)
        finding = read_kernel(optimum(group, generator), groups(name))
        assert finding is not None
        assert finding.figures["elements of the kernel"] == 1
        assert finding.figures["elements of the centre"] == centre
        assert finding.figures["elements of the group's own centre"] == centre
        assert finding.figures["worst residual of the centre"] < 1e-10
        rows = table_named(finding, "Irreducibles").rows
        table = character_table(group)
        assert tuple(row[2] for row in rows) == table.types
        wanted = [0, *table.dimensions[1:]]
        np.testing.assert_allclose([float(row[3]) for row in rows], wanted, atol=1e-9)


def test_trap_the_second_minimum_of_three_elements_is_told_by_its_identity(
    generator: torch.Generator,
) -> None:
    """B is a clean representation, and A_e no scalar: A itself is none."""
    group = parse("Z3")
    finding = read_kernel(optimum(group, generator), groups("Z3"))
    assert finding is not None
    assert finding.figures["distance of A_e from 1"] < 1e-10
    assert len(finding.notes) == 1
    model = Tokens(optimum(group, generator).matrices().detach() @ torch.diag(
        torch.polar(torch.ones(2), torch.tensor([0.5, -0.5])).to(torch.cdouble)
    ))  # fmt: skip
    finding = read_kernel(model, groups("Z3"))
    assert finding is not None
    assert finding.figures["distance of A_e from 1"] > 0.4
    assert "A_e is not near 1" in finding.notes[1]


def test_a_representation_with_a_kernel_shows_it(generator: torch.Generator) -> None:
    """The two-dimensional irreducible of S4 forgets the Klein four-group."""
    group = parse("S4")
    table = character_table(group)
    B = irreducibles(group)[2].matrices
    assert B.shape[-1] == 2
    read = kernel_and_centre(B, group)
    assert len(read.kernel.elements) == len(read.scalars.elements) == 4
    assert read.kernel.residual < 1e-12
    assert read.kernel.outside is not None
    assert read.kernel.outside > 1
    assert read.kernel.elements == exact_kernel(table, 2) == exact_scalars(table, 2)


@pytest.mark.parametrize("name", ["Q8", "D4", "Z6", "A4"])
def test_exact_kernels_and_scalars_are_those_of_the_matrices(name: str) -> None:
    group = parse(name)
    table = character_table(group)
    for row, rho in enumerate(irreducibles(group)):
        read = kernel_and_centre(rho.matrices, group)
        assert exact_kernel(table, row) == read.kernel.elements
        assert exact_scalars(table, row) == read.scalars.elements
        assert read.centre.elements == read.scalars.elements  # Schur's lemma


def test_the_proof_is_shown_of_the_answered_group(generator: torch.Generator) -> None:
    finding = read_margin_proof(optimum(parse("Z3"), generator), groups("Z3"))
    assert finding is not None
    assert finding.figures["other solutions of the real part"] == 2


def test_other_models_and_tasks_have_no_such_finding(generator: torch.Generator) -> None:
    rows = [[0, 1], [1, 1]]
    task = unknown_table(table=rows, share=0.5)
    assert read_kernel(Answers(torch.tensor(rows)), task) is None
    assert read_margin_proof(Answers(torch.tensor(rows)), task) is None
    noise = torch.randn(6, 5, 5, dtype=torch.cdouble, generator=generator)
    assert read_kernel(Tokens(noise), groups("S3")) is None
    assert read_operation(nn.Linear(30, 2), tables("breast_cancer")) is None
