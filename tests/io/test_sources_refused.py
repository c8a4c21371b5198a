"""Records of corpora that are refused, with their place."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from rlchf.io.sources import read_source
from tests.support.sources import fixture


def broken(name: str, tmp_path: Path, change: Any) -> str:
    """The message about a fixture whose record on line 3 is changed."""
    source = fixture(name)
    path = next(source.glob("*.jsonl")) if source.is_dir() else source
    if source.is_dir():
        path = source / {"coval": "comparisons.jsonl", "prism": "utterances.jsonl"}[name]
    if path.suffix == ".csv":
        rows = list(csv.DictReader(path.open(newline="")))
        change(rows[2])
        target = tmp_path / path.name
        with target.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[2]), extrasaction="ignore", restval="")
            writer.writeheader()
            writer.writerows(rows)
    else:
        records = [json.loads(line) for line in path.read_text().splitlines()]
        change(records[2])
        target = tmp_path / path.name
        target.write_text("\n".join(map(json.dumps, records)))
    with pytest.raises(ValueError, match=re.escape(str(target))) as caught:
        read_source([str(target)], name)
    return str(caught.value).replace(str(target), "FILE")


def _set(*keys: Any, value: Any) -> Any:
    def change(record: Any) -> None:
        for key in keys[:-1]:
            record = record[key]
        if value is None:
            del record[keys[-1]]
        else:
            record[keys[-1]] = value

    return change


REFUSED = [
    ("coval", _set("responses", 1, "messages", value=None),
     "FILE, line 3, responses 2: there is no key 'messages' among response_index; the shape is"),
    ("coval", _set("metadata", "assessments", 0, "ranking_blocks", "personal", 0, "ranking",
                   value="A>B>E"),
     "FILE, line 3, metadata, assessments 1, ranking_blocks, personal 1: the ranking 'A>B>E' names 'E' "
     "which is none of A, B, C, D"),
    ("coval", _set("metadata", "assessments", 0, "ranking_blocks", "personal", 0, "ranking",
                   value="A>B>A"), "names 'A' twice"),
    ("coval", _set("prompt_id", value="c0"),
     "FILE, line 3: prompt 'c0' comes twice, with different texts"),
    ("community_alignment", _set("first_turn_preferred_response", value="response_e"),
     "FILE, row 4: first_turn_preferred_response is 'response_e'; there should be one of response_a"),
    ("community_alignment", _set("annotator_id", value=" "), "FILE, row 4: annotator_id is empty"),
    ("prism", _set("score", value="good"),
     "FILE, line 3: score is 'good'; there should be a number"),
    ("prism", _set("user_prompt", value=None), "there is no key 'user_prompt'"),
    ("multipref", _set("normal_worker_annotations", 0, "overall_pref", value="A"),
     "FILE, line 3, normal_worker_annotations 1: overall_pref is 'A'; there should be one of "
     "a-is-clearly-better"),
    ("multipref", _set("expert_worker_annotations", value={"a": 1}),
     "FILE, line 3: expert_worker_annotations is"),
    ("helpsteer3", _set("individual_preference", 1, "score", value=4),
     "FILE, line 3, individual_preference 2: the score is 4; there should be a number from -3 to 3"),
    ("helpsteer3", _set("context", value=[{"role": "user"}]), "FILE, line 3: a chat message is"),
    ("habermas", _set("rankings.numerical_ranks", value=[1, 2]),
     "FILE, line 3: 2 ranks for the 4 statements of rankings.candidate_ids"),
    ("habermas", _set("rankings.numerical_ranks", value=[1, 2, "x", 3]),
     "FILE, line 3: a rank is 'x'; there should be a number"),
    ("arena", _set("winner", value="model_c"),
     "FILE, line 3: winner is 'model_c'; there should be one of model_a, model_b, tie"),
    ("arena", _set("conversation_a", value="[{'role': 'user'}]"),
     "FILE, line 3: conversation_a is \"[{'role': 'user'}]\"; there should be a list of messages"),
    ("ultrafeedback", _set("completions", 0, "annotations", "honesty", value=None),
     "FILE, line 3, completions 1, annotations: there is no key 'honesty'"),
    ("ultrafeedback", _set("completions", 0, "annotations", "honesty", "Rating", value="high"),
     "FILE, line 3, completions 1, annotations, honesty: Rating is 'high'; there should be a number"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "message"), REFUSED)
def test_a_broken_record_is_refused_with_its_place(
    name: str, change: Any, message: str, tmp_path: Path
) -> None:
    assert message in broken(name, tmp_path, change)
