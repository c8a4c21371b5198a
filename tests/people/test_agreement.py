"""Agreement among annotators on pairs, against slow definitions and other packages."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import friedmanchisquare, kendalltau

import rlchf
from rlchf.auditing.groups import Grouping
from rlchf.people.agreement import Agreements, krippendorffs_alpha
from rlchf.people.concordance import kendalls_w
from rlchf.people.effective import effective_votes, kish
from rlchf.people.votes import PairVotes
from tests.oracles import agreement as oracle

Prompts = list[list[tuple[float, dict[str, int]]]]


def random_prompts(
    rng: np.random.Generator, *, missing: bool, ties: bool, weights: bool, n: int = 6
) -> Prompts:
    """Ballots of five people on prompts of three to five responses."""
    prompts: Prompts = []
    for _ in range(n):
        names = "abcde"[: rng.integers(3, 6)]
        ballots = []
        for _ in range(5):
            ranked = [name for name in names if not missing or rng.random() < 0.8]
            ranked = ranked if len(ranked) > 1 else list(names)
            levels = rng.integers(1, 4, len(ranked)) if ties else rng.permutation(len(ranked)) + 1
            dense = np.unique(levels, return_inverse=True)[1] + 1
            weight = float(rng.integers(1, 4)) if weights else 1.0
            ballots.append((weight, dict(zip(ranked, dense.tolist(), strict=True))))
        prompts.append(ballots)
    return prompts


def text(ballot: dict[str, int]) -> list[list[str]]:
    levels: list[list[str]] = [[] for _ in range(max(ballot.values()))]
    for name, rank in ballot.items():
        levels[rank - 1].append(name)
    return levels


def rankings_of(prompts: Prompts, annotators: Sequence[str] = "vwxyz") -> rlchf.Rankings:
    rows = [
        (p, annotators[k], text(ballot))
        for p, ballots in enumerate(prompts)
        for k, (_, ballot) in enumerate(ballots)
    ]
    return rlchf.Rankings.from_ballots(rows, [w for ballots in prompts for w, _ in ballots])


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("weights", [False, True])
def test_alpha_and_tau_equal_their_definitions(missing: bool, ties: bool, weights: bool) -> None:
    rng = np.random.default_rng(8 * missing + 4 * ties + weights)
    prompts = random_prompts(rng, missing=missing, ties=ties, weights=weights)
    found = Agreements(rankings_of(prompts)).overall()
    assert found.alpha.value == pytest.approx(oracle.alpha(oracle.units(prompts)))
    assert found.tau_b.value == pytest.approx(oracle.mean_tau_b(prompts), abs=1e-6)


def test_alpha_of_a_prompt_averages_to_that_of_the_dataset() -> None:
    prompts = random_prompts(np.random.default_rng(5), missing=True, ties=True, weights=False)
    found = Agreements(rankings_of(prompts))
    by_prompt, votes = found.by_prompt(), found.sums.weight
    weights = np.bincount(found.votes.cell_prompts, votes)
    assert np.average(by_prompt.alpha, weights=weights) == pytest.approx(
        found.overall().alpha.value
    )
    p = [[prompt] for prompt in prompts]
    expected = [oracle.mean_tau_b(prompt) for prompt in p]
    assert by_prompt.tau_b == pytest.approx(expected, abs=1e-6)


def test_alpha_does_not_depend_on_the_order_of_responses() -> None:
    prompts = random_prompts(np.random.default_rng(1), missing=False, ties=False, weights=False)
    turned = [[(w, {chr(219 - ord(n)): r for n, r in b.items()}) for w, b in p] for p in prompts]
    one, other = (Agreements(rankings_of(case)).overall() for case in (prompts, turned))
    assert one.alpha.value == pytest.approx(other.alpha.value)


def test_all_agreeing_people_have_alpha_one_even_if_the_first_response_always_wins() -> None:
    rankings = rlchf.Rankings.from_ballots([(p, name, "a > b") for p in range(5) for name in "xyz"])
    found = Agreements(rankings).overall()
    assert (found.same.value, found.alpha.value, found.tau_b.value) == pytest.approx((1, 1, 1))


def test_the_package_and_our_sums_agree_where_both_are_defined() -> None:
    prompts = random_prompts(np.random.default_rng(3), missing=True, ties=True, weights=False)
    found = Agreements(rankings_of(prompts))
    counts = np.zeros((found.votes.n_pairs, 3))
    for value, share in enumerate(found.votes.values):
        counts[:, value] = np.bincount(found.votes.pairs, share, found.votes.n_pairs)
    ours = found._measure("x", found.sums, found.taus, np.arange(30), None)
    assert ours.alpha.value == pytest.approx(krippendorffs_alpha(counts))


def test_a_count_of_ballots_stands_for_as_many_people() -> None:
    rows = [("a > b > c", 3), ("b > a > c", 2), ("c > a = b", 1)]
    ballots = [("p", f"x{k}", ranking) for k, (ranking, _) in enumerate(rows)]
    counted = replace(
        rlchf.Rankings.from_ballots(ballots, [n for _, n in rows]),
        ballot_counts=np.array([n for _, n in rows]),
    )
    single = [("p", f"x{k}{i}", ranking) for k, (ranking, n) in enumerate(rows) for i in range(n)]
    one, other = Agreements(counted), Agreements(rlchf.Rankings.from_ballots(single))
    for name in ("same", "alpha", "tau_b"):
        assert getattr(one.overall(), name).value == pytest.approx(
            getattr(other.overall(), name).value
        )
    assert kendalls_w(one.rankings) == pytest.approx(kendalls_w(other.rankings))
    first, second = effective_votes(one.votes), effective_votes(other.votes)
    assert first.voters == second.voters == 6
    assert first.effective.value == pytest.approx(second.effective.value)


def test_two_orders_of_a_comparison_with_a_probability_are_one_vote() -> None:
    rows = [
        {"prompt_id": p, "annotator_id": name, "chosen": "a", "rejected": "b", "probability": q}
        for p in range(3)
        for name, q in (("x", 0.75), ("y", 1.0))
    ]
    found = Agreements(rlchf.Rankings.from_frame(rows)).overall()
    assert found.annotators == 2
    assert found.same.value == pytest.approx(0.75)


@pytest.mark.parametrize("ties", [False, True])
def test_kendalls_w_is_friedmans_statistic_divided_by_its_maximum(ties: bool) -> None:
    rng = np.random.default_rng(2)
    prompts = random_prompts(rng, missing=False, ties=ties, weights=False)
    found = kendalls_w(rankings_of(prompts))
    for ballots, w in zip(prompts, found, strict=True):
        ranks = np.array([[ballot[name] for name in sorted(ballot)] for _, ballot in ballots])
        m, n = ranks.shape
        assert w == pytest.approx(friedmanchisquare(*ranks.T).statistic / (m * (n - 1)))


def test_tau_b_is_that_of_scipy() -> None:
    ballots = [{"a": 1, "b": 2, "c": 2, "d": 3}, {"a": 2, "b": 1, "c": 3, "d": 3}]
    found = Agreements(rankings_of([[(1.0, ballot) for ballot in ballots]], "xy")).overall()
    one, other = ([ballot[name] for name in "abcd"] for ballot in ballots)
    assert found.tau_b.value == pytest.approx(kendalltau(one, other).statistic, abs=1e-6)


def test_agreement_of_groups_equals_their_definitions() -> None:
    prompts = random_prompts(np.random.default_rng(9), missing=True, ties=True, weights=False, n=9)
    rankings = rankings_of(prompts)
    members = {"v": "one", "w": "one", "x": "one", "y": "two", "z": "two"}
    found, grouping = Agreements(rankings), Grouping.of(rankings, members)
    one, two = found.groups(grouping)
    parts = [[p[:3] for p in prompts], [p[3:] for p in prompts]]
    for group, part in ((one, parts[0]), (two, parts[1])):
        assert group.within.alpha.value == pytest.approx(oracle.alpha(oracle.units(part)))
        assert group.within.tau_b.value == pytest.approx(oracle.mean_tau_b(part), abs=1e-6)
    matrix = found.between(grouping)
    assert matrix.alpha[0, 0] == pytest.approx(one.within.alpha.value)
    both = [
        (units_of(ballots[:3], a, b), units_of(ballots[3:], a, b))
        for ballots in prompts
        for a in "abcde"
        for b in "abcde"
        if a != b
    ]
    assert matrix.alpha[0, 1] == pytest.approx(oracle.cross_reliability(both))


def units_of(
    ballots: Sequence[tuple[float, dict[str, int]]], a: str, b: str
) -> list[tuple[float, int]]:
    votes = [(w, oracle.side(ballot, a, b)) for w, ballot in ballots]
    return [(w, s) for w, s in votes if s is not None]


def test_between_groups_lists_the_largest_of_many() -> None:
    rows = [(0, f"x{k}", "a > b" if k % 3 else "b > a") for k in range(60)]
    rankings = rlchf.Rankings.from_ballots(rows)
    grouping = Grouping.of(rankings, {f"x{k}": f"g{min(k // 2, 20)}" for k in range(60)})
    found = Agreements(rankings).between(grouping)
    assert (len(found.names), found.n_groups, found.alpha.shape) == (12, 21, (12, 12))
    assert "g20" in found.names


def test_figures_without_two_people_are_missing_and_not_zero() -> None:
    found = Agreements(rlchf.Rankings.from_ballots([("p", "ann", "a > b")])).overall()
    assert np.isnan(
        [found.same.value, found.alpha.value, found.tau_b.value, found.kendalls_w]
    ).all()


def test_effective_voters_are_kishs() -> None:
    assert kish(9, 0.4375) == pytest.approx(2)  # nine judges, two effective votes
    rng = np.random.default_rng(4)
    common = rng.standard_normal((400, 1, 4))
    scores = common + rng.standard_normal((400, 6, 4))
    rows = [
        (p, f"x{a}", [[f"r{i}"] for i in np.argsort(-scores[p, a])])
        for p in range(400)
        for a in range(6)
    ]
    weights = np.tile([1.0, 1, 1, 2, 2, 3], 400)
    votes = PairVotes.of(rlchf.Rankings.from_ballots(rows, weights))
    found = effective_votes(votes)
    rho = found.correlation.value
    assert rho == pytest.approx(2 / np.pi * np.arcsin(0.5), abs=0.03)
    assert found.effective.value == pytest.approx(oracle.effective_voters([1, 1, 1, 2, 2, 3], rho))
    assert found.effective.low < found.effective.value < found.effective.high < 6
    assert found.on_a_prompt == pytest.approx(100 / 20)


def test_copies_of_a_person_are_one_voter_and_strangers_are_many() -> None:
    rng = np.random.default_rng(6)
    tastes = rng.permuted(np.tile(np.arange(4), (300, 8, 1)), axis=2)
    for scores, low, high in ((np.repeat(tastes[:, :1], 8, axis=1), 1, 1.001), (tastes, 6.5, 9)):
        rows = [
            (p, f"x{a}", [[f"r{i}"] for i in scores[p, a]]) for p in range(300) for a in range(8)
        ]
        votes = PairVotes.of(rlchf.Rankings.from_ballots(rows))
        assert low <= effective_votes(votes).effective.value <= high


@pytest.mark.slow
def test_intervals_of_agreement_cover_the_truth() -> None:
    rng = np.random.default_rng(0)
    truth = 2 / np.pi * np.arcsin(0.5)
    covered = []
    for _ in range(50):
        scores = rng.standard_normal((60, 1, 4)) + rng.standard_normal((60, 8, 4))
        rows = {
            "prompt_id": np.repeat(np.arange(60), 32),
            "annotator_id": np.tile(np.repeat(np.arange(8), 4), 60),
            "response_id": np.tile(np.arange(4), 480),
            "score": scores.ravel(),
        }
        found = Agreements(rlchf.Rankings.from_frame(rows)).overall()
        covered.append([e.low < truth < e.high for e in (found.alpha, found.tau_b)])
    assert (np.mean(covered, axis=0) > 0.84).all()


@pytest.mark.parametrize("missing", [False, True])
def test_what_is_lost_without_a_person_is_what_leaving_out_the_person_changes(
    missing: bool,
) -> None:
    prompts = random_prompts(np.random.default_rng(7), missing=missing, ties=True, weights=False)
    found = Agreements(rankings_of(prompts))
    sums = found.sums
    for k in range(5):
        rest = [[vote for i, vote in enumerate(ballots) if i != k] for ballots in prompts]
        left = Agreements(rankings_of(rest, "vwxyz".replace("vwxyz"[k], ""))).sums
        own = found.votes.cell_annotators == k
        assert left.disagreed.sum() == pytest.approx(sums.disagreed.sum() - sums.lost[own].sum())
        assert left.weight.sum() == pytest.approx(sums.weight.sum() - sums.lost_weight[own].sum())


LAMP = Path(__file__).parents[3] / "shared/data/lamp_rankings/rankings.csv"


@pytest.mark.slow
@pytest.mark.skipif(not LAMP.exists(), reason="needs the LAMP rankings")
def test_figures_of_the_lamp_rankings_equal_their_definitions() -> None:
    rankings = rlchf.read_rankings(LAMP)
    prompts: dict[str, dict[str, dict[str, int]]] = {}
    columns = rankings.columns()
    names = ("prompt_id", "annotator_id", "response_id", "rank")
    for prompt, annotator, response, rank in zip(*(columns[name] for name in names), strict=True):
        prompts.setdefault(prompt, {}).setdefault(annotator, {})[response] = int(rank)
    votes: Prompts = [[(1.0, ballot) for ballot in part.values()] for part in prompts.values()]
    found = Agreements(rankings).overall()
    assert found.alpha.value == pytest.approx(oracle.alpha(oracle.units(votes)))
    assert found.tau_b.value == pytest.approx(oracle.mean_tau_b(votes))
    assert (round(found.same.value, 3), round(found.alpha.value, 3)) == (0.820, 0.640)
