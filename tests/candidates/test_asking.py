"""How candidates are asked for, and how several answers are read."""

import pytest

from rlchf.prompts import with_system, with_text_before
from rlchf.train.candidates.asking import (
    SYSTEM_PROMPTS,
    TEMPLATE,
    check_template,
    in_template,
    listed_answers,
)


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("Answer 1: Boil it.\nAnswer 2: Fry it.", ["Boil it.", "Fry it."]),
        ("Sure!\n\n**Answer 1:**\nBoil it.\n\n**Answer 2:** 🍳 Fry", ["Boil it.", "🍳 Fry"]),
        ("### Answer 1\nBoil it.\n### Answer 2\nFry\nit.", ["Boil it.", "Fry\nit."]),
        ("<answer 1>Boil</answer 1>\n<answer 2>\nFry\n</answer 2>", ["Boil", "Fry"]),
        ("[ANSWER 1] Boil\nanswer #2. - Fry\nAnswer 3 – Eat", ["Boil", "- Fry", "Eat"]),
        ("Answer 1: **Boil**\nAnswer 2: - Fry", ["**Boil**", "- Fry"]),
        ("Answer 1: 1. Peel\n2. Boil\nAnswer 2: Fry", ["1. Peel\n2. Boil", "Fry"]),
        ("Answer 1: Boil\nAnswer 2 is worse.\nAnswer 2: Fry", ["Boil\nAnswer 2 is worse.", "Fry"]),
        ("Answer 1: Boil\nAnswer 2:\n\nAnswer 3: Eat", ["Boil", "Eat"]),
        ("Answer 1: Boil\nAnswer 2: Fry\nAnswer 1: Boil", ["Boil", "Fry"]),
        ("Answer 1: Boil\nAnswer 3: Eat", ["Boil"]),
        ("Answer 2: Boil\nAnswer 3: Eat", []),
        ("1. Boil\n2. Fry", []),
        ("", []),
    ],
)
def test_answers_are_read_where_their_numbers_count_up(text: str, answers: list[str]) -> None:
    assert listed_answers(text) == answers


def test_an_answer_that_was_cut_off_is_left_out() -> None:
    assert listed_answers("Answer 1: Boil\nAnswer 2: Fr", finished=False) == ["Boil"]
    assert listed_answers("Answer 1: Boi", finished=False) == []
    assert listed_answers("Answer 1: Boil\nAnswer 1: Bo", finished=False) == ["Boil"]


def test_the_template_asks_in_the_last_message_and_reads_no_placeholder_of_the_prompt() -> None:
    chat = [{"role": "user", "content": "Hi"}, {"role": "user", "content": "{n}{prompt}?"}]
    asking = in_template(chat, 3, "{n}: {prompt} {other}")
    assert asking == [chat[0], {"role": "user", "content": "3: {n}{prompt}? {other}"}]
    assert chat[1]["content"] == "{n}{prompt}?"
    built_in = in_template("How?", 4)
    assert isinstance(built_in, str)
    assert "Write 4 different answers" in built_in
    assert built_in.endswith("How?")


def test_a_template_without_a_placeholder_is_refused() -> None:
    check_template(TEMPLATE, "template")
    with pytest.raises(ValueError, match=r"t\.txt has no \{n\}; a template needs \{prompt\}"):
        check_template("Several answers to {prompt}", "t.txt")
    with pytest.raises(ValueError, match=r"no \{prompt\} and no \{n\}"):
        check_template("Several", "t.txt")


def test_system_prompts_go_behind_the_one_that_is_there_or_before_the_text() -> None:
    chat = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    assert with_system(chat, "Be brief.") == [
        {"role": "system", "content": "Be kind.\n\nBe brief."},
        {"role": "user", "content": "Hi"},
    ]
    assert with_text_before(chat, "Be brief.") == [
        chat[0],
        {"role": "user", "content": "Be brief.\n\nHi"},
    ]
    assert chat[0]["content"] == "Be kind."


def test_the_built_in_system_prompts_differ() -> None:
    assert len(SYSTEM_PROMPTS) >= 8
    assert len(set(SYSTEM_PROMPTS.values())) == len(SYSTEM_PROMPTS)
