"""A judge's agreement with planted truth or with human labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from rlchf.constitution.judgements import Judgements
from rlchf.evaluation.intervals import Figure, Sums, figures
from rlchf.numeric.ratios import ratio
from rlchf.rankings import Rankings

BINS = 10
Shares = Mapping[tuple[str, str, str], float]
"""For a prompt and two responses in the order of their ids, the share of votes for the first."""


@dataclass(frozen=True)
class Reliability:
    """How far labels agree with a reference.

    Attributes
    ----------
    name
        The principle, or the rule of the collective labels.
    reference
        The reference's name.
    pairs
        Number of pairs on which both prefer a response.
    ties
        Number of further pairs that one of them, or both, leave open.
    accuracy
        Share of the ``pairs`` on which they prefer the same response.
    kappa
        Cohen's kappa on the ``pairs``, ``(p_o - p_e) / (1 - p_e)``: the accuracy ``p_o`` beyond the
        agreement ``p_e`` by chance, with how often each prefers the response whose id comes first.
        Intervals come from a bootstrap over prompts.
    calibration_error
        Expected calibration error of the soft labels: mean over ten bins, by the probability of the
        preferred response from 1/2 to 1, of the difference between the mean probability and the
        reference's share for that response. NaN for labels that are not soft.
    brier
        Mean of ``(label - share)^2`` over all pairs, share being the reference's share of the votes; 0.25
        for a judge that always says 1/2 of a reference without ties. NaN for labels that are not soft.

    References
    ----------
    J. Cohen, "A coefficient of agreement for nominal scales", 1960.
    """

    name: str
    reference: str
    pairs: int
    ties: int
    accuracy: Figure
    kappa: Figure
    calibration_error: float
    brier: float


def shares_of(
    rankings: Rankings, annotator: str | None = None
) -> dict[tuple[str, str, str], float]:
    """The share of the votes for the first response of every pair that a ballot compares, by weight.

    With an annotator, those of its own ballots.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b"), ("p", "bob", "b > a"), ("p", "eve", "a = b")]
    >>> shares_of(Rankings.from_ballots(ballots)), shares_of(Rankings.from_ballots(ballots), "bob")
    ({('p', 'a', 'b'): 0.5}, {('p', 'a', 'b'): 0.0})
    """
    code = None if annotator is None else rankings.annotator_ids.index(annotator)
    shares: dict[tuple[str, str, str], float] = {}
    for prompts, profiles in rankings.profiles(small=True):
        ranks, n = profiles.ranks, len(prompts)
        owners = np.repeat(np.arange(n), np.diff(profiles.starts))
        weights = profiles.weights * (True if code is None else profiles.annotators == code)
        for i, j in combinations(range(len(ranks)), 2):
            compared = weights * ((ranks[i] > 0) & (ranks[j] > 0))
            sides = 0.5 + np.sign(ranks[j].astype(float) - ranks[i]) / 2
            votes = np.bincount(owners, compared * sides, n)
            for b, share in enumerate(ratio(votes, np.bincount(owners, compared, n)).tolist()):
                if share != share:
                    continue
                prompt = rankings.prompt_ids[int(prompts[b])]
                one, other = (rankings.responses(prompt)[k] for k in (i, j))
                if one > other:
                    one, other, share = other, one, 1 - share
                shares[prompt, one, other] = share
    return shares


def reliability(
    name: str,
    labels: np.ndarray,
    judgements: Judgements,
    shares: Shares,
    reference: str,
    *,
    soft: bool = True,
    replicates: int = 200,
    seed: int = 0,
) -> Reliability | None:
    """Compare labels with a reference.

    Parameters
    ----------
    labels
        (Q,) the probability that the first response of each pair is preferred; NaN where there is none.
    soft
        Whether the labels are probabilities, and not 0, 1/2 and 1.

    Returns
    -------
    None if there is no pair in common.
    """
    known = np.array([shares.get(pair, np.nan) for pair in judgements.pairs])
    both = ~np.isnan(labels) & ~np.isnan(known)
    if not both.any():
        return None
    prompts, p, q = judgements.pair_prompts[both], labels[both], known[both]
    strict = (p != 0.5) & (q != 0.5)
    n, pairs = len(judgements.prompts), int(strict.sum())
    right = ((p > 0.5) == (q > 0.5))[strict].astype(float)
    accuracy = figures(
        [Sums.one("accuracy", prompts[strict], right, np.ones(pairs))], n, replicates, seed
    )[0][0]
    kappa = cohens_kappa(p[strict] > 0.5, q[strict] > 0.5, prompts[strict], replicates, seed)
    return Reliability(
        name, reference, pairs, int(both.sum()) - pairs, accuracy, kappa,
        expected_calibration_error(p, q) if soft else np.nan,
        float(((p - q) ** 2).mean()) if soft else np.nan,
    )  # fmt: skip


def cohens_kappa(
    one: np.ndarray, other: np.ndarray, units: np.ndarray, replicates: int = 200, seed: int = 0
) -> Figure:
    """Cohen's kappa of two (N,) columns of bool, with a bootstrap interval over units such as prompts.

    A replicate in which kappa is not defined, because both columns are constant, does not count.

    Examples
    --------
    >>> yes, no = np.array([1, 1, 1, 0]) > 0, np.array([1, 1, 0, 0]) > 0
    >>> cohens_kappa(yes, no, np.arange(4)).value
    0.5
    """
    drawn, place = np.unique(units, return_inverse=True)
    P = len(drawn)
    counts = np.zeros((P, 4))  # cells of the table of both columns
    np.add.at(counts, (place, 2 * one.astype(int) + other.astype(int)), 1.0)
    value = float(_kappa(counts.sum(axis=0, keepdims=True))[0])
    low = high = np.nan
    if replicates and P > 1:
        times = np.random.default_rng(seed).multinomial(P, np.full(P, 1 / P), size=replicates)
        values = _kappa(times @ counts)
        values = values[~np.isnan(values)]
        if len(values):
            low, high = np.quantile(values, [0.025, 0.975])
    return Figure("kappa", float(len(units)), P, value, float(low), float(high))


def _kappa(cells: np.ndarray) -> np.ndarray:
    """(B,) kappa of tables (B, 4): neither, the second alone, the first alone, both."""
    whole = cells.sum(axis=1)
    agree = ratio(cells[:, 0] + cells[:, 3], whole)
    first, second = (
        ratio(cells[:, [2, 3]].sum(axis=1), whole),
        ratio(cells[:, [1, 3]].sum(axis=1), whole),
    )
    chance = first * second + (1 - first) * (1 - second)
    return ratio(agree - chance, 1 - chance)


def expected_calibration_error(labels: np.ndarray, shares: np.ndarray) -> float:
    """The expected calibration error of soft labels (N,) against shares of votes (N,).

    Examples
    --------
    >>> expected_calibration_error(np.array([0.9, 0.1, 0.9, 0.9]), np.array([1.0, 0.0, 0.0, 1.0]))
    0.15
    """
    sure = np.maximum(labels, 1 - labels)
    won = np.where(labels >= 0.5, shares, 1 - shares)
    bins = np.minimum((sure - 0.5) * 2 * BINS, BINS - 1).astype(int)
    gaps = np.abs(np.bincount(bins, sure - won, BINS))
    return float((gaps.sum() / len(labels)).round(12))


def judge_reliability(
    judgements: Judgements,
    truth: Mapping[str, Shares],
    humans: Shares,
    collective: Mapping[str, np.ndarray],
    *,
    replicates: int = 200,
    seed: int = 0,
) -> list[Reliability]:
    """Compare each principle with its planted truth and with the human labels, and rules with the latter.

    Parameters
    ----------
    truth
        The planted preferences of each principle.
    humans
        The share of human votes for the first response of each pair; empty if there are none.
    collective
        For each rule its (Q,) labels 0, 1/2 and 1.
    """
    rows = []
    tables = judgements.table.T
    for name, labels in zip(judgements.principles, tables, strict=True):
        for reference, shares in (("truth", truth.get(name, {})), ("humans", humans)):
            rows.append(
                reliability(
                    name, labels, judgements, shares, reference, replicates=replicates, seed=seed
                )
            )
    for name, labels in collective.items():
        rows.append(
            reliability(
                name, labels, judgements, humans, "humans",
                soft=False, replicates=replicates, seed=seed,
            )
        )  # fmt: skip
    rows.append(_pooled(judgements, truth, replicates, seed))
    return [row for row in rows if row is not None]


def _pooled(
    judgements: Judgements, truth: Mapping[str, Shares], replicates: int, seed: int
) -> Reliability | None:
    """All principles' judgements together against their truths."""
    rows = judgements.rows()
    shares: list[float] = []
    for row in rows:
        known: Shares = truth.get(row.principle, {})
        shares.append(known.get((row.prompt_id, row.first, row.second), np.nan))
    pairs: Sequence[tuple[str, str, str]] = [(str(n), "", "") for n in range(len(rows))]
    one = Judgements(
        ["all principles"], judgements.prompts, list(pairs), judgements.row_prompts,
        np.arange(len(rows)), np.zeros(len(rows), np.int64), judgements.soft_labels,
        judgements.weights, judgements.shown_first, judgements.shown_second,
        judgements.cannot_tell, judgements.nonsense,
    )  # fmt: skip
    known_shares = {pair: s for pair, s in zip(pairs, shares, strict=True) if not np.isnan(s)}
    return reliability(
        "all principles", judgements.soft_labels, one, known_shares, "truth",
        replicates=replicates, seed=seed,
    )  # fmt: skip
