"""Elections from the literature that searches try, since they are too large to be met by chance."""

from dataclasses import dataclass

from rlchf.axioms.elections import Elections


@dataclass(frozen=True)
class Published:
    """An election, what it shows, and its source."""

    name: str
    source: str
    ballots: dict[str, float]


PUBLISHED = (
    Published(
        "minimax elects a majority loser",
        "the rule fails this criterion: D. S. Felsenthal, H. Nurmi, "
        '"Voting procedures for electing a single candidate", 2018',
        {
            "x > a > b > c": 2, "x > b > c > a": 1, "x > c > a > b": 1, "a > b > c > x": 1,
            "b > c > a > x": 2, "c > a > b > x": 2,
        },
    ),
    Published(
        "a Condorcet winner whom few put first",
        'Condorcet, "Essai sur l\'application de l\'analyse à la probabilité des décisions", 1785',
        {"a > b > c": 30, "a > c > b": 1, "b > a > c": 29, "b > c > a": 10, "c > a > b": 10, "c > b > a": 1},
    ),
    Published(
        "abstaining pays under Condorcet's principle",
        'H. Moulin, "Condorcet\'s principle implies the no show paradox", 1988',
        {"a > d > c > b": 3, "a > d > b > c": 3, "d > b > c > a": 5, "b > c > a > d": 4},
    ),
)  # fmt: skip
"""Elections that refute axioms of classic rules."""


def published() -> list[Elections]:
    """The elections of `PUBLISHED`, one by one.

    Examples
    --------
    >>> [election.n_responses for election in published()]
    [4, 3, 4]
    """
    return [Elections.from_ballots(one.ballots) for one in PUBLISHED]
