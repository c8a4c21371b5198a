"""Annotators who may click at random, told apart from those with another taste."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.people._planted import CLICKER, MAJORITY, MINORITY, Design, correlation_of_likes
from rlchf.people.predictability import Predictability, predictability
from rlchf.people.votes import PairVotes

RATE = 0.05
"""Share of honest people among those flagged, and of the flagged among a minority, at most."""

SMALLEST = 0.1
"""Usual share of the people in the smallest minority that the flag spares."""

CLICKER_SHARE = 0.04
"""Share of the people who click at random in the simulations."""

LEAST = 20
"""Annotators, with fewer of whom nobody is flagged: a minority of a tenth would be one person."""

BALLOTS = 9
"""Ballots of a person, with fewer of which the flag is out of reach: the statistic is at most their root."""

VOTES = 200_000
"""Votes that a simulation looks at, at most: with more, on some of the prompts."""

USUAL = 1.6449
"""What 95 of 100 clickers stay below."""

KINDS = ("opposite", "orthogonal")

Tick = Callable[[int, int], object]
"""``tick(done, total)``."""


@dataclass(frozen=True)
class ErrorRates:
    """How often simulated people are flagged, on the dataset's own prompts and numbers of ballots.

    Attributes
    ----------
    majority
        Share of the majority who are flagged.
    opposite, orthogonal
        Share of a minority who are flagged: one with the opposite taste, one with a taste that has nothing to
        do with that of the majority.
    power
        Share of the clickers who are flagged.
    people
        Number of simulated people of each kind: majority, opposite, orthogonal, clickers.
    correlation
        The correlation of the scores of two people with one taste, which is taken from the dataset.
    simulations
        Number of simulations.
    minority
        Share of the people in the minority.
    """

    majority: float
    opposite: float
    orthogonal: float
    power: float
    people: tuple[int, int, int, int]
    correlation: float
    simulations: int
    minority: float


@dataclass(frozen=True, eq=False)
class Clickers:
    """Who may click at random.

    A person is flagged whose ballots nobody's ballots predict better than those of a clicker, neither the
    directions of taste nor the few who are alike, and whose ballots would have been predicted better if the
    person were of a minority with a taste of its own, of a tenth of the people or another share: the p-value
    of this is controlled over all people by the procedure of Benjamini and Hochberg. A person whose taste
    nobody shares looks the same, and so does a minority that is smaller.

    Attributes
    ----------
    flagged
        (A,) bool.
    p
        (A,) the probability that the ballots of a member of such a minority are predicted no better.
    judged
        (A,) whether the person has enough ballots for a flag: a clicker with as many has on average a p-value
        that the procedure accepts if 4 % of the people click.
    predictability
        The statistic behind it.
    rate
        Share of honest people among the flagged, at most.
    errors
        The error rates on simulated people; None if there are fewer than 20 people, or none has 9 ballots, so
        that nobody can be flagged.

    References
    ----------
    Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate", 1995.
    """

    flagged: np.ndarray
    p: np.ndarray
    judged: np.ndarray
    predictability: Predictability
    rate: float
    errors: ErrorRates | None


@dataclass(frozen=True, eq=False)
class Reference:
    """How well the ballots of a minority's members are predicted.

    Attributes
    ----------
    effects
        (J,) the effects of simulated members, on the scale of `stable`.
    chance
        Variance of a statistic by chance alone, that of simulated clickers, from 0.5 to 1.
    """

    effects: np.ndarray
    chance: float = 1.0

    @classmethod
    def of(cls, effects: np.ndarray, ballots: np.ndarray, chance: float = 1.0) -> "Reference":
        """From (J,) observed effects, each moved to their mean as far as chance alone moves them apart."""
        if len(effects) < 2:
            return cls(np.zeros(1))
        effects, by_chance = stable(effects), chance / ballots
        variance = max(float(effects.var(ddof=1) - by_chance.mean()), 0.0)
        mean = float(effects.mean())
        shrunk = mean + (effects - mean) * np.sqrt(variance / (variance + by_chance))
        return cls(shrunk, chance)

    def p(self, statistic: np.ndarray, ballots: np.ndarray) -> np.ndarray:
        """(A,) the probability of a statistic as low for a member with as many ballots."""
        from scipy.special import ndtr

        root = np.sqrt(np.maximum(ballots, 1.0))
        moved = root * (stable(statistic / root) - self.effects[:, None])
        return np.asarray(ndtr(moved / np.sqrt(self.chance)).mean(axis=0))


def stable(effects: np.ndarray) -> np.ndarray:
    """Effects on a scale on which chance has the variance 1 / n, however large they are.

    An effect of n normal products with mean m and variance s^2 is about m / sqrt(m^2 + s^2), and the variance
    of their m / s is (1 + (m / s)^2 / 2) / n.

    Examples
    --------
    >>> stable(np.array([-0.1, 0.0, 0.1, 0.9])).round(3)
    array([-0.1  ,  0.   ,  0.1  ,  1.658])
    """
    bounded = np.clip(effects, -0.999, 0.999)
    return np.asarray(np.sqrt(2) * np.arcsinh(bounded / np.sqrt(2 * (1 - bounded**2))))


def find_clickers(
    votes: PairVotes,
    responses: tuple[np.ndarray, np.ndarray],
    owners: Sequence[np.ndarray] = (),
    *,
    smallest: float = SMALLEST,
    simulations: int = 8,
    seed: int = 0,
    tick: Tick | None = None,
) -> Clickers:
    """Flag annotators who may click at random, and simulate the error rates of the flag.

    Parameters
    ----------
    responses
        (U,) the first and the second response of each pair (`rlchf.people.votes.pair_responses`).
    owners
        For each division the group (A,) of each annotator, which predicts too; below 0 is none.
    smallest
        Share of the people in the smallest minority that the flag spares; a smaller one costs power.
    simulations
        Number of simulations, half of them with each kind of minority.
    tick
        Called with the number of simulations done and of all.

    Raises
    ------
    ValueError
        If there are fewer than two simulations, or the minority is no share between 0 and 1/2.
    """
    if not 0 < smallest < 0.5:
        raise ValueError(
            f"smallest is {smallest}; give the share of a minority, above 0 and below 0.5"
        )
    if simulations < 2:
        raise ValueError(f"simulations is {simulations}; give 2 or more")
    A = votes.n_annotators
    ballots = np.bincount(votes.cell_annotators[np.unique(votes.cells)], minlength=A)
    if A < LEAST or (ballots < BALLOTS).all():
        nobody, none = np.zeros(A, dtype=bool), Predictability(*np.zeros((3, A)))
        return Clickers(nobody, np.full(A, np.nan), nobody, none, RATE, None)
    found = predictability(votes, owners, seed)
    population = _Population(correlation_of_likes(votes, owners, seed), smallest)
    runs = _simulated(votes, responses, population, simulations, seed, tick)
    reference = _reference(runs)
    p, flagged = flag(found, reference)
    judged = (found.ballots > 0) & (reference.p(np.zeros(A), found.ballots) <= RATE * CLICKER_SHARE)
    errors = _error_rates(runs, reference, population)
    return Clickers(flagged, p, judged, found, RATE, errors)


@dataclass(frozen=True)
class _Population:
    """The people of a simulation: the correlation of those of one taste, and the share of the minority."""

    correlation: float
    minority: float


@dataclass(frozen=True, eq=False)
class _Run:
    """A simulation: its kind of minority, the (A,) roles, and what was found."""

    kind: str
    roles: np.ndarray
    found: Predictability


def _simulated(
    votes: PairVotes,
    responses: tuple[np.ndarray, np.ndarray],
    population: _Population,
    simulations: int,
    seed: int,
    tick: Tick | None,
) -> list[_Run]:
    design = Design.of(votes, responses, VOTES, seed)
    rng = np.random.default_rng(seed)
    runs = []
    voters = np.unique(design.votes.annotators)
    n = [max(3, round(share * len(voters))) for share in (population.minority, CLICKER_SHARE)]
    for s in range(simulations):
        if tick:
            tick(s, simulations)
        roles, drawn = np.full(votes.n_annotators, MAJORITY), rng.permutation(voters)
        roles[drawn[: n[0]]], roles[drawn[n[0] : n[0] + n[1]]] = MINORITY, CLICKER
        kind = KINDS[s % 2]
        people = design.draw(roles, kind, population.correlation, rng)
        runs.append(_Run(kind, roles, predictability(people, seed=s)))
    return runs


def _reference(runs: Sequence[_Run]) -> Reference:
    """The effects of the kind of minority that is harder to predict."""
    statistics = [run.found.statistic[run.roles == CLICKER] for run in runs]
    chance = float(np.clip(np.concatenate(statistics).var(), 0.5, 1.0))
    found = []
    for kind in KINDS:
        members = [(run.found, run.roles == MINORITY) for run in runs if run.kind == kind]
        effects = np.concatenate([one.effect[chosen] for one, chosen in members])
        ballots = np.concatenate([one.ballots[chosen] for one, chosen in members])
        known = ballots > 0
        found.append(Reference.of(effects[known], ballots[known], chance))
    return min(found, key=lambda reference: float(reference.effects.mean()))


def flag(found: Predictability, reference: Reference) -> tuple[np.ndarray, np.ndarray]:
    """(A,) p-values, NaN for people without ballots, and who is flagged.

    Examples
    --------
    >>> statistic, ballots = np.array([0.1, 6.0, 7.0, 0.2]), np.array([64.0, 64, 64, 4])
    >>> found = Predictability(statistic, ballots, np.zeros(4))
    >>> flag(found, Reference(np.array([0.75])))[1]
    array([ True, False, False, False])
    """
    p = np.where(found.ballots > 0, reference.p(found.statistic, found.ballots), np.nan)
    low = np.maximum(found.statistic, found.neighbours) < USUAL
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    passed = np.flatnonzero(p[order] <= RATE * np.arange(1, len(order) + 1) / max(len(order), 1))
    flagged = np.zeros(len(p), dtype=bool)
    if len(passed):
        flagged[order[: int(passed[-1]) + 1]] = True
    return p, flagged & low


def _error_rates(runs: Sequence[_Run], reference: Reference, population: _Population) -> ErrorRates:
    """The shares of simulated people of each kind who are flagged."""
    flags: dict[str, list[np.ndarray]] = {}
    for run in runs:
        _, flagged = flag(run.found, reference)
        ranked = run.found.ballots > 0
        for name, role in (("majority", MAJORITY), (run.kind, MINORITY), ("clickers", CLICKER)):
            flags.setdefault(name, []).append(flagged[ranked & (run.roles == role)])
    of_kind = [np.concatenate(flags[name]) for name in ("majority", *KINDS, "clickers")]
    a, b, c, d = (float(one.mean()) if len(one) else float("nan") for one in of_kind)
    n = [len(one) for one in of_kind]
    people = (n[0], n[1], n[2], n[3])
    return ErrorRates(a, b, c, d, people, population.correlation, len(runs), population.minority)
