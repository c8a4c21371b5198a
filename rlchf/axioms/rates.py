"""On what share of elections a rule breaks an axiom."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from rlchf.auditing.shares import wilson
from rlchf.axioms.cases import Case, Check, Choices, Decide, Judgement, Listed, Places
from rlchf.axioms.deciding import decider
from rlchf.axioms.definitions import check_of
from rlchf.axioms.elections import Elections
from rlchf.axioms.scopes import in_scope
from rlchf.axioms.searching import single
from rlchf.profiles import Profiles
from rlchf.rules import card_of, get_rule, is_across

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
    scope
        The condition under which the rule claims the axiom, a name in `SCOPES`; "" for none.
    within
        The rate where the condition is met as well; None without a condition.
    case
        One of the cases that break it; None if there is none, or if the rule decides all elections together.
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
    scope: str = ""
    within: "Rate | None" = None
    case: Case | None = field(default=None, compare=False, repr=False)

    def record(self) -> dict[str, Any]:
        """The rate as plain values, without the case; None for no figure."""
        names = [one.name for one in fields(self) if one.name not in ("case", "within")]
        values = {name: getattr(self, name) for name in names}
        values = {name: None if value != value else value for name, value in values.items()}
        if self.within is not None:
            values["within"] = self.within.record()
        return values


@dataclass
class Tally:
    """Elections of one batch after another: where the condition of an axiom holds and where it is broken."""

    held: int = 0
    broken: int = 0
    first: int = -1

    def add(self, indices: np.ndarray, held: np.ndarray, broken: np.ndarray) -> None:
        """Count a batch of elections, by their indices."""
        self.held += int(held.sum())
        self.broken += int(broken.sum())
        if broken.any():
            least = int(indices[broken].min())
            self.first = least if self.first < 0 else min(self.first, least)

    @property
    def figures(self) -> tuple[float, float, float]:
        """The share with its interval."""
        share = self.broken / self.held if self.held else float("nan")
        return share, *wilson(share, self.held)


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
    scope = card_of(rule, get_rule(rule)).scopes.get(axiom, "")
    rng = np.random.default_rng(seed)
    whole, part, of, tried, complete, case = Tally(), Tally(), 0, 0, True, None
    for indices, e in batches:
        places = known(indices) if known else decide(e)
        result = on_batch(check, decide, e, places, rng, changes, scope)
        of += len(e)
        whole.add(indices, result.held, result.broken)
        part.add(indices, result.held_within, result.broken_within)
        tried, complete = max(tried, result.changes), complete and result.complete
        case = case or result.case
    one = Rate(
        rule, axiom, whole.held, whole.broken, of, tried, complete, *whole.figures, whole.first, scope,
        case=case,
    )  # fmt: skip
    if not scope:
        return one
    share, low, high = part.figures
    within = replace(
        one, elections=part.held, broken=part.broken, share=share, low=low, high=high,
        first=part.first, case=None,
    )  # fmt: skip
    return replace(one, within=within)


@dataclass
class BatchResult:
    """Where the condition of an axiom holds and where it is broken, of the elections of one batch.

    Attributes
    ----------
    held, broken
        (B,) bool: for some change.
    held_within, broken_within
        The same for some change where the condition of the rule's claim is met as well.
    changes, complete
        How many changes were tried, and whether they were all.
    case
        One that is broken.
    """

    held: np.ndarray
    broken: np.ndarray
    held_within: np.ndarray
    broken_within: np.ndarray
    changes: int
    complete: bool
    case: Case | None = None

    def add(self, case: Case, judgement: Judgement, meets: np.ndarray) -> None:
        """Count a change."""
        self.held |= judgement.held
        self.broken |= judgement.broken
        self.held_within |= judgement.held & meets
        self.broken_within |= judgement.broken & meets
        if self.case is None and judgement.broken.any():
            self.case = single(case, int(np.argmax(judgement.broken)))


def on_batch(
    check: Check,
    decide: Decide,
    e: Elections,
    places: Places,
    rng: np.random.Generator,
    changes: int,
    scope: str = "",
) -> BatchResult:
    """Where the condition holds and is broken, for up to as many changes."""
    options = check.options(e, places)
    every = options <= changes
    held, broken, held_within, broken_within = np.zeros((4, len(e)), bool)
    result = BatchResult(held, broken, held_within, broken_within, min(options, changes), every)
    for number in range(min(options, changes)):
        choices = Listed(number, len(e)) if every else Choices(rng, len(e))
        case = check.case(decide, e, places, choices)
        meets = in_scope(case, scope, decide) if scope else np.ones(len(e), bool)
        result.add(case, check.judge(case), meets)
    return result


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
    into: list[Rate] | None = None,
) -> list[Rate]:
    """The rate of every rule and axiom that can be measured on these elections.

    ``known`` are the places that rules across prompts give; their axioms about changes are left out. Each
    rate is appended to the list ``into`` once it is measured, so that it is there if the work is stopped.
    """
    pairs = [(rule, axiom) for rule in rules for axiom in axioms if measurable(rule, axiom)]
    found = [] if into is None else into
    if tick:
        tick(0, len(pairs))
    for n, (rule, axiom) in enumerate(pairs, start=1):
        found.append(rate(rule, axiom, batches, seed=seed, known=(known or {}).get(rule)))
        if tick:
            tick(n, len(pairs))
    return found


def measurable(rule: str, axiom: str) -> bool:
    """Whether a rate is measured: for rules across prompts for no axiom about changes."""
    return check_of(axiom).change is None or not is_across(get_rule(rule))
