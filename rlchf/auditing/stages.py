"""Each group's share at every stage: ballots, collective rankings, reward model, the policy's texts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing._tallies import tally
from rlchf.auditing.agreement import agreements
from rlchf.auditing.bootstrap import bootstrap
from rlchf.auditing.categories import (
    CategoryCounts,
    encode_categories,
    of_ballots,
    of_orders,
    preferred_categories,
)
from rlchf.auditing.groups import Grouping, Groups
from rlchf.auditing.shares import Share, wilson
from rlchf.auditing.standing import opposed_groups
from rlchf.auditing.welfare import Welfare, mean_weights, welfare
from rlchf.rankings import Rankings

CONTESTED, FIRST, PAIRS, TEXTS = "contested pairs", "first places", "mixed pairs", "texts"


@dataclass(frozen=True)
class GroupShare:
    """A group's share at a stage.

    Attributes
    ----------
    name
        The group.
    prefers
        For each category of texts the part of the group's weight that prefers it; empty where texts have
        no categories.
    proportional_share
        The share that is in proportion to the group's weight.
    share, low, high
        The group's share, with a 95 % interval; NaN if there is none.
    representation_ratio
        Share divided by proportional share. For contested pairs, this and the proportional share are NaN
        where the group is not opposed to the others; see `Standing`.
    """

    name: str
    prefers: dict[str, float]
    proportional_share: float
    share: float
    low: float
    high: float
    representation_ratio: float


@dataclass(frozen=True)
class StageShares:
    """The groups' shares at a stage, by one measure.

    Attributes
    ----------
    stage
        ``"ballots"``, the rule or model whose orders these are, or the policy that wrote the texts.
    measure
        Contested pairs: those with which the order agrees, as in `Agreement`. The other measures are
        about the category of texts that an annotator prefers. First places: how often it comes first.
        Mixed pairs: how often it is above another category. Texts: how often it is written.
    categories
        The share of each category of texts; empty for contested pairs.
    groups
        The share of each group.
    welfare
        Welfare over the annotators' shares.
    """

    stage: str
    measure: str
    categories: dict[str, Share]
    groups: list[GroupShare]
    welfare: Welfare


def trace_shares(
    rankings: Rankings,
    orders: Mapping[str, Aggregation],
    groups: Groups | None = None,
    *,
    categories: Mapping[str, Mapping[str, str]] | None = None,
    texts: Mapping[str, Sequence[str]] | None = None,
    replicates: int = 0,
    seed: int = 0,
) -> list[StageShares]:
    """Trace each group's share from the ballots to the texts of a policy.

    Every text has a category, and the category that an annotator prefers is read off the ballots (see
    `preferred_categories`). At each stage, a group's share is the share of the outcomes that are of the
    category that its members prefer, by their weight. The proportional share is the group's share of
    the weight of all annotators who prefer a category.

    Parameters
    ----------
    orders
        Collective rankings, a reward model's scores, and the like, by name; about all prompts or some.
    groups
        As in `audit`; by default the annotators who prefer the same category.
    categories
        For each prompt the category of each response; without them only contested pairs are measured.
    texts
        The categories of the texts that a policy wrote, by name.
    replicates, seed
        Replicates and random seed of the bootstrap for contested pairs; the other intervals are Wilson's,
        for independent orders, pairs or texts.

    Raises
    ------
    ValueError
        If a response has no category, or an order is not about the ballots' prompts and responses.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [(p, name, "a > b" if name < "d" else "b > a") for p in range(5) for name in "abcde"]
    >>> rankings = rlchf.Rankings.from_ballots(ballots)
    >>> categories = {str(p): {"a": "plain", "b": "emoji"} for p in range(5)}
    >>> orders = {"labels": rlchf.aggregate(rankings, "perpetual_pav")}
    >>> texts = {"policy": ["plain", "emoji"]}
    >>> for stage in trace_shares(rankings, orders, categories=categories, texts=texts):
    ...     emoji = stage.groups[0]
    ...     print(stage.stage, stage.measure, emoji.name, emoji.share, emoji.proportional_share)
    ballots first places prefer emoji 0.4 0.4
    ballots mixed pairs prefer emoji 0.4 0.4
    labels contested pairs prefer emoji 0.4 0.4
    labels first places prefer emoji 0.4 0.4
    labels mixed pairs prefer emoji 0.4 0.4
    policy texts prefer emoji 0.5 0.4
    """
    texts = texts or {}
    if categories is None and texts:
        raise ValueError("texts need the categories of the responses too; give categories")
    preferences = None
    if categories is not None:
        of_texts = (category for written in texts.values() for category in written)
        names, codes = encode_categories(rankings, categories, of_texts)
        preferences = CategoryPreferences.of(rankings, names, codes)
        if groups is None:
            groups = preferences.groups(rankings) or None  # nobody compares two categories
    groupings = Grouping.each(rankings, groups)
    stages = []
    if preferences:
        counts = of_ballots(rankings, codes, len(names))
        stages += preferences.order_shares("ballots", counts, groupings)
    for stage, result in orders.items():
        prompts = [rankings.prompt_index.get(prompt, -1) for prompt in result.prompt_ids]
        ranked = rankings.subset(np.array(prompts)) if min(prompts) >= 0 else None
        if ranked is None or ranked.response_ids != result.response_ids:
            raise ValueError(f"{stage}: not about the prompts and responses of the ballots")
        stages.append(_contested(stage, ranked, result, groupings, replicates, seed))
        if preferences and categories is not None:
            _, codes = encode_categories(ranked, categories, names)
            counts = of_orders(result, codes, len(names))
            stages += preferences.order_shares(stage, counts, groupings)
    for stage, written in texts.items():
        assert preferences is not None
        stages.append(preferences.text_shares(stage, written, groupings))
    return stages


def _contested(
    stage: str,
    rankings: Rankings,
    result: Aggregation,
    groupings: Sequence[Grouping],
    replicates: int,
    seed: int,
) -> StageShares:
    tallies, nan = tally(rankings, result), float("nan")
    groups = []
    for grouping in groupings:
        intervals = bootstrap(tallies, grouping, replicates, seed) if replicates else []
        opposed = opposed_groups(rankings, grouping)
        bounds = {i.name: (i.low, i.high) for i in intervals if i.measure == "contested"}
        for row in agreements(tallies, grouping):
            low, high = bounds.get(row.name, (nan, nan))
            proportional, ratio = row.proportional_share, row.representation_ratio
            if row.name not in opposed:
                proportional = ratio = nan
            share = proportional, row.contested, low, high, ratio
            groups.append(GroupShare(row.name, {}, *share))
    annotators = agreements(tallies, Grouping.by_annotator(rankings))
    shares = np.array([row.contested for row in annotators])
    return StageShares(stage, CONTESTED, {}, groups, welfare(shares, mean_weights(rankings)))


@dataclass(frozen=True, eq=False)
class CategoryPreferences:
    """The categories that annotators prefer.

    Attributes
    ----------
    names
        The K categories.
    parts
        (A, K) the category that each annotator prefers; see `preferred_categories`.
    weights
        (A,) the weight of all ballots of each annotator.
    """

    names: list[str]
    parts: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, rankings: Rankings, names: list[str], codes: np.ndarray) -> "CategoryPreferences":
        """Read the annotators' preferences off their ballots, given each response's category, (R,)."""
        A = len(rankings.annotator_ids)
        weights = np.bincount(rankings.ballot_annotators, rankings.ballot_weights, A)
        return cls(names, preferred_categories(rankings, codes, len(names)), weights)

    def groups(self, rankings: Rankings) -> dict[str, str]:
        """The annotators who prefer one category, grouped by it."""
        return {
            rankings.annotator_ids[a]: f"prefer {self.names[k]}"
            for a, k in np.argwhere(self.parts == 1).tolist()
        }

    def order_shares(
        self, stage: str, counts: CategoryCounts, groupings: Sequence[Grouping]
    ) -> list[StageShares]:
        """The groups' shares of first places and of mixed pairs."""
        return [
            self.shares(stage, FIRST, *counts.first_places(), groupings),
            self.shares(stage, PAIRS, *counts.mixed_pairs(), groupings),
        ]

    def text_shares(
        self, stage: str, written: Sequence[str], groupings: Sequence[Grouping]
    ) -> StageShares:
        """The groups' shares of texts, given the texts' categories."""
        counts = Counter(written)
        shares = np.array([counts[name] / len(written) for name in self.names])
        return self.shares(stage, TEXTS, shares, np.full(len(shares), len(written)), groupings)

    def shares(
        self,
        stage: str,
        measure: str,
        shares: np.ndarray,
        n: np.ndarray,
        groupings: Sequence[Grouping],
    ) -> StageShares:
        """The groups' shares if the categories have these shares, (K,), of so many outcomes, (K,)."""
        shares, n = np.nan_to_num(shares), np.nan_to_num(n)
        weights = self.weights * (self.parts.sum(axis=1) > 0)
        groups = [
            self._group_share(name, members, weights, shares, n)
            for grouping in groupings
            for name, members in zip(grouping.names, grouping.members, strict=True)
        ]
        categories = {
            name: Share.of(stage, measure, float(share), float(trials))
            for name, share, trials in zip(self.names, shares, n, strict=True)
            if trials
        }
        annotators = welfare(self.parts @ shares, weights)
        return StageShares(stage, measure, categories, groups, annotators)

    def _group_share(
        self, name: str, members: np.ndarray, weights: np.ndarray, shares: np.ndarray, n: np.ndarray
    ) -> GroupShare:
        weight, total = weights[members].sum(), weights.sum()
        proportional = float(weight / total) if total else float("nan")
        if not weight:
            return GroupShare(name, {}, proportional, *[float("nan")] * 4)
        parts = weights[members] @ self.parts[members] / weight  # (K,)
        share, trials = float(parts @ shares), float(parts @ n)
        prefers = {k: float(part) for k, part in zip(self.names, parts, strict=True) if part}
        interval = wilson(share, trials)
        return GroupShare(name, prefers, proportional, share, *interval, share / proportional)
