"""Quantum channels as real matrices: a Hermitian matrix is a row of d^2 real numbers.

    rho = sum_a r_a B_a,    r -> r S_w,    S_w[a, b] = tr(B_b sum_i K_{w,i} B_a K_{w,i}*)

B is an orthonormal basis of the Hermitian matrices under tr A B. Its first d members are the
diagonal units, so that a classical distribution is the first d numbers and tr rho is their sum.
With sum_w sum_i K* K = 1 the sum of all S_w keeps the trace, p(x_1 .. x_n) = tr(r S_x1 .. S_xn).
"""

import torch
from jaxtyping import Complex, Float, Shaped
from torch import Tensor

Kraus = Complex[Tensor, "*batch vocab kraus d d"]


def hermitian_basis(d: int, like: Tensor) -> Complex[Tensor, "coordinate d d"]:
    """B [d^2, d, d]: diagonal units, then for each pair the real and the imaginary one.

    Of the real or complex type of `like`, and on its device.
    """
    rows, columns = torch.triu_indices(d, d, 1)
    pairs, half = len(rows), 0.5**0.5
    basis = torch.zeros(d * d, d, d, dtype=torch.complex128)
    basis[torch.arange(d), torch.arange(d), torch.arange(d)] = 1
    real = d + torch.arange(pairs)
    basis[real, rows, columns] = basis[real, columns, rows] = half
    basis[real + pairs, rows, columns] = 1j * half
    basis[real + pairs, columns, rows] = -1j * half
    return basis.to(like.device, torch.complex(like.real, like.real).dtype)


def coordinates(
    rho: Complex[Tensor, "*index d d"], basis: Complex[Tensor, "coordinate d d"]
) -> Float[Tensor, "*index coordinate"]:
    """r_a = tr B_a rho of Hermitian matrices."""
    return torch.einsum("...ij,aji->...a", rho, basis).real


def matrices(
    r: Float[Tensor, "*index coordinate"], basis: Complex[Tensor, "coordinate d d"]
) -> Complex[Tensor, "*index d d"]:
    """sum_a r_a B_a."""
    return torch.einsum("...a,aij->...ij", r.to(basis.dtype), basis)


def superoperators(
    kraus: Kraus, basis: Complex[Tensor, "coordinate d d"]
) -> Float[Tensor, "*batch vocab coordinate coordinate"]:
    """S_w for each token."""
    doubled = torch.einsum("...imj,...ink->...jkmn", kraus, kraus.conj())
    flat = basis.flatten(1)
    return (flat @ doubled.flatten(-4, -3).flatten(-2) @ flat.mH).real


def effects(kraus: Kraus) -> Complex[Tensor, "*batch vocab d d"]:
    """E_w = sum_i K* K: p(w | rho) = tr(E_w rho)."""
    return torch.einsum("...iab,...iac->...bc", kraus.conj(), kraus)


def trace_row(d: int, like: Tensor) -> Float[Tensor, " coordinate"]:
    """tr B_a: ones on the diagonal units."""
    return (torch.arange(d * d, device=like.device) < d).to(like.dtype)


def stationary(
    S: Float[Tensor, "*batch coordinate coordinate"],
) -> Float[Tensor, "*batch coordinate"]:
    """The r with r S = r and trace 1, S the sum over tokens.

    One linear system: r (1 - S + t m) = m with t the trace and m the maximally mixed state. Not
    finite, or arbitrary, where there are several stationary states (see `spectral_gap`).
    """
    d = round(S.shape[-1] ** 0.5)
    trace = trace_row(d, S)
    mixed = trace / d
    eye = torch.eye(d * d, dtype=S.dtype, device=S.device)
    system = eye - S + torch.outer(trace, mixed)
    return torch.linalg.solve(system.mT, mixed.expand(S.shape[:-1]))


def spectral_gap(S: Float[Tensor, "coordinate coordinate"]) -> float:
    """1 - |lambda_2| of the channel: 0 where another state is kept or goes round for ever.

    e^-t of a difference is left after about t / gap steps.
    """
    sizes = torch.linalg.eigvals(S.double()).abs().sort(descending=True).values
    return float(1 - sizes[1]) if len(sizes) > 1 else 1.0


def hidden_markov_kraus(
    transition: Shaped[Tensor, "*state"], emission: Shaped[Tensor, "*emission"]
) -> Complex[Tensor, "vocab kraus state state"]:
    """sqrt(p(w | i) p(j | i)) |j><i| for every pair of states: the state is the belief, diagonal.

    `transition` [i, j] is p(j | i), `emission` [i, w] is p(w | i): a state emits, then moves.
    Integer tables count as floats. Raises ValueError for tables that are no distributions.
    """
    tables = {"transition": transition, "emission": emission}
    for name, table in tables.items():
        if table.ndim != 2 or not table.numel():
            raise ValueError(f"{name}: wanted a table with entries, got {list(table.shape)}")
    n = len(transition)
    if transition.shape[1] != n:
        raise ValueError(f"transition: wanted [{n}, {n}], got {list(transition.shape)}")
    kind = torch.result_type(transition, emission)
    kind = kind if kind.is_floating_point else torch.get_default_dtype()
    transition, emission = (_distributions(name, t.to(kind), n) for name, t in tables.items())
    size = torch.einsum("iw,ij->wij", emission, transition).sqrt()
    eye = torch.eye(n, dtype=size.dtype, device=size.device)
    kraus = torch.einsum("wij,jm,in->wijmn", size, eye, eye).flatten(1, 2)
    return torch.complex(kraus, torch.zeros_like(kraus))


def _distributions(name: str, table: Tensor, rows: int) -> Tensor:
    """The table, if it is `rows` distributions."""
    if len(table) != rows or not bool(((table >= 0) & table.isfinite()).all()):
        raise ValueError(f"{name}: wanted {rows} rows of numbers from 0 up")
    off = float((table.sum(1) - 1).abs().max())
    if off > 1e-6:
        raise ValueError(f"{name}: wanted rows that sum to 1, got one {off:.2g} away")
    return table


def stationary_states(transition: Shaped[Tensor, "state state"]) -> int:
    """How many stationary laws a chain has that are no mixture of others: 1 unless it falls apart.

    The multiplicity of the eigenvalue 1, to 1e-9; a periodic chain has 1 too.
    """
    moves = transition.double()
    moves = moves / moves.sum(1, keepdim=True)  # single precision sums to 1 within 1e-7 only
    eye = torch.eye(len(moves), dtype=moves.dtype, device=moves.device)
    return int((torch.linalg.svdvals(moves - eye) < 1e-9).sum())
