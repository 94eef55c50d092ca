"""A core under a remainder: what is summed, held, penalised and promised."""

import copy
import math
import sys
from collections.abc import Sequence
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from interpretable_arch.certificate import Certificate, Condition
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.interpretation import Feature, Interpretation
from interpretable_arch.models.core_remainder import (
    CoreRemainder,
    CoreRemainderConfig,
    centred,
    share,
)
from interpretable_arch.symmetry import Symmetry
from training.objective import Measure, Objective

VOCAB, CONTEXT = 5, 6
TRANSFORMER = {"d_model": 8, "layers": 1, "heads": 2, "std": 0.3}


class Bigrams(nn.Module):
    """ln p(next | last), by counting with one added to each; `weight` is there to be held."""

    causal = True

    def __init__(self, vocab: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.register_buffer("log_p", torch.full((vocab, vocab), -math.log(vocab)))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.weight * self.log_p[tokens]

    def fit_data(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        counts = torch.ones_like(self.log_p)
        for tokens, targets in batches:
            flat = tokens.flatten() * len(counts) + targets.flatten()
            counts += torch.bincount(flat, minlength=counts.numel()).view_as(counts)
        self.log_p.copy_((counts / counts.sum(1, keepdim=True)).log())
        assert self.weight.requires_grad

    def decompose(self, tokens: Tensor) -> Decomposition:
        eye = torch.eye(self.log_p.shape[0], dtype=self.log_p.dtype)
        parts = (Component("bigram", self(tokens), eye),)
        return Decomposition(parts, Exactness.unconditional(), "log-probability")

    def symmetry(self) -> Symmetry:
        return Symmetry(())

    def interpretation(self) -> Interpretation:
        return Interpretation("counts", (Feature("weight", float(self.weight), "of all counts"),))

    def certificate(self) -> Certificate:
        return Certificate("counts are unique", (Condition("places", 9.0, "above", 0.0),))


class Silent(Bigrams):
    """A core that says nothing of itself: one part, and no certificate."""

    decompose = None
    certificate = None

    def __getattribute__(self, name: str) -> object:
        if name in ("decompose", "certificate"):
            raise AttributeError(name)
        return super().__getattribute__(name)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    module = ModuleType("stand_in")
    module.Bigrams, module.Silent = Bigrams, Silent
    monkeypatch.setitem(sys.modules, "stand_in", module)


def built(core: str = "stand_in.Bigrams", window: int = CONTEXT, **options: float) -> CoreRemainder:
    torch.manual_seed(0)
    remainder = {"class_path": "transformer", "init_args": TRANSFORMER}
    config = CoreRemainderConfig(VOCAB, CONTEXT, {"class_path": core}, remainder, **options)
    return CoreRemainder(config).to(torch.get_default_dtype())


def text(count: int = 4001) -> Tensor:
    """A text in which the token before the last tells more than the last: bigrams fall short."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(VOCAB, (count,), generator=generator)
    found = [0, 1]
    for draw in noise.tolist()[2:]:
        found.append((2 * found[-2] + 1) % VOCAB if draw else found[-1])
    return torch.tensor(found)


def batches(tokens: Tensor) -> list[tuple[Tensor, Tensor]]:
    return [(tokens[None, :-1], tokens[None, 1:])]


def windows(tokens: Tensor, step: int, count: int = 32) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(step)
    starts = torch.randint(len(tokens) - CONTEXT - 1, (count, 1), generator=generator)
    at = starts + torch.arange(CONTEXT)
    return tokens[at], tokens[at + 1]


@torch.no_grad()
def test_the_logits_are_the_core_and_the_scaled_remainder(float64):
    model = built(scale=0.3)
    model.fit_data(batches(text()))
    x = windows(text(), 0)[0]
    torch.testing.assert_close(model(x), model.core(x) + 0.3 * model.remainder(x))
    parts = model.decompose(x)
    assert parts.relative_error(model(x)) < 1e-12
    assert parts.names[0] == "core.bigram"
    assert "remainder.blocks.0.mlp" in parts.names
    assert {n.partition(".")[0] for n in parts.state} == {"remainder"}


@torch.no_grad()
def test_the_promise_is_a_remainder_with_its_share(float64):
    model = built()
    model.fit_data(batches(text()))
    x = windows(text(), 0)[0]
    promise = model.decompose(x).exactness
    core, remainder = (centred(part).flatten() for part in model.both(x))
    c, r = math.sqrt(float(core @ core)), math.sqrt(float(remainder @ remainder))
    assert promise.tier == "remainder"
    assert promise.set_by == ("remainder",)
    assert promise.share == pytest.approx(r / (c + r), rel=1e-12)


def test_the_share_by_hand():
    core, remainder = torch.tensor([[3.0, -3.0]]), torch.tensor([[11.0, 9.0]])
    assert share(core, remainder) == pytest.approx(0.25)
    assert share(core, torch.full((1, 2), 7.0)) == 0.0
    assert share(torch.zeros(1, 2), torch.zeros(1, 2)) == 0.0


def loss_of(model: CoreRemainder, x: Tensor, y: Tensor) -> Tensor:
    """What training minimises."""
    return Objective(model)(x, y)[0]


def test_the_penalty_by_hand(float64):
    plain, kept_small = built(), built(penalty=0.7)
    x, y = windows(text(), 0)
    remainder = (0.1 * plain.remainder(x)).detach()
    rows = [row - row.mean() for row in remainder.flatten(0, 1)]
    square = sum(float((row * row).sum()) for row in rows) / remainder.numel()
    gap = float((loss_of(kept_small, x, y) - loss_of(plain, x, y)).detach())
    assert gap == pytest.approx(0.7 * square, rel=1e-10)


@torch.no_grad()
def test_evaluation_leaves_the_penalty_out(float64):
    model, plain = built(penalty=3.0), built()
    x, y = windows(text(), 0)
    measured = [float(Measure(m.eval())(x, y)[0]) for m in (model, plain)]
    assert measured[0] == pytest.approx(measured[1], rel=1e-12)
    assert measured[0] == pytest.approx(float(loss_of(plain, x, y)), rel=1e-12)


@torch.no_grad()
def test_targets_left_out_do_not_count(float64):
    model = built()
    x, y = windows(text(), 0)
    left_out = y.clone()
    left_out[:, :3] = -100
    wanted = torch.nn.functional.cross_entropy(model(x)[:, 3:].flatten(0, 1), y[:, 3:].flatten())
    torch.testing.assert_close(loss_of(model, x, left_out), wanted)


def test_the_penalty_is_handed_over_once_and_only_in_training(float64):
    model, x = built(penalty=3.0), windows(text(), 0)[0]
    model(x)
    assert copy.deepcopy(model).penalty() is None
    assert float(model.penalty().detach()) > 0
    assert model.penalty() is None
    with torch.no_grad():
        model(x)
    assert model.penalty() is None
    model.eval()(x)
    assert model.penalty() is None


def test_the_core_is_fitted_once_and_held(float64):
    model = built()
    before = {n: p.clone() for n, p in model.remainder.named_parameters()}
    model.fit_data(batches(text()))
    assert all(torch.equal(p, before[n]) for n, p in model.remainder.named_parameters())
    assert not any(p.requires_grad for p in model.core.parameters())
    table = model.core.log_p.clone()
    trained(model, 20)
    assert torch.equal(model.core.log_p, table)
    assert float(model.core.weight) == 1.0
    assert any(not torch.equal(p, before[n]) for n, p in model.remainder.named_parameters())


def trained(model: CoreRemainder, steps: int = 250) -> CoreRemainder:
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=1e-2)
    for step in range(steps):
        optimizer.zero_grad()
        loss_of(model, *windows(text(), step)).backward()
        optimizer.step()
    return model


def test_training_starts_at_the_cores_loss_and_falls_below(float64):
    model = built()
    model.fit_data(batches(text()))
    x, y = windows(text(), 999, 400)
    core = float(torch.nn.functional.cross_entropy(model.core(x).flatten(0, 1), y.flatten()))
    assert float(loss_of(model, x, y).detach()) == pytest.approx(core, abs=0.01)
    assert float(loss_of(trained(model), x, y).detach()) < core - 0.2


def test_a_larger_penalty_keeps_the_remainder_smaller(float64):
    x = windows(text(), 999, 400)[0]
    shares = []
    for penalty in (0.0, 0.05, 1.0):
        model = built(penalty=penalty)
        model.fit_data(batches(text()))
        shares.append(trained(model, 150).decompose(x).exactness.share)
    assert shares[0] > 1.1 * shares[1] > 1.1**2 * shares[2]


def test_a_core_without_parts_is_one_part(float64):
    model = built("stand_in.Silent")
    x = windows(text(), 0)[0]
    parts = model.decompose(x)
    assert parts.names[0] == "core"
    assert parts.relative_error(model(x)) < 1e-12


def test_what_is_read_is_that_of_both(float64):
    model = built()
    read = model.interpretation()
    assert read.label.startswith("counts; ")
    assert read.features[0].name == "core: weight"
    assert all(f.name.startswith(("core: ", "remainder: ")) for f in read.features)
    names = {f.name for f in model.symmetry().factors}
    assert names
    assert all(n.startswith("remainder.") for n in names)


def test_the_certificate_is_the_cores_and_says_so():
    found = built().certificate()
    assert found.holds
    assert found.unique == "the core alone: counts are unique"
    assert "seeds of it may differ" in found.notes[-1]
    nothing = built("stand_in.Silent").certificate()
    assert not nothing.holds
    assert "stand_in.Silent gives no certificate" in nothing.unique


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"penalty": -1.0}, "penalty: wanted 0 or more, got -1"),
        ({"scale": 0.0}, "scale: wanted a number above 0, got 0"),
        ({"core": {"class": "x"}}, "core: wanted a mapping of class_path"),
        ({"core": {"class_path": "transformer"}}, "core: wanted a model with fit_data, got tr"),
        ({"penalty": float("nan")}, "penalty"),
        ({"penalty": float("inf")}, "penalty"),
        ({"scale": float("nan")}, "scale"),
        ({"scale": float("inf")}, "scale"),
        ({"remainder": {"class_path": "kan"}}, "kan"),
        ({"core": {"class_path": "transformr"}}, "did you mean 'transformer'"),
    ],
)
def test_wrong_settings_are_named(change, message):
    core = {"class_path": "stand_in.Bigrams"}
    with pytest.raises(ValueError, match=message):
        CoreRemainder(CoreRemainderConfig(**{"vocab": 5, "context": 6, "core": core, **change}))
