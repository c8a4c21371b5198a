"""Each group's share at every stage: ballots, collective rankings, reward model, the policy's texts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing._batch import centred
from rlchf.auditing._left_out import (
    FOLDS,
    Tick,
    folds_of,
    is_sequential,
    leave_out,
    outcomes_without,
    strata_of,
)
from rlchf.auditing.categories import CategoryCounts, encode_categories, of_ballots, of_orders
from rlchf.auditing.category_shares import (
    CategoryPreferences,
    ballot_shares,
    order_shares,
    text_shares,
)
from rlchf.auditing.estimates import Estimate
from rlchf.auditing.groups import Grouping, Groups
from rlchf.auditing.held_out import HeldOut
from rlchf.auditing.shares import Share
from rlchf.auditing.standing import opposed_groups
from rlchf.auditing.welfare import Welfare, mean_weights, welfare
from rlchf.display import listed, percent_with_interval
from rlchf.rankings import Rankings

UNKNOWN = (float("nan"), float("nan"))
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
        The group's share, with a 95 % interval for other annotators of the same groups and other prompts (for
        texts, other texts); NaN if there is none.
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
        Contested pairs: those with which the order agrees, held out as in `Interval`. The other measures are
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
    folds: int = FOLDS,
    tick: Tick | None = None,
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
    folds
        Parts of the annotators, without each of which a rule runs again; 0 takes the orders as they are.
    tick
        Called with the number of outcomes made again, and of all, for each division into groups.

    Raises
    ------
    ValueError
        If a response has no category, or an order is not about the ballots' prompts and responses.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [(p, name, "a > b" if name < "d" else "b > a") for p in range(10) for name in "abcde"]
    >>> rankings = rlchf.Rankings.from_ballots(ballots)
    >>> categories = {str(p): {"a": "plain", "b": "emoji"} for p in range(10)}
    >>> orders = {"labels": rlchf.aggregate(rankings, "perpetual_pav")}
    >>> texts = {"policy": ["plain", "emoji"]}
    >>> for stage in trace_shares(rankings, orders, categories=categories, texts=texts):
    ...     emoji = stage.groups[0]
    ...     shares = round(emoji.share, 3), round(emoji.proportional_share, 3)
    ...     print(stage.stage, stage.measure, emoji.name, *shares)
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
    opposed = {name for grouping in groupings for name in opposed_groups(rankings, grouping)}
    trace = _Trace(groupings, preferences, opposed)
    stages = list(trace.ballots(rankings, codes)) if preferences else []
    for stage, result in orders.items():
        prompts = [rankings.prompt_index.get(prompt, -1) for prompt in result.prompt_ids]
        ranked = rankings.subset(np.array(prompts)) if min(prompts) >= 0 else None
        if ranked is None or ranked.response_ids != result.response_ids:
            raise ValueError(f"{stage}: not about the prompts and responses of the ballots")
        of_stage = np.zeros(0, np.int64)
        if preferences and categories is not None:
            of_stage = encode_categories(ranked, categories, names)[1]
        stages += trace.orders(stage, ranked, result, of_stage, folds, tick)
    return stages + [trace.texts(stage, written) for stage, written in texts.items()]


def _contested(
    stage: str,
    rankings: Rankings,
    result: Aggregation,
    groupings: Sequence[Grouping],
    opposed: set[str],
    folds: int,
    without: Sequence[list[np.ndarray]],
) -> StageShares:
    groups, nan = [], float("nan")
    parts = [
        (grouping, leave_out(rankings, result, grouping, folds, ranks=ranks))
        for grouping, ranks in zip(
            groupings or [Grouping.everybody(rankings)], without, strict=True
        )
    ]
    for grouping, left_out in parts if groupings else []:
        for g, name in enumerate(grouping.names):
            agreed, proportional, ratio = left_out.estimate("contested", g), nan, nan
            if name in opposed:
                ratio = left_out.estimate("representation_ratio", g).value
                proportional = (
                    agreed.value / ratio if ratio > 0 else weight_of(rankings, grouping, g)
                )
            groups.append(GroupShare(name, {}, proportional, *agreed.figures, ratio))
    of_annotators = HeldOut.of(parts[0][1], rankings.annotator_ids, mean_weights(rankings))
    return StageShares(stage, CONTESTED, {}, groups, of_annotators.welfare["contested"])


def first_places_sentence(stages: Sequence[StageShares]) -> str:
    """On which part of the prompts each label is first; empty where responses have no labels.

    Examples
    --------
    >>> shares = {"formal": Share("borda", FIRST, 0.367, 0.2, 0.5, 60)}
    >>> none = Welfare(0, 0, 0, 0, 0, [], 0)
    >>> first_places_sentence([StageShares("aggregated (borda)", FIRST, shares, [], none)])
    'First places by label: formal 37 % (20 to 50 %) in aggregated (borda).'
    """
    rows = [stage for stage in stages if stage.measure == FIRST and stage.categories]
    parts = []
    for stage in sorted(rows, key=lambda stage: stage.stage == "ballots"):
        most = sorted(stage.categories.items(), key=lambda item: -item[1].share)
        known = stage.stage != "ballots"
        shares = [
            f"{name} {percent_with_interval(one.share, *(one.low, one.high) if known else UNKNOWN)}"
            for name, one in most
        ]
        parts.append(f"{listed(shares)} {f'in {stage.stage}' if known else 'on the ballots'}")
    return f"First places by label: {'; '.join(parts)}." if parts else ""


def weight_of(rankings: Rankings, grouping: Grouping, g: int) -> float:
    """A group's share of the weight of all ballots."""
    own = grouping.owners[rankings.ballot_annotators] == g
    return float(rankings.ballot_weights[own].sum() / rankings.ballot_weights.sum())


@dataclass(frozen=True, eq=False)
class _Trace:
    """What all stages have in common: the groups, the preferred categories, if any, and who is opposed."""

    groupings: Sequence[Grouping]
    preferences: CategoryPreferences | None
    opposed: set[str]

    def parts(self) -> np.ndarray:
        """(K + L, K) the parts of the categories in their own shares and in those of all groups."""
        assert self.preferences is not None
        K = len(self.preferences.names)
        groups = [self.preferences.of_group(m) for g in self.groupings for m in g.members]
        return np.concatenate([np.eye(K), np.array(groups).reshape(-1, K)])

    def shares(
        self, stage: str, measure: str, estimates: Sequence[Estimate], n: np.ndarray
    ) -> StageShares:
        """The shares of the categories, of so many outcomes, (K,), and of the groups."""
        preferences = self.preferences
        assert preferences is not None
        K, weights = len(preferences.names), preferences.known
        members = [m for grouping in self.groupings for m in grouping.members]
        names = [name for grouping in self.groupings for name in grouping.names]
        groups = [
            _group_share(name, preferences, people, estimate)
            for name, people, estimate in zip(names, members, estimates[K:], strict=True)
        ]
        categories = {
            name: Share(stage, measure, *estimate.figures, round(float(trials)))
            for name, estimate, trials in zip(preferences.names, estimates[:K], n, strict=True)
            if trials
        }
        shares = np.array(
            [e.value if trials else 0.0 for e, trials in zip(estimates[:K], n, strict=True)]
        )
        of_annotators = welfare(preferences.parts @ shares, weights)
        return StageShares(stage, measure, categories, groups, of_annotators)

    def texts(self, stage: str, written: Sequence[str]) -> StageShares:
        """The shares of texts, given their categories."""
        assert self.preferences is not None
        names = self.preferences.names
        estimates = text_shares(written, names, self.parts())
        return self.shares(stage, TEXTS, estimates, np.full(len(names), len(written)))

    def ballots(self, rankings: Rankings, codes: np.ndarray) -> Iterator[StageShares]:
        """The shares of first places and of mixed pairs on the ballots."""
        parts, K = self.parts(), len(self.parts()[0])
        counts = of_ballots(rankings, codes, K)
        groupings = self.groupings or [Grouping.everybody(rankings)]
        ends = np.cumsum([K, *(len(grouping.names) for grouping in groupings)])
        for measure, terms in ((FIRST, counts.first_places()), (PAIRS, counts.mixed_pairs())):
            estimates = ballot_shares(rankings, terms, parts[:K], groupings[0])
            for grouping, (start, end) in zip(groupings, pairwise(ends.tolist()), strict=True):
                estimates += ballot_shares(rankings, terms, parts[start:end], grouping)
            yield self.shares("ballots", measure, estimates, (terms[1] > 0).sum(axis=0))

    def orders(
        self,
        stage: str,
        rankings: Rankings,
        result: Aggregation,
        codes: np.ndarray,
        folds: int,
        tick: Tick | None = None,
    ) -> Iterator[StageShares]:
        """The shares of contested pairs, and of first places and mixed pairs if there are categories."""
        groupings = self.groupings or [Grouping.everybody(rankings)]
        without = [outcomes_without(rankings, result, g, folds, tick) for g in groupings]
        yield _contested(stage, rankings, result, self.groupings, self.opposed, folds, without)
        if not self.preferences:
            return
        parts, across = (
            self.parts(),
            is_sequential(result.rule),
        )
        K = parts.shape[1]
        ends = np.cumsum([K, *(len(grouping.names) for grouping in groupings)]).tolist()
        counts = of_orders(result, codes, K)
        changes = [
            _changes(result, codes, counts, g, ranks, folds)
            for g, ranks in zip(groupings, without, strict=True)
        ]
        for n, (measure, terms) in enumerate(
            ((FIRST, counts.first_places()), (PAIRS, counts.mixed_pairs()))
        ):
            estimates = order_shares(terms, parts[:K], changes[0][n], across)
            for change, (start, end) in zip(changes, pairwise(ends), strict=True):
                estimates += order_shares(terms, parts[start:end], change[n], across)
            yield self.shares(stage, measure, estimates, (terms[1] > 0).sum(axis=0))


def _changes(
    result: Aggregation,
    codes: np.ndarray,
    counts: CategoryCounts,
    grouping: Grouping,
    ranks: Sequence[np.ndarray],
    folds: int,
) -> list[np.ndarray]:
    """(F, P, K) what leaving out each part of the annotators changes, of first places and mixed pairs."""
    K = counts.firsts.shape[1]
    if not ranks:
        return [np.zeros((0, len(result), K))] * 2
    strata = strata_of(grouping, folds_of(grouping, folds))[-1]
    every = [of_orders(result, codes, K, of_part) for of_part in ranks]
    firsts, above = (
        np.stack([one.firsts - counts.firsts for one in every]),
        np.stack([one.above - counts.above for one in every]),
    )
    return [np.moveaxis(centred(np.moveaxis(x, 0, -1), strata), -1, 0) for x in (firsts, above)]


def _group_share(
    name: str, preferences: CategoryPreferences, members: np.ndarray, estimate: Estimate
) -> GroupShare:
    weight, total = preferences.known[members].sum(), preferences.known.sum()
    proportional = float(weight / total) if total else float("nan")
    if not weight:
        return GroupShare(name, {}, proportional, *[float("nan")] * 4)
    parts = preferences.of_group(members).tolist()
    prefers = {k: part for k, part in zip(preferences.names, parts, strict=True) if part}
    ratio_to = estimate.value / proportional
    return GroupShare(name, prefers, proportional, *estimate.figures, ratio_to)
