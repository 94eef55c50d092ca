"""Both attention paths agree, and rotary positions only see offsets."""

import pytest
import torch

from interpretable_arch.layers.attention import EXAMPLES, Attention, AttentionConfig, rotate
from interpretable_arch.layers.written_out import write_out


@pytest.mark.parametrize("which", list(EXAMPLES))
def test_written_out_equals_the_fused_kernel(float64, which):
    torch.manual_seed(0)
    layer = Attention(EXAMPLES[which]).double()
    x = torch.randn(3, 7, EXAMPLES[which].d_model)
    fused = layer(x)
    write_out(layer, True)
    torch.testing.assert_close(layer(x), fused)


def test_by_hand_one_head_of_width_one():
    layer = Attention(AttentionConfig(d_model=1, heads=1))
    with torch.no_grad():
        for weight in (layer.W_Q, layer.W_K, layer.W_V, layer.W_O):
            weight.fill_(1.0)
    out = layer(torch.tensor([[[0.0], [2.0]]]))
    # The second position weighs 0 and 2 by softmax(0, 4).
    wanted = 2 * torch.tensor([0.0, 4.0]).softmax(0)[1]
    torch.testing.assert_close(out[0, :, 0], torch.stack([torch.tensor(0.0), wanted]))


def test_rotary_scores_depend_on_the_offset_alone(float64):
    torch.manual_seed(0)
    q, k = torch.randn(8), torch.randn(8)
    queries = rotate(q.expand(1, 6, 1, 8))[0, :, 0]
    keys = rotate(k.expand(1, 6, 1, 8))[0, :, 0]
    scores = queries @ keys.T
    for offset in range(1, 5):
        along = scores.diagonal(-offset)
        torch.testing.assert_close(along, along[:1].expand_as(along))
