"""The flag for random clickers: whom it finds, and whom it spares."""

import numpy as np
import pytest

from rlchf.auditing.groups import Grouping
from rlchf.people.agreement import Agreements
from rlchf.people.clickers import RATE, Clickers, find_clickers
from rlchf.people.consequences import consequences, criteria
from rlchf.people.directions import expected_votes
from rlchf.people.predictability import predictability
from rlchf.people.reliability import reliability
from rlchf.people.votes import PairVotes, pair_responses
from rlchf.rankings import Rankings
from rlchf.simulate import simulated
from tests.support.planted_people import CLICKER, MAJORITY, MINORITY, planted_people, shares


def found_in(rankings: Rankings, *owners: np.ndarray, simulations: int = 4) -> Clickers:
    votes = PairVotes.of(rankings)
    return find_clickers(votes, pair_responses(rankings), owners, simulations=simulations)


@pytest.mark.parametrize("kind", ["opposite", "orthogonal"])
@pytest.mark.parametrize("minority", [0.1, pytest.param(0.4, marks=pytest.mark.slow)])
def test_a_minority_is_not_flagged_and_clickers_are(kind: str, minority: float) -> None:
    rankings, roles = planted_people(shares(200, minority, 8), 80, kind=kind)
    found = found_in(rankings, simulations=2)
    assert found.flagged[roles == MINORITY].mean() <= RATE
    assert found.flagged[roles == MAJORITY].mean() <= RATE / 10
    assert found.errors is not None
    assert max(found.errors.orthogonal, found.errors.opposite) <= RATE
    if minority == 0.1:
        assert found.flagged[roles == CLICKER].mean() >= 0.5


def test_twelve_clickers_among_300_people_in_five_groups_are_found() -> None:
    roles = np.repeat([0, 0, 0, 1, 3], 60)
    groups = {str(a): f"group {a // 60}" for a in range(300)}
    roles[::25] = CLICKER
    rankings, roles = planted_people(roles, 100, kind="opposite", seed=3)
    owners = Grouping.of(rankings, groups).owners
    found = found_in(rankings, owners, simulations=2)
    assert found.flagged[roles == CLICKER].sum() >= 10
    assert found.flagged[roles != CLICKER].sum() <= 1
    assert found.errors is not None
    assert found.errors.power > 0.8

    # The people who agree least are mostly the group of opposite taste; the flag spares it.
    agreements = Agreements(rankings)
    figures = reliability(agreements)
    out = criteria(figures, found)
    least = out["the tenth with the least agreement with the others"]
    assert (roles[least] == MINORITY).mean() > 0.5
    rows = consequences(rankings, agreements.votes, out, {"": Grouping.of(rankings, groups)})
    dropped = {(row.criterion, row.group): row for row in rows}
    flagged = dropped["flagged as random clickers", "group 3"]
    tenth = dropped["the tenth with the least agreement with the others", "group 3"]
    assert flagged.dropped <= 3 < 15 < tenth.dropped
    assert tenth.weight_after < 0.15 < flagged.weight_after
    assert tenth.agreement_after < tenth.agreement_before


def test_clickers_among_five_countries_are_found_with_few_ballots_each() -> None:
    poll = simulated(
        "groups", prompts=400, annotators=300, responses=5, per_prompt=30, seed=21,
        sizes=(105, 75, 55, 35, 30), phi=0.4, centre_phi=0.5, opposed=1, clickers=12,
    )  # fmt: skip
    clicks = np.array(poll.annotators["clicker"]) == "yes"
    countries = np.unique(poll.annotators["group"], return_inverse=True)[1]
    for owners in ([], [countries]):
        found = found_in(poll.rankings, *owners, simulations=2)
        assert found.flagged[clicks].sum() >= 9
        assert found.flagged[~clicks].sum() <= 1
        assert found.errors is not None
        assert found.errors.power > 0.5


def test_people_are_consistent_in_directions_of_taste_and_clickers_in_none() -> None:
    rankings, _ = planted_people(shares(100, 0.3, 0), 60)
    assert len(expected_votes(PairVotes.of(rankings))) >= 2
    rankings, _ = planted_people(np.full(100, CLICKER), 60)
    assert len(expected_votes(PairVotes.of(rankings))) <= 2  # of ten


def test_many_people_have_the_same_directions_as_when_they_are_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    votes = PairVotes.of(planted_people(shares(100, 0.2, 4), 60, per_prompt=50)[0])
    few = predictability(votes).statistic
    monkeypatch.setattr("rlchf.people.directions.SMALL", 10)
    many = predictability(votes).statistic
    assert np.corrcoef(many, few)[0, 1] > 0.95
    assert abs((many - few).mean()) < 0.1


def test_nobody_is_flagged_where_a_minority_would_look_the_same() -> None:
    rankings, _ = planted_people(shares(200, 0.1, 8), 200, per_prompt=5)
    found = found_in(rankings)
    assert not found.flagged.any()
    assert not found.judged.any()
    assert found.errors is not None
    assert found.errors.power < 0.1


def test_nobody_is_flagged_where_nobody_clicks_or_few_people_are() -> None:
    rankings, _ = planted_people(shares(100, 0.2, 0), 60)
    assert found_in(rankings, simulations=2).flagged.sum() <= 1
    few, _ = planted_people(shares(12, 0.2, 4), 60)
    found = found_in(few)
    assert not found.flagged.any()
    assert found.errors is None


def test_the_statistic_of_clickers_is_at_most_standard_normal() -> None:
    rankings, roles = planted_people(shares(150, 0.2, 75), 60, per_prompt=40)
    found = predictability(PairVotes.of(rankings))
    clickers = found.statistic[roles == CLICKER]
    assert abs(clickers.mean()) < 4 / np.sqrt(75)
    assert 0.7 < clickers.std() < 1.2
    assert found.statistic[roles == MAJORITY].mean() > 2


def test_ties_are_no_clicks() -> None:
    rows = [(p, f"x{a}", "a > b > c" if a else "a = b = c") for p in range(40) for a in range(30)]
    found = found_in(Rankings.from_ballots(rows), simulations=2)
    assert not found.flagged.any()
    assert found.predictability.ballots[0] == 0
    assert np.isnan(found.p[0])


@pytest.mark.slow
def test_a_smaller_minority_is_spared_where_the_flag_is_told_of_it() -> None:
    roles = shares(300, 0.03, 12)
    flagged = {}
    for smallest in (0.1, 0.03):
        rankings, found_roles = planted_people(roles, 60, seed=1)
        votes = PairVotes.of(rankings)
        found = find_clickers(votes, pair_responses(rankings), smallest=smallest, simulations=2)
        flagged[smallest] = found.flagged[found_roles == MINORITY].mean()
        assert found.errors is not None
        assert found.errors.minority == smallest
    assert flagged[0.03] <= min(RATE, flagged[0.1])


@pytest.mark.parametrize("smallest", [0.0, 0.5, float("nan")])
def test_a_minority_that_is_none_is_refused(smallest: float) -> None:
    rankings, _ = planted_people(shares(30, 0.2, 2), 4)
    with pytest.raises(ValueError, match="give the share of a minority, above 0"):
        find_clickers(PairVotes.of(rankings), pair_responses(rankings), smallest=smallest)


def test_one_simulation_is_refused() -> None:
    rankings, _ = planted_people(shares(30, 0.2, 2), 4)
    with pytest.raises(ValueError, match="simulations is 1; give 2 or more"):
        found_in(rankings, simulations=1)
