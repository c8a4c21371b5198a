"""What `Rankings.from_entries` accepts, how it lays it out, what it refuses."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlchf.entries import Entries
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings, Unranked


def entries(**changes: Any) -> Entries:
    """Two ballots on one prompt: ann says a > b, bob says b > a."""
    columns: dict[str, Any] = {
        "prompt_ids": ["p"],
        "annotator_ids": ["ann", "bob"],
        "response_ids": ["a", "b"],
        "ballot_prompts": np.array([0, 0]),
        "ballot_annotators": np.array([0, 1]),
        "entry_ballots": np.array([0, 0, 1, 1]),
        "entry_responses": np.array([0, 1, 0, 1]),
        "entry_ranks": np.array([1.0, 2.0, 2.0, 1.0]),
        "source": "votes.csv",
        "locate": lambda entry: f"row {entry + 2}",
    }
    return Entries(**columns | changes)


def test_entries_of_a_ballot_are_stored_best_first() -> None:
    rankings = Rankings.from_entries(entries())
    assert rankings.responses("p") == ["a", "b"]
    assert rankings.entry_responses.tolist() == [0, 1, 1, 0]
    assert rankings.entry_ranks.tolist() == [1, 2, 1, 2]
    assert rankings.batch(np.array([0])).ranks.tolist() == [[1, 2], [2, 1]]


def test_ranks_become_dense_whatever_their_gaps() -> None:
    ranks = np.array([3.0, 7.5, -4.0, -4.0])
    batch = Rankings.from_entries(entries(entry_ranks=ranks)).batch(np.array([0]))
    assert batch.ranks.tolist() == [[1, 1], [2, 1]]


def test_scores_rank_downwards_and_are_kept() -> None:
    scores = np.array([0.5, 9.0, 2.0, 2.0])
    rankings = Rankings.from_entries(entries(entry_ranks=None, entry_scores=scores))
    batch = rankings.batch(np.array([0]))
    assert batch.ranks.tolist() == [[2, 1], [1, 1]]
    assert batch.scores is not None
    assert batch.scores.tolist() == [[0.5, 2.0], [9.0, 2.0]]


def test_ballots_are_gathered_by_prompt_in_the_order_of_the_input() -> None:
    ballots = [
        ("q", "ann", [["c"], ["d"]]),
        ("p", "ann", [["a"], ["b"]]),
        ("q", "bob", [["d", "c"]]),
    ]
    rankings = Rankings.from_ballots(ballots)
    assert rankings.prompt_ids == ["q", "p"]
    assert rankings.ballot_starts.tolist() == [0, 2, 3]
    assert rankings.ballot_annotators.tolist() == [0, 1, 0]
    assert rankings.responses("q") == ["c", "d"]


def test_responses_are_sorted_unless_their_order_is_given() -> None:
    names = ["10", "9"]
    assert Rankings.from_entries(entries(response_ids=names[::-1])).responses("p") == names
    unsorted = Rankings.from_entries(entries(response_ids=names[::-1], sort_responses=False))
    assert unsorted.responses("p") == ["9", "10"]


@pytest.mark.parametrize(("unranked", "third"), [("missing", [0, 0]), ("last", [3, 3])])
def test_a_listed_response_exists_though_no_ballot_names_it(
    unranked: Unranked, third: list[int]
) -> None:
    columns = entries(
        response_ids=["a", "b", "c"],
        listed=np.array([[0, 2], [0, 0], [0, 1]]),
    )
    rankings = Rankings.from_entries(columns, unranked)
    assert rankings.responses("p") == ["a", "b", "c"]
    assert rankings.batch(np.array([0])).ranks.tolist() == [[1, 2], [2, 1], third]


def test_unranked_last_ties_all_left_out_below_the_lowest() -> None:
    ballots = [("p", "ann", [["a"]]), ("p", "bob", [["b", "c"], ["d"]])]
    last = Rankings.from_ballots(ballots, unranked="last").batch(np.array([0])).ranks
    assert last.T.tolist() == [[1, 2, 2, 2], [3, 1, 1, 2]]
    missing = Rankings.from_ballots(ballots).batch(np.array([0])).ranks
    assert missing.T.tolist() == [[1, 0, 0, 0], [0, 1, 1, 2]]


def test_a_count_multiplies_the_weight() -> None:
    columns = entries(ballot_counts=np.array([3, 1]), ballot_weights=np.array([0.5, 2.0]))
    rankings = Rankings.from_entries(columns)
    assert rankings.ballot_weights.tolist() == [1.5, 2.0]
    assert rankings.ballot_counts.tolist() == [3, 1]
    assert rankings.n_ballots == 2


def test_annotator_weights_multiply_and_default_to_one() -> None:
    rankings = Rankings.from_entries(entries()).weighted({"bob": 3.0})
    assert rankings.ballot_weights.tolist() == [1.0, 3.0]


def test_the_same_response_id_serves_several_prompts() -> None:
    ballots = [("p", "ann", [["x"], ["y"]]), ("q", "ann", [["y"], ["z"], ["x"]])]
    rankings = Rankings.from_ballots(ballots)
    assert rankings.responses("p") == ["x", "y"]
    assert rankings.responses("q") == ["x", "y", "z"]
    assert [prompts.tolist() for prompts, _ in rankings.profiles()] == [[0], [1]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"entry_ranks": np.array([1.0, np.nan, 2, 1])}, r"votes.csv, row 3: the rank is nan"),
        ({"entry_ranks": np.array([1.0, 2, 2, np.inf])}, r"votes.csv, row 5: the rank is inf"),
        (
            {"entry_ranks": None, "entry_scores": np.array([-np.inf, 2.0, 2, 1])},
            r"votes.csv, row 2: the score is -inf",
        ),
        (
            {"ballot_weights": np.array([1.0, -2.0])},
            r"votes.csv, row 4: the weight is -2.0; give 0",
        ),
        ({"ballot_weights": np.array([np.nan, 1.0])}, r"votes.csv, row 2: the weight is nan"),
        (
            {"entry_responses": np.array([0, 1, 1, 1])},
            r"votes.csv, row 5: the same ballot ranks response 'b' twice; give each annotator one",
        ),
        ({"entry_ranks": None}, "give ranks, scores or approvals"),
        ({"entry_scores": np.zeros(4)}, "give either ranks or scores"),
    ],
)
def test_bad_entries_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Rankings.from_entries(entries(**changes))


def test_another_meaning_of_unranked_is_refused() -> None:
    unranked: Any = "worst"
    with pytest.raises(ValueError, match="unranked is 'worst'; choose from missing, last"):
        Rankings.from_entries(entries(), unranked)


def test_an_empty_dataset_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing: there is no ballot"):
        Rankings.from_ballots([], source="nothing")


def test_a_ballot_that_ranks_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a ballot on prompt 'q' ranks no response"):
        Rankings.from_ballots([("p", "ann", [["a"], ["b"]]), ("q", "bob", [])])


def test_a_prompt_with_one_response_is_refused() -> None:
    with pytest.raises(ValueError, match="prompt 'q' has one response only; give at least two"):
        Rankings.from_ballots([("p", "ann", [["a"], ["b"]]), ("q", "bob", [["a"]])])


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.integers(0, 4),
            st.permutations(list("abcd")),
            st.lists(st.booleans(), min_size=3, max_size=3),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_what_goes_in_as_a_ranking_comes_out_as_the_same_ranking(
    drawn: list[tuple[int, int, list[str], list[bool]]],
) -> None:
    ballots = []
    for prompt, annotator, order, cuts in drawn:
        levels = [[order[0]]]
        for response, cut in zip(order[1:], cuts, strict=True):
            if cut:
                levels.append([])
            levels[-1].append(response)
        ballots.append((prompt, annotator, levels))
    rankings = Rankings.from_ballots(ballots)
    by_prompt = sorted(ballots, key=lambda ballot: rankings.prompt_index[str(ballot[0])])
    for n, (_, annotator, levels) in enumerate(by_prompt):
        entries = slice(int(rankings.entry_starts[n]), int(rankings.entry_starts[n + 1]))
        pairs = zip(rankings.entry_responses[entries], rankings.entry_ranks[entries], strict=True)
        expected = {("abcd".index(r), rank) for rank, lv in enumerate(levels, 1) for r in lv}
        assert {(int(r), int(rank)) for r, rank in pairs} == expected
        assert rankings.annotator_ids[rankings.ballot_annotators[n]] == str(annotator)


def test_a_ballot_may_be_written_as_text_or_as_a_flat_list() -> None:
    forms = ("x > yy = z", [["x"], ["yy", "z"]], ["x", ["yy", "z"]])
    built = [Rankings.from_ballots([("p", "ann", form)]) for form in forms]
    assert {tuple(rankings.responses("p")) for rankings in built} == {("x", "yy", "z")}
    assert {tuple(rankings.entry_ranks) for rankings in built} == {(1, 2, 2)}


@pytest.mark.parametrize("ranking", ["a >> b", "a > b =", "> a", [["a"], [""]], [["a"], " "]])
def test_an_empty_response_id_is_refused(ranking: str | list[object]) -> None:
    ballots = [("p", "ann", "a > b"), ("p", "bob", ranking)]
    with pytest.raises(ValueError, match=r"votes, ballot 1: .* has an empty response id; name"):
        Rankings.from_ballots(ballots, source="votes")
    if isinstance(ranking, str):
        with pytest.raises(ValueError, match="has an empty response id; name one"):
            Profiles.from_ballots([[ranking]])
