"""Stored GPT-2 weights as our `Transformer`: the same logits, in a form that reads.

GPT-2 (Radford et al. 2019) norms with LayerNorm(x) = (x - mean) / sqrt(var + eps) * g + b; ours
divides by the root mean square alone. Where everything that writes to the stream has mean zero,
the two divide by the same number, so these changes of parameters alter no logit:
- centred: W_E, W_pos, W_O, b_O, W_out and b_out, each less its mean over d_model;
- folded into what reads the norm: W' = g W and b' = b + b_norm W, for queries, values, W_in, W_U;
- the keys' bias is dropped, since it adds the same to all scores of a query; the values' bias
  goes through W_O into b_O, since a pattern sums to 1.
W_U leaves W_E by its gain, so the result is untied. Elhage et al. 2021 and TransformerLens fold
alike.
"""

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interpretable_arch.layers.norms import RMSNorm
from interpretable_arch.models.gpt2_folder import Checkpoint, open_checkpoint
from interpretable_arch.models.transformer import Transformer, TransformerConfig

MLPS = {"gelu_new": "mlp_tanh", "gelu_pytorch_tanh": "mlp_tanh", "gelu": "mlp"}
"""The layer that computes each activation exactly; others are refused."""


def load_gpt2(folder: Path | str, dtype: torch.dtype = torch.float32) -> Transformer:
    """The GPT-2 in `folder` (config.json and safetensors in Hugging Face's layout).

    Its logits are equal to those of the stored model, up to rounding: weights are folded in
    float64 and kept as `dtype`. Nothing is downloaded and no pickle is read. Raises ValueError
    for a missing or damaged file, another kind of model, an option this form has no equal for,
    and a tensor that is missing, unknown or of another shape, each named.
    """
    stored = open_checkpoint(Path(folder))
    config = _config(stored)
    with torch.device("meta"):
        model = Transformer(config)
    model = model.to(dtype).to_empty(device="cpu")
    for module in model.modules():
        if isinstance(module, RMSNorm):
            module.eps = stored.setting("layer_norm_epsilon", float, 1e-5)
    with torch.no_grad():
        _fill_ends(model, stored)
        for layer in range(config.layers):
            _fill_attention(model, stored, layer)
            _fill_mlp(model, stored, layer)
    stored.refuse_unread()
    return model.eval()


def _config(stored: Checkpoint) -> TransformerConfig:
    activation = stored.setting("activation_function", str, "gelu_new")
    if activation not in MLPS:
        known = ", ".join(MLPS)
        raise ValueError(f"activation_function: wanted one of {known}, got {activation!r}")
    if stored.setting("add_cross_attention", bool, False):
        raise ValueError("add_cross_attention: wanted false, got true")
    d_model = stored.setting("n_embd", int)
    width = stored.setting("n_inner", int, 4 * d_model)
    return TransformerConfig(
        vocab=stored.setting("vocab_size", int),
        context=stored.setting("n_positions", int),
        d_model=d_model,
        layers=stored.setting("n_layer", int),
        heads=stored.setting("n_head", int),
        bias=True,
        mlp={"class_path": MLPS[activation], "init_args": {"d_mlp": width}},
    )


def _fill_ends(model: Any, stored: Checkpoint) -> None:
    c = model.config
    shape = (c.vocab, c.d_model)
    embedding = unembedding = stored.tensor("wte.weight", shape)
    tied = stored.setting("tie_word_embeddings", bool, True)
    if not tied or "lm_head.weight" in stored.places:
        unembedding = stored.tensor("lm_head.weight", shape)
    if tied and not unembedding.equal(embedding):
        raise ValueError("tie_word_embeddings: true, but lm_head.weight is not wte.weight")
    model.W_E.copy_(centred(embedding))
    model.W_pos.copy_(centred(stored.tensor("wpe.weight", (c.context, c.d_model))))
    _fill(model, "W_U", "b_U", *_read(stored, "ln_f", unembedding.T, torch.zeros(c.vocab)))


def _fill_attention(model: Any, stored: Checkpoint, layer: int) -> None:
    attention, d_model = model.blocks[layer].attn, model.config.d_model
    weight, bias = _linear(stored, f"h.{layer}.attn.c_attn", d_model, 3 * d_model)
    weight, bias = _read(stored, f"h.{layer}.ln_1", weight, bias)
    (W_Q, W_K, W_V), (b_Q, _, b_V) = weight.chunk(3, 1), bias.chunk(3)
    W_O, b_O = _linear(stored, f"h.{layer}.attn.c_proj", d_model, d_model)
    sharper = _sharpness(stored, layer, attention.config.d_head)
    _fill(attention, "W_Q", "b_Q", W_Q * sharper, b_Q * sharper)
    attention.W_K.copy_(W_K.view_as(attention.W_K))
    attention.W_V.copy_(W_V.view_as(attention.W_V))
    _fill(attention, "W_O", "b_O", centred(W_O), centred(b_V @ W_O + b_O))


def _fill_mlp(model: Any, stored: Checkpoint, layer: int) -> None:
    mlp, d_model = model.blocks[layer].mlp, model.config.d_model
    weight, bias = _linear(stored, f"h.{layer}.mlp.c_fc", d_model, mlp.config.width)
    _fill(mlp, "W_in", "b_in", *_read(stored, f"h.{layer}.ln_2", weight, bias))
    weight, bias = _linear(stored, f"h.{layer}.mlp.c_proj", mlp.config.width, d_model)
    _fill(mlp, "W_out", "b_out", centred(weight), centred(bias))


def _fill(module: nn.Module, weight: str, bias: str, *values: Tensor) -> None:
    for name, value in zip((weight, bias), values, strict=True):
        parameter = module.get_parameter(name)
        parameter.copy_(value.reshape(parameter.shape))


def _linear(stored: Checkpoint, name: str, inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
    """Weight [input, output], which is how GPT-2 stores it, and bias [output]."""
    weight = stored.tensor(f"{name}.weight", (inputs, outputs))
    return weight, stored.tensor(f"{name}.bias", (outputs,))


def _read(stored: Checkpoint, norm: str, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """A linear map that reads the norm's output, with the norm's gain and bias in it."""
    gain = stored.tensor(f"{norm}.weight", weight.shape[:1])
    offset = stored.tensor(f"{norm}.bias", weight.shape[:1])
    return gain[:, None] * weight, offset @ weight + bias


def _sharpness(stored: Checkpoint, layer: int, d_head: int) -> float:
    """What the stored model multiplies its scores by, over our 1 / sqrt(d_head)."""
    plain = 1.0 if stored.setting("scale_attn_weights", bool, True) else d_head**0.5
    by_layer = stored.setting("scale_attn_by_inverse_layer_idx", bool, False)
    return plain / (layer + 1) if by_layer else plain


def centred(written: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_model"]:
    """What is written to the stream, less its mean over d_model."""
    return written - written.mean(-1, keepdim=True)
