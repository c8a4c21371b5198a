"""The diversity of responses: known answers and properties."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlchf.evaluation.diversity import diversity, pair_distance, words

TEXTS = st.lists(st.text("abc 中!", max_size=8), min_size=2, max_size=5)


def test_known_answers() -> None:
    # boil, the, egg, boil the, the egg against boil, the, rice, boil the, the rice: 3 of 7 in common
    assert pair_distance("Boil the egg", "boil  the RICE") == pytest.approx(4 / 7)
    assert pair_distance("boil the egg", "boil the rice", n=1) == pytest.approx(2 / 4)
    assert pair_distance("the egg boil", "boil the egg", n=1) == 0
    assert pair_distance("the egg boil", "boil the egg") == pytest.approx(1 - 4 / 6)
    three = ["yes", "no", "yes no"]  # distances 1, 2/3, 2/3
    assert diversity([three]) == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    assert diversity([three, ["a", "a"], ["alone"], []]) == pytest.approx(7 / 9 / 4)


def test_prompts_count_alike_however_many_responses_they_have() -> None:
    assert diversity([["a", "b"], ["same"] * 9]) == 0.5


def test_emojis_and_scripts_without_spaces_are_seen() -> None:
    assert 0 < pair_distance("Good luck!", "Good luck! 🥚") < 1
    assert 0 < pair_distance("我喜欢茶", "我喜欢咖啡") < 1
    assert list(words("สวัสดี")) == list("สวัสดี")
    assert list(words("don't naïve_x 3.5")) == ["don", "'", "t", "naïve", "_", "x", "3", ".", "5"]


def test_unicode_composition_and_case_make_no_difference() -> None:
    decomposed = unicodedata.normalize("NFD", "Naïve Café")
    assert decomposed != "Naïve Café"
    assert pair_distance(decomposed, "naïve café") == 0


@given(TEXTS)
def test_it_lies_between_0_and_1_and_depends_on_no_order(texts: list[str]) -> None:
    value = diversity([texts])
    assert 0 <= value <= 1
    assert diversity([texts[::-1]]) == pytest.approx(value)
    assert diversity([texts[:1] * 3]) == 0


def test_no_prompt_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no prompt"):
        diversity([])
