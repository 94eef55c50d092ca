"""The attention-only model against explicit loops, its path expansion, and its circuit graph."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpretable_arch.hooks import overridden, record
from interpretable_arch.layers.attention import rotate
from interpretable_arch.models.attention_only import (
    AttentionOnly,
    AttentionOnlyConfig,
    copying_by_head,
)
from interpretable_arch.readings.circuit_graph import circuit_graph, rotations, score_norm
from interpretable_arch.symmetry import weights

VOCAB, CONTEXT, D_MODEL, HEADS = 7, 6, 4, 2


def small(layers: int = 2, seed: int = 0) -> AttentionOnly:
    torch.manual_seed(seed)
    config = AttentionOnlyConfig(VOCAB, CONTEXT, D_MODEL, layers, HEADS, std=0.7)
    return AttentionOnly(config).double().eval()


def tokens(seed: int = 1) -> torch.Tensor:
    return torch.randint(VOCAB, (3, CONTEXT), generator=torch.Generator().manual_seed(seed))


def slow(model: AttentionOnly, row: list[int]) -> torch.Tensor:
    """Logits of one sequence, one head and one position at a time, scores by offset."""
    R = rotations(CONTEXT, D_MODEL // HEADS)
    stream = [model.W_E[token] for token in row]
    for block in model.blocks:
        p = {n: block.get_parameter(f"attn.{n}") for n in ("W_Q", "W_K", "W_V", "W_O")}
        out = list(stream)
        for query in range(len(row)):
            for h in range(HEADS):
                q = stream[query] @ p["W_Q"][:, h]
                scores = [
                    q @ R[query - key] @ (stream[key] @ p["W_K"][:, h]) / math.sqrt(len(q))
                    for key in range(query + 1)
                ]
                pattern = torch.stack(scores).softmax(0)
                for key in range(query + 1):
                    out[query] = out[query] + pattern[key] * (
                        stream[key] @ p["W_V"][:, h] @ p["W_O"][h]
                    )
        stream = out
    return torch.stack(stream) @ model.W_U


@pytest.mark.parametrize("layers", [1, 2])
def test_the_promise_names_every_layer_of_attention(layers):
    model = small(layers)
    wanted = tuple(f"blocks.{i}.attn" for i in range(layers))
    for parts in (model.decompose(tokens()), model.paths(tokens())):
        assert (parts.exactness.tier, parts.exactness.set_by) == ("given", wanted)


@torch.no_grad()
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_forward_is_the_loop(layers):
    model, x = small(layers), tokens()
    wanted = torch.stack([slow(model, row) for row in x.tolist()])
    torch.testing.assert_close(model(x), wanted)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(0, 1000))
def test_paths_sum_to_the_logits(layers, seed):
    model, x = small(layers, seed), tokens(seed)
    parts = model.paths(x)
    assert parts.relative_error(model(x)) <= 1e-10
    assert str(parts.exactness).startswith("GIVEN(blocks.")
    virtual = HEADS**2 * layers * (layers - 1) // 2
    assert len(parts.components) == 1 + HEADS * layers + virtual + (layers > 2)


@torch.no_grad()
def test_a_virtual_head_is_the_product_of_patterns_and_circuits():
    model, x = small(), tokens()
    _, cache = record(model, x, model.state())
    first, second = (cache[f"blocks.{i}.attn.hook_pattern"] for i in range(2))
    A, B = (block.attn for block in model.blocks)
    for h in range(HEADS):
        for g in range(HEADS):
            moved = second[:, g] @ first[:, h] @ model.W_E[x]
            wanted = moved @ A.W_V[:, h] @ A.W_O[h] @ B.W_V[:, g] @ B.W_O[g] @ model.W_U
            name = f"blocks.0.attn.head.{h} > blocks.1.attn.head.{g}"
            torch.testing.assert_close(model.paths(x)[name].value(), wanted)


@torch.no_grad()
def test_a_head_of_the_last_layer_is_its_own_path_and_its_virtual_heads():
    model, x = small(3), tokens()
    whole, paths = model.decompose(x), model.paths(x)
    first = "blocks.0.attn.head.1"
    torch.testing.assert_close(whole[first].value(), paths[first].value())
    second = "blocks.1.attn.head.0"
    through = [paths[f"blocks.0.attn.head.{h} > {second}"].value() for h in range(HEADS)]
    torch.testing.assert_close(whole[second].value(), paths[second].value() + sum(through))


@torch.no_grad()
def test_with_patterns_held_paths_are_linear_in_the_embedding():
    """The stream holds tokens only: half of every token's embedding gives half of every path."""
    model, x = small(), tokens()
    hold = {n: lambda _, v=v: v for n, v in model.paths(x).state.items()}
    whole = model.paths(x)
    with overridden(model, {**hold, "hook_embed": lambda e: e / 2}):
        half = model.paths(x)
    for part in whole.components:
        torch.testing.assert_close(half[part.name].value(), part.value() / 2)


def test_a_context_too_long_is_refused():
    with pytest.raises(ValueError, match="tokens: wanted at most 6 positions, got 7"):
        small()(torch.zeros(1, CONTEXT + 1, dtype=torch.long))
    with pytest.raises(ValueError, match="heads: must divide d_model = 4, got 3"):
        AttentionOnly(AttentionOnlyConfig(VOCAB, CONTEXT, D_MODEL, heads=3))
    with pytest.raises(ValueError, match="layers: wanted at least 1, got 0"):
        AttentionOnlyConfig(VOCAB, CONTEXT, D_MODEL, layers=0)


@torch.no_grad()
def test_a_planted_copying_head_scores_one_and_its_negative_minus_one():
    model = small(1)
    basis = torch.eye(VOCAB, D_MODEL, dtype=torch.float64)
    model.W_E.copy_(basis)
    model.W_U.copy_(basis.T)
    attention = model.blocks[0].attn
    for h, sign in enumerate((1, -1)):
        attention.W_V[:, h] = torch.eye(D_MODEL)[:, 2 * h : 2 * h + 2]
        attention.W_O[h] = sign * torch.eye(D_MODEL)[2 * h : 2 * h + 2]
    scores = copying_by_head(weights(model), 1)
    assert list(scores.values()) == pytest.approx([1.0, -1.0])


@torch.no_grad()
def test_copying_is_that_of_the_whole_token_matrix():
    model = small(1)
    attention = model.blocks[0].attn
    for h, score in enumerate(copying_by_head(weights(model), 1).values()):
        tokenwise = model.W_E @ attention.W_V[:, h] @ attention.W_O[h] @ model.W_U
        found = torch.linalg.eigvals(tokenwise)
        assert score == pytest.approx(float(found.real.sum() / found.abs().sum()), abs=1e-6)


def test_rotations_turn_as_rotary_positions_do(float64, generator):
    q, k = (torch.randn(CONTEXT, 1, 4, generator=generator) for _ in range(2))
    turned = torch.einsum("qhd,khd->qk", rotate(q), rotate(k))
    R = rotations(CONTEXT, 4)
    for query in range(CONTEXT):
        for key in range(query + 1):
            wanted = q[query, 0] @ R[query - key] @ k[key, 0]
            assert float(turned[query, key]) == pytest.approx(float(wanted))


def test_score_norm_is_that_of_the_built_matrices(float64, generator):
    q, k = torch.randn(5, 4, generator=generator), torch.randn(3, 4, generator=generator)
    squares = [float((q @ R @ k.T).square().sum()) for R in rotations(CONTEXT, 4)]
    assert score_norm(q, k, CONTEXT) == pytest.approx(math.sqrt(sum(squares) / CONTEXT))


@torch.no_grad()
def test_the_graph_has_an_edge_from_each_writer_to_each_later_port():
    model = small(3)
    graph = circuit_graph(weights(model), 3, CONTEXT)
    heads = 3 * HEADS
    assert len(graph.nodes) == 1 + heads + 3 * heads + 1
    into_heads = sum(3 * HEADS * (1 + HEADS * layer) for layer in range(3))
    assert len(graph.edges) == into_heads + 1 + heads
    assert {e.source for e in graph.edges} | {e.target for e in graph.edges} == set(graph.nodes)
    edges = {(e.source, e.target): e.weight for e in graph.edges}
    direct = float((model.W_E @ model.W_U).norm())
    assert edges["embed", "logits"] == pytest.approx(direct)


@torch.no_grad()
def test_a_head_that_writes_nothing_has_edges_of_zero():
    model = small()
    model.blocks[0].attn.W_O[1] = 0
    silent = "blocks.0.attn.head.1"
    for edge in circuit_graph(weights(model), 2, CONTEXT).edges:
        # What it reads as values goes nowhere either.
        nothing = edge.source == silent or edge.target == f"{silent}.value"
        assert (edge.weight < 1e-12) == nothing


@torch.no_grad()
def test_the_graph_survives_every_change_of_basis(generator):
    model = small()
    graph = model.interpretation().graph
    symmetry = model.symmetry()
    model.load_state_dict(symmetry.act(symmetry.sample(generator), weights(model)))
    moved = model.interpretation().graph
    assert moved.nodes == graph.nodes
    for old, new in zip(graph.edges, moved.edges, strict=True):
        assert (old.source, old.target) == (new.source, new.target)
        assert new.weight == pytest.approx(old.weight, rel=1e-8)
