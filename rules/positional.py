"""Positional scoring with any score vector."""

from collections.abc import Sequence
from fractions import Fraction

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.positional import positional_scores


@voting_rule(
    kind="positional",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "condorcet loser",
        "reinforcement", "monotonicity", "majority loser", "participation", "consistency",
    ],
)  # fmt: skip
def positional(profiles: Profiles, *, vector: str | Sequence[float] | None = None) -> Array:
    """Score a response by its places on the ballots, with points from a score vector.

    Tied responses each get the mean of the scores of the places that they occupy. Sums are exact:
    decimals and fractions are read as they are written.

    A response that a ballot does not rank is neither raised nor lowered by it: it gets the mean of the M
    scores. The n that the ballot ranks get the first n scores, plus what makes their mean the same. A
    ballot that ranks one response only raises none.

    Parameters
    ----------
    vector
        The scores of the first place, the second, and so on: numbers, or text such as ``"3,1,0"`` or
        ``"1,1/2,1/3"``. Places beyond its end score 0. By default M - 1, M - 2, ..., 0, which is the
        rule `borda`.

    Returns
    -------
    (B, M) array of scores; higher is better, equal is a tie.

    References
    ----------
    H. P. Young, "Social choice scoring functions", 1975.

    Examples
    --------
    >>> profiles = Profiles.from_ballots([["a > b > c", "a > c > b", "b > c"]])
    >>> positional(profiles)
    array([[5. , 2.5, 1.5]])
    >>> positional(profiles, vector="3,1,0").round(2)
    array([[7.33, 3.33, 1.33]])
    """
    M = profiles.n_responses
    if vector is None:
        return positional_scores(profiles, range(M - 1, -1, -1), centred=True)
    scores = [_number(score, vector) for score in _listed(vector)]
    return positional_scores(profiles, (scores + [Fraction(0)] * M)[:M], centred=True)


def _listed(vector: str | float | Sequence[float]) -> Sequence[object]:
    return str(vector).split(",") if isinstance(vector, str | int | float) else vector


def _number(score: object, vector: object) -> Fraction:
    try:
        return Fraction(str(score).strip())
    except (ValueError, ZeroDivisionError):
        raise ValueError(
            f"vector is {vector!r}, of which {score!r} is no number; give numbers, such as '3,1,0'"
        ) from None
