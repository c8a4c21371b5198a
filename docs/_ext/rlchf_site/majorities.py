"""What a rule makes of the majorities of its example, in words and in a table."""

from collections.abc import Iterator, Sequence

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.display import listed
from rlchf.rankings import Rankings
from rlchf.rules._parts.defeats import majority_strengths, strongest_paths
from rlchf_site.markup import table


def explained(name: str, rankings: Rankings, result: Aggregation) -> Iterator[str]:
    """The paths that Schulze's method compares, and the majorities that a ranking goes against."""
    if name == "schulze":
        yield (
            "The strongest paths from the response of a row to that of a column, each as strong as its "
            "weakest win; of two responses the one with the stronger path to the other is ranked higher:"
        )
        yield paths(rankings)
    lost = against(rankings, result)
    if lost:
        yield f"The ranking goes against the {'majority' if len(lost) == 1 else 'majorities'} {listed(lost)}."


def paths(rankings: Rankings) -> str:
    """The strengths of the strongest paths between the responses of the only prompt."""
    _, profiles = next(iter(rankings.profiles()))
    edges = np.moveaxis(np.asarray(majority_strengths(profiles, "margins")), 0, -1)  # (M, M, 1)
    strengths = strongest_paths(edges)[..., 0] / profiles.scale[0]
    names = rankings.responses("p")
    rows = [
        (one, *("" if i == j else f"{strengths[i, j]:g}" for j in range(len(names))))
        for i, one in enumerate(names)
    ]
    return table(rows, ("from", *(f"to {one}" for one in names)))


def against(rankings: Rankings, result: Aggregation) -> Sequence[str]:
    """The majorities of the only prompt whose loser is ranked higher than their winner."""
    _, profiles = next(iter(rankings.profiles()))
    margins = np.asarray(profiles.margins)[0] / profiles.scale[0]
    names, scores = rankings.responses("p"), result.scores("p")
    return [
        f"for {winner} over {loser} (margin {margins[i, j]:g})"
        for i, winner in enumerate(names)
        for j, loser in enumerate(names)
        if margins[i, j] > 0 and scores[winner] < scores[loser]
    ]
