"""What `rlchf.aggregate` warns of before and after it applies a rule."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from rlchf.exposure import ExposureSums, exposure_sums, has_gaps
from rlchf.parts import Figures
from rlchf.rankings import Rankings
from rlchf.rules import Rule, get_rule, reads_approvals

COUNTS = ("k", "top")
"""Options that are numbers of responses: seats, places, approved responses."""

FEWEST = 50
"""A correlation with exposure on fewer responses brings no warning."""
EXCESS = 0.3
"""A correlation with exposure brings a warning if it differs by more than this from the Borda count's."""


def warn_of_counts(options: Mapping[str, Any], rankings: Rankings) -> None:
    """Warn if an option counts more responses than any prompt has; a rule then takes all of them."""
    figures = Figures(most=int(np.diff(rankings.response_starts).max()))
    if rankings.part is not None:
        rankings.part.figures.add(figures)
    else:
        _tell_counts(options, figures, rankings.source)


def warn_of_approvals(
    function: Rule, name: str, options: Mapping[str, Any], rankings: Rankings
) -> None:
    """Warn where a rule reads approvals that ballots do not state."""
    if "top" in options or not reads_approvals(function, options):
        return
    stated = ~rankings.is_reverse
    silent = int((stated & ~rankings.states_approvals).sum())
    scores = rankings.entry_scores
    only_marks = scores is not None and bool(np.isin(scores, (-1, 0, 1)).all())
    ballots = int(stated.sum())
    figures = Figures(ballots=ballots, silent=silent, marks=ballots if only_marks else 0)
    if rankings.part is not None:
        rankings.part.figures.add(figures)
    else:
        _tell_approvals(name, figures)


def warn_of_exposure(name: str, rankings: Rankings, scores: np.ndarray) -> None:
    """Warn where ballots have gaps, and the weight of the ballots that name a response decides."""
    if name == "borda" or not has_gaps(rankings):
        return
    sums = exposure_sums(rankings, scores)
    if rankings.part is None and sums.n < FEWEST:
        return
    by_pairs = np.empty(len(scores))
    for prompts, profiles in rankings.profiles(small=True):
        cells = rankings.response_starts[prompts][:, None] + np.arange(profiles.n_responses)
        by_pairs[cells] = get_rule("borda")(profiles)
    usual = exposure_sums(rankings, by_pairs)
    figures = Figures(
        responses=sums.n, by_exposure=sums.by_exposure, by_score=sums.by_score, both=sums.both,
        by_borda=usual.by_score, both_borda=usual.both,
    )  # fmt: skip
    if rankings.part is not None:
        rankings.part.figures.add(figures)
    else:
        _tell_exposure(name, figures)


def tell(name: str, options: Mapping[str, Any], figures: Figures, source: str) -> None:
    """Warn of a dataset that was aggregated in parts as `aggregate` warns of a whole one."""
    _tell_counts(options, figures, source)
    _tell_approvals(name, figures)
    _tell_exposure(name, figures)


def _tell_counts(options: Mapping[str, Any], figures: Figures, source: str) -> None:
    for name in COUNTS:
        count, most = options.get(name), figures.most
        if isinstance(count, int) and count > most:
            warnings.warn(
                f"{name} is {count}, but no prompt of {source} has more than {most} responses, "
                f"so {name}={count} does the same as {name}={most}; give {most} or less",
                stacklevel=4,
            )


def _tell_approvals(name: str, figures: Figures) -> None:
    if figures.silent:
        marks = figures.marks == figures.ballots
        hint = (
            "; the scores are only -1, 0 and 1: if these are votes against, passes and votes for, "
            "--columns approval=score reads them as approvals"
        ) * marks
        warnings.warn(
            f"{name} reads approvals, and {figures.silent:,} of {figures.ballots:,} ballots state none: "
            "theirs are read off the ranking, the better half of each ballot; the option top=N reads its "
            f"first N, columns approved or approval state them{hint}",
            stacklevel=4,
        )


def _tell_exposure(name: str, figures: Figures) -> None:
    n, by_exposure = figures.responses, figures.by_exposure
    if n < FEWEST:
        return
    coefficient = ExposureSums(n, by_exposure, figures.by_score, figures.both).coefficient
    usual = ExposureSums(n, by_exposure, figures.by_borda, figures.both_borda).coefficient
    if abs(coefficient - usual) > EXCESS:
        many_or_few = "many" if coefficient > usual else "few"
        warnings.warn(
            f"{name} favours responses on {many_or_few} ballots: the rank correlation of its scores with the "
            f"weight of the ballots that rank a response is {coefficient:.2f}, under borda {usual:.2f}; if "
            "annotators saw only some of the responses, choose borda, copeland, kemeny or bradley_terry, or "
            "the option average of utilitarian, approval or net_approval",
            stacklevel=4,
        )
