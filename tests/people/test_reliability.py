"""Figures of single annotators: triples, repeats, positions, time."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest

import rlchf
from rlchf.auditing.groups import Grouping
from rlchf.people import describe_people
from rlchf.people.agreement import Agreements, divisions
from rlchf.people.reliability import Reliability, reliability
from rlchf.people.shown import Shown
from tests.oracles import agreement as oracle
from tests.support.planted_people import planted_people, shares


def figures(rankings: rlchf.Rankings, **options: Any) -> Reliability:
    return reliability(Agreements(rankings), **options)


def test_agreement_leaves_the_person_out() -> None:
    rows = [("p", "ann", "a > b"), ("p", "bob", "a > b"), ("p", "eve", "b > a")]
    rankings = rlchf.Rankings.from_ballots(rows)
    groupings = divisions(rankings, {"ann": "one", "bob": "one", "eve": "two"})
    found = figures(rankings, groupings=groupings)
    assert found.with_others.value.tolist() == [0.5, 0.5, 0.0]
    np.testing.assert_array_equal(found.own_group[""].value, [1.0, 1.0, np.nan])
    assert found.other_groups[""].value.tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(found.with_others.low).all()  # one prompt


def test_intransitive_triples_equal_their_definition() -> None:
    rng = np.random.default_rng(0)
    rows: list[dict[str, object]] = []
    wins = {}
    for p in range(8):
        for name in ("ann", "bob"):
            won = set()
            for a, b in combinations("abcd", 2):
                if rng.random() < 0.9:
                    pair = (a, b) if rng.random() < 0.5 else (b, a)
                    won.add(pair)
                    rows.append(
                        {
                            "prompt_id": p,
                            "annotator_id": name,
                            "chosen": pair[0],
                            "rejected": pair[1],
                        }
                    )
            wins[p, name] = won
    found = figures(rlchf.Rankings.from_frame(rows)).intransitive
    for k, name in enumerate(("ann", "bob")):
        counts = [oracle.intransitive(won) for (_, who), won in wins.items() if who == name]
        cyclic, complete = np.sum(counts, axis=0)
        assert found.count[k] == complete
        assert found.value[k] == pytest.approx(cyclic / complete)


def test_a_ranking_has_no_triples_to_be_intransitive_in() -> None:
    found = figures(
        rlchf.Rankings.from_ballots([("p", "ann", "a > b > c"), ("p", "bob", "c > a > b")])
    )
    assert found.intransitive.count.tolist() == [0, 0]
    assert np.isnan(found.intransitive.value).all()


def test_consistency_counts_repeats_of_a_prompt_and_of_its_text() -> None:
    rows = [
        ("p", "ann", "a > b > c"), ("p", "ann", "a > c > b"), ("p", "bob", "a > b > c"),
        ("q", "bob", "z > x"), ("q", "ann", "x > z"),
    ]  # fmt: skip
    rankings = rlchf.Rankings.from_ballots(rows, repeats="all")
    found = figures(rankings).consistent
    assert found.value[0] == pytest.approx(2 / 3)
    assert found.count.tolist() == [3, 0]

    prompts = {"p": "How?", "q": "How?"}
    texts = {"p": {"a": "Yes.", "b": "No.", "c": "?"}, "q": {"x": "No.", "z": "Yes."}}
    found = figures(rankings, prompts=prompts, texts=texts).consistent
    # ann puts Yes above No twice on p, and below once on q: of three pairs of votes one is the same
    assert found.count.tolist() == [1 + 1 + 3, 1]
    assert found.value == pytest.approx([(1 + 0 + 1) / 5, 1.0])


def test_random_comparisons_have_a_quarter_of_intransitive_triples() -> None:
    rng = np.random.default_rng(1)
    rows = [
        {"prompt_id": p, "annotator_id": f"x{a}", "chosen": pair[0], "rejected": pair[1]}
        for p in range(60)
        for a in range(5)
        for pair in (rng.permutation(list(two)) for two in ("ab", "ac", "bc"))
    ]
    found = figures(rlchf.Rankings.from_frame(rows)).overall["intransitive"]
    assert found.low < 0.25 < found.high
    assert found.high - found.low < 0.25


def shown_for(rankings: rlchf.Rankings, rng: np.random.Generator) -> dict[str, list[Any]]:
    rows = []
    for p in rankings.prompt_ids:
        for a in rankings.annotator_ids:
            for place, r in enumerate(rng.permutation(rankings.responses(p))):
                rows.append((p, a, r, place + 1, 10.0 + int(a)))
    names = ("prompt_id", "annotator_id", "response_id", "position", "seconds")
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def test_position_preference_and_time_are_found_where_they_are_known() -> None:
    rankings, _ = planted_people(shares(6, 0.0, 0), 40)
    columns = shown_for(rankings, np.random.default_rng(2))
    found = figures(rankings, shown=Shown.of(rankings, columns))
    assert found.overall["first"].low < 0.5 < found.overall["first"].high
    assert found.seconds.tolist() == [10.0 + int(a) for a in rankings.annotator_ids]
    assert found.first.count.tolist() == [40 * 6] * 6

    first = rlchf.Rankings.from_ballots(  # x0 takes the responses in the order shown
        [
            (
                p,
                a,
                [
                    [r]
                    for p_, a_, r in zip(*list(columns.values())[:3], strict=True)
                    if (p_, a_) == (p, a)
                ],
            )
            for p in rankings.prompt_ids[:10]
            for a in rankings.annotator_ids[:2]
        ]
    )
    with pytest.warns(UserWarning, match="rows about what was shown are about prompts"):
        shown = Shown.of(first, columns)
    assert figures(first, shown=shown).first.value.tolist() == [1.0, 1.0]
    assert np.isnan(figures(rankings).first.value).all()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"prompt_id": ["p"], "annotator_id": ["ann"]}, "has the columns prompt_id, annotator_id"),
        ({"prompt_id": ["p"], "annotator_id": ["ann"], "seconds": []}, "differ in length"),
        ({"prompt_id": ["q"], "annotator_id": ["ann"], "seconds": [1]}, "none of the 1 rows"),
        (
            {"prompt_id": ["p"] * 2, "annotator_id": ["ann"] * 2, "response_id": ["a"] * 2, "position": [1,
            2]}, "'a' was shown to annotator 'ann' in two positions",
        ),
    ],
)  # fmt: skip
def test_a_table_of_what_was_shown_that_does_not_fit_is_refused(
    columns: dict[str, list[Any]], message: str
) -> None:
    rankings = rlchf.Rankings.from_ballots([("p", "ann", "a > b")])
    with pytest.raises(ValueError, match=message):
        Shown.of(rankings, columns)


def test_describing_people_says_nothing_of_single_people_who_are_anonymous() -> None:
    rankings = rlchf.Rankings.from_ballots([("p", f"anonymous:{a}", "a > b") for a in range(30)])
    found = describe_people(rankings)
    assert (found.reliability, found.clickers, found.consequences) == (None, None, [])
    assert found.to_dict()["by_annotator"] is None
    assert found.overall.same.value == 1


def test_hundreds_of_groups_are_described() -> None:
    rankings, _ = planted_people(shares(240, 0.0, 0), 3)
    groups = {str(a): f"g{a // 2}" for a in range(240)}
    found = describe_people(rankings, {"land": groups, "age": {"1": "30"}}, simulations=2)
    assert len(found.groups["land"]) == 120
    assert [len(matrix.names) for matrix in found.between] == [12, 1]
    assert Grouping.of(rankings, groups).names == [g.within.name for g in found.groups["land"]]


def test_large_data_are_looked_at_in_part() -> None:
    from rlchf.people.votes import PairVotes

    rankings, _ = planted_people(shares(40, 0.0, 0), 50)
    whole, part = PairVotes.of(rankings), PairVotes.of(rankings, most=2000)
    assert len(whole.pairs) == 12_000
    assert 1000 < len(part.pairs) < 3000
    one, other = (Agreements(rankings, votes).overall() for votes in (whole, part))
    assert one.alpha.value == pytest.approx(other.alpha.value, abs=0.1)
