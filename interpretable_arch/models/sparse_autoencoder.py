"""Sparse autoencoder: each input as a sum of the k latents that it calls loudest.

    z = ReLU(top_k((x - b) W_enc + b_enc)),   x' = z W_dec + b,   rows of W_dec of length 1

Top-k: Gao et al. 2024 (arXiv 2406.04093), without their loss for dead latents; dictionary learning
of features: Bricken et al. 2023. Which latents are active is recorded; given that, every part is
affine in the input.

The unit rows are a constraint, kept after each update. Without it one common scale could move from
encoder to decoder, the same for all latents since top-k compares them, and each latent's own while
the active set holds. With it latents permute, and nothing else is free. Where latents tie exactly
for the last of the k places, which of them is active depends on their order: at such an input, and
at no other, renaming latents can change the output.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Interpretation, ranked
from interpretable_arch.maths.sparsity import largest
from interpretable_arch.symmetries.groups import Permutation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class SparseAutoencoderConfig:
    """At most `k` of `latents` are active at an input of `d_in` numbers."""

    d_in: int
    latents: int
    k: int

    def __post_init__(self) -> None:
        at_least_one(d_in=self.d_in, latents=self.latents)
        if not 1 <= self.k <= self.latents:
            raise ValueError(f"k: wanted 1 to latents = {self.latents}, got {self.k}")


EXAMPLES = {
    "plain": SparseAutoencoderConfig(d_in=4, latents=6, k=2),
    "narrow": SparseAutoencoderConfig(d_in=5, latents=4, k=1),
}


class SparseAutoencoder(nn.Module):
    """W_enc [d_in, latent], b_enc [latent], W_dec [latent, d_in], b [d_in].

    The encoder starts as the decoder transposed.
    """

    def __init__(self, config: SparseAutoencoderConfig) -> None:
        super().__init__()
        self.config = c = config
        self.W_dec = nn.Parameter(F.normalize(torch.randn(c.latents, c.d_in), dim=-1))
        self.W_enc = nn.Parameter(self.W_dec.detach().T.clone())
        self.b_enc = nn.Parameter(torch.zeros(c.latents))
        self.b = nn.Parameter(torch.zeros(c.d_in))
        self.hook_active, self.hook_latents = HookPoint(), HookPoint()
        self.hook_bias = HookPoint()

    def forward(self, x: Shaped[Tensor, "*index d_in"]) -> Float[Tensor, "*index d_in"]:
        x = x.to(self.W_dec)  # data may be more precise than the model is trained
        pre = (x - self.b) @ self.W_enc + self.b_enc
        chosen = largest(pre.detach(), self.config.k) & (pre.detach() > 0)
        latents = self.hook_latents(pre * self.hook_active(chosen.to(pre.dtype)))
        return latents @ self.W_dec + self.hook_bias(torch.ones_like(x[..., :1])) * self.b

    def loss(
        self, inputs: Shaped[Tensor, "*index d_in"], targets: Shaped[Tensor, "*index d_in"]
    ) -> Float[Tensor, ""]:
        """Mean squared error over inputs and coordinates."""
        return F.mse_loss(self(inputs), targets.to(self.W_dec))

    def constrain(self, parameters: Parameters) -> dict[str, Tensor]:
        """Decoder rows brought back to length 1; any leading axes."""
        return {**parameters, "W_dec": F.normalize(parameters["W_dec"], dim=-1)}

    def dictionaries(self) -> dict[str, Float[Tensor, "latent d_in"]]:
        """What each latent writes and what it listens for, in the space of the inputs."""
        return {"decoder": self.W_dec.detach(), "encoder": self.W_enc.detach().T}

    @torch.no_grad()
    def activations(self, x: Shaped[Tensor, "*index d_in"]) -> dict[str, Tensor]:
        """How strongly each latent answers, [*index, latent], at least 0, at most k above it."""
        return {"latents": record(self, x, ["hook_latents"])[1]["hook_latents"]}

    def representation(self, x: Shaped[Tensor, "*index d_in"]) -> Float[Tensor, "*index latent"]:
        """The latents, all together."""
        return record(self, x, ["hook_latents"])[1]["hook_latents"]

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 5, self.config.d_in, generator=generator)

    def sites(self) -> Mapping[str, Site]:
        latents = {f"latent.{i}": Site("hook_latents", -1, i) for i in range(self.config.latents)}
        return {**latents, "bias": Site("hook_bias")}

    def decompose(self, x: Shaped[Tensor, "*index d_in"]) -> Decomposition:
        """One part per latent, its activation times its decoder row, and the bias."""
        hooks = ("hook_active", "hook_latents", "hook_bias")
        _, cache = record(self, x, hooks)
        z, rows = cache["hook_latents"], self.W_dec
        parts = [
            Component(f"latent.{i}", z[..., i : i + 1], rows[i : i + 1])
            for i in range(self.config.latents)
        ]
        parts.append(Component("bias", cache["hook_bias"], self.b[None]))
        state = {"hook_active": cache["hook_active"]}
        return Decomposition(tuple(parts), Exactness.given(*state), "value", state)

    def symmetry(self) -> Symmetry:
        """Latents permute; rows of length 1 leave no scale."""
        actions = (Action("W_enc", 1), Action("b_enc", 0), Action("W_dec", 0))
        group = Permutation(self.config.latents)
        return Symmetry((Factor("latents", group, actions, key=latent_rows),))

    def interpretation(self) -> Interpretation:
        """Per latent, in order of size: how strongly it listens, from where on, how alone it is."""
        found = self.symmetry().canonical(weights(self))
        rows = F.normalize(found["W_dec"], dim=-1)
        cosines = rows @ rows.T - 3 * torch.eye(len(rows), dtype=rows.dtype, device=rows.device)
        # One latent alone has no other to be near to.
        nearest = cosines.max(-1).values if len(rows) > 1 else torch.zeros_like(found["b_enc"])
        numbers = {
            "reads": ("norm of its encoder", found["W_enc"].norm(dim=0)),
            "starts": ("its encoder bias", found["b_enc"]),
            "nearest": ("largest cosine of its decoder with another", nearest),
        }
        features = [
            ranked("latent", i, name, float(values[i]), what)
            for i in range(self.config.latents)
            for name, (what, values) in numbers.items()
        ]
        return Interpretation("", tuple(features))


def latent_rows(parameters: Parameters) -> Float[Tensor, "latent both"]:
    """What identifies a latent: its encoder, its bias, its decoder."""
    own = (parameters["W_enc"].T, parameters["b_enc"][:, None], parameters["W_dec"])
    return torch.cat(own, -1)
