"""The closed form: no seed in it, near the planted process, positive odds, and said where not."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from interpretable_arch.maths.processes.automata import states_after
from interpretable_arch.maths.processes.distance import States, process_distance
from interpretable_arch.models.spectral_automaton import (
    SpectralAutomaton,
    SpectralAutomatonConfig,
    spectral_start,
)
from training.data import build_task
from training.data.hidden_process import planted
from training.data.observable_operators import ObservableOperators
from training.data.rows import Rows
from training.data_fit import data_batches

SEED = 1  # whose three states stand well above the noise
HMM = {
    "kind": "hmm",
    "states": 3,
    "symbols": 4,
    "rows": 8,
    "length": 2000,
    "burn_in": 200,
    "process_seed": SEED,
}


def batches(**options) -> list:
    return list(data_batches(build_task("hidden_process", {**HMM, **options}).train))


def states_of(process: ObservableOperators) -> States:
    """The planted process as start, operators and end."""
    start, operators, end = process.start, process.operators, process.end
    return torch.as_tensor(start), torch.as_tensor(operators), torch.as_tensor(end)


def fitted(found: list, seed: int = 0, vocab: int = 4, **options) -> SpectralAutomaton:
    torch.manual_seed(seed)
    config = {"longest": 4, "classes": 64, **options}
    model = SpectralAutomaton(SpectralAutomatonConfig(vocab, **config))
    model.fit_data(found)
    return model


def test_every_start_finds_the_same_numbers(float64) -> None:
    rows = batches()
    first, second = (fitted(rows, seed, states=3) for seed in (0, 1))
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])


def test_it_comes_near_the_planted_process_and_nearer_with_more_rows(float64) -> None:
    process = states_of(planted("hmm", 3, 4, process_seed=SEED))
    gaps = [
        process_distance(fitted(batches(rows=n), states=3).automaton(), process) for n in (2, 32)
    ]
    assert gaps[1] < gaps[0] / 2
    assert gaps[1] < 0.02


@pytest.mark.parametrize("kind", ["hmm", "two_states_four_symbols"])
def test_the_planted_number_of_states_is_chosen_and_the_loss_is_near_the_truth(
    float64, kind
) -> None:
    task = build_task("hidden_process", {**HMM, "kind": kind, "rows": 16})
    model = fitted(list(data_batches(task.train)))
    assert model.states == 3
    assert isinstance(task.held_out, Rows)
    assert task.held_out.truth is not None
    found = model(task.held_out.inputs)
    loss = cross_entropy(found.flatten(0, 1), task.held_out.targets.flatten())
    assert float(loss.detach()) < task.held_out.truth + 0.005


def test_states_below_the_noise_are_missed(float64) -> None:
    """Must fail to find them: three states are planted, their correlations are .05 at most."""
    model = fitted(batches(process_seed=2))
    assert model.states < 3
    assert float(model.correlations[1]) < float(model.noise[0])


def test_windows_and_whole_rows_give_one_automaton(float64) -> None:
    whole, windows = fitted(batches()), fitted(batches(context=50))
    gap = process_distance(whole.automaton(), windows.automaton())
    assert gap < 1e-9


def test_before_the_fit_the_answer_is_uniform(float64) -> None:
    model = SpectralAutomaton(SpectralAutomatonConfig(5))
    found = model(torch.tensor([[0, 4, 2]]))
    torch.testing.assert_close(found, torch.full((1, 3, 5), -math.log(5)))
    assert not model.certificate().holds


def test_a_run_is_loaded_with_the_shapes_that_the_data_gave(float64) -> None:
    model = fitted(batches())
    loaded = SpectralAutomaton(SpectralAutomatonConfig(4))
    loaded.load_state_dict(model.state_dict())
    tokens = torch.randint(4, (3, 9))
    torch.testing.assert_close(loaded(tokens), model(tokens), rtol=0, atol=0)
    assert loaded.certificate().holds
    assert next(iter(loaded.parameters())) is loaded.start


def test_negative_odds_are_raised_and_the_rest_is_what_it_was(float64) -> None:
    """The published process forbids symbols: its estimate says less than nothing of some."""
    rows = batches(kind="two_states_four_symbols")
    model = fitted(rows)
    tokens = rows[0][0][:2]
    raw, log_odds = model.raw_odds(tokens), model(tokens)
    assert (raw < 0).any()
    assert log_odds.isfinite().all()
    torch.testing.assert_close(log_odds.exp().sum(-1), torch.ones(raw.shape[:-1]))
    torch.testing.assert_close(raw.sum(-1), torch.ones(raw.shape[:-1]))
    parts = model.decompose(tokens)
    assert (parts["floor"].value() != 0).any()
    torch.testing.assert_close(parts.total(), log_odds.exp())


def test_a_symbol_never_seen_stays_possible(float64) -> None:
    model = fitted(batches(), vocab=6)
    found = model(torch.tensor([[0, 5, 5, 1, 0, 2]]))
    assert found.isfinite().all()
    assert (found.exp() > 0).all()


def test_bad_rows_and_sizes_are_named() -> None:
    short = [(torch.zeros(2, 7, dtype=torch.long), torch.zeros(2, 7, dtype=torch.long))]
    with pytest.raises(
        ValueError, match="one row of at least 10 symbols has, got rows of at most 8"
    ):
        fitted(short)
    with pytest.raises(ValueError, match="the rank of the Hankel matrix, got 70"):
        fitted(batches(), states=70)
    for options, message in (
        ({"vocab": 1}, "vocab: wanted 2 or more"),
        ({"vocab": 4, "floor": 1.0}, "floor: wanted"),
        ({"vocab": 500}, "classes: wanted at least one for each of 500 tokens, got 256"),
        ({"vocab": 4, "states": 0}, "states"),
    ):
        with pytest.raises(ValueError, match=message):
            SpectralAutomatonConfig(**options)


def test_the_start_for_other_models_is_the_fitted_automaton(float64) -> None:
    rows = batches()
    start, operators, end = spectral_start(rows, 4, longest=4, classes=64)
    model = fitted(rows)
    assert process_distance((start, operators, end), model.automaton()) < 1e-12
    other = SpectralAutomaton(SpectralAutomatonConfig(4))
    other.take((start, operators, end))
    tokens = torch.tensor([[0, 1, 2]])
    torch.testing.assert_close(
        states_after(other.automaton(), tokens), states_after(model.automaton(), tokens)
    )


def test_the_certificate_holds_and_names_what_fails(float64) -> None:
    good = fitted(batches()).certificate()
    assert good.holds, [str(c) for c in good.failed]
    assert good.figures["states above the noise"] == 3
    # More states than the process has: what is kept last is noise, but it is kept the same way.
    exact = SpectralAutomaton(SpectralAutomatonConfig(4, states=4))
    exact.take(states_of(planted("two_states_four_symbols")))
    found = exact.certificate()
    assert not found.holds
    assert any("equal Hankel singular values" in note for note in found.notes)
    assert any("never reached" in note for note in found.notes)


def test_gradient_steps_may_follow_the_fit(float64) -> None:
    rows = batches()
    model = fitted(rows)
    inputs, targets = rows[0][0][:, :200], rows[0][1][:, :200]
    loss = cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_after_a_symbol_never_seen_prediction_goes_on(float64) -> None:
    model = fitted(batches(), vocab=6)
    after = torch.tensor([[1, 0, 2, 2]])
    lost = torch.tensor([[0, 3, 5]])
    found = model(torch.cat([lost, after], 1))[:, 3:]
    torch.testing.assert_close(found, model(after))
    assert float((found[0, 0] - model(lost)[0, -1]).detach().abs().max()) > 0.01


def test_the_certificate_fails_once_the_model_has_moved(float64) -> None:
    model = fitted(batches())
    turned = fitted(batches())
    values = {n: p.detach() for n, p in model.named_parameters()}
    moved = model.symmetry().sample(torch.Generator().manual_seed(0))
    turned.load_state_dict({**turned.state_dict(), **model.symmetry().act(moved, values)})
    assert turned.certificate().holds
    with torch.no_grad():
        model.operators.add_(1e-4 * torch.randn_like(model.operators))
    assert [c.name for c in model.certificate().failed] == ["process moved since the fit"]
    model.take((torch.ones(1), torch.full((4, 1, 1), 0.25), torch.ones(1)))
    assert "process moved since the fit" in [c.name for c in model.certificate().failed]


def test_states_that_are_noise_are_not_certified(float64) -> None:
    """Must fail: independent symbols have one state, six are asked for."""
    rows = torch.randint(4, (8, 2000), generator=torch.Generator().manual_seed(4))
    found = fitted([(rows[:, :-1], rows[:, 1:])], states=6).certificate()
    failed = [c.name for c in found.failed]
    assert failed == ["last correlation kept less the edge of the noise"]
    assert fitted([(rows[:, :-1], rows[:, 1:])]).certificate().holds


def test_the_most_states_allowed_are_named_where_they_are_taken(float64) -> None:
    rows = batches()
    for most, noted in ((2, True), (8, False)):
        model = fitted(rows, most_states=most)
        for notes in (model.certificate().notes, model.interpretation().notes):
            assert any("the most that `most_states` allows" in n for n in notes) == noted
    given = fitted(rows, most_states=2, states=2)
    assert not any("most_states" in n for n in given.certificate().notes)


def test_tokens_out_of_the_vocab_and_empty_rows_are_named() -> None:
    row = torch.randint(4, (1, 60), generator=torch.Generator().manual_seed(4))
    row[0, 30] = 24
    with pytest.raises(ValueError, match=r"wanted 0 to 14 \(vocab 15\), got 24"):
        fitted([(row[:, :-1], row[:, 1:])], vocab=15)
    for empty in ([], [(row[:0], row[:0])]):
        with pytest.raises(ValueError, match="rows: wanted sequences of tokens"):
            fitted(empty)
