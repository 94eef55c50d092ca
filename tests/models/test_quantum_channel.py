"""The quantum channel: every hidden Markov model in it, its gauge, its certificate, bad gauges."""

import numpy as np
import pytest
import torch

from interpretable_arch.maths.processes.channel_marks import gaps, undetermined
from interpretable_arch.maths.processes.distance import minimal_rank, process_distance
from interpretable_arch.models.quantum_channel import (
    EXAMPLES,
    QuantumChannel,
    QuantumChannelConfig,
)
from interpretable_arch.readings.channel_reading import product_formula, token_meanings

TRANSITION = [[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.0, 0.4, 0.6]]
EMISSION = [[0.7, 0.2, 0.1], [0.1, 0.0, 0.9], [0.3, 0.3, 0.4]]


def model(vocab: int = 4, d: int = 2, kraus: int = 1, seed: int = 0) -> QuantumChannel:
    torch.manual_seed(seed)
    return QuantumChannel(QuantumChannelConfig(vocab, d, kraus)).double()


def hidden_markov() -> QuantumChannel:
    return QuantumChannel.from_hmm(
        torch.tensor(TRANSITION, dtype=torch.float64), torch.tensor(EMISSION, dtype=torch.float64)
    )


def forward_algorithm(tokens: list[int]) -> torch.Tensor:
    """p(next | tokens so far) at every position, the slow and obvious way."""
    transition, emission = (torch.tensor(t, dtype=torch.float64) for t in (TRANSITION, EMISSION))
    belief, found = torch.linalg.matrix_power(transition, 4000)[0], []
    for token in tokens:
        belief = (belief * emission[:, token]) @ transition
        belief = belief / belief.sum()
        found.append(belief @ emission)
    return torch.stack(found)


def test_any_hidden_markov_model_is_one_exactly(generator):
    tokens = torch.randint(3, (2, 200), generator=generator)
    loaded = hidden_markov()
    for row, p in zip(tokens.tolist(), loaded(tokens).exp(), strict=True):
        torch.testing.assert_close(p, forward_algorithm(row), rtol=0, atol=1e-12)


def test_each_step_is_the_definition(float64, generator):
    """p(w) = tr sum K rho K*, rho' = that / p, with density matrices and nothing else."""
    channel = model(3, 3, 2)
    K, tokens = channel.kraus().detach(), torch.randint(3, (7,), generator=generator)
    rho = channel.density(tokens[None])[0]
    for i in range(6):
        after = torch.einsum("wiab,bc,widc->wad", K, rho[i], K.conj())
        p = torch.einsum("waa->w", after).real
        torch.testing.assert_close(channel(tokens[None])[0, i].exp(), p)
        torch.testing.assert_close(after[tokens[i + 1]] / p[tokens[i + 1]], rho[i + 1])
    entropy = channel.state_entropy(tokens[None])
    assert bool((entropy >= -1e-12).all() and (entropy <= np.log(3)).all())


def test_a_window_has_the_likelihood_it_has_within_the_text(float64):
    """The start is stationary: p(b) = sum over a of p(a b)."""
    r, S, t = model(3, 2, 2).automaton()
    alone = torch.einsum("i,wij,j->w", r, S, t)
    second = torch.einsum("i,vij,wjk,k->w", r, S, S, t)
    torch.testing.assert_close(alone, second)


def test_a_token_of_probability_zero_leaves_every_answer_finite(float64):
    transition, emission = torch.eye(2).flip(0), torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    loaded = QuantumChannel.from_hmm(0.5 * transition + 0.25, emission)
    log = loaded(torch.tensor([[0, 2, 1, 0]])).detach()
    assert bool(log.isfinite().all())
    torch.testing.assert_close(log.exp().sum(-1), torch.ones(1, 4))
    assert float(log[0, 0, 2]) < -500


@pytest.mark.parametrize("which", list(EXAMPLES))
def test_a_gauge_copy_is_the_same_process_and_another_seed_is_not(float64, generator, which):
    config = EXAMPLES[which]
    first, other = (model(config.vocab, config.d, config.kraus, s) for s in (0, 1))
    copy = model(config.vocab, config.d, config.kraus)
    element = first.symmetry().sample(generator)
    copy.load_state_dict(first.symmetry().act(element, dict(first.state_dict())))
    assert not torch.allclose(copy.K, first.K, atol=1e-2)
    assert process_distance(first.automaton(), copy.automaton()) < 1e-7
    assert process_distance(first.automaton(), other.automaton()) > 1e-2
    assert minimal_rank(first.automaton()) == config.d**2
    certificates = [m.certificate() for m in (first, copy)]
    assert all(c.holds and not c.notes for c in certificates)
    for a, b in zip(*(c.conditions for c in certificates), strict=True):
        assert a.name == b.name
        assert a.value == pytest.approx(b.value, abs=1e-8)


def test_the_canonical_form_is_what_it_says(float64, generator):
    channel = model(4, 3, 2)
    canonical = channel.symmetry().canonical(dict(channel.state_dict()))
    channel.load_state_dict(canonical)
    K = torch.view_as_complex(canonical["K"])
    r, _, _ = channel.automaton()
    assert float(r[3:].detach().abs().max()) < 1e-10  # the stationary state is diagonal
    assert bool((r[:2] > r[1:3]).all())
    gram = torch.einsum("wiab,wjab->wij", K, K.conj())
    assert float((gram - torch.diag_embed(gram.diagonal(dim1=1, dim2=2))).abs().max()) < 1e-10


def test_equal_stationary_eigenvalues_are_named(float64):
    """Two projective questions: the stationary state is 1/2, any basis is as good."""
    K = torch.zeros(4, 1, 2, 2, dtype=torch.complex128)
    K[0, 0, 0, 0] = K[1, 0, 1, 1] = 1
    K[2, 0], K[3, 0] = torch.full((2, 2), 0.5), torch.tensor([[0.5, -0.5], [-0.5, 0.5]])
    channel = model()
    channel.load_state_dict({"K": torch.view_as_real(K / 2**0.5)})
    certificate = channel.certificate()
    assert [c.name for c in certificate.failed] == [
        "smallest gap of stationary eigenvalues / largest"
    ]
    assert certificate.notes[0].startswith("stationary eigenvalues 0 and 1 are equal (0.5, 0.5)")
    assert channel.interpretation().notes == certificate.notes


def test_two_operators_of_equal_size_are_named(float64):
    """A flip and a sign at the same rate are a token of their own; the other token damps."""
    flip, sign = torch.eye(2).flip(0), torch.diag(torch.tensor([1.0, -1.0]))
    keep, fall = torch.diag(torch.tensor([1.0, 0.6**0.5])), torch.tensor([[0.0, 0.4**0.5], [0, 0]])
    K = torch.stack([0.5 * torch.stack([flip, sign]), 0.5**0.5 * torch.stack([keep, fall])])
    notes = undetermined(gaps(torch.complex(K, torch.zeros_like(K))))
    assert notes == ("the anchor of state 1 is zero, its phase is free", notes[1])
    assert notes[1] == "two operators of token 0 have equal sizes"


def test_a_classical_chain_leaves_phases_free_and_says_so():
    notes = hidden_markov().certificate().notes
    assert any("the anchor of state 1 is zero" in note for note in notes)


def test_with_as_many_operators_as_there_can_be_more_is_flat(float64):
    """kraus = d^2: the declared symmetry is a part only, as the docstring says."""
    channel = model(4, 2, 4)
    x = channel.example_inputs(60, torch.Generator().manual_seed(0))

    def seen(K: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(channel, channel.constrain({"K": K}), (x,)).flatten()

    def moved(K: torch.Tensor) -> torch.Tensor:
        return channel.constrain({"K": K})["K"].flatten()

    def rank(function) -> int:
        jacobian = torch.func.jacrev(function)(channel.K.detach()).flatten(1)
        values = torch.linalg.svdvals(jacobian)
        return int((values > 1e-9 * values[0]).sum())

    assert rank(moved) - rank(seen) > channel.symmetry().continuous_dimension


def test_meanings_of_a_token(float64):
    """A sharp question has one meaning, an unsharp one two."""
    K = torch.zeros(2, 1, 2, 2, dtype=torch.complex128)
    K[0, 0], K[1, 0] = torch.diag(torch.tensor([0.8**0.5, 0.2**0.5])), torch.zeros(2, 2)
    K[1, 0] = torch.diag(torch.tensor([0.2**0.5, 0.8**0.5]))
    probabilities, vectors = token_meanings(K)
    torch.testing.assert_close(probabilities[0], torch.tensor([0.8, 0.2]))
    torch.testing.assert_close(vectors[0].abs(), torch.eye(2))


def test_the_product_formula_runs_on_its_own(float64, generator):
    channel = model(4, 3, 2)
    formula = product_formula(channel.kraus().detach(), 3)
    S, r, E, t = (np.array(formula.constants[n]) for n in ("S", "r", "E", "t"))
    x = torch.randint(4, (6, 3), generator=generator)
    for row, wanted in zip(x.tolist(), channel(x)[:, -1].exp(), strict=True):
        product = r @ S[row[0]] @ S[row[1]] @ S[row[2]]
        torch.testing.assert_close(torch.tensor((product @ E / (product @ t))[0]), wanted)


def test_the_error_of_the_product_formula_is_measured(float64):
    channel = model(4, 3, 2).double()
    assert 0 < product_formula(channel.kraus().detach(), 3).error < 1e-12
    rounded = product_formula(channel.kraus().detach().to(torch.complex64), 3)
    assert 1e-9 < rounded.error < 1e-4
    never = torch.zeros(2, 1, 1, 1, dtype=torch.complex128)
    never[0] = 1
    assert product_formula(never, 3).error == 0


def test_the_retraction_comes_back_from_far(float64):
    channel = model(4, 2, 2)
    off = channel.K.detach() + 0.3 * torch.randn_like(channel.K)
    K = torch.view_as_complex(channel.constrain({"K": off})["K"]).flatten(0, 2)
    assert float((K.mH @ K - torch.eye(2)).abs().max()) < 1e-12


def test_a_chain_that_falls_apart_is_refused_and_one_that_goes_round_is_not(float64):
    """Which part the text is in is no part of the model; a cycle has one stationary law."""
    emission = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
    with pytest.raises(ValueError, match="transition: wanted one stationary law, got a chain with"):
        QuantumChannel.from_hmm(torch.eye(2), emission)
    near = torch.tensor([[1.0, 0.0], [1e-3, 1 - 1e-3]])
    for one in (torch.eye(2).flip(0), near):
        p = QuantumChannel.from_hmm(one, emission)(torch.tensor([[0, 1, 1, 0]])).exp()
        torch.testing.assert_close(p.sum(-1), torch.ones(1, 4))


def test_a_text_without_tokens_is_refused(float64):
    with pytest.raises(ValueError, match="tokens: wanted at least one position"):
        model()(torch.zeros(2, 0, dtype=torch.long))


def test_a_channel_that_hardly_mixes_is_not_certified(float64):
    """Almost two channels side by side: rounding would move the canonical form."""
    keep, turn = 1e-6, model().kraus().detach()
    blocks = torch.zeros(4, 1, 4, 4, dtype=torch.complex128)
    blocks[:, :, :2, :2], blocks[:, :, 2:, 2:] = turn, model(seed=1).kraus().detach()
    H = torch.linalg.qr(torch.randn(4, 4, dtype=torch.complex128)).R
    mixed = QuantumChannel(QuantumChannelConfig(4, 4, 1)).double()
    mixed.load_state_dict({"K": torch.view_as_real(blocks @ torch.matrix_exp(keep * (H - H.mH)))})
    failed = [c.name for c in mixed.certificate().failed]
    assert "spectral gap of the channel" in failed


def test_the_gap_that_is_certified_is_above_a_hundred_thousandth(float64):
    condition = model().certificate().conditions[0]
    assert (condition.name, condition.bound) == ("spectral gap of the channel", 1e-5)


def test_tables_of_integers_are_taken(float64):
    loaded = QuantumChannel.from_hmm(torch.tensor([[0, 1], [1, 0]]), torch.eye(2).long())
    p = loaded(torch.tensor([[0, 1, 0]])).exp()
    torch.testing.assert_close(p[0], torch.eye(2)[[1, 0, 1]])


@pytest.mark.parametrize("wrong", ["transition", "emission"])
@pytest.mark.parametrize("table", [torch.ones(2), torch.ones(0, 2), torch.full((2, 2), torch.nan)])
def test_tables_that_are_none_are_refused(wrong, table):
    given = {"transition": torch.full((2, 2), 0.5), "emission": torch.full((2, 2), 0.5)}
    with pytest.raises(ValueError, match=f"{wrong}: wanted"):
        QuantumChannel.from_hmm(**{**given, wrong: table})


@pytest.mark.parametrize("wrong", ["vocab", "d", "kraus"])
def test_sizes_below_one_are_refused(wrong):
    with pytest.raises(ValueError, match=wrong):
        QuantumChannelConfig(**{"vocab": 3, "d": 2, "kraus": 1, wrong: 0})
