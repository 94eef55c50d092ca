"""Dictionaries of features among named tensors: which of them, and which axis counts features.

Spellings: W_enc [d, m] and W_dec [m, d] (SAELens), encoder.weight [m, d] and decoder.weight [d, m]
(dictionary_learning), and plain encoder, decoder and dictionary [m, d], for m features in a space
of d dimensions. Files of other origin transpose them, so that the axis is told from the shapes:

1. a bias that lies in the space (b_dec, decoder.bias, bias, pre_bias) has d entries;
2. else a bias of the features (b_enc, encoder.bias, threshold) has m entries;
3. else the longer axis counts the features: sparse dictionaries are overcomplete;
4. a square one is read as it is spelled.
"""

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from torch import Tensor

# name -> what it is, and whether its rows are the features as it is spelled
SPELLINGS = {
    "W_dec": ("decoder", True),
    "decoder.weight": ("decoder", False),
    "decoder": ("decoder", True),
    "dictionary": ("decoder", True),
    "W_enc": ("encoder", False),
    "encoder.weight": ("encoder", True),
    "encoder": ("encoder", True),
}
OF_THE_SPACE = ("b_dec", "decoder.bias", "bias", "pre_bias", "decoder_bias")
OF_THE_FEATURES = ("b_enc", "encoder.bias", "threshold", "log_threshold", "b_mag", "b_gate")


def is_dictionary(tensors: Mapping[str, Tensor]) -> bool:
    """Whether these are one sparse autoencoder's: a decoder, maybe an encoder, no other matrix."""
    matrices = {name for name, tensor in tensors.items() if tensor.ndim > 1}
    kinds = [SPELLINGS[name][0] for name in matrices if name in SPELLINGS]
    whole = len(kinds) == len(matrices) and len(set(kinds)) == len(kinds) and "decoder" in kinds
    return whole and all(tensors[name].ndim == 2 for name in matrices)


def dictionaries_of(tensors: Mapping[str, Tensor]) -> dict[str, Float[Tensor, "feature d"]]:
    """`decoder` and `encoder`, as far as they are among the tensors, a feature a row.

    Raises ValueError where the two do not have one shape up to transposition.
    """
    named = {name: tensors[name] for name in SPELLINGS if name in tensors}
    shapes = {tuple(sorted(tensor.shape)) for tensor in named.values()}
    if len(shapes) > 1:
        given = ", ".join(f"{name} {tuple(t.shape)}" for name, t in named.items())
        raise ValueError(f"wanted an encoder and a decoder of one shape, got {given}")
    lengths = shapes.pop() if shapes else ()
    d = _dimensions(lengths, tensors)
    return {
        SPELLINGS[name][0]: _rows_are_features(tensor, d, SPELLINGS[name][1]).float()
        for name, tensor in named.items()
    }


def _dimensions(lengths: Sequence[int], tensors: Mapping[str, Tensor]) -> int | None:
    """Dimensions of the space by rules 1 to 3; None for square dictionaries."""
    if len(set(lengths)) < 2:
        return None
    short, long = lengths
    for names, other in ((OF_THE_SPACE, {}), (OF_THE_FEATURES, {short: long, long: short})):
        for name in names:
            count = tensors[name].numel() if name in tensors else 0
            if count in (short, long):
                return other.get(count, count)
    return short


def _rows_are_features(matrix: Tensor, d: int | None, spelled: bool) -> Tensor:
    as_it_is = spelled if d is None else matrix.shape[1] == d
    return matrix if as_it_is else matrix.T
