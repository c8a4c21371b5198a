"""What the perpetual rules share that give ballots more or less say in a base rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import get_rule, is_across
from rlchf.rules.across._parts.layout import BLOCK, Order, Sequence, ranked, sequence
from rlchf.rules.across._parts.orders import MOST
from rlchf.rules.across._parts.perpetual.exact import decide_exactly
from rlchf.rules.across._parts.perpetual.loop import decide, settle, weigh
from rlchf.ties import strict_order

Unit = Literal["contested_pair", "pair", "winner", "approval"]
"""What an annotator is satisfied with."""

COMPILED = ("kemeny", "borda", "approval")


@dataclass(frozen=True)
class Credit:
    """How a rule keeps account of an annotator in one number; see `_perpetual_loop`.

    Attributes
    ----------
    start
        The number that everybody begins with.
    say, after
        Compiled functions of the signatures `SAY` and `AFTER`.
    deserves
        Whether they look at the satisfaction that an annotator deserves.
    """

    start: int
    say: Any
    after: Any
    deserves: bool = False


def perpetual(
    rankings: Rankings, name: str, credit: Credit, *,
    base: str, unit: Unit, exact: bool, order: Order, seed: int,
) -> Aggregation:  # fmt: skip
    """Rank prompt after prompt with the base rule, each ballot counting as its annotator's credit says."""
    rule = get_rule(base)
    if is_across(rule):
        raise ValueError(
            f"base is {base!r}, which looks across prompts itself; choose another rule"
        )
    code, laid = unit_code(unit), sequence(rankings, order, seed)
    scores = np.empty(len(rankings.response_ids))
    options = {"base": base, "unit": unit, "exact": exact, "order": order, "seed": seed}
    if exact:
        decide_exactly(laid, base, code, credit, scores)
        return ranked(rankings, scores, name, **options)
    A = laid.n_annotators
    state, due, got = np.full(A, float(credit.start)), np.zeros(A), np.zeros(A)
    met = np.zeros(A, dtype=np.int64)
    for prompts, fast in _runs(laid, base):
        if fast:
            decide(
                prompts, laid.sizes, laid.ballots, *laid.block(prompts), laid.weights,
                laid.annotators, laid.responses, state, due, met, got, COMPILED.index(base), code,
                credit.say, credit.after, credit.deserves, scores,
            )  # fmt: skip
            continue
        for p in prompts.tolist():
            batch = rankings.batch(np.array([p]))
            ranks, decided = batch.ranks.T.copy(), np.empty((batch.n_responses,) * 2, dtype=bool)
            says = np.empty(len(ranks))
            place = (code, ranks, batch.weights, batch.annotators, state, due, met)
            n = weigh(*place, credit.say, credit.deserves, decided, says)
            chosen = strict_order(rule, batch.reweighted(says))[0]
            settle(*place, got, credit.after, decided, n, chosen)
            scores[laid.responses[p] + chosen] = np.arange(len(chosen) - 1, -1, -1)
    return ranked(rankings, scores, name, **options)


def unit_code(unit: str) -> int:
    """The number by which compiled code knows a unit."""
    return get_args(Unit).index(unit)


def _runs(laid: Sequence, base: str) -> Iterator[tuple[np.ndarray, bool]]:
    """The prompts in order, in blocks that compiled code can all rank or can't."""
    fast = np.full(len(laid.prompts), base in COMPILED)
    if base == "kemeny":
        fast = laid.sizes[laid.prompts] <= MOST
    cuts = np.flatnonzero(np.diff(fast)) + 1
    for start, end in zip([0, *cuts], [*cuts, len(fast)], strict=True):
        for at in range(start, end, BLOCK):
            yield laid.prompts[at : min(at + BLOCK, end)], bool(fast[start])
