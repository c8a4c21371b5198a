"""A slate of statements, elected by votes that are complete or filled in."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rlchf.constitution.choosing.ballots import GroupRates, complete_ballots
from rlchf.constitution.choosing.consensus import group_informed_consensus
from rlchf.constitution.choosing.duplicates import near_duplicates
from rlchf.constitution.choosing.estimates import Rates, rates
from rlchf.constitution.choosing.settings import SlateConfig
from rlchf.constitution.choosing.votes import Votes
from rlchf.display import counted
from rlchf.options import listed
from rlchf.profiles import Profiles

CONSENSUS = "group_informed_consensus"
RULES = (
    "approval",
    "net_approval",
    "seq_phragmen",
    "seq_pav",
    "equal_shares",
    "updown_phragmen",
    "updown_pav",
    "tax_equal_shares",
    CONSENSUS,
)
"""The rules that are compared."""


@dataclass(frozen=True, eq=False)
class Poll:
    """Votes, ready for every rule.

    Attributes
    ----------
    votes
        The votes as they were cast.
    groups
        Each opinion group's members, (V,) bool, by name.
    rates, group_rates
        Shares of voters who agree: of all voters, and of each group.
    candidates
        (C,) the statements that can be elected, those with the best estimate first.
    duplicates
        The near-duplicates of a candidate that cannot be elected beside it.
    unelectable
        Why each other statement cannot be elected.
    ballots
        (V, M) int8, a vote of 1, 0 or -1 for every statement.
    """

    votes: Votes
    groups: dict[str, np.ndarray]
    rates: Rates
    group_rates: GroupRates
    candidates: np.ndarray
    duplicates: dict[int, list[int]]
    unelectable: dict[int, str]
    ballots: np.ndarray

    @classmethod
    def of(cls, votes: Votes, groups: Mapping[str, np.ndarray], config: SlateConfig) -> "Poll":
        """Estimate shares, find near-duplicates and complete the ballots.

        Raises
        ------
        ValueError
            If fewer statements can be elected than there are seats.
        """
        seen = votes.seen.sum(axis=0)
        overall = rates(votes.agree, seen)
        group_rates = GroupRates.of(votes, list(groups.values()))
        estimate = np.nan_to_num(overall.chosen(config.estimate))
        order = np.lexsort((np.arange(len(estimate)), -seen, -estimate))
        number = near_duplicates(votes, config.duplicates)
        first: dict[int, int] = {}
        duplicates: dict[int, list[int]] = {}
        unelectable: dict[int, str] = {}
        for m in order.tolist():
            kept = first.get(int(number[m]))
            if seen[m] < config.min_votes:
                unelectable[m] = f"{counted(int(seen[m]), 'vote')}, fewer than {config.min_votes}"
            elif kept is not None:
                duplicates.setdefault(kept, []).append(m)
                unelectable[m] = f"a near-duplicate of {votes.statements[kept]!r}"
            else:
                first[int(number[m])] = m
        candidates = np.array([m for m in order.tolist() if m not in unelectable], dtype=np.int64)
        if config.k is not None and config.k > len(candidates):
            raise ValueError(
                f"{votes.name or 'votes'}: {len(candidates)} of {counted(len(order), 'statement')} can be "
                f"elected, and -k is {config.k}; give {len(candidates)} or fewer"
            )
        ballots = np.where(votes.seen, votes.values, 0).astype(np.int8)
        if config.unseen == "fill":
            ballots = complete_ballots(votes, group_rates, config.estimate, config.seed)
        return cls(
            votes, dict(groups), overall, group_rates, candidates, duplicates, unelectable, ballots
        )


@dataclass(frozen=True)
class Slate:
    """Elected statements, in the order of election.

    Attributes
    ----------
    rule
        The rule's name.
    statements
        The elected statements, as indices.
    seats
        The seats that there were; under a budget of words, the statements elected.
    """

    rule: str
    statements: list[int]
    seats: int


def elect(poll: Poll, config: SlateConfig) -> Slate:
    """Elect a slate.

    Ties go to the statement with the better estimate. Under a budget of words the rule puts all
    statements in order, and each is taken in turn if its words fit into what is left.

    Raises
    ------
    ValueError
        If there is no such rule or option, or the rule reads no approvals.

    Examples
    --------
    Three voters agree with a and b, two with c:

    >>> most, few = {"a": 1, "b": 1, "c": -1}, {"a": -1, "b": -1, "c": 1}
    >>> votes = Votes.from_ballots({v: most if v in "uvw" else few for v in "uvwxy"})
    >>> config = SlateConfig(k=2, rule="approval")
    >>> poll = Poll.of(votes, {}, config)
    >>> [votes.statements[m] for m in elect(poll, config).statements]
    ['a', 'b']
    >>> [votes.statements[m] for m in elect(poll, SlateConfig(k=2)).statements]
    ['a', 'c']
    """
    scores, may_leave_out = _scores(poll, config)
    order = np.argsort(-scores, kind="stable")
    if may_leave_out:
        order = order[scores[order] > 0]
    statements = poll.candidates[order].tolist()
    if config.k is not None:
        return Slate(config.rule, statements[: config.k], config.k)
    taken, left = [], config.words or 0
    for m in statements:
        cost = word_count(poll.votes.texts[m])
        if cost <= left:
            taken.append(m)
            left -= cost
    if not taken:
        shortest = min((word_count(poll.votes.texts[m]) for m in statements), default=0)
        raise ValueError(
            f"no statement fits into {counted(config.words or 0, 'word')}; the shortest has {shortest}, so "
            "give a larger --words"
        )
    return Slate(config.rule, taken, len(taken))


def word_count(text: str) -> int:
    """Number of words, between blanks.

    Examples
    --------
    >>> word_count("Bikes need lanes, too.")
    4
    """
    return len(text.split())


def check_rule(name: str, options: Mapping[str, Any]) -> None:
    """Refuse, before any file is read, a rule that reads no approvals, or an option that it does not have.

    Raises
    ------
    ValueError
        If the rule is none, or has no such option.
    """
    from rlchf.rules import get_rule, list_rules
    from rlchf.rules._registry import check_call, is_across, reads_approvals

    if name == CONSENSUS:
        if options:
            raise ValueError(
                f"{CONSENSUS} has no option {next(iter(options))!r}; its definition is --consensus"
            )
        return
    reading = [one for one, card in list_rules().items() if card.approvals]
    rule = get_rule(name) if ":" in name or name in list_rules() else None
    if rule is None or is_across(rule) or (":" not in name and not reads_approvals(rule, options)):
        known = [*RULES, *(one for one in reading if one not in RULES)]
        raise ValueError(
            f"rule {name!r} elects no slate by approvals; choose from {listed(known, name)}"
        )
    for option in ("k", "ties"):
        if option in options:
            raise ValueError(f"-o {option}: the slate sets it; leave it out")
    check_call(name, rule, options)


def compare(
    poll: Poll,
    config: SlateConfig,
    rules: Sequence[str] = RULES,
    progress: Callable[[int, int], None] | None = None,
) -> list[Slate]:
    """A slate by each rule, by default options; without groups none by group-informed consensus."""
    slates = []
    for done, rule in enumerate(rules, start=1):
        if poll.groups or rule != CONSENSUS:
            option = config.option if rule == config.rule else {}
            slates.append(elect(poll, replace(config, rule=rule, option=option)))
        if progress:
            progress(done, len(rules))
    return slates


def _scores(poll: Poll, config: SlateConfig) -> tuple[np.ndarray, bool]:
    """(C,) the candidates' scores, and whether one of 0 or less is not elected."""
    from rlchf.rules import get_rule

    check_rule(config.rule, config.option)
    if config.rule == CONSENSUS:
        groups = list(poll.groups.values())
        scores = group_informed_consensus(poll.votes, groups, config.consensus)
        return scores[poll.candidates], False
    rule = get_rule(config.rule)
    options: dict[str, Any] = dict(config.option)
    known = inspect.signature(rule).parameters
    if "ties" in known:
        options["ties"] = "lexicographic"
    if "k" in known and config.k is not None:
        options["k"] = config.k
    profiles = Profiles.from_approvals(poll.ballots[:, poll.candidates].tolist())
    return np.asarray(rule(profiles, **options))[0], "k" in known
