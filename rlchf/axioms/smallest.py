"""The smallest counterexample to an axiom of a rule: all small elections, then random ones."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from rlchf.axioms.cases import Case, Check, Choices, Decide, Listed, Places
from rlchf.axioms.deciding import decider
from rlchf.axioms.definitions import check_of
from rlchf.axioms.elections import Elections
from rlchf.axioms.enumerating import BALLOTS, SIZES, enumerated, random_batch
from rlchf.axioms.minimising import merged, minimised
from rlchf.axioms.published import published
from rlchf.axioms.searching import rejudged, single
from rlchf.rules import Card, card_of, get_rule, is_across

IDENTICAL = (2, 3)
"""Numbers of identical prompts that are tried for rules across prompts and axioms of one election."""
ON_IDENTICAL = 500
"""The most cases on each number of identical prompts."""
CHOICES = 64
"""Changes of one election that are tried: all if there are no more, else so many at random."""
Tick = Callable[..., None]


@dataclass(frozen=True)
class Found:
    """The result of a search.

    Attributes
    ----------
    ballots
        What the ballots of the counterexample have: "strict", "ties", "gaps" or "ties and gaps"; "" for none.
    case
        The counterexample, of one election; None if none was found.
    tried
        The number of cases whose condition held, before it was found.
    """

    ballots: str
    case: Case | None
    tried: int


def smallest(
    name: str,
    axiom: str,
    *,
    kinds: Sequence[str] = BALLOTS,
    most: int = 200_000,
    drawn: int = 4000,
    seed: int = 0,
) -> Found:
    """Search for a small counterexample: by kind of ballots, then by responses, then by ballots.

    For each kind all small elections are tried as long as there are at most ``most`` cases, then, of strict
    ballots, those of the literature in `rlchf.axioms.published`, then ``drawn`` random ones; the first
    counterexample is made smaller as long as it remains one. For a rule across prompts and an axiom of one
    election, small strict elections are then tried on two and three identical prompts as well.

    Parameters
    ----------
    name
        The rule, or ``module:function``.

    Raises
    ------
    ValueError
        If there is no such rule or axiom.

    Examples
    --------
    >>> found = smallest("borda", "condorcet")
    >>> found.ballots, found.case.elections[0].n_responses
    ('strict', 3)
    """
    check, decide = check_of(axiom), decider(name)
    card = card_of(name, get_rule(name))
    neutral = "neutrality" in card.axioms and axiom != "neutrality"
    rng = np.random.default_rng(seed)
    tried = 0
    for kind in kinds:
        left = most
        for elections in small_elections(kind, neutral, max(1, min(2000, most // CHOICES))):
            places = decide(elections)
            for choices in ways(check, elections, places, rng):
                case = check.case(decide, elections, places, choices)
                tried, left, found = judged(check, case, kind, tried, left)
                if found is not None:
                    return Found(kind, smaller(decide, axiom, found, kind), tried)
                if left <= 0:
                    break
            if left <= 0:
                break
        for elections in published() if kind == "strict" else []:
            places, chance = decide(elections), np.random.default_rng(seed)
            for choices in ways(check, elections, places, chance):
                case = check.case(decide, elections, places, choices)
                tried, left, found = judged(check, case, kind, tried, left)
                if found is not None:
                    return Found(kind, smaller(decide, axiom, found, kind), tried)
        for elections in random_elections(kind, check, card, drawn, rng):
            case = check.drawn(decide, elections, decide(elections), rng)
            tried, left, found = judged(check, case, kind, tried, left)
            if found is not None:
                return Found(kind, smaller(decide, axiom, found, kind), tried)
    if check.change is None and is_across(get_rule(name)):
        return on_identical(name, axiom, min(most, ON_IDENTICAL), tried)
    return Found("", None, tried)


def on_identical(name: str, axiom: str, most: int, tried: int = 0) -> Found:
    """Search small strict elections, each on two identical prompts, then on three.

    Parameters
    ----------
    tried
        The number of cases before.
    """
    check, decide = check_of(axiom), decider(name)
    for prompts in IDENTICAL:
        left = most
        for some in small_elections("strict", False, 50):
            elections = replace(some, identical=prompts)
            case = Case((elections,), (decide(elections),), {})
            tried, left, found = judged(check, case, "strict", tried, left)
            if found is not None:
                return Found("strict", smaller(decide, axiom, found, "strict"), tried)
            if left <= 0:
                break
    return Found("", None, tried)


def small_elections(kind: str, neutral: bool, chunk: int) -> Iterator[Elections]:
    """All small elections of a kind, by responses and then by ballots."""
    for responses, most in SIZES[kind].items():
        for n in range(1, most + 1):
            yield from enumerated(kind, responses, n, neutral=neutral, chunk=chunk)


def random_elections(
    kind: str, check: Check, card: Card, count: int, rng: np.random.Generator
) -> Iterator[Elections]:
    """Random elections of a kind, some of which state approvals or scores where that matters."""
    given = ["rankings"]
    if check.approvals or card.approvals:
        given.append("approvals")
    if card.kind == "cardinal":
        given.append("scores")
    for _ in range(0, count, 200):
        yield random_batch(kind, rng, str(rng.choice(given)))


def ways(
    check: Check, elections: Elections, places: Places, rng: np.random.Generator
) -> Iterator[Choices]:
    """The choices of a change: all of them, or some at random if there are more than `CHOICES`."""
    options = check.options(elections, places)
    for number in range(min(options, CHOICES)):
        if options <= CHOICES:
            yield Listed(number, len(elections))
        else:
            yield Choices(rng, len(elections))


def judged(
    check: Check, case: Case, kind: str, tried: int, left: int
) -> tuple[int, int, Case | None]:
    """How many cases were tried, how many are left, and the first that is broken."""
    judgement = check.judge(case)
    wrong = np.flatnonzero(judgement.broken & within(case, kind))
    held = int(judgement.held.sum())
    return (
        tried + held,
        left - len(judgement.held),
        single(case, int(wrong[0])) if len(wrong) else None,
    )


def smaller(decide: Decide, axiom: str, case: Case, kind: str) -> Case:
    """The counterexample made smaller, with ballots of the same kind."""
    broken = partial(still, decide, axiom, kind)
    found = minimised(case, broken)
    return broken(merged(found)) or found


def still(decide: Decide, axiom: str, kind: str, case: Case) -> Case | None:
    """The case with its results if it breaks the axiom and its ballots are of the kind, else None."""
    if not within(case, kind).all():
        return None
    again, broken = rejudged(decide, axiom, case)
    return again if broken else None


def within(case: Case, kind: str) -> np.ndarray:
    """(B,) bool: whether the ballots of a case have no more ties and gaps than a kind allows."""
    untied = np.all([e.untied for e in case.elections], axis=0)
    complete = np.all([e.complete for e in case.elections], axis=0)
    return np.asarray((untied | ("ties" in kind)) & (complete | ("gaps" in kind)))
