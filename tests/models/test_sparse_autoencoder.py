"""The sparse autoencoder: a case by hand, few active latents, unit rows, what it offers."""

import pytest
import torch

from interpretable_arch.models.sparse_autoencoder import (
    SparseAutoencoder,
    SparseAutoencoderConfig,
)


def model(k: int = 2, latents: int = 6) -> SparseAutoencoder:
    torch.manual_seed(0)
    return SparseAutoencoder(SparseAutoencoderConfig(d_in=4, latents=latents, k=k)).double()


def test_a_case_by_hand() -> None:
    found = model(k=1, latents=2)
    values = {
        "W_enc": [[1.0, 0.0], [0.0, 2.0], [0.0, 0.0], [0.0, 0.0]],
        "b_enc": [0.5, 0.0],
        "W_dec": [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.6, 0.8]],
        "b": [0.0, 1.0, 0.0, 0.0],
    }
    found.load_state_dict({n: torch.tensor(v, dtype=torch.float64) for n, v in values.items()})
    x = torch.tensor([[1.0, 1.5, 0.0, 0.0], [1.0, 3.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0]]).double()
    # Heard: (1.5, 1), (1.5, 4), (-.5, -2); the loudest alone answers, and nothing below 0.
    wanted = torch.tensor([[1.5, 1.0, 0.0, 0.0], [0.0, 1.0, 2.4, 3.2], [0.0, 1.0, 0.0, 0.0]])
    torch.testing.assert_close(found(x), wanted.double())
    assert found.activations(x)["latents"].tolist() == [[1.5, 0.0], [0.0, 4.0], [0.0, 0.0]]


def test_at_most_k_latents_answer_and_none_below_zero(generator: torch.Generator) -> None:
    found = model(k=2)
    z = found.activations(torch.randn(50, 4, generator=generator, dtype=torch.float64))["latents"]
    assert z.shape == (50, 6)
    assert int((z > 0).sum(1).max()) == 2
    assert float(z.min()) == 0


def test_decoder_rows_go_back_to_length_one_for_any_stack_of_seeds() -> None:
    found = model()
    stacked = {n: torch.stack([2 * p, 3 * p]) for n, p in found.named_parameters()}
    kept = found.constrain(stacked)
    torch.testing.assert_close(kept["W_dec"].norm(dim=-1), torch.ones(2, 6, dtype=torch.float64))
    assert kept["W_enc"] is stacked["W_enc"]


def test_without_unit_rows_one_common_scale_would_be_free(generator: torch.Generator) -> None:
    """Why rows are held at length 1: all latents louder and written smaller is the same function,
    one latent alone is not."""
    found = model()
    x = torch.randn(200, 4, generator=generator, dtype=torch.float64)
    before = found(x)

    def scaled(sizes: torch.Tensor) -> torch.Tensor:
        values: dict[str, torch.Tensor] = dict(found.named_parameters())
        values["W_enc"] = values["W_enc"] * sizes
        values["b_enc"] = values["b_enc"] * sizes
        values["W_dec"] = values["W_dec"] / sizes[:, None]
        return torch.func.functional_call(found, values, (x,))

    torch.testing.assert_close(scaled(torch.full((6,), 3.0).double()), before)
    one = torch.tensor([3.0, 1, 1, 1, 1, 1], dtype=torch.float64)
    assert not torch.allclose(scaled(one), before)


def test_what_is_matched_across_seeds() -> None:
    found = model()
    sets = found.dictionaries()
    assert sets["decoder"].shape == sets["encoder"].shape == (6, 4)
    # The encoder starts as the decoder transposed.
    assert torch.equal(sets["decoder"], sets["encoder"])


@pytest.mark.parametrize("k", [0, 7])
def test_k_is_checked(k: int) -> None:
    with pytest.raises(ValueError, match=f"k: wanted 1 to latents = 6, got {k}"):
        model(k=k)
