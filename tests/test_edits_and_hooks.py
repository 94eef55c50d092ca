"""Hook points and total-effect edits on a transformer."""

import pytest
import torch

from interpretable_arch.edits import Edit, edited
from interpretable_arch.hooks import hook_points, overridden, record, state_share
from interpretable_arch.models.transformer import EXAMPLES, Transformer

TOKENS = torch.tensor([[0, 1, 2, 3, 4], [4, 3, 2, 1, 0]])


@pytest.fixture
def model() -> Transformer:
    torch.manual_seed(0)
    return Transformer(EXAMPLES["learned"]).eval()


def test_names_are_those_that_transformerlens_uses(model):
    names = set(hook_points(model))
    assert {
        "hook_embed",
        "hook_pos_embed",
        "blocks.0.hook_resid_pre",
        "blocks.0.ln1.hook_scale",
        "blocks.0.attn.hook_q",
        "blocks.0.attn.hook_pattern",
        "blocks.0.attn.hook_z",
        "blocks.0.hook_attn_out",
        "blocks.0.hook_resid_mid",
        "blocks.0.mlp.hook_post",
        "blocks.0.hook_mlp_out",
        "blocks.1.hook_resid_post",
        "ln_final.hook_scale",
    } <= names


def test_record_sees_what_forward_computes(model):
    output, cache = record(model, TOKENS)
    torch.testing.assert_close(output, model(TOKENS))
    pattern = cache["blocks.0.attn.hook_pattern"]
    torch.testing.assert_close(pattern.sum(-1), torch.ones(2, 2, 5))
    assert pattern[0, 0, 0, 1:].eq(0).all()


def test_overriding_is_undone_even_after_an_error(model):
    before = model(TOKENS)

    def fail(_):
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"), overridden(model, {"hook_embed": fail}):
        model(TOKENS)
    torch.testing.assert_close(model(TOKENS), before)
    with (
        pytest.raises(ValueError, match="did you mean 'hook_embed'"),
        overridden(model, {"hook_embd": fail}),
    ):
        pass


def test_total_and_direct_effect_differ_upstream(model):
    part = "blocks.0.attn.head.0"
    parts = model.decompose(TOKENS)
    direct = parts.ablate(part).total()
    with edited(model, Edit.ablate(part)):
        total = model(TOKENS)
    assert not torch.allclose(direct, total, atol=1e-4)


def test_swap_takes_the_other_inputs_part(model):
    other = TOKENS.flip(0)
    with edited(model, Edit.swap("embed", other)):
        swapped = model(TOKENS)
    torch.testing.assert_close(swapped, model(other))


def test_several_edits_at_once(model):
    zero = [Edit.ablate(f"blocks.{i}.attn.head.{h}") for i in (0, 1) for h in (0, 1)]
    zero += [Edit.ablate(f"blocks.{i}.mlp") for i in (0, 1)]
    with edited(model, *zero):
        bare = model(TOKENS)
    x = model.W_E[TOKENS] + model.W_pos[:5]
    torch.testing.assert_close(bare, model.ln_final(x) @ model.W_U)


def test_unknown_part_and_bad_edit_are_named(model):
    with (
        pytest.raises(ValueError, match="did you mean 'embed'"),
        edited(model, Edit.ablate("embd")),
    ):
        pass
    with pytest.raises(ValueError, match="verb must be"):
        Edit.from_mapping({"verb": "drop", "component": "embed", "value": None})


def test_state_share_is_zero_for_equal_inputs_and_refuses_one(model):
    same = TOKENS[:1].expand(3, -1)
    assert state_share(model, same, model.state()) < 1e-6
    with pytest.raises(ValueError, match="at least 2"):
        state_share(model, TOKENS[:1], model.state())
