"""A judge behind an endpoint: what it asks and reads, and what can go wrong; with the real client."""

import math
import re
from pathlib import Path

import pytest

from rlchf.constitution.judges import client as client_module
from rlchf.constitution.judges.endpoint import (
    EndpointError,
    EndpointJudge,
    EndpointSettings,
)
from rlchf.installing import pip_install
from tests.support.chat_server import (
    Body,
    Say,
    asked_text,
    chat_server,
    completion,
    failed,
    with_logprobs,
)
from tests.support.endpoint_judges import judge, questions, says


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret-key")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


# --- The three ways


def test_one_answer_is_0_or_1_or_nonsense() -> None:
    texts = ["(A)", "The answer is: (B)", "Both are fine."]
    with chat_server(lambda body, n: completion(texts[n])) as server, judge(server.url) as one:
        answers = one(questions(3))
    assert [answer.first for answer in answers[:2]] == [1.0, 0.0]
    assert math.isnan(answers[2].first)
    assert [answer.nonsense for answer in answers] == [0, 0, 1]
    assert [answer.samples for answer in answers] == [1, 1, 0]
    assert one.usage.nonsense == 1


def test_the_principle_comes_last_and_the_key_is_sent() -> None:
    with chat_server(says("A")) as server, judge(server.url) as one:
        one(questions(1))
    assert asked_text(server.requests[0]).endswith(
        "(A) Short.\n\n(B) Much longer.\n\nWhich response is shorter?\nAnswer with (A) or (B) only."
    )
    assert server.requests[0]["model"] == "m"
    assert server.keys == ["Bearer secret-key"]


def test_samples_are_counted_and_each_has_a_seed_of_its_own() -> None:
    texts = ["(A)", "(A)", "neither", "(B)", "(A)"]
    with (
        chat_server(lambda body, n: completion(texts[n])) as server,
        judge(server.url, method="samples", samples=5, temperature=0.7) as one,
    ):
        (answer,) = one(questions(1))
    assert (answer.first, answer.samples, answer.nonsense) == (0.75, 4, 1)
    assert len({body["seed"] for body in server.requests}) == 5
    assert {body["temperature"] for body in server.requests} == {0.7}


def test_log_probabilities_of_minus_1_and_minus_2_give_0_7311() -> None:
    reply = with_logprobs(("(", {"(": -0.1, "A": -3.0}), ("A", {"A": -1.0, "B": -2.0, "I": -0.5}))
    with chat_server(lambda *_: reply) as server, judge(server.url, method="logprobs") as one:
        (answer,) = one(questions(1))
    assert answer.first == pytest.approx(0.7310585786)
    assert (answer.samples, answer.nonsense) == (0, 0)
    asked = server.requests[0]
    assert (asked["logprobs"], asked["top_logprobs"], asked["temperature"]) == (True, 20, 0.0)
    assert "seed" not in asked


def test_one_option_in_several_tokens_is_summed_and_cannot_tell_has_its_share() -> None:
    tops = {token: math.log(p) for token, p in {"(A": 0.2, " A": 0.2, "(B": 0.1, "(C": 0.3}.items()}
    with (
        chat_server(lambda *_: with_logprobs(("(A", tops), (")", {}))) as server,
        judge(server.url, method="logprobs", cannot_tell=True) as one,
    ):
        (answer,) = one(questions(1))
    assert answer.first == pytest.approx(0.5)
    assert answer.cannot_tell == pytest.approx(0.375)
    assert answer.soft_label == pytest.approx(0.6875)
    assert "(C) I cannot tell." in asked_text(server.requests[0])


def test_after_a_chain_of_thought_the_last_answer_is_read() -> None:
    reply = with_logprobs(
        ("(B)", {"(B)": 0.0, "(A)": -9.0}), (" is rude. The answer is: (", {"x": 0.0}),
        ("A", {"A": math.log(0.9), "B": math.log(0.1)}), (")", {}),
    )  # fmt: skip
    with (
        chat_server(lambda *_: reply) as server,
        judge(server.url, method="logprobs", chain_of_thought=True, samples=2) as one,
    ):
        (answer,) = one(questions(1))
    assert answer.first == pytest.approx(0.9)
    assert answer.samples == 2  # two chains of thought
    assert "Think step by step" in asked_text(server.requests[0])
    with (
        chat_server(says("(B) is long. The answer is: (A)")) as server,
        judge(server.url, method="samples", chain_of_thought=True, samples=3) as one,
    ):
        assert one(questions(1))[0].first == 1.0


def test_an_endpoint_without_log_probabilities_is_refused_at_once() -> None:
    with chat_server(says("(A)")) as server, judge(server.url, method="logprobs") as one:
        with pytest.raises(
            ValueError, match=r"gives no log-probabilities .* choose --method samples"
        ):
            one(questions(3))
        assert len(server.requests) == 1
    refusal = failed(400, "'logprobs' is not supported with this model")
    with (
        chat_server(lambda *_: refusal) as server,
        judge(server.url, method="logprobs") as one,
        pytest.raises(ValueError, match=r"answered 400: .*choose --method samples"),
    ):
        one(questions(1))


def test_a_parameter_that_an_endpoint_knows_in_another_form_is_put_so() -> None:
    def strict(body: Body, number: int) -> Say | Body:
        if "max_tokens" in body:
            return failed(400, "Unsupported parameter: use 'max_completion_tokens' instead.")
        if body["top_logprobs"] > 5:
            return failed(400, "top_logprobs must be at most 5")
        return with_logprobs(("A", {"A": -1.0, "B": -2.0}))

    with chat_server(strict) as server, judge(server.url, method="logprobs") as one:
        assert len(one(questions(2))) == 2
    assert len(server.requests) == 4  # two refusals, which cost nothing, and two answers
    assert server.requests[-1]["max_completion_tokens"] == 16
    with (
        chat_server(strict) as server,
        judge(server.url, method="logprobs", concurrency=4) as one,
    ):
        assert len(one(questions(8))) == 8  # threads that are refused at once adapt alike


def test_an_endpoint_without_seeds_is_asked_without_and_there_is_a_warning() -> None:
    def seedless(body: Body, number: int) -> Say | Body:
        return failed(422, "extra field: seed") if "seed" in body else completion("(A)")

    with (
        chat_server(seedless) as server,
        judge(server.url) as one,
        pytest.warns(UserWarning, match="takes no seed"),
    ):
        one(questions(2))
    assert len(server.requests) == 3


def test_an_answer_that_was_cut_off_is_nonsense_and_counted_so() -> None:
    with chat_server(says("Well, let us", finish="length")) as server, judge(server.url) as one:
        one(questions(1))
    with chat_server(says(None)) as server, judge(server.url) as other:
        other(questions(1))
    assert (one.usage.nonsense, one.usage.cut_off) == (1, 1)
    assert (other.usage.nonsense, other.usage.cut_off) == (1, 0)


# --- What goes wrong


def test_429_is_repeated_after_the_time_that_the_endpoint_states() -> None:
    def answer(body: Body, number: int) -> Say | Body:
        return failed(429, "slow down") if number in (0, 1) else completion("(B)")

    with chat_server(answer) as server, judge(server.url) as one:
        assert one(questions(1))[0].first == 0.0
    assert (one.usage.requests, one.usage.answered) == (3, 1)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"choices": [', "what is not JSON"),
        ("<html>Bad gateway</html>", "what is not JSON"),
        ("[]", "no chat completion"),
        ('{"choices": []}', "no choice among choices"),
        ('{"choices": [{"text": "A"}]}', "a choice without a message"),
        ('{"error": {"message": "no credit"}}', "an error: no credit"),
    ],
)
def test_a_broken_answer_is_asked_for_again_and_then_refused(body: str, words: str) -> None:
    with (
        chat_server(lambda b, n: Say(body) if n < 2 else completion("(A)")) as server,
        judge(server.url) as one,
    ):
        assert one(questions(1))[0].first == 1.0
    with chat_server(lambda b, n: Say(body)) as server, judge(server.url) as one:
        with pytest.raises(EndpointError, match=words):
            one(questions(1))
        assert len(server.requests) == 3
        assert one.usage.answered == 0


def test_a_permanent_401_gives_one_sentence() -> None:
    with (
        chat_server(lambda *_: failed(401, "Incorrect API key provided")) as server,
        judge(server.url) as one,
        pytest.raises(EndpointError) as refused,
    ):
        one(questions(4))
    assert str(refused.value) == (
        f"{server.url} answered 401: Incorrect API key provided; set OPENAI_API_KEY to a key of that "
        "endpoint (the key that is there)"
    )
    assert len(server.requests) == 1
    assert "secret-key" not in str(refused.value)


def test_an_unknown_model_gives_one_sentence() -> None:
    with (
        chat_server(lambda *_: failed(404, "The model 'm' does not exist")) as server,
        judge(server.url) as one,
        pytest.raises(EndpointError, match="check the model 'm' and"),
    ):
        one(questions(1))


def test_openais_own_endpoint_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(
        ValueError, match=r"OPENAI_API_KEY is not set, and https://api\.openai\.com"
    ):
        EndpointJudge("m", EndpointSettings())
    with chat_server(says("A")) as server, judge(server.url) as one:  # one's own may need none
        one(questions(1))


def test_the_url_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with chat_server(says("A")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url + "/")
        with EndpointJudge("m", EndpointSettings(), method="answer") as one:
            one(questions(1))
    assert len(server.requests) == 1


def test_an_endpoint_that_cannot_be_reached_gives_one_sentence() -> None:
    with chat_server(says("A")) as server:
        pass  # it is closed again
    with (
        judge(server.url, retries=0) as one,
        pytest.raises(EndpointError, match="cannot be reached"),
    ):
        one(questions(1))


def test_a_url_without_its_scheme_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"is 'localhost:8000/v1'; give one that begins with http"):
        EndpointJudge("m", EndpointSettings(base_url="localhost:8000/v1"))


def test_without_the_client_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "find_spec", lambda name: None)
    hint = re.escape(pip_install("judge"))
    with pytest.raises(ValueError, match=f"'openai', which is not installed; run {hint}"):
        EndpointJudge("m")


def test_a_cache_that_is_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are no replies.\n" * 100)
    with pytest.raises(ValueError, match=r"notes.txt cannot be used as a cache .*name a new file"):
        EndpointJudge("m", EndpointSettings(base_url="http://localhost:1/v1"), cache_path=str(path))


def test_wrong_settings_are_refused() -> None:
    for wrong, words in (
        ({"method": "vote"}, "method is 'vote'; choose from logprobs, samples, answer"),
        ({"samples": 0}, "samples is 0"),
    ):
        with pytest.raises(ValueError, match=words):
            EndpointJudge("m", **wrong)
    with pytest.raises(ValueError, match="max_cost needs the prices"):
        EndpointSettings(max_cost=1.0)
    with pytest.raises(ValueError, match="concurrency is 0; it must be 1 or more"):
        EndpointSettings(concurrency=0)
