"""Worked cases for the models of strength: bradley_terry and plackett_luce."""

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from rlchf.rules.plackett_luce import _by_ballots, _by_sets
from tests.oracles import statistical as oracles
from tests.oracles.textbook import blocks_of
from tests.support.profiles import KINDS, Case, random_case, random_cases, together

bradley_terry, plackett_luce = get_rule("bradley_terry"), get_rule("plackett_luce")
BOTH = ["bradley_terry", "plackett_luce"]
CYCLE = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2


def test_bradley_terry_is_that_of_choix() -> None:
    # pairs = [(0, 1), (1, 0), (1, 2), (2, 1), (2, 3), (3, 2), (3, 0), (0, 3)], which is a prior of 2 on what
    # is compared, and then
    # choix.ilsr_pairwise(4, [(0, 1)] * 3 + [(1, 0)] + [(1, 2)] * 2 + [(2, 3)] * 2 + [(3, 0)] + pairs)
    ballots = ["a > b"] * 3 + ["b > a"] + ["b > c"] * 2 + ["c > d"] * 2 + ["d > a"]
    known = [0.21075619, 0.0984417, -0.07025207, -0.23894583]
    scores = bradley_terry(Profiles.from_ballots([ballots]), prior=2.0)
    assert scores[0] == pytest.approx(known, abs=1e-8)


@pytest.mark.parametrize(
    ("ballots", "known"),
    [
        # choix.ilsr_rankings(3, [[0, 1, 2]] * 4 + [[1, 2, 0]] * 3 + [[2, 0, 1]] * 2 + pairs)
        (CYCLE, [0.076297293, 0.13949337, -0.215790664]),
        # choix.ilsr_rankings(4, [[0, 1, 2, 3]] * 2 + [[1, 0, 3, 2]] + [[3, 1]] * 2 + [[2, 0, 3]] + pairs)
        (
            ["a > b > c > d"] * 2 + ["b > a > d > c"] + ["d > b"] * 2 + ["c > a > d"],
            [0.53238734, 0.078641527, -0.20046415, -0.410564717],
        ),
        # choix.ilsr_top1(4, [(0, (1, 2, 3))] * 2 + [(1, (0, 2)), (3, (0, 1, 2))] + pairs)
        (
            ["a > b = c = d"] * 2 + ["b > a = c", "d > a = b = c"],
            [0.294490853, -0.019887212, -0.374041709, 0.099438069],
        ),
        # a and d never meet: all pairs both ways but (0, 3) and (3, 0), and
        # choix.ilsr_rankings(4, [[0, 1, 2]] * 2 + [[1, 3, 2]] + [[3, 1]] * 2 + pairs)
        (
            ["a > b > c"] * 2 + ["b > d > c"] + ["d > b"] * 2,
            [0.56818444, -0.06034583, -0.76498995, 0.25715135],
        ),
    ],
)
def test_plackett_luce_is_that_of_choix(ballots: list[str], known: list[float]) -> None:
    scores = plackett_luce(Profiles.from_ballots([ballots]), prior=2.0)
    assert scores[0] == pytest.approx(known, abs=1e-8)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("prior", [0.01, 0.5, 10.0])
@pytest.mark.slow
def test_other_priors_give_the_modes_of_the_textbook(name: str, prior: float) -> None:
    batch = random_cases(4, 60, 4)
    for case, scores in zip(batch, get_rule(name)(together(batch), prior=prior), strict=True):
        expected = getattr(oracles, name)(case.ballots, 4, prior=prior)
        assert scores == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("m", [3, 5, 9])
def test_on_strict_complete_ballots_bradley_terry_ranks_like_borda(m: int) -> None:
    rng = np.random.default_rng(m)
    profiles = together([random_case(rng, m, 12, "weights") for _ in range(200)])
    strengths, points = bradley_terry(profiles), get_rule("borda")(profiles)
    for one, other in zip(strengths, points, strict=True):
        assert blocks_of(one.tolist()) == blocks_of(other.tolist())


@pytest.mark.parametrize("prior", [0.3, 1.0])
def test_on_ballots_of_two_responses_the_models_are_one(prior: float) -> None:
    rng = np.random.default_rng(5)
    ranks = np.zeros((5, 40), dtype=np.int16)
    for column in ranks.T:
        column[rng.choice(5, 2, replace=False)] = [1, 2]
    profiles = together([Case(ranks, rng.integers(1, 4, 40).astype(np.float64))])
    one, other = bradley_terry(profiles, prior=prior), plackett_luce(profiles, prior=prior)
    assert one == pytest.approx(other, abs=2e-9)


def test_a_tie_is_half_a_win_each_for_bradley_terry_and_no_choice_for_plackett_luce() -> None:
    tied, even = (
        Profiles.from_ballots([["a > b"] * 4 + more])
        for more in (["a = b"] * 2, ["a > b", "b > a"])
    )
    assert (bradley_terry(tied) == bradley_terry(even)).all()
    alone = Profiles.from_ballots([["a > b"] * 4])
    assert (plackett_luce(tied) == plackett_luce(alone)).all()


@pytest.mark.parametrize("m", [2, 4, 6])
def test_counting_by_sets_and_going_ballot_by_ballot_agree(m: int) -> None:
    rng = np.random.default_rng(m)
    profiles = together([random_case(rng, m, 6, kind) for kind in KINDS for _ in range(20)])
    strengths = rng.normal(size=(m, profiles.n_prompts))
    by_sets = _by_sets(profiles)(strengths)
    by_ballots = _by_ballots(profiles)(strengths)
    for one, other in zip(by_sets, by_ballots, strict=True):
        assert one == pytest.approx(other, abs=1e-12)


def test_more_responses_than_sets_are_counted_for() -> None:
    rng = np.random.default_rng(12)
    case = random_case(rng, 12, 30, "ties gaps weights")
    strengths = plackett_luce(together([case]))[0]
    # the gradient is 0 there: everybody is chosen as often as expected
    decisions = oracles.choices(case.ballots)
    odds = np.exp(strengths)
    for i in range(12):
        gain = sum(w for chosen, _, w in decisions if chosen == i)
        gain -= sum(w * odds[i] / odds[group].sum() for _, group, w in decisions if i in group)
        gain += sum(0.5 - odds[i] / (odds[i] + odds[j]) for j in range(12) if j != i)
        assert gain == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("name", BOTH)
def test_a_prior_that_is_no_positive_number_is_refused(name: str) -> None:
    for prior in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"prior is .*; give a number above 0"):
            get_rule(name)(Profiles.from_ballots([["a > b"]]), prior=prior)


@pytest.mark.parametrize("name", BOTH)
def test_the_prior_alone_makes_all_equal(name: str) -> None:
    nobody = Profiles.from_ballots([["a > b > c"]], weights=[[0.0]])
    assert get_rule(name)(nobody).tolist() == [[0, 0, 0]]


def test_bradley_terry_can_reject_a_majority_favourite() -> None:
    profiles = Profiles.from_ballots([["a > b > c"] * 3 + ["b > c > a"] * 2])
    assert blocks_of(bradley_terry(profiles)[0].tolist()) == [[1], [0], [2]]


def test_plackett_luce_can_reject_a_majority_favourite() -> None:
    profiles = Profiles.from_ballots([["a > b > c"] * 2 + ["b > c > a"]])
    assert blocks_of(plackett_luce(profiles)[0].tolist()) == [[1], [0], [2]]


def test_plackett_luce_can_elect_the_condorcet_loser() -> None:
    ballots = ["c > b > a"] + ["b > a > c"] * 4 + ["c > a > b"] * 4
    profiles = Profiles.from_ballots([ballots])
    assert profiles.margins[0, 0].max() == 0  # a loses against b and c
    assert profiles.margins[0, 0, 1:].tolist() == [-1, -1]
    assert plackett_luce(profiles)[0].argmax() == 0


def test_two_electorates_can_agree_under_plackett_luce_and_disagree_together() -> None:
    def ranking(*ballots: str) -> list[list[int]]:
        return blocks_of(plackett_luce(Profiles.from_ballots([ballots]))[0].tolist())

    one = ["c > a > b"] * 2 + ["a > c > b"] * 4 + ["c > b > a"]
    other = ["b > c > a"] * 2 + ["a > c > b"] * 3
    assert ranking(*one) == ranking(*other) == [[2], [0], [1]]
    assert ranking(*one, *other) == [[0], [2], [1]]


@pytest.mark.parametrize("name", BOTH)
def test_doubling_all_weights_leaves_less_to_the_prior(name: str) -> None:
    profiles = Profiles.from_ballots([["a > b > c"] * 2 + ["b > a > c"]])
    doubled = profiles.reweighted(profiles.weights * 2)
    halved = get_rule(name)(doubled, prior=2.0)
    assert halved == pytest.approx(get_rule(name)(profiles), abs=2e-9)
    assert np.ptp(get_rule(name)(doubled)) > np.ptp(get_rule(name)(profiles))


@pytest.mark.parametrize("name", BOTH)
def test_the_prior_does_not_act_on_pairs_that_nobody_compared(name: str) -> None:
    alone = ["a > b"] * 3 + ["b > a"]
    others = [f"c{n:02d} > d{n:02d}" for n in range(20)]
    with pytest.warns(UserWarning, match=f"{name}: on some prompts no chain of comparisons links"):
        scores = get_rule(name)(Profiles.from_ballots([alone + others]))[0]
    assert scores[0] - scores[1] == pytest.approx(np.log(3.5 / 1.5), abs=2e-9)
    linked = get_rule(name)(Profiles.from_ballots([[*alone, "b > c", "c > d"]]))[0]
    assert linked[0] - linked[1] == pytest.approx(np.log(3.5 / 1.5), abs=2e-9)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("m", [20, 60])
def test_a_chain_of_comparisons_keeps_its_steps(name: str, m: int, recwarn: object) -> None:
    """Each response is compared with the next one only, once: each step is log(1.5 / 0.5)."""
    ballots = [f"x{n:02d} > x{n + 1:02d}" for n in range(m - 1)]
    scores = get_rule(name)(Profiles.from_ballots([ballots]))[0]
    assert scores[:-1] - scores[1:] == pytest.approx(np.full(m - 1, np.log(3)), abs=5e-9)
    assert not recwarn.list  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", BOTH)
def test_each_linked_group_has_mean_zero(name: str) -> None:
    with pytest.warns(UserWarning, match="centred on 0 in each linked group"):
        scores = get_rule(name)(Profiles.from_ballots([["a > b", "c > d", "e"]]))[0]
    assert scores[:2].sum() == scores[2:4].sum() == scores[4] == 0
    assert scores[0] == scores[2] > 0


@pytest.mark.parametrize("name", BOTH)
def test_prompts_with_and_without_links_share_a_batch(name: str) -> None:
    ballots = [["a > b", "c > d"], ["a > b > c > d", "b > a > c > d"]]
    with pytest.warns(UserWarning, match="no chain"):
        together_scores = get_rule(name)(Profiles.from_ballots(ballots))
    assert together_scores[1] == pytest.approx(
        get_rule(name)(Profiles.from_ballots(ballots[1:]))[0]
    )


@pytest.mark.parametrize("name", BOTH)
def test_weights_that_vanish_beside_the_prior_are_announced(name: str) -> None:
    tiny = Profiles.from_ballots([["a > b"]], weights=[[1e-10]])
    with pytest.warns(UserWarning, match="less than a billionth of the prior"):
        assert get_rule(name)(tiny).tolist() == [[0, 0]]
    assert (
        get_rule(name)(tiny, prior=1e-10) == get_rule(name)(Profiles.from_ballots([["a > b"]]))
    ).all()
