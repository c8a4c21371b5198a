"""Reading collective rankings back, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rlchf
from rlchf import Aggregation, Rankings
from rlchf.io.aggregations import read_aggregation, read_scores


def small() -> Rankings:
    ballots = [("p", "ann", "b > a = c"), ("p", "bob", "b > c > a"), ("q", "ann", "y > x")]
    return Rankings.from_ballots(ballots, source="votes.csv")


@pytest.mark.parametrize("ending", ["jsonl", "csv", "tsv", "parquet", "jsonl.gz", "csv.zst"])
def test_what_is_written_is_read_back(ending: str, tmp_path: Path) -> None:
    rankings = small()
    for rule, ties in (("borda", None), ("plurality", "lexicographic")):
        result = rlchf.aggregate(rankings, rule, ties=ties)
        result.write(tmp_path / f"out.{ending}")
        for back in (
            read_aggregation(tmp_path / f"out.{ending}", rankings),
            read_aggregation(tmp_path / f"out.{ending}"),
        ):
            assert back.prompt_ids == result.prompt_ids
            assert back.response_ids == result.response_ids
            assert back.rule == rule
            assert back.response_ranks.tolist() == result.response_ranks.tolist()
            assert back.response_scores.tolist() == result.response_scores.tolist()
            assert back.ballots.tolist() == result.ballots.tolist()
            assert back.response_starts.tolist() == result.response_starts.tolist()


@pytest.mark.parametrize("ending", ["jsonl", "csv", "tsv", "parquet", "jsonl.gz"])
def test_what_the_rule_was_given_is_read_back(ending: str, tmp_path: Path) -> None:
    path, rankings = tmp_path / f"out.{ending}", small()
    cases: list[tuple[tuple[str, dict[str, Any]], dict[str, Any]]] = [
        (("k_approval", {"k": 1}), {"k": 1}),
        (("borda", {"ties": "random", "seed": 7}), {"ties": "random", "seed": 7}),
        (("borda", {"seed": 7}), {}),
        (("random_ballot", {"seed": 7}), {"seed": 7}),
        (
            ("perpetual_pav", {"base": "borda"}),
            {"base": "borda", "seed": 0, "ties": "lexicographic"},
        ),
        (("ranked_pairs", {}), {"ties": "lexicographic"}),
        (("ranked_pairs", {"ties": "keep"}), {"ties": "keep"}),
        (("apportioned_dictator", {}), {"seed": 0}),
        (("positional", {"vector": np.array([3.0, 1.0])}), {"vector": [3.0, 1.0]}),
    ]
    for (rule, options), written in cases:
        rlchf.aggregate(rankings, rule, **options).write(path)
        assert read_aggregation(path).options == written, rule
        assert read_aggregation(path, rankings).options == written, rule


def test_a_line_has_no_options_unless_there_are_some() -> None:
    plain = next(rlchf.aggregate(small(), "borda").records())
    assert list(plain) == ["prompt_id", "rule", "ranking", "scores", "ballots"]
    with_option = next(rlchf.aggregate(small(), "k_approval", k=1).records())
    assert with_option["options"] == {"k": 1}
    assert with_option.keys() - plain.keys() == {"options"}
    assert "options" not in rlchf.aggregate(small(), "borda").columns()


def test_a_column_of_somebody_elses_options_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("prompt_id,response_id,rank,options\np,a,1,none\np,b,2,[1]\n")
    assert read_aggregation(path).options == {}


def test_rows_may_come_in_any_order_and_places_be_any_numbers(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("prompt_id,response_id,rank\nq,x,0\np,c,30\np,a,10\nq,y,5\np,b,10\n")
    back = read_aggregation(path, small())
    assert back.ranking("p") == [["a", "b"], ["c"]]
    assert back.ranking("q") == [["x"], ["y"]]
    assert back.rule == "mine"
    assert read_aggregation(path).prompt_ids == ["q", "p"]


def test_a_reward_models_scores_are_an_order(tmp_path: Path) -> None:
    path = tmp_path / "reward.jsonl"
    rows = [("p", "a", -1.5), ("p", "b", 2), ("p", "c", 2), ("q", "x", 0.1), ("q", "y", 0.2)]
    path.write_text(
        "".join(f'{{"prompt_id": "{p}", "response_id": "{r}", "score": {s}}}\n' for p, r, s in rows)
    )
    rankings = small()
    back = read_aggregation(path, rankings)
    assert back.ranking("p") == [["b", "c"], ["a"]]
    assert back.scores("q") == {"x": 0.1, "y": 0.2}
    direct = Aggregation.from_scores(rankings, np.array([s for _, _, s in rows]), "reward", {})
    assert rlchf.audit(rankings, back).to_dict() == rlchf.audit(rankings, direct).to_dict()


LINE = '{"prompt_id": "p", "ranking": [["b"], ["a", "c"]]}\n'
TABLE = "prompt_id,response_id,score\np,a,1\np,b,2\np,c,3\nq,x,1\nq,y,2\n"

REFUSED = {
    "line 3: response 'b' of prompt 'p' is in line 1 too": (
        "out.jsonl", LINE + '{"prompt_id": "q", "ranking": [["x"], ["y"]]}\n' + LINE,
    ),
    "out.jsonl: there is no prompt 'q', which is in votes.csv": ("out.jsonl", LINE),
    "out.csv: there is no response 'y' of prompt 'q' (its rows begin in row 5)": (
        "out.csv", TABLE.replace("q,y,2\n", ""),
    ),
    "row 7: response 'z' of prompt 'q' is not in votes.csv": ("out.csv", TABLE + "q,z,0\n"),
    "row 7: prompt 'other' is not in votes.csv": ("out.csv", TABLE + "other,z,0\n"),
    "line 2: there is no key 'ranking'": ("out.jsonl", LINE + '{"prompt_id": "q"}\n'),
    "line 1: ranking is 'b > a'": ("out.jsonl", '{"prompt_id": "p", "ranking": "b > a"}\n'),
    "line 1: ranking is": ("out.jsonl", '{"prompt_id": "p", "ranking": [["a"], []]}\n'),
    "line 1: a score is 'high'": (
        "out.jsonl", '{"prompt_id": "p", "ranking": [["a"]], "scores": {"a": "high"}}\n',
    ),
    "row 3: the score is 'x'": ("out.csv", TABLE.replace("p,b,2", "p,b,x")),
    "line 1: not JSON": ("out.jsonl", "{\n"),
    "neither a column 'rank' nor 'score'": ("out.csv", "prompt_id,response_id,scores\np,a,1\n"),
    "has a column 'annotator_id'": ("out.csv", "prompt_id,annotator_id,response_id,rank\np,x,a,1\n"),
    "there is no column 'response_id'": ("out.csv", "prompt_id,score\np,1\n"),
    "the file is empty": ("out.csv", "\n"),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_bad_files_are_refused_with_their_place(message: str, tmp_path: Path) -> None:
    name, text = REFUSED[message]
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match="out") as error:
        read_aggregation(tmp_path / name, small())
    assert message in str(error.value)
    assert str(tmp_path / name) in str(error.value)


@pytest.mark.slow
def test_probabilities_are_read_back(tmp_path: Path) -> None:
    rankings = small()
    result = rlchf.aggregate(rankings, "soft_nash")
    result.write(tmp_path / "soft.jsonl")
    assert result.probabilities is not None
    for back in (
        read_aggregation(tmp_path / "soft.jsonl", rankings),
        read_aggregation(tmp_path / "soft.jsonl"),
    ):
        assert back.probabilities is not None
        assert back.probabilities.tolist() == result.probabilities.tolist()
        table = back.pair_probabilities("q")
        assert table is not None
        assert table[0, 1] == result.probabilities[-1]


@pytest.mark.parametrize(
    "probabilities", ['{"a": {"b": 0.5}}', "0.5", '{"a": {"b": 0.5, "c": "x"}, "b": {"c": 1}}']
)
def test_probabilities_that_lack_a_pair_are_refused(probabilities: str, tmp_path: Path) -> None:
    line = (
        '{"prompt_id": "p", "ranking": [["a"], ["b"], ["c"]], "probabilities": '
        + probabilities
        + "}"
    )
    (tmp_path / "soft.jsonl").write_text(line)
    with pytest.raises(ValueError, match=r"line 1: the probability that .* a number from 0 to 1"):
        read_aggregation(tmp_path / "soft.jsonl")


def test_scores_of_a_whole_prompt_in_one_line_are_an_order(tmp_path: Path) -> None:
    (tmp_path / "held_out.jsonl").write_text(
        '{"prompt_id": "p", "scores": {"a": 1.5, "b": -2, "c": 1.5}}'
    )
    assert read_aggregation(tmp_path / "held_out.jsonl").ranking("p") == [["a", "c"], ["b"]]
    some, result = read_scores(tmp_path / "held_out.jsonl", small())
    assert some.prompt_ids == result.prompt_ids == ["p"]
    assert some.n_ballots == 2
    (tmp_path / "held_out.jsonl").write_text('{"prompt_id": "p", "scores": {"a": 1.5, "b": -2}}')
    with pytest.raises(ValueError, match="no response 'c' of prompt 'p'"):
        read_scores(tmp_path / "held_out.jsonl", small())
