"""The perpetual rules that rank each prompt by a base rule, with ballots weighed by the outcomes so far."""

from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import Rule, get_rule, is_across
from rlchf.rules.across._parts.layout import (
    BLOCK,
    Layout,
    Order,
    as_aggregation,
    batch_ballots,
    lay_out,
)
from rlchf.rules.across._parts.orders import MOST_FOR_SUBSETS
from rlchf.rules.across._parts.pages import page_with
from rlchf.rules.across._parts.perpetual.exact import decide_exactly
from rlchf.rules.across._parts.perpetual.loop import (
    COMPILED,
    People,
    Weighting,
    decide,
    settle,
    weigh,
)
from rlchf.rules.across._parts.perpetual.satisfaction import counted_pairs
from rlchf.ties import strict_order

Unit = Literal["contested_pair", "graded_pair", "pair", "winner", "approval"]
"""The unit of satisfaction."""
Contested = Literal["contested_pair", "graded_pair"]
"""How contested pairs count for the rules with budgets."""

weighting_page = page_with(
    """
    A pair of responses is contested if one ballot ranks it one way and another ballot the other way. It
    counts g = min(1, (10 s)^2), with s its smaller side's share of the weight of all ballots: in full where
    a tenth dissents, and 0.04 where one annotator of 50 does. By default an annotator's satisfaction with
    an outcome is the share of these pairs, weighed by g, that the outcome orders as the annotator's ballot
    does, times the largest g on the prompt, its stake. So prompts and pairs on which hardly anybody
    dissents change no account by much. A pair that the ballot ties or does not rank is no agreement.

    Ties of the base rule are broken by the order of the responses. If all weights on a prompt would be 0,
    ballots keep their weights. A prompt without contested pairs does not change any account, unless another
    ``unit`` counts. A prompt on which an annotator is absent does not change the annotator's account.
    Several ballots of one annotator on a prompt get the mean of their satisfactions, by their weights.

    With "approval" for both ``base`` and ``unit`` the winners are those of Lackner's rule, in which
    satisfaction is 0 or 1.

    Parameters
    ----------
    base
        The rule that ranks each prompt; it has to be one that looks at one prompt at a time.
    unit
        What counts as satisfaction, from 0 to 1 on each prompt. "graded_pair": as above. "contested_pair" and
        "pair": the share of the contested pairs, or of all pairs, that the outcome orders as the ballot does,
        each of which counts 1. "winner": how high
        the ballot ranks the first response, 1 for first and 0 for last or unranked. "approval": 1 if the
        ballot has the first response in its better half (as `approval` reads it), else 0.
    exact
        Compute in fractions, without rounding: for the bases kemeny (up to 10 responses), borda and
        approval, at about 1,000 prompts a second. Otherwise sums that differ by less than 1e-9 of the total
        weight are tied.
    order, seed
        Decide the prompts in the order of the input ("input"), or "shuffled" with a seed.
    frozen
        An earlier output of the rule: its rankings stay as they are, and the accounts that they lead to are
        carried on to the other prompts.

    Returns
    -------
    Aggregation, with scores M - 1 (first) to 0 (last): strict orders.
    """
)
"""Adds to a rule's docstring what all rules of the family share."""


def perpetual(
    rankings: Rankings, name: str, weighting: Weighting,
    base: str, unit: Unit, exact: bool, order: Order, seed: int, frozen: Aggregation | None,
) -> Aggregation:  # fmt: skip
    """Rank prompt after prompt by the base rule, with ballots weighed by their annotators' accounts."""
    rule = base_rule(base)
    code, layout = unit_code(unit), lay_out(rankings, order, seed, frozen)
    scores = np.empty(len(rankings.response_ids))
    if exact:
        decide_exactly(layout, base, code, weighting, scores)
    else:
        A = layout.n_annotators
        state, n_ballots = layout.account(weighting.start), np.zeros(A, dtype=np.int64)
        people = People(state, np.zeros(A), np.zeros(A), n_ballots, np.zeros(A))
        for prompts, compiled in _runs(layout, base):
            if compiled:
                block = layout.block(prompts)
                decide(block, people, weighting, COMPILED.index(base), code, scores)
            else:
                _decide_by_rule(layout, prompts, people, weighting, rule, code, scores)
    return as_aggregation(
        rankings, scores, name, base=base, unit=unit, exact=exact, order=order, seed=seed
    )


def base_rule(name: str) -> Rule:
    """Load a rule that ranks one prompt at a time; a rule across prompts is an error."""
    rule = get_rule(name)
    if is_across(rule):
        raise ValueError(
            f"base is {name!r}, which looks across prompts itself; choose another rule"
        )
    return rule


def unit_code(unit: str) -> int:
    """The number by which compiled code knows a unit."""
    return get_args(Unit).index(unit)


def _runs(layout: Layout, base: str) -> Iterator[tuple[np.ndarray, bool]]:
    """The prompts in order, in parts, and for each part whether compiled code can rank its prompts."""
    compiled = np.full(len(layout.prompts), base in COMPILED)
    if base == "kemeny":
        compiled = layout.sizes[layout.prompts] <= MOST_FOR_SUBSETS
    cuts = np.flatnonzero(np.diff(compiled)) + 1
    for first, last in zip([0, *cuts], [*cuts, len(compiled)], strict=True):
        for start in range(first, last, BLOCK):
            yield layout.prompts[start : min(start + BLOCK, last)], bool(compiled[first])


def _decide_by_rule(
    layout: Layout, prompts: np.ndarray, people: People, weighting: Weighting, rule: Rule,
    unit: int, scores: np.ndarray,
) -> None:  # fmt: skip
    """`decide` with any rule that looks at one prompt at a time."""
    rankings = layout.rankings
    for p in prompts.tolist():
        batch = rankings.batch(np.array([p]))
        ballots = batch_ballots(batch)
        counted, weights = counted_pairs(unit, ballots), np.empty(len(batch.weights))
        weigh(ballots, counted, people, weighting, weights)
        order = layout.frozen_order(p)
        if order is None:
            order = strict_order(rule, batch.reweighted(weights))[0]
        settle(ballots, counted, people, weighting, order)
        scores[rankings.response_starts[p] + order] = np.arange(len(order) - 1, -1, -1)
