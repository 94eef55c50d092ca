"""Our transformer beside an independent GPT in the manner of nanoGPT, on equal settings.

Run from the repository's root: python tests/benchmarks/bench_nanogpt.py

Both learn King James characters from the same batches in the same order, with the same sizes,
optimiser and schedule, and embeddings tied in both (or, by --untied, in neither). The reference
shares no code with ours but the data: it has LayerNorm with gains, one fused linear map for
queries, keys and values, and a plain training loop with torch's own AdamW and clipping; ours goes
through `training.fit`. Printed: each one's held-out loss by seed, in nats per character, and the
ratio ours / reference (wanted within 5%). The recipe is that of Karpathy's nanoGPT (2022), which
follows Radford et al. 2019.
"""

import argparse
import math
import tempfile
import time

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.data import Task, batch_indices, build_task
from training.evaluation import fixed_indices
from training.experiment import Experiment
from training.fit import device_of, fit

WITHIN = 0.05
FINAL_FRACTION = 0.1


class ReferenceLayer(nn.Module):
    """Attention, then a perceptron, each on a LayerNorm of the stream."""

    def __init__(self, d_model: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(d_model, bias=False)
        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.attention_out = nn.Linear(d_model, d_model, bias=False)
        self.norm_perceptron = nn.LayerNorm(d_model, bias=False)
        self.widen = nn.Linear(d_model, 4 * d_model, bias=False)
        self.perceptron_out = nn.Linear(4 * d_model, d_model, bias=False)

    def forward(self, stream: Tensor) -> Tensor:
        normed = self.qkv(self.norm_attention(stream)).unflatten(-1, (3, self.heads, -1))
        q, k, v = normed.permute(2, 0, 3, 1, 4)
        moved = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        stream = stream + self.attention_out(moved.transpose(1, 2).flatten(2))
        return stream + self.perceptron_out(F.gelu(self.widen(self.norm_perceptron(stream))))


class Reference(nn.Module):
    """A GPT with learned positions; tied, one matrix embeds tokens and scores the next."""

    def __init__(self, vocab: int, settings: argparse.Namespace) -> None:
        super().__init__()
        d_model, layers = settings.d_model, settings.layers
        self.tokens = nn.Embedding(vocab, d_model)
        self.positions = nn.Embedding(settings.context, d_model)
        self.layers = nn.ModuleList(ReferenceLayer(d_model, settings.heads) for _ in range(layers))
        self.norm = nn.LayerNorm(d_model, bias=False)
        self.scores = nn.Linear(d_model, vocab, bias=False)
        if not settings.untied:
            self.scores.weight = self.tokens.weight
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                writes = name.endswith("_out.weight")
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * layers) if writes else 0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        stream = self.tokens(tokens) + self.positions.weight[: tokens.shape[-1]]
        for layer in self.layers:
            stream = layer(stream)
        return self.scores(self.norm(stream))


def reference_rate(settings: argparse.Namespace, step: int) -> float:
    """Linear warmup, then half a cosine down to a tenth."""
    if step < settings.warmup:
        return settings.lr * (step + 1) / settings.warmup
    angle = math.pi * (step - settings.warmup) / (settings.steps - settings.warmup)
    low = FINAL_FRACTION * settings.lr
    return low + (settings.lr - low) * (1 + math.cos(angle)) / 2


def train_reference(task: Task, settings: argparse.Namespace, seed: int) -> Reference:
    """A plain loop; the batches are those that ours sees under the same seed."""
    torch.manual_seed(seed)
    model = Reference(task.outputs, settings).to(task.probe.device)
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    gains = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices}, {"params": gains, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, settings.lr, (0.9, 0.95), weight_decay=0.1)
    for step in range(settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = reference_rate(settings, step)
        chosen = batch_indices(len(task.train), settings.batch, seed, step)
        inputs, targets = task.train.take(chosen)
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model


@torch.no_grad()
def held_out_loss(model: nn.Module, task: Task, settings: argparse.Namespace) -> float:
    """Mean over the same held-out windows that ours is measured on."""
    pieces = fixed_indices(task.held_out, settings.windows).split(settings.batch)
    total, count = 0.0, 0
    for inputs, targets in map(task.held_out.take, pieces):
        logits = model(inputs).flatten(0, 1)
        total += F.cross_entropy(logits, targets.flatten(), reduction="sum").item()
        count += targets.numel()
    return total / count


def experiment(settings: argparse.Namespace) -> Experiment:
    """The same settings as our own training spells them."""
    sizes = {name: getattr(settings, name) for name in ("d_model", "layers", "heads")}
    sizes["tied"] = not settings.untied
    return Experiment.from_mapping(
        {
            "name": "parity",
            "model": {"class_path": "transformer", "init_args": sizes},
            "task": {"class_path": "text", "init_args": {"context": settings.context}},
            "optimizer": {
                "lr": settings.lr,
                "betas": [0.9, 0.95],
                "weight_decay": 0.1,
                "warmup_steps": settings.warmup,
                "schedule": "cosine",
                "final_fraction": FINAL_FRACTION,
                "clip": 1.0,
            },
            "trainer": {
                "max_steps": settings.steps,
                "batch_size": settings.batch,
                "evaluate_every": settings.steps,
                "evaluate_windows": settings.windows,
            },
            "seeds": settings.seeds,
        }
    )


def read_settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    defaults = {"d_model": 64, "layers": 2, "heads": 4, "context": 64, "batch": 16}
    defaults |= {"steps": 800, "warmup": 80, "windows": 1024, "seeds": 3}
    for name, value in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--untied", action="store_true", help="a second matrix scores the next")
    settings = parser.parse_args()
    if not 0 <= settings.warmup < settings.steps:
        parser.error(f"--warmup: wanted 0 to below --steps, got {settings.warmup}")
    return settings


def main() -> None:
    settings = read_settings()
    print(" ".join(f"{name}={value}" for name, value in vars(settings).items()))
    ours = experiment(settings)
    with tempfile.TemporaryDirectory() as root:
        runs = fit(ours, root, progress=False)
    task = build_task("text", ours.task.init_args).to(device_of("auto"))
    losses: list[tuple[float, float]] = []
    for run in runs:
        start = time.monotonic()
        model = train_reference(task, settings, run.seed.init)
        seconds = time.monotonic() - start
        reference = held_out_loss(model, task, settings)
        loss = run.metrics["held_out_loss"][-1].as_py()
        losses.append((loss, reference))
        print(
            f"seed {run.seed.init}: ours {loss:.4f}, reference {reference:.4f} nats/character, "
            f"ratio {loss / reference:.4f} ({run.seconds:.0f} s, {seconds:.0f} s)"
        )
        if run is runs[-1]:
            sizes = sum(w.numel() for w in run.weights.values())
            print(f"parameters: {sizes:,} and {sum(p.numel() for p in model.parameters()):,}")
    ratio = sum(a for a, _ in losses) / sum(b for _, b in losses)
    verdict = "yes" if abs(ratio - 1) <= WITHIN else "NO"
    print(f"mean ratio ours / reference {ratio:.4f}; within {WITHIN:.0%}: {verdict}")


if __name__ == "__main__":
    main()
