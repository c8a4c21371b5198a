"""Which option a judge's text names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlchf.constitution.answers import chosen_option, counted_answers

CHOSEN = {
    "A": [
        "A", "a", "(A)", " (A) ", "A.", "(A).", "**A**", "**(A)**", "[A]", '"A"', "`A`", "A)", "A:", "（A）",
        "Option A", "Response (A)", "Response A.", "option (a)", "The answer is (A).",
        "The answer is: (A)", "the answer is: **A**", "The answer is: A", "Answer: A", "Answer: (A)",
        "**Answer:** (A)", '{"answer": "A"}', "Final answer: A", "The correct answer is (A).",
        "The answer is:\n(A)", "The answer is: \\boxed{A}", "\\boxed{A}", "I choose (A).", "I'd say A.",
        "I'd say A because B is rude", "I’d say A because B is rude", "I would go with A.",
        "(A) because it is kinder", "A because it is kinder.", "A, because it is kinder",
        "A. The first response is kinder.", "(A) The first response is kinder.", "(A)\n\nIt is kinder.",
        "A\n", "A - it is kinder", "A: it is kinder", "Both have merit.\n\nA", "Both have merit.\n\n(A)",
        "(B) seems good, but rude. The answer is: (A)", "The answer is: (B)? No. The answer is: (A)",
        "My choice is A.", "Let's think. (B) is rude and (A) is not.\nAnswer: (A)",
        "<think>The answer is: (B)</think>The answer is: (A)", "<think>B</think>\n\nA",
        "The answer to your question is: (A)", "The answer is: (A) Hello!", "I prefer A, since it is kind.",
    ],
    "B": ["(B).", "**B**", "B", "The answer is: (B).", "I'd say B because A is rude", "(B) Black."],
}  # fmt: skip
NONSENSE = [
    "", " ", "Both", "Neither", "Both (A) and (B)", "Neither (A) nor (B).", "A or B", "(A) or (B)", "A/B",
    "A & B", "A, B", "(A), (B)", "(A)\n(B)", "AB", "BA", "Apple", "Because", "A better response is the other",
    "A response that is kind", "(A) is rude", "A is worse", "I would not choose A", "I'd say A is worse",
    "I'd say A or B", "The answer is: (A) or (B)", "The answer is: both", "The answer is A matter of taste",
    "The answer is: (C)", "(C)", "C", "I cannot tell", "The answer is: (A)\nThe answer is: neither",
    "Answer: A\nAnswer: B", "I choose A. I choose B.", "Sorry, I can't help with that.", "The first one.",
    "A: 3 points, (B): 5 points", "<think>The answer is: (A)", "Answer: A\nAnswer: both", "A vs B", "not A",
    "*" * 4000, " *" * 2000, "The answer is: " + "(*" * 2000, "The answer is not (A)",
    "I'd choose A, B or none",
]  # fmt: skip


@pytest.mark.parametrize(("letter", "text"), [(k, t) for k, texts in CHOSEN.items() for t in texts])
def test_an_option_that_a_text_chooses_is_found(letter: str, text: str) -> None:
    assert chosen_option(text) == letter


@pytest.mark.parametrize("text", NONSENSE)
def test_a_text_that_chooses_no_option_is_not_guessed_at(text: str) -> None:
    assert chosen_option(text) is None


@pytest.mark.parametrize(
    "text", ["C", "(C)", "The answer is: (C)", "I cannot tell.", "(C) I cannot tell.", "Can't tell"]
)
def test_cannot_tell_counts_where_it_is_on_offer_only(text: str) -> None:
    assert chosen_option(text, ["A", "B", "C"]) == "C"
    assert chosen_option(text) is None


@given(st.sampled_from("AB"), st.text(max_size=60))
def test_the_last_answer_decides_whatever_comes_before(letter: str, before: str) -> None:
    if "<think>" not in before.lower():
        assert chosen_option(f"{before}\nThe answer is: ({letter})") == letter


@given(st.text(alphabet=st.characters(exclude_characters="aAbBcC"), max_size=80))
def test_a_text_without_a_letter_of_an_option_chooses_none(text: str) -> None:
    if not set(text.casefold()) & set("abc"):
        assert chosen_option(text) is None or not text.isascii()


@given(st.lists(st.sampled_from(["A", "B", "C", None]), min_size=1, max_size=20))
def test_counted_samples_are_shares_of_those_that_name_an_option(chosen: list[str | None]) -> None:
    answer = counted_answers(chosen)
    assert answer.samples + answer.nonsense == len(chosen)
    if answer.samples:
        assert answer.first == chosen.count("A") / answer.samples
        assert answer.cannot_tell == chosen.count("C") / answer.samples
    else:
        assert answer.first != answer.first
