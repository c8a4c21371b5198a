"""The command `rlchf constitution judge` where a judge fails: what is kept, and how the run goes on."""

import json
import sys
from pathlib import Path

import pytest

from tests.support.chat_server import Body, Say, chat_server, failed
from tests.support.cli import rlchf
from tests.support.judge_jobs import CONSTITUTION, by_length, rows, run, write_inputs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_model_behind_an_endpoint_is_not_paid_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openai")
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    example = {"prompt": "Hi", "responses": ["Hello", "Go"], "question": "Kind?", "answer": "A"}
    Path("examples.jsonl").write_text(json.dumps(example))
    failing = True

    def answer(body: Body, number: int) -> Body | Say:
        assert [one["role"] for one in body["messages"]] == ["user", "assistant", "user"]
        assert body["messages"][1]["content"] == "The answer is: (A)"
        return failed(500, "too busy") if failing and number >= 10 else by_length(body, number)

    with chat_server(answer) as server:
        options = ["--base-url", server.url, "--concurrency", 1, "--price-in", 1, "--retries", 0]
        stopped = run("openai:m", "--method", "answer", "--examples", "examples.jsonl", *options)
        assert stopped.returncode == 2
        assert "too busy" in stopped.stderr
        assert not Path("rankings.jsonl").exists()
        failing = False
        done = rlchf(
            "constitution", "judge", "--resume", "rankings.jsonl", "--retries", 3, "--json"
        )
        assert done.returncode == 0, done.stderr
        assert len(server.requests) == 21  # 20 questions, and the one that failed
    figures = json.loads(done.stdout)
    assert figures["usage"]["openai:m"]["answered"] == 10
    assert "openai:m: 10 answers, 2 more from the cache; 1,000 tokens in" in done.stderr
    assert {(row["method"], row["probability"]) for row in rows()} == {("answer", 0.6)}
    assert {row["chosen"] for row in rows() if row["prompt_id"] == "tea"} == {"r2"}
    assert figures["position_bias"] == 0


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (failed(429, "Slow down"), "answered 429: Slow down; give a lower --requests-per-minute"),
        (failed(401, "Wrong key"), "answered 401: Wrong key; set OPENAI_API_KEY"),
        (Say("<html>"), "answered with what is not JSON: '<html>'"),
    ],
)
def test_an_endpoint_that_fails_is_followed_by_the_command_that_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, trouble: Say, said: str
) -> None:
    pytest.importorskip("openai")
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    failing = True

    def answer(body: Body, number: int) -> Body | Say:
        return trouble if failing and number >= 10 else by_length(body, number)

    with chat_server(answer) as server:
        stopped = run(
            "openai:m", "--method", "answer", "--base-url", server.url, "--concurrency", 1, "--retries", 0
        )  # fmt: skip
        assert stopped.returncode == 2
        assert said in stopped.stderr
        assert (
            "2 of the last 4 answers are in rankings.jsonl.replies.sqlite, and are not asked for again; "
            "go on with: rlchf constitution judge --resume rankings.jsonl, beside which --batch-size, "
            "--requests-per-minute, --concurrency, --timeout, --retries, --price-in, --price-out, "
            "--max-cost may be given anew; or remove rankings.jsonl.partial and begin again"
        ) in stopped.stderr
        failing = False
        done = rlchf("constitution", "judge", "--resume", "rankings.jsonl", "--retries", 3)
        assert done.returncode == 0, done.stderr


def test_the_limit_on_spending_is_raised_where_the_run_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openai")
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    with chat_server(by_length) as server:
        stopped = run(
            "openai:m", "--method", "answer", "--base-url", server.url, "--concurrency", 1,
            "--price-in", 1, "--max-cost", 0.001,
        )  # fmt: skip
        assert "the limit of 0.001 on spending is reached" in stopped.stderr
        assert "go on with: rlchf constitution judge --resume rankings.jsonl" in stopped.stderr
        done = rlchf("constitution", "judge", "--resume", "rankings.jsonl", "--max-cost", 1)
        assert done.returncode == 0, done.stderr
        assert len(server.requests) == 20


def test_without_a_whole_batch_the_command_is_given_again_with_other_settings(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openai")
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    with chat_server(by_length) as server:
        url = ["--base-url", server.url]
        refused_url = run("openai:m", "--base-url", "http://127.0.0.1:9/v1", "--retries", 0)
        assert "cannot be reached" in refused_url.stderr
        assert "no batch of answers is complete: give the whole command again" in refused_url.stderr
        without = run("openai:m", *url)  # the server gives no log-probabilities
        assert "choose --method samples" in without.stderr
        assert "--resume" not in refused_url.stderr + without.stderr
        assert not Path("rankings.jsonl.partial").exists()
        done = run("openai:m", *url, "--method", "samples", "--samples", 1)
        assert done.returncode == 0, done.stderr


def test_an_error_of_a_function_is_named(folder: Path) -> None:
    done = run("judges_of_tests:broken")
    assert done.returncode == 2
    assert (
        "judge 'judges_of_tests:broken' raised ZeroDivisionError: division by zero" in done.stderr
    )


def test_a_function_that_fails_on_its_first_batch_leaves_nothing(folder: Path) -> None:
    done = run("judges_of_tests:broken")
    assert "--resume" not in done.stderr
    assert list(folder.glob("rankings*")) == []
    assert run("judges_of_tests:shorter").returncode == 0


@pytest.mark.parametrize(("judge", "value"), [("too_sure", "1.7"), ("unsure", "'maybe'")])
def test_a_wrong_answer_names_the_judge_and_the_principle_and_keeps_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch, judge: str, value: str
) -> None:
    whole = run("judges_of_tests:shorter", out="whole.jsonl")
    assert whole.returncode == 0
    named = f'shorter?"\njudge = "judges_of_tests:{judge}"'
    Path("three.toml").write_text(CONSTITUTION.replace('shorter?"', named))
    done = run("judges_of_tests:shorter")
    assert done.returncode == 2
    assert (
        f"the judge 'judges_of_tests:{judge}' answers {value} about prompt 'tea' by principle 'brief'; "
        "give a probability from 0 to 1, an Answer, or None for no answer; go on with: rlchf "
        "constitution judge --resume rankings.jsonl, beside which --batch-size may be given anew; or "
        "remove rankings.jsonl.partial and begin again"
    ) in done.stderr
    module = sys.modules["judges_of_tests"]
    monkeypatch.setattr(module, judge, module.shorter)
    done = rlchf("constitution", "judge", "--resume", "rankings.jsonl")
    assert done.returncode == 0, done.stderr
    assert Path("rankings.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()


def test_the_judge_of_all_principles_is_named_too(folder: Path) -> None:
    assert (
        "the judge 'judges_of_tests:too_sure' answers 1.7 about"
        in run("judges_of_tests:too_sure").stderr
    )
