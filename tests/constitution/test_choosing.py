"""Slates of statements: known answers, what few votes are worth, and what is filled in."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlchf.auditing.committees import committee_justified
from rlchf.constitution.choosing.ballots import GroupRates, complete_ballots
from rlchf.constitution.choosing.consensus import group_informed_consensus
from rlchf.constitution.choosing.duplicates import near_duplicates
from rlchf.constitution.choosing.estimates import Prior, rates
from rlchf.constitution.choosing.opinion_groups import opinion_groups
from rlchf.constitution.choosing.report import Chosen
from rlchf.constitution.choosing.service import disputed, service
from rlchf.constitution.choosing.settings import SlateConfig
from rlchf.constitution.choosing.slates import CONSENSUS, RULES, Poll, check_rule, elect
from rlchf.constitution.choosing.votes import UNSEEN, Votes
from tests.oracles.auditing import committee_axioms
from tests.support.polls import camps_of, hidden, texts_of, two_camps

MAJORITARIAN = ["approval", "net_approval"]
PROPORTIONAL = [
    "seq_phragmen", "seq_pav", "equal_shares", "updown_phragmen", "updown_pav", "tax_equal_shares",
]  # fmt: skip


def camps(share: float = 0.0, **config: object) -> tuple[Poll, SlateConfig]:
    ballots = two_camps()
    votes = Votes.from_ballots(hidden(ballots, share), texts_of(ballots))
    settings_ = SlateConfig(**({"k": 10} | config))  # type: ignore[arg-type]
    return Poll.of(votes, camps_of(votes), settings_), settings_


def sides(poll: Poll, config: SlateConfig) -> dict[str, int]:
    """How many elected statements are each camp's."""
    return Counter(poll.votes.statements[m][0] for m in elect(poll, config).statements)


@pytest.mark.parametrize("share", [0.0, 0.6])
@pytest.mark.parametrize("rule", MAJORITARIAN)
def test_majority_rules_leave_forty_per_cent_without_a_statement(rule: str, share: float) -> None:
    poll, config = camps(share, rule=rule)
    assert sides(poll, config) == {"a": 10}
    found = service(poll, elect(poll, config))
    assert found.left_without == ["small"]
    assert [(g.entitled, g.agreed) for g in found.groups] == [(6, 10), (4, 0)]
    assert "JR" in found.violated or share


CASES = [(rule, share) for share in (0.0, 0.6) for rule in PROPORTIONAL]
CASES.remove(("tax_equal_shares", 0.6))  # leaves a seat open, of which half a vote too few can pay


@pytest.mark.parametrize(("rule", "share"), CASES)
def test_proportional_rules_give_forty_per_cent_four_of_ten(rule: str, share: float) -> None:
    poll, config = camps(share, rule=rule, estimate="shrunk")
    assert sides(poll, config) == {"a": 6, "b": 4}
    found = service(poll, elect(poll, config))
    assert found.left_without == []
    if share == 0:
        assert found.without == 0
        assert found.violated == []


def test_who_is_left_without_any_statement_is_named() -> None:
    poll, config = camps(rule="approval")
    found = service(poll, elect(poll, config))
    assert found.without == 0.4
    assert found.without_names == [f"v{v:03}" for v in range(60, 100)]
    assert found.without_seen == 0.4
    verdict = next(one for one in found.verdicts if one.axiom == "EJR+")
    assert (verdict.holds, verdict.members, verdict.deserved, verdict.received) == (False, 40, 4, 0)
    assert poll.votes.statements[verdict.candidate][0] == "b"


def few_and_many(few: int = 3) -> Votes:
    """200 voters: 180 agree with one statement, all of the few who saw the other agree with that."""
    ballots: dict[str, dict[str, int]] = {
        f"v{v}": {"many": 1 if v < 180 else -1, "split": 1 if v % 2 else -1} for v in range(200)
    }
    for v in range(few):
        ballots[f"v{v}"]["few"] = 1
    return Votes.from_ballots(ballots, {"many": "Be kind.", "split": "Be quick.", "few": "Sing."})


@pytest.mark.parametrize(
    ("rule", "grouped"),
    [
        (rule, grouped)
        for rule in RULES
        for grouped in (False, True)
        if grouped or rule != CONSENSUS
    ],
)
def test_three_of_three_do_not_beat_180_of_200(rule: str, grouped: bool) -> None:
    votes, config = few_and_many(), SlateConfig(k=1, rule=rule)
    half = np.arange(200) < 100
    poll = Poll.of(votes, {"first": half, "second": ~half} if grouped else {}, config)
    # 180 against 20 cost 180 / 160 of the only seat, more than all voters have.
    winners = [] if rule == "tax_equal_shares" else ["many"]
    assert [votes.statements[m] for m in elect(poll, config).statements] == winners


def test_three_of_three_beat_180_of_200_by_raw_shares() -> None:
    config = SlateConfig(k=1, rule="approval", estimate="raw")
    poll = Poll.of(few_and_many(), {}, config)
    assert [poll.votes.statements[m] for m in elect(poll, config).statements] == ["few"]


def test_a_statement_seen_by_half_of_the_voters_can_win() -> None:
    """Unseen is not disapproval: all of a random half agree, against 60 % of all."""
    ballots = {f"v{v}": {"seen": 1 if v % 5 < 3 else -1} for v in range(200)}
    for v in range(0, 200, 2):
        ballots[f"v{v}"]["half"] = 1
    votes = Votes.from_ballots(ballots)
    filled = SlateConfig(k=1, rule="approval")
    for config, winner in ((filled, "half"), (replace(filled, unseen="neutral"), "seen")):
        poll = Poll.of(votes, {}, config)
        assert [votes.statements[m] for m in elect(poll, config).statements] == [winner]


def test_fewer_votes_than_the_least_cannot_win() -> None:
    config = SlateConfig(k=2, min_votes=10)
    poll = Poll.of(few_and_many(), {}, config)
    names = [poll.votes.statements[m] for m in poll.candidates]
    assert names == ["many", "split"]
    assert list(poll.unelectable.values()) == ["3 votes, fewer than 10"]
    with pytest.raises(ValueError, match=r"2 of 3 statements can be elected, and -k is 3; give 2"):
        Poll.of(few_and_many(), {}, replace(config, k=3))


@given(st.integers(0, 50), st.integers(0, 50), st.floats(0.01, 0.99), st.floats(2, 100))
@settings(max_examples=60, deadline=None)
def test_estimates_lie_within_their_interval_and_between_prior_and_votes(
    agree: int, other: int, mean: float, strength: float
) -> None:
    seen = agree + other
    found = rates(np.array([agree]), np.array([seen]), Prior(mean, strength))
    assert 0 <= found.low[0] <= found.shrunk[0] <= found.high[0] <= 1 or found.shrunk[0] < 0.03
    ends = sorted([mean, agree / seen if seen else mean])
    assert ends[0] - 1e-9 <= found.shrunk[0] <= ends[1] + 1e-9


def test_more_votes_narrow_the_interval() -> None:
    counts = np.array([2, 20, 200])
    found = rates(counts, counts + counts // 2, Prior(0.5, 4.0))
    widths = found.high - found.low
    assert widths[0] > widths[1] > widths[2]


def test_a_prior_as_strong_as_votes_drawn_from_it_is_found() -> None:
    rng = np.random.default_rng(0)
    shares = rng.beta(6, 4, 3000)
    seen = rng.integers(5, 80, 3000)
    prior = Prior.fitted(rng.binomial(seen, shares), seen)
    assert prior.mean == pytest.approx(0.6, abs=0.02)
    assert prior.strength == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize(
    ("agree", "seen", "strength"),
    [([0, 0], [0, 0], 2), ([5], [5], 2), ([5, 5], [10, 10], 10), ([4, 4], [4, 4], 2)],
)
def test_a_prior_of_few_or_equal_votes_is_finite(
    agree: list[int], seen: list[int], strength: float
) -> None:
    prior = Prior.fitted(np.array(agree), np.array(seen))
    assert prior.strength == strength
    assert 0 < prior.mean < 1


@given(st.integers(0, 10_000), st.floats(0.1, 0.9))
@settings(max_examples=30, deadline=None)
def test_votes_that_were_cast_stay_and_all_others_are_filled_in(seed: int, share: float) -> None:
    votes = Votes.from_ballots(
        hidden(two_camps(12, 8, 3, against=-1), share, seed) | {"z": {"a0": 0}}
    )
    groups = GroupRates.of(votes, list(camps_of_all(votes).values()))
    ballots = complete_ballots(votes, groups, "shrunk", seed)
    assert (ballots[votes.seen] == votes.values[votes.seen]).all()
    assert set(np.unique(ballots)) <= {-1, 0, 1}
    for members, agree in zip(groups.members, groups.agree, strict=True):
        blank = members[:, None] & ~votes.seen
        filled = ((ballots == 1) & blank).sum(axis=0)
        assert (np.abs(filled - agree.shrunk * blank.sum(axis=0)) < 1 + 1e-9).all()


def camps_of_all(votes: Votes) -> dict[str, np.ndarray]:
    first = np.array([voter != "z" and int(voter[1:]) < 12 for voter in votes.voters])
    last = np.array([voter == "z" for voter in votes.voters])
    return {"large": first, "small": ~first & ~last}


def test_polis_and_its_variants_multiply_or_take_the_least() -> None:
    """By hand: group one has 8 of 10 and 9 of 10; group two 1 of 2 with a pass, and nobody."""
    values = np.full((12, 2), UNSEEN, dtype=np.int8)
    values[:10, 0], values[:10, 1] = [1] * 8 + [-1] * 2, [1] * 9 + [0]
    values[10:, 0] = [1, 0]
    votes = Votes([str(v) for v in range(12)], ["s", "t"], ["s", "t"], values)
    groups = [np.arange(12) < 10, np.arange(12) >= 10]
    by = {
        name: group_informed_consensus(votes, groups, name)
        for name in ("product", "product_without_passes", "minimum")
    }
    assert by["product"] == pytest.approx([9 / 12 * 2 / 4, 10 / 12 * 1 / 2])
    assert by["product_without_passes"] == pytest.approx([9 / 12 * 2 / 3, 10 / 11 * 1 / 2])
    assert by["minimum"] == pytest.approx([2 / 4, 1 / 2])


def test_consensus_needs_groups() -> None:
    with pytest.raises(ValueError, match="needs opinion groups"):
        group_informed_consensus(few_and_many(), [])


def test_near_duplicates_share_a_seat_and_a_negation_does_not() -> None:
    texts = {
        "a": "The assistant should always tell people the truth.",
        "b": "the assistant should always tell people the truth",
        "c": "The assistant should never tell people the truth.",
        "d": "Rivers are long.",
    }
    ballots = {f"v{v}": {"a": 1, "b": 1, "c": -1, "d": v % 2} for v in range(10)}
    votes = Votes.from_ballots(ballots, texts)
    assert near_duplicates(votes, 0.6).tolist() == [0, 0, 1, 2]
    config = SlateConfig(k=2, rule="approval", duplicates=0.6)
    chosen = Chosen.of(votes, {}, config)
    assert [row["id"] for row in chosen.rows()] == ["a", "d"]
    assert chosen.rows()[0]["duplicates"] == ["b"]
    assert chosen.to_dict()["unelectable"] == {"b": "a near-duplicate of 'a'"}


def test_a_budget_of_words_skips_what_no_longer_fits() -> None:
    texts = {"a": "one two three", "b": "one two three four", "c": "one two"}
    ballots = {f"v{v}": {"a": 1, "b": int(v < 9), "c": int(v < 8)} for v in range(10)}
    votes = Votes.from_ballots(ballots, texts)
    config = SlateConfig(words=5, rule="approval", duplicates=1.0)
    poll = Poll.of(votes, {}, config)
    slate = elect(poll, config)
    assert [votes.statements[m] for m in slate.statements] == ["a", "c"]
    assert slate.seats == 2
    with pytest.raises(ValueError, match="no statement fits into 1 word; the shortest has 2"):
        elect(poll, replace(config, words=1))


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_planted_opinion_groups_are_found(share: float) -> None:
    votes = Votes.from_ballots(hidden(two_camps(against=-1), share))
    found = opinion_groups(votes)
    right = (found.labels == np.repeat([0, 1], [60, 40]))[found.labels >= 0]
    assert right.mean() > 0.97
    assert (found.labels == opinion_groups(votes).labels).all()


def test_three_camps_are_three_groups() -> None:
    rng = np.random.default_rng(1)
    camp = np.repeat([0, 1, 2], [30, 25, 20])
    centres = np.where(np.arange(30) // 10 == np.arange(3)[:, None], 1, -1)
    flips = rng.random((75, 30)) < 0.1
    values = np.where(flips, -centres[camp], centres[camp]).astype(np.int8)
    votes = Votes([str(v) for v in range(75)], [str(s) for s in range(30)], [""] * 30, values)
    found = opinion_groups(votes)
    assert found.labels.tolist() == camp.tolist()
    assert found.silhouette > 0.5


def test_voters_who_all_vote_the_same_have_no_opinion_groups() -> None:
    votes = Votes.from_ballots({f"v{v}": {"a": 1, "b": -1} for v in range(9)}, name="town")
    with pytest.raises(
        ValueError, match=r"town: 9 of 9 voters .* give the groups with --annotators"
    ):
        opinion_groups(votes)


def test_axioms_of_committees_are_those_of_the_textbook() -> None:
    rng = np.random.default_rng(3)
    violated: Counter[str] = Counter()
    for _ in range(250):
        voters, candidates = rng.integers(2, 8), rng.integers(3, 7)
        approves = rng.random((voters, candidates)) < rng.uniform(0.2, 0.7)
        k = int(rng.integers(1, candidates))
        members = sorted(rng.choice(candidates, k, replace=False).tolist())
        names = [str(v) for v in range(voters)]
        ballots = {
            name: frozenset(map(str, np.flatnonzero(row)))
            for name, row in zip(names, approves, strict=True)
        }
        expected = committee_axioms(ballots, frozenset(map(str, members)))
        for verdict in committee_justified(approves, members, k, names):
            violated[verdict.axiom] += verdict.holds is False
            if verdict.axiom in ("JR", "EJR+") or verdict.holds is not None:
                assert verdict.holds == expected[verdict.axiom], (approves, members, verdict)
    assert violated["EJR+"] > violated["JR"] > 15


def test_equal_shares_satisfy_ejr_plus_on_ballots_that_are_filled_in() -> None:
    for seed in range(5):
        poll, config = camps(0.5, seed=seed, k=7)
        assert "EJR+" not in service(poll, elect(poll, config)).violated


def test_disputed_statements_are_those_on_which_groups_differ() -> None:
    ballots = two_camps(against=-1)
    for ballot in ballots.values():
        ballot["all"] = 1
    votes = Votes.from_ballots(ballots, texts_of(two_camps()) | {"all": "Be good."})
    poll = Poll.of(votes, camps_of(votes), SlateConfig(k=3))
    names = {votes.statements[m] for m in disputed(poll).candidates}
    assert names == set(votes.statements) - {"all"}


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        ("bordaa", {}, "rule 'bordaa' elects no slate by approvals; choose from approval"),
        ("borda", {}, "rule 'borda' elects no slate"),
        ("perpetual_pav", {}, "elects no slate"),
        ("seq_pav", {"kk": 3}, "rule 'seq_pav' has no option 'kk'"),
        ("seq_pav", {"k": 3}, "-o k: the slate sets it"),
        (CONSENSUS, {"k": 3}, "has no option 'k'"),
    ],
)
def test_a_rule_that_cannot_count_is_refused(
    rule: str, options: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        check_rule(rule, options)


@pytest.mark.parametrize("both", [{}, {"k": 2, "words": 9}])
def test_a_slate_has_one_budget(both: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="give either -k"):
        SlateConfig(**both)  # type: ignore[arg-type]


def test_a_vote_is_one_of_three() -> None:
    with pytest.raises(ValueError, match="voter 'ann', statement 'a': the vote is 2"):
        Votes.from_ballots({"ann": {"a": 2}})
