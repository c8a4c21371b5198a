"""Coombs's rule."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.elimination import (
    by_elimination,
    by_repetition,
    chooser,
    highest,
    places_of,
)

MANY = 64  # responses; beyond, prompts are counted one by one


@voting_rule(
    kind="elimination",
    cost="K M^2, with the majority stop K M^3",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet loser",
        "majority loser",
    ],
    scopes={"condorcet loser": "strict eliminations"},
)  # fmt: skip
def coombs(profiles: Profiles, *, majority_stop: bool = True, ties: Ties = "keep") -> Array:
    """Rank by elimination of the response with the most last places among those remaining.

    If a response is alone in first place on more than half the ballots that rank any remaining response,
    it wins at once. The others are ranked by the same rule, applied again without the winner.

    A ballot's last place is its lowest place among the remaining responses that it ranks; a last place that
    t responses share counts 1/t against each. A ballot that puts all remaining responses that it ranks in
    one place, because it ties them or ranks only one, has no last place. Prompts of more than 64 responses
    are ranked on the CPU.

    The rule counts exposure. On ballots with gaps, last places favour responses on few ballots, because a
    response that more ballots rank can be last on more. The majority stop favours those on many, which can be
    first on more. By default either can prevail: with 4 responses, of which each ballot ranks 2, often those
    on many, with 100 responses those on few. Without the majority stop it is those on few.

    Parameters
    ----------
    majority_stop
        Whether a majority of first places wins at once. If not, the ranking is the reverse order of
        elimination, and last places alone decide.
    ties
        "keep": all responses with the most last places are eliminated together; those eliminated last win
        together. "lexicographic": the last of them, in the order of the responses, is eliminated alone.

    Returns
    -------
    (B, M) array of scores: the number of responses ranked below; without the majority stop, the number of
    responses eliminated before.

    References
    ----------
    C. H. Coombs, "A theory of data", 1964. With and without the majority stop: B. Grofman, S. L. Feld,
    "If you like the alternative vote (a.k.a. the instant runoff), then you ought to know about the
    Coombs rule", 2004.

    Examples
    --------
    No response has a majority, and a has the most last places:

    >>> ballots = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > b > a"] * 2
    >>> coombs(Profiles.from_ballots([ballots]))
    array([[0., 2., 1.]])
    """
    choose = chooser(ties)
    if majority_stop and profiles.n_responses > MANY:
        from rlchf.rules._parts.coombs_rounds import coombs_of_many

        return coombs_of_many(profiles, ties == "lexicographic")
    from_below = places_of(profiles, from_below=True)

    def most_last_places(remaining: Array) -> Array:
        return choose(highest(from_below.first_unless_alone(remaining), remaining))

    if not majority_stop:
        return by_elimination(profiles, most_last_places)
    ballots, xp = places_of(profiles), array_namespace(profiles.ranks)

    def losers(remaining: Array) -> Array:
        winner = ballots.majority(remaining)
        return xp.where(xp.any(winner, axis=0), remaining & ~winner, most_last_places(remaining))

    return by_repetition(profiles, losers)
