"""One run from several: whose they are, where they lie, and what each way makes of them."""

import pytest
import torch
from torch.nn import functional

from interpretable_arch.alignment.objective import distance
from interpretable_arch.registry import build
from interpretable_arch.symmetries.dense import dense_symmetry
from interpretable_arch.symmetry import weights
from training.combine import build_combination
from training.combine.average import mean_weights
from training.combine.best_of import training_loss
from training.combine.distil import soft_cross_entropy, soft_targets
from training.combine.members import member_seeds, members_experiment
from training.data import build_task
from training.experiment import ConfigError, Experiment, Part, Seed
from training.fit import fit
from training.module import BlockModule
from training.objective import IGNORED
from training.runs import find_runs, run_model

SIZES = {"d_model": 8, "layers": 1, "heads": 2, "std": 0.3}


def experiment(combine, seeds=2, model=None, **trainer):
    quotes = {"class_path": "quotes", "init_args": {"length": 6, "letters": 2, "count": 64}}
    settings = {"max_steps": 8, "batch_size": 16, "accelerator": "cpu", "precision": "64"}
    return Experiment.from_mapping(
        {
            "name": "little",
            "model": model or {"class_path": "transformer", "init_args": SIZES},
            "task": quotes,
            "optimizer": {"lr": 0.01},
            "trainer": {**settings, "block": 1, **trainer},
            "seeds": seeds,
            "combine": combine and {"class_path": combine[0], "init_args": combine[1]},
        }
    )


def members_of(asked, root, seed, count):
    of = members_experiment(asked, [seed], count)
    found = find_runs(root, of)
    return [found[s] for s in of.seeds]


# Who the members are


def test_members_of_different_seeds_are_different_in_every_stream():
    seeds = [member for s in range(20) for member in member_seeds(Seed(s, s, s), 4)]
    for stream in ("init", "order", "noise"):
        assert len({getattr(seed, stream) for seed in seeds}) == 80
    assert len({(s.init, s.order, s.noise) for s in seeds}) == len(set(seeds)) == 80
    assert not {s.init for s in seeds} & {s.order for s in seeds}


def test_seeds_that_share_a_stream_have_members_that_share_it():
    one, other = member_seeds(Seed(1, 2, 3), 2), member_seeds(Seed(1, 5, 3), 2)
    assert [s.init for s in one] == [s.init for s in other]
    assert {s.order for s in one}.isdisjoint(s.order for s in other)


def test_more_members_are_the_same_and_others():
    assert member_seeds(Seed(0, 0, 0), 5)[:3] == member_seeds(Seed(0, 0, 0), 3)


def test_every_way_finds_the_same_members_again(tmp_path, monkeypatch):
    fit(experiment(("best_of", {"members": 2})), tmp_path, progress=False)
    made = sorted(path.name for path in (tmp_path).glob("members-*/seed-*"))
    assert len(made) == 4

    def refuse(self, *_):
        raise AssertionError("a member was trained twice")

    monkeypatch.setattr(BlockModule, "training_step", refuse)
    fit(experiment(("average", {"members": 2})), tmp_path, progress=False)
    assert sorted(path.name for path in (tmp_path).glob("members-*/seed-*")) == made


def test_a_combined_run_is_found_again_and_counts_the_seconds_of_all(tmp_path):
    asked = experiment(("distil", {"members": 2}))
    (run, _) = fit(asked, tmp_path, progress=False)
    again = fit(asked, tmp_path, progress=False)[0]
    assert again.seconds == run.seconds
    spent = sum(m.seconds for m in members_of(asked, tmp_path, run.seed, 2))
    assert run.seconds > spent > 0
    (best, _) = fit(experiment(("best_of", {"members": 2})), tmp_path, progress=False)
    assert best.seconds == pytest.approx(spent)


# The best


def test_the_best_is_the_member_with_least_training_loss(tmp_path):
    asked = experiment(("best_of", {"members": 3}))
    for run in fit(asked, tmp_path, progress=False):
        members = members_of(asked, tmp_path, run.seed, 3)
        least = min(members, key=training_loss)
        assert training_loss(run) == min(training_loss(m) for m in members)
        assert all(torch.equal(run.weights[n], v) for n, v in least.weights.items())


def test_a_diverged_member_is_not_the_best(tmp_path, toy):
    mapping = toy("SomeDiverge", seeds=4, block=1, precision="32").to_mapping()
    combine = {"class_path": "best_of", "init_args": {"members": 6}}
    asked = Experiment.from_mapping({**mapping, "combine": combine})
    runs = fit(asked, tmp_path, progress=False)
    members = [m for run in runs for m in members_of(asked, tmp_path, run.seed, 6)]
    assert {m.status for m in members} == {"finished", "diverged"}
    assert {run.status for run in runs} == {"finished"}


# The mean


def test_the_mean_of_moved_copies_is_the_model_itself(float64):
    """Averaged as they stand they are another function; aligned first, the same."""
    torch.manual_seed(0)
    mixture = {"class_path": "mixture", "init_args": {"experts": 3, "d_expert": 3}}
    sizes = {"d_model": 6, "heads": 2, "layers": 1, "std": 0.5, "mlp": mixture}
    model = build("transformer", sizes, {"vocab": 7, "context": 5}).double().eval()
    tokens = torch.randint(7, (3, 5))
    own, symmetry = weights(model), model.symmetry()  # pyright: ignore[reportCallIssue]
    generator = torch.Generator().manual_seed(1)
    copies = [symmetry.act(symmetry.sample(generator), own) for _ in range(3)]
    wanted = model(tokens).detach()

    def answer(values):
        model.load_state_dict(values)
        return model(tokens).detach()

    aligned = answer(mean_weights(copies, symmetry))
    torch.testing.assert_close(aligned, wanted, rtol=1e-6, atol=1e-8)
    assert (answer(mean_weights(copies, None)) - wanted).abs().max() > 0.1


@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_the_mean_of_noisy_permuted_copies_loses_noise(float64, generator, noise):
    """One pass of the declared fits orders some units wrongly, and their mean is another model."""
    shapes = {"W0": (3, 64), "W1": (64, 64), "W2": (64, 3)}
    own = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    symmetry = dense_symmetry(own, list(shapes))
    planted = [symmetry.sample(generator) for _ in range(4)]
    copies = [
        {n: v + noise * torch.randn(v.shape, generator=generator) for n, v in moved.items()}
        for moved in (symmetry.act(element, own) for element in planted)
    ]
    first, *others = copies
    once = [symmetry.act(symmetry.align(other, first), other) for other in others]
    wanted = symmetry.act(planted[0], own)
    found = distance(mean_weights(copies, symmetry), wanted)
    assert found == pytest.approx(noise / 4**0.5, rel=0.1)  # that of independent noise in four
    assert found < distance(mean_weights([first, *once], None), wanted) / 2
    assert found < distance(mean_weights(copies, None), wanted) / 2


def test_the_mean_of_moved_half_precision_is_the_model_itself(generator):
    own = {
        "W0": torch.randn(3, 8, generator=generator),
        "W1": torch.randn(8, 2, generator=generator),
    }
    own = {name: value.bfloat16() for name, value in own.items()}
    symmetry = dense_symmetry(own, list(own))
    found = mean_weights([own, symmetry.act(symmetry.sample(generator), own)], symmetry)
    for name, value in own.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=0)


@pytest.mark.parametrize("align", [True, False])
def test_the_mean_of_unitary_tokens_is_unitary(align, tmp_path):
    """Of itself it is not: two unitary matrices have a shorter mean."""
    mapping = experiment(("average", {"members": 3, "align": align})).to_mapping()
    mapping["model"] = {"class_path": "group_representation", "init_args": {"d": 2}}
    mapping["task"] = {"class_path": "groups", "init_args": {"group": "S3"}}
    for run in fit(Experiment.from_mapping(mapping), tmp_path, progress=False):
        tokens = torch.view_as_complex(run.weights["tokens"])
        unit = torch.eye(tokens.shape[-1], dtype=tokens.dtype).expand_as(tokens)
        torch.testing.assert_close(tokens @ tokens.mH, unit, rtol=0, atol=1e-9)


def test_an_averaged_run_is_measured_as_it_is(tmp_path):
    asked = experiment(("average", {"members": 2, "align": False}))
    (run, _) = fit(asked, tmp_path, progress=False)
    members = members_of(asked, tmp_path, run.seed, 2)
    for name, value in run.weights.items():
        torch.testing.assert_close(value, sum(m.weights[name] for m in members) / 2)
    task = build_task(asked.task.class_path, asked.task.init_args)
    inputs, targets = task.held_out.take(torch.arange(len(task.held_out)))
    outputs = run_model(run, task)(inputs).flatten(0, 1)
    wanted = functional.cross_entropy(outputs, targets.flatten(), ignore_index=IGNORED)
    (got,) = run.metrics.column("held_out_loss").to_pylist()
    assert got == pytest.approx(wanted.item())
    assert run.metrics.column("step").to_pylist() == [8]


def test_a_model_without_symmetry_is_not_aligned(tmp_path, toy):
    mapping = toy(seeds=1, block=1).to_mapping()
    asked = {**mapping, "combine": {"class_path": "average", "init_args": {"members": 2}}}
    with pytest.raises(ConfigError, match="symmetry"):
        fit(Experiment.from_mapping(asked), tmp_path, progress=False)


# The student


def test_soft_targets_by_hand(float64):
    mean = torch.tensor([[0.5, 0.5], [0.1, 0.9]])
    got = soft_targets(mean, torch.tensor([0, IGNORED]), 0.5)
    torch.testing.assert_close(got, torch.tensor([[0.75, 0.25], [0.0, 0.0]]))
    outputs = torch.tensor([[0.75, 0.25], [0.3, 0.7]]).log()
    entropy = -(0.75 * torch.tensor(0.75).log() + 0.25 * torch.tensor(0.25).log())
    torch.testing.assert_close(soft_cross_entropy(outputs, got), entropy)


def test_a_batch_without_a_target_teaches_nothing():
    outputs = torch.randn(2, 3, requires_grad=True)
    loss = soft_cross_entropy(outputs, torch.zeros(2, 3))
    loss.backward()
    assert loss.item() == 0
    assert outputs.grad is not None
    assert not outputs.grad.any()


def test_taught_the_data_alone_it_is_the_ordinary_cross_entropy(float64):
    outputs, targets = torch.randn(3, 4, 5), torch.randint(5, (3, 4))
    targets[0, 0] = IGNORED
    came = soft_targets(torch.rand(3, 4, 5), targets, 0.0)
    wanted = functional.cross_entropy(outputs.flatten(0, 1), targets.flatten(), ignore_index=-100)
    torch.testing.assert_close(soft_cross_entropy(outputs, came), wanted)


def test_a_student_comes_nearer_to_its_members_than_an_ordinary_run(tmp_path):
    longer = {"max_steps": 60}
    asked = experiment(("distil", {"members": 2}), seeds=1, **longer)
    (student,) = fit(asked, tmp_path, progress=False)
    (plain,) = fit(experiment(None, seeds=1, **longer), tmp_path, progress=False)
    task = build_task(asked.task.class_path, asked.task.init_args)
    inputs, _ = task.train.take(torch.arange(len(task.train)))
    members = members_of(asked, tmp_path, student.seed, 2)
    answers = [run_model(m, task)(inputs).softmax(-1).detach() for m in members]
    mean = torch.stack(answers).mean(0)

    def apart(run):
        return soft_cross_entropy(run_model(run, task)(inputs), mean).item()

    assert apart(student) < apart(plain)


def test_a_stopped_student_goes_on_exactly(tmp_path, interrupt):
    asked = experiment(("distil", {"members": 2}), seeds=1, checkpoint_every=3)
    (whole,) = fit(asked, tmp_path / "whole", progress=False)
    interrupt(5, lambda module: module.experiment.combine is not None)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        fit(asked, tmp_path / "parts", progress=False)
    assert list((tmp_path / "parts").glob("little-*/.blocks/student-*"))
    (resumed,) = fit(asked, tmp_path / "parts", progress=False)
    assert not list((tmp_path / "parts").glob("little-*/.blocks/student-*"))
    for name, value in whole.weights.items():
        torch.testing.assert_close(resumed.weights[name], value, rtol=0, atol=0)


# Mistakes


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Part("averag"), "average"),
        (Part("best_of", {"member": 3}), "members"),
        (Part("best_of", {"members": 0}), "1 or more"),
        (Part("average", {"align": "yes"}), "true or false"),
        (Part("distil", {"weight": 0}), "above 0"),
    ],
)
def test_mistakes_are_named(part, message):
    with pytest.raises(ConfigError, match=message):
        build_combination(part)
