"""Comparisons side by side: votes of an arena, signed strengths, pairs of trainers."""

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rlchf.io import read_rankings
from rlchf.profiles import UNSTATED
from rlchf.rankings import Rankings
from tests.support.files import Write, content, ranks

ARENA = (
    "question_id,model_a,model_b,winner,judge,turn\n"
    "1,gpt,claude,model_a,arena_user_1,1\n"
    "1,claude,gpt,tie (bothbad),arena_user_2,1\n"
    "1,gpt,claude,tie,arena_user_3,1\n"
)
USER = {"role": "user", "content": "Which tea?"}
LONG_TEXT = "Mint, which grows everywhere and needs no more than water."


def said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def test_votes_of_an_arena_are_ballots_of_two_models(write: Write) -> None:
    rankings = read_rankings(write("v.csv", ARENA))
    assert rankings.prompt_ids == ["1"]
    assert rankings.annotator_ids == ["arena_user_1", "arena_user_2", "arena_user_3"]
    assert rankings.responses("1") == ["claude", "gpt"]
    assert ranks(rankings) == [[2, 1], [1, 1], [1, 1]]
    assert rankings.entry_approvals is not None
    assert rankings.entry_approvals.tolist() == [UNSTATED] * 2 + [-1, -1] + [UNSTATED] * 2


@pytest.mark.parametrize(
    ("winner", "expected"),
    [
        ("model_a", [1, 2]), ("MODEL_A", [1, 2]), ("A", [1, 2]), ("left", [1, 2]), ("a", [1, 2]),
        ("model_b", [2, 1]), ("right", [2, 1]), ("response_b", [2, 1]), ("y", [2, 1]), ("x", [1, 2]),
        ("tie", [1, 1]), ("draw", [1, 1]), ("both_bad", [1, 1]), ("tie (bothbad)", [1, 1]),
        ("Tie (both bad)", [1, 1]), ("bothbad", [1, 1]), ("both-bad", [1, 1]), ("neither", [1, 1]),
    ],
)  # fmt: skip
def test_a_winner_may_be_a_side_or_a_name(winner: str, expected: list[int]) -> None:
    row = {"prompt_id": "p", "model_a": "x", "model_b": "y", "winner": winner}
    rankings = Rankings.from_frame([row])
    assert ranks(rankings) == [expected]
    bad = "bad" in winner.lower() or winner == "neither"
    assert (rankings.entry_approvals is not None) == bad


@pytest.mark.parametrize("sides", [("left", "right"), ("response_a", "response_b")])
def test_an_arena_may_have_other_sides_and_lack_prompts_and_judges(
    write: Write, sides: tuple[str, str]
) -> None:
    header = ",".join([*sides, "winner"])
    rankings = read_rankings(write("games.csv", f"{header}\nx,y,left\ny,x,right\nx,y,tie\n"))
    assert rankings.prompt_ids == ["games"]
    assert rankings.anonymous == ["anonymous:1", "anonymous:2", "anonymous:3"]
    assert ranks(rankings) == [[1, 2], [1, 2], [1, 1]]


def test_signed_strengths_say_who_is_preferred_and_how_strongly(write: Write) -> None:
    lines = [
        {"context": [USER], "response1": "Green.", "response2": "Black.", "overall_preference": n}
        for n in (-3, 2, 0)
    ]
    path = write("v.jsonl", "\n".join(map(json.dumps, lines)))
    columns = "strength=overall_preference,prompt=context"
    rankings = read_rankings(path, format="signed", columns=columns)
    assert rankings.prompt_ids == ["Which tea?"]
    assert rankings.responses("Which tea?") == ["Black.", "Green."]
    assert ranks(rankings) == [[2, 1], [1, 2], [1, 1]]
    assert rankings.ballot_strengths is not None
    assert rankings.ballot_strengths.tolist() == [3.0, 2.0, 0.0]
    frame = Rankings.from_frame(lines, format="signed", columns=columns)
    assert content(frame) == content(rankings)
    swapped = read_rankings(
        path, format="signed", columns=columns + ",response_a=response2,response_b=response1"
    )
    assert ranks(swapped)[:2] == [[1, 2], [2, 1]]
    with pytest.raises(
        ValueError, match="--columns strength=overall_preference,prompt=context if a"
    ):
        read_rankings(path)
    with pytest.raises(ValueError, match="there is no prompt; name its column with --columns"):
        read_rankings(path, format="signed", columns="strength=overall_preference")


def test_pairs_are_ballots_on_texts(write: Write) -> None:
    lines = [
        {"prompt": "Which tea?", "chosen": "Green.", "rejected": LONG_TEXT},
        {"prompt": "Which tea?", "chosen": LONG_TEXT, "rejected": "Black."},
    ]
    rankings = read_rankings(write("v.jsonl", "\n".join(map(json.dumps, lines))))
    assert rankings.prompt_ids == ["Which tea?"]
    assert rankings.annotator_ids == ["anonymous:1", "anonymous:2"]
    responses = rankings.responses("Which tea?")
    assert {"Black.", "Green."} < set(responses)
    assert [len(response) for response in responses if "." not in response] == [12]
    csv = "prompt,chosen,rejected,annotator_id,weight\nWhich tea?,Green.,Black.,ann,2\n"
    rankings = read_rankings(write("v.csv", csv))
    assert (rankings.annotator_ids, rankings.ballot_weights.tolist()) == (["ann"], [2.0])


def test_conversations_and_texts_are_the_same_pairs(write: Write) -> None:
    plain = {"prompt": ["Which tea?"], "chosen": ["Green."], "rejected": ["Black."]}
    messages = {"prompt": [[USER]], "chosen": [[said("Green.")]], "rejected": [[said("Black.")]]}
    whole = {"chosen": [[USER, said("Green.")]], "rejected": [[USER, said("Black.")]]}
    expected = content(Rankings.from_frame(plain))
    assert content(Rankings.from_frame(messages)) == expected
    path = write("v.parquet", "")
    pq.write_table(pa.table(messages), path)
    assert content(read_rankings(path)) == expected
    pq.write_table(pa.table(whole), path)
    assert content(read_rankings(path, format="pairs")) == expected
    array = write(
        "v.json", json.dumps([{"chosen": whole["chosen"][0], "rejected": whole["rejected"][0]}])
    )
    assert content(read_rankings(array, format="pairs")) == expected


def test_pairs_with_a_prompt_id_and_an_annotator_are_comparisons() -> None:
    row = {
        "prompt_id": "p",
        "prompt": "Which?",
        "annotator_id": "ann",
        "chosen": "a",
        "rejected": "b",
    }
    assert Rankings.from_frame([row]).prompt_ids == ["p"]
    del row["annotator_id"]
    with pytest.raises(ValueError, match="there is no column 'annotator_id'"):
        Rankings.from_frame([row])
    assert Rankings.from_frame([row], format="pairs").annotator_ids == ["anonymous:1"]


ROW: dict[str, Any] = {"prompt_id": "p", "model_a": "x", "model_b": "y", "winner": "model_a"}
REFUSED: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "no winner": ([ROW, ROW | {"winner": ""}], "auto", "row 2: the winner is empty"),
    "some winner": (
        [ROW, ROW | {"winner": "1"}, ROW | {"winner": "0"}], "auto",
        "row 2: the winner is '1', and 2 of 3 rows have no winner that is known; give model_a, model_b, tie",
    ),
    "the same model": ([ROW, ROW | {"model_b": "x"}], "auto", "row 2: model_a and model_b are both 'x'"),
    "several prompts": (
        [{"response_a": f"a{i}", "response_b": f"b{i}", "winner": "tie"} for i in range(3)], "auto",
        "6 responses in 3 rows are not on one prompt; give a column prompt_id or prompt",
    ),
    "no strength": (
        [{"prompt_id": "p", "response_a": "x", "response_b": "y", "strength": None}], "signed",
        "row 1: the strength is empty; give a number: negative prefers response_a",
    ),
    "no prompt": ([{"chosen": "a", "rejected": "b"}], "pairs", "row 1: there is no prompt, and chosen is"),
    "no shared prompt": (
        [{"chosen": [said("a")], "rejected": [said("b")]}], "pairs",
        "row 1: chosen and rejected begin with different messages",
    ),
    "an empty response": (
        [{"prompt": "p", "chosen": [], "rejected": [said("b")]}], "auto", "row 1: the chosen is empty",
    ),
    "an empty text": ([{"prompt": "p", "chosen": " ", "rejected": "b"}], "auto", "row 1: the chosen is emp"),
    "the same text": (
        [{"prompt": "p", "chosen": "b", "rejected": "b"}], "auto", "row 1: chosen and rejected are both 'b'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "format", "message"), REFUSED.values(), ids=REFUSED)
def test_a_verdict_is_refused_with_its_row_and_a_hint(
    rows: list[dict[str, Any]], format: str, message: str
) -> None:
    with pytest.raises(ValueError, match="table(, |: )" + message):
        Rankings.from_frame(rows, format=format)


def test_battles_without_a_prompt_are_votes_of_their_own(write: Write) -> None:
    """A judge who sees the same two models again judges other responses."""
    path = write("v.csv", "judge,model_a,model_b,winner\nann,x,y,x\nann,x,y,y\nann,y,x,tie\n")
    assert read_rankings(path).n_ballots == 3


def test_an_arena_with_a_prompt_for_each_vote_brings_a_warning(write: Write) -> None:
    rows = "".join(f"q{n},{'xy'[n % 2]},z,model_a\n" for n in range(20))
    path = write("v.csv", "question_id,model_a,model_b,winner\n" + rows)
    with pytest.warns(
        UserWarning, match="20 prompts with one vote each; .* 3 models .* --columns prompt_id="
    ):
        read_rankings(path)
    assert read_rankings(path, columns="prompt_id=").n_prompts == 1
