"""A random search for elections that refute an axiom of a rule."""

import zlib
from dataclasses import dataclass, replace

import numpy as np

from rlchf.axioms.cases import Case, Decide
from rlchf.axioms.deciding import decider
from rlchf.axioms.definitions import check_of
from rlchf.axioms.drawing import drawn
from rlchf.axioms.scopes import MEETS, domain
from rlchf.rules import card_of, get_rule, is_across

PROMPTS = 4
"""How many elections make one dataset for a rule across prompts."""
SIZES = (2, 3, 3, 4, 4, 5)
"""Numbers of responses, drawn with equal chances."""
MOST_BALLOTS = 6


@dataclass(frozen=True)
class Verdict:
    """The result of a search.

    Attributes
    ----------
    held
        On how many elections the axiom's condition held.
    broken
        On how many of these the axiom was broken.
    smallest
        The smallest case found, of one election; None if there is none.
    """

    held: int
    broken: int
    smallest: Case | None


def random_search(
    name: str, axiom: str, elections: int, seed: int = 0, batch: int = 100, scope: str | None = None
) -> Verdict:
    """Draw elections and check one axiom of a rule on those that meet the scope of its claim.

    Parameters
    ----------
    scope
        The condition of the elections, "" for none; by default that of the rule's claim.

    Examples
    --------
    >>> verdict = random_search("borda", "condorcet", 1000)
    >>> verdict.held > verdict.broken > 0
    True
    """
    rule, check = get_rule(name), check_of(axiom)
    card, decide = card_of(name, rule), decider(name)
    scope = card.scopes.get(axiom, "") if scope is None else scope
    kinds, weights, given = domain(card, scope)
    if check.approvals and scope != "rankings":
        given = [*dict.fromkeys([*given, "approvals"])]
    rng = np.random.default_rng([seed, zlib.crc32(f"{name} {axiom}".encode())])
    held, broken, smallest = 0, 0, None
    for start in range(0, elections, batch):
        M, K = int(rng.choice(SIZES)), int(rng.integers(1, MOST_BALLOTS + 1))
        kind, weight, ballots = (str(rng.choice(options)) for options in (kinds, weights, given))
        e = drawn(rng, min(batch, elections - start), K, M, kind, weight, ballots)
        if is_across(rule):
            e = replace(e, given="rankings", together=PROMPTS)
        case = check.drawn(decide, e, decide(e), rng)
        judgement = check.judge(case)
        meets = met(case, scope)
        held += int((judgement.held & meets).sum())
        wrong = np.flatnonzero(judgement.broken & meets)
        broken += len(wrong)
        if len(wrong) and (smallest is None or size(case) < size(smallest)):
            smallest = single(case, int(wrong[0]))
    return Verdict(held, broken, smallest)


def met(case: Case, scope: str) -> np.ndarray:
    """(B,) bool: whether the elections of a case meet a scope, before and after."""
    if "eliminations" in scope:  # drawn with weights whose sums differ
        complete = scope == "strict eliminations"
        return np.asarray(
            np.all([e.untied & (e.complete | (not complete)) for e in case.elections], axis=0)
        )
    if scope == "distinct margins":  # clones have the same margins over others
        return MEETS[scope](case.elections[0])
    return np.asarray(np.all([MEETS[scope](e) for e in case.elections], axis=0))


def size(case: Case) -> int:
    """Responses times ballots of the largest election."""
    return max(e.n_responses * e.n_ballots for e in case.elections)


def single(case: Case, b: int) -> Case:
    """One election of each of a case's batches."""
    rows = np.array([b])
    return Case(
        tuple(e.only(rows) for e in case.elections),
        tuple(places[rows] for places in case.places),
        {name: values[rows] for name, values in case.about.items()},
    )


def rejudged(decide: Decide, axiom: str, case: Case) -> tuple[Case, bool]:
    """A case with its results made again, and whether it breaks the axiom."""
    places = tuple(decide(e) for e in case.elections)
    again = Case(case.elections, places, case.about)
    return again, bool(check_of(axiom).judge(again).broken[0])
