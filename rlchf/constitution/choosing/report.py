"""A slate in plain values, and as a constitution."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from rlchf.constitution.choosing.service import Service, service
from rlchf.constitution.choosing.settings import QUESTION, SlateConfig, Weights
from rlchf.constitution.choosing.slates import (
    CONSENSUS,
    RULES,
    Poll,
    Slate,
    compare,
    elect,
    word_count,
)
from rlchf.constitution.choosing.votes import Votes
from rlchf.constitution.principles import Constitution, Principle


@dataclass(frozen=True, eq=False)
class Chosen:
    """A slate, whom it serves, and the slates of other rules.

    Attributes
    ----------
    poll, config, slate, service
        What was counted, by which settings, with what result.
    groups_from
        Where the opinion groups come from, in words.
    others
        What the slates of the compared rules hold for the voters.
    """

    poll: Poll
    config: SlateConfig
    slate: Slate
    service: Service
    groups_from: str = ""
    others: list[Service] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        votes: Votes,
        groups: dict[str, np.ndarray],
        config: SlateConfig,
        groups_from: str = "",
        compared: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> "Chosen":
        """Count the votes by a rule, and by all others if they are compared."""
        poll = Poll.of(votes, groups, config)
        slate = elect(poll, config)
        if not slate.statements:
            raise ValueError(
                f"{config.rule} elects no statement, because too few voters share one; choose another rule "
                "or a larger -k"
            )
        rules = RULES if config.rule in RULES else (config.rule, *RULES)
        slates = compare(poll, config, rules, progress) if compared else []
        others = [service(poll, one) for one in slates]
        return cls(poll, config, slate, service(poll, slate), groups_from, others)

    def rows(self) -> list[dict[str, Any]]:
        """One row for each elected statement, in the order of election."""
        return [self._row(place, m) for place, m in enumerate(self.slate.statements, start=1)]

    def _row(self, place: int, m: int) -> dict[str, Any]:
        votes, rates, poll = self.poll.votes, self.poll.rates, self.poll
        groups = {}
        for (name, members), of_group in zip(
            poll.groups.items(), poll.group_rates.agree, strict=False
        ):
            values = votes.values[members, m]
            groups[name] = {
                "agree": int((values == 1).sum()),
                "votes": int(votes.seen[members, m].sum()),
                "estimate": float(of_group.shrunk[m]),
            }
        return {
            "place": place,
            "id": votes.statements[m],
            "text": votes.texts[m],
            "agree": int(votes.agree[m]),
            "pass": int(votes.passed[m]),
            "disagree": int(votes.disagree[m]),
            "unseen": int(votes.unseen[m]),
            "raw": float(rates.raw[m]),
            "estimate": float(rates.shrunk[m]),
            "low": float(rates.low[m]),
            "high": float(rates.high[m]),
            "words": word_count(votes.texts[m]),
            "groups": groups,
            "duplicates": [votes.statements[d] for d in poll.duplicates.get(m, [])],
        }

    def to_dict(self) -> dict[str, Any]:
        """All figures, for JSON."""
        votes, poll = self.poll.votes, self.poll
        unelectable = {votes.statements[m]: why for m, why in sorted(poll.unelectable.items())}
        found = {
            "conversation": votes.name,
            **asdict(self.config),
            "voters": len(votes.voters),
            "statements": len(votes.statements),
            "unseen_share": float((~votes.seen).mean()),
            "prior": asdict(poll.rates.prior),
            "groups_from": self.groups_from,
            "slate": self.rows(),
            "unelectable": unelectable,
            "service": self.service.to_dict(votes.statements),
        }
        if self.others:
            found["compared"] = [one.to_dict(votes.statements) for one in self.others]
        return found

    def constitution(self, question: str = QUESTION, weights: Weights = "equal") -> Constitution:
        """The statements as principles, whose questions ask which response a statement describes better.

        Raises
        ------
        ValueError
            If the question has no place for the statement.
        """
        check_question(question)
        config, name = self.config, self.poll.votes.name
        rule = f"{config.rule} ({config.consensus})" if config.rule == CONSENSUS else config.rule
        principles = []
        for row in self.rows():
            statement = " ".join(row["text"].split())
            principles.append(
                Principle(
                    name=row["id"].strip(),
                    question=question.replace("{statement}", statement),
                    weight=1.0 if weights == "equal" else round(row["estimate"], 4),
                    source=f"elected in place {row['place']} by {rule}: {row['agree']} agree, "
                    f"{row['pass']} pass, {row['disagree']} disagree, {row['unseen']} did not see it",
                )
            )
        voters = len(self.poll.votes.voters)
        title = f"{len(principles)} statements elected by {voters} voters" + (
            f": {name}" if name else ""
        )
        return Constitution(tuple(principles), title, f"votes on statements, counted by {rule}")


def check_question(question: str) -> None:
    """Refuse a question without a place for the statement.

    Examples
    --------
    >>> check_question("Which is better?")
    Traceback (most recent call last):
    ...
    ValueError: the question 'Which is better?' has no {statement}; write where the statement's text stands
    """
    if "{statement}" not in question:
        raise ValueError(
            f"the question {question!r} has no {{statement}}; write where the statement's text stands"
        )


def share_text(value: float) -> str:
    """A share in per cent, a dash for none.

    Examples
    --------
    >>> share_text(0.125), share_text(float("nan"))
    ('12 %', '-')
    """
    return "-" if math.isnan(value) else f"{value:.0%}".replace("%", " %")
