"""How strongly each head of an attention-only model writes where another reads, from weights.

A writer w hands on T_w [vocab, d_model]: the tokens' embeddings W_E, or a head's W_E W_V W_O. A
head (W_Q, W_K, W_V, W_O) reads it in three ways (Elhage et al. 2021), weighed in tokens:

    query  || T_w W_Q R W_K^T W_E^T ||      key  || W_E W_Q R W_K^T T_w^T ||
    value  || T_w W_V W_O W_U ||            and the logits read  || T_w W_U ||

Frobenius norms over pairs of tokens, so that no change of basis inside the model alters them; R
turns rotary queries by an offset, and the root mean square over all offsets is taken.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.interpretation import Edge, Graph
from interpretable_arch.layers.attention import rotate

PORTS = ("query", "key", "value")


def circuit_graph(
    parameters: Mapping[str, Tensor], layers: int, context: int, head: str = "head"
) -> Graph:
    """Nodes: `embed`, each head as a writer under its own name, its three ports `NAME.query`,
    `NAME.key` and `NAME.value`, and `logits`. Edges run from writers to later ports.

    `head` is what the names call one: `head.rank` where heads were put in order of size.
    """
    W_E, W_U = parameters["W_E"], parameters["W_U"]
    writers, edges = {"embed": W_E}, []
    for layer in range(layers):
        prefix = f"blocks.{layer}.attn."
        matrices = [parameters[prefix + n] for n in ("W_Q", "W_K", "W_V", "W_O")]
        found = {}
        for h in range(matrices[0].shape[1]):
            W_Q, W_K, W_V = (m[:, h] for m in matrices[:3])
            W_O, name = matrices[3][h], f"{prefix}{head}.{h}"
            for writer, T in writers.items():
                read = (
                    score_norm(T @ W_Q, W_E @ W_K, context),
                    score_norm(W_E @ W_Q, T @ W_K, context),
                    float((T @ W_V @ (W_O @ W_U)).norm()),
                )
                pairs = zip(PORTS, read, strict=True)
                edges += [Edge(writer, f"{name}.{port}", weight) for port, weight in pairs]
            found[name] = W_E @ W_V @ W_O
        writers |= found
    edges += [Edge(writer, "logits", float((T @ W_U).norm())) for writer, T in writers.items()]
    ports = [f"{head}.{port}" for head in list(writers)[1:] for port in PORTS]
    return Graph((*writers, *ports, "logits"), tuple(edges))


def score_norm(
    queries: Float[Tensor, "token d_head"], keys: Float[Tensor, "source d_head"], context: int
) -> float:
    """|| queries R keys^T ||, root mean square over the offsets 0 .. context - 1 of rotary R.

    || Q R K^T ||^2 = tr(R^T Q^T Q R K^T K): only d_head x d_head products are formed.
    """
    R = rotations(context, queries.shape[-1]).to(queries)
    turned = R.mT @ (queries.mT @ queries) @ R
    squares = torch.einsum("oij,ji->o", turned, keys.mT @ keys)
    return float(squares.mean().clamp_min(0).sqrt())


def rotations(context: int, d_head: int) -> Float[Tensor, "offset d_head d_head"]:
    """R with rotate(q) at position p = q R_p: scores depend on query less key position alone."""
    identity = torch.eye(d_head, dtype=torch.float64)
    return rotate(identity.expand(context, d_head, d_head))
