"""The ends of a language model start where the training text's own statistics put them.

With counts C(a, b) of a followed by b, and P(b | a) = (C(a, b) + k p(b)) / (C(a) + k):

    log P(b | a) - log p(b) = U S V^T,   W_E: rows of U S^(1/2), each scaled to one size
    W_U = argmin over W of the cross-entropy of the bigrams under softmax(norm(W_E) W), plus ridge

W_E gives tokens with like followers like vectors (Levy and Goldberg 2014: word vectors factorise a
table of pointwise mutual information); the second problem is convex. Both are the same for all
seeds; positions, heads and mlps stay the seed's own, so that it starts near the bigram model.
"""

import math

import torch
from jaxtyping import Float
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from training.block import set_seed_values
from training.data.task import Stream
from training.data_fit import data_batches
from training.module import BlockModule

RIDGE = 1e-5
ROUNDS = 200


class DataMadeStart(Callback):
    """Sets W_E and W_U of every seed from the training text, before anything is measured.

    `size` is the root mean square of W_E's entries, best large beside the initial positions';
    `smoothing` is in tokens. Raises ValueError for either that is no finite number above
    0 and, once training starts, for data that is no running text and for a model without W_E and
    W_U of its own.
    """

    def __init__(self, smoothing: float = 10.0, size: float = 0.5) -> None:
        for name, value in (("smoothing", smoothing), ("size", size)):
            if not 0 < value < math.inf:
                raise ValueError(f"{name}: wanted a finite number above 0, got {value}")
        self.smoothing, self.size = smoothing, size

    @torch.no_grad()
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Before a checkpoint is read, which goes before it."""
        assert isinstance(pl_module, BlockModule)
        tree, train = pl_module.block.tree, pl_module.task.train
        if not isinstance(train, Stream):
            raise ValueError(f"task: wanted running text, got a {type(train).__name__}")
        shapes = {n: p.shape[pl_module.block.seed_axes :] for n, p in tree.named_parameters()}
        if "W_E" not in shapes or "W_U" not in shapes:
            raise ValueError(f"model: wanted W_E and W_U, {type(tree).__name__} has not both")
        vocab, d_model = shapes["W_E"]
        counts = bigrams(train, vocab)
        W_E = embedding(counts, d_model, self.smoothing) * self.size
        values = {"W_E": W_E, "W_U": unembedding(W_E, counts)}
        for index in range(len(pl_module.seeds)):
            set_seed_values(pl_module.block, index, values)


def bigrams(train: Stream, vocab: int) -> Float[Tensor, "vocab vocab"]:
    """How often each token was followed by each, float64, on the processor."""
    pairs = sum(
        torch.bincount((a.flatten() * vocab + b.flatten()).cpu(), minlength=vocab * vocab)
        for a, b in data_batches(train)
    )
    assert isinstance(pairs, Tensor)
    return pairs.view(vocab, vocab).double()


def embedding(
    counts: Float[Tensor, "vocab vocab"], d_model: int, smoothing: float
) -> Float[Tensor, "vocab d_model"]:
    """Rows of root mean square 1; zeros fill coordinates beyond the table's own."""
    single = (counts.sum(0) + 0.5) / (counts.sum() + 0.5 * len(counts))
    given = (counts + smoothing * single) / (counts.sum(1, keepdim=True) + smoothing)
    U, S, Vh = torch.linalg.svd(given.log() - single.log())
    # The sign of a singular vector is free: the largest entry of each is made positive.
    sign = Vh.gather(1, Vh.abs().argmax(1, keepdim=True)).sign()
    rows = (U * S.sqrt() * sign.T)[:, :d_model]
    rows = torch.nn.functional.pad(rows, (0, d_model - rows.shape[1]))
    return rows / rows.square().mean(1, keepdim=True).sqrt().clamp(min=1e-12)


def unembedding(
    W_E: Float[Tensor, "vocab d_model"], counts: Float[Tensor, "vocab vocab"]
) -> Float[Tensor, "d_model vocab"]:
    """The best map from normed embeddings to the logits of what follows, from zero."""
    normed = W_E / W_E.square().mean(1, keepdim=True).sqrt().clamp(min=1e-12)
    share = counts / counts.sum()
    W = torch.zeros(*W_E.T.shape, dtype=W_E.dtype, requires_grad=True)
    optimizer = torch.optim.LBFGS([W], max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = -(share * (normed @ W).log_softmax(-1)).sum() + RIDGE * W.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)  # pyright: ignore[reportArgumentType]
    return W.detach()
