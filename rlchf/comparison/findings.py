"""What a comparison found, in sentences for people who have not heard of its measures."""

from typing import TYPE_CHECKING

import numpy as np

from rlchf.auditing.estimates import interval
from rlchf.comparison.conclusion import conclusion
from rlchf.comparison.losing import lost_sentences
from rlchf.comparison.recommend import most_stable
from rlchf.comparison.rules import Distances
from rlchf.display import counted, percent

if TYPE_CHECKING:
    from rlchf.comparison.comparing import Comparison


def findings(comparison: "Comparison") -> list[str]:
    """The findings: who loses, whether the rule matters, how sure the results are, and what to take."""
    priced = comparison.served[0].priced if comparison.served else None
    parts = [
        *lost_sentences(comparison.served),
        conclusion(comparison.recommendations, comparison.gains, comparison.stability, priced),
        _whether_it_matters(comparison),
        _whose(comparison),
        _how_sure(comparison),
        _cycles(comparison),
        _approved(comparison),
        *(one.sentence for one in comparison.recommendations),
    ]
    return [sentence for sentence in parts if sentence]


def _whether_it_matters(comparison: "Comparison") -> str:
    measured = comparison.distances
    P = len(measured.first_places)
    differ = int((measured.first_places > 1).sum())
    rules = counted(len(measured.rules), "rule")
    if not differ and not measured.flipped.any():
        return (
            f"The rule does not matter here: all {rules} put the same responses first on all of "
            f"{counted(P, 'prompt')}, and no training pair flips between any two of them."
        )
    same = measured.same_first[np.triu_indices(len(measured.rules), 1)]
    return (
        f"Two rules taken at random from the {rules} put the same responses first on "
        f"{percent(float(same.mean()))} of the prompts on average{_lowest(measured)}; all rules agree on "
        f"{P - differ:,} of {counted(P, 'prompt')}. {_flips(measured)}"
    )


def _flips(measured: Distances) -> str:
    """The training pairs that flip between the two rules that differ most."""
    one, other = measured.farthest()
    i, j = measured.rules.index(one), measured.rules.index(other)
    flipped = int(measured.flipped[i, j])
    if not flipped:
        return "No training pair flips between any two of them."
    most = ", which differ most," if len(measured.rules) > 2 else ""
    return (
        f"Between {one} and {other}{most} {counted(flipped, 'training pair')} "
        f"{'flips' if flipped == 1 else 'flip'}: chosen and rejected change places in "
        f"{percent(float(measured.flipped_share[i, j]))} of the pairs that both make."
    )


def _lowest(measured: Distances) -> str:
    """The two rules that share the fewest first places; empty if there are only two."""
    if len(measured.rules) < 3:
        return ""
    i, j = np.unravel_index(np.argmin(measured.same_first), measured.same_first.shape)
    share = percent(float(measured.same_first[i, j]))
    return f", {measured.rules[int(i)]} and {measured.rules[int(j)]} on {share}" if i != j else ""


def _whose(comparison: "Comparison") -> str:
    """The group for which the choice of the rule matters most, unless more is said of one that loses."""
    if comparison.served and comparison.served[0].loses_under:
        return ""
    gains = comparison.gains
    rows = [row for row in gains.rules if row.again or not gains.folds] if gains else []
    if len(rows) < 2 or not rows[0].groups:
        return ""
    values = np.array([[group.contested.value for group in row.groups] for row in rows])
    if np.isnan(values).all():
        return ""
    spread = np.nanmax(values, axis=0) - np.nanmin(values, axis=0)
    g = int(np.nanargmax(spread))
    low, high = int(np.nanargmin(values[:, g])), int(np.nanargmax(values[:, g]))
    least, most = rows[low].groups[g], rows[high].groups[g]
    if not least.contested.high < most.contested.low:
        return (
            "For whom it matters, the ballots do not tell beyond chance: the largest difference is that of "
            f"{least.name}, with whom the outcome agrees on {interval(least.contested)} of the pairs that "
            f"people disagree about under {rows[low].rule} and on {interval(most.contested)} under "
            f"{rows[high].rule}."
        )
    return (
        f"It matters most for {least.name}: of the pairs that people disagree about, the outcome agrees with "
        f"its members on {interval(least.contested)} under {rows[low].rule} and on "
        f"{interval(most.contested)} under {rows[high].rule}; a random order would agree on half."
    )


def _how_sure(comparison: "Comparison") -> str:
    if not comparison.stability or not comparison.stability.rules:
        return ""
    measured = comparison.stability
    low = min(measured.rules, key=lambda row: row.mean_first.value)
    high = most_stable(measured.rules)
    who = "other ballots" if measured.drawn == "ballots" else "other annotators"
    if len(measured.rules) == 1 or low.mean_first.value == high.mean_first.value:
        return (
            f"If {who} like these had been drawn, the first place would be the same on "
            f"{interval(high.mean_first)} of the prompts, whatever the rule."
        )
    return (
        f"If {who} like these had been drawn, the first place of a prompt would be the same with a "
        f"probability of {interval(low.mean_first)} under {low.rule}, the least stable rule, and of "
        f"{interval(high.mean_first)} under {high.rule}, the most stable one."
    )


def _cycles(comparison: "Comparison") -> str:
    rows = comparison.data.majorities
    without = sum(row.condorcet_winner is None for row in rows)
    cyclic = sum(row.cycle for row in rows)
    if not without:
        return (
            "Every prompt has a response that beats every other by majority (a Condorcet winner)."
        )
    return (
        f"On {without:,} of {counted(len(rows), 'prompt')} ({percent(without / len(rows))}) no response "
        f"beats every other by majority; on {cyclic:,} the majorities form a cycle, so that any order "
        "overrules one of them."
    )


def _approved(comparison: "Comparison") -> str:
    approved = comparison.approved
    several = int((approved.numbers > 1).sum())
    if not several:
        return ""
    share = percent(several / len(approved.numbers))
    return (
        f"On {several:,} of {counted(len(approved.numbers), 'prompt')} ({share}) a majority approves several "
        f"responses, and a single winner shows only one of them; {approved.how}."
    )
