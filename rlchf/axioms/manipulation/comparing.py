"""Manipulation under several rules, and what was found in sentences."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

from rlchf.axioms.manipulation.clones import clone_flood
from rlchf.axioms.manipulation.outcomes import Criterion
from rlchf.axioms.manipulation.report import Manipulation
from rlchf.axioms.manipulation.voters import coalition, one_voter
from rlchf.display import percent_with_interval, signed
from rlchf.options import checked
from rlchf.rankings import Rankings, as_rankings
from rlchf.rules import get_rule, is_across

Kind = Literal["voter", "any voter", "coalition", "clones"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def manipulations(
    rankings: Rankings | Any,
    rules: Sequence[str] = ("kemeny",),
    *,
    kinds: Sequence[Kind] = KINDS,
    criterion: Criterion = "pairs",
    prompts: int = 200,
    share: float = 0.1,
    copies: int = 3,
    noise: float = 0.1,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Manipulation]:
    """Several kinds of manipulation under several rules for single prompts, on the same prompts.

    Parameters
    ----------
    kinds
        "voter", one voter drawn on each prompt; "any voter", the one who gains most; "coalition", voters with
        similar ballots who cast the same order; "clones", a flood of near-clones of a response.
    rankings, criterion, prompts, share, copies, noise, seed
        As for `one_voter`, `coalition` and `clone_flood`.
    progress
        Called with the number of searches done and their total.

    Raises
    ------
    ValueError
        If there is no such rule or kind, or a rule looks across prompts.

    Examples
    --------
    >>> from rlchf.simulate import culture
    >>> poll = culture("impartial", prompts=50, annotators=7, responses=3)
    >>> found = manipulations(poll, ["plurality", "kemeny"], kinds=["any voter"], criterion="first")
    >>> [(one.rule, one.success.value) for one in found]
    [('plurality', 0.48), ('kemeny', 0.14)]
    """
    rankings = as_rankings(rankings)
    kinds = [checked(Kind, kind, "kind") for kind in kinds]
    common: dict[str, Any] = {"criterion": criterion, "prompts": prompts, "seed": seed}
    search: dict[str, Callable[[str], Manipulation]] = {
        "voter": lambda rule: one_voter(rankings, rule, **common),
        "any voter": lambda rule: one_voter(rankings, rule, who="any", **common),
        "coalition": lambda rule: coalition(rankings, rule, share=share, **common),
        "clones": lambda rule: clone_flood(rankings, rule, copies=copies, noise=noise, **common),
    }
    found, total = [], len(rules) * len(kinds)
    for rule in rules:
        for kind in kinds:
            found.append(search[kind](rule))
            if progress is not None:
                progress(len(found), total)
    return found


def for_single_prompts(rules: Sequence[str]) -> list[str]:
    """Those of the rules that look at one prompt at a time, on which manipulation can be searched for.

    Examples
    --------
    >>> for_single_prompts(["borda", "perpetual_pav"])
    ['borda']
    """
    return [rule for rule in rules if not is_across(get_rule(rule))]


WHO = {
    "voter": "an annotator drawn at random could gain by a ballot that is not true",
    "any voter": "some annotator could gain by a ballot that is not true",
    "coalition": "annotators with similar ballots could gain by all casting the same untrue one",
    "clones": "near-copies of a response that is not first raise it",
}


def sentence(one: Manipulation) -> str:
    """What was found, for people who have not heard of manipulation.

    Examples
    --------
    >>> from rlchf.auditing.estimates import Estimate
    >>> none = Estimate(float("nan"), float("nan"), float("nan"))
    >>> rare = Estimate(0.1, 0.05, 0.15)
    >>> harm = Estimate(0.02, 0.01, 0.03)
    >>> sentence(Manipulation("borda", "clones", "pairs", 50, rare, none, harm, none, 0.7, []))
    'Under borda near-copies of a response that is not first raise it on 10 % (5.0 to 15 %) of 50 prompts;
    where they do, the agreement of the others, 0.700 on average, falls by 0.020 (0.010 to 0.030).'
    """
    rate = percent_with_interval(*one.success.figures)
    text = f"Under {one.rule} {WHO[one.kind]} on {rate} of {one.prompts:,} prompts"
    value, low, high = one.damage.figures
    if math.isnan(value):
        return f"{text}."
    change = f"{'falls' if value >= 0 else 'rises'} by {abs(value):.3f}"
    if low * high > 0:
        ends = sorted((abs(low), abs(high)))
        change += f" ({ends[0]:.3f} to {ends[1]:.3f})"
    elif not math.isnan(low):
        change = f"changes by {signed(-value)} ({signed(-high)} to {signed(-low)})"
    where = "where they do" if one.kind == "clones" else "where that is so"
    return f"{text}; {where}, the agreement of the others, {one.honest:.3f} on average, {change}."
