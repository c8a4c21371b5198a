"""The Mallows model."""

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.kemeny.blocks import order_scores, scores_for

STEPS = 60
"""Bisections of the dispersion's interval, which is then as short as floats allow."""


@voting_rule(
    kind="statistical",
    cost="K M^2 + M 2^M",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "majority loser",
    ],
    any_device=False,
)  # fmt: skip
def mallows(profiles: Profiles, *, ties: Ties = "keep", time_limit: float | None = 15.0) -> Array:
    """Rank by the most likely centre of a Mallows model, with expected scores; runs on the CPU.

    In the model the probability of an order is proportional to φ^d, where d is the number of pairs that it
    ranks against the centre, and φ is the `dispersion`, from 0 (all ballots agree) to 1 (all orders are
    equally likely). The most likely centres are Kemeny's optimal orders, so the ranking is that of `kemeny`.
    The score of a response is the expected number of responses below it in the fitted model: M - 1 to 0 if
    all ballots agree, and close together if they agree on little. Ties and gaps count as in `dispersion`.

    Parameters
    ----------
    ties, time_limit
        As in `kemeny`. Responses that it ties get the mean of the scores of their places.

    Returns
    -------
    (B, M) array of scores; higher is better, equal is a tie.

    References
    ----------
    C. L. Mallows, "Non-null ranking models I", 1957. For the centre: H. P. Young, "Condorcet's theory of
    voting", 1988.

    Examples
    --------
    >>> mallows(Profiles.from_ballots([["a > b > c"] * 2]))
    array([[2., 1., 0.]])
    >>> mallows(Profiles.from_ballots([["a > b > c"] * 2 + ["b > a > c"]])).round(3)
    array([[1.811, 1.   , 0.189]])
    """
    blocks = to_numpy(_centres(profiles, ties, time_limit))
    spread = _spread(profiles, _strict(profiles, blocks, time_limit))
    places = _scores_by_place(spread, profiles.n_responses)
    first = (blocks[:, None, :] > blocks[:, :, None]).sum(axis=2)  # places in front of the block
    last = (blocks[:, None, :] >= blocks[:, :, None]).sum(axis=2) - 1
    sums = np.concatenate([np.zeros((len(places), 1)), places.cumsum(axis=1)], axis=1)
    prompts = np.arange(len(places))[:, None]
    means = (sums[prompts, last + 1] - sums[prompts, first]) / (last - first + 1)
    scores = np.clip(means, places[prompts, last], places[prompts, first])
    return array_namespace(profiles.ranks).asarray(scores, device=device_of(profiles.ranks))


def dispersion(profiles: Profiles, *, time_limit: float | None = 15.0) -> Array:
    """Estimate the dispersion φ of a Mallows model: how far the ballots scatter around Kemeny's orders.

    The most likely φ is the one under which the mean distance to the centre is the one observed. A pair
    that a ballot ties or leaves out counts as half a disagreement.

    Parameters
    ----------
    time_limit
        As in `kemeny`.

    Returns
    -------
    (B,) numbers from 0 (all ballots are the same order) to 1 (no order is closer to them than another).

    Examples
    --------
    The ballots' distances 0, 0 and 1 have the mean 1/3, as orders have under this φ:

    >>> phi = dispersion(Profiles.from_ballots([["a > b > c"] * 2 + ["b > a > c"]]))
    >>> phi.round(3)
    array([0.169])
    >>> chances = phi ** [0, 1, 1, 2, 2, 3]  # the distances of the six orders
    >>> float((chances @ [0, 1, 1, 2, 2, 3] / chances.sum()).round(9))
    0.333333333
    """
    spread = _spread(profiles, to_numpy(_centres(profiles, "lexicographic", time_limit)))
    xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
    return xp.asarray(np.exp(-spread), device=device)


def _centres(profiles: Profiles, ties: Ties, time_limit: float | None) -> Array:
    """(B, M) scores of the most likely centres, by `kemeny`; warnings name this rule."""
    return scores_for("mallows", profiles, profiles.margins, ties, time_limit, profiles.scale)


def _strict(profiles: Profiles, blocks: np.ndarray, time_limit: float | None) -> np.ndarray:
    """(B, M) scores of one optimal order where there are several; what was told is not told again."""
    tied = (np.sort(blocks, axis=1) != np.arange(blocks.shape[1])).any(axis=1)
    if not tied.any():
        return blocks
    optimal = order_scores(to_numpy(profiles.margins), True, time_limit).scores
    return np.where(tied[:, None], optimal, blocks)


def _spread(profiles: Profiles, orders: np.ndarray) -> np.ndarray:
    """(B,) θ = -log φ of the most likely model; ``orders`` are (B, M) scores of an optimal order."""
    margins, totals = to_numpy(profiles.margins), to_numpy(profiles.totals)
    M = profiles.n_responses
    agreed = np.zeros(len(totals))
    for i in range(M):
        agreed += np.where(orders[:, i, None] > orders, margins[:, i], 0.0).sum(axis=1)
    # The mean distance is this much below that of a model without a centre, M (M - 1) / 4.
    closer = agreed / (2 * np.maximum(totals, 1.0))
    start = np.zeros(len(totals))
    low, high = start, start + 1  # of φ
    for _ in range(STEPS):
        middle = (low + high) / 2
        theta = np.maximum(-np.log(middle), 1e-300)
        model = sum((_bend(n * theta) - _bend(theta) for n in range(2, M + 1)), start) / theta
        low, high = np.where(model > closer, middle, low), np.where(model > closer, high, middle)
    spread = -np.log((low + high) / 2)
    spread[closer <= 0] = 0.0
    spread[closer >= M * (M - 1) / 4] = np.inf
    return spread


def _scores_by_place(spread: np.ndarray, M: int) -> Array:
    """(B, M) the mean number of responses below the one at each place of the centre.

    The response n places further on is below with probability h(n + 1) - h(n), where h(n) is
    n / (1 - φ^n) (Mallows 1957).
    """
    theta = np.clip(spread, 1e-300, 1e3)[:, None]  # from there on chances are 1/2, or 0 and 1
    bends = _bend(theta * np.arange(1, M + 1)) / theta
    above = 0.5 + np.diff(bends, axis=1)  # (B, M - 1)
    below_after = np.concatenate([np.zeros((len(theta), 1)), above.cumsum(axis=1)], axis=1)
    below_before = np.concatenate([np.zeros((len(theta), 1)), (1 - above).cumsum(axis=1)], axis=1)
    places = below_after[:, ::-1] + below_before
    for k in range(M - 2, -1, -1):  # strictly falling, even where chances are 1/2 to the last digit
        places[:, k] = np.maximum(places[:, k], np.nextafter(places[:, k + 1], np.inf))
    return places


def _bend(x: np.ndarray) -> Array:
    """x / (1 - exp(-x)) without its first terms 1 + x / 2, which cancel in all uses."""
    square = np.minimum(x, 0.1) ** 2
    series = square / 12 * (1 - square / 60 * (1 - square / 42 * (1 - square / 40)))
    half = np.maximum(x, 0.1) / 2
    return np.where(x < 0.1, series, half / np.tanh(half) - 1)
