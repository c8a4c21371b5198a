"""The check of every axiom against its definition, one election at a time, in tests/oracles/axioms.py."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.axioms.cases import Case, Listed
from rlchf.axioms.deciding import decider, places
from rlchf.axioms.definitions import checks
from rlchf.axioms.drawing import drawn
from rlchf.axioms.elections import Elections, dense
from rlchf.axioms.scopes import MEETS
from rlchf.rules import AXIOMS, SCOPES, get_rule
from tests.oracles import axioms as oracle

NAMES = {
    "majority loser": "majority_loser",
    "condorcet loser": "condorcet_loser",
    "solid coalitions": "solid_coalitions",
}
ONE = [
    "unanimity",
    "pareto",
    "majority",
    "majority loser",
    "condorcet",
    "condorcet loser",
    "smith",
    "solid coalitions",
]
REPRESENTATION = ["JR", "PJR", "EJR", "EJR+"]
CHANGES = [
    "participation",
    "IIA",
    "local IIA",
    "reinforcement",
    "consistency",
    "monotonicity",
    "clones",
]
KINDS = ("strict", "weak", "gaps", "weak gaps", "alike")


def elections(count: int, most: int, seed: int, given: str = "rankings") -> list[Elections]:
    """Batches of small elections of all kinds, with weights that tie."""
    rng = np.random.default_rng(seed)
    found = []
    for n in range(count):
        m, k = int(rng.integers(2, 5)), int(rng.integers(1, most + 1))
        weights = ("equal", "small", "absent")[n % 3]
        found.append(drawn(rng, 12, k, m, KINDS[n % len(KINDS)], weights, given))
    return found


def profile(e: Elections, b: int) -> oracle.Profile:
    return [
        ({i: float(v) for i, v in enumerate(values) if v > 0}, Fraction(weight))
        for values, weight in zip(e.values[b].tolist(), e.weights[b].tolist(), strict=True)
    ]


def blocks(row: np.ndarray) -> oracle.Blocks:
    return [set(np.flatnonzero(row == n).tolist()) for n in sorted(set(row.tolist()))]


def random_places(e: Elections, seed: int) -> np.ndarray:
    """Results with ties that no rule gives, so that axioms are broken and kept alike."""
    rng = np.random.default_rng(seed)
    return places(rng.integers(0, e.n_responses, (len(e), e.n_responses)).astype(float))


def slow_rule(name: str) -> oracle.Rule:
    """The rule on plain ballots, one profile at a time."""

    def decide(ballots: oracle.Profile, names: Sequence[int]) -> oracle.Blocks:
        values = np.array([[ranks.get(i, 0.0) for i in names] for ranks, _ in ballots])
        values = np.where(values == 0, 0, values + 1)  # a level above the first is above 0
        profiles = Profiles(
            np.ascontiguousarray(dense(values).T), np.array([0, len(ballots)]),
            np.array([float(weight) for _, weight in ballots]), np.arange(len(ballots)),
        )  # fmt: skip
        row = np.asarray(get_rule(name)(profiles))[0]
        return [
            {names[i] for i in np.flatnonzero(row == score)}
            for score in sorted(set(row.tolist()), reverse=True)
        ]

    return decide


def test_every_axiom_has_its_check_and_every_scope_its_condition() -> None:
    assert list(checks()) == list(AXIOMS)
    assert set(MEETS) == {"", *SCOPES}


@pytest.mark.parametrize("axiom", ONE)
def test_axioms_of_one_election_are_judged_as_defined(axiom: str) -> None:
    check, slow = checks()[axiom], getattr(oracle, NAMES.get(axiom, axiom))
    held = broken = 0
    for n, e in enumerate(elections(30, 5, seed=11)):
        for result in (random_places(e, n), decider("plurality")(e)):
            judgement = check.judge(Case((e,), (result,)))
            for b in range(len(e)):
                expected = slow(profile(e, b), range(e.n_responses), blocks(result[b]))
                assert judgement.held[b] == (expected is not None), (e.values[b], e.weights[b])
                assert judgement.broken[b] == bool(expected), (e.values[b], e.weights[b], result[b])
                held, broken = held + bool(judgement.held[b]), broken + bool(expected)
    assert held > broken > 0


@pytest.mark.parametrize("axiom", REPRESENTATION)
def test_representation_is_judged_over_all_groups(axiom: str) -> None:
    held = broken = 0
    for n, e in enumerate(elections(30, 5, seed=12, given="approvals")):
        result = random_places(e, n)
        judgement = checks()[axiom].judge(Case((e,), (result,)))
        for b in range(len(e)):
            approved = [set(np.flatnonzero(row).tolist()) for row in e.approved[b]]
            expected = oracle.representation(
                axiom, profile(e, b), approved, range(e.n_responses), blocks(result[b])
            )
            assert judgement.held[b] == (expected is not None)
            assert judgement.broken[b] == bool(expected), (e.values[b], e.weights[b], result[b])
            held, broken = held + bool(judgement.held[b]), broken + bool(expected)
    assert held > broken > 0


@pytest.mark.parametrize("rule", ["borda", "instant_runoff", "minimax"])
@pytest.mark.parametrize("axiom", CHANGES)
def test_all_changes_of_an_election_are_tried_as_defined(axiom: str, rule: str) -> None:
    """Whether any change breaks the axiom; a clone comes last by name, as in the definition here."""
    check, decide, slow = checks()[axiom], decider(rule), slow_rule(rule)
    same = {"IIA": oracle.iia, "local IIA": lambda *a: oracle.iia(*a, local=True)}
    defined = same.get(axiom) or getattr(oracle, axiom)
    for e in elections(5, 4 if axiom == "clones" else 5, seed=13):
        result = decide(e)
        broken = np.zeros(len(e), bool)
        for number in range(check.options(e, result)):
            broken |= check.judge(check.case(decide, e, result, Listed(number, len(e)))).broken
        for b in range(len(e)):
            expected = defined(slow, profile(e, b), range(e.n_responses))
            assert broken[b] == expected, (e.values[b], e.weights[b])


def test_neutral_and_anonymous_rules_are_told_from_others() -> None:
    """Renaming and reordering, all ways of them, on rules that look at names or at the order of ballots."""
    for rule, axiom, expected in [
        ("ranked_pairs", "neutrality", True), ("borda", "neutrality", False),
        ("random_dictator", "anonymity", True), ("borda", "anonymity", False),
        ("borda", "homogeneity", False), ("bradley_terry", "homogeneity", True),
    ]:  # fmt: skip
        check, decide, broken = checks()[axiom], decider(rule), False
        for e in elections(12, 4, seed=14):
            result = decide(e)
            for number in range(check.options(e, result)):
                judgement = check.judge(check.case(decide, e, result, Listed(number, len(e))))
                broken |= bool(judgement.broken.any())
        assert broken == expected, (rule, axiom)


def test_elections_of_profiles_state_the_same_as_the_profiles() -> None:
    approvals = np.array([[1, 0, -1, 1], [0, -1, -1, 0]], dtype=np.int8).T
    stated = Profiles(
        np.array([[1, 2, 3, 1], [1, 2, 2, 0]], dtype=np.int16).T.copy(), np.array([0, 2]), np.ones(2),
        np.arange(2), approvals=approvals,
    )  # fmt: skip
    again = Elections.from_profiles(stated).profiles()
    assert (np.asarray(again.ranks) == stated.ranks).all()
    assert (np.asarray(again.approvals) == approvals).all()
    scored = Profiles(
        stated.ranks, stated.starts, stated.weights, stated.annotators,
        scores=np.array([[9.0, 4.0, -1.0, 9.0], [3.0, 2.5, 2.5, np.nan]]).T.copy(),
    )  # fmt: skip
    found = Elections.from_profiles(scored).profiles()
    assert np.allclose(np.asarray(found.scores), scored.scores, equal_nan=True)
    assert (np.asarray(found.ranks) == scored.ranks).all()
