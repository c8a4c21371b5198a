"""The policy that keeps given shares of kinds of text at the least cost; see `rlchf.optima`."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

Numbers = Sequence[float] | Sequence[Sequence[float]] | np.ndarray
STEPS = 200
"""Steps of Newton's method; ten are common."""
SUBSETS = 12
"""Up to so many kinds, the targets of every subset of them are held against what the reference writes."""


@dataclass(frozen=True)
class ShareConstrained:
    """A policy with given shares, and what they cost.

    Attributes
    ----------
    policy
        Probabilities in the shape of the reference.
    multipliers
        (K,) what each kind's reward is raised by; their mean, weighted by the targets, is 0.
    shares
        (K,) share of each kind.
    reward, kl
        Mean quality, and KL divergence from the reference in nats, as means over prompts.
    free_shares, free_reward, free_kl
        The same without the constraint, for the policy ``reference * exp(quality / beta)``.
    """

    policy: np.ndarray
    multipliers: np.ndarray
    shares: np.ndarray
    reward: float
    kl: float
    free_shares: np.ndarray
    free_reward: float
    free_kl: float

    @property
    def reward_cost(self) -> float:
        """The mean quality that the constraint costs; negative if the policy gains."""
        return self.free_reward - self.reward

    @property
    def kl_cost(self) -> float:
        """The KL divergence that the constraint costs; negative if it keeps the policy near."""
        return self.kl - self.free_kl


def share_constrained(
    reference: Numbers,
    quality: Numbers,
    kinds: Sequence[object] | np.ndarray,
    targets: Sequence[float] | np.ndarray,
    beta: float,
    names: Sequence[str] = (),
) -> ShareConstrained:
    """The policy of maximum quality minus beta times the KL divergence among those with given shares.

    It is proportional to ``reference * exp((quality + multiplier of the kind) / beta)``. The multipliers
    minimise ``beta * log sum(reference * exp((quality + multipliers) / beta)) - targets @ multipliers``,
    averaged over prompts, a convex function whose gradient is the shares minus the targets. Where every
    share can be exceeded and fallen short of, it has one minimum, up to a constant added to all
    multipliers, and Newton's method with a step that is halved until the function falls finds it.

    Parameters
    ----------
    reference
        (M,) probabilities of the responses, or (P, M) of the responses to each of P prompts, whose shares
        are then kept on average, with the same multipliers for all prompts.
    quality
        Reward of each response, in the same shape. Adding a constant to all of a kind changes the
        multipliers and nothing else.
    kinds
        The kind of each response as a number from 0, in the same shape; or, in one more dimension of
        length K, how far it is of each kind, numbers that add up to 1.
    targets
        (K,) shares above 0 that add up to 1.
    names
        Names of the kinds for error messages; numbers by default.

    Raises
    ------
    ValueError
        If an input is wrong, or the reference cannot have the shares: it never writes a kind, or writes
        nothing else, to too many of the prompts.

    Examples
    --------
    Kemeny's labels for a minority of 0.4: without a constraint the minority's share is lost at a small beta.

    >>> result = share_constrained([0.5, 0.5], [1.0, -1.0], [0, 1], [0.6, 0.4], beta=0.2)
    >>> result.free_shares.round(3), result.shares.round(3)
    (array([1., 0.]), array([0.6, 0.4]))
    >>> result.policy.round(3), round(result.kl, 4)
    (array([0.6, 0.4]), 0.0201)

    Within each kind the better response gets more:

    >>> share_constrained([0.25] * 4, [1, 0, 1, 0], [0, 0, 1, 1], [0.6, 0.4], beta=1.0).policy.round(3)
    array([0.439, 0.161, 0.292, 0.108])
    """
    start, values = (
        np.atleast_2d(np.asarray(values, dtype=float)) for values in (reference, quality)
    )
    wanted = np.asarray(targets, dtype=float)
    called = [str(name) for name in (names or range(len(wanted)))]
    _check(start, values, wanted, beta)
    members = _memberships(np.asarray(kinds), np.asarray(reference).ndim, start.shape, len(wanted))
    _check_feasible(start, members, wanted, called)
    with np.errstate(divide="ignore"):
        free = np.log(start) + values / beta
    multipliers = _multipliers(free, members, wanted, beta)
    policy, before = _policy(free, members, multipliers / beta), _policy(free, members, None)
    return ShareConstrained(
        policy=policy.reshape(np.shape(reference)),
        multipliers=multipliers,
        shares=_shares(policy, members),
        reward=float((policy * values).sum(1).mean()),
        kl=_divergence(policy, start),
        free_shares=_shares(before, members),
        free_reward=float((before * values).sum(1).mean()),
        free_kl=_divergence(before, start),
    )


def _multipliers(
    free: np.ndarray, members: np.ndarray, targets: np.ndarray, beta: float
) -> np.ndarray:
    """The multipliers: those of weights that are brought together, and then step by step apart again.

    Where log-weights differ by thousands, the dual is nearly piecewise linear, and Newton's method would
    jump from piece to piece.
    """
    finite = free[np.isfinite(free)]
    part = min(1.0, 8.0 / max(float(np.ptp(finite)), 1e-300))
    with np.errstate(divide="ignore"):  # where all prompts are one, this is the solution
        weights = part * free - _log_sums(part * free)[:, None]
        by_kind = (weights[..., None] + np.log(members)).reshape(-1, len(targets)).T
    scaled = np.log(targets) - _log_sums(by_kind)
    while True:
        scaled = _newton(part * free, members, targets, scaled)
        if part == 1.0:
            break
        larger = min(1.0, 1.5 * part)
        scaled, part = np.asarray(scaled * larger / part), larger
    if np.abs(_shares(_policy(free, members, scaled), members) - targets).max() > 1e-9:
        raise ValueError(
            f"no multipliers give the shares {targets.tolist()}: the reference, with each response of "
            "several kinds at once, cannot have them; give targets nearer to its own shares"
        )
    return np.asarray(beta * (scaled - targets @ scaled))


def _newton(
    free: np.ndarray, members: np.ndarray, targets: np.ndarray, scaled: np.ndarray
) -> np.ndarray:
    """Minimise the convex dual in units of beta, by Newton's method within a growing distance.

    A step is taken if it lowers the dual enough, or halves the gradient where the dual is too flat for its
    digits, so that there are finitely many.
    """

    def dual(scaled: np.ndarray) -> float:
        return float(_log_sums(free + members @ scaled).mean() - targets @ scaled)

    def gradient(scaled: np.ndarray) -> np.ndarray:
        return np.asarray(_shares(_policy(free, members, scaled), members) - targets)

    value, furthest = dual(scaled), 5.0
    for _ in range(STEPS):
        policy, gap = _policy(free, members, scaled), gradient(scaled)
        if np.abs(gap).max() < 1e-12:
            break
        by_prompt = np.einsum("pm,pmk->pk", policy, members)
        slope = np.einsum("pmk,pml->kl", policy[..., None] * members, members)
        slope = (slope - by_prompt.T @ by_prompt) / len(policy) + 1e-12 * np.eye(len(gap))
        step = -np.linalg.solve(slope, gap)
        step = (step - step.mean()) * min(1.0, furthest / max(float(np.abs(step).max()), 1e-300))
        size = 1.0
        while dual(scaled + size * step) > value + 1e-4 * size * (gap @ step) and size > 1e-12:
            if np.abs(gradient(scaled + size * step)).max() < np.abs(gap).max() / 2:
                break
            size /= 2
        if size <= 1e-12:  # no further decrease in floating point
            break
        scaled = scaled + size * step
        value, furthest = dual(scaled), furthest * (2 if size == 1 else 1)
    return np.asarray(scaled)


def _log_sums(logits: np.ndarray) -> np.ndarray:
    """(rows,) the logarithm of each row's sum of exponentials."""
    top = logits.max(1)
    return np.asarray(top + np.log(np.exp(logits - top[:, None]).sum(1)))


def _policy(free: np.ndarray, members: np.ndarray, scaled: np.ndarray | None) -> np.ndarray:
    """(P, M) the policy of log-weights and multipliers in units of beta."""
    logits = free if scaled is None else free + members @ scaled
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def _shares(policy: np.ndarray, members: np.ndarray) -> np.ndarray:
    """(K,) the mean share of each kind over prompts."""
    return np.asarray(np.einsum("pm,pmk->k", policy, members) / len(policy))


def _divergence(policy: np.ndarray, reference: np.ndarray) -> float:
    """The mean KL divergence over prompts, in nats."""
    used = policy > 0
    ratio = np.log(policy[used] / reference[used])
    return float((policy[used] * ratio).sum() / len(policy))


def _memberships(
    kinds: np.ndarray, dimensions: int, shape: tuple[int, ...], count: int
) -> np.ndarray:
    """(P, M, K) how far each response is of each kind."""
    if kinds.ndim == dimensions + 1:
        soft = kinds.astype(float).reshape(*shape, -1)
        if soft.shape[2] != count or (soft < 0).any() or np.abs(soft.sum(2) - 1).max() > 1e-6:
            raise ValueError(
                f"kinds has shape {kinds.shape}, or rows that do not add up to 1; give {count} numbers "
                "from 0 to 1 for each response, which add up to 1"
            )
        return soft
    numbers = np.atleast_2d(kinds)
    valid = numbers.shape == shape and np.issubdtype(numbers.dtype, np.integer)
    if not valid or numbers.min() < 0 or numbers.max() >= count:
        raise ValueError(
            f"kinds must be a number from 0 to {count - 1} for each response, because there are {count} "
            f"targets; they are {kinds.tolist()}"
        )
    return np.asarray(np.eye(count)[numbers])


def _check(start: np.ndarray, values: np.ndarray, targets: np.ndarray, beta: float) -> None:
    if not beta > 0:
        raise ValueError(f"beta is {beta}; it must be above 0")
    if (start < 0).any() or np.abs(start.sum(1) - 1).max() > 1e-6:
        raise ValueError(
            f"reference is {start.tolist()}; its entries must be 0 or more and add up to 1"
        )
    if values.shape != start.shape or not np.isfinite(values).all():
        raise ValueError(
            f"quality has shape {values.shape} and the reference {start.shape}; give one finite number for "
            "each response"
        )
    if targets.ndim != 1 or not (targets > 0).all() or abs(targets.sum() - 1) > 1e-6:
        raise ValueError(f"targets are {targets.tolist()}; each must be above 0, and the sum 1")


def _check_feasible(
    start: np.ndarray, members: np.ndarray, targets: np.ndarray, names: Sequence[str]
) -> None:
    """Refuse targets beyond what the reference can be weighted to.

    Of each subset of kinds the share is at most the mean over prompts of the most that a response there
    is of them. For kinds that exclude each other these conditions are sufficient, too: the reachable
    shares are a sum of faces of the simplex, a generalised permutohedron.
    """
    written = np.where(start[..., None] > 0, members, -np.inf)
    count = len(targets)
    sizes = range(1, count) if count <= SUBSETS else (1, count - 1)
    for subset in (list(one) for size in sizes for one in combinations(range(count), size)):
        high = float(written[..., subset].sum(2).max(1).mean())
        if targets[subset].sum() < high - 1e-12:
            continue
        what, wanted = " and ".join(names[k] for k in subset), targets[subset].sum()
        if high == 0:
            raise ValueError(
                f"the reference never writes {what}, whose target is {wanted:g}; give targets of what it "
                "writes, or teach it first"
            )
        raise ValueError(
            f"the target of {what} is {wanted:g}, and the reference could be weighted to less than "
            f"{high:.4g}, because to the other prompts it never writes that; give a smaller target"
        )
