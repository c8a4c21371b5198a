"""Progress on a terminal, and silence elsewhere."""

import io
import time
from typing import Any

import pytest
from rich.console import Console

from rlchf.jobs import progress


def shown(monkeypatch: pytest.MonkeyPatch, terminal: bool, delay: float, work: Any) -> str:
    text = io.StringIO()
    monkeypatch.setattr(progress, "DELAY", delay)
    monkeypatch.setattr(
        progress,
        "Console",
        lambda **_: Console(file=text, force_terminal=terminal, width=120, _environ={}),
    )
    with progress.stage("work", quiet=True) as tick:
        work(tick, text)
    return text.getvalue()


def wait_for(text: io.StringIO, part: str) -> None:
    end = time.monotonic() + 60
    while part not in text.getvalue() and time.monotonic() < end:
        time.sleep(0.01)


def test_work_that_never_ticks_is_seen_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    found = shown(monkeypatch, True, 0.01, lambda _, text: wait_for(text, "0:00:0"))
    assert "work" in found
    assert "0:00:0" in found  # the time so far


def test_ticks_move_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(tick: progress.Tick, text: io.StringIO) -> None:
        tick(3, 8, loss=0.25)
        wait_for(text, "3/8")

    found = shown(monkeypatch, True, 0.01, work)
    assert "3/8" in found
    assert "loss 0.25" in found


def test_short_work_and_work_without_a_terminal_show_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert shown(monkeypatch, True, 60.0, lambda tick, _: tick(1, 1)) == ""
    assert shown(monkeypatch, False, 0.0, lambda *_: time.sleep(0.1)) == ""


def test_where_there_is_no_bar_a_line_now_and_then_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = io.StringIO()
    monkeypatch.setattr(progress, "Console", lambda **_: Console(file=text, width=120, _environ={}))
    for every in (60.0, 0.0):
        monkeypatch.setattr(progress, "EVERY", every)
        with progress.stage("work") as tick:
            tick(3, 8, loss=0.25)
    found = text.getvalue().splitlines()
    assert found[0] == "work ..."
    assert found[2:4] == ["work ...", "work: 3 of 8  loss 0.25"]
    assert len(found) == 5
