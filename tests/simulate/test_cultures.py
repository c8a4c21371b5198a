"""Ballots have the probabilities that their culture says; every seed is fixed."""

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import combinations, permutations, product
from math import factorial, prod
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from rlchf.simulate import culture, culture_names, profiles, simulated
from rlchf.simulate.cultures import culture_options, votes
from rlchf.simulate.cultures.single_peaked import _conitzer
from rlchf.simulate.insertion import expected_swaps, phi_of
from rlchf.simulate.polls import Poll, subsets

Order = tuple[int, ...]


def drawn(name: str, shape: tuple[int, int, int], seed: int = 0, **options: Any) -> np.ndarray:
    """(P, V, M) ranks of ``P`` prompts, ``V`` ballots on each, ``M`` responses."""
    P, V, M = shape
    ranks = profiles(name, P, V, M, np.random.default_rng(seed), **options).ranks
    return np.asarray(ranks).T.reshape(P, V, M)


def fits(outcomes: list[Any], probabilities: Mapping[Any, float]) -> bool:
    """Whether a chi-square test at the level of 1 in 10,000 accepts the probabilities."""
    counts = Counter(outcomes)
    assert set(counts) <= set(probabilities)
    assert sum(probabilities.values()) == pytest.approx(1)
    expected = {outcome: len(outcomes) * p for outcome, p in probabilities.items()}
    statistic = sum((counts[one] - n) ** 2 / n for one, n in expected.items())
    return bool(statistic < chi2.isf(1e-4, len(expected) - 1))


def rows(ranks: np.ndarray) -> list[Order]:
    return [tuple(row) for row in ranks.tolist()]


def uniform(outcomes: list[Order]) -> dict[Order, float]:
    return dict.fromkeys(outcomes, 1 / len(outcomes))


def swaps(one: Order, other: Order) -> int:
    pairs = combinations(range(len(one)), 2)
    return sum((one[i] < one[j]) != (other[i] < other[j]) for i, j in pairs)


ORDERS = {m: list(permutations(range(1, m + 1))) for m in (2, 3, 4)}


def test_impartial_ballots_are_all_orders_with_the_same_probability() -> None:
    assert fits(rows(drawn("impartial", (1, 60_000, 4))[0]), uniform(ORDERS[4]))


@pytest.mark.parametrize("phi", [0.3, 0.8, 1.0])
def test_ballots_of_mallows_fall_with_the_distance_from_the_centre(phi: float) -> None:
    ballots = rows(drawn("mallows", (1, 60_000, 4), phi=phi)[0])
    centre = Counter(ballots).most_common(1)[0][0] if phi < 1 else ORDERS[4][0]
    chances = {one: phi ** swaps(one, centre) for one in ORDERS[4]}
    assert fits(ballots, {one: c / sum(chances.values()) for one, c in chances.items()})


def test_each_prompt_has_an_order_of_its_own() -> None:
    ballots = drawn("mallows", (6_000, 2, 3), phi=0.0)
    assert (ballots[:, 0] == ballots[:, 1]).all()
    assert fits(rows(ballots[:, 0]), uniform(ORDERS[3]))


@pytest.mark.parametrize("m", [2, 5, 9])
def test_normalised_phi_is_the_share_of_the_distance_of_random_ballots(m: int) -> None:
    assert expected_swaps(1.0, m) == pytest.approx(m * (m - 1) / 4)
    assert expected_swaps(phi_of(0.3, m), m) == pytest.approx(0.3 * m * (m - 1) / 4)
    poll = Poll.drawn(1, 20_000, m, 20_000, np.random.default_rng(m))
    votes_of = votes("mallows", poll, {"norm_phi": 0.3})
    centre = tuple((m - votes_of.quality["c1"][0]).tolist())
    distances = [swaps(tuple(one), centre) for one in votes_of.ranks.T[:4_000].tolist()]
    assert np.mean(distances) == pytest.approx(0.3 * m * (m - 1) / 4, rel=0.05)


def test_annotators_of_a_mixture_keep_their_centre() -> None:
    mixture = simulated(
        "mallows", prompts=40, annotators=10, responses=5, phi=0.0, centres=2, shares=(0.7, 0.3)
    )
    assert Counter(mixture.annotators["centre"]) == {"c1": 7, "c2": 3}
    ranks = next(mixture.rankings.profiles())[1].ranks.T.reshape(40, 10, 5)
    assert (ranks[:, :7] == ranks[:, :1]).all()
    assert (ranks[:, 7:] == ranks[:, 7:8]).all()
    assert (ranks[:, 0] != ranks[:, 7]).any(axis=1).mean() > 0.9


@pytest.mark.parametrize("alpha", [0.0, 0.5, 3.0])
def test_the_urn_repeats_ballots_as_its_copies_say(alpha: float) -> None:
    def chance(sequence: tuple[Order, ...]) -> float:
        """Each drawn ballot puts ``alpha`` M! copies of itself into an urn of M! ballots."""
        copies = alpha * factorial(2)
        return prod(
            (1 + copies * sequence[:n].count(ballot)) / (factorial(2) + copies * n)
            for n, ballot in enumerate(sequence)
        )

    ballots = drawn("urn", (40_000, 4, 2), alpha=alpha)
    sequences = [tuple(rows(prompt)) for prompt in ballots]
    assert fits(sequences, {one: chance(one) for one in product(ORDERS[2], repeat=4)})


def test_plackett_luce_chooses_place_by_place() -> None:
    strengths = np.array([1.0, 0.0, -0.5])

    def chance(ranks: Order) -> float:
        order = np.argsort(ranks)
        left = np.exp(strengths[order])
        return float(prod(left[i] / left[i:].sum() for i in range(3)))

    ballots = drawn("plackett_luce", (1, 60_000, 3), strengths=tuple(strengths))
    assert fits(rows(ballots[0]), {one: chance(one) for one in ORDERS[3]})


def test_plackett_luce_draws_strengths_with_the_given_spread() -> None:
    poll = Poll.drawn(4_000, 1, 5, 1, np.random.default_rng(0))
    strengths = votes("plackett_luce", poll, {"spread": 2.0}).quality["strength"]
    assert strengths.std() == pytest.approx(2.0, rel=0.03)
    assert (votes("plackett_luce", poll, {"spread": 0.0}).quality["strength"] == 0).all()


@pytest.mark.parametrize("points", ["uniform", "normal", "sphere"])
def test_euclidean_ballots_rank_by_distance(points: str) -> None:
    data = simulated(
        "euclidean",
        prompts=20, annotators=6, responses=4, per_prompt=3, dimensions=3,
        annotator_points=points, response_points=points,
    )  # fmt: skip
    people = np.array([data.annotators[f"x{d}"] for d in (1, 2, 3)]).T
    responses = np.stack([data.quality[f"x{d}"] for d in (1, 2, 3)], axis=-1)
    if points == "sphere":
        assert np.linalg.norm(responses, axis=-1) == pytest.approx(1.0)
    if points == "uniform":
        assert np.abs(responses).max() <= 1
    rankings = data.rankings
    for n in range(rankings.n_ballots):
        annotator, prompt = rankings.ballot_annotators[n], rankings.ballot_prompts[n]
        entries = slice(*rankings.entry_starts[n : n + 2])
        distances = [np.linalg.norm(people[annotator] - place) for place in responses[prompt]]
        in_order = np.array(distances)[rankings.entry_responses[entries]]
        assert (np.diff(in_order) > -1e-3).all()  # the features are rounded to 4 digits


def test_clusters_of_points_are_groups() -> None:
    data = simulated(
        "euclidean", prompts=30, annotators=9, responses=5, clusters=3, cluster_spread=0.0
    )
    assert data.annotators["group"] == ["g1"] * 3 + ["g2"] * 3 + ["g3"] * 3
    ranks = next(data.rankings.profiles())[1].ranks.T.reshape(30, 3, 3, 5)
    assert (ranks == ranks[:, :, :1]).all()


def test_walsh_draws_single_peaked_orders_with_the_same_probability() -> None:
    ballots = rows(drawn("single_peaked", (1, 20_000, 4))[0])
    # On an axis a response that is last is one of its ends.
    ends = [i for i in range(4) if any(ballot[i] == 4 for ballot in ballots)]
    assert len(ends) == 2
    (one, other) = (i for i in range(4) if i not in ends)
    for axis in ([ends[0], one, other, ends[1]], [ends[0], other, one, ends[1]]):
        allowed = [ballot for ballot in ORDERS[4] if is_single_peaked([ballot[i] for i in axis])]
        assert len(allowed) == 2**3
        if set(ballots) <= set(allowed):
            assert fits(ballots, uniform(allowed))
            return
    raise AssertionError("the ballots are single-peaked on no axis")


def is_single_peaked(ranks: list[int]) -> bool:
    peak = ranks.index(1)
    return ranks[peak:] == sorted(ranks[peak:]) and ranks[: peak + 1] == sorted(
        ranks[: peak + 1], reverse=True
    )


def test_conitzer_draws_the_first_place_and_then_a_side() -> None:
    def chance(ranks: Order) -> float:
        order = np.argsort(ranks).tolist()
        choices = sum(min(order[:n]) > 0 and max(order[:n]) < 3 for n in range(1, 4))
        return float(0.25 * 0.5**choices)

    poll = Poll.drawn(1, 20_000, 4, 20_000, np.random.default_rng(0))
    allowed = [one for one in ORDERS[4] if is_single_peaked(list(one))]
    assert fits(rows(_conitzer(poll).T), {one: chance(one) for one in allowed})
    ballots = drawn("single_peaked", (1, 500, 4), method="conitzer")
    assert len(set(rows(ballots[0]))) == 8


def test_stratified_ballots_have_the_same_upper_class() -> None:
    ballots = rows(drawn("stratification", (1, 20_000, 4), share=0.5)[0])
    upper = {i for i in range(4) if ballots[0][i] <= 2}
    allowed = [one for one in ORDERS[4] if {i for i in range(4) if one[i] <= 2} == upper]
    assert fits(ballots, uniform(allowed))


def test_groups_vote_around_centres_of_their_own() -> None:
    data = simulated(
        "groups", prompts=50, annotators=10, responses=4,
        names=("north", "south"), sizes=(8, 2), column="region", phi=0.0, centre_phi=0.0, opposed=1,
    )  # fmt: skip
    assert data.annotators["region"] == ["north"] * 8 + ["south"] * 2
    ranks = next(data.rankings.profiles())[1].ranks.T.reshape(50, 10, 4)
    assert (ranks[:, :8] == ranks[:, :1]).all()
    assert (ranks[:, 8:] == 5 - ranks[:, :1]).all()
    assert (data.quality["north"] == 4 - ranks[:, 0]).all()
    independent = drawn("groups", (8_000, 2, 3), groups=2, phi=0.0)
    pairs = [tuple(rows(prompt)) for prompt in independent]
    assert fits(pairs, dict.fromkeys(product(ORDERS[3], ORDERS[3]), 1 / 36))


def test_clickers_rank_at_random_and_dissenters_have_an_order_of_their_own() -> None:
    data = simulated(
        "groups", prompts=3_000, annotators=8, responses=3,
        groups=1, phi=0.0, clickers=2, dissenters=1,
    )  # fmt: skip
    clicker, dissenter = data.annotators["clicker"], data.annotators["dissenter"]
    assert (clicker.count("yes"), dissenter.count("yes")) == (2, 1)
    ranks = next(data.rankings.profiles())[1].ranks.T.reshape(3_000, 8, 3)
    loyal = [a for a in range(8) if clicker[a] == dissenter[a] == "no"]
    assert len(loyal) == 5
    assert (ranks[:, loyal] == ranks[:, loyal[:1]]).all()
    for a in set(range(8)) - set(loyal):
        distances = [
            swaps(*pair) for pair in zip(rows(ranks[:, a]), rows(ranks[:, loyal[0]]), strict=True)
        ]
        assert fits(distances, {0: 1 / 6, 1: 1 / 3, 2: 1 / 3, 3: 1 / 6})


def test_ballots_leave_out_and_tie_as_many_responses_as_asked_for() -> None:
    rankings = culture(
        "impartial", prompts=400, annotators=30, responses=5,
        per_prompt=4, per_ballot=3, tie_probability=0.25, seed=2,
    )  # fmt: skip
    assert (np.diff(rankings.ballot_starts) == 4).all()
    assert (np.diff(rankings.entry_starts) == 3).all()
    assert rankings.responses("p001") == ["r1", "r2", "r3", "r4", "r5"]
    assert len(set(zip(rankings.ballot_prompts, rankings.ballot_annotators, strict=True))) == 1600
    assert np.ptp(np.bincount(rankings.ballot_annotators)) < 60
    assert np.ptp(np.bincount(rankings.entry_responses)) < 200
    complete = culture("impartial", prompts=400, annotators=4, tie_probability=0.25)
    last = complete.entry_ranks[complete.entry_starts[1:] - 1]
    assert (3 - (last - 1)).mean() / 3 == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(("of", "number"), [(5, 2), (4, 3)])
def test_annotators_of_a_prompt_are_drawn_as_subsets_with_the_same_probability(
    of: int, number: int
) -> None:
    chosen = np.sort(subsets(20_000, of, number, np.random.default_rng(0)), axis=1)
    assert fits(rows(chosen), uniform(list(combinations(range(of), number))))


def test_the_same_seed_gives_the_same_dataset() -> None:
    for name in culture_names():
        first, again, other = (
            culture(name, prompts=5, responses=5, seed=seed).entry_responses for seed in (1, 1, 2)
        )
        assert (first == again).all()
        assert (first != other).any()


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "culture": (lambda: culture("malows"), "unknown culture 'malows'; did you mean mallows?"),
    "option": (lambda: culture("urn", beta=1), "has no option 'beta'; it has alpha"),
    "value": (lambda: culture("urn", alpha="x"), "culture 'urn': option alpha is 'x'"),
    "range": (lambda: culture("mallows", phi=1.5), "phi is 1.5; give a number from 0 to 1"),
    "nan": (lambda: culture("mallows", phi=float("nan")), "phi is nan"),
    "urn": (lambda: culture("urn", alpha=-1.0), "alpha is -1.0; give a number of 0 or more"),
    "seed": (lambda: culture("urn", seed=-1), "seed is -1; give a number from 0"),
    "drawn": (lambda: culture("urn", per_prompt=11), "per_prompt is 11; give a number from 1 to 10"),
    "named": (lambda: culture("urn", per_ballot=1), "per_ballot is 1; give a number from 2 to 4"),
    "strengths": (lambda: culture("plackett_luce", strengths=(1.0,)), "1 strengths of 4 responses"),
    "dimensions": (lambda: culture("euclidean", dimensions=0), "dimensions is 0"),
    "sizes": (lambda: culture("groups", sizes=(1.0,), names=("a", "b")), "1 sizes of 2 groups"),
    "groups": (
        lambda: culture("groups", groups=2, sizes=(7.0, 3.0, 2.0)),
        "groups is 2, and there are 3 sizes; give 2 sizes, or leave out groups",
    ),
    "names": (lambda: culture("groups", groups=3, names=("a", "b")), "there are 2 names; give 3 names"),
    "empty": (lambda: culture("groups", groups=11), "there would be 11 groups of 10 annotators"),
    "none": (lambda: culture("groups", sizes=(1.0, 100.0)), "would have none of 10 annotators"),
    "column": (lambda: culture("groups", column="weight"), "column is 'weight'; give another name"),
    "centres": (lambda: culture("mallows", centres=10**9), "there would be 1,000,000,000 groups"),
    "same": (lambda: culture("groups", names=("a", "a")), "two groups have the same name: a, a"),
    "negative": (lambda: culture("groups", sizes=(1.0, -1.0)), "give numbers above 0"),
    "no group": (lambda: culture("groups", groups=0), "there would be 0 groups"),
    "opposed": (lambda: culture("groups", opposed=4), "opposed is 4; give 0 to 3"),
    "clickers": (lambda: culture("groups", clickers=11), "11 clickers and 0 dissenters of 10"),
    "people": (lambda: culture("urn", annotators=10**9, per_prompt=1), "with 1 ballots on 4 responses"),
    "points": (
        lambda: culture("euclidean", prompts=10**6, dimensions=1000, per_prompt=1),
        "points of 1,000 dimensions needs",
    ),
    "orders": (
        lambda: culture("groups", prompts=10**5, annotators=10**5, groups=10**5, per_prompt=1),
        "100,000 central orders of each of 100,000 prompts needs",
    ),
    "memory": (
        lambda: culture("urn", prompts=10**7, annotators=10**4),
        "10,000,000 prompts with 10,000 ballots on 4 responses needs",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_drawn_is_refused_with_what_would_work(case: str) -> None:
    call, message = WRONG[case]
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        call()


def test_every_option_of_a_culture_is_described() -> None:
    from rlchf.simulate.cultures import get_culture

    for name in culture_names():
        page = get_culture(name).__doc__ or ""
        assert "References" in page
        for option in culture_options(name):
            assert option in page, (name, option)
