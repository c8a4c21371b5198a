"""How a ballot may be written, and what is refused since its meaning is not sure."""

import warnings
from typing import Any

import pytest

from rlchf.notation import parse_ballot, ranking_levels
from rlchf.rankings import Rankings

ABC = [["a"], ["b"], ["c"]]
A_BC = [["a"], ["b", "c"]]

READ: dict[str, list[list[str]]] = {
    "a > b > c": ABC,
    "a>b>c": ABC,
    "a -> b -> c": ABC,
    "a->b->c": ABC,
    "a --> b --> c": ABC,
    "a – > b": [["a –"], ["b"]],
    "a → b → c": ABC,
    "a ⇒ b ⇒ c": ABC,
    "a ≻ b ≻ c": ABC,
    "a≻b≻c": ABC,
    "a ＞ b ＞ c": ABC,
    "a &gt; b &gt; c": ABC,
    "a &amp;gt; b = c": A_BC,
    "R&amp;D &gt; b": [["R&D"], ["b"]],
    "R&amp;D > b": [["R&amp;D"], ["b"]],
    "a > b = c": A_BC,
    "a > b ~ c": A_BC,
    "a ≻ b ∼ c": A_BC,
    "a ~ b": [["a", "b"]],
    "a > (b = c)": A_BC,
    "a > {b, c}": A_BC,
    "a > [b ~ c]": A_BC,
    "a,{b,c}": A_BC,
    "{a, b}, c": [["a", "b"], ["c"]],
    '["a", "b", "c"]': ABC,
    '["a", ["b", "c"]]': A_BC,
    '[["a"], ["b", "c"]]': A_BC,
    "['a', ['b', 'c']]": A_BC,
    "('a', 'b', 'c')": ABC,
    "[3, 1, 2.0]": [["3"], ["1"], ["2"]],
    '"a" > "b" = "c"': A_BC,
    '"a" → b': [["a"], ["b"]],
    '"x > 4" > "say ""no"""': [["x > 4"], ['say "no"']],
    "a\u00a0> \u200bb": [["a"], ["b"]],
    # Characters of ids
    "gpt-4/turbo > a; b > yes, please": [["gpt-4/turbo"], ["a; b"], ["yes, please"]],
    "en→de > de→en": [["en→de"], ["de→en"]],
    "A- > B~1 > C|D": [["A-"], ["B~1"], ["C|D"]],
    "f(x) > (b) > {t}": [["f(x)"], ["(b)"], ["{t}"]],
    "(: > :)": [["(:"], [":)"]],
    "-1>-2": [["-1"], ["-2"]],
    "5\" disk > don't": [['5" disk'], ["don't"]],
    "AT&T > &c": [["AT&T"], ["&c"]],
    "1. Summer > 2. Winter": [["1. Summer"], ["2. Winter"]],
}


@pytest.mark.parametrize(("text", "levels"), READ.items(), ids=READ.keys())
def test_a_ranking_is_read_as_it_is_meant(text: str, levels: list[list[str]]) -> None:
    assert parse_ballot(text) == levels


REFUSED = {
    "a >= b": "has '>=', which may be a tie or not",
    "a => b": "has '=>', which may be a tie or not",
    "a ≥ b > c": "has '≥', which may be",
    "a ≽ b": "has '≽', which may be",
    "a≿b": "has '≿', which may be",
    "a < b": "has a '<'; write it best first, as a > b = c",
    "a &lt; b": "has a '<'; write it best first",
    "a ≺ b": "has a '≺'; write it best first",
    "a ← b": "has a '←'; write it best first",
    "a <- b": "has a '<-'; write it best first",
    "a > b → c": "has both '→' and '>'; write > wherever",
    "a→b→c": "has an arrow without blanks around it; write it best first, as a > b = c",
    "a -> b > c": "has both '->' and '>'",
    "a > b ≻ c": "has both '≻' and '>'",
    "1. a 2. b": r"the ranking '1\. a 2\. b' is a numbered list; write it best first, as a > b = c",
    "1) a\n2) b": "is a numbered list",
    "['a' 'b']": "is no list; write it as .*, or a > b = c",
    "[a, b]": "is no list",
    '{"a": 1, "b": 2}': "is a dictionary, which has no order",
    "{'a': 1, 'b': 2}": "is a dictionary",
    "{1: 2, 2: 1}": "is a dictionary",
    "{'a', 'b'}": "is a set, which has no order",
    "(a > b) > c": "has brackets around several responses",
    "a >> b": "has an empty response id; name one on each side",
    "a == b": "has an empty response id",
    '"" > a': "has an empty response id",
    "{},a": "has an empty response id",
    '[["a"], [["b"]]]': r"the ranking has \['b'\] for a response",
    "a > \u200b": "has an empty response id",
}


@pytest.mark.parametrize(("text", "message"), REFUSED.items(), ids=REFUSED.keys())
def test_a_ranking_without_a_sure_meaning_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ranking_levels(text)


# What only the other ballots tell


def rankings(*texts: str) -> Rankings:
    return Rankings.from_ballots([("p", f"u{i}", text) for i, text in enumerate(texts)])


@pytest.mark.parametrize(
    ("texts", "written"),
    [
        (("a;b;c", "b;a;c"), "b > a > c"),
        (("a, b, c", "b, a, c"), "b > a > c"),
        (("a b c", "b a c"), "b > a > c"),
        (("a/b/c", "b/a/c"), "b > a > c"),
        (("a|b", "b|a"), "b > a"),
        (("a\nb", "b\na"), "b > a"),
        (("a<b", "b<a"), "a > b"),
        (("B,D=A,C", "A,B,C=D"), "A > B > C = D"),
    ],
)
def test_rankings_with_other_separators_are_refused(texts: tuple[str, ...], written: str) -> None:
    message = "ballot 1: the ranking .* is taken .*, but ballot 0 has the same parts in .* as "
    with pytest.raises(ValueError, match=message + written):
        rankings(*texts)


@pytest.mark.parametrize(
    "texts",
    [
        ("a; b", "c"),
        ("a | b", "c"),
        ("a b", "b c"),
        ("a/b/c", "b/d"),
        ("a, b", "b"),
        ("2-1", "1-2"),
        ("a b", "b a"),
    ],
)
def test_rankings_that_may_have_other_separators_bring_a_warning(texts: tuple[str, ...]) -> None:
    with pytest.warns(UserWarning, match="ballot 0: .* is taken for one response, as no ranking"):
        rankings(*texts)


@pytest.mark.parametrize("text", ["b, a", "b a", "b;a", "b/a", "a.", "1. a", "'a'", "b, a > c"])
def test_an_id_made_of_other_ids_brings_a_warning(text: str) -> None:
    with pytest.warns(UserWarning, match="ballot 2: there is a response .* on this ballot alone"):
        rankings("a > b", "b > a", text)


@pytest.mark.parametrize(
    "texts",
    [
        ("gpt-4 turbo", "gpt-4 mini", "claude"),  # first choices, not rankings
        ("very good", "good", "bad"),
        ("gpt-4/turbo > a; b", "a; b > yes, please", "yes, please"),
        ("A > A- > B", "B > A"),  # a ballot that has both knows the difference
        ("a > b", "b > a", "a, b > a"),
        ("tea > coffee", "green tea > coffee"),
        ("north/south > north", "north > south", "north/south > south"),
    ],
)
def test_ids_with_such_characters_are_read_without_noise(texts: tuple[str, ...]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rankings(*texts).n_ballots == len(texts)


def test_lists_say_what_they_mean() -> None:
    ballots: list[Any] = [("p", "u", ["b, a"]), ("p", "v", ["a, b"]), ("p", "w", ["x > y"])]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Rankings.from_ballots(ballots).responses("p") == ["a, b", "b, a", "x > y"]
