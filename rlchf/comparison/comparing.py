"""The comparison of voting rules on one dataset: all measures, together."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rlchf.aggregation import Aggregation, aggregate
from rlchf.auditing._left_out import FOLDS
from rlchf.auditing.groups import Grouping, Groups
from rlchf.auditing.report import plain
from rlchf.comparison.admitted import ALL, admitted
from rlchf.comparison.approved import Approved, approved_by_majorities
from rlchf.comparison.data import Data, describe_data, prompt_columns
from rlchf.comparison.findings import findings
from rlchf.comparison.gains import Gains, measure_gains
from rlchf.comparison.halves import SPLITS, Halves, split_halves
from rlchf.comparison.losing import Served, who_loses
from rlchf.comparison.recommend import Recommendation, recommend
from rlchf.comparison.rules import Distances, distances
from rlchf.comparison.stability import Drawn, Stability, stability
from rlchf.comparison.ties import count_ties
from rlchf.display import html_table, listed, number
from rlchf.options import checked
from rlchf.rankings import Rankings, as_rankings

if TYPE_CHECKING:
    import pandas as pd

Tick = Callable[..., None]
"""``tick(done, total)``."""
Stage = Callable[[str], AbstractContextManager[Tick]]
"""What shows a stage of the work: a context manager that gives a function to tick with."""


def _silent(name: str) -> AbstractContextManager[Tick]:
    """A stage that nobody is shown."""
    return nullcontext(lambda *_, **__: None)


@dataclass(frozen=True, eq=False)
class Comparison:
    """How far rules differ on a dataset, for whom, and how sure each result is.

    Attributes
    ----------
    results
        The collective rankings of each rule, by its name.
    left_out
        The reason for each rule that was left out of "all".
    data
        The dataset's size, and the majorities on each prompt.
    distances
        How far each two rules differ, and on which prompts.
    approved
        Responses that a majority approves.
    stability
        How sure each result is; None if it was not measured.
    halves
        Split-half consistency; None if it was not measured.
    gains
        How each rule serves everybody and each group; None if it was not measured.
    recommendations
        The rule for each aim, with those that it is tied with.
    served
        The groups that lose under some rule beyond chance, the lowest first; the lowest group if none does.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [*[("p", f"a{n}", "a > b > c") for n in range(3)], ("p", "x", "b > c > a"),
    ...            ("p", "y", "b > c > a")]
    >>> comparison = rlchf.compare(rlchf.Rankings.from_ballots(ballots), ["borda", "kemeny", "plurality"])
    >>> comparison
    <Comparison of 3 rules: 1 prompt, 5 annotators>
    >>> comparison.to_frame()[["rule", "price"]]
            rule     price
    0      borda  0.090909
    1     kemeny  0.000000
    2  plurality  0.000000
    """

    results: Mapping[str, Aggregation]
    left_out: dict[str, str]
    data: Data
    distances: Distances
    approved: Approved
    stability: Stability | None = None
    halves: Halves | None = None
    gains: Gains | None = None
    recommendations: list[Recommendation] = field(default_factory=list)
    served: list[Served] = field(default_factory=list)

    def __repr__(self) -> str:
        counts = self.data.counts
        prompts = f"{counts.prompts:,} prompt{'s' * (counts.prompts != 1)}"
        return f"<Comparison of {len(self.results)} rules: {prompts}, {counts.annotators:,} annotators>"

    def _repr_html_(self) -> str:
        frame = self.to_frame().set_index("rule")
        rows = [
            [rule, *("-" if value is None else number(value) for value in row)]
            for rule, row in zip(frame.index, frame.to_numpy().tolist(), strict=True)
        ]
        return html_table(repr(self).strip("<>"), ["rule", *frame.columns], rows)

    @property
    def rules(self) -> list[str]:
        """The names of the rules."""
        return list(self.results)

    @property
    def findings(self) -> list[str]:
        """What was found, in sentences: who loses, which rule to take, and the rest."""
        return findings(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain values: every figure; a NaN becomes None."""
        values = {
            "rules": self.rules,
            "left_out": self.left_out,
            "findings": self.findings,
            "data": {
                "counts": asdict(self.data.counts),
                "margins": asdict(self.data.margins),
            },
            "distances": self.distances.to_dict(),
            "approved": self.approved.to_dict(),
            "stability": self.stability and self.stability.to_dict(),
            "halves": self.halves and self.halves.to_dict(),
            "gains": self.gains and self.gains.to_dict(),
            "recommendations": [
                asdict(one) | {"sentence": one.sentence} for one in self.recommendations
            ],
            "served": [one.to_dict() for one in self.served],
            "prompts": self._prompt_rows(),
        }
        plain_values: dict[str, Any] = plain(values)
        return plain_values

    def to_frame(self) -> "pd.DataFrame":
        """One row per rule with its main figures."""
        import pandas as pd

        return pd.DataFrame([self._rule_row(rule) for rule in self.rules])

    def prompt_table(self) -> dict[str, list[Any]]:
        """One row per prompt, as columns: majorities, how far the rules differ, how sure each result is."""
        columns = prompt_columns(self.data) | {
            "disagreement": self.distances.disagreement.tolist(),
            "first_places": self.distances.first_places.tolist(),
            "majority_approved": self.approved.numbers.tolist(),
        }
        for row in self.stability.rules if self.stability else []:
            columns[f"first_stays_{row.rule}"] = row.first.tolist()
            columns[f"pairs_stay_{row.rule}"] = row.pairs.tolist()
        return columns

    def _prompt_rows(self) -> list[dict[str, Any]]:
        columns = self.prompt_table()
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def _rule_row(self, rule: str) -> dict[str, Any]:
        row: dict[str, Any] = {"rule": rule}
        for one in self.gains.rules if self.gains else []:
            if one.rule == rule:
                row |= {"pairs": one.pairs.value, "contested": one.contested.value}
                row |= {"first_place": one.first_place.value, "price": one.price}
                row |= {f"contested {g.name}": g.contested.value for g in one.groups}
        for stable in self.stability.rules if self.stability else []:
            if stable.rule == rule:
                row["first_stays"] = stable.mean_first.value
                row["pairs_stay"] = stable.mean_pairs.value
        for half in self.halves.rules if self.halves else []:
            if half.rule == rule:
                row["halves_alike"] = half.mean_order.value
        return row


def compare(
    rankings: Rankings | Any,
    rules: str | Sequence[str] = ALL,
    groups: Groups | None = None,
    *,
    bootstrap: int = 200,
    drawn: Drawn = "ballots",
    splits: int = SPLITS,
    folds: int = FOLDS,
    seed: int = 0,
    stage: Stage = _silent,
) -> Comparison:
    """Compare voting rules on a dataset.

    Parameters
    ----------
    rankings
        The ballots, or a table that `Rankings.from_frame` takes.
    rules
        "all" that the dataset admits, names with commas between them, or a list of names.
    groups
        Group of each annotator id, or several such divisions by name, as in `rlchf.audit`.
    bootstrap
        Number of resamples for the stability of each result; 0 leaves it out.
    drawn
        What the bootstrap draws: the "ballots" of each prompt, or "annotators" with all their ballots.
    splits
        Number of divisions of the people of each prompt into halves; 0 leaves the consistency out.
    folds
        Parts of the annotators, without each of which every rule runs again, so that agreement is held out;
        0 takes the outcomes as given.
    seed
        Random seed.
    stage
        What shows the stages of the work.

    Raises
    ------
    ValueError
        If a rule is unknown, fewer than two are named, or a number is out of range.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [(p, name, "a > b" if name < "g" else "b > a") for p in range(10) for name in "abcdefghij"]
    >>> groups = {name: "many" if name < "g" else "few" for name in "abcdefghij"}
    >>> rankings = rlchf.Rankings.from_ballots(ballots)
    >>> comparison = compare(rankings, "borda,perpetual_pav", groups, bootstrap=50)
    >>> comparison.recommendations[1].rule, comparison.recommendations[1].tied_with
    ('perpetual_pav', [])
    """
    rankings = as_rankings(rankings)
    checked(Drawn, drawn, "drawn")
    for name, value in (("bootstrap", bootstrap), ("splits", splits), ("seed", seed)):
        if value < 0:
            raise ValueError(f"{name} is {value}; give 0 or more")
    chosen, groupings = admitted(rankings, rules), Grouping.each(rankings, groups)
    results, failed = _results(rankings, chosen.rules, rules == ALL, seed, stage)
    measured: dict[str, Any] = {}
    if bootstrap:
        with stage("bootstrap") as tick:
            measured["stability"] = stability(
                rankings, results, bootstrap, drawn=drawn, seed=seed, tick=tick
            )
    if splits:
        with stage("halves") as tick:
            measured["halves"] = split_halves(rankings, results, splits, seed=seed, tick=tick)
    with stage("who gains") as tick:
        measured["gains"] = measure_gains(rankings, results, groups, folds=folds, tick=tick)
    strata = groupings[0].owners if groupings else None
    return Comparison(
        results=results,
        left_out=chosen.left_out | failed,
        data=describe_data(rankings),
        distances=distances(rankings, results),
        approved=approved_by_majorities(rankings, results),
        recommendations=recommend(
            rankings,
            count_ties(rankings, results),
            measured["gains"],
            measured.get("stability"),
            measured.get("halves"),
            strata,
        ),
        served=who_loses(rankings, measured["gains"], groupings, strata),
        **measured,
    )


def _results(
    rankings: Rankings, names: Sequence[str], may_fail: bool, seed: int, stage: Stage
) -> tuple[dict[str, Aggregation], dict[str, str]]:
    """The collective rankings of the rules, and why a rule of "all" gave none.

    Each warning is given once, with the rules that it is about.
    """
    results, failed = {}, {}
    said: dict[str, list[str]] = {}
    with stage("rules") as tick:
        for n, name in enumerate(names):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    results[name] = aggregate(rankings, name, seed=seed)
                except ValueError as error:
                    if not may_fail:
                        raise
                    failed[name] = str(error)
            for one in caught:
                message = (
                    str(one.message).replace(name, "the rule", 1).partition(": the rank corr")[0]
                )
                said.setdefault(message, []).append(name)
            tick(n + 1, len(names))
    for message, rules in said.items():
        warnings.warn(f"{listed(rules, 12)}: {message}", stacklevel=3)
    if len(results) < 2:
        raise ValueError(
            f"{rankings.source}: fewer than two rules can be compared; name rules instead of all"
        )
    return results, failed
