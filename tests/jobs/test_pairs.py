"""`rlchf pairs` from files to the files of a trainer."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rlchf.cli.main import COMMANDS
from tests.support.cli import Done, refused, rlchf

BALLOTS = """prompt_id,annotator_id,response_id,rank
p,ann,a,1
p,ann,b,2
p,ann,c,3
p,bob,a,1
p,bob,c,2
p,bob,b,3
p,eve,b,1
p,eve,a,2
p,eve,c,3
q,ann,a,1
q,ann,b,2
q,bob,b,1
q,bob,a,2
"""
TEXTS = {"p": {"a": "Hello!", "b": "Hi.", "c": "Go."}, "q": {"a": "Rice.", "b": "Soup."}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Rankings, collective rankings and texts: one prompt in order, one tied."""
    (tmp_path / "rankings.csv").write_text(BALLOTS)
    lines = [
        {"prompt_id": "p", "prompt": "Greet me."},
        {"prompt_id": "q", "prompt": "What to eat?"},
    ]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "responses.jsonl").write_text(
        "".join(
            json.dumps({"prompt_id": prompt, "response_id": response, "text": text}) + "\n"
            for prompt, texts in TEXTS.items()
            for response, text in texts.items()
        )
    )
    aggregated = tmp_path / "aggregated.jsonl"
    done = rlchf("aggregate", tmp_path / "rankings.csv", "--rule", "borda", "--out", aggregated)
    assert done.returncode == 0
    return tmp_path


def pairs(folder: Path, to: str, *more: object, aggregated: str = "aggregated.jsonl") -> Done:
    return rlchf(
        "pairs", folder / aggregated, "--prompts", folder / "prompts.jsonl",
        "--responses", folder / "responses.jsonl", "--to", to, *more,
    )  # fmt: skip


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_rows_go_to_standard_output_and_a_line_to_standard_error(folder: Path) -> None:
    done = pairs(folder, "trl")
    assert rows(done.stdout) == [
        {"prompt": "Greet me.", "chosen": "Hello!", "rejected": "Hi."},
        {"prompt": "Greet me.", "chosen": "Hello!", "rejected": "Go."},
        {"prompt": "Greet me.", "chosen": "Hi.", "rejected": "Go."},
    ]
    assert done.stderr == (
        "trl: 3 rows of 1 prompt; 1 other prompt without a row; "
        "left out: 1 tied pair, which trl does not hold\n"
    )


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
def test_collective_rankings_may_be_any_table(kind: str, folder: Path) -> None:
    out = folder / f"aggregated.{kind}"
    rlchf("aggregate", folder / "rankings.csv", "--rule", "borda", "--out", out)
    assert pairs(folder, "trl", aggregated=out.name).stdout == pairs(folder, "trl").stdout


def test_ballots_give_soft_labels_margins_and_weights(folder: Path) -> None:
    done = pairs(
        folder, "hf", "--rankings", folder / "rankings.csv", "--learn-from", "shares",
        "--margins", "scores", "--weights", "ballots",
    )  # fmt: skip
    first = rows(done.stdout)[0]
    assert (first["probability"], first["weight"], first["margin"]) == (2 / 3, 3.0, 2.0)
    assert "1 tied pair, which hf does not hold" in done.stderr


def test_annotators_weights_count_in_the_shares(folder: Path) -> None:
    (folder / "annotators.csv").write_text("annotator_id,weight\nann,1\nbob,1\neve,6\n")
    weighted = (
        "--rankings", folder / "rankings.csv", "--learn-from", "shares",
        "--annotators", folder / "annotators.csv",
    )  # fmt: skip
    chosen = [
        (row["chosen"], row["rejected"]) for row in rows(pairs(folder, "hf", *weighted).stdout)
    ]
    assert ("Hi.", "Hello!") in chosen


def test_rankings_are_one_row_with_their_ties(folder: Path) -> None:
    done = pairs(folder, "hf", "--pairs", "ranked")
    assert [(row["completions"], row["ranks"]) for row in rows(done.stdout)] == [
        (["Hello!", "Hi.", "Go."], [1, 2, 3]),
        (["Rice.", "Soup."], [1, 1]),
    ]


def test_tinker_gets_the_tie_and_the_user_a_warning(folder: Path) -> None:
    done = pairs(folder, "tinker")
    assert [row["label"] for row in rows(done.stdout)] == ["A", "A", "A", "Tie"]
    assert "--near-ties drop" in done.stderr
    done = pairs(folder, "tinker", "--near-ties", "drop")
    assert [row["label"] for row in rows(done.stdout)] == ["A", "A", "A"]
    assert done.stderr.endswith("left out: 1 tied pair\n")


def test_prompts_are_held_out_whole(tmp_path: Path) -> None:
    root = Path(__file__).parents[2] / "examples" / "emoji"
    rlchf("aggregate", root / "rankings.csv", "--rule", "borda", "--out", tmp_path / "a.csv")
    for seed in (0, 0, 1):
        out = tmp_path / f"out-{len(list(tmp_path.iterdir()))}"
        done = rlchf(
            "pairs", tmp_path / "a.csv", "--prompts", root / "prompts.jsonl",
            "--responses", root / "responses.jsonl", "--to", "llama_factory", "--out", out,
            "--held-out", "0.1", "--seed", seed,
        )  # fmt: skip
        assert "rows of them held out" in done.stderr
        assert sorted(path.name for path in out.iterdir()) == [
            "dataset_info.json", "test.jsonl", "train.jsonl",
        ]  # fmt: skip
    first, again, other = sorted(tmp_path.glob("out-*"))
    tests = [(path / "test.jsonl").read_text() for path in (first, again, other)]
    assert tests[0] == tests[1] != tests[2]
    train = (first / "train.jsonl").read_text()
    prompts = [{row["instruction"] for row in rows(text)} for text in (train, tests[0])]
    assert len(prompts[1]) == 16
    assert not prompts[0] & prompts[1]


@pytest.mark.parametrize(
    ("to", "more", "problem"),
    [
        ("trll", [], "'trll' is not one of"),
        ("axolotl", [], "standard output is one file, and axolotl needs several"),
        ("trl", ["--near-ties", "soft"], "trl does not hold soft labels"),
        ("hf", ["--near-ties", "soft"], "near_ties is 'soft', which is taken from the ballots"),
        ("hf", ["--learn-from", "shares"], "give them with --rankings"),
        ("hf", ["--annotators", "a.csv"], "--annotators a.csv is about ballots; give --rankings"),
        ("trl", ["--out", "FOLDER/prompts.jsonl"], "is an input"),
        ("trl", ["--out", "FOLDER"], "is there already; choose another folder"),
        (
            "trl",
            ["--out", "FOLDER/new", "--held-out", "0.1"],
            "leaves none of the 2 prompts to hold",
        ),
        (
            "trl",
            ["--out", "FOLDER/new", "--held-out", "0.9"],
            "none of the 2 prompts to learn from",
        ),
        ("trl", ["--held-out", "0.5"], "a part held out needs several"),
        ("hf", ["--out", "-", "--pairs", "ranked", "--weights", "ballots"], "weights is for pairs"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    to: str, more: list[str], problem: str, folder: Path
) -> None:
    before = sorted(folder.iterdir())
    done = pairs(folder, to, *(word.replace("FOLDER", str(folder)) for word in more))
    if to == "trll":
        assert problem in done.stderr
    else:
        assert problem in refused(done)
    assert sorted(folder.iterdir()) == before


def test_a_missing_text_is_named(folder: Path) -> None:
    lines = (folder / "responses.jsonl").read_text().splitlines()
    (folder / "responses.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    assert "no response 'b' of prompt 'q'" in refused(pairs(folder, "trl"))


def test_ballots_of_other_responses_are_refused(folder: Path) -> None:
    (folder / "rankings.csv").write_text(BALLOTS.replace("p,ann,c,3", "p,ann,d,3"))
    more = ("--rankings", folder / "rankings.csv", "--learn-from", "shares")
    assert "collective rankings of the same prompts" in refused(pairs(folder, "hf", *more))


def test_the_command_imports_neither_torch_nor_transformers(folder: Path) -> None:
    arguments = [
        "pairs", str(folder / "aggregated.jsonl"), "--prompts", str(folder / "prompts.jsonl"),
        "--responses", str(folder / "responses.jsonl"), "--to", "hf", "--out", str(folder / "out"),
    ]  # fmt: skip
    script = (
        f"import sys; from rlchf.cli.main import app; app({arguments}, standalone_mode=False); "
        "print([m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
    assert "pairs" in COMMANDS


STRENGTHS = """prompt_id,annotator_id,chosen,rejected,strength
p,ann,a,b,3
p,bob,a,b,1
q,ann,a,b,2
"""


def test_margins_are_the_strengths_that_ballots_state(folder: Path) -> None:
    rankings = folder / "strengths.csv"
    rankings.write_text(STRENGTHS)
    assert (
        rlchf("aggregate", rankings, "--rule", "borda", "--out", folder / "strong.jsonl").returncode
        == 0
    )
    asked = ("--margins", "strengths", "--rankings")
    done = pairs(folder, "trl", *asked, rankings, aggregated="strong.jsonl")
    assert [json.loads(line)["margin"] for line in done.stdout.splitlines()] == [2.0, 2.0]
    problem = refused(pairs(folder, "trl", *asked, folder / "rankings.csv"))
    assert "rankings.csv states no strengths, and margins is 'strengths'" in problem
