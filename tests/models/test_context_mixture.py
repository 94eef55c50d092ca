"""The context mixture: one optimum, bad input, equal paths, loading, and what it predicts."""

import io
import math

import pytest
import torch
from torch.nn import functional as F

from interpretable_arch.hooks import record
from interpretable_arch.layers.written_out import write_out
from interpretable_arch.maths.contexts.gated_logits import fit_gates
from interpretable_arch.models import context_mixture
from interpretable_arch.models.context_mixture import (
    ContextMixture,
    ContextMixtureConfig,
    longest_alone,
)

VOCAB, ORDER = 5, 3


def markov(length: int, seed: int = 0) -> torch.Tensor:
    """A text in which a symbol mostly follows from the two before it."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.randint(VOCAB - 1, (VOCAB, VOCAB), generator=torch.Generator().manual_seed(9))
    text = [0, 1]
    for noise in torch.rand(length - 2, generator=generator).tolist():
        text.append(
            int(table[text[-2], text[-1]]) if noise < 0.8 else int(noise * 1e6) % (VOCAB - 1)
        )
    return torch.tensor(text)


def batches(*texts: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(t[None, :-1], t[None, 1:]) for t in texts]


def built(seed: int = 0, **arguments) -> ContextMixture:
    torch.manual_seed(seed)
    config = {"vocab": VOCAB, "order": ORDER, "parts": 4, "folds": 4, "block": 25, "l2": 1e-3}
    return ContextMixture(ContextMixtureConfig(**{**config, **arguments}))


def fitted(seed: int = 0, **arguments) -> ContextMixture:
    model = built(seed, **arguments)
    model.fit_data(batches(markov(1500)))
    return model


def nats(model: ContextMixture, text: torch.Tensor) -> float:
    return float(F.cross_entropy(model(text[None, :-1])[0], text[1:]))


def test_twenty_random_starts_end_at_one_alpha():
    found = torch.stack([fitted(seed, std=2.0).alpha.detach() for seed in range(20)])
    assert float((found - found[0]).abs().max()) <= 1e-6
    starts = torch.stack([built(seed, std=2.0).alpha.detach() for seed in range(20)])
    assert float(starts.std(0).min()) > 0.5


def test_the_mixture_finds_the_order_of_the_text():
    """The text's own order is 2: the mixture is near it and better than the longest alone."""
    model, text = fitted().requires_grad_(False), markov(800, seed=5)
    contexts = [c.flatten() for c in model.tables.contexts(text[None, :-1])]
    alone = [float(F.nll_loss(f, text[1:])) for f in model.tables.log_p(contexts)]
    assert min(alone) == alone[2]
    assert nats(model, text) < alone[2] + 0.01
    assert nats(model, text) < alone[3] < alone[1] < alone[0]


def test_before_its_fit_it_answers_uniformly():
    p = built()(torch.tensor([[0, 3, 4], [1, 1, 2]])).softmax(-1)
    torch.testing.assert_close(p, torch.full((2, 3, VOCAB), 1 / VOCAB))
    assert not built().certificate().holds


def test_a_symbol_never_seen_keeps_positive_probability():
    model = fitted().requires_grad_(False)
    text = torch.tensor([[0, 1, VOCAB - 1, 2, VOCAB - 1, VOCAB - 1, 3]])
    p = model(text).softmax(-1)
    assert bool((p > 0).all())
    assert bool(p.isfinite().all())
    assert float(p[..., VOCAB - 1].max()) < 0.2


@pytest.mark.parametrize("length", [2, ORDER + 1])
def test_a_text_shorter_than_the_order_is_refused_with_both_lengths(length):
    wanted = f"text: wanted at least order \\+ 2 = {ORDER + 2} symbols, got {length}"
    with pytest.raises(ValueError, match=wanted):
        built().fit_data(batches(markov(length)))
    with pytest.raises(ValueError, match="got 0"):
        built().fit_data([])


def test_stopping_too_early_is_said_with_the_gradient_norm():
    model = built(std=3.0, steps=1)
    model.fit_data(batches(markov(400)))
    certificate = model.certificate()
    assert not certificate.holds
    (failed,) = certificate.failed
    assert failed.name == "gradient norm"
    assert failed.value > 1e-6


def test_the_certificate_holds_until_alpha_is_moved():
    model = fitted()
    certificate = model.certificate()
    assert certificate.holds
    values = {c.name: c.value for c in certificate.conditions}
    assert values["gradient norm"] <= 1e-8
    assert values["places fitted on"] == 1500 - ORDER
    figures = certificate.figures
    assert figures["least curvature"] >= 0.99e-3
    assert figures["least curvature without l2"] > 0
    with torch.no_grad():
        model.alpha[0] += 0.01
    assert [c.name for c in model.certificate().failed] == ["alpha moved since the fit"]


def test_the_gradient_of_the_text_kept_aside_vanishes_at_the_optimum(float64):
    """With one fold, the certificate's loss and gradient are those of forward on these places."""
    model = built(folds=1)
    text = markov(600)
    model.fit_data(batches(text))
    alpha = model.alpha.detach().clone()
    pieces = model.kept_aside([text])
    weights = model.weights()
    places = sum(len(gate) for _, gate, _ in pieces)
    total = sum(
        F.cross_entropy((weights[g][..., None] * f.double()).sum(1), y, reduction="sum")
        for f, g, y in pieces
    )
    prior = longest_alone(model.speaks)[model.speaks]
    loss = total / places + 1e-3 / 2 * (model.alpha - prior).square().sum()
    (gradient,) = torch.autograd.grad(loss, model.alpha)
    assert float(gradient.norm()) <= 1e-8
    torch.testing.assert_close(alpha, model.fitted_alpha)
    assert float(loss.detach()) == pytest.approx(
        model.certificate().figures["loss on text kept aside, nats"]
    )


@pytest.mark.parametrize("smoothing", ["kneser_ney", "witten_bell"])
def test_both_paths_give_the_same(smoothing):
    model, x = fitted(smoothing=smoothing), markov(60, seed=3).view(3, 20)
    fast = model(x)
    write_out(model, True)
    torch.testing.assert_close(model(x), fast)


def test_an_answer_depends_on_no_batch_mate_and_on_no_more_than_the_order():
    model, text = fitted(), markov(50, seed=4)
    torch.testing.assert_close(
        model(text[None, 20:])[:, ORDER:], model(text[None])[:, 20 + ORDER :]
    )


def test_a_saved_run_loads_with_its_text_alone():
    model, x = fitted(), markov(40, seed=6)[None]
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    assert model.state_dict()["tables.text"].dtype == torch.uint8
    assert sum(v.numel() for v in model.state_dict().values()) < 1500 + 300
    other = built(seed=1)
    other.load_state_dict(torch.load(file))
    torch.testing.assert_close(other(x), model(x))
    assert other.certificate() == model.certificate()


def test_texts_apart_are_not_joined():
    model = built(order=2, folds=1)
    model.fit_data(batches(torch.tensor([0, 1] * 30), torch.tensor([2, 3] * 30)))
    contexts = model.tables.contexts(torch.tensor([[1, 2], [0, 1], [3, 2]]))
    assert (contexts[2][:, 1] >= 0).tolist() == [False, True, True]


def test_the_gate_is_the_longest_context_and_how_often_it_was_seen():
    model = built(order=2, buckets=(1, 2), folds=1)
    model.fit_data(batches(torch.tensor([0, 1, 2] * 4 + [3, 1, 0])))
    _, state = record(model, torch.tensor([[0, 1], [3, 1], [0, 0], [4, 4]]), ["hook_gate"])
    lengths, buckets = state["hook_gate"][:, 1] // 3, state["hook_gate"][:, 1] % 3
    assert lengths.tolist() == [2, 2, 1, 0]
    assert buckets.tolist() == [2, 0, 2, 2]  # 01 four times, 31 once, 0 four times, all symbols


@pytest.mark.parametrize("length", [ORDER + 2, ORDER + 3])
def test_without_a_place_to_fit_on_nothing_is_certified(length):
    model = built(folds=1, parts=20)
    model.fit_data(batches(markov(length)))
    certificate = model.certificate()
    assert [c.name for c in certificate.failed] == ["places fitted on"]
    assert certificate.notes[0].startswith("20 of 20 gates had no place")
    assert math.isnan(certificate.figures["least curvature without l2"])
    torch.testing.assert_close(model.weights().double(), longest_alone(model.speaks))


def test_gates_without_a_place_are_counted_in_a_note():
    model = fitted()
    idle = model.places == 0
    assert 0 < int(idle.sum()) < len(idle)
    (note,) = model.certificate().notes
    assert note.startswith(f"{int(idle.sum())} of {len(idle)} gates had no place")
    torch.testing.assert_close(
        model.weights()[idle].double(), longest_alone(model.speaks)[idle], rtol=0, atol=1e-6
    )


def test_every_row_of_every_batch_is_a_text():
    text = markov(900)
    rows = text.view(3, 300)
    together, apart = built(), built()
    together.fit_data([(rows[:, :-1], rows[:, 1:])])
    apart.fit_data(batches(*rows))
    assert together.tables.lengths.tolist() == [300, 300, 300]
    assert torch.equal(together.tables.text.long(), text)
    torch.testing.assert_close(together.alpha, apart.alpha)


def test_what_is_not_scored_is_not_learned():
    tokens = torch.tensor([[0, 1] * 30 + [2, 3] * 30])
    after = torch.cat([tokens[:, 1:], torch.tensor([[-100]])], 1)
    after[0, 59] = -100
    model = built(order=2, folds=1)
    model.fit_data([(tokens, after)])
    assert model.tables.lengths.tolist() == [60, 60]
    contexts = model.tables.contexts(torch.tensor([[1, 2], [0, 1]]))
    assert (contexts[2][:, 1] >= 0).tolist() == [False, True]


@pytest.mark.parametrize("outside", [-1, VOCAB, 300])
def test_a_symbol_outside_the_vocabulary_is_refused_and_answered_as_never_seen(outside):
    text = markov(100)
    text[40] = outside
    wanted = f"symbols from 0 to {VOCAB - 1}, as vocab is {VOCAB}, got {outside}"
    with pytest.raises(ValueError, match=wanted):
        built().fit_data(batches(text))
    model = fitted()
    never = model(torch.tensor([[0, 1, VOCAB - 1]]))[0, -1]  # the symbol that markov never draws
    torch.testing.assert_close(model(torch.tensor([[0, 1, outside]]))[0, -1], never)


@pytest.mark.parametrize("folds", [1, 4])
def test_at_most_so_many_places_are_fitted_on_spread_over_the_text(folds):
    text = markov(1500)
    whole = sum(len(g) for _, g, _ in built(folds=folds).kept_aside([text]))
    for places in (1, 7, 60):
        pieces = built(folds=folds, places=places).kept_aside([text])
        found = sum(len(g) for _, g, _ in pieces)
        assert places / 2 <= found <= places < whole


def test_the_steps_of_both_fits_are_counted(monkeypatch):
    taken = []

    def counting(*arguments):
        taken.append(fit_gates(*arguments))
        return taken[-1]

    monkeypatch.setattr(context_mixture, "fit_gates", counting)
    model = fitted(std=2.0)
    first, second = (t.steps for t in taken)
    assert first > 0
    assert model.certificate().figures["Newton steps"] == first + second


@pytest.mark.parametrize("smoothing", ["kneser_ney", "witten_bell"])
def test_one_symbol_alone_is_text_too(smoothing):
    for vocab in (1, VOCAB):
        model = built(vocab=vocab, smoothing=smoothing)
        model.fit_data(batches(torch.zeros(60, dtype=torch.long)))
        x = torch.zeros(2, 5, dtype=torch.long)
        p = model(x).softmax(-1).detach()
        assert float(p[:, ORDER:, 0].min()) > 0.9
        assert model.certificate().holds
        assert model.interpretation().features
        torch.testing.assert_close(model.decompose(x).total(), model(x))
    with pytest.raises(ValueError, match="symbols, got 1"):
        built(vocab=1).fit_data([(torch.tensor([[0]]), torch.tensor([[-100]]))])
    alone = built(vocab=1)
    alone.fit_data(alone.example_batches())


@pytest.mark.parametrize(
    ("argument", "value"),
    [("order", 0), ("parts", 1), ("l2", 0.0), ("buckets", (3, 1)), ("places", 0), ("folds", 0)],
)
def test_a_setting_out_of_range_is_named(argument, value):
    with pytest.raises(ValueError, match=argument):
        built(**{argument: value})


def test_a_model_of_doubles_counts_in_doubles():
    model = built().double()
    model.fit_data(batches(markov(200)))
    assert {f.dtype for f in model.tables.log_p([torch.zeros(2).long()] * (ORDER + 1))} == {
        torch.float64
    }
    other = built(seed=3).double()
    other.load_state_dict(model.state_dict())
    x = markov(30)[None]
    torch.testing.assert_close(other(x), model(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("smoothing", "least"), [("kneser_ney", -15), ("witten_bell", -80)])
def test_what_many_sure_contexts_leave_stays_positive_in_single_precision(smoothing, least):
    model = built(order=12, folds=1, smoothing=smoothing)
    text = torch.tensor([0, 1] * 20_000)
    model.fit_data(batches(text))
    contexts = [c[:, -1] for c in model.tables.contexts(text[None, :30])]
    log_p = torch.stack(list(model.tables.log_p(contexts)))
    assert float(log_p.min()) < least
    assert bool(log_p.isfinite().all())
    assert bool(model(text[None, :30]).isfinite().all())
    assert model.certificate().holds
