"""Name -> (config, class), one line each; the contract suite runs over every line.

A registered class is built from its frozen config. Its file gives `EXAMPLES`, tiny configs by
name, and the class gives `example_inputs(count, generator)`.
"""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Literal

from torch import nn

from interpretable_arch.argument_types import checked


@dataclass(frozen=True)
class Entry:
    """Where a registered class lives: `module`, its config and itself by name."""

    kind: Literal["layer", "model"]
    module: str
    config: str
    name: str

    def load(self) -> tuple[type, type[nn.Module]]:
        module = import_module(f"interpretable_arch.{self.module}")
        return getattr(module, self.config), getattr(module, self.name)

    def examples(self) -> dict[str, Any]:
        """The tiny configs that the laws are checked on, by name."""
        return import_module(f"interpretable_arch.{self.module}").EXAMPLES


ENTRIES: dict[str, Entry] = {
    "attention": Entry("layer", "layers.attention", "AttentionConfig", "Attention"),
    "mlp": Entry("layer", "layers.mlp", "MLPConfig", "MLP"),
    "mlp_tanh": Entry("layer", "layers.mlp_tanh", "MLPConfig", "MLPTanh"),
    "mixture": Entry("layer", "layers.mixture", "MixtureConfig", "Mixture"),
    "mxd": Entry("layer", "layers.mxd", "MxDConfig", "MxD"),
    "monet_horizontal": Entry("layer", "layers.monet_horizontal", "MonetConfig", "MonetHorizontal"),
    "monet_vertical": Entry("layer", "layers.monet_vertical", "MonetConfig", "MonetVertical"),
    "peer": Entry("layer", "layers.peer", "PEERConfig", "PEER"),
    "senses": Entry("layer", "layers.senses", "SensesConfig", "Senses"),
    "row_senses": Entry("layer", "layers.row_senses", "RowSensesConfig", "RowSenses"),
    "operator_senses": Entry(
        "layer", "layers.operator_senses", "OperatorSensesConfig", "OperatorSenses"
    ),
    "density_senses": Entry(
        "layer", "layers.density_senses", "DensitySensesConfig", "DensitySenses"
    ),
    "solu": Entry("layer", "layers.solu", "SoLUConfig", "SoLU"),
    "codebook": Entry("layer", "layers.codebook", "CodebookConfig", "Codebook"),
    "abs_topk": Entry("layer", "layers.abs_topk", "AbsTopKConfig", "AbsTopK"),
    "spline": Entry("layer", "layers.spline", "SplineConfig", "Spline"),
    "bilinear": Entry("layer", "layers.bilinear", "BilinearConfig", "Bilinear"),
    "quadratic_layer": Entry(
        "layer", "layers.quadratic_form", "QuadraticFormConfig", "QuadraticForm"
    ),
    "block": Entry("layer", "layers.block", "BlockConfig", "Block"),
    "transformer": Entry("model", "models.transformer", "TransformerConfig", "Transformer"),
    "attention_only": Entry(
        "model", "models.attention_only", "AttentionOnlyConfig", "AttentionOnly"
    ),
    "backpack": Entry("model", "models.backpack", "BackpackConfig", "Backpack"),
    "sense_softmax": Entry("model", "models.sense_softmax", "SenseSoftmaxConfig", "SenseSoftmax"),
    "meaning_prototypes": Entry(
        "model", "models.meaning_prototypes", "MeaningPrototypesConfig", "MeaningPrototypes"
    ),
    "lsrdr": Entry("model", "models.lsrdr", "LSRDRConfig", "LSRDR"),
    "operator_embedding": Entry(
        "model", "models.operator_embedding", "OperatorEmbeddingConfig", "OperatorEmbedding"
    ),
    "context_mixture": Entry(
        "model", "models.context_mixture", "ContextMixtureConfig", "ContextMixture"
    ),
    "core_remainder": Entry(
        "model", "models.core_remainder", "CoreRemainderConfig", "CoreRemainder"
    ),
    "sense_tensor": Entry("model", "models.sense_tensor", "SenseTensorConfig", "SenseTensor"),
    "latent_class_em": Entry(
        "model", "models.latent_class_em", "LatentClassEMConfig", "LatentClassEM"
    ),
    "kan": Entry("model", "models.kan", "KANConfig", "KAN"),
    "additive": Entry("model", "models.additive", "AdditiveConfig", "Additive"),
    "feedforward": Entry("model", "models.feedforward", "FeedForwardConfig", "FeedForward"),
    "quadratic_form": Entry(
        "model", "models.quadratic_form", "QuadraticFormConfig", "QuadraticForm"
    ),
    "sparse_autoencoder": Entry(
        "model", "models.sparse_autoencoder", "SparseAutoencoderConfig", "SparseAutoencoder"
    ),
    "rational_signal": Entry(
        "model", "models.rational_signal", "RationalSignalConfig", "RationalSignal"
    ),
    "rational_signal_descent": Entry(
        "model",
        "models.rational_signal_descent",
        "RationalSignalDescentConfig",
        "RationalSignalDescent",
    ),
    "group_mlp": Entry("model", "models.group_mlp", "GroupMLPConfig", "GroupMLP"),
    "group_transformer": Entry(
        "model", "models.group_transformer", "GroupTransformerConfig", "GroupTransformer"
    ),
    "spectral_automaton": Entry(
        "model", "models.spectral_automaton", "SpectralAutomatonConfig", "SpectralAutomaton"
    ),
    "group_representation": Entry(
        "model", "models.group_representation", "GroupRepresentationConfig", "GroupRepresentation"
    ),
    "group_orthogonal": Entry(
        "model", "models.group_orthogonal", "GroupOrthogonalConfig", "GroupOrthogonal"
    ),
    "hypercube": Entry("model", "models.hypercube", "HyperCubeConfig", "HyperCube"),
    "quantum_channel": Entry(
        "model", "models.quantum_channel", "QuantumChannelConfig", "QuantumChannel"
    ),
    "quantum_channel_likelihood": Entry(
        "model",
        "models.quantum_channel_likelihood",
        "QuantumChannelLikelihoodConfig",
        "QuantumChannelLikelihood",
    ),
    "curved_embedding": Entry(
        "model", "models.curved_embedding", "CurvedEmbeddingConfig", "CurvedEmbedding"
    ),
    "curved_descent": Entry(
        "model", "models.curved_descent", "CurvedDescentConfig", "CurvedDescent"
    ),
}


def registered(kind: Literal["layer", "model"] | None = None) -> tuple[str, ...]:
    """The registered names, in order."""
    return tuple(n for n, e in ENTRIES.items() if kind is None or e.kind == kind)


def nearest(what: str, got: str, known: Iterable[str]) -> str:
    """The message for an unknown name: what it was for, what was got, the nearest valid one."""
    known = list(known)
    near = get_close_matches(got, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return f"{what}: unknown {got!r}; {hint}"


def build(
    class_path: str,
    init_args: Mapping[str, Any],
    dimensions: Mapping[str, Any],
    path: str = "model",
) -> nn.Module:
    """A model from its registered name, or from the dotted path of any torch module.

    Sizes that the task knows (`dimensions`) fill what `init_args` leaves open. Raises ValueError
    for an unknown name or argument, naming the nearest, for an argument of the wrong type
    (registered names only), and for whatever else goes wrong while the class is made. `path` is
    where the configuration asks for it: a layer anywhere but in "model".
    """
    if class_path not in ENTRIES and "." not in class_path:
        known = registered("model" if path == "model" else "layer")
        raise ValueError(nearest(f"{path}.class_path", class_path, known))
    make = _registered_model if class_path in ENTRIES else _own_model
    try:
        built = make(class_path, init_args, dimensions, path)
    except ValueError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        message = f"{path}.class_path {class_path}: could not be built ({reason})"
        raise ValueError(message) from error
    if not isinstance(built, nn.Module):
        raise ValueError(
            f"{path}.class_path: {class_path} made a {type(built).__name__}, no module"
        )
    return built


def _registered_model(
    name: str, init_args: Mapping[str, Any], dimensions: Mapping[str, Any], path: str
) -> nn.Module:
    config, model = ENTRIES[name].load()
    place, known = f"{path}.init_args", [f.name for f in fields(config)]
    arguments = _arguments(f"{place} of {name}", init_args, dimensions, known)
    return model(config(**checked(config, arguments, place)))


def _own_model(
    name: str, init_args: Mapping[str, Any], dimensions: Mapping[str, Any], path: str
) -> Any:
    model = locate(name)
    known = [n for n in inspect.signature(model).parameters if n not in ("args", "kwargs")]
    return model(**_arguments(f"{path}.init_args of {name}", init_args, dimensions, known))


def locate(path: str) -> Any:
    """The object at a dotted path; ValueError, with the reason, when there is none."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"class_path: cannot find {path!r} ({error})") from error


def _arguments(
    place: str, given: Mapping[str, Any], dimensions: Mapping[str, Any], known: list[str]
) -> dict[str, Any]:
    for key in given:
        if key not in known:
            raise ValueError(nearest(place, key, known))
    return {**{k: v for k, v in dimensions.items() if k in known}, **given}
