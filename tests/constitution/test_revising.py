"""What is asked for critiques and revisions, which principle is drawn, and what is learned from."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlchf.constitution import Principle
from rlchf.constitution.mixing import mixed, of_rounds, parsed_rounds
from rlchf.constitution.revising import (
    INSTRUCTION,
    Asking,
    Example,
    Step,
    drawn_principle,
    examples_from,
    own_turn,
)
from rlchf.jobs.constitution.revise import read_examples

POLITE = Principle("polite", critique="Is it polite?", revision="Be polite.")
BRIEF = Principle("brief", revision="Be brief.", weight=3)
EXAMPLE = Example(
    "Who?", "You.", "Why is it bad?", "It is curt.", "Do better.", "It was you, I think."
)


def said(asking: Asking, *, critique: str = "") -> list[tuple[str, str]]:
    conversation = (
        asking.for_revision("Hi", "Go away.", POLITE, critique)
        if critique
        else asking.for_critique("Hi", "Go away.", POLITE)
    )
    assert not isinstance(conversation, str)
    return [(turn["role"], turn["content"]) for turn in conversation]


def test_a_critique_is_asked_for_behind_the_examples_and_a_revision_behind_the_critique() -> None:
    shown = [
        ("system", INSTRUCTION),
        ("user", "Who?"), ("assistant", "You."), ("user", "Why is it bad?"),
        ("assistant", "It is curt."), ("user", "Do better."), ("assistant", "It was you, I think."),
        ("user", "Hi"), ("assistant", "Go away."), ("user", "Is it polite?"),
    ]  # fmt: skip
    assert said(Asking([EXAMPLE])) == shown
    after = [*shown, ("assistant", "No."), ("user", "Be polite.")]
    assert said(Asking([EXAMPLE]), critique="No.") == after


def test_without_critiques_neither_examples_nor_requests_have_one() -> None:
    asking = Asking([EXAMPLE], critique=False)
    assert [text for _, text in said(asking, critique="left out")] == [
        INSTRUCTION, "Who?", "You.", "Do better.", "It was you, I think.", "Hi", "Go away.", "Be polite.",
    ]  # fmt: skip
    assert not asking.asks_critique(POLITE)


def test_a_principle_without_a_critique_request_asks_for_a_revision_at_once() -> None:
    assert not Asking().asks_critique(BRIEF)
    conversation = Asking().for_revision("Hi", "Well, hello there!", BRIEF, "")
    assert [turn["content"] for turn in conversation if isinstance(turn, dict)][1:] == [
        "Hi", "Well, hello there!", "Be brief.",
    ]  # fmt: skip


@pytest.mark.parametrize("system", [True, False])
def test_the_system_prompt_of_a_conversation_is_kept(system: bool) -> None:
    prompt = [{"role": "system", "content": "Be a pirate."}, {"role": "user", "content": "Hi"}]
    conversation = Asking(system=system).for_critique(prompt, "Arr.", POLITE)
    assert not isinstance(conversation, str)
    assert [turn["role"] for turn in conversation].count("system") == system
    assert conversation[0]["content"].startswith(f"Be a pirate.\n\n{INSTRUCTION}")
    assert prompt[1]["content"] == "Hi", "what is asked for should not change the prompt"


def test_principles_are_drawn_by_weight_and_anew_in_each_round() -> None:
    draws = [
        drawn_principle([POLITE, BRIEF], 0, f"p{prompt}", step).name
        for prompt in range(1000)
        for step in (1, 2, 3, 4)
    ]
    assert Counter(draws)["brief"] / len(draws) == pytest.approx(0.75, abs=0.03)
    both = Counter(zip(draws[::4], draws[1::4], strict=True))
    assert both["brief", "brief"] / 1000 == pytest.approx(0.75**2, abs=0.05)
    assert {drawn_principle([POLITE, BRIEF], seed, "p", 1).name for seed in range(20)} == {
        "polite", "brief",
    }  # fmt: skip


@given(st.text(st.sampled_from("Human: \nAa"), max_size=40))
def test_no_line_of_a_turn_begins_the_other_side(text: str) -> None:
    turn = own_turn(text)
    assert not any(line.strip().startswith("Human:") for line in turn.split("\n"))
    assert own_turn(turn) == turn
    assert turn in text


def test_the_shipped_examples_are_five_and_short() -> None:
    examples = read_examples("default")
    assert len(examples) == 5
    words = [len(turn["content"].split()) for one in examples for turn in one.turns()]
    assert max(words) <= 40


WITHOUT = {
    "prompt": "Hi", "response": "Go away.", "revision_request": "Be polite.", "revision": "Hello!",
}  # fmt: skip


def test_examples_need_no_critique_where_none_is_asked_for() -> None:
    (example,) = examples_from([WITHOUT], critique=False)
    turns = [turn["content"] for turn in example.turns(critique=False)]
    assert turns == ["Hi", "Go away.", "Be polite.", "Hello!"]
    Asking([example], critique=False)
    with pytest.raises(ValueError, match="example 1: critique_request, critique is missing"):
        Asking([example])
    with pytest.raises(ValueError, match="example 1: critique is missing"):
        examples_from([WITHOUT | {"critique_request": "Is it polite?"}], critique=False)


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (
            "Hi",
            r"mine.toml, example 1 is 'Hi'; give a table with prompt, response, critique_request",
        ),
        ({"prompt": "Hi"}, r"example 1: response, critique_request, .* is missing"),
        (WITHOUT, r"example 1: critique_request, critique is missing; .* \(--no-critique\)"),
        (WITHOUT | {"critique": "No."}, r"example 1: critique_request is missing"),
        ({"prompt": 3}, r"example 1: prompt"),
        ({"promt": "Hi"}, r"example 1: there is no setting 'promt'; did you mean prompt\?"),
    ],
)
def test_a_wrong_example_is_named(record: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        examples_from([record], "mine.toml")


STEPS = [
    Step(prompt, number, "", "", f"{prompt}{number}", True, "Hi")
    for prompt, rounds in (("a", 3), ("b", 2))
    for number in range(rounds)
]


@pytest.mark.parametrize(
    ("rounds", "texts"),
    [
        ("all", ["a1", "a2", "b1"]),
        ("last", ["a2", "b1"]),
        ("2", ["a2"]),
        ("1, 0", ["a0", "a1", "b0", "b1"]),
    ],
)
def test_rounds_are_chosen(rounds: str, texts: list[str]) -> None:
    assert [step.revision for step in of_rounds(STEPS, rounds)] == texts


def test_rounds_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match=r"rounds is '1,7', .* no round 7; choose from 0, 1, 2"):
        of_rounds(STEPS, "1,7")
    with pytest.raises(ValueError, match=r"round 0 alone, the first responses; give --rounds 0"):
        of_rounds(STEPS[:1], "all")
    with pytest.raises(ValueError, match=r"rounds is 'some'; give all, last, or numbers"):
        parsed_rounds("some")


@given(st.integers(0, 30), st.integers(1, 30), st.floats(0.1, 5), st.integers(0, 3))
def test_a_mixture_has_its_ratio_and_leaves_out_as_few_as_it_can(
    n_revisions: int, n_helpful: int, ratio: float, seed: int
) -> None:
    revisions, helpful = list(range(n_revisions)), list(range(100, 100 + n_helpful))
    some, others = mixed(revisions, helpful, ratio, seed)
    assert len(others) == pytest.approx(ratio * len(some), abs=max(0.5, ratio / 2))
    assert len(some) == n_revisions or len(others) == n_helpful
    assert some == sorted(set(some))
    assert set(some) <= set(revisions)
    assert others == sorted(set(others))
    assert mixed(revisions, helpful, ratio, seed) == (some, others)
