"""Optimal policies of regularised objectives over a few responses.

Closed forms and small solvers for policies that are tables of probabilities: the limit of a perfect
training run. They predict which shares of the votes an objective preserves, and a run with a language
model can be compared with them.

Throughout, `reference` (M,) is the initial policy, `rewards` (M,) are the responses' rewards, `beta` is
the KL coefficient, and `shares` (M, M) are win shares: the share of the votes that prefers response i to
response j, where a tie counts half for each, so that opposite entries add up to 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rlchf.share_optimum import ShareConstrained as ShareConstrained
from rlchf.share_optimum import share_constrained as share_constrained

Numbers = Sequence[float] | np.ndarray
Table = Sequence[Sequence[float]] | np.ndarray


def uniform(count: int) -> np.ndarray:
    """The uniform policy over so many responses."""
    return np.full(count, 1 / count)


def kl_optimum(reference: Numbers, rewards: Numbers, beta: float) -> np.ndarray:
    """The policy of maximum expected reward minus beta times its KL divergence from the reference.

    It is proportional to ``reference * exp(rewards / beta)``.

    Examples
    --------
    The Bradley-Terry reward of win shares 0.6 and 0.4 preserves the shares only at beta = 1:

    >>> reward = np.log([0.6, 0.4])
    >>> [kl_optimum([0.5, 0.5], reward, beta)[1].round(3).item() for beta in (1.0, 0.5, 0.2)]
    [0.4, 0.308, 0.116]
    """
    if not beta > 0:
        raise ValueError(f"beta is {beta}; it must be above 0")
    with np.errstate(divide="ignore"):
        return _softmax(np.log(_probabilities(reference)) + np.asarray(rewards, dtype=float) / beta)


def preference_matching(rewards: Numbers) -> np.ndarray:
    """The policy of maximum expected reward plus entropy: proportional to ``exp(rewards)``.

    The odds of two responses are those of the Bradley-Terry model, whatever the initial policy. It is
    `kl_optimum` with a uniform reference and beta = 1.

    References
    ----------
    J. Xiao et al., "On the algorithmic bias of aligning large language models with RLHF: preference
    collapse and matching regularization", 2024, https://arxiv.org/abs/2405.16455.

    Examples
    --------
    >>> preference_matching(np.log([5, 3, 2]))
    array([0.5, 0.3, 0.2])
    """
    return _softmax(np.asarray(rewards, dtype=float))


def bradley_terry(wins: Table, prior: float = 0.0) -> np.ndarray:
    """The maximum-likelihood rewards, with mean 0: those that a perfect reward model learns.

    Parameters
    ----------
    wins
        (M, M) how often response i was preferred to response j; a tie counts half for each.
    prior
        Number of comparisons added to each pair, half of them won by each side. Without a prior, a
        response that never wins or never loses has no finite reward, and an error is raised.

    Examples
    --------
    >>> bradley_terry([[0, 6], [4, 0]])  # they differ by log(6 / 4)
    array([ 0.20273255, -0.20273255])
    """
    table = np.asarray(wins, dtype=float)
    table = (table + prior / 2) * (1 - np.eye(len(table)))
    beats = np.linalg.matrix_power(np.eye(len(table)) + (table > 0), len(table))
    if not (beats > 0).all():
        raise ValueError(
            "some responses never win against the others, so their rewards would be infinite; "
            "give a prior above 0, such as 1"
        )
    games = table + table.T
    rewards = np.zeros(len(table))
    while True:  # Newton's method, shortened as in `rules/bradley_terry.py`
        p = 0.5 * (1 + np.tanh((rewards[:, None] - rewards) / 2))  # sigma(r_i - r_j)
        gradient = (table - games * p).sum(axis=1)
        pulls = games * p * (1 - p)
        step = np.linalg.pinv(np.diag(pulls.sum(axis=1)) - pulls) @ gradient
        length = step.max() - step.min()
        if length < 1e-12:
            return np.asarray(rewards - rewards.mean())
        rewards += step * np.log1p(length) / length


def share_bounds(shares: Table) -> np.ndarray:
    """(M,) an upper bound of the share of the votes that rank each response first.

    A vote that ranks a response first prefers it to every other response, so the share is at most the
    smallest of its win shares. The bound needs no knowledge of who belongs to which group.

    Examples
    --------
    50, 30 and 20 % rank the first, second and third response first, and each group is split evenly over
    the other two:

    >>> share_bounds([[0.5, 0.6, 0.65], [0.4, 0.5, 0.55], [0.35, 0.45, 0.5]])
    array([0.6 , 0.4 , 0.35])
    """
    table = _win_shares(shares)
    return np.asarray(np.where(np.eye(len(table)), np.inf, table).min(axis=1))


def population_proportional(shares: Table, sharpness: float = 0.0) -> np.ndarray:
    """Population-proportional alignment: proportional to ``u * exp(sharpness * u)``, u the share bounds.

    The share of each response is that of the votes that rank it first if there are two responses, or if
    for each response there is another that only these votes put below it; otherwise the bounds add up to
    more than 1. With a large `sharpness`, the policy concentrates on the response whose smallest win
    share is largest (minimax Condorcet).

    References
    ----------
    K. Kim et al., "Beyond RLHF and NLHF: population-proportional alignment", 2025,
    https://arxiv.org/abs/2506.05619.

    Examples
    --------
    >>> population_proportional([[0.5, 0.6], [0.4, 0.5]])
    array([0.6, 0.4])
    """
    bounds = share_bounds(shares)
    with np.errstate(divide="ignore"):
        return _softmax(np.log(bounds) + sharpness * bounds)


def regularised_nash(payoff: Table, reference: Numbers, beta: float) -> np.ndarray:
    """The symmetric Nash equilibrium of the game of `payoff` with KL coefficient beta for both players.

    The policy is the `kl_optimum` of the rewards ``payoff @ policy`` against itself. With win shares as
    the payoff this is the solution of Nash learning from human feedback, which tends to a maximal lottery
    as beta tends to 0. With the log-odds of win shares of a Bradley-Terry model, it is the `kl_optimum`
    of the model's rewards.

    Parameters
    ----------
    payoff
        (M, M) payoff of response i against response j; ``payoff + payoff.T`` must be constant.

    References
    ----------
    R. Munos et al., "Nash learning from human feedback", 2024, https://arxiv.org/abs/2312.00886.

    Examples
    --------
    4 : 3 : 2 votes in a cycle; the maximal lottery is (5, 1, 3) / 9:

    >>> cycle = [[1/2, 6/9, 4/9], [3/9, 1/2, 7/9], [5/9, 2/9, 1/2]]
    >>> regularised_nash(cycle, uniform(3), beta=0.1).round(3)
    array([0.504, 0.28 , 0.216])
    >>> (9 * regularised_nash(cycle, uniform(3), beta=1e-4)).round(2)
    array([5., 1., 3.])
    """
    table = np.asarray(payoff, dtype=float)
    table = table - table[0, 0]
    if np.abs(table + table.T).max() > 1e-9:
        raise ValueError(
            "the game is not symmetric: payoff[i][j] + payoff[j][i] must be the same for all pairs"
        )
    with np.errstate(divide="ignore"):
        start = np.log(_probabilities(reference))
    used = np.isfinite(start)
    table, start = table[np.ix_(used, used)], start[used]
    policy = np.zeros(used.size)
    policy[used] = _equilibrium(table, start, beta)
    return policy


def _equilibrium(table: np.ndarray, start: np.ndarray, beta: float) -> np.ndarray:
    """Solve ``log policy = start + table @ policy / beta - log Z``, from a large beta down to the given one.

    Newton's method on the logits: the game is antisymmetric, so the equations of each step have one
    solution.
    """
    if not beta > 0:
        raise ValueError(f"beta is {beta}; it must be above 0")
    logits, current = start - start.mean(), max(beta, 4 * float(np.abs(table).max()))

    def residual(logits: np.ndarray) -> np.ndarray:
        gap = start + table @ _softmax(logits) / current - logits
        return np.asarray(gap - gap.mean())

    while True:
        gap = residual(logits)
        for _ in range(200):
            if np.abs(gap).max() < 1e-12 * max(100.0, np.abs(logits).max()):
                break
            policy = _softmax(logits)
            slope = table @ (np.diag(policy) - np.outer(policy, policy)) / current
            step = np.linalg.solve(np.eye(len(table)) - slope, gap)
            step -= step.mean()
            size = 1.0
            norm = np.linalg.norm(gap)
            while np.linalg.norm(residual(logits + size * step)) > norm and size > 1e-9:
                size /= 2
            logits = logits + size * step
            gap = residual(logits)
        else:
            raise RuntimeError(f"no equilibrium was found for beta = {beta}; give a larger beta")
        if current == beta:
            return _softmax(logits)
        current = max(beta, current * 0.7)


def max_min(reference: Numbers, rewards: Table, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """The policy of maximum reward of the worst-off group minus beta times the KL divergence.

    Parameters
    ----------
    rewards
        (G, M) reward of each group for each response, on a common scale.

    Returns
    -------
    policy, weights : the policy (M,), and weights (G,) of the groups such that the policy is the
    `kl_optimum` of the weighted sum of the groups' rewards. The weights minimise
    ``beta log sum reference exp(weights @ rewards / beta)``; groups that are better off than the
    worst-off group have weight 0.

    References
    ----------
    S. Chakraborty et al., "MaxMin-RLHF: alignment with diverse human preferences", 2024,
    https://arxiv.org/abs/2402.08925.

    Examples
    --------
    Two groups have opposite rewards of the same size; the sizes of the groups do not count:

    >>> policy, weights = max_min([0.5, 0.5], [[1, 0], [0, 1]], beta=0.1)
    >>> policy.round(3), weights.round(3)
    (array([0.5, 0.5]), array([0.5, 0.5]))
    """
    from scipy.optimize import minimize

    table, start = np.asarray(rewards, dtype=float), _probabilities(reference)

    def dual(weights: np.ndarray) -> tuple[float, np.ndarray]:
        policy = kl_optimum(start, weights @ table, beta)
        best = (weights @ table).max()
        value = best + beta * np.log(start @ np.exp((weights @ table - best) / beta))
        return float(value), table @ policy

    simplex: Any = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like}
    solution = minimize(
        dual,
        uniform(len(table)),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * len(table),
        constraints=simplex,
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    weights = np.clip(solution.x, 0.0, None)
    weights = weights / weights.sum()
    policy = kl_optimum(start, weights @ table, beta)
    gains = table @ policy
    if weights @ gains - gains.min() > 1e-5 * max(1.0, np.abs(table).max()):
        raise RuntimeError(f"no saddle point was found for beta = {beta}; give a larger beta")
    return policy, weights


def _probabilities(reference: Numbers) -> np.ndarray:
    """The reference as an array, checked to be probabilities."""
    probabilities = np.asarray(reference, dtype=float)
    if (probabilities < 0).any() or abs(probabilities.sum() - 1) > 1e-6:
        raise ValueError(
            f"reference is {probabilities}; its entries must be 0 or more and add up to 1"
        )
    return probabilities


def _win_shares(shares: Table) -> np.ndarray:
    """The win shares as an array, checked to be win shares."""
    table = np.asarray(shares, dtype=float)
    if np.abs(table + table.T - 1).max() > 1e-9 or table.min() < 0:
        raise ValueError(
            "shares must lie between 0 and 1, those of (i, j) and (j, i) must add up to 1, "
            "and the diagonal must be 0.5"
        )
    return table


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum())
