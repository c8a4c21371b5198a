"""Judgements of principles: reading them, and position bias."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlchf.constitution.judgements import Judgement, Judgements
from rlchf.constitution.position import position_bias
from rlchf.io.judgements import read_judgements

ROW = {"prompt_id": "p", "annotator_id": "kind", "chosen": "b", "rejected": "a", "probability": 0.8}


def written(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "rankings.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_soft_label_is_about_the_response_with_the_smaller_id(tmp_path: Path) -> None:
    shown = {
        "shown_first": 0.3,
        "shown_second": None,
        "nonsense": 1,
        "cannot_tell": 0.1,
        "weight": 2,
    }
    (row,) = read_judgements(written(tmp_path, ROW | shown)).rows()
    assert (row.first, row.second) == ("a", "b")
    assert row.soft_label == pytest.approx(0.2)
    assert (row.shown_first, row.nonsense, row.cannot_tell, row.weight) == (0.3, 1, 0.1, 2.0)
    assert np.isnan(row.shown_second)


def test_comparisons_without_probabilities_are_hard_labels(tmp_path: Path) -> None:
    hard = {key: ROW[key] for key in ("prompt_id", "annotator_id", "chosen", "rejected")}
    tied = hard | {"prompt_id": "q", "tie": True}
    nothing = hard | {"prompt_id": "r", "probability": None, "nonsense": 2}
    read = read_judgements(written(tmp_path, hard, tied, nothing))
    assert read.soft_labels[:2].tolist() == [0.0, 0.5]
    assert read.usable.tolist() == [True, True, False]
    assert repr(read) == "<Judgements: 1 principle, 3 prompts, 3 pairs, 3 judgements>"


def test_principles_come_in_the_order_of_the_constitution(tmp_path: Path) -> None:
    path = written(tmp_path, ROW, ROW | {"annotator_id": "brief"})
    with pytest.warns(
        UserWarning, match="no judgement of 1 principle of the constitution, such as 'wise'"
    ):
        read = read_judgements(path, ["brief", "wise", "kind"])
    assert read.principles == ["brief", "kind"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probability": 1.2}, "line 1: probability is 1.2; give a number from 0 to 1"),
        ({"probability": "high"}, "line 1: probability is 'high'; give a number from 0 to 1"),
        ({"weight": -1}, "line 1: weight is -1; give a number of 0 or more"),
        ({"shown_first": True}, "line 1: shown_first is True; give a number from 0 to 1"),
        ({"tie": "no"}, "line 1: tie is 'no'; give true or false"),
        ({"rejected": "b"}, "line 1: 'b' is compared with itself"),
        ({"annotator_id": "mean"}, "'mean' is no principle of the constitution, which has kind"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=r"rankings\.jsonl") as error:
        read_judgements(written(tmp_path, ROW | change), ["kind"])
    assert message in str(error.value)


def test_a_repeated_judgement_and_an_empty_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="principle 'kind' judges responses 'a' and 'b' of prompt 'p' more"
    ):
        read_judgements(written(tmp_path, ROW, ROW | {"chosen": "a", "rejected": "b"}))
    table = tmp_path / "rankings.csv"
    table.write_text("prompt_id,annotator_id,chosen,rejected\np,kind,a,b\n")
    with pytest.raises(ValueError, match=r"rankings\.csv: give a jsonl file of comparisons"):
        read_judgements(table)
    with pytest.raises(ValueError, match="there is no judgement"):
        read_judgements(written(tmp_path))
    with pytest.raises(ValueError, match="line 1: there is no key 'chosen' among prompt_id"):
        read_judgements(written(tmp_path, {"prompt_id": "p", "annotator_id": "kind"}))


def asked(n: int, first: float, second: float, name: str = "kind") -> list[Judgement]:
    soft = np.nanmean([first, second])
    return [Judgement(f"p{i}", name, "a", "b", float(soft), 1.0, first, second) for i in range(n)]


def test_bias_is_half_of_the_difference_between_the_places() -> None:
    rows = asked(3, 0.7, 0.4) + asked(3, 0.2, 0.4, "brief")
    everyone, kind, brief = position_bias(Judgements.of(rows))
    assert everyone.bias.value == pytest.approx(0.025)
    assert kind.bias.value == pytest.approx(0.15)
    assert brief.bias.value == pytest.approx(-0.1)
    assert (kind.flips.value, brief.flips.value, everyone.flips.value) == (1.0, 0.0, 0.5)
    assert [one.both_orders for one in (everyone, kind, brief)] == [6, 3, 3]
    assert [one.remaining for one in (everyone, kind, brief)] == [0.0, 0.0, 0.0]


def test_bias_remains_where_one_order_was_asked() -> None:
    first = [Judgement(f"p{i}", "kind", "a", "b", 0.7, 1.0, 0.7, np.nan) for i in range(4)]
    second = [Judgement(f"q{i}", "kind", "a", "b", 0.5, 1.0, np.nan, 0.5) for i in range(4)]
    (everyone, _) = position_bias(Judgements.of(first + second))
    assert everyone.remaining == pytest.approx(0.1)
    assert np.isnan(everyone.bias.value)
    assert (everyone.both_orders, everyone.one_order) == (0, 8)
    mixed = Judgements.of(
        first + second + [row._replace(prompt_id="r") for row in asked(1, 0.7, 0.5)]
    )
    assert position_bias(mixed)[0].remaining == pytest.approx(0.1 * 8 / 9)
    assert np.isnan(position_bias(Judgements.of(first))[0].remaining)
