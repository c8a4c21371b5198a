"""Who the people are: agreement, reliability, effective votes, and the consequences for each group."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlchf.auditing.groups import Groups
from rlchf.display import counted, html_table, number
from rlchf.people.agreement import (
    LISTED,
    Agreements,
    GroupAgreement,
    GroupMatrix,
    PairAgreement,
    PromptAgreement,
    divisions,
)
from rlchf.people.clickers import SMALLEST, Clickers, find_clickers
from rlchf.people.consequences import Consequence, consequences, criteria
from rlchf.people.effective import EffectiveVotes, effective_votes
from rlchf.people.reliability import Reliability, Texts, reliability
from rlchf.people.shown import Shown
from rlchf.people.votes import PairVotes, pair_responses
from rlchf.rankings import Rankings

Tick = Callable[[int, int], object]
"""``tick(done, total)``."""


@dataclass(frozen=True, eq=False)
class People:
    """The people behind a dataset's ballots.

    Attributes
    ----------
    prompt_ids, annotator_ids
        (P,) and (A,) ids.
    n_ballots
        Number of ballots.
    anonymous
        Number of annotators whose ids do not stand for one person; if there are any, there are no figures of
        single people.
    drawn
        Share of the pairs of responses that were looked at; below 1 where there are many.
    overall
        Agreement of everybody.
    prompts
        Agreement on each prompt.
    groups
        For each division into groups the agreement within each of them.
    between
        Agreement between the largest groups of each division.
    owners
        For each division the group of each annotator; None where there is none.
    effective
        The effective number of voters: of everybody, then of each group.
    reliability, clickers
        Figures of single people; None if some are anonymous.
    consequences
        What dropping people would do to each group, by criterion.
    rule
        The rule of the result with which agreement is measured in the consequences.
    """

    prompt_ids: list[str]
    annotator_ids: list[str]
    n_ballots: int
    anonymous: int
    drawn: float
    overall: PairAgreement
    prompts: PromptAgreement
    groups: dict[str, list[GroupAgreement]]
    between: list[GroupMatrix]
    owners: dict[str, list[str | None]]
    effective: list[EffectiveVotes]
    reliability: Reliability | None
    clickers: Clickers | None
    consequences: list[Consequence]
    rule: str

    def __repr__(self) -> str:
        sizes = ((self.annotator_ids, "annotator"), (self.prompt_ids, "prompt"))
        counts = ", ".join(counted(len(ids), noun) for ids, noun in sizes)
        return f"<People: {counts}, {counted(self.n_ballots, 'ballot')}>"

    def _repr_html_(self) -> str:
        groups = [group.within for by_group in self.groups.values() for group in by_group]
        rows = [
            [
                one.name,
                one.annotators,
                *(number(share) for share in (one.same.value, one.chance, one.alpha.value)),
                number(one.tau_b.value),
            ]
            for one in (self.overall, *groups)
        ]
        names = ["name", "annotators", "same", "chance", "alpha", "tau_b"]
        return html_table(repr(self).strip("<>"), names, rows)

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain lists, numbers and names; None where a figure is not defined."""
        return {
            "annotators": len(self.annotator_ids),
            "prompts": len(self.prompt_ids),
            "ballots": self.n_ballots,
            "anonymous": self.anonymous,
            "pairs_drawn": self.drawn,
            "rule": self.rule,
            "agreement": _plain(self.overall),
            "effective_voters": _plain(self.effective),
            "groups": _plain(self.groups),
            "between_groups": _plain(self.between),
            "by_prompt": {"prompt_id": self.prompt_ids, **_plain(self.prompts)},
            "by_annotator": self._by_annotator(),
            "clickers": self._clickers(),
            "consequences": _plain(self.consequences),
        }

    def _by_annotator(self) -> dict[str, Any] | None:
        """The columns of single people."""
        if self.reliability is None or self.clickers is None:
            return None
        return {
            "annotator_id": self.annotator_ids,
            **({"groups": self.owners} if self.owners else {}),
            **_plain(self.reliability),
            "flagged": _plain(self.clickers.flagged),
            "flag_p": _plain(self.clickers.p),
            "flag_possible": _plain(self.clickers.judged),
            "predictability": _plain(self.clickers.predictability.effect),
        }

    def _clickers(self) -> dict[str, Any] | None:
        if self.clickers is None:
            return None
        flagged = np.flatnonzero(self.clickers.flagged)
        return {
            "flagged": [self.annotator_ids[a] for a in flagged],
            "with_enough_ballots": int(self.clickers.judged.sum()),
            "rate": self.clickers.rate,
            "error_rates": _plain(self.clickers.errors),
        }


def describe_people(
    rankings: Rankings,
    groups: Groups | None = None,
    *,
    rule: str = "borda",
    prompts: Mapping[str, object] | None = None,
    texts: Texts | None = None,
    shown: Mapping[str, Sequence[Any]] | Shown | None = None,
    smallest: float = SMALLEST,
    simulations: int = 8,
    seed: int = 0,
    tick: Tick | None = None,
) -> People:
    """Measure who the people are, and how far they agree.

    Parameters
    ----------
    groups
        The group of each annotator, or several such divisions by name.
    rule
        The rule of the result with which agreement is measured before and after people are dropped.
    prompts, texts
        The prompts, and the responses' texts by prompt id and response id; given both, prompts with equal
        texts count as repeats.
    shown
        Columns ``prompt_id``, ``annotator_id``, ``response_id`` and ``position``, and ``seconds``, where it
        is known what was on the screen (see `rlchf.people.shown.Shown`).
    smallest
        Share of the people in the smallest minority, with a taste of its own, that the flag for random
        clickers spares; a smaller one costs power.
    simulations
        Number of simulations behind the flag for random clickers.
    seed
        Random seed of the simulations, and of drawing pairs where there are many.
    tick
        Called with the number of simulations done and of all.

    Raises
    ------
    ValueError
        If the groups name no annotator, there is no such rule, what was shown does not fit the ballots, or
        the package krippendorff is missing.

    Examples
    --------
    >>> ballots = [(p, name, "a > b > c") for p in range(9) for name in ("ann", "bob", "cat")]
    >>> ballots += [(p, "eve", "c > b > a") for p in range(9)]
    >>> people = describe_people(Rankings.from_ballots(ballots), {"ann": "north", "eve": "south"})
    >>> round(people.overall.same.value, 3), round(people.effective[0].effective.value, 2)
    (0.5, 4.0)
    >>> people.reliability.with_others.value.round(2)
    array([0.67, 0.67, 0.67, 0.  ])
    """
    votes = PairVotes.of(rankings, seed=seed)
    agreements = Agreements(rankings, votes)
    groupings = divisions(rankings, groups)
    figures, clickers, of_dropping = None, None, []
    if not rankings.anonymous:
        figures = reliability(
            agreements, groupings, prompts=prompts, texts=texts,
            shown=Shown.of(rankings, shown) if isinstance(shown, Mapping) else shown,
        )  # fmt: skip
        owners = [grouping.owners for grouping in groupings.values()]
        clickers = find_clickers(
            votes, pair_responses(rankings), owners, smallest=smallest, simulations=simulations,
            seed=seed, tick=tick,
        )  # fmt: skip
        of_dropping = consequences(rankings, votes, criteria(figures, clickers), groupings, rule)
    effective = [effective_votes(votes)]
    for title, grouping in groupings.items():
        names = [f"{title}: {name}" if title else name for name in grouping.names]
        if len(names) <= 4 * LISTED:
            effective += [
                effective_votes(votes, name, grouping.owners == g) for g, name in enumerate(names)
            ]
    return People(
        prompt_ids=list(rankings.prompt_ids),
        annotator_ids=list(rankings.annotator_ids),
        n_ballots=int(rankings.ballot_counts.sum()),
        anonymous=len(rankings.anonymous),
        drawn=votes.drawn,
        overall=agreements.overall(),
        prompts=agreements.by_prompt(),
        groups={title: agreements.groups(grouping) for title, grouping in groupings.items()},
        between=[agreements.between(grouping, title) for title, grouping in groupings.items()],
        owners={
            title: [grouping.names[g] if g >= 0 else None for g in grouping.owners.tolist()]
            for title, grouping in groupings.items()
        },
        effective=effective,
        reliability=figures,
        clickers=clickers,
        consequences=of_dropping,
        rule=rule,
    )


def _plain(value: Any) -> Any:
    """Dataclasses, arrays and numbers as JSON has them; NaN as None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
