"""Dead codes are reseeded from data, their moments forgotten, in every seed, resumed to the bit."""

import pytest
import torch

from interpretable_arch.layers.codebook import Codebook, CodebookConfig
from training.checkpoint import SafetensorsIO
from training.experiment import Experiment
from training.fit import fit
from training.switches.codebook_reseeding import CodebookReseeding

BOOK = {"class_path": "codebook", "init_args": {"codes": 64, "k": 2, "spares": 8}}


RESEEDING = {
    "class_path": "training.switches.codebook_reseeding.CodebookReseeding",
    "init_args": {"patience": 3},
}


def experiment(seeds=2, callbacks=(RESEEDING,)):
    model = {"d_model": 8, "layers": 1, "heads": 2, "mlp": BOOK}
    mapping = {
        "name": "codes",
        "model": {"class_path": "transformer", "init_args": model},
        "task": {"class_path": "quotes", "init_args": {"length": 6, "letters": 2, "count": 64}},
        "optimizer": {"lr": 0.01},
        "trainer": {
            "max_steps": 12,
            "batch_size": 16,
            "accelerator": "cpu",
            "precision": "64",
            "block": 8,
            "checkpoint_every": 5,
            "callbacks": list(callbacks),
        },
        "seeds": seeds,
    }
    return Experiment.from_mapping(mapping)


def test_fewer_codes_stay_dead(tmp_path):
    without = fit(experiment(callbacks=()), tmp_path / "without", progress=False)
    reseeding = fit(experiment(), tmp_path / "with", progress=False)
    for one, other in zip(reseeding, without, strict=True):
        alive = [(r.weights["blocks.0.mlp.idle"] < 3).sum() for r in (one, other)]
        assert alive[0] > 1.2 * alive[1]


def test_stacked_seeds_reseed_the_same_codes_as_alone(tmp_path):
    together = fit(experiment([3, 4]), tmp_path, progress=False)
    for seed, run in zip((3, 4), together, strict=True):
        (alone,) = fit(experiment([seed]), tmp_path / str(seed), progress=False)
        for name, value in run.weights.items():
            torch.testing.assert_close(alone.weights[name], value)


def test_an_interrupted_training_resumes_to_the_bit(tmp_path, monkeypatch):
    whole = fit(experiment(), tmp_path / "whole", progress=False)
    save = SafetensorsIO.save_checkpoint

    def save_and_die(self, *arguments, **options):
        save(self, *arguments, **options)
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(SafetensorsIO, "save_checkpoint", save_and_die)
        for _ in range(2):  # steps 5 and 10
            with pytest.raises(InterruptedError):
                fit(experiment(), tmp_path / "cut", progress=False)
    resumed = fit(experiment(), tmp_path / "cut", progress=False)
    for one, other in zip(resumed, whole, strict=True):
        assert all(torch.equal(one.weights[n], w) for n, w in other.weights.items())


def test_the_optimiser_forgets_a_new_code_and_no_other():
    torch.manual_seed(0)
    book = Codebook(CodebookConfig(d_model=4, codes=5, k=2, spares=2))
    optimizer = torch.optim.Adam(book.parameters())
    book.C.grad = torch.ones_like(book.C)
    optimizer.step()
    book.idle.copy_(torch.tensor([0.0, 3.0, 2.0, 0.0, 0.0]))
    book.spares.copy_(torch.randn(2, 4))
    before = book.C.detach().clone()
    CodebookReseeding(patience=3).reseed(book, optimizer.state[book.C])
    moved = book.C.ne(before).any(1)
    assert moved.tolist() == [False, True, False, False, False]
    for name in ("exp_avg", "exp_avg_sq"):
        assert optimizer.state[book.C][name].ne(0).any(1).tolist() == (~moved).tolist()
    assert book.idle.tolist() == [0, 0, 2, 0, 0]


def test_a_model_without_a_codebook_is_refused(tmp_path):
    plain = experiment().to_mapping()
    plain["model"]["init_args"]["mlp"] = {"class_path": "mlp"}
    with pytest.raises(ValueError, match="model: wanted one with a codebook, got Transformer"):
        fit(Experiment.from_mapping(plain), tmp_path, progress=False)
    with pytest.raises(ValueError, match="patience: wanted at least 1 step, got 0"):
        CodebookReseeding(patience=0)
