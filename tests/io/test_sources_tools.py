"""Exports of annotation tools: their shapes, what each holds, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from rlchf.io.sources import Converted, read_source
from tests.support.sources import ballot_lines

Rows = list[dict[str, Any]]


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Write the records as a file and read it as a source."""

    def read(name: str, records: Any, file: str = "data.json", **options: Any) -> Converted:
        (tmp_path / file).write_text(json.dumps(records), encoding="utf-8")
        return read_source([str(tmp_path / file)], name, options)[1]

    return read


# --- ICAI


def pairs(annotation: Any, version: str = "2.0", **comparison: Any) -> dict[str, Any]:
    one = {
        "id": "c",
        "prompt": "Q?",
        "response_a": {"text": "A."},
        "response_b": {"text": "B."},
        "annotations": {"h": annotation},
    }
    return {
        "metadata": {"version": version},
        "annotators": {"h": {"name": "ann", "type": "human"}},
        "comparisons": [one | comparison],
    }


def test_a_preference_of_annotated_pairs_is_a_b_or_tie(read: Any) -> None:
    for word, ranks in (("a", [1, 2]), ("b", [2, 1]), ("tie", [1, 1])):
        assert read("icai", pairs({"pref": word})).columns()["rank"] == ranks
    with pytest.raises(ValueError, match="annotations, h: pref is 'A is better'"):
        read("icai", pairs({"pref": "A is better"}))


def test_annotated_pairs_without_a_preference_are_counted_by_their_reason(read: Any) -> None:
    none = read("icai", pairs({"pref": None, "no_pref_reason": "not_applicable"}))
    assert none.dropped == {"annotations without a preference (not applicable)": 1}
    assert none.prompts == {}
    with pytest.raises(ValueError, match=r"version of the format is 1\.0"):
        read("icai", pairs({"pref": "a"}, version="1.0"))
    with pytest.raises(ValueError, match="no annotator 'x' among the annotators"):
        read("icai", pairs({}, annotations={"x": {"pref": "a"}}))


def test_one_type_of_annotators_can_be_chosen() -> None:
    path = Path(__file__).parents[1] / "data/sources/icai.json"
    human = read_source([str(path)], "icai", {"annotators": "human"})[1]
    assert set(human.annotators) == {"h1", "h2"}
    assert human.dropped["annotations by annotators of another type"] == 27


# --- OpenAssistant


def test_trees_and_messages_are_the_same(read: Any) -> None:
    path = Path(__file__).parents[1] / "data/sources/oasst.jsonl"
    flat = read_source([str(path)], "oasst")[1]
    rows = {row["message_id"]: row for row in map(json.loads, path.read_text().splitlines())}
    for row in rows.values():
        row["labels"] = {"quality": {"value": 0.75, "count": 3}, "spam": {"value": 0.0, "count": 3}}
        row["replies"] = [one for one in rows.values() if one["parent_id"] == row["message_id"]]
    tree = read("oasst", [{"message_tree_id": "m0", "tree_state": "ready", "prompt": rows["m0"]}])
    assert (
        ballot_lines(tree)
        == ballot_lines(flat)
        == [
            "m0, anonymous:1: m2 > m1 > m3",
            "m4, anonymous:1: m6 > m7",
        ]
    )
    assert tree.responses == flat.responses
    assert tree.labels == flat.labels
    assert "nobody's" in flat.note


def test_people_s_own_rankings_are_read_where_an_export_has_them(read: Any) -> None:
    def message(name: str, parent: str | None, role: str, **more: Any) -> dict[str, Any]:
        base = {"message_id": name, "parent_id": parent, "role": role, "text": f"Text {name}."}
        return base | {"rank": None} | more

    events = [
        {"type": "ranking", "user_id": "u1", "ranking": [1, 0], "ranked_message_ids": ["b", "a"]},
        {"type": "ranking", "user_id": "u2", "ranking": [0, 1], "ranked_message_ids": ["a", "b"]},
        {
            "type": "ranking",
            "user_id": "u3",
            "ranked_message_ids": ["a", "b"],
            "not_rankable": True,
        },
    ]
    converted = read(
        "oasst",
        [
            message("q", None, "prompter", events={"ranking": events}),
            message("a", "q", "assistant", rank=0),
            message("b", "q", "assistant", rank=1),
        ],
    )
    assert ballot_lines(converted) == ["q, u1: b > a", "q, u2: a > b"]
    assert converted.dropped == {"rankings marked as not rankable": 1}
    assert converted.note == ""


def test_replies_whose_conversation_is_not_there_are_counted(read: Any) -> None:
    rows = [
        {"message_id": name, "parent_id": "gone", "role": "assistant", "text": name, "rank": rank}
        for rank, name in enumerate("ab")
    ]
    assert read("oasst", rows).dropped == {
        "groups of replies whose conversation is not in the files": 1
    }


# --- Argilla


def ranks(*values: int | None) -> Rows:
    return [{"value": f"reply-{k}", "rank": rank} for k, rank in enumerate(values, 1)]


FIELDS = {"prompt": "Q?", "reply-1": "One.", "reply-2": "Two.", "reply-3": "Three."}


def test_argilla_s_shapes_hold_the_same_answers(read: Any) -> None:
    server = {
        "id": "r",
        "fields": FIELDS,
        "responses": [
            {"user_id": "u", "status": "submitted", "values": {"best": {"value": ranks(2, 1, 2)}}}
        ],
    }
    sdk = {"id": "r", "fields": FIELDS, "status": "completed"} | {
        "responses": {"best": [{"user_id": "u", "value": ranks(2, 1, 2)}]}
    }
    hub = {"id": "r", **FIELDS} | {
        "best.responses": [ranks(2, 1, 2)],
        "best.responses.users": ["u"],
        "best.responses.status": ["submitted"],
    }
    older = {"external_id": "r", **FIELDS} | {
        "best": [
            {
                "user_id": "u",
                "status": "submitted",
                "value": {"value": ["reply-1", "reply-2", "reply-3"], "rank": [2, 1, 2]},
            }
        ]
    }
    for record in (server, sdk, hub, older):
        converted = read("argilla", [record])
        assert ballot_lines(converted) == ["r, u: reply-2 > reply-1 = reply-3"]
        assert converted.responses == {"r": {k: FIELDS[k] for k in list(FIELDS)[1:]}}
        assert converted.prompts == {"r": "Q?"}


def test_names_without_ranks_say_nothing_and_are_refused(read: Any) -> None:
    record = {"id": "r", "fields": FIELDS, "status": "completed"} | {
        "responses": {"best": [{"user_id": "u", "value": ["reply-1", "reply-2", "reply-3"]}]}
    }
    with pytest.raises(
        ValueError, match="item 1: best has the names of its options without their ranks"
    ):
        read("argilla", [record])


def test_options_and_fields_are_joined_by_name_by_number_or_as_one_says(read: Any) -> None:
    def record(fields: dict[str, str]) -> Rows:
        answer = {"user_id": "u", "status": "submitted", "values": {"best": {"value": ranks(2, 1)}}}
        return [{"id": "r", "fields": {"instruction": "Q?"} | fields, "responses": [answer]}]

    by_number = read("argilla", record({"response_1": "One.", "response_2": "Two."}))
    assert by_number.responses == {"r": {"reply-1": "One.", "reply-2": "Two."}}
    unlike = record({"left": "One.", "right": "Two."})
    with pytest.raises(ValueError, match="not clear which field holds option 'reply-1'"):
        read("argilla", unlike)
    said = read("argilla", unlike, responses="left,right")
    assert said.responses == {"r": {"reply-1": "One.", "reply-2": "Two."}}
    with pytest.raises(ValueError, match="not clear which field is the prompt"):
        read("argilla", record({"question": "Q?", "reply-1": "One.", "reply-2": "Two."}))


# --- Label Studio

ITEMS = [{"id": name, "title": name.upper(), "body": f"Text {name}."} for name in ("m", "a", "w")]


def task(value: Any, kind: str = "ranker", data: dict[str, Any] | None = None, **more: Any) -> Any:
    result = {"from_name": "rank", "to_name": "results", "type": kind, "value": value}
    annotation = {"id": 1, "completed_by": 7, "result": [result], "was_cancelled": False} | more
    return [
        {"id": 1, "data": data or {"prompt": "Q?", "items": ITEMS}, "annotations": [annotation]}
    ]


def prompt_of(converted: Converted) -> str:
    (name,) = converted.prompts
    return name


@pytest.mark.parametrize(
    "value",
    [
        ["a", "w", "m"],
        {"rank": ["a", "w", "m"]},
        {"place-3": ["m"], "place-1": ["a"], "place-2": ["w"]},
    ],
)
def test_a_ranker_is_a_list_a_list_by_its_name_or_buckets(read: Any, value: Any) -> None:
    converted = read("label_studio", task({"ranker": value}))
    assert ballot_lines(converted) == [f"{prompt_of(converted)}, 7: a > w > m"]
    assert converted.note == ""


def test_an_order_that_nobody_may_have_touched_is_told(read: Any) -> None:
    converted = read("label_studio", task({"ranker": ["m", "a", "w"]}))
    assert converted.note.startswith("1 of 1 rankings have the order that was shown")


def test_the_items_of_a_bucket_are_tied_and_those_not_placed_are_unranked(read: Any) -> None:
    buckets = {"_": ["w"], "place-2": [], "place-10": ["m"], "place-9": ["a"]}
    converted = read("label_studio", task({"ranker": buckets}))
    assert ballot_lines(converted) == [f"{prompt_of(converted)}, 7: a > m"]
    assert set(converted.responses[prompt_of(converted)]) == {"m", "a", "w"}
    tied = read(
        "label_studio", task({"ranker": {"best": ["a", "w"], "worst": ["m"]}}), buckets="best,worst"
    )
    assert ballot_lines(tied) == [f"{prompt_of(tied)}, 7: a = w > m"]
    with pytest.raises(ValueError, match="not clear which of the buckets best, worst is better"):
        read("label_studio", task({"ranker": {"best": ["a", "w"], "worst": ["m"]}}))
    with pytest.raises(ValueError, match="annotations 1: item 'a' is placed twice"):
        read("label_studio", task({"ranker": {"place-1": ["a"], "place-2": ["a", "m"]}}))
    with pytest.raises(ValueError, match="annotations 1: the ranker has '3'; there should be ids"):
        read("label_studio", task({"ranker": {"place-1": 3, "place-2": ["m"]}}))
    with pytest.raises(ValueError, match="annotations 1: item 'x' is not among m, a, w"):
        read("label_studio", task({"ranker": ["x", "a"]}))


def test_a_comparison_is_left_right_or_equal(read: Any) -> None:
    data = {"prompt": "Q?", "text1": "One.", "text2": "Two."}
    for word, order in (("left", [1.0, 2.0]), ("right", [2.0, 1.0])):
        converted = read("label_studio", task({"selected": word}, "pairwise", data))
        assert converted.columns()["rank"] == order
    with pytest.raises(ValueError, match="selected is 'both'; there should be left or right"):
        read("label_studio", task({"selected": "both"}, "pairwise", data))
    other = {"prompt": "Q?", "x": "One.", "y": "Two."}
    with pytest.raises(ValueError, match="not clear which keys of the data are the two sides"):
        read("label_studio", task({"selected": "left"}, "pairwise", other))
    named = read("label_studio", task({"selected": "left"}, "pairwise", other), left="x", right="y")
    assert named.columns()["rank"] == [1.0, 2.0]


def test_the_rows_of_json_min_are_annotations_too(read: Any) -> None:
    row = {
        "id": 4,
        "prompt": "Q?",
        "items": ITEMS,
        "rank": [{"ranker": {"place-1": ["w"], "place-2": ["a", "m"]}}],
        "annotator": 3,
        "annotation_id": 9,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "lead_time": 3.0,
    }
    converted = read("label_studio", [row])
    assert ballot_lines(converted) == [f"{prompt_of(converted)}, 3: w > a = m"]
    del row["rank"], row["items"]
    pair = row | {"first": "One.", "second": "Two.", "preference": [{"selected": "right"}]}
    assert read("label_studio", [pair]).columns()["rank"] == [2.0, 1.0]
    del pair["preference"]
    assert read("label_studio", [pair | {"equal": "Equally good"}]).columns()["rank"] == [1.0, 1.0]
    with pytest.raises(ValueError, match="there is no key 'annotation_id'"):
        read("label_studio", [{"prompt": "Q?"}])


# --- OpenRLHF

CHAT = [{"role": "user", "content": "Q?"}]
GOOD, BAD = ({"role": "assistant", "content": text} for text in ("Yes.", "No."))


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Q?", "chosen": "Yes.", "rejected": "No."},
        {"prompt": CHAT, "chosen": [GOOD], "rejected": [BAD]},
        {"prompt": "Q?", "chosen": [*CHAT, GOOD], "rejected": [*CHAT, BAD]},
        {"chosen": [*CHAT, GOOD], "rejected": [*CHAT, BAD]},
        {"chosen": "Q? Yes.", "rejected": "Q? No.", "split": "Q?"},
    ],
)
def test_rows_of_texts_and_of_chat_messages(read: Any, row: dict[str, Any]) -> None:
    options = {"split": row.pop("split")} if "split" in row else {}
    converted = read("openrlhf", [row], **options)
    (texts,) = converted.responses.values()
    assert list(texts.values()) == ["Yes.", "No."]
    assert next(iter(converted.prompts.values())) in ("Q?", CHAT)
    assert converted.columns()["rank"] == [1, 2]
    assert converted.columns()["annotator_id"] == ["anonymous:1"] * 2


def test_texts_that_hold_their_prompt_have_no_prompt_of_their_own(read: Any) -> None:
    rows = [{"chosen": f"Human: {n}? Yes.", "rejected": f"Human: {n}? No."} for n in range(2)]
    converted = read("openrlhf", rows)
    assert set(converted.prompts.values()) == {""}
    assert len(converted.prompts) == 2


def test_rows_that_fit_no_shape_are_refused(read: Any) -> None:
    other = [{"role": "user", "content": "P?"}, BAD]
    with pytest.raises(ValueError, match="item 1: chosen and rejected should be one conversation"):
        read("openrlhf", [{"chosen": [*CHAT, GOOD], "rejected": other}])
    with pytest.raises(ValueError, match="should begin alike, up to their last 'Answer:'"):
        read("openrlhf", [{"chosen": "a Answer: b", "rejected": "c Answer: d"}], split="Answer:")
    with pytest.raises(ValueError, match="rejected is '3'"):
        read("openrlhf", [{"chosen": [*CHAT, GOOD], "rejected": 3}])


def test_a_column_may_name_the_annotator(read: Any) -> None:
    row = {"prompt": "Q?", "chosen": "Yes.", "rejected": "No.", "rater": "ann"}
    converted = read("openrlhf", [row], annotator="rater")
    assert converted.columns()["annotator_id"] == ["ann"] * 2
    assert converted.note == ""
