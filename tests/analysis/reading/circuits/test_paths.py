"""Compositions and path readings: a circuit set by hand is named, cut and found in the sum."""

import pytest
import torch
from planted_induction import planted, planted_task

from analysis.exhibits import Heatmap, Table
from analysis.reading.circuits.composition import Composition, Kind, compositions
from analysis.reading.circuits.induction import fresh_repeats, head_patterns, prefix_matching
from analysis.reading.circuits.paths import (
    name_heads,
    path_effects,
    prefix_matching_cut,
    read_paths,
)
from interpretable_arch.models.attention_only import AttentionOnly, AttentionOnlyConfig
from interpretable_arch.models.transformer import Transformer, TransformerConfig
from interpretable_arch.symmetry import weights

FIRST, SECOND = "blocks.0.attn.head.0", "blocks.1.attn.head.0"


def random_model(layers: int = 2, seed: int = 0) -> AttentionOnly:
    torch.manual_seed(seed)
    return AttentionOnly(AttentionOnlyConfig(12, 16, 8, layers, 2, std=8**-0.5)).double().eval()


@torch.no_grad()
def test_the_planted_circuit_is_named():
    finding = read_paths(planted(), planted_task())
    figures = finding.figures
    assert figures["sum of paths, relative error"] < 1e-10
    assert figures["previous-token heads"] == figures["induction heads"] == 1
    assert figures["max prefix matching"] > 0.9
    assert figures["max prefix matching, keys cut from previous-token heads"] < 0.3
    assert FIRST in finding.notes[0]
    assert SECOND in finding.notes[1]
    heads = finding.exhibits[0]
    assert isinstance(heads, Table)
    assert [row[1] for row in heads.rows] == ["previous token", "induction"]
    assert heads.rows[1][5] == pytest.approx(1.0)  # it copies
    assert heads.rows[1][6] == f"key of {FIRST}"
    assert heads.rows[0][6:] == ("", "", "", "")
    # Set by hand, it stands far above all random models.
    score, deviations, reach = heads.rows[1][7:]
    assert score > 2 * reach > 0
    assert deviations > 3
    name = "composition by key, above random"
    assert figures[f"{name}, of the named pair"] == score
    assert figures[f"{name}, of the named pair, in standard deviations of random"] == deviations
    assert figures[f"{name}, largest of random models"] == reach
    assert "stronger evidence" in finding.notes[-1]


@torch.no_grad()
def test_the_planted_head_reads_by_key_and_by_nothing_else():
    found = {c.kind: c.score for c in compositions(weights(planted()), 2, 16)}
    assert set(found) == {"query", "key", "value"}
    assert found["key"] > 0.1
    # Nothing is read by query or value: what is left is less than chance.
    assert found["query"] < 0
    assert found["value"] < 0


@torch.no_grad()
def test_compositions_survive_every_change_of_basis(generator):
    model = random_model(3)
    symmetry = model.symmetry()
    continuous = tuple(i for i, f in enumerate(symmetry.factors) if f.group.dimension)
    before = compositions(weights(model), 3, 16)
    assert len(before) == 3 * (2 * 2 + 2 * 4)
    move = tuple(m for m in symmetry.sample(generator) if m[0] in continuous)
    after = compositions(symmetry.act(move, weights(model)), 3, 16)
    for old, new in zip(before, after, strict=True):
        assert (old.first, old.second, old.kind) == (new.first, new.second, new.kind)
        assert new.score == pytest.approx(old.score, abs=1e-8)


@torch.no_grad()
def test_random_heads_score_about_nothing():
    scores = [
        c.score for seed in range(8) for c in compositions(weights(random_model(2, seed)), 2, 16)
    ]
    assert abs(sum(scores) / len(scores)) < 0.05


@torch.no_grad()
def test_untrained_heads_do_not_stand_above_random_ones():
    found = [c for seed in range(8) for c in compositions(weights(random_model(2, seed)), 2, 16)]
    # The null's largest is that of twice as many draws.
    assert all(c.score < c.reach for c in found)
    assert sum(c.deviations**2 for c in found) / len(found) == pytest.approx(1, abs=0.5)
    finding = read_paths(random_model(), planted_task())
    assert not [name for name in finding.figures if "named pair" in name]


@torch.no_grad()
def test_the_spread_of_random_models_is_that_of_its_draws():
    first, again = (compositions(weights(random_model()), 2, 16) for _ in range(2))
    assert first == again
    for kind in ("query", "key", "value"):
        mine = [c for c in first if c.kind == kind]
        assert len({(c.spread, c.reach) for c in mine}) == 1
        assert 0 < mine[0].spread < mine[0].reach < 1
        assert mine[0].deviations == pytest.approx(mine[0].score / mine[0].spread)


@torch.no_grad()
def test_a_stream_wider_than_its_tokens_is_scored_too():
    torch.manual_seed(0)
    narrow = AttentionOnly(AttentionOnlyConfig(3, 8, 16, 2, 2)).double()
    assert all(-1 <= c.score <= 1 for c in compositions(weights(narrow), 2, 8))


@torch.no_grad()
def test_cutting_nothing_changes_nothing_and_cutting_is_by_hand_removal():
    model, repeats = planted(), fresh_repeats(planted_task())
    patterns = head_patterns(model, repeats.tokens)
    whole = {name: prefix_matching(p, repeats) for name, p in patterns.items()}
    assert prefix_matching_cut(model, repeats, ()) == whole
    cut = prefix_matching_cut(model, repeats, [FIRST])
    silent = planted()
    silent.blocks[0].attn.W_O.zero_()
    patterns = head_patterns(silent, repeats.tokens)
    # Its keys were all that the second head read of the first.
    assert cut[SECOND] == pytest.approx(prefix_matching(patterns[SECOND], repeats))
    assert cut[FIRST] == whole[FIRST]


@torch.no_grad()
def test_effects_of_paths_equal_a_loop():
    model, repeats = random_model(), fresh_repeats(planted_task())
    parts = model.paths(repeats.tokens)
    logits, counted = model(repeats.tokens), []
    name = parts.names[5]
    value = parts[name].value()
    for row, L in enumerate(repeats.lengths.tolist()):
        for i in range(L, min(2 * L, repeats.tokens.shape[1] - 1)):
            answer = repeats.tokens[row, i + 1]
            with_it = -logits[row, i].log_softmax(-1)[answer]
            without = -(logits[row, i] - value[row, i]).log_softmax(-1)[answer]
            adds = value[row, i, answer] - value[row, i].mean()
            counted.append(torch.stack([adds, without - with_it]))
    wanted = torch.stack(counted).mean(0).tolist()
    found = {path: (adds, grows) for path, adds, grows in path_effects(parts, repeats)}
    assert found[name] == pytest.approx(tuple(wanted))


def composed(first: str, second: str, kind: Kind, score: float) -> Composition:
    return Composition(first, second, kind, score, spread=0.1, reach=0.2)


def test_names_follow_the_criteria():
    all_pairs = (
        composed("a", "c", "key", 0.3),
        composed("a", "c", "value", 0.2),
        composed("b", "c", "key", 0.1),
        composed("b", "d", "key", 0.5),
        composed("a", "e", "value", 0.6),
        composed("a", "e", "key", 0.4),
    )
    previous = {"a": 0.5, "b": 0.49, "c": 0.0, "d": 0.0, "e": 0.0}
    prefix = {"a": 0.0, "b": 0.9, "c": 0.4, "d": 0.9, "e": 0.9}
    named = name_heads(previous, prefix, all_pairs)
    assert named.previous == ("a",)
    # b is in the first layer, d composes with no previous-token head, e by its value.
    assert named.induction == ("c",)
    assert name_heads(previous, {**prefix, "c": 0.39}, all_pairs).induction == ()


@torch.no_grad()
def test_one_layer_has_nothing_to_compose():
    finding = read_paths(random_model(1), planted_task())
    assert finding.figures["induction heads"] == 0
    assert not any("Composition" in e.title for e in finding.exhibits if isinstance(e, Heatmap))


@torch.no_grad()
def test_other_models_have_no_paths():
    model = Transformer(TransformerConfig(8, 16, d_model=8, heads=2))
    assert read_paths(model, planted_task()) is None
