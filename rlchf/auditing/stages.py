"""Each group's share at every stage: ballots, collective rankings, reward model, the policy's texts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing._tallies import tally
from rlchf.auditing.agreement import agreements
from rlchf.auditing.bootstrap import bootstrap
from rlchf.auditing.categories import coded, of_ballots, of_orders, tastes
from rlchf.auditing.groups import Grouping, Groups
from rlchf.auditing.shares import Share, wilson
from rlchf.auditing.welfare import Welfare, mean_weights, welfare
from rlchf.rankings import Rankings

CONTESTED, FIRST, PAIRS, TEXTS = "contested pairs", "first places", "mixed pairs", "texts"


@dataclass(frozen=True)
class Got:
    """What a group got at a stage.

    Attributes
    ----------
    name
        The group.
    prefers
        For each kind of text the part of the group's weight that prefers it; empty where texts were
        not judged.
    due
        The group's share of the weight.
    share, low, high
        What it got, with a 95 % interval; NaN if there is none.
    ratio
        Got by due.
    """

    name: str
    prefers: dict[str, float]
    due: float
    share: float
    low: float
    high: float
    ratio: float


@dataclass(frozen=True)
class Step:
    """A stage, measured in one way.

    Attributes
    ----------
    stage
        ``"ballots"``, the rule or model whose orders these are, or who wrote the texts.
    measure
        Contested pairs: those that the order agrees with, as in `Agreement`. The others are about
        the kind of text that somebody prefers. First places: how often it comes first. Mixed pairs:
        how often it is above in pairs of it and another kind. Texts: how often it is written.
    kinds
        The share of each kind of text; empty for contested pairs.
    groups
        What each group got.
    welfare
        Over what the annotators got.
    """

    stage: str
    measure: str
    kinds: dict[str, Share]
    groups: list[Got]
    welfare: Welfare


def follow(
    rankings: Rankings,
    orders: Mapping[str, Aggregation],
    groups: Groups | None = None,
    *,
    kinds: Mapping[str, Mapping[str, str]] | None = None,
    texts: Mapping[str, Sequence[str]] | None = None,
    replicates: int = 0,
    seed: int = 0,
) -> list[Step]:
    """Follow each group's share from the ballots to the texts.

    A judge says of each text which kind it is. The kind that an annotator prefers is read off the
    ballots (see `tastes`). A group gets, at each stage, the share of the outcomes that are of the kind
    that its members prefer, by their weight; it is due its share of the weight of all who prefer some.

    Parameters
    ----------
    orders
        Collective rankings, a reward model's scores, and the like, by name; about all prompts or some.
    groups
        As in `audit`; by default those who prefer the same kind.
    kinds
        For each prompt the kind of each response; without them only contested pairs are measured.
    texts
        The kinds of the texts that a policy wrote, by name.
    replicates, seed
        Of the bootstrap for contested pairs; the other intervals are Wilson's, for independent orders,
        pairs or texts.

    Raises
    ------
    ValueError
        If a response has no kind, or an order is not about the ballots' prompts and responses.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [(p, name, "a > b" if name < "d" else "b > a") for p in range(5) for name in "abcde"]
    >>> rankings = rlchf.Rankings.from_ballots(ballots)
    >>> kinds = {str(p): {"a": "plain", "b": "emoji"} for p in range(5)}
    >>> result = rlchf.aggregate(rankings, "perpetual_pav")
    >>> steps = follow(rankings, {"labels": result}, kinds=kinds, texts={"policy": ["plain", "emoji"]})
    >>> for step in steps:
    ...     print(step.stage, step.measure, step.groups[0].name, step.groups[0].due, step.groups[0].share)
    ballots first places prefer emoji 0.4 0.4
    ballots mixed pairs prefer emoji 0.4 0.4
    labels contested pairs prefer emoji 0.4 0.4
    labels first places prefer emoji 0.4 0.4
    labels mixed pairs prefer emoji 0.4 0.4
    policy texts prefer emoji 0.4 0.5
    """
    texts = texts or {}
    if kinds is None and texts:
        raise ValueError("texts need the kinds of the responses on the ballots, to read tastes off")
    taste = None
    if kinds is not None:
        names, codes = coded(rankings, kinds, (kind for some in texts.values() for kind in some))
        taste = _Taste(names, tastes(rankings, codes, len(names)), _weights(rankings))
    groupings = Grouping.each(
        rankings, taste.groups(rankings) if taste and groups is None else groups
    )
    steps = []
    if taste:
        counts = of_ballots(rankings, codes, len(names))
        steps.append(taste.step("ballots", FIRST, *counts.first_places(), groupings))
        steps.append(taste.step("ballots", PAIRS, *counts.mixed_pairs(), groupings))
    for stage, result in orders.items():
        where = [rankings.prompt_index.get(prompt, -1) for prompt in result.prompt_ids]
        some = rankings.subset(np.array(where)) if min(where) >= 0 else None
        if some is None or some.response_ids != result.response_ids:
            raise ValueError(f"{stage}: not about the prompts and responses of the ballots")
        steps.append(_contested(stage, some, result, groupings, replicates, seed))
        if taste and kinds is not None:
            _, here = coded(some, kinds, taste.names)
            counts = of_orders(result, here, len(taste.names))
            steps.append(taste.step(stage, FIRST, *counts.first_places(), groupings))
            steps.append(taste.step(stage, PAIRS, *counts.mixed_pairs(), groupings))
    for stage, written in texts.items():
        assert taste is not None
        found = Counter(written)
        share = np.array([found[name] / len(written) for name in names])
        steps.append(taste.step(stage, TEXTS, share, np.full(len(names), len(written)), groupings))
    return steps


def _contested(
    stage: str, rankings: Rankings, result: Aggregation, groupings: Sequence[Grouping],
    replicates: int, seed: int,
) -> Step:  # fmt: skip
    tallies, P, A = tally(rankings, result), rankings.n_prompts, len(rankings.annotator_ids)
    got = []
    for grouping in groupings:
        spans = {}
        if replicates:
            found = bootstrap(tallies, grouping.owners, grouping.names, P, replicates, seed)
            spans = {i.name: (i.low, i.high) for i in found if i.measure == "contested"}
        for row in agreements(grouping.names, grouping.owners, tallies, P):
            low, high = spans.get(row.name, (float("nan"),) * 2)
            got.append(Got(row.name, {}, row.due, row.contested, low, high, row.ratio))
    each = agreements(rankings.annotator_ids, np.arange(A), tallies, P)
    shares = np.array([row.contested for row in each])
    return Step(stage, CONTESTED, {}, got, welfare(shares, mean_weights(rankings)))


def _weights(rankings: Rankings) -> np.ndarray:
    """(A,) the weight of all ballots of each annotator."""
    A = len(rankings.annotator_ids)
    return np.bincount(rankings.ballot_annotators, rankings.ballot_weights, A)


@dataclass(frozen=True, eq=False)
class _Taste:
    """The kinds, (A, K) who prefers which, and (A,) the annotators' weights."""

    names: list[str]
    parts: np.ndarray
    weights: np.ndarray

    def groups(self, rankings: Rankings) -> dict[str, str]:
        """Those who prefer one kind."""
        sure = self.parts.max(axis=1) == 1
        return {
            rankings.annotator_ids[a]: f"prefer {self.names[int(self.parts[a].argmax())]}"
            for a in np.flatnonzero(sure)
        }

    def step(
        self, stage: str, measure: str, shares: np.ndarray, n: np.ndarray, groupings: Sequence[Grouping]
    ) -> Step:  # fmt: skip
        """What everybody gets if each kind has such a share, (K,), of so many, (K,)."""
        known, many = np.nan_to_num(shares), np.nan_to_num(n)
        weights = self.weights * (self.parts.sum(axis=1) > 0)
        got = []
        for grouping in groupings:
            for name, members in zip(grouping.names, grouping.members, strict=True):
                weight = weights[members].sum()
                due = float(weight / weights.sum()) if weights.sum() else float("nan")
                if not weight:
                    got.append(Got(name, {}, due, *[float("nan")] * 4))
                    continue
                prefers = weights[members] @ self.parts[members] / weight  # (K,)
                share, trials = float(prefers @ known), float(prefers @ many)
                named = {k: float(x) for k, x in zip(self.names, prefers, strict=True) if x}
                got.append(Got(name, named, due, share, *wilson(share, trials), share / due))
        return Step(
            stage,
            measure,
            {
                name: Share.of(stage, measure, float(share), float(trials))
                for name, share, trials in zip(self.names, known, many, strict=True)
                if trials
            },
            got,
            welfare(self.parts @ known, weights),
        )
