"""Stored GPT-2 weights keep their logits, to 1e-10, and a bad folder is refused by name."""

import json
import math
import warnings

import pytest
import torch
from safetensors.torch import save_file

from interpretable_arch.models.gpt2 import load_gpt2
from interpretable_arch.models.transformer import Transformer

CONFIG = {
    "model_type": "gpt2",
    "vocab_size": 11,
    "n_positions": 6,
    "n_embd": 12,
    "n_layer": 2,
    "n_head": 3,
    "n_inner": None,
    "activation_function": "gelu_new",
    "layer_norm_epsilon": 1e-3,
}
TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9], [2, 6, 5, 3, 5, 8]])


def shapes(config: dict) -> dict[str, tuple[int, ...]]:
    d, inner = config["n_embd"], config["n_inner"] or 4 * config["n_embd"]
    found = {"wte.weight": (config["vocab_size"], d), "wpe.weight": (config["n_positions"], d)}
    linears = {"attn.c_attn": (d, 3 * d), "attn.c_proj": (d, d)}
    linears |= {"mlp.c_fc": (d, inner), "mlp.c_proj": (inner, d)}
    for i in range(config["n_layer"]):
        for name, shape in linears.items():
            found |= {f"h.{i}.{name}.weight": shape, f"h.{i}.{name}.bias": shape[1:]}
        for name in ("ln_1", "ln_2"):
            found |= {f"h.{i}.{name}.weight": (d,), f"h.{i}.{name}.bias": (d,)}
    return found | {"ln_f.weight": (d,), "ln_f.bias": (d,)}


def random_weights(config: dict, seed: int = 0) -> dict[str, torch.Tensor]:
    """No gain near 1, no bias near 0, no mean near 0: each fold is needed."""
    g = torch.Generator().manual_seed(seed)
    drawn = {n: torch.randn(s, generator=g) * 0.4 + 0.3 for n, s in shapes(config).items()}
    return {n: t.double() for n, t in drawn.items()}


def write(folder, config=CONFIG, weights=None, prefix="") -> dict[str, torch.Tensor]:
    weights = random_weights(config) if weights is None else weights
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file({prefix + n: t for n, t in weights.items()}, folder / "model.safetensors")
    return weights


def layer_norm(x, weights, name, eps):
    """Mean, variance, gain and bias, as LayerNorm is defined."""
    away = x - x.mean(-1, keepdim=True)
    scale = (away.square().mean(-1, keepdim=True) + eps).sqrt()
    return away / scale * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def linear(x, weights, name):
    return x @ weights[f"{name}.weight"] + weights[f"{name}.bias"]


def gelu_new(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def gelu(x):
    return x * (1 + torch.erf(x / math.sqrt(2))) / 2


def attend(x, weights, i, config):
    """One head after the other, with a mask."""
    d, heads, n = config["n_embd"], config["n_head"], x.shape[1]
    q, k, v = linear(x, weights, f"h.{i}.attn.c_attn").split(d, -1)
    out = []
    for h in range(heads):
        part = slice(h * d // heads, (h + 1) * d // heads)
        scores = q[..., part] @ k[..., part].mT
        if config.get("scale_attn_weights", True):
            scores = scores / math.sqrt(d // heads)
        if config.get("scale_attn_by_inverse_layer_idx", False):
            scores = scores / (i + 1)
        scores = scores.masked_fill(torch.ones(n, n).triu(1).bool(), -math.inf)
        out.append(scores.softmax(-1) @ v[..., part])
    return linear(torch.cat(out, -1), weights, f"h.{i}.attn.c_proj")


def reference(weights, config, tokens):
    """GPT-2 as it is published."""
    eps = config["layer_norm_epsilon"]
    act = gelu if config["activation_function"] == "gelu" else gelu_new
    x = weights["wte.weight"][tokens] + weights["wpe.weight"][: tokens.shape[1]]
    for i in range(config["n_layer"]):
        x = x + attend(layer_norm(x, weights, f"h.{i}.ln_1", eps), weights, i, config)
        normed = layer_norm(x, weights, f"h.{i}.ln_2", eps)
        wide = act(linear(normed, weights, f"h.{i}.mlp.c_fc"))
        x = x + linear(wide, weights, f"h.{i}.mlp.c_proj")
    x = layer_norm(x, weights, "ln_f", eps)
    return x @ weights.get("lm_head.weight", weights["wte.weight"]).T


def gap(got, wanted):
    return float((got - wanted).detach().abs().max())


@pytest.mark.parametrize("prefix", ["", "transformer."])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"activation_function": "gelu", "n_inner": 7},
        {"scale_attn_weights": False},
        {"scale_attn_by_inverse_layer_idx": True, "n_layer": 3},
    ],
    ids=["plain", "exact gelu", "unscaled", "scaled by layer"],
)
def test_logits_are_those_of_the_stored_model(tmp_path, prefix, options):
    config = CONFIG | options
    weights = write(tmp_path, config, prefix=prefix)
    model = load_gpt2(tmp_path, torch.float64)
    assert isinstance(model, Transformer)
    with torch.no_grad():
        got = model(TOKENS)
    wanted = reference(weights, config, TOKENS)
    assert gap(got, wanted) <= 1e-10
    assert wanted.std() > 0.5
    assert gap(model(TOKENS[:, :4]), wanted[:, :4]) <= 1e-10


def test_an_untied_head_and_idle_masks_are_read(tmp_path):
    config = CONFIG | {"tie_word_embeddings": False}
    weights = random_weights(config)
    weights["lm_head.weight"] = torch.randn(11, 12, dtype=torch.float64)
    weights["h.0.attn.bias"] = torch.ones(1, 1, 6, 6).double()
    write(tmp_path, config, weights)
    model = load_gpt2(tmp_path, torch.float64)
    assert gap(model(TOKENS), reference(weights, config, TOKENS)) <= 1e-10


def test_the_loaded_model_keeps_its_decomposition(tmp_path):
    write(tmp_path)
    model = load_gpt2(tmp_path, torch.float64)
    assert model.decompose(TOKENS).relative_error(model(TOKENS)) <= 1e-12
    stream = model.W_E[TOKENS] + model.W_pos
    assert stream.mean(-1).abs().max() <= 1e-12


def test_shards_and_half_precision(tmp_path):
    weights = {n: t.half() for n, t in random_weights(CONFIG).items()}
    write(tmp_path, weights=weights)
    (tmp_path / "model.safetensors").unlink()
    names = list(weights)
    shards = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, inside in shards.items():
        save_file({n: weights[n] for n in inside}, tmp_path / file)
    index = {"weight_map": {n: file for file, inside in shards.items() for n in inside}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    wanted = reference({n: t.double() for n, t in weights.items()}, CONFIG, TOKENS)
    assert gap(load_gpt2(tmp_path, torch.float64)(TOKENS), wanted) <= 1e-10
    single = load_gpt2(tmp_path)
    assert single.W_E.dtype == torch.float32
    assert gap(single(TOKENS), wanted) <= 1e-4
    (tmp_path / "b.safetensors").unlink()
    with pytest.raises(ValueError, match=r"b\.safetensors: there is no such file"):
        load_gpt2(tmp_path)


@pytest.mark.parametrize("tied", [True, False])
def test_logits_are_those_of_hugging_face(tmp_path, tied):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformers = pytest.importorskip("transformers")
        options = {k: v for k, v in CONFIG.items() if k != "model_type"}
        config = transformers.GPT2Config(
            **options, bos_token_id=0, eos_token_id=0, tie_word_embeddings=tied
        )
        torch.manual_seed(0)
        theirs = transformers.GPT2LMHeadModel(config).double().eval()
        with torch.no_grad():
            for parameter in theirs.parameters():
                parameter.normal_(0.3, 0.4)
            wanted = theirs(TOKENS).logits
        theirs.save_pretrained(tmp_path)
    assert gap(load_gpt2(tmp_path, torch.float64)(TOKENS), wanted) <= 1e-10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_type": "llama"}, "model_type: wanted 'gpt2', got 'llama'"),
        ({"model_type": None}, "model_type: wanted 'gpt2', got None"),
        ({"activation_function": "relu"}, "activation_function: wanted one of gelu_new.*'relu'"),
        ({"add_cross_attention": True}, "add_cross_attention: wanted false"),
        ({"n_head": None}, "n_head: wanted int, got nothing"),
        ({"n_head": "3"}, "n_head: wanted int, got '3'"),
        ({"n_head": 5}, "heads: must divide d_model = 12, got 5"),
        ({"n_layer": 3}, r"lack the tensor 'h\.2\.attn\.c_attn\.weight'"),
        ({"n_layer": 1}, r"no place for 12 tensors: h\.1\."),
        ({"n_positions": 5}, r"wpe\.weight: wanted the shape \[5, 12\], got \[6, 12\]"),
        ({"tie_word_embeddings": False}, r"lack the tensor 'lm_head\.weight'"),
    ],
)
def test_what_it_has_no_equal_for_is_refused(tmp_path, options, message):
    write(tmp_path, CONFIG | options, random_weights(CONFIG))
    with pytest.raises(ValueError, match=message):
        load_gpt2(tmp_path)


def test_tying_and_a_head_of_its_own_contradict_each_other(tmp_path):
    weights = random_weights(CONFIG)
    weights["lm_head.weight"] = weights["wte.weight"] + 1
    write(tmp_path, weights=weights)
    with pytest.raises(ValueError, match=r"true, but lm_head\.weight is not wte\.weight"):
        load_gpt2(tmp_path)


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere.config\.json: there is no such file"):
        load_gpt2(tmp_path / "nowhere")
    write(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"model\.safetensors: not readable as safetensors"):
        load_gpt2(tmp_path)
    weights.unlink()
    with pytest.raises(ValueError, match=r"wanted model\.safetensors or .*, found neither"):
        load_gpt2(tmp_path)
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"config\.json: not readable as JSON"):
        load_gpt2(tmp_path)


def test_a_pickle_is_never_read(tmp_path):
    write(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ValueError, match=r"got pytorch_model\.bin, a pickle") as caught:
        load_gpt2(tmp_path)
    assert "\n" not in str(caught.value)
