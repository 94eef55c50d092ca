"""CKA of all pairs of seeds: one matrix product against a loop over pairs and against other tools.

Run from the repository's root: python tests/benchmarks/bench_cka.py [THREADS [FOLDER]]

FOLDER is where peers are installed, if not beside this project:
pip install --target FOLDER rsatoolbox ckatorch torch_cka. One that is missing is printed as not
installed. Each peer is used as its own documentation says, on the same matrices, with as many
threads, in the type it computes in (ckatorch makes float64 of everything, torch_cka wants float32),
and our time beside it is for the same type and the same estimator:

rsatoolbox  Dataset, calc_rdm(euclidean), compare(cosine_cov): biased linear CKA, all pairs a call
ckatorch    cka_base(x, y, unbiased=True), a pair a call: debiased
torch_cka   CKA(model, model).compare(loader), a pair a call: debiased; models look the rows up
netrep      has no distribution on the package index, so it can't be measured. In its place stand
            loops over pairs of the formulas that it publishes (Williams et al. 2021,
            arXiv:2110.14739), written here: the angle of linear CKA, and the angle of orthogonal
            Procrustes, which is another measure at another cost

A loop costs as much for every pair, so loops are timed on `PAIRS` pairs and scaled to all.
"""

import importlib
import math
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import combinations, islice

THREADS = sys.argv[1] if len(sys.argv) > 1 else "1"
os.environ.update(OMP_NUM_THREADS=THREADS, OPENBLAS_NUM_THREADS=THREADS, TQDM_DISABLE="1")

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from analysis.stability.representations.cka import cka

SIZES = ((50, 500, 128), (50, 1000, 512))
PAIRS = 100
REPEATS = 5
Pair = Callable[[Tensor, Tensor], float]


def hsic(a: Tensor, b: Tensor) -> Tensor:
    """Unbiased HSIC of two Grams with zero diagonals, term by term as it is written down."""
    m = len(a)
    ends = a.sum() * b.sum() / ((m - 1) * (m - 2))
    return ((a * b).sum() + ends - 2 * a.sum(0) @ b.sum(1) / (m - 2)) / (m * (m - 3))


def plain(x: Tensor, y: Tensor) -> float:
    """The same number, both Grams of a pair worked out where the pair is met."""
    a, b = (each @ each.T for each in (x, y))
    a.fill_diagonal_(0)
    b.fill_diagonal_(0)
    return float(hsic(a, b) / (hsic(a, a) * hsic(b, b)).sqrt())


def cka_angle(x: Tensor, y: Tensor) -> float:
    """arccos of linear CKA from centred Grams: a stand-in, netrep's published formula."""
    a, b = (each - each.mean(0) for each in (x, y))
    a, b = a @ a.T, b @ b.T
    return math.acos(min(float((a * b).sum() / (a.norm() * b.norm())), 1.0))


def procrustes_angle(x: Tensor, y: Tensor) -> float:
    """arccos of <X, Y Q> at the best rotation, fitted, applied: a stand-in, as above."""
    a, b = (each - each.mean(0) for each in (x, y))
    u, _, vh = torch.linalg.svd(a.T @ b)
    return math.acos(min(float((a @ u * (b @ vh.mH)).sum() / (a.norm() * b.norm())), 1.0))


def by_ckatorch() -> Pair:
    base = importlib.import_module("ckatorch").cka_base
    return lambda x, y: float(base(x, y, kernel="linear", unbiased=True))


def by_torch_cka() -> Pair:
    measure = importlib.import_module("torch_cka").CKA

    def pair(x: Tensor, y: Tensor) -> float:
        models = [nn.Sequential(nn.Embedding.from_pretrained(each)) for each in (x, y)]
        named = {"model1_name": "a", "model2_name": "b"}
        layers = {"model1_layers": ["0"], "model2_layers": ["0"]}
        found = measure(*models, **named, **layers)
        loader = DataLoader(TensorDataset(torch.arange(len(x))), batch_size=len(x))
        found.compare(loader, loader)
        return float(found.export()["CKA"])

    return pair


def by_rsatoolbox() -> Callable[[Tensor], Tensor]:
    dataset = importlib.import_module("rsatoolbox.data").Dataset
    rdm = importlib.import_module("rsatoolbox.rdm")

    def whole(x: Tensor) -> Tensor:
        rdms = rdm.calc_rdm([dataset(each.numpy()) for each in x], method="euclidean")
        return torch.as_tensor(rdm.compare(rdms, rdms, method="cosine_cov"))

    return whole


def seconds(compute: Callable[[], object], repeats: int = REPEATS) -> float:
    """The fastest of a few runs."""
    best = math.inf
    for _ in range(repeats):
        start = time.perf_counter()
        compute()
        best = min(best, time.perf_counter() - start)
    return best


def looped(pair: Pair, x: Tensor, repeats: int = 2) -> tuple[float, Tensor]:
    """Seconds of a loop over all pairs, scaled from the first, and what was found for those."""
    asked = list(islice(combinations(range(len(x)), 2), PAIRS))
    found = torch.tensor([pair(x[i], x[j]) for i, j in asked[:3]], dtype=torch.float64)
    each = seconds(lambda: [pair(x[i], x[j]) for i, j in asked], repeats) / len(asked)
    return each * len(x) * (len(x) - 1) / 2, found


def loops() -> Iterator[tuple[str, Callable[[], Pair], torch.dtype, str]]:
    """Name, how to get it, the type it computes in, what its number should equal."""
    yield "plain loop", lambda: plain, torch.float32, "debiased"
    yield "ckatorch", by_ckatorch, torch.float64, "debiased"
    yield "torch_cka", by_torch_cka, torch.float32, "debiased"
    yield "stand-in for netrep, CKA angle", lambda: cka_angle, torch.float32, "angle"
    yield "stand-in for netrep, Procrustes angle", lambda: procrustes_angle, torch.float32, ""


def expected(kind: str, x: Tensor) -> Tensor | None:
    """What a loop should find for the first three pairs; None where it measures another thing."""
    if not kind:
        return None
    ours = cka(x, debiased=kind == "debiased")[0, 1:4].double()
    return ours.acos() if kind == "angle" else ours


def compare(x: Tensor) -> None:
    """Print each peer's time and how many times ours goes into it."""
    for name, get, dtype, kind in loops():
        try:
            pair = get()
        except ImportError:
            print(f"  {name}: not installed")
            continue
        own = x.to(dtype)
        ours = seconds(lambda own=own, kind=kind: cka(own, debiased=kind != "angle"))
        theirs, found = looped(pair, own)
        target = expected(kind, own)
        gap = (
            "another measure"
            if target is None
            else f"gap {float((found - target).abs().max()):.0e}"
        )
        print(f"  {name}, {dtype}: {theirs:.2f} s, ours {ours:.3f} s, {theirs / ours:.0f}x, {gap}")
    try:
        whole = by_rsatoolbox()
    except ImportError:
        print("  rsatoolbox: not installed")
        return
    for dtype in (torch.float32, torch.float64):
        own = x.to(dtype)
        gap = float((whole(own) - cka(own, debiased=False)).abs().max())
        ours = seconds(lambda own=own: cka(own, debiased=False))
        theirs = seconds(lambda own=own: whole(own), 2)
        print(
            f"  rsatoolbox, {dtype}: {theirs:.2f} s, ours {ours:.3f} s, "
            f"{theirs / ours:.0f}x, gap {gap:.0e}"
        )


def main() -> None:
    warnings.simplefilter("ignore")
    sys.path.extend(sys.argv[2:3])
    torch.set_num_threads(int(THREADS))
    generator = torch.Generator().manual_seed(0)
    print(f"{THREADS} threads, best of {REPEATS}, loops timed on {PAIRS} pairs and scaled")
    for seeds, inputs, features in SIZES:
        x = torch.randn(seeds, inputs, features, generator=generator)
        print(f"K={seeds} n={inputs} p={features}: {seconds(lambda x=x: cka(x)):.3f} s, all pairs")
        if inputs == SIZES[0][1]:
            compare(x)
    print("netrep: no distribution on the package index, so not measured; the stand-ins are above")


if __name__ == "__main__":
    main()
