"""One voter's best response, and that of several who act together."""

from collections.abc import Callable, Collection
from typing import Any, Literal

import numpy as np

from rlchf.axioms.manipulation.outcomes import Criterion, Decision
from rlchf.axioms.manipulation.report import Manipulation, Tries, summary
from rlchf.axioms.manipulation.search import (
    Cases,
    best_orders,
    drawn_prompts,
    members_of,
    nearest,
    tries,
)
from rlchf.options import checked
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings, as_rankings
from rlchf.rules import Rule

Progress = Callable[[int, int], None]
Choose = Callable[[Profiles], Cases]


def one_voter(
    rankings: Rankings | Any,
    rule: str | Rule = "kemeny",
    *,
    who: Literal["drawn", "any"] = "drawn",
    criterion: Criterion = "pairs",
    prompts: int = 200,
    ties: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    **options: Any,
) -> Manipulation:
    """How often one voter gains by a ballot that is not its own, and what that does to the others.

    The voter knows all other ballots. All orders of the responses on its ballot are tried if these are 5 at
    most; of more, those that raise a response (compromise, push-over), lower one (bury), or put one first
    and another one last, and from 12 on those that put one first, last or a place higher: the rate is a lower
    bound then. A ballot keeps its ties and what it leaves out;
    scores and approvals go to other responses with their places.

    Parameters
    ----------
    rankings
        The true ballots, or a table of them.
    rule, ties, seed, options
        As for `rlchf.aggregate`; the rule must be one of single prompts.
    who
        "drawn" takes one voter of each prompt at random; "any" takes the one with the largest gain, so that
        the rate is that of prompts on which somebody can gain.
    criterion
        What a voter wants: "pairs", an outcome that orders pairs as the voter does; "first", a first
        response that is high on the ballot.
    prompts
        Number of prompts, drawn at random, on which it is tried.
    progress
        Called with the number of batches done and their total.

    References
    ----------
    A. Gibbard, "Manipulation of voting schemes: a general result", 1973; M. A. Satterthwaite,
    "Strategy-proofness and Arrow's conditions", 1975.

    Examples
    --------
    >>> ballots = ["b > a > c > d"] * 3 + ["a > b > c > d"] * 3 + ["d > a > b > c"]
    >>> poll = Rankings.from_ballots([("p", k, ballot) for k, ballot in enumerate(ballots)])
    >>> (best, *_) = one_voter(poll, "borda", who="any", criterion="first").examples
    >>> best.before, best.honest, best.cast, best.after
    ('a > b > c > d', 'b > a > c > d', 'b > c > d > a', 'b > a > c > d')
    """
    rankings = as_rankings(rankings)
    decision = Decision.by(rule, ties, seed, options)
    checked(Criterion, criterion, "criterion")
    checked(Literal["drawn", "any"], who, "who")
    rng = np.random.default_rng((seed, 21))

    def choose(profiles: Profiles) -> Cases:
        if who == "any":
            ballots = np.arange(len(profiles.weights))
            return Cases(np.asarray(profiles.owners), ballots, ballots)
        ballots = _drawn(profiles, rng)
        return Cases(np.arange(len(ballots)), np.arange(len(ballots)), ballots)

    done = _all_tries(
        decision, rankings, drawn_prompts(rankings, prompts, rng), choose, criterion, progress,
        best=who == "any",
    )  # fmt: skip
    return summary(done, decision.name, "voter" if who == "drawn" else "any voter", criterion)


def coalition(
    rankings: Rankings | Any,
    rule: str | Rule = "kemeny",
    *,
    share: float = 0.1,
    members: Collection[str] | None = None,
    criterion: Criterion = "pairs",
    prompts: int = 200,
    ties: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    **options: Any,
) -> Manipulation:
    """How often several voters gain by all casting the same order, and what that does to the others.

    They gain if their agreement with the outcome rises on average, by weight. The orders that are tried are
    that of one of them, drawn at random, and its rearrangements as for `one_voter`.

    Parameters
    ----------
    share
        Share of a prompt's ballots that act together, at least two: a voter drawn at random, and those whose
        ballots are closest to its.
    members
        Ids of the annotators who act together, in place of these; prompts on which fewer than two of them
        vote are left out.
    rankings, rule, criterion, prompts, ties, seed, progress, options
        As for `one_voter`.

    Examples
    --------
    >>> ballots = ["a > b > c"] * 5 + ["b > a > c"] * 3 + ["c > b > a"] * 3
    >>> poll = Rankings.from_ballots([("p", f"v{k}", ballot) for k, ballot in enumerate(ballots)])
    >>> friends = coalition(poll, "plurality", members=["v8", "v9", "v10"], criterion="first")
    >>> friends.examples[0].cast, friends.examples[0].after
    ('b > c > a', 'b > a > c')
    """
    rankings = as_rankings(rankings)
    decision = Decision.by(rule, ties, seed, options)
    checked(Criterion, criterion, "criterion")
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}; give a number above 0, at most 1")
    rng = np.random.default_rng((seed, 22))
    inside = None
    if members is not None:
        inside = np.isin(np.array(rankings.annotator_ids, dtype=object), list(members))
        rankings = _with_two(rankings, inside)
    done = _all_tries(
        decision, rankings, drawn_prompts(rankings, prompts, rng),
        lambda profiles: _coalitions(profiles, share, inside, rng), criterion, progress, alike=True,
    )  # fmt: skip
    return summary(done, decision.name, "coalition", criterion)


def _coalitions(
    profiles: Profiles, share: float, inside: np.ndarray | None, rng: np.random.Generator
) -> Cases:
    """One coalition on each prompt."""
    if inside is None:
        sizes = np.maximum(2, np.rint(share * np.diff(profiles.starts))).astype(np.int64)
        leaders = _drawn(profiles, rng)
        groups = [
            nearest(profiles, leader, size)
            for leader, size in zip(leaders.tolist(), sizes.tolist(), strict=True)
        ]
    else:
        groups = [
            rng.permutation(np.flatnonzero(inside[profiles.annotators[start:end]]) + start)
            for start, end in zip(profiles.starts[:-1], profiles.starts[1:], strict=True)
        ]
    return Cases(np.arange(profiles.n_prompts), *members_of(groups))


def _with_two(rankings: Rankings, inside: np.ndarray) -> Rankings:
    """The prompts on which at least two of the members vote."""
    votes = np.add.reduceat(inside[rankings.ballot_annotators], rankings.ballot_starts[:-1])
    if not (votes > 1).any():
        raise ValueError(
            f"{rankings.source}: on no prompt do two of the {inside.sum()} members vote"
        )
    return rankings.subset(np.flatnonzero(votes > 1))


def _drawn(profiles: Profiles, rng: np.random.Generator) -> np.ndarray:
    """(B,) a ballot of each prompt, drawn at random."""
    counts = np.diff(profiles.starts)
    return np.asarray(profiles.starts[:-1] + (rng.random(len(counts)) * counts).astype(np.int64))


def _all_tries(
    decision: Decision,
    rankings: Rankings,
    chosen: np.ndarray,
    choose: Choose,
    criterion: Criterion,
    progress: Progress | None,
    *,
    best: bool = False,
    alike: bool = False,
) -> Tries:
    """What comes of it on each prompt; ``best`` keeps one case of each, that with the largest gain."""
    rankings = rankings.subset(chosen)
    batches, parts = list(rankings.profiles()), []
    for done, (prompts, profiles) in enumerate(batches, start=1):
        before = decision.ranks(profiles)
        cases = choose(profiles)
        gains, orders = best_orders(decision, profiles, before, cases, criterion, alike=alike)
        if best:
            order = np.lexsort((-gains, cases.prompts))
            kept = order[np.flatnonzero(np.diff(cases.prompts[order], prepend=-1))]
            cases, gains, orders = cases.part(kept), gains[kept], orders[kept]
        parts.append(
            tries(decision, rankings, prompts, profiles, before, cases, (gains, orders), criterion)
        )
        if progress is not None:
            progress(done, len(batches))
    return Tries.joined(parts)
