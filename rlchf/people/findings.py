"""Findings about the people, in sentences for readers who have never heard of the measures."""

from collections.abc import Iterator, Sequence

import numpy as np

from rlchf.auditing.estimates import Estimate, interval
from rlchf.display import counted, number, percent, percent_with_interval
from rlchf.people.clickers import BALLOTS, LEAST
from rlchf.people.consequences import Consequence
from rlchf.people.report import People

ONE_SIDED = 2.0
"""A group is named if its share of the people dropped is so many times its share of the people."""


def of_share(estimate: Estimate) -> str:
    """A share with its interval.

    Examples
    --------
    >>> of_share(Estimate(0.673, 0.66, 0.69))
    '67 % (66 to 69 %)'
    """
    return percent_with_interval(estimate.value, estimate.low, estimate.high, "unknown")


def findings(people: People) -> list[str]:
    """What the figures say, most important first.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [(p, name, "a > b") for p in range(9) for name in ("ann", "bob", "eve")]
    >>> found = rlchf.people.describe_people(rlchf.Rankings.from_ballots(ballots))
    >>> findings(found)[0]
    'Two people who compare the same two responses say the same in 100 % (70 to 100 %) of the cases; by
    chance it would be 49 %.'
    """
    return [
        *_agreement(people),
        *_effective(people),
        *_clickers(people),
        *_dropping(people),
        *_people(people),
    ]


def main_findings(people: People) -> list[str]:
    """How far people agree, who may click at random, and whom it would hit to drop people."""
    return [*list(_agreement(people))[:2], *_clickers(people), *_dropping(people)]


def _agreement(people: People) -> Iterator[str]:
    found = people.overall
    if np.isnan(found.same.value):
        yield "No two people compare the same two responses, so that agreement cannot be measured."
        return
    chance = (
        f"; by chance it would be {percent(found.chance)}" if found.chance == found.chance else ""
    )
    yield (
        "Two people who compare the same two responses say the same in "
        f"{of_share(found.same)} of the cases{chance}."
    )
    if found.alpha.value < 1:
        yield (
            f"Krippendorff's alpha is {interval(found.alpha)}, where 0 is chance and 1 is agreement "
            "throughout. A low value may be noise or a difference in taste: see the groups."
        )
    alpha = people.prompts.alpha[~np.isnan(people.prompts.alpha)]
    if len(alpha) > 1 and (alpha <= 0).any():
        yield (
            f"On {int((alpha <= 0).sum()):,} of {len(alpha):,} prompts people agree no more than by chance."
        )
    yield from _groups(people)


def _groups(people: People) -> Iterator[str]:
    """The two groups of each division that agree least."""
    for matrix in people.between:
        off = np.where(np.eye(len(matrix.names), dtype=bool), np.nan, matrix.alpha)
        if np.isnan(off).all():
            continue
        g, h = sorted(np.unravel_index(int(np.nanargmin(off)), off.shape))
        figure = Estimate(*(float(x[g, h]) for x in (matrix.alpha, matrix.low, matrix.high)))
        own = [f"{number(matrix.alpha[k, k], 2)} within {matrix.names[k]}" for k in (g, h)]
        opposed = ", less than by chance" if figure.high < 0 else ""
        of = f" by {matrix.division}" if matrix.division else ""
        yield (
            f"The groups{of} that agree least are {matrix.names[g]} and {matrix.names[h]}: alpha "
            f"{interval(figure)} between them{opposed}, {' and '.join(own)}."
        )


def _effective(people: People) -> Iterator[str]:
    found = people.effective[0]
    if np.isnan(found.correlation.value):
        return
    yield (
        f"The {found.on_a_prompt:.3g} people on a prompt count as "
        f"{interval(found.effective_on_a_prompt, 1)} independent votes, since their votes are correlated "
        f"({interval(found.correlation)}); some of this is that they see the same quality."
    )


def _clickers(people: People) -> Iterator[str]:
    found = people.clickers
    if found is None:
        return
    if found.errors is None:
        yield (
            f"Nobody is flagged as a random clicker: that needs {LEAST} people, and {BALLOTS} ballots of a "
            "person at the very least."
        )
        return
    errors, n = found.errors, len(people.annotator_ids)
    rates = (
        f"On people simulated on these prompts the flag finds {percent(errors.power)} of the clickers, and "
        f"flags {percent(errors.majority)} of the majority, {percent(errors.opposite)} of a minority of "
        f"{percent(errors.minority)} with the opposite taste, and {percent(errors.orthogonal)} of one with a "
        "taste of its own."
    )
    flagged = int(found.flagged.sum())
    if flagged:
        who = "1 person" if flagged == 1 else f"{flagged:,} people"
        is_or_are = "is" if flagged == 1 else "are"
        yield (
            f"{who} of {n:,} {is_or_are} flagged: their ballots look as if "
            f"clicked at random, and agree with nobody's. {rates}"
        )
    elif not found.judged.any():
        yield (
            "Nobody can be flagged as a random clicker: with so few ballots a minority with a taste of its "
            f"own would look the same. {rates}"
        )
    else:
        yield f"Nobody of {n:,} people is flagged as a random clicker. {rates}"


def _dropping(people: People) -> Iterator[str]:
    """For each criterion the group that dropping people would hit most, if it is one-sided."""
    by_criterion: dict[str, list[Consequence]] = {}
    for row in people.consequences:
        by_criterion.setdefault(row.criterion, []).append(row)
    for criterion, rows in by_criterion.items():
        everybody = rows[0]
        share = everybody.dropped / max(everybody.people, 1)
        hit = [row for row in rows[1:] if row.people and row.dropped > 1]
        hit = [row for row in hit if row.dropped / row.people >= ONE_SIDED * share]
        if not hit:
            continue
        row = max(hit, key=lambda row: row.dropped / row.people)
        before, after = (percent(x, "unknown") for x in (row.agreement_before, row.agreement_after))
        yield (
            f"Dropping people by one figure ({criterion}) would drop {percent(row.dropped / row.people)} of "
            f"the group {row.group} and {percent(share)} of all; its weight would go from "
            f"{percent(row.weight_before)} to {percent(row.weight_after)}, and its agreement with the result "
            f"by {people.rule} from {before} to {after}."
        )


def _people(people: People) -> Iterator[str]:
    if people.reliability is None:
        yield (
            f"{counted(people.anonymous, 'annotator')} without a name may be several people each, so that "
            "there are no figures of single people."
        )
        return
    overall = people.reliability.overall
    texts: Sequence[tuple[str, str]] = (
        ("intransitive", "of the triples that one person compares in pairs are intransitive (of random "
         "comparisons 25 % would be)"),
        ("consistent", "of the comparisons that one person makes twice come out the same"),
        ("first", "of the preferences are for the response that was shown first (without a preference for "
         "a position it would be 50 %)"),
    )  # fmt: skip
    for name, text in texts:
        if not np.isnan(overall[name].value):
            yield f"{of_share(overall[name])} {text}."
