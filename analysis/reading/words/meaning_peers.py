"""What a transformer's hidden states hold of a word's meaning: a supervised probe and k-means.

States are the normed stream at the word's place and at the place before it, after each block; all
of them know only what stands to the left. The probe is a logistic regression per word (scikit-
learn, C = 0.01 on standardised states), fitted on the known meanings of training occurrences: a
ceiling. k-means (10 starts) sees no meanings. Both are given their best layer, and k-means
whitening too (at as many clusters as meanings) where that helps it, chosen by the *held-out*
accuracy: the choice favours the peers.
"""

import warnings
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from analysis.reading.words.occurrences import PIECE, Occurrences, by_word, mean
from interpretable_arch.hooks import record
from interpretable_arch.models.transformer import Transformer

MORE = (4, 8)  # k-means is also asked with more clusters than meanings


def transformer_of(model: nn.Module) -> Transformer | None:
    """The standard transformer that the model is, or that it wraps as `body`."""
    found = getattr(model, "body", model)
    return found if isinstance(found, Transformer) else None


def peers(
    body: Transformer, train: Occurrences, test: Occurrences, meanings: int
) -> dict[str, float]:
    """Mean accuracies over words: of the probe, and of k-means with as many clusters as meanings
    and with more."""
    pairs = list(zip(_states(body, train), _states(body, test), strict=True))
    figures = {"probe accuracy": max(_probe(a, train, b, test) for a, b in pairs)}
    for k in (meanings, *(m for m in MORE if m > meanings)):
        name = "k-means accuracy" + ("" if k == meanings else f", {k} clusters")
        # Whitening is tried where it could matter most to the comparison, at k = meanings.
        ways = (False, True) if k == meanings else (False,)
        tried = [_k_means(a, train, b, test, k, w) for a, b in pairs for w in ways]
        figures[name] = max(tried)
    return figures


def _states(body: Transformer, part: Occurrences) -> list[Float[Tensor, "occurrence d_model"]]:
    """After each block, the place before the word and the word's own."""
    names = [f"blocks.{i}.hook_resid_post" for i in range(len(body.blocks))]
    found: list[list[Tensor]] = [[] for _ in range(2 * len(names))]
    for tokens, counts in zip(part.tokens.split(PIECE), part.counts.split(PIECE), strict=True):
        _, cache = record(body, tokens, names)
        for i, name in enumerate(names):
            state = body.ln_final(cache[name])
            found[2 * i].append(state.roll(1, 1)[counts])
            found[2 * i + 1].append(state[counts])
    return [torch.cat(pieces).float().cpu() for pieces in found]


def _probe(a: Tensor, train: Occurrences, b: Tensor, test: Occurrences) -> float:
    from sklearn.linear_model import LogisticRegression

    right = []
    for word in test.words.unique().tolist():
        own, asked = train.words == word, test.words == word
        meanings = train.meanings[own]
        middle, scale = a[own].mean(0), a[own].std(0).clamp_min(1e-6)
        if len(meanings.unique()) < 2:
            right.append(float((test.meanings[asked] == meanings[0]).double().mean()))
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a fit that stops early is a lower ceiling, no error
            fit = LogisticRegression(C=0.01, max_iter=300)
            fit.fit(((a[own] - middle) / scale).numpy(), meanings.numpy())
        told = fit.predict(((b[asked] - middle) / scale).numpy())
        right.append(float((torch.from_numpy(told) == test.meanings[asked]).double().mean()))
    return sum(right) / len(right)


def _k_means(
    a: Tensor, train: Occurrences, b: Tensor, test: Occurrences, k: int, whiten: bool
) -> float:
    from sklearn.cluster import KMeans

    chosen = torch.zeros_like(train.words), torch.zeros_like(test.words)
    for word in test.words.unique().tolist():
        own, asked = train.words == word, test.words == word
        if int(own.sum()) < k:
            continue
        x, y = (_whitened(a[own], v) if whiten else v for v in (a[own], b[asked]))
        starts: Any = 10  # the stubs know only "auto"
        fit = KMeans(k, n_init=starts, random_state=0).fit(x.numpy())
        chosen[0][own] = torch.from_numpy(fit.labels_).long()
        chosen[1][asked] = torch.from_numpy(fit.predict(y.contiguous().numpy())).long()
    return mean(by_word(chosen[0], train, chosen[1], test))


def _whitened(
    fit: Float[Tensor, "occurrence d"], rows: Float[Tensor, "row d"]
) -> Float[Tensor, "row direction"]:
    """Rows along the principal directions of `fit`, to unit variance; a floor of 5% of the largest
    keeps noise directions small."""
    middle = fit.mean(0)
    _, size, directions = torch.linalg.svd(fit - middle, full_matrices=False)
    return (rows - middle) @ directions.T / (size + 0.05 * size.max()) * len(fit) ** 0.5
