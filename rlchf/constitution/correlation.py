"""Agreement between principles, and the effective number of voters among them."""

from dataclasses import dataclass

import numpy as np

from rlchf.constitution.judgements import Judgements
from rlchf.numeric.ratios import ratio


@dataclass(frozen=True, eq=False)
class Correlations:
    """How alike the principles judge.

    Attributes
    ----------
    principles
        (K,) names.
    soft
        (K, K) correlation of soft labels ``s`` from -1 to 1 over the pairs that both judge, about zero:
        ``sum s_i s_j / sqrt(sum s_i^2 sum s_j^2)``. It does not depend on which response of a pair comes
        first, as a correlation about the mean would. NaN if no pair is shared, or one has no preference.
    hard
        (K, K) share of the pairs on which both prefer a response that prefer the same one.
    pairs
        (K, K) number of pairs that both judge.
    """

    principles: list[str]
    soft: np.ndarray
    hard: np.ndarray
    pairs: np.ndarray


def correlations(judgements: Judgements) -> Correlations:
    """Compare every principle with every other.

    Examples
    --------
    >>> from rlchf.constitution.judgements import Judgement
    >>> labels = {"kind": (0.9, 0.2), "brief": (0.6, 0.45)}
    >>> rows = [
    ...     Judgement(prompt, name, "a", "b", soft)
    ...     for name, pair in labels.items()
    ...     for prompt, soft in zip("pq", pair)
    ... ]
    >>> found = correlations(Judgements.of(rows))
    >>> found.soft.round(3)[0, 1], found.hard[0, 1]
    (np.float64(0.984), np.float64(1.0))
    """
    signed = judgements.signed
    known = (~np.isnan(signed)).astype(float)
    s = np.nan_to_num(signed)
    soft = _correlation(s.T @ s, (s**2).T @ known)
    side, strict = np.sign(s), np.abs(np.sign(s))
    both = strict.T @ strict
    hard = ratio((side.T @ side + both) / 2, both)
    return Correlations(judgements.principles, soft, hard, (known.T @ known).astype(np.int64))


def _correlation(products: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """(..., K, K) from sums of products, and of i's squares over the pairs that j judges too."""
    return ratio(products, np.sqrt(squares * np.swapaxes(squares, -1, -2)))


@dataclass(frozen=True)
class EffectiveVoters:
    """How many independent voters the principles count as.

    Attributes
    ----------
    value
        ``(sum w)^2 / sum_ij w_i w_j rho_ij``, with the principles' weights and the correlation of their
        soft labels; more than the number of principles if some contradict others, infinite if the
        principles cancel out, NaN if two of them share no pair.
    low, high
        95 % interval from a bootstrap over prompts; NaN without replicates or with one prompt.
    principles
        Number of principles counted.
    independent
        The value if there were no correlation, ``(sum w)^2 / sum w^2``: the number of principles, if
        their weights are equal.
    indifferent
        Principles left out, because they prefer neither response of any pair.

    References
    ----------
    L. Kish, "Survey sampling", 1965, for the effective sample size of correlated or weighted samples.
    """

    value: float
    low: float
    high: float
    principles: int
    independent: float
    indifferent: tuple[str, ...]


def effective_voters(
    judgements: Judgements, replicates: int = 200, seed: int = 0
) -> EffectiveVoters:
    """The effective number of voters among principles, with an interval.

    Examples
    --------
    >>> from rlchf.constitution.judgements import Judgement
    >>> rows = [Judgement("p", name, "a", "b", 0.8) for name in ("kind", "nice", "polite")]
    >>> effective_voters(Judgements.of(rows)).value
    1.0
    """
    s = np.nan_to_num(judgements.signed)
    sharing = np.abs(s).sum(axis=0) > 0
    indifferent = [n for n, some in zip(judgements.principles, sharing, strict=True) if not some]
    weights = judgements.principle_weights[sharing]
    known = (~np.isnan(judgements.signed[:, sharing])).astype(float)
    products, squares = _by_prompt(judgements, s[:, sharing], known)
    P = len(judgements.prompts)
    value = float(_kish(np.ones((1, P)), products, squares, weights)[0])
    low = high = np.nan
    if replicates and P > 1:
        times = np.random.default_rng(seed).multinomial(P, np.full(P, 1 / P), size=replicates)
        values = _kish(times.astype(float), products, squares, weights)
        if not np.isnan(values).all():
            low, high = np.nanquantile(values, [0.025, 0.975], method="nearest")
    whole = float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else np.nan
    return EffectiveVoters(value, float(low), float(high), len(weights), whole, tuple(indifferent))


def _by_prompt(
    judgements: Judgements, s: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(P, K K) the sums of `_correlation` on each prompt, one row of the matrix after the other."""
    from scipy.sparse import csr_array

    Q, K = s.shape
    cells = (judgements.pair_prompts, np.arange(Q))
    adds = csr_array((np.ones(Q), cells), shape=(len(judgements.prompts), Q))
    products = [adds @ (s[:, [i]] * s) for i in range(K)]
    squares = [adds @ (s[:, [i]] ** 2 * known) for i in range(K)]
    return np.hstack(products), np.hstack(squares)


def _kish(
    times: np.ndarray, products: np.ndarray, squares: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """(B,) the effective number of voters where prompt p counts ``times`` (B, P)."""
    B, K = len(times), len(weights)
    shape = (B, K, K)
    rho = _correlation((times @ products).reshape(shape), (times @ squares).reshape(shape))
    rho[:, np.arange(K), np.arange(K)] = 1.0
    total = np.einsum("i,j,bij->b", weights, weights, rho)
    values = np.full(B, np.inf)
    np.divide(weights.sum() ** 2, total, out=values, where=total > 1e-12 * weights.sum() ** 2)
    values[np.isnan(total) | (K == 0)] = np.nan
    return values
