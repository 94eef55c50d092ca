"""The sense tensor: exact on exact moments, and clear about where its theorem does not hold."""

import pytest
import torch

from interpretable_arch.models.latent_class_em import LatentClassEM, LatentClassEMConfig
from interpretable_arch.models.latent_classes import LatentClasses
from interpretable_arch.models.sense_tensor import SenseTensor, SenseTensorConfig
from interpretable_arch.symmetry import weights
from training.data.latent_classes import LatentClassTask, latent_classes

SIZES = {"vocab": 8, "classes": 3, "smoothing": 0.0}


def language(**changes) -> LatentClassTask:
    sizes = {"classes": 3, "vocabulary": 8, "draws": 6, "exact": True, "held_out": 200}
    return latent_classes(**{**sizes, **changes})


def fitted(task: LatentClassTask, **changes) -> SenseTensor:
    model = SenseTensor(SenseTensorConfig(**{**SIZES, **changes}))
    model.fit_data([(task.train.inputs, task.train.targets)])
    return model


def matched(model: LatentClasses, task: LatentClassTask) -> torch.Tensor:
    """p(c | left, w) of held-out places, classes in the language's order."""
    apart = torch.cdist(model.emission.softmax(-1).double(), task.language.words)
    found = model.posterior(task.held_out.inputs, task.held_out.targets).detach()
    return found[..., apart.argmin(0)]


def truth(task: LatentClassTask) -> torch.Tensor:
    return task.language.meaning(task.held_out.inputs, task.held_out.targets)


@pytest.mark.parametrize("seed", range(3))
def test_exact_counts_give_exact_posteriors(float64, seed):
    task = language(language_seed=seed)
    model = fitted(task)
    assert float((matched(model, task) - truth(task)).abs().max()) < 1e-9
    certificate = model.certificate()
    named = {c.name: c.value for c in certificate.conditions}
    assert named["mean commutator of tokens"] < 1e-12
    assert certificate.figures["negative share"] < 1e-12


def test_the_next_word_has_its_true_probability(float64):
    task = language()
    wanted = task.language.posterior(task.held_out.inputs) @ task.language.words
    found = fitted(task)(task.held_out.inputs).exp()
    torch.testing.assert_close(found, wanted, atol=1e-9, rtol=0)


def test_samples_come_close(float64):
    task = language(exact=False, sentences=40_000)
    gap = (matched(fitted(task), task) - truth(task)).abs()
    assert float(gap.mean()) < 0.01


def test_the_order_of_the_text_changes_nothing(float64):
    task = language()
    order = torch.randperm(len(task.train), generator=torch.Generator().manual_seed(0))
    first, second = fitted(task), SenseTensor(SenseTensorConfig(**SIZES))
    half = len(order) // 2
    second.fit_data([task.train.take(order[:half]), task.train.take(order[half:])])
    for name in ("prior", "emission"):
        one, other = (
            getattr(m, name).softmax(0 if name == "prior" else 1) for m in (first, second)
        )
        torch.testing.assert_close(one, other, atol=1e-10, rtol=0)


def test_two_classes_of_one_context_are_named(float64):
    """Classes 0 and 1 have different words and the same contexts: no algebra can part them."""
    sides = [[7, 2, 1], [7, 2, 1], [1, 2, 7]]
    rows = _triples(sides, [[8, 1, 1], [1, 8, 1], [1, 1, 8]])
    model = SenseTensor(SenseTensorConfig(vocab=3, classes=3))
    model.fit_data([(rows[:, :-1], rows[:, 1:])])
    certificate = model.certificate()
    assert not certificate.holds
    assert any("singular values of the contexts" in c.name for c in certificate.failed)
    assert "not unique" in certificate.notes[0]


def test_two_classes_of_the_same_words_are_named(float64):
    """Contexts differ and words do not: eigenvalues are equal, and the pair is named."""
    rows = _triples([[8, 1, 1], [1, 8, 1], [1, 1, 8]], [[2, 3, 5], [2, 3, 5], [8, 1, 1]])
    model = SenseTensor(SenseTensorConfig(vocab=3, classes=3, smoothing=0.0))
    model.fit_data([(rows[:, :-1], rows[:, 1:])])
    failed = [c.name for c in model.certificate().failed]
    emission = model.symmetry().canonical(weights(model))["emission"].softmax(-1)
    same = [i for i in range(3) if float(emission[i, 0]) < 0.5]
    name = f"smallest gap of eigenvalues p(w|c), of classes {same[0]} and {same[1]}, / largest"
    assert name in failed


def _triples(sides: list[list[int]], words: list[list[int]]) -> torch.Tensor:
    """Every (left, word, right) as often as expected, for tables in tenths."""
    rows = []
    for side, middle in zip(sides, words, strict=True):
        lists = [torch.arange(len(t)).repeat_interleave(torch.tensor(t)) for t in (side, middle)]
        rows.append(torch.cartesian_prod(lists[0], lists[1], lists[0]))
    return torch.cat(rows)


def two_classes(copies: int = 100) -> torch.Tensor:
    """Every triple of a language of two classes as often as expected: 2000 times `copies`."""
    rows = torch.cat([torch.cartesian_prod(*[torch.tensor(t)] * 3) for t in _TWO])
    return rows.repeat(copies, 1)


_TWO = ([0, 0, 0, 0, 0, 1, 1, 2, 2, 3], [2, 2, 3, 3, 3, 3, 1, 1, 0, 0])


@pytest.mark.parametrize("classes", [1, 2])
def test_classes_that_were_left_out_are_noticed(float64, classes):
    """Two classes fitted as one: what is left out is no noise."""
    model = SenseTensor(SenseTensorConfig(vocab=4, classes=classes, smoothing=0.0))
    rows = two_classes()
    model.fit_data([(rows[:, :-1], rows[:, 1:])])
    certificate = model.certificate()
    assert certificate.holds == (classes == 2), certificate
    failed = [c.name for c in certificate.failed]
    assert failed == ([_LEFT_OUT] if classes == 1 else [])
    assert any("trivial" in n for n in certificate.notes) == (classes == 1)


_LEFT_OUT = "singular value 2 of the contexts / largest, classes left out"


def test_one_class_of_one_class_is_certified_and_said_to_be_trivial(float64):
    rows = torch.cartesian_prod(*[torch.tensor(_TWO[0])] * 3)
    model = SenseTensor(SenseTensorConfig(vocab=4, classes=1, smoothing=0.0))
    model.fit_data([(rows[:, :-1], rows[:, 1:])])
    assert model.certificate().holds
    assert "trivial" in model.certificate().notes[0]


def test_a_class_made_of_noise_is_refused(float64):
    """Of 2000 drawn sentences of two classes a third singular value is there, and is noise."""
    every, generator = two_classes(1), torch.Generator().manual_seed(0)
    rows = every[torch.randint(len(every), (2000,), generator=generator)]
    model = SenseTensor(SenseTensorConfig(vocab=4, classes=3))
    model.fit_data([(rows[:, :-1], rows[:, 1:])])
    name = "smallest of 3 singular values of the contexts / largest"
    (found,) = [c for c in model.certificate().conditions if c.name == name]
    assert 1e-3 < found.value < found.bound == pytest.approx(2 * (4 / 2000) ** 0.5)
    assert not found.holds


@pytest.mark.parametrize("name", ["prior", "evidence", "emission"])
def test_tables_that_moved_since_the_fit_are_noticed(float64, name):
    model = fitted(language())
    assert model.certificate().holds
    with torch.no_grad():
        getattr(model, name)[0, 0] += 0.01
    (failed,) = model.certificate().failed
    assert failed.name == "tables moved since the fit"
    assert failed.value > 1e-3


def test_what_the_softmaxes_do_not_see_is_no_move(float64, generator):
    model = fitted(language())
    symmetry = model.symmetry()
    model.load_state_dict(symmetry.act(symmetry.sample(generator), weights(model)))
    moved = {c.name: c.value for c in model.certificate().conditions}["tables moved since the fit"]
    assert 0 < moved < 1e-12


def test_text_that_is_no_list_of_meanings_has_a_large_commutator(float64):
    """The right side depends on left and word together: x, w, x + w."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randint(5, (20_000, 2), generator=generator)
    rows = torch.cat([x, x.sum(1, keepdim=True) % 5], 1)
    model = SenseTensor(SenseTensorConfig(vocab=5, classes=4))
    model.fit_data([(rows[:, :-1], rows[:, 1:])])
    assert "mean commutator of tokens" in [c.name for c in model.certificate().failed]


def test_a_symbol_never_seen_keeps_a_positive_probability(float64):
    task = language()
    model = SenseTensor(SenseTensorConfig(**{**SIZES, "vocab": 9}))
    model.fit_data([(task.train.inputs, task.train.targets)])
    out = model(torch.tensor([[8, 1], [1, 8]]))
    assert out.isfinite().all()
    assert (out.exp()[..., 8] > 0).all()


def test_bad_input_is_refused():
    model = SenseTensor(SenseTensorConfig(**SIZES))
    with pytest.raises(ValueError, match="at least 3 tokens, got at most 2"):
        model.fit_data([(torch.tensor([[1]]), torch.tensor([[2]]))])
    with pytest.raises(ValueError, match="classes: wanted at most as many as contexts, 2, got 3"):
        model.fit_data([(torch.tensor([[1, 0, 1, 0]]), torch.tensor([[0, 1, 0, 1]]))])
    with pytest.raises(ValueError, match="at least 3 tokens, got at most 0"):
        model.fit_data([])
    with pytest.raises(ValueError, match="at least 3 tokens, got at most 0"):
        model.fit_data([(torch.zeros(0, 5).long(), torch.zeros(0, 5).long())])
    for wrong in (8, -1):
        tokens = torch.tensor([[1, 0, wrong, 0]])
        with pytest.raises(ValueError, match=f"symbols from 0 to 7, as vocab is 8, got {wrong}$"):
            model.fit_data([(tokens, tokens.roll(-1, 1))])
    with pytest.raises(ValueError, match="window: wants 2 or more, got 1"):
        SenseTensorConfig(vocab=3, window=1)
    with pytest.raises(ValueError, match="smoothing: wants a number from 0"):
        SenseTensorConfig(vocab=3, smoothing=1.0)


def test_before_a_fit_every_word_is_as_likely():
    model = SenseTensor(SenseTensorConfig(**SIZES))
    torch.testing.assert_close(model(torch.tensor([[1, 2]])).exp(), torch.full((1, 2, 8), 1 / 8))
    assert not model.fitted
    assert not model.certificate().holds


def test_the_window_is_what_a_model_sees(float64):
    model = SenseTensor(SenseTensorConfig(vocab=8, classes=3, window=3))
    for value in model.parameters():
        torch.nn.init.normal_(value, generator=torch.Generator().manual_seed(0))
    tokens = torch.tensor([[1, 2, 3, 4, 5], [7, 2, 3, 4, 5]])
    first, second = model.given(tokens)
    torch.testing.assert_close(first[3:], second[3:])
    assert not torch.allclose(first[2], second[2])
    scores = model.prior[:, 0] + model.evidence[:, [3, 4, 5]].sum(1)
    torch.testing.assert_close(first[4], scores.log_softmax(0))


def em(task: LatentClassTask, seed: int, steps: int = 400) -> LatentClassEM:
    torch.manual_seed(seed)
    model = LatentClassEM(LatentClassEMConfig(**SIZES, steps=steps))
    model.fit_data([(task.train.inputs, task.train.targets)])
    return model


def test_the_likelihood_never_falls_and_ends_near_the_algebra_at_best(float64):
    task = language()
    assert float(em(task, 0, 1).measured[0]) < float(em(task, 0, 20).measured[0])
    runs = [em(task, seed) for seed in range(4)]
    best = max(runs, key=lambda m: float(m.measured[0]))
    assert float((matched(best, task) - truth(task)).abs().max()) < 0.05


def test_no_theorem_no_certificate():
    assert not hasattr(LatentClassEM(LatentClassEMConfig(**SIZES)), "certificate")


def test_random_starts_of_the_likelihood_end_apart(float64):
    """Must be unequal after the same steps: the algebra has no start to depend on."""
    task = latent_classes(sentences=8000)
    sizes = {"vocab": 30, "classes": 5, "smoothing": 0.0}
    ends = []
    for seed in (0, 2, 3):
        torch.manual_seed(seed)
        model = LatentClassEM(LatentClassEMConfig(**sizes, steps=150))
        model.fit_data([(task.train.inputs, task.train.targets)])
        ends.append(float(model.measured[0]))
    assert max(ends) - min(ends) > 0.03, ends
