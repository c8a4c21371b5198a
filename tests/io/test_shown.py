"""Tables of what was on annotators' screens."""

from pathlib import Path

import numpy as np
import pytest

from rlchf.io.shown import read_shown


def test_positions_and_times_are_read_and_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "shown.csv"
    path.write_text(
        "prompt_id,annotator_id,response_id,position,seconds,page\np,ann,a,2,7.5,x\np,ann,b,,,y\n"
    )
    found = read_shown(path)
    assert list(found) == ["prompt_id", "annotator_id", "response_id", "position", "seconds"]
    assert found["response_id"] == ["a", "b"]
    np.testing.assert_array_equal(found["position"], [2, np.nan])
    path.write_text("prompt_id,annotator_id,seconds\np,ann,3\n")
    assert read_shown(path) == {"prompt_id": ["p"], "annotator_id": ["ann"], "seconds": [3.0]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prompt_id,annotator_id\np,ann\n", "there is no column 'position'"),
        ("prompt_id,annotator_id,position\np,ann,1\n", "there is no column 'response_id'"),
        ("prompt_id,annotator_id,seconds\np,ann,-1\n", "row 2: the seconds are -1; give 0 or more"),
        ("prompt_id,annotator_id,seconds\np,ann,soon\n", "row 2: the seconds is 'soon'; give a n"),
        ("prompt_id,annotator_id,seconds\np,,1\n", "row 2: the annotator_id is empty"),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "shown.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_shown(path)
