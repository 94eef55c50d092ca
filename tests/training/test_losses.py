"""What may be trained on in the place of the cross-entropy: values by hand, masks, mistakes."""

import math

import pytest
import torch
from torch.nn import functional

from training.experiment import ConfigError, Experiment, Part
from training.fit import fit
from training.losses import LOSSES, build_loss, focal, label_smoothing, squared_error
from training.objective import IGNORED, cross_entropy

KNOWN = "20a5e88c9e087f41b8a5288ed39bcfb04a869614773b3bd5e8667ea78a7d74f5"


@pytest.mark.parametrize("name", list(LOSSES))
def test_targets_that_do_not_count_change_nothing(name, float64):
    outputs, targets = torch.randn(4, 3, 5), torch.randint(5, (4, 3))
    half = targets.clone()
    half[2:] = IGNORED
    kept = LOSSES[name](outputs[:2], targets[:2])
    torch.testing.assert_close(LOSSES[name](outputs, half), kept)


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_constant_added_to_all_logits_changes_no_loss(name, float64):
    outputs, targets = torch.randn(6, 4), torch.randint(4, (6,))
    shifted = LOSSES[name](outputs + 3.0, targets)
    torch.testing.assert_close(shifted, LOSSES[name](outputs, targets))


@pytest.mark.parametrize("loss", [cross_entropy, squared_error])
def test_proper_losses_are_least_at_the_true_probabilities(loss, float64):
    """Targets 3/4 of one class, 1/4 of the other: the best logit difference is log 3."""
    targets = torch.tensor([0, 0, 0, 1])
    logit = torch.tensor(math.log(3.0), requires_grad=True)
    rows = torch.stack([logit, torch.zeros(())]).expand(4, 2)
    (slope,) = torch.autograd.grad(loss(rows, targets), logit)
    assert slope.abs() < 1e-12


def test_values_by_hand(float64):
    rows = torch.tensor([[0.75, 0.25]]).log()
    first = torch.tensor([0])
    assert squared_error(rows, first).item() == pytest.approx(2 * 0.25**2)
    assert focal(rows, first, gamma=2.0).item() == pytest.approx(-(0.25**2) * math.log(0.75))
    smooth = -0.9 * math.log(0.75) - 0.1 * (math.log(0.75) + math.log(0.25)) / 2
    assert label_smoothing(rows, first, epsilon=0.1).item() == pytest.approx(smooth)


@pytest.mark.parametrize("gamma", [0.0, 0.01, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("sure", [12.0, 18.0, 200.0])
def test_what_is_certain_has_a_finite_slope(gamma, sure):
    """In single precision p rounds to 1 from a lead of 18 or so."""
    rows = torch.tensor([[sure, 0.0], [0.0, 1.0]], requires_grad=True)
    (slope,) = torch.autograd.grad(focal(rows, torch.tensor([0, 0]), gamma), rows)
    assert slope.isfinite().all()
    assert slope[0].abs().max() < 1e-4
    assert slope[1].abs().min() > 0.1


@pytest.mark.parametrize(
    ("name", "off"), [("focal", {"gamma": 0}), ("label_smoothing", {"epsilon": 0})]
)
def test_switched_off_they_are_the_cross_entropy(name, off, float64):
    outputs, targets = torch.randn(5, 3), torch.randint(3, (5,))
    loss = build_loss(Part(name, off))
    torch.testing.assert_close(loss(outputs, targets), functional.cross_entropy(outputs, targets))


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Part("squared_eror"), "squared_error"),
        (Part("focal", {"epsilon": 1}), "gamma"),
        (Part("focal", {"gamma": -1}), "loss.init_args.gamma: wants 0 or more"),
        (Part("focal", {"gamma": float("inf")}), "gamma"),
        (Part("focal", {"gamma": float("nan")}), "gamma"),
        (Part("label_smoothing", {"epsilon": 1.0}), "below 1"),
        (Part("label_smoothing", {"epsilon": "much"}), "a number"),
    ],
)
def test_mistakes_are_named(part, message):
    with pytest.raises(ConfigError, match=message):
        build_loss(part)


def test_an_experiment_trains_on_its_loss_and_is_measured_by_the_cross_entropy(tmp_path, toy):
    plain = toy(seeds=2).to_mapping()
    other = Experiment.from_mapping({**plain, "loss": {"class_path": "squared_error"}})
    runs = fit(toy(seeds=2), tmp_path, progress=False), fit(other, tmp_path, progress=False)
    before, after = ([r.metrics.column("train_loss").to_pylist() for r in rows] for rows in runs)
    assert [b[0] for b in before] == pytest.approx([a[0] for a in after])
    assert before[0][-1] != after[0][-1]


def test_a_model_with_its_own_loss_takes_no_other(tmp_path, toy):
    mapping = toy("OwnLoss").to_mapping()
    asked = Experiment.from_mapping({**mapping, "loss": {"class_path": "focal"}})
    with pytest.raises(ConfigError, match="without a loss of its own"):
        fit(asked, tmp_path, progress=False)


def test_old_experiments_keep_their_fingerprint(toy):
    """Worked out before there were losses and combinations: these would lose their runs."""
    assert toy().loss is None
    assert toy().combine is None
    without = {k: v for k, v in toy().to_mapping().items() if k not in ("loss", "combine")}
    assert Experiment.from_mapping(without).fingerprint() == toy().fingerprint() == KNOWN
    focused = Experiment.from_mapping({**without, "loss": {"class_path": "focal"}})
    assert focused.fingerprint() != KNOWN
