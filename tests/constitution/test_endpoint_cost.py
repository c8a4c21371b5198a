"""A judge behind an endpoint: nothing is paid for twice, and the limits on rate and cost hold."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from rlchf.constitution.judges.endpoint import (
    EndpointError,
    SpendingLimitError,
)
from rlchf.constitution.judges.limits import RateLimit, StoppedError
from rlchf.io.reply_cache import Reply
from tests.support.chat_server import (
    Body,
    Say,
    asked_text,
    chat_server,
    completion,
    failed,
)
from tests.support.endpoint_judges import by_prompt, judge, questions, says

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret-key")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


# --- Paying once


def test_two_runs_pay_once(tmp_path: Path) -> None:
    cache = tmp_path / "replies.sqlite"
    with chat_server(by_prompt) as server:
        runs = []
        for _ in range(2):
            with judge(server.url, cache=cache, method="samples", samples=3) as one:
                runs.append((one(questions(4)), one.usage))
        assert runs[0][0] == runs[1][0]
        assert len(server.requests) == 12
        assert (runs[0][1].answered, runs[0][1].cached) == (12, 0)
        assert (runs[1][1].answered, runs[1][1].cached, runs[1][1].requests) == (0, 12, 0)
        with judge(server.url, cache=cache, method="samples", samples=5) as one:
            one(questions(4))
        assert len(server.requests) == 12 + 4 * 2  # only the further samples
        with judge(server.url, cache=cache, method="samples", samples=3, seed=1) as one:
            one(questions(4))
        assert len(server.requests) == 20 + 12  # other draws


def test_equal_questions_are_paid_once_in_one_run_too() -> None:
    with chat_server(says("A")) as server, judge(server.url, concurrency=4) as one:
        answers = one(questions(1) * 5)
    assert len(server.requests) == 1
    assert len(answers) == 5
    assert (one.usage.answered, one.usage.cached) == (1, 4)


@pytest.mark.parametrize("problem", ["429", "timeout", "500"])
def test_a_judge_stopped_half_way_pays_for_the_rest_only_and_gives_equal_answers(
    problem: str, tmp_path: Path
) -> None:
    broken = True
    trouble = {
        "429": failed(429, "Too many requests"),
        "500": failed(500, "Overloaded"),
        "timeout": Say(completion("(A)"), delay=0.5),
    }[problem]

    def answer(body: Body, number: int) -> Say | Body:
        return trouble if broken and number >= 5 else by_prompt(body, number)

    more: dict[str, Any] = {"method": "samples", "samples": 2, "timeout": 0.2, "retries": 1}
    cache = tmp_path / "replies.sqlite"
    with chat_server(answer) as server:
        with (
            judge(server.url, cache=cache, **more) as one,
            pytest.raises(EndpointError, match="are not asked for again") as refused,
        ):
            one(questions(6))
        assert "5 of the last 12 answers are in" in str(refused.value)
        assert "\n" not in str(refused.value)
        assert len(server.requests) == 5 + 2  # one retry
        broken = False
        with judge(server.url, cache=cache, **more) as one:
            resumed = one(questions(6))
        assert (one.usage.cached, one.usage.answered) == (5, 7)
        with judge(server.url, **more) as fresh:
            assert resumed == fresh(questions(6))


def test_a_killed_judge_is_resumed_without_paying_twice(tmp_path: Path) -> None:
    cache = tmp_path / "replies.sqlite"
    processes: list[subprocess.Popen[bytes]] = []
    script = (
        "from tests.support.endpoint_judges import *; import sys\n"
        "judge(sys.argv[1], cache=sys.argv[2], method='samples', samples=2)(questions(6))"
    )

    def answer(body: Body, number: int) -> Body:
        if number == 5:
            processes[0].kill()
            processes[0].wait()
        return by_prompt(body, number)

    with chat_server(answer) as server:
        command = [sys.executable, "-c", script, server.url, str(cache)]
        processes.append(subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}))
        processes[0].wait()
        assert len(server.requests) == 6  # the last was not answered
        with judge(server.url, cache=cache, method="samples", samples=2) as one:
            resumed = one(questions(6))
        assert (one.usage.cached, one.usage.answered) == (5, 7)
        with judge(server.url, method="samples", samples=2) as fresh:
            assert resumed == fresh(questions(6))


def test_replies_on_their_way_are_kept_when_another_request_fails(tmp_path: Path) -> None:
    def answer(body: Body, number: int) -> Say | Body:
        if "Prompt 1\n" in asked_text(body):
            return Say({"error": {"message": "no"}}, 403, delay=0.1)
        return Say(completion("A"), delay=0.3)

    with chat_server(answer) as server:
        with (
            judge(server.url, cache=tmp_path / "c", concurrency=3) as one,
            pytest.raises(EndpointError, match="2 of the last 50 answers are in"),
        ):
            one(questions(50))
        assert server.most_at_once == 3
        assert len(server.requests) <= 4


def test_an_error_is_told_though_the_requests_that_it_stopped_end_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with chat_server(says("A")) as server, judge(server.url, concurrency=2) as one:
        both = Barrier(2, timeout=30)

        def send(key: str, request: Any) -> Reply:
            if both.wait() == 0:
                raise StoppedError
            time.sleep(0.05)  # so that the other one has ended
            raise EndpointError("no answer")

        monkeypatch.setattr(one, "_send", send)
        with pytest.raises(EndpointError, match="no answer"):
            one(questions(2))


def test_ctrl_c_stops_and_keeps_what_was_answered(tmp_path: Path) -> None:
    with chat_server(says("A")) as server, judge(server.url, cache=tmp_path / "c") as one:
        keep, calls = one.cache.put, []

        def put(key: str, reply: Any) -> None:
            keep(key, reply)
            calls.append(key)
            if len(calls) == 3:
                raise KeyboardInterrupt

        one.cache.put = put  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            one(questions(20))
        assert len(one.cache) == len(calls) < 20


# --- What it costs


def test_cost_is_counted_exactly() -> None:
    with (
        chat_server(says("A", prompt_tokens=1234, completion_tokens=56)) as server,
        judge(server.url, price_in=0.15, price_out=0.60, concurrency=3) as one,
    ):
        one(questions(7))
    usage = one.usage.to_dict()
    assert usage["cost"] == (7 * 1234 * 0.15 + 7 * 56 * 0.60) / 1_000_000
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (7 * 1234, 7 * 56)
    assert json.loads(json.dumps(usage)) == usage


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_limit_on_spending_is_kept_and_a_higher_one_goes_on(
    concurrency: int, tmp_path: Path
) -> None:
    prices: dict[str, Any] = {"price_in": 10.0, "price_out": 1000.0, "concurrency": concurrency}
    cache = tmp_path / "replies.sqlite"
    each = (100 * 10 + 4 * 1000) / 1_000_000  # 0.005
    with chat_server(says("A")) as server:
        with (
            judge(server.url, cache=cache, max_cost=0.04, **prices) as one,
            pytest.raises(
                SpendingLimitError, match=r"limit of 0\.04 .* higher --max-cost; "
            ) as stop,
        ):
            one(questions(20))
        paid = len(server.requests)
        assert one.usage.cost == pytest.approx(paid * each)
        assert 0.02 < one.usage.cost <= 0.04  # the next request may cost 16 tokens, not 4
        assert f"{paid} of the last 20 answers are in" in str(stop.value)
        with judge(server.url, cache=cache, max_cost=1, **prices) as one:
            assert len(one(questions(20))) == 20
        assert len(server.requests) == 20
        assert (one.usage.cached, one.usage.answered) == (paid, 20 - paid)


def test_a_limit_on_spending_needs_an_endpoint_that_counts_tokens() -> None:
    reply = completion("A")
    del reply["usage"]
    with chat_server(lambda *_: reply) as server:
        with judge(server.url) as one:
            one(questions(2))
        assert one.usage.unmetered == 2
        with (
            judge(server.url, max_cost=1, price_in=1.0) as one,
            pytest.raises(EndpointError, match="no counts of tokens"),
        ):
            one(questions(2))


def test_the_cache_holds_the_answers_as_they_came_and_no_key(tmp_path: Path) -> None:
    cache = tmp_path / "replies.sqlite"
    with chat_server(says("A", prompt_tokens=7)) as server, judge(server.url, cache=cache) as one:
        one(questions(1))
    rows = sqlite3.connect(cache).execute("SELECT * FROM replies").fetchall()
    assert len(rows) == 1
    assert json.loads(rows[0][1]) == completion("A", prompt_tokens=7)
    assert rows[0][2:4] == (7, 4)
    assert b"secret-key" not in cache.read_bytes()


# --- Requests per minute


class FakeClock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_the_limit_on_the_rate_is_kept_with_retries_counted() -> None:
    clock = FakeClock()
    times: list[float] = []

    def answer(body: Body, number: int) -> Say | Body:
        times.append(clock.now)
        return failed(429, "slow down") if number == 3 else completion("A")

    with (
        chat_server(answer) as server,
        judge(server.url, requests_per_minute=20, clock=clock) as one,
    ):
        one(questions(9))
    assert times == [3.0 * i for i in range(10)]


def test_the_limit_on_the_rate_holds_across_threads() -> None:
    limit = RateLimit(600, FakeClock())
    with ThreadPoolExecutor(8) as pool:
        turns = sorted(pool.map(lambda _: limit.wait(), range(40)))
    gaps = [later - earlier for earlier, later in pairwise(turns)]
    assert min(gaps) >= 0.1 - 1e-9
