"""Public corpora: what becomes a ballot, and what is dropped."""

import json

import pytest

from rlchf.io.sources._records import text_id
from tests.support.sources import ballots, by_prompt_text, read


def test_coval_keeps_ties_second_assessments_and_disapprovals() -> None:
    converted = read("coval")
    found = by_prompt_text(converted)
    first = {f"May a robot lie to be kind: view {letter}.": rank for letter, rank in zip(
        "BACD", [1, 2, 2, 2], strict=True
    )}  # fmt: skip
    assert found["May a robot lie to be kind?"] == [("ann", first)]
    assert [annotator for annotator, _ in found["Should we ban cars in towns?"]] == ["ann", "ann"]
    columns = converted.columns()
    assert columns["approval"][:4] == [0, 0, 0, -1]
    rows = [i for i, prompt in enumerate(columns["prompt_id"]) if prompt == "c1"]
    assert [columns["approval"][i] for i in rows] == [0] * 4 + [
        None
    ] * 4  # not asked the second time
    assert converted.annotators["ann"] == {
        "age": "25-34", "country_of_residence": "Mexico", "education": "BA; MA",
    }  # fmt: skip
    assert converted.dropped == {
        "labels of importance": 10,
        "labels of representativeness": 10,
        "labels of subjectivity": 10,
        "reasons in words": 10,
        "assessments without a personal ranking": 3,
    }


def test_coval_has_a_second_ballot_on_what_is_best_for_the_world() -> None:
    found = by_prompt_text(read("coval", ballots="world"))
    bob = found["May a robot lie to be kind?"][1]
    assert bob[0] == "bob"
    assert list(bob[1].values()) == [1, 2, 2, 2]
    assert sum(map(len, found.values())) == 14


def test_community_alignment_joins_the_same_prompt_and_answers_whatever_their_order() -> None:
    converted = read("community_alignment")
    found = by_prompt_text(converted)
    bread, soup, eggs, pizza = "Bake bread.", "Cook soup.", "Fry eggs.", "Order pizza."
    others = {bread: 2, soup: 1, eggs: 2, pizza: 2}
    assert found["And for two?"][0][1] == {bread: 1, soup: 2, eggs: 2, pizza: 2}
    cook = [
        of_prompt
        for prompt, of_prompt in ballots(converted).items()
        if converted.prompts[prompt] == "What shall I cook?" and len(of_prompt) > 1
    ]
    assert cook == [
        [
            ("p1", others),
            ("p2", {pizza: 2, eggs: 2, soup: 1, bread: 2}),
            ("p3", {bread: 2, soup: 2, eggs: 2, pizza: 1}),
            ("p5", others),
        ]
    ]
    assert found["What is quick?"] == [("p4", {bread: 1, soup: 2})]
    topics = [converted.topics[one]["language"] for one in converted.prompts]
    assert topics == ["en", "en", "fr", "en", "en", "en"]
    assert converted.annotators["p2"] == {"age": "35-45", "gender": "woman", "country": "italy"}


def test_community_alignment_goes_on_with_the_answer_that_was_chosen() -> None:
    converted = read("community_alignment")
    (conversation,) = [one for one in converted.prompts.values() if not isinstance(one, str)]
    assert [message["content"] for message in conversation] == [
        "And for two?", "Bake bread.", "Is it cheap?",
    ]  # fmt: skip
    assert by_prompt_text(converted)["Is it cheap?"][0][1]["A little."] == 1
    assert converted.dropped == {
        "reasons in words": 2,
        "turns without a choice": 1,
        "choices without two different answers": 1,
        "choices after a turn without a choice": 1,
    }
    assert read("community_alignment", turns="first").n_ballots == converted.n_ballots - 1


def test_prism_scores_are_scores_and_later_turns_know_the_conversation() -> None:
    converted = read("prism")
    found = by_prompt_text(converted)
    assert found["Is tea healthy?"] == [
        ("u1", {f"Tea answer {k}.": score for k, score in enumerate([80, 80, 15, 99])})
    ]
    assert [message["content"] for message in converted.prompts["c1-1"]] == [  # type: ignore[index]
        "Is tea healthy?", "Tea answer 3.", "And coffee?",
    ]  # fmt: skip
    assert converted.labels["c1-0", "1"] == {"model": "m2"}
    assert converted.annotators["u1"] == {
        "age": "18-24 years old",
        "gender": "Female",
        "education": "University",
        "ethnicity": "Asian",
        "religion": "No Affiliation",
        "birth_country": "Japan",
        "birth_region": "Asia",
        "reside_country": "Japan",
    }
    assert converted.dropped == {
        "answers without a score": 1,
        "choices of an answer that is not scored highest": 1,
        "turns with fewer than two scored answers": 1,
    }
    chosen = by_prompt_text(read("prism", ballots="choices", turns="first"))
    assert chosen["Who should rule?"] == [("u2", {"A council.": 1, "The people.": 2})]
    assert "And coffee?" not in chosen


def test_multipref_words_are_preferences_with_a_strength() -> None:
    converted = read("multipref")
    rows = ballots(converted)["q0"]
    long, short = "Long answer 0.", "Short answer 0."
    assert rows[:4] == [
        ("w1", {long: 1, short: 2}),
        ("w2", {long: 1, short: 1}),
        ("x1", {long: 2, short: 1}),
        ("x2", {long: 1, short: 2}),
    ]
    assert converted.columns()["strength"][:8:2] == [2, 0, 2, 2]
    assert converted.annotators == {
        "w1": {"kind": "normal"},
        "w2": {"kind": "normal"},
        "x1": {"kind": "expert"},
        "x2": {"kind": "expert"},
    }
    assert converted.dropped["annotations without overall_pref"] == 1
    assert converted.dropped["preferences between two equal texts"] == 4
    truthful = ballots(read("multipref", aspect="truthful"))
    assert all(set(one.values()) == {1} for rows in truthful.values() for _, one in rows)
    with pytest.raises(ValueError, match="no record judges two responses or more"):
        read("multipref", aspect="harmless").columns()


def test_helpsteer3_preferences_are_anonymous_and_keep_their_ties() -> None:
    converted = read("helpsteer3")
    found = by_prompt_text(converted)
    assert found["Write line 0."] == [
        ("anonymous:1", {"First 0.": 1, "Second 0.": 2}),
        ("anonymous:2", {"First 0.": 1, "Second 0.": 2}),
        ("anonymous:3", {"First 0.": 2, "Second 0.": 1}),
    ]
    assert all(set(one.values()) == {1} for _, one in found["Write line 1."])
    assert converted.columns()["strength"][:6:2] == [3, 2, 1]
    assert len(found["A line."]) == 1
    assert converted.dropped == {
        "individual preferences without a score": 1,
        "preferences between two equal texts": 3,
    }


def test_habermas_ranks_begin_at_the_best_and_mock_rankings_are_left_out() -> None:
    converted = read("habermas")
    found = ballots(converted)
    first, second = found
    assert found[first] == [
        ("w1", {"We think s4.": 1, "We think s3.": 2, "We think s2.": 3, "We think s1.": 4}),
        ("w2", {"We think s4.": 1, "We think s3.": 1, "We think s2.": 2, "We think s1.": 3}),
        ("w3", {"We think s4.": 4, "We think s3.": 3, "We think s2.": 2, "We think s1.": 1}),
    ]
    assert [annotator for annotator, _ in found[second]] == ["w1", "w2"]
    # The first record on the second question lacks its text, which a later one has.
    assert converted.prompts[second] == "Should we do 2?"
    assert converted.topics[first]["split"] == "TRAIN"
    assert converted.dropped == {
        "mock rankings": 2,
        "records without a ranking": 1,
        "rankings that were not completed": 1,
        "rankings of statements without a text": 1,
    }


def test_habermas_ratings_are_scores() -> None:
    converted = read("habermas", ballots="agreement")
    (first, *_), *_ = ballots(converted).values()
    assert first == (
        "w1", {"We think s1.": 6, "We think s2.": 4, "We think s3.": 2, "We think s4.": 1},
    )  # fmt: skip
    assert converted.dropped["mock ratings"] == 5


def test_arena_ties_stay_ties_and_both_bad_is_two_disapprovals() -> None:
    converted = read("arena")
    found = by_prompt_text(converted)
    assert found["Hi"] == [
        ("anonymous:1", {"Hello!": 1, "Hey.": 2}),
        ("anonymous:2", {"Hello!": 2, "Good day.": 1}),
    ]
    assert found["Sum 2+2"] == [("anonymous:1", {"4": 1, "Four.": 1})]
    assert found["Sum 2+3"][0][1] == {"6": 1, "Seven.": 1}
    columns = converted.columns()
    disapproved = [
        converted.responses[prompt][response]
        for prompt, response, approval in zip(
            columns["prompt_id"], columns["response_id"], columns["approval"], strict=True
        )
        if approval == -1
    ]
    assert disapproved == ["6", "Seven.", "Rome.", "Oslo."]
    assert {approval for approval in columns["approval"] if approval != -1} == {None}
    assert found["More"] == [("anonymous:1", {"Ho.": 2, "Hu.": 1})]
    assert found["Hola"] == [("anonymous:1", {"Buenas.": 1, "Hola.": 2})]
    prompt = text_id(json.dumps([{"role": "user", "content": "Hi"}]))
    assert converted.labels[prompt, text_id("Good day.")] == {"model": "m3"}
    assert converted.dropped == {
        "votes between two equal texts": 1,
        "votes on conversations that differ before the last answer": 1,
        "votes on conversations with a picture or an empty message": 1,
    }


def test_ultrafeedback_aspects_are_annotators() -> None:
    converted = read("ultrafeedback")
    found = by_prompt_text(converted)
    assert found["Task 0"][0] == (
        "helpfulness", {f"Answer {k} to 0.": 1 + (k * 4) % 5 for k in range(4)},
    )  # fmt: skip
    assert "Answer 2 to 1." not in dict(found["Task 1"])["honesty"]
    assert len(dict(found["Task 2"])["honesty"]) == 3
    assert converted.annotators["honesty"] == {"kind": "aspect"}
    assert converted.dropped == {
        "ratings that are not available": 1,
        "ratings of a text that is rated already": 4,
        "answers without a text": 1,
    }
