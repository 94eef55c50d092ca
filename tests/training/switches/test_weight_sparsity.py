"""Weight sparsity in training: exact zeros in every seed, the right axis, resumed to the bit."""

import pytest
import torch

from interpretable_arch.maths.sparsity import is_matrix
from interpretable_arch.registry import ENTRIES, build
from training.checkpoint import SafetensorsIO
from training.data import build_task
from training.experiment import Experiment
from training.fit import fit
from training.objective import Measure
from training.runs import run_model
from training.switches.weight_sparsity import FANS, WeightSparsity

HERE = "training.switches.weight_sparsity.WeightSparsity"
SIZES = {"d_model": 8, "layers": 1, "heads": 2, "bias": True}


def experiment(seeds=2, steps=12, model=None, task=None, **arguments):
    given = {"density": 0.25, "start": 2, "stop": 8, "least": 1, **arguments}
    quotes = {"class_path": "quotes", "init_args": {"length": 6, "letters": 2, "count": 64}}
    mapping = {
        "name": "sparse",
        "model": model or {"class_path": "transformer", "init_args": SIZES},
        "task": task or quotes,
        "optimizer": {"lr": 0.01},
        "trainer": {
            "max_steps": steps,
            "batch_size": 16,
            "accelerator": "cpu",
            "precision": "64",
            "block": 8,
            "checkpoint_every": 5,
            "callbacks": [{"class_path": HERE, "init_args": given}],
        },
        "seeds": seeds,
    }
    return Experiment.from_mapping(mapping)


def matrices(run):
    return {n: w for n, w in run.weights.items() if ".b_" not in n and w.dim() >= 2}


def test_every_seed_and_matrix_has_the_exact_count(tmp_path):
    for run in fit(experiment(), tmp_path, progress=False):
        for name, w in matrices(run).items():
            fan = w.shape[FANS[name.rpartition(".")[2]]]
            wanted = max(round(0.25 * w.numel()), w.numel() // fan)
            assert int(w.ne(0).sum()) == wanted, name
            assert w.ne(0).any(FANS[name.rpartition(".")[2]]).all(), name
        # b_Q [head, d_head] has two axes and is a bias all the same.
        assert run.weights["blocks.0.attn.b_Q"].ne(0).all()
        assert run.weights["b_U"].ne(0).all()


def test_density_is_that_of_the_updates_done(tmp_path):
    """After 5 of the steps from 2 to 8, halfway: 1 - 0.75 / 2."""
    (run,) = fit(experiment(seeds=1, steps=5, least=0), tmp_path, progress=False)
    for w in matrices(run).values():
        assert int(w.ne(0).sum()) == round(0.625 * w.numel())


def test_before_its_start_it_changes_nothing(tmp_path):
    late = experiment(seeds=1, start=50, stop=60)
    (sparse,) = fit(late, tmp_path / "late", progress=False)
    plain = late.to_mapping()
    plain["trainer"]["callbacks"] = []
    (dense,) = fit(Experiment.from_mapping(plain), tmp_path / "plain", progress=False)
    for name, w in dense.weights.items():
        torch.testing.assert_close(sparse.weights[name], w, rtol=0, atol=0)


def test_stacked_seeds_are_cut_apart(tmp_path):
    together = fit(experiment(seeds=[3, 4]), tmp_path, progress=False)
    for seed, run in zip((3, 4), together, strict=True):
        (alone,) = fit(experiment(seeds=[seed]), tmp_path / str(seed), progress=False)
        for name, w in run.weights.items():
            torch.testing.assert_close(alone.weights[name], w)
            assert torch.equal(alone.weights[name].ne(0), w.ne(0)), name


@pytest.mark.parametrize("seeds", [1, 2])
def test_an_interrupted_training_resumes_to_the_bit(tmp_path, monkeypatch, seeds):
    whole = fit(experiment(seeds), tmp_path / "whole", progress=False)
    save = SafetensorsIO.save_checkpoint

    def save_and_die(self, *arguments, **options):
        save(self, *arguments, **options)
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(SafetensorsIO, "save_checkpoint", save_and_die)
        for _ in range(2):  # steps 5 and 10
            with pytest.raises(InterruptedError):
                fit(experiment(seeds), tmp_path / "cut", progress=False)
    resumed = fit(experiment(seeds), tmp_path / "cut", progress=False)
    for one, other in zip(resumed, whole, strict=True):
        assert one.metrics.equals(other.metrics)
        assert all(torch.equal(one.weights[n], w) for n, w in other.weights.items())


def test_the_last_measurement_is_of_the_cut_weights(tmp_path):
    (run,) = fit(experiment(seeds=1), tmp_path, progress=False)
    task = build_task(run.experiment.task.class_path, run.experiment.task.init_args)
    measure = Measure(run_model(run, task).double())
    loss = measure(task.held_out.inputs, task.held_out.targets)[0].detach()
    assert run.metrics["held_out_loss"][-1].as_py() == pytest.approx(float(loss), abs=1e-6)


@pytest.mark.parametrize("name", ["attention", "mlp", "solu", "mixture", "codebook", "block"])
def test_a_neuron_is_what_reads_or_writes_the_stream(name):
    """The fan of every matrix is the axis that the stream rotates on."""
    _, layer = ENTRIES[name].load()
    built = layer(next(iter(ENTRIES[name].examples().values())))
    shapes = {n: p.dim() for n, p in built.named_parameters()}
    for action in built.residual_actions():
        dim = shapes.get(action.parameter, 0)
        if is_matrix(action.parameter, dim):
            fan = FANS[action.parameter.rpartition(".")[2]]
            assert fan % dim == action.axis % dim, action.parameter


def test_a_transformers_own_matrices_too():
    model = build("transformer", SIZES, {"vocab": 7, "context": 5})
    stream = model.symmetry().factors[0]
    for action in stream.actions:
        dim = model.get_parameter(action.parameter).dim()
        if is_matrix(action.parameter, dim):
            assert FANS[action.parameter.rpartition(".")[2]] % dim == action.axis % dim


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"density": 0.0}, "density: wanted above 0 and at most 1, got 0.0"),
        ({"density": 1.5}, "density: wanted above 0 and at most 1, got 1.5"),
        ({"start": 8}, "start, stop: wanted 0 <= start < stop, got 8 and 8"),
        ({"least": -1}, "least: wanted 0 or more, got -1"),
        ({"least": 9}, "least: wanted at most 8, the weights of a neuron of W_E, got 9"),
        ({"fans": {"W_E": 1}}, "fans.W_E: wanted -2 to -1, got 1"),
    ],
)
def test_mistakes_are_refused_before_the_first_update(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        fit(experiment(seeds=1, **arguments), tmp_path, progress=False)


def test_a_matrix_of_unknown_neurons_needs_its_fan_only_for_a_floor():
    callback = WeightSparsity(0.5, 0, 1, least=1)
    with pytest.raises(ValueError, match=r"fans: wanted the axis, .* for strange, got none"):
        callback._matrix("strange", torch.ones(3, 4), 0)
    assert WeightSparsity(0.5, 0, 1)._matrix("strange", torch.ones(3, 4), 0).fan == -1
    named = WeightSparsity(0.5, 0, 1, least=1, fans={"layer.strange": -2})
    assert named._matrix("layer.strange", torch.ones(3, 4), 0).fan == -2


def test_a_model_that_retracts_its_parameters_is_refused(tmp_path):
    retracting = {"class_path": "group_orthogonal"}
    task = {"class_path": "groups", "init_args": {"group": "S3"}}
    with pytest.raises(ValueError, match="retracts its parameters, which would undo the zeros"):
        fit(experiment(1, model=retracting, task=task), tmp_path, progress=False)
