"""Influence of principles: whose comparisons prevail under which rule."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from rlchf.aggregation import Aggregation, aggregate
from rlchf.constitution.judgements import Judgements
from rlchf.entries import Entries
from rlchf.numeric.ratios import ratio
from rlchf.rankings import Rankings


@dataclass(frozen=True)
class Influence:
    """A principle's influence on the collective rankings of one rule.

    Attributes
    ----------
    principle
        The principle.
    weight
        Its share of the weight of all judgements.
    prevails
        Share of its comparisons that prevail, in expectation: a pair counts the probability that it
        gives to the response that the rule puts above, and half if the rule ties the pair.
    share
        Its share of the weight of all comparisons that prevail, to be held against ``weight``.
    hard
        The same as ``prevails``, where its more probable response counts whole and its own ties are left
        out.
    flipped
        Number of pairs that the rule turns around if the principle is left out.
    changed
        Number of pairs whose order changes at all, ties included. Both are None if none was left out.
    """

    principle: str
    weight: float
    prevails: float
    share: float
    hard: float
    flipped: int | None
    changed: int | None


@dataclass(frozen=True, eq=False)
class RuleInfluence:
    """The influence of all principles under one rule.

    Attributes
    ----------
    rule
        Name of the rule.
    pairs, ties
        Number of pairs judged, and of those that the rule ties.
    principles
        One `Influence` for each principle.
    signs
        (Q,) 1 if the rule puts the first response of a pair above the second, -1 below, 0 if it ties them.
    """

    rule: str
    pairs: int
    ties: int
    principles: list[Influence]
    signs: np.ndarray


Rule = Callable[[Rankings], Aggregation]


def rankings_of(judgements: Judgements, *, soft: bool = True, without: str = "") -> Rankings:
    """The judgements as ballots of principles: soft labels as split votes, or hard labels.

    Judgements without an answer that can count are left out, and so are those of a principle on request.

    Raises
    ------
    ValueError
        If no judgement has a usable answer.

    Examples
    --------
    >>> from rlchf.constitution.judgements import Judgement
    >>> one = Judgements.of([Judgement("p", "kind", "a", "b", 0.25)])
    >>> rankings_of(one, soft=False)
    Rankings of judgements: 1 prompt, 1 annotator, 2 responses, 1 ballot, unranked='missing'
      p, kind: b > a
    """
    counted = judgements.usable & (judgements.weights > 0)
    if without:
        counted &= judgements.row_principles != judgements.principles.index(without)
    rows = np.flatnonzero(counted)
    if not len(rows):
        raise ValueError("no judgement has an answer that can count")
    labels, pairs = judgements.soft_labels[rows], judgements.row_pairs[rows]
    sure = np.maximum(labels, 1 - labels)
    names = sorted({response for _, *both in judgements.pairs for response in both})
    codes = {name: code for code, name in enumerate(names)}
    sides = np.array([[codes[a], codes[b]] for _, a, b in judgements.pairs])[pairs]  # (n, 2)
    chosen = np.where((labels >= 0.5)[:, None], sides, sides[:, ::-1])
    prompts, prompt = np.unique(judgements.pair_prompts[pairs], return_inverse=True)
    voters, voter = np.unique(judgements.row_principles[rows], return_inverse=True)
    n = len(rows)
    entries = Entries(
        prompt_ids=[judgements.prompts[p] for p in prompts.tolist()],
        annotator_ids=[judgements.principles[k] for k in voters.tolist()],
        response_ids=names,
        ballot_prompts=prompt,
        ballot_annotators=voter,
        ballot_weights=judgements.weights[rows],
        ballot_parts=pairs,
        entry_ballots=np.tile(np.arange(n), 2),
        entry_responses=chosen.T.ravel(),
        entry_ranks=np.concatenate([np.ones(n), np.where(labels == 0.5, 1.0, 2.0)]),
        source="judgements",
    )
    return Rankings.from_entries(_split(entries, sure) if soft else entries)


def _split(entries: Entries, sure: np.ndarray) -> Entries:
    """Ballots of two responses as votes that are split by the probability of the first."""
    if "ballot_probabilities" in Entries.__dataclass_fields__:
        probabilities: dict[str, Any] = {"ballot_probabilities": sure}
        return replace(entries, **probabilities)
    assert entries.ballot_weights is not None
    assert entries.ballot_parts is not None
    assert entries.entry_ranks is not None
    n = len(sure)
    less = np.flatnonzero((sure < 1) & (sure > 0.5))
    reverse = np.concatenate([less, less + n])  # their entries, best first
    weights = np.where(sure > 0.5, entries.ballot_weights * sure, entries.ballot_weights)
    return replace(
        entries,
        ballot_prompts=np.append(entries.ballot_prompts, entries.ballot_prompts[less]),
        ballot_annotators=np.append(entries.ballot_annotators, entries.ballot_annotators[less]),
        ballot_weights=np.append(weights, (entries.ballot_weights * (1 - sure))[less]),
        ballot_parts=np.append(2 * entries.ballot_parts, 2 * entries.ballot_parts[less] + 1),
        entry_ballots=np.append(entries.entry_ballots, np.tile(n + np.arange(len(less)), 2)),
        entry_responses=np.append(
            entries.entry_responses, entries.entry_responses[np.append(less + n, less)]
        ),
        entry_ranks=np.append(entries.entry_ranks, entries.entry_ranks[reverse]),
    )


def influence(
    judgements: Judgements,
    rule: str | Rule = "kemeny",
    *,
    soft: bool = True,
    leave_out: bool = True,
    tick: Callable[[int, int], None] | None = None,
) -> RuleInfluence:
    """Measure every principle's influence under a rule.

    Parameters
    ----------
    rule
        A rule's name, or a function from `Rankings` to `Aggregation`.
    soft
        Whether the rule sees soft labels, as split votes, or hard labels.
    leave_out
        Whether to aggregate again without each principle.
    tick
        Called after each aggregation with the number done and the total.

    Examples
    --------
    >>> from rlchf.constitution.judgements import Judgement
    >>> labels = {"kind": 0.9, "polite": 0.8, "brief": 0.3}
    >>> rows = [Judgement("p", name, "a", "b", soft) for name, soft in labels.items()]
    >>> [(one.principle, one.prevails) for one in influence(Judgements.of(rows)).principles]
    [('kind', 0.9), ('polite', 0.8), ('brief', 0.3)]
    """
    run = partial(aggregate, rule=rule) if isinstance(rule, str) else rule
    name = rule if isinstance(rule, str) else getattr(rule, "__name__", "rule")
    left_out = judgements.principles if leave_out else []
    signs: list[np.ndarray] = []
    for done, principle in enumerate(["", *left_out], start=1):
        signs.append(collective_signs(judgements, run, soft=soft, without=principle))
        if tick:
            tick(done, 1 + len(left_out))
    whole, *others = signs
    rows = _rows(judgements, whole, others)
    return RuleInfluence(name, len(whole), int((whole == 0).sum()), rows, whole)


def collective_signs(
    judgements: Judgements, run: Rule, *, soft: bool = True, without: str = ""
) -> np.ndarray:
    """(Q,) 1 if the rule puts the first response of a pair above the second, -1 below, 0 if it ties them.

    Pairs of prompts on which no judgement can count are ties. A principle is left out on request.
    """
    signs = np.zeros(len(judgements.pairs))
    others = judgements.row_principles != (
        judgements.principles.index(without) if without else len(judgements.principles)
    )
    if not (judgements.usable & (judgements.weights > 0) & others).any():
        return signs
    result = run(rankings_of(judgements, soft=soft, without=without))
    names = zip(
        np.repeat(result.prompt_ids, np.diff(result.response_starts)).tolist(),
        result.response_ids,
        strict=True,
    )
    ranks = dict(zip(names, result.response_ranks.tolist(), strict=True))
    for q, (prompt, first, second) in enumerate(judgements.pairs):
        above, below = ranks.get((prompt, first)), ranks.get((prompt, second))
        if above is not None and below is not None:
            signs[q] = np.sign(below - above)
    return signs


def _rows(
    judgements: Judgements, signs: np.ndarray, others: Sequence[np.ndarray]
) -> list[Influence]:
    usable, K = judgements.usable, len(judgements.principles)
    owners, weights = judgements.row_principles[usable], judgements.weights[usable]
    labels = judgements.soft_labels[usable]
    sides = signs[judgements.row_pairs[usable]]

    def shares(values: np.ndarray, counted: np.ndarray) -> list[float]:
        part = np.bincount(owners, weights * counted * values, K)
        return [float(one) for one in ratio(part, np.bincount(owners, weights * counted, K))]

    soft = shares(0.5 + sides * (labels - 0.5), np.ones(len(labels)))
    preferred = np.sign(labels - 0.5)
    hard = shares(0.5 + sides * preferred / 2, (preferred != 0).astype(float))
    parts = np.bincount(owners, weights, K)
    weight = [float(one) for one in ratio(parts, parts.sum())]
    won = parts * np.nan_to_num(soft)
    share = [float(one) for one in ratio(won, won.sum())]
    unknown: list[int | None] = [None] * K
    flipped = [int((other * signs < 0).sum()) for other in others] or unknown
    changed = [int((other != signs).sum()) for other in others] or unknown
    columns = zip(judgements.principles, weight, soft, share, hard, flipped, changed, strict=True)
    return [Influence(*row) for row in columns]
