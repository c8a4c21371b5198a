"""The files that hold preference pairs for other trainers."""

import json
from pathlib import Path
from typing import Any

import pytest

from rlchf.io.preference_pairs import check_destination, write_pairs
from tests.support.pair_examples import CHAT, TURNS, example


def test_axolotl_trains_reward_models_on_single_turns_only(tmp_path: Path) -> None:
    write_pairs([example('Say "hi".')], tmp_path / "one", "axolotl")
    reward = (tmp_path / "one" / "reward.yaml").read_text()
    assert "type: bradley_terry.chat_template" in reward
    assert "drop_system_message: true" in reward
    assert f'path: "{tmp_path}/one/train.jsonl"' in reward
    write_pairs([example(CHAT)], tmp_path / "kind", "axolotl")
    assert "drop_system_message" not in (tmp_path / "kind" / "reward.yaml").read_text()
    write_pairs([example(TURNS), example(CHAT, prompt_id="q")], tmp_path / "many", "axolotl")
    assert sorted(path.name for path in (tmp_path / "many").iterdir()) == [
        "dpo.yaml",
        "train.jsonl",
    ]
    first = json.loads((tmp_path / "many" / "train.jsonl").read_text().splitlines()[0])
    assert list(first) == ["messages", "chosen", "rejected"]


def test_the_description_for_llama_factory_names_the_columns(tmp_path: Path) -> None:
    write_pairs(
        [example(CHAT)], tmp_path / "out", "llama_factory", held_out=[example(CHAT, prompt_id="q")]
    )
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_text())
    assert info["test"] == {
        "file_name": "test.jsonl",
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
    }
    assert set(info) == {"train", "test"}
    write_pairs([example()], tmp_path / "text", "llama_factory")
    info = json.loads((tmp_path / "text" / "dataset_info.json").read_text())
    assert info["train"]["formatting"] == "alpaca"
    assert info["train"]["columns"]["prompt"] == "instruction"


def test_the_card_describes_the_columns(tmp_path: Path) -> None:
    import pyarrow.parquet

    made = write_pairs(
        [example(CHAT)], tmp_path / "out", "hf", held_out=[example(CHAT)], rule="borda"
    )
    card = (tmp_path / "out" / "README.md").read_text()
    assert "- split: test\n        path: test.parquet" in card
    assert "by the voting rule `borda`" in card
    for column in made.train[0]:
        assert f"| `{column}` | " in card
    assert pyarrow.parquet.read_table(tmp_path / "out" / "train.parquet").to_pylist() == made.train


def test_files_are_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError("no space")

    monkeypatch.setattr("rlchf.io.preference_pairs._write_rows", fail)
    with pytest.raises(OSError, match="no space"):
        write_pairs([example()], tmp_path / "out", "axolotl")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "to", "held_out", "problem"),
    [
        ("pairs.csv", "trl", False, "ends in .jsonl or .parquet"),
        ("pairs.parquet", "tinker", False, "ends in .jsonl, or a folder"),
        ("pairs.jsonl", "axolotl", False, "axolotl needs several; give --out a folder"),
        ("pairs.jsonl", "trl", True, "a part held out needs several"),
        ("full", "trl", False, "is there already"),
        ("missing/pairs.jsonl", "trl", False, "there is no folder"),
        ("full/a.txt/pairs", "trl", False, "a.txt is a file"),
        ("pairs.jsonl", "trll", False, "unknown trainer 'trll'; .*did you mean trl"),
    ],
)
def test_destinations_that_do_not_fit_are_refused(
    name: str, to: str, held_out: bool, problem: str, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("")
    with pytest.raises(ValueError, match=problem):
        check_destination(tmp_path / name, to, held_out)


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_pairs([example()], tmp_path / "out", "trl")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["train.jsonl"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
