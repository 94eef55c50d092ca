"""Causal multi-head attention (Vaswani et al. 2017, arXiv 1706.03762) in circuit form.

Per head, the QK circuit W_Q W_K^T says where it looks and the OV circuit W_V W_O what it moves
(Elhage et al. 2021); the output is exact, and linear in x, given the pattern. Keys and values
carry no bias: softmax ignores the one, and b_O absorbs the other, so nothing is lost. Rotary
positions (Su et al. 2021, arXiv 2104.09864) turn interleaved pairs of queries and keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Interpretation, ranked
from interpretable_arch.symmetries.groups import ComplexScale, GeneralLinear, Permutation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class AttentionConfig:
    """`std_out` is the standard deviation of W_O at the start (None: as the others)."""

    d_model: int
    heads: int = 4
    rotary: bool = False
    bias: bool = False
    std: float = 0.02
    std_out: float | None = None

    def __post_init__(self) -> None:
        if self.heads < 1 or self.d_model % self.heads:
            raise ValueError(f"heads: must divide d_model = {self.d_model}, got {self.heads}")
        if self.rotary and self.d_head % 2:
            raise ValueError(f"rotary: wanted an even d_model / heads, got {self.d_head}")

    @property
    def d_head(self) -> int:
        return self.d_model // self.heads


EXAMPLES = {
    "plain": AttentionConfig(d_model=6, heads=2, std=0.5),
    "rotary": AttentionConfig(d_model=8, heads=2, rotary=True, std=0.5),
    "bias": AttentionConfig(d_model=6, heads=2, bias=True, std=0.5),
}


class Attention(nn.Module):
    """W_Q, W_K, W_V [d_model, head, d_head] and W_O [head, d_head, d_model].

    `written_out` selects softmax(QK^T)V, which also serves hooks; otherwise the fused kernel.
    """

    causal = True

    def __init__(self, config: AttentionConfig) -> None:
        super().__init__()
        self.config = config
        self.written_out = False
        c = config
        shape = (c.d_model, c.heads, c.d_head)
        self.W_Q = nn.Parameter(torch.empty(shape).normal_(std=c.std))
        self.W_K = nn.Parameter(torch.empty(shape).normal_(std=c.std))
        self.W_V = nn.Parameter(torch.empty(shape).normal_(std=c.std))
        out = torch.empty(c.heads, c.d_head, c.d_model).normal_(std=c.std_out or c.std)
        self.W_O = nn.Parameter(out)
        self.b_Q = nn.Parameter(torch.zeros(c.heads, c.d_head)) if c.bias else None
        self.b_O = nn.Parameter(torch.zeros(c.d_model)) if c.bias else None
        self.hook_q, self.hook_k, self.hook_v = HookPoint(), HookPoint(), HookPoint()
        self.hook_attn_scores, self.hook_pattern, self.hook_z = (HookPoint() for _ in range(3))

    def forward(
        self, x: Float[Tensor, "*batch position d_model"]
    ) -> Float[Tensor, "*batch position d_model"]:
        z = self.hook_z(self._heads(x))
        out = z.flatten(-2) @ self.W_O.flatten(0, 1)
        return out if self.b_O is None else out + self.b_O

    def _heads(self, x: Tensor) -> Tensor:
        q = self._project(x, self.W_Q)
        q = self.hook_q(q if self.b_Q is None else q + self.b_Q)
        k = self.hook_k(self._project(x, self.W_K))
        v = self.hook_v(self._project(x, self.W_V)).transpose(-3, -2)
        if self.config.rotary:
            q, k = rotate(q), rotate(k)
        q, k = q.transpose(-3, -2), k.transpose(-3, -2)
        if self.written_out or self.hook_pattern.active or self.hook_attn_scores.active:
            return (self._pattern(q, k) @ v).transpose(-3, -2)
        return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(-3, -2)

    def _project(self, x: Tensor, weight: Tensor) -> Tensor:
        flat = x @ weight.flatten(1)
        return flat.reshape(*flat.shape[:-1], self.config.heads, self.config.d_head)

    def _pattern(self, q: Tensor, k: Tensor) -> Float[Tensor, "*batch head query key"]:
        scores = self.hook_attn_scores(q @ k.transpose(-2, -1) * self.config.d_head**-0.5)
        future = torch.full(scores.shape[-2:], -torch.inf, dtype=q.dtype, device=q.device).triu(1)
        return self.hook_pattern((scores + future).softmax(-1))

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 5, self.config.d_model, generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"head.{h}": Site("hook_z", -2, h) for h in range(self.config.heads)}

    def decompose(self, x: Float[Tensor, "*batch position d_model"]) -> Decomposition:
        """One part per head, z_h W_O_h, and the bias."""
        _, cache = record(self, x, ["hook_z", "hook_pattern"])
        z = cache["hook_z"]
        heads = range(self.config.heads)
        parts = [Component(f"head.{h}", z[..., h, :], self.W_O[h]) for h in heads]
        if self.b_O is not None:
            parts.append(Component("bias", torch.ones_like(z[..., 0, :1]), self.b_O[None]))
        state = {"hook_pattern": cache["hook_pattern"]}
        return Decomposition(tuple(parts), Exactness.given(*state), "activation", state)

    def residual_actions(self) -> list[Action]:
        """Where the residual stream enters and leaves."""
        actions = [Action(n, 0) for n in ("W_Q", "W_K", "W_V")] + [Action("W_O", -1)]
        return actions if self.b_O is None else [*actions, Action("b_O", -1)]

    def symmetry(self) -> Symmetry:
        """Heads permute; QK and OV circuits keep a general linear change of basis each."""
        c = self.config
        bias = [] if self.b_Q is None else ["b_Q"]
        permuted = [Action(n, 1) for n in ("W_Q", "W_K", "W_V")] + [Action("W_O", 0)]
        permuted += [Action(n, 0) for n in bias]
        heads = Factor("heads", Permutation(c.heads), tuple(permuted), key=circuits)
        inside = ComplexScale(c.d_head // 2) if c.rotary else GeneralLinear(c.d_head)
        query = [Action("W_Q", 2, "direct", 1)] + [Action(n, 1, "direct", 0) for n in bias]
        qk = Factor("qk", inside, (*query, Action("W_K", 2, "dual", 1)), c.heads)
        value = (Action("W_V", 2, "direct", 1), Action("W_O", 1, "dual", 0))
        return Symmetry((heads, qk, Factor("ov", GeneralLinear(c.d_head), value, c.heads)))

    def interpretation(self) -> Interpretation:
        """Per head, in order of size: the norms of its QK and OV circuits."""
        parameters = self.symmetry().canonical(weights(self))
        qk, ov = qk_circuit(parameters).flatten(1), ov_circuit(parameters).flatten(1)
        features = []
        for h in range(self.config.heads):
            features.append(ranked("head", h, "qk", float(qk[h].norm()), "norm of W_Q W_K^T"))
            features.append(ranked("head", h, "ov", float(ov[h].norm()), "norm of W_V W_O"))
        return Interpretation("", tuple(features))


def qk_circuit(parameters: Parameters) -> Float[Tensor, "head d_model_1 d_model"]:
    """W_Q W_K^T per head, the query bias as a last row when there is one."""
    query = parameters["W_Q"].movedim(1, 0)
    if "b_Q" in parameters:
        query = torch.cat([query, parameters["b_Q"][:, None]], 1)
    return torch.einsum("hdk,ehk->hde", query, parameters["W_K"])


def ov_circuit(parameters: Parameters) -> Float[Tensor, "head d_model d_model"]:
    """W_V W_O per head."""
    return torch.einsum("dhk,hke->hde", parameters["W_V"], parameters["W_O"])


def circuits(parameters: Parameters) -> Float[Tensor, "head feature"]:
    """Both circuits per head, flat: what a change of basis inside a head leaves unchanged."""
    return torch.cat([qk_circuit(parameters).flatten(1), ov_circuit(parameters).flatten(1)], 1)


def rotate(x: Float[Tensor, "*batch position head d_head"]) -> Tensor:
    """Rotary positions: the pair (2i, 2i+1) at position p turns by p / 10000^(2i / d_head)."""
    positions = torch.arange(x.shape[-3], device=x.device, dtype=x.dtype)
    pairs = torch.arange(0, x.shape[-1], 2, device=x.device, dtype=x.dtype)
    angle = (positions[:, None] * 10000.0 ** (-pairs / x.shape[-1]))[:, None]
    cos, sin = angle.cos(), angle.sin()
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)
