"""At an optimum of the likelihood: one from every start for one process, several for another."""

import pytest
import torch

from interpretable_arch.maths.processes.distance import process_distance
from interpretable_arch.models.quantum_channel_likelihood import (
    QuantumChannelLikelihood,
    QuantumChannelLikelihoodConfig,
)
from training.data.hidden_process import Kind, hidden_process
from training.data.rows import Rows


def rows(kind: Kind = "two_states_four_symbols") -> tuple[torch.Tensor, torch.Tensor]:
    task = hidden_process(kind, 2, 4, rows=10, held_out_rows=1, length=300, burn_in=1)
    assert isinstance(task.train, Rows)
    return task.train.inputs, task.train.targets


def fitted(
    seed: int, d: int = 2, steps: int = 300, kind: Kind = "two_states_four_symbols"
) -> QuantumChannelLikelihood:
    torch.manual_seed(seed)
    config = QuantumChannelLikelihoodConfig(vocab=4, d=d, kraus=1, steps=steps)
    model = QuantumChannelLikelihood(config).double()
    model.fit_data((rows(kind),))
    return model


def test_two_starts_reach_one_channel(float64):
    first, second = fitted(0), fitted(1)
    values = [{"K": m.K.detach()} for m in (first, second)]
    symmetry = first.symmetry()
    assert first.certificate().holds
    assert second.certificate().holds
    assert process_distance(first.automaton(), second.automaton()) < 1e-6
    assert symmetry.distance(*values) < 1e-6
    forms = [symmetry.canonical(v)["K"] for v in values]
    torch.testing.assert_close(*forms, rtol=0, atol=1e-4)


def test_a_random_process_has_several_optima(float64):
    """Kept as a case that must fail: both starts converge, to different processes."""
    first, second = fitted(0, kind="quantum"), fitted(1, kind="quantum")
    assert first.certificate().holds
    assert second.certificate().holds
    assert process_distance(first.automaton(), second.automaton()) > 1e-2


def test_with_more_states_than_the_process_has_starts_end_apart(float64):
    """Kept as a case that must fail: too large a state leaves operators that no gauge joins."""
    values = [{"K": fitted(seed, d=3, steps=60).K.detach()} for seed in (0, 1)]
    symmetry = fitted(0, d=3, steps=1).symmetry()
    assert symmetry.distance(*values) > 0.1


def test_what_has_not_converged_says_so_with_its_gradient(float64):
    certificate = fitted(0, steps=2).certificate()
    assert not certificate.holds
    assert any(note.startswith("not converged: gradient ") for note in certificate.notes)


def test_before_any_fit_nothing_is_certified(float64):
    model = QuantumChannelLikelihood(QuantumChannelLikelihoodConfig(vocab=4))
    assert not model.certificate().holds


def test_a_step_after_the_fit_is_seen_and_a_gauge_copy_is_not_one(float64, generator):
    model = fitted(0)
    start = {"K": model.K.detach().clone()}
    symmetry = model.symmetry()
    model.load_state_dict({**model.state_dict(), **symmetry.act(symmetry.sample(generator), start)})
    assert model.certificate().holds
    model.load_state_dict({**model.state_dict(), **start})
    off = start["K"] + 1e-3 * torch.randn(start["K"].shape, generator=generator)
    model.load_state_dict({**model.state_dict(), **model.constrain({"K": off})})
    failed = [c.name for c in model.certificate().failed]
    assert failed == ["distance from where it was fitted"]


@pytest.mark.parametrize(("name", "number"), [("targets", -1), ("targets", 4), ("tokens", -1)])
def test_what_is_no_token_is_refused(float64, name, number):
    tokens, targets = (t.clone() for t in rows())
    {"tokens": tokens, "targets": targets}[name][0, 3] = number
    model = QuantumChannelLikelihood(QuantumChannelLikelihoodConfig(vocab=4))
    with pytest.raises(ValueError, match=f"{name}: wanted 0 to 3, got {number}"):
        model.fit_data(((tokens, targets),))


def test_the_burn_in_is_not_scored(float64):
    """Targets of -100 change what is fitted, and none at all are refused."""
    tokens, targets = rows()
    with pytest.raises(ValueError, match="wanted at least one token to score"):
        fitted(0, steps=1).fit_data(((tokens, torch.full_like(targets, -100)),))


def test_steps_below_one_are_refused():
    with pytest.raises(ValueError, match="steps"):
        QuantumChannelLikelihoodConfig(vocab=4, steps=0)
