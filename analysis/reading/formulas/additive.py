"""What an additive spline classifier says: one function a pixel (or feature) and class, to draw.

logit_c = sum_i phi_ic(x_i) from the weights alone. A function's size is its standard deviation over
held-out inputs, its direction the sign of its correlation with the feature, and its bend the share
of its variance that no straight line explains: at 0 the model is a linear classifier.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from analysis.exhibits import Lines, Pictures
from analysis.reading.finding import Finding
from interpretable_arch.layers.spline import Spline
from interpretable_arch.models.kan import KAN
from training.data.task import Split, Task

SHOWN, POINTS = 6, 64


def read_additive(model: nn.Module, task: Task) -> Finding | None:
    """Sizes and bends of all functions, the largest of them drawn; None for other models."""
    if not isinstance(model, KAN) or model.config.hidden or not isinstance(task.held_out, Split):
        return None
    layer = model.layers[0]
    assert isinstance(layer, Spline)
    x = task.probe.inputs.to(layer.W_b)
    with torch.no_grad():
        curves = layer.edges(x)
    centred, along = curves - curves.mean(0), (x - x.mean(0))[..., None]
    power = centred.square().mean(0)
    covariance = (centred * along).mean(0)
    line = covariance.square() / along.square().mean(0).clamp_min(1e-30)
    bend = 1 - float(line.sum() / power.sum().clamp_min(1e-30))
    figures = {
        "share of variance that is bent": bend,
        "largest function": float(power.max()) ** 0.5,
    }
    signed = power.sqrt() * covariance.sign()
    pictures = () if task.picture is None else (_pictures(signed, task, task.picture),)
    largest = power.flatten().argsort(descending=True)[:SHOWN].tolist()
    drawn = tuple(_curve(layer, x, divmod(k, power.shape[1]), task) for k in largest)
    return Finding("Additive functions", figures, (*pictures, *drawn))


def _pictures(
    signed: Float[Tensor, "feature class"], task: Task, shape: tuple[int, int]
) -> Pictures:
    images = signed.T.unflatten(1, shape).tolist()
    return Pictures(
        "Size of each pixel's function for a class, signed by its slope",
        task.labels,
        tuple(tuple(tuple(row) for row in image) for image in images),
    )


def _curve(
    layer: Spline, x: Float[Tensor, "input feature"], edge: tuple[int, int], task: Task
) -> Lines:
    """The function over the range of the data."""
    i, c = edge
    at = torch.linspace(float(x[:, i].min()), float(x[:, i].max()), POINTS).to(x)
    inputs = torch.zeros(POINTS, x.shape[1]).to(x)
    inputs[:, i] = at
    with torch.no_grad():
        y = layer.edges(inputs)[:, i, c]
    title = f"feature {i} for {task.labels[c]}"
    curve = {"function": tuple((y - y.mean()).tolist())}
    return Lines(title, tuple(at.tolist()), curve, f"feature {i}", "what it adds to the logit")
