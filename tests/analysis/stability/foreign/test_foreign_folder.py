"""A folder of foreign runs: every layout is recognised, every fault is named, pickle is not run."""

import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from analysis.stability.foreign import kind_of, load_folder
from analysis.stability.foreign.layouts import LAYOUTS

RNG = np.random.default_rng(0)
N, P = 12, 4


def weights(folder, names, shape=(3, 4)):
    for number, name in enumerate(names):
        generator = torch.Generator().manual_seed(number)
        tensors = {
            "in.weight": torch.randn(shape, generator=generator),
            "in.bias": torch.zeros(3),
        }
        save_file(tensors, folder / f"{name}.safetensors")


def rows(folder, name, shape=(N, P), dtype=np.float32):
    folder.mkdir(exist_ok=True)
    array = RNG.normal(size=shape).astype(dtype)
    np.save(folder / f"{name}.npy", array)
    return array


def told(folder, name, value):
    (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")


def test_weights_one_file_a_seed_in_order_of_numbers(tmp_path):
    weights(tmp_path, ["seed-10", "seed-2", "seed-1"])
    found = load_folder(tmp_path)
    assert found.names == ("seed-1", "seed-2", "seed-10")
    assert found.parameters[0]["in.weight"].shape == (3, 4)
    assert found.symmetries == ()
    assert "architecture" in found.absent["weights"]


def test_weights_in_folders_and_shards(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for shard in range(2):
            value = torch.full((2,), float(ord(name) + shard))
            save_file({f"w{shard}": value}, tmp_path / name / f"model-{shard}.safetensors")
        (tmp_path / name / "config.json").write_text("{}")
    found = load_folder(tmp_path)
    assert set(found.parameters[1]) == {"w0", "w1"}
    assert kind_of(tmp_path) == "foreign"


def test_activations_one_file_a_seed(tmp_path):
    arrays = [rows(tmp_path, name) for name in "ab"]
    found = load_folder(tmp_path)
    assert list(found.representations) == ["activations"]
    assert np.array_equal(found.representations["activations"][1].numpy(), arrays[1])
    assert found.activations == found.representations


def test_seeds_may_differ_in_width(tmp_path):
    rows(tmp_path, "a", (N, 3))
    rows(tmp_path, "b", (N, 5))
    assert [r.shape[1] for r in load_folder(tmp_path).representations["activations"]] == [3, 5]


def test_a_file_is_mapped_and_never_written(tmp_path):
    array = rows(tmp_path, "a")
    rows(tmp_path, "b")
    tensor = load_folder(tmp_path).representations["activations"][0]
    tensor[0, 0] = 7.0
    assert np.array_equal(np.load(tmp_path / "a.npy"), array)


def test_sites_outputs_and_targets(tmp_path):
    for name in "ab":
        rows(tmp_path / name, "layer1", (3, 4, P))
        rows(tmp_path / name, "logits", (N, 5), np.float64)
    np.save(tmp_path / "targets.npy", np.arange(N) % 5)
    found = load_folder(tmp_path)
    assert found.outputs is not None
    assert found.outputs.shape == (2, N, 5)
    assert found.targets is not None
    assert found.targets.dtype == torch.int64
    assert found.representations["layer1"][0].shape == (12, P)


def test_archives_hold_sites_by_name(tmp_path):
    for name in "ab":
        np.savez(tmp_path / name, resid=RNG.normal(size=(N, P)), outputs=RNG.normal(size=(N, 2)))
    found = load_folder(tmp_path)
    assert set(found.representations) == {"resid"}
    assert found.outputs is not None


def test_one_file_of_all_outputs(tmp_path):
    rows(tmp_path, "outputs", (3, N, 2))
    found = load_folder(tmp_path)
    assert found.names == ("seed 0", "seed 1", "seed 2")
    rows(tmp_path, "a")
    with pytest.raises(ValueError, match=r"outputs.npy: wanted \[1 seeds, input, output\]"):
        load_folder(tmp_path)


def test_values_become_choices(tmp_path):
    rows(tmp_path, "outputs", (3, N, 1), np.float64)
    with pytest.raises(ValueError, match=r"one output is no choice; give its right values"):
        load_folder(tmp_path)
    rows(tmp_path, "targets", (N,), np.float64)
    found = load_folder(tmp_path)
    assert found.outputs is not None
    assert found.outputs.shape == (3, N, 2)
    assert found.targets is None


def test_what_is_said_beside_the_seeds(tmp_path):
    weights(tmp_path, "ab")
    told(tmp_path, "labels", {"b": "two", "a": "one"})
    told(tmp_path, "losses", [0.5, 0.25])
    told(tmp_path, "architectures", {"a": "mlp", "b": "kan"})
    told(tmp_path, "factors", {"a": {"init": 0, "order": 1}, "b": {"init": 1}})
    told(tmp_path, "diverged", ["b"])
    found = load_folder(tmp_path)
    assert found.labels == ("one", "two")
    assert found.losses == (0.5, 0.25)
    assert found.architectures == ("mlp", "kan")
    assert found.factors == {"init": (0, 1)}
    assert found.absent["factors"] == "order: not given for every seed"
    assert found.kept == (0,)


def test_circuits_and_formulas_are_enough(tmp_path):
    told(tmp_path, "circuits", {"a": ["h0", "h1"], "b": ["h1"], "c": []})
    told(tmp_path, "formulas", {"a": {"expression": "2 * x", "inputs": ["x"]}, "c": []})
    with pytest.raises(ValueError, match=r"formulas.json: formulas of seed 'c': wanted at least"):
        load_folder(tmp_path)
    told(tmp_path, "formulas", {"a": {"expression": "2 * x", "inputs": ["x"]}})
    found = load_folder(tmp_path)
    assert found.names == ("a", "b", "c")
    first, *others = found.interpretations
    assert first is not None
    assert first.graph is not None
    assert first.graph.nodes == ("h0", "h1")
    assert first.formulas[0].evaluate(x=3.0) == 6.0
    assert others == [None, None]


def test_one_file_says_it_all(tmp_path):
    weights(tmp_path, "ab")
    given = {"names": ["b", "a"], "labels": ["two", "one"], "circuits": [["h1"], ["h0"]]}
    told(tmp_path, "interpretations", given)
    found = load_folder(tmp_path)
    assert found.labels == ("one", "two")
    assert [i.graph.nodes for i in found.interpretations if i and i.graph] == [("h0",), ("h1",)]
    told(tmp_path, "labels", ["x", "y"])
    with pytest.raises(ValueError, match=r"interpretations.json: labels are in labels.json too"):
        load_folder(tmp_path)


@pytest.mark.parametrize("given", [[1], {"names": ["a"], "labels": ["x", "y"]}, {"sense": [1]}])
def test_one_file_of_another_kind(tmp_path, given):
    weights(tmp_path, "ab")
    told(tmp_path, "interpretations", given)
    with pytest.raises(ValueError, match=r"interpretations.json: wanted"):
        load_folder(tmp_path)


def test_labels_alone_are_enough(tmp_path):
    told(tmp_path, "labels", {"a": "x", "b": "y"})
    assert load_folder(tmp_path).names == ("a", "b")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("labels", {"c": "x"}, r"labels.json: wanted seeds among a, b, got 'c'"),
        ("labels", {"a": "x"}, r"labels.json: seed 'b' is missing or of the wrong kind"),
        ("losses", [1.0], r"losses.json: wanted .* a list of 2 in order of seeds, got 1 entries"),
        ("losses", {"a": "x", "b": 1}, r"losses.json: seed 'a' is missing"),
        ("diverged", {"a": 1}, r"diverged.json: wanted a list of names"),
        ("factors", {"a": 1, "b": 2}, r"factors.json: wanted"),
    ],
)
def test_faults_in_what_is_said(tmp_path, name, value, message):
    weights(tmp_path, "ab")
    told(tmp_path, name, value)
    with pytest.raises(ValueError, match=message):
        load_folder(tmp_path)


def test_no_json(tmp_path):
    weights(tmp_path, "ab")
    (tmp_path / "labels.json").write_text("{")
    with pytest.raises(ValueError, match=r"labels.json: wanted JSON"):
        load_folder(tmp_path)


def test_nulls_are_folders_of_the_same_kind(tmp_path):
    for folder in (tmp_path, tmp_path / "untrained", tmp_path / "shuffled"):
        for name in "abc":
            rows(folder, name)
    found = load_folder(tmp_path)
    assert found.names == ("a", "b", "c")
    assert found.untrained is not None
    assert found.shuffled is not None
    assert found.untrained.names == ("a", "b", "c")


# What is wrong with what is given


def test_an_empty_folder_teaches_the_layouts(tmp_path):
    with pytest.raises(ValueError, match="nothing to compare") as told_why:
        load_folder(tmp_path)
    assert LAYOUTS in str(told_why.value)
    with pytest.raises(ValueError, match="wanted a folder of runs"):
        load_folder(tmp_path / "none")


def test_pickles_are_not_opened(tmp_path):
    (tmp_path / "a.pt").write_bytes(pickle.dumps({"w": 1}))
    with pytest.raises(ValueError, match=r"not opened: a\.pt; .* pickles, which run code"):
        load_folder(tmp_path)
    rows(tmp_path, "b")
    rows(tmp_path, "c")
    assert "a.pt" in load_folder(tmp_path).absent["files"]


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("pickle was run",))


def test_arrays_of_objects_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"a\.npy: holds Python objects"):
        load_folder(tmp_path)
    (tmp_path / "a.npy").unlink()
    np.savez(tmp_path / "a.npz", x=np.array([Trap()], dtype=object))
    with pytest.raises(ValueError, match=r"a\.npz: holds Python objects"):
        load_folder(tmp_path)


@pytest.mark.parametrize("suffix", ["npy", "npz", "safetensors"])
def test_a_damaged_file_is_named(tmp_path, suffix):
    (tmp_path / f"a.{suffix}").write_bytes(b"not a tensor")
    with pytest.raises(ValueError, match=rf"a\.{suffix}: (wanted|holds)"):
        load_folder(tmp_path)


def test_words_and_complex_numbers_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([["x"]]))
    with pytest.raises(ValueError, match=r"a\.npy: wanted real numbers, got <U1"):
        load_folder(tmp_path)
    (tmp_path / "a.npy").unlink()
    np.savez(tmp_path / "a.npz", z=np.ones((2, 2), complex))
    with pytest.raises(ValueError, match=r"a\.npz: 'z': wanted real numbers"):
        load_folder(tmp_path)


@pytest.mark.parametrize("dtype", [np.float16, ">f8", np.uint16, np.int8, bool])
def test_numbers_of_any_kind_are_read(tmp_path, dtype):
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", (RNG.normal(size=(N, P)).clip(0) * 3).astype(dtype))
    found = load_folder(tmp_path).representations["activations"][0]
    assert found.dtype in (torch.float32, torch.float64)
    assert found.numpy() == pytest.approx(np.load(tmp_path / "a.npy").astype(float))


def test_one_seed_is_a_labelled_part(tmp_path):
    rows(tmp_path, "only")
    assert "one seed, only" in load_folder(tmp_path).absent["pairs"]


def test_models_of_different_shape_keep_their_outputs(tmp_path):
    for name, width in (("a", 3), ("b", 5)):
        rows(tmp_path / name, "outputs", (N, 2))
        save_file({"w": torch.full((width,), float(width))}, tmp_path / name / "w.safetensors")
    found = load_folder(tmp_path)
    assert found.outputs is not None
    assert found.parameters == ()
    assert found.absent["weights"] == "w: seed a has (3,), seed b (5,)"


def test_nan_is_named_by_run_and_input(tmp_path):
    for name in "ab":
        rows(tmp_path / name, "layer1")
        bad = rows(tmp_path / name, "layer2")
    bad[[3, 7], 1] = np.nan
    np.save(tmp_path / "b" / "layer2.npy", bad)
    found = load_folder(tmp_path)
    assert list(found.representations) == ["layer1"]
    said = found.absent["representations"]
    assert said.startswith("layer2: seed b holds NaN or infinity at input 3 and at 1 more")
    told(tmp_path, "diverged", ["b"])
    assert list(load_folder(tmp_path).representations) == ["layer1", "layer2"]


def test_nan_everywhere_is_an_error(tmp_path):
    rows(tmp_path, "a")
    np.save(tmp_path / "b.npy", np.full((N, P), np.inf))
    with pytest.raises(ValueError, match=r"activations: seed b holds NaN or infinity at input 0"):
        load_folder(tmp_path)


def test_nan_weights_are_named(tmp_path):
    weights(tmp_path, "ab")
    save_file(
        {"in.weight": torch.full((3, 4), torch.nan), "in.bias": torch.zeros(3)},
        tmp_path / "b.safetensors",
    )
    with pytest.raises(ValueError, match=r"in.weight of seed b holds 12 numbers"):
        load_folder(tmp_path)


def test_constant_features_are_counted(tmp_path):
    rows(tmp_path, "a")
    array = rows(tmp_path, "b")
    array[:, 1] = 0.5
    np.save(tmp_path / "b.npy", array)
    found = load_folder(tmp_path)
    assert found.absent == {"constant features": "activations: seed b: 1 of 4"}
    assert found.representations


def test_different_numbers_of_inputs(tmp_path):
    rows(tmp_path, "a", (N, P))
    rows(tmp_path, "b", (N + 1, P))
    with pytest.raises(ValueError, match=r"seed a has 12 inputs, seed b 13"):
        load_folder(tmp_path)


def test_a_site_that_one_seed_lacks(tmp_path):
    rows(tmp_path / "a", "layer1")
    rows(tmp_path / "b", "layer1")
    rows(tmp_path / "b", "layer2")
    found = load_folder(tmp_path)
    assert found.absent["representations"] == "layer2: seed a has none"


def test_a_row_of_numbers_is_no_matrix(tmp_path):
    rows(tmp_path, "a", (N,))
    with pytest.raises(ValueError, match=r"wanted \[input, feature\], got shape \(12,\)"):
        load_folder(tmp_path)


def test_outputs_and_targets_that_do_not_fit(tmp_path):
    rows(tmp_path / "a", "outputs", (N, 2))
    rows(tmp_path / "b", "outputs", (N, 3))
    rows(tmp_path / "a", "layer")
    rows(tmp_path / "b", "layer")
    assert "different numbers, [2, 3]" in load_folder(tmp_path).absent["outputs"]
    rows(tmp_path / "b", "outputs", (N, 2))
    np.save(tmp_path / "targets.npy", np.arange(3))
    assert "each of 12 inputs, got 3" in load_folder(tmp_path).absent["targets"]
    np.save(tmp_path / "targets.npy", np.ones(3))
    assert load_folder(tmp_path).absent["outputs"].startswith("targets.npy: wanted 12 x 2")


@pytest.mark.parametrize("kind", ["weights", "arrays"])
def test_a_run_given_twice_is_an_error_that_names_both(tmp_path, kind):
    if kind == "weights":
        weights(tmp_path, "abc")
        (tmp_path / "c.safetensors").write_bytes((tmp_path / "a.safetensors").read_bytes())
    else:
        for name in "abc":
            rows(tmp_path, name)
        np.save(tmp_path / "c.npy", np.load(tmp_path / "a.npy"))
    with pytest.raises(ValueError, match=rf"seeds a and c hold the same {kind} .*SHA-256"):
        load_folder(tmp_path)
    allowed = load_folder(tmp_path, allow_duplicates=True)
    assert "seeds a and c" in allowed.absent["duplicates"]


def test_a_seed_with_two_places(tmp_path):
    rows(tmp_path, "a")
    rows(tmp_path / "a", "layer")
    with pytest.raises(ValueError, match="seed 'a' has files beside a folder"):
        load_folder(tmp_path)


def test_our_own_runs_are_told_apart(tmp_path):
    run = tmp_path / "study-0123" / "seed-0-0-0"
    run.mkdir(parents=True)
    for name in ("config.json", "weights.safetensors", "checksums.json"):
        (run / name).write_text("{}")
    assert kind_of(tmp_path) == kind_of(tmp_path / "study-0123") == "runs"
    with pytest.raises(ValueError, match="this project's own"):
        load_folder(tmp_path)
    with pytest.raises(ValueError, match="wanted a folder"):
        kind_of(tmp_path / "none")
