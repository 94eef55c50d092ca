"""The transformer against explicit loops, by hand, and its laws of sequence."""

import cmath
import math

import pytest
import torch

from interpretable_arch import build
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.models.transformer import Transformer, TransformerConfig

VOCAB, CONTEXT, D_MODEL, HEADS, D_MLP = 5, 4, 8, 2, 3
D_HEAD = D_MODEL // HEADS
TOKENS = [3, 0, 3, 4]


def small(layers: int = 1, **options) -> Transformer:
    mlp = {"class_path": "mlp", "init_args": {"d_mlp": D_MLP}}
    sizes = {"vocab": VOCAB, "context": CONTEXT, "d_model": D_MODEL, "heads": HEADS}
    model = Transformer(TransformerConfig(**sizes, layers=layers, mlp=mlp, **options))
    with torch.no_grad():
        for place, (_, parameter) in enumerate(sorted(model.named_parameters())):
            wave = torch.sin(torch.arange(parameter.numel()) * (place + 1.7) + place)
            parameter.copy_(wave.view_as(parameter))
    return model.double()


def norm(x: list[float]) -> list[float]:
    scale = math.sqrt(sum(value * value for value in x) / len(x) + 1e-5)
    return [value / scale for value in x]


def product(x: list[float], matrix: list[list[float]]) -> list[float]:
    return [sum(x[i] * row[j] for i, row in enumerate(matrix)) for j in range(len(matrix[0]))]


def add(x: list[float], y: list[float] | None) -> list[float]:
    return x if y is None else [a + b for a, b in zip(x, y, strict=True)]


def gelu(x: float) -> float:
    return x * (1 + math.erf(x / math.sqrt(2))) / 2


def turn(x: list[float], position: int) -> list[float]:
    """Pairs as complex numbers, each times a power of e."""
    turned: list[float] = []
    for i in range(0, len(x), 2):
        angle = position / 10000 ** (i / len(x))
        z = complex(x[i], x[i + 1]) * cmath.exp(1j * angle)
        turned += [z.real, z.imag]
    return turned


def attention(p: dict, stream: list[list[float]], rotary: bool) -> list[list[float]]:
    written = []
    for query in range(len(stream)):
        out = [0.0] * D_MODEL
        for head in range(HEADS):
            weight = {n: [row[head] for row in p[f"blocks.0.attn.{n}"]] for n in ("W_Q", "W_K")}
            value_weight = [row[head] for row in p["blocks.0.attn.W_V"]]
            bias = p.get("blocks.0.attn.b_Q")
            q = add(product(stream[query], weight["W_Q"]), bias and bias[head])
            q = turn(q, query) if rotary else q
            scores = []
            for key in range(query + 1):
                k = product(stream[key], weight["W_K"])
                k = turn(k, key) if rotary else k
                scores.append(sum(a * b for a, b in zip(q, k, strict=True)) / math.sqrt(D_HEAD))
            total = sum(math.exp(s) for s in scores)
            z = [0.0] * D_HEAD
            for key, score in enumerate(scores):
                share = math.exp(score) / total
                z = add(z, [share * v for v in product(stream[key], value_weight)])
            out = add(out, product(z, p["blocks.0.attn.W_O"][head]))
        written.append(add(out, p.get("blocks.0.attn.b_O")))
    return written


def logits(model: Transformer, tokens: list[int]) -> list[list[float]]:
    """One layer, one number after the other."""
    p = {name: value.tolist() for name, value in model.state_dict().items()}
    stream = [p["W_E"][token] for token in tokens]
    if "W_pos" in p:
        stream = [add(x, p["W_pos"][t]) for t, x in enumerate(stream)]
    moved = attention(p, [norm(x) for x in stream], rotary="W_pos" not in p)
    stream = [add(x, y) for x, y in zip(stream, moved, strict=True)]
    tied = [[p.get("gain", [1.0])[0] * w for w in row] for row in zip(*p["W_E"], strict=True)]
    W_U = p.get("W_U", tied)
    rows = []
    for x in stream:
        pre = add(product(norm(x), p["blocks.0.mlp.W_in"]), p.get("blocks.0.mlp.b_in"))
        x = add(x, product([gelu(a) for a in pre], p["blocks.0.mlp.W_out"]))
        x = add(x, p.get("blocks.0.mlp.b_out"))
        rows.append(add(product(norm(x), W_U), p.get("b_U")))
    return rows


@pytest.mark.parametrize("positions", ["learned", "rotary"])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_forward_equals_explicit_loops(float64, positions, tied, bias):
    model = small(positions=positions, tied=tied, bias=bias)
    wanted = torch.tensor(logits(model, TOKENS))
    got = model(torch.tensor([TOKENS]))[0]
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-12)
    assert got.std() > 0.1


@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_a_later_token_never_changes_an_earlier_logit(float64, positions):
    model = small(layers=3, positions=positions)
    before = model(torch.tensor([TOKENS]))[0]
    for changed in range(CONTEXT):
        for token in range(VOCAB):
            tokens = [*TOKENS[:changed], token, *TOKENS[changed + 1 :]]
            after = model(torch.tensor([tokens]))[0]
            assert torch.equal(after[:changed], before[:changed])
            if token != TOKENS[changed]:
                assert not torch.allclose(after[changed:], before[changed:])


def test_by_hand_without_layers_that_write():
    model = small(positions="rotary", tied=True)
    with torch.no_grad():
        model.blocks[0].attn.W_O.zero_()
        model.blocks[0].mlp.W_out.zero_()
        model.W_E.zero_()
        model.W_E[1, 0], model.W_E[2, 1] = 3.0, -2.0
        model.gain.fill_(0.5)
    # A lone entry is normed to sqrt(d_model); then it meets half its own embedding.
    got = model(torch.tensor([[1, 2]]))[0]
    wanted = torch.zeros(2, VOCAB, dtype=torch.float64)
    wanted[0, 1], wanted[1, 2] = 1.5 * math.sqrt(D_MODEL), math.sqrt(D_MODEL)
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_too_long_a_sequence_names_the_limit(positions):
    model = small(positions=positions)
    with pytest.raises(ValueError, match="tokens: wanted at most 4 positions, got 5"):
        model(torch.zeros(1, CONTEXT + 1, dtype=torch.long))


@pytest.mark.parametrize("layer", ["mlp", "mixture"])
def test_an_mlp_may_be_taken_apart(float64, layer):
    torch.manual_seed(0)
    sizes = {"vocab": 7, "context": 5}
    model = build(
        "transformer",
        {"d_model": 4, "heads": 2, "layers": 2, "std": 0.5, "mlp": {"class_path": layer}},
        sizes,
    ).double()
    x = torch.randint(7, (3, 5))
    whole, parts = model.decompose(x), model.decompose(x, within=["blocks.1.mlp"])
    inner = [c for c in parts.components if c.name.startswith("blocks.1.mlp.")]
    assert len(inner) == len(model.blocks[1].mlp.sites())
    torch.testing.assert_close(parts.total(), model(x))
    torch.testing.assert_close(
        torch.stack([c.value() for c in inner]).sum(0), whole["blocks.1.mlp"].value()
    )
    assert set(parts.exactness.state) == set(parts.state) > set(whole.state)


def test_only_an_mlp_can_be_taken_apart():
    torch.manual_seed(0)
    model = build("transformer", {"d_model": 4, "heads": 2}, {"vocab": 7, "context": 5})
    with pytest.raises(ValueError, match=r"within: unknown 'blocks.0.mpl'; did you mean"):
        model.decompose(torch.zeros(1, 5, dtype=torch.long), within=["blocks.0.mpl"])


def test_a_list_of_layers_needs_one_for_each_block():
    with pytest.raises(ValueError, match="mlp: wanted one part for each of 2 layers"):
        build(
            "transformer",
            {"d_model": 4, "heads": 2, "mlp": [{"class_path": "mlp"}]},
            {"vocab": 7, "context": 5},
        )


def test_a_layer_that_does_not_map_the_stream_to_itself_is_refused():
    with pytest.raises(ValueError, match=r"senses gives \[1, 2, 32\] for \[1, 2, 4\]"):
        build(
            "transformer",
            {"d_model": 4, "heads": 2, "mlp": {"class_path": "senses"}},
            {"vocab": 7, "context": 5},
        )


class Rough(torch.nn.Module):
    """A user's own layer, whose parts are no exact sum."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(d_model))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale

    def decompose(self, x: torch.Tensor) -> Decomposition:
        part = Component("all", x, torch.diag(self.scale))
        return Decomposition((part,), Exactness.approximate(0.4), "activation")


def test_what_is_taken_apart_brings_its_own_promise():
    model = small(layers=2)
    model.blocks[1].mlp = Rough(D_MODEL).double()
    x = torch.tensor([TOKENS])
    assert model.decompose(x).exactness.tier == "given"
    exactness = model.decompose(x, within=["blocks.1.mlp"]).exactness
    assert exactness.tier == "approximate"
    assert exactness.share == 0.4
    assert exactness.set_by == ("blocks.1.mlp",)
