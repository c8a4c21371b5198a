"""On what share of elections a rule breaks an axiom."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rlchf.auditing.shares import wilson
from rlchf.axioms.cases import Check, Choices, Decide, Listed, Places
from rlchf.axioms.deciding import decider
from rlchf.axioms.definitions import check_of
from rlchf.axioms.elections import Elections
from rlchf.profiles import Profiles
from rlchf.rules import get_rule, is_across

CHANGES = 32
"""Changes of one election that are tried: all if there are no more, else so many at random."""
CELLS = 2**22
"""Cells of the arrays of places that are changed at once."""
Tick = Callable[..., None]
Known = Callable[[np.ndarray], Places]


@dataclass(frozen=True)
class Rate:
    """How often a rule breaks an axiom on some elections.

    Attributes
    ----------
    rule, axiom
        Their names.
    elections
        The number of elections on which the axiom's condition holds for some change.
    broken
        On how many of these some change that was tried breaks it.
    of
        The number of all elections.
    changes
        How many changes of each election were tried at most.
    complete
        Whether these were all changes.
    share, low, high
        ``broken / elections`` with Wilson's 95 % interval; NaN if there are no such elections.
    first
        The index of the first election on which it is broken; -1 for none.
    """

    rule: str
    axiom: str
    elections: int
    broken: int
    of: int
    changes: int
    complete: bool
    share: float
    low: float
    high: float
    first: int = -1

    def record(self) -> dict[str, Any]:
        """The rate as plain values; None for no figure."""
        values = asdict(self)
        return {name: None if value != value else value for name, value in values.items()}


def rate(
    rule: str,
    axiom: str,
    batches: Iterable[tuple[np.ndarray, Elections]],
    *,
    changes: int = CHANGES,
    seed: int = 0,
    known: Known | None = None,
) -> Rate:
    """On what share of elections a rule breaks an axiom.

    An election breaks an axiom about changes if some change of it does, such as that one annotator does not
    vote; up to ``changes`` of them are tried, drawn at random if there are more.

    Parameters
    ----------
    batches
        Indices (B,) and B elections each; see `batches_of`.
    known
        The places of elections by their indices, where the rule decides all together; then the axiom must be
        about one election.

    Examples
    --------
    >>> e = Elections.from_ballots({"a > b > c": 2, "b > c > a": 1})
    >>> one = rate("borda", "condorcet", [(np.array([0]), e)])
    >>> one.broken, one.elections, one.share
    (1, 1, 1.0)
    """
    check, decide = check_of(axiom), decider(rule)
    rng = np.random.default_rng(seed)
    held, broken, of, tried, complete, first = 0, 0, 0, 0, True, -1
    for indices, e in batches:
        places = known(indices) if known else decide(e)
        applies, wrong, n, every = on_batch(check, decide, e, places, rng, changes)
        of += len(e)
        held, broken = held + int(applies.sum()), broken + int(wrong.sum())
        tried, complete = max(tried, n), complete and every
        if wrong.any():
            least = int(indices[wrong].min())
            first = least if first < 0 else min(first, least)
    share = broken / held if held else float("nan")
    low, high = wilson(share, held)
    return Rate(rule, axiom, held, broken, of, tried, complete, share, low, high, first)


def on_batch(
    check: Check,
    decide: Decide,
    e: Elections,
    places: Places,
    rng: np.random.Generator,
    changes: int,
) -> tuple[np.ndarray, np.ndarray, int, bool]:
    """Where the condition holds and is broken (B,), the changes tried, and whether they are all."""
    held, broken = np.zeros(len(e), bool), np.zeros(len(e), bool)
    options = check.options(e, places)
    for number in range(min(options, changes)):
        every = options <= changes
        choices = Listed(number, len(e)) if every else Choices(rng, len(e))
        judgement = check.judge(check.case(decide, e, places, choices))
        held, broken = held | judgement.held, broken | judgement.broken
    return held, broken, min(options, changes), options <= changes


def batches_of(
    batches: Iterable[tuple[np.ndarray, Profiles]],
) -> Iterator[tuple[np.ndarray, Elections]]:
    """Prompts as elections, those with equally many ballots together.

    Parameters
    ----------
    batches
        Indices of prompts and their profiles, as `rlchf.Rankings.profiles` gives them.
    """
    for indices, profiles in batches:
        counts = np.diff(profiles.starts)
        order = np.argsort(counts, kind="stable")
        for part in parts(counts[order], profiles.n_responses):
            chosen = order[part]
            yield indices[chosen], Elections.from_profiles(chosen_prompts(profiles, chosen))


def parts(counts: np.ndarray, responses: int) -> list[np.ndarray]:
    """Positions of sorted counts in parts with equal counts and not too many cells."""
    found = []
    for count in np.unique(counts):
        same = np.flatnonzero(counts == count)
        size = max(1, CELLS // int(count * responses**2))
        found += [same[i : i + size] for i in range(0, len(same), size)]
    return found


def chosen_prompts(profiles: Profiles, prompts: np.ndarray) -> Profiles:
    """Some prompts of a batch, all with equally many ballots."""
    starts = profiles.starts
    count = int(starts[prompts[0] + 1] - starts[prompts[0]])
    ballots = (starts[prompts][:, None] + np.arange(count)).ravel()
    return Profiles(
        ranks=np.ascontiguousarray(profiles.ranks[:, ballots]),
        starts=np.arange(len(prompts) + 1) * count,
        weights=profiles.weights[ballots],
        annotators=profiles.annotators[ballots],
        scores=None if profiles.scores is None else profiles.scores[:, ballots],
        approvals=None if profiles.approvals is None else profiles.approvals[:, ballots],
    )


def rates(
    rules: Sequence[str],
    axioms: Sequence[str],
    batches: Sequence[tuple[np.ndarray, Elections]],
    *,
    seed: int = 0,
    known: Mapping[str, Known] | None = None,
    tick: Tick | None = None,
) -> list[Rate]:
    """The rate of every rule and axiom that can be measured on these elections.

    ``known`` are the places that rules across prompts give; their axioms about changes are left out.
    """
    pairs = [(rule, axiom) for rule in rules for axiom in axioms if measurable(rule, axiom)]
    found = []
    for n, (rule, axiom) in enumerate(pairs, start=1):
        found.append(rate(rule, axiom, batches, seed=seed, known=(known or {}).get(rule)))
        if tick:
            tick(n, len(pairs))
    return found


def measurable(rule: str, axiom: str) -> bool:
    """Whether a rate is measured: for rules across prompts for no axiom about changes."""
    return check_of(axiom).change is None or not is_across(get_rule(rule))
