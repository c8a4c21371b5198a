"""A rule over a large batch, piece by piece and on several threads."""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from rlchf.rules._parts.threads import scores_in_chunks
from tests.support.profiles import random_cases, together


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlchf.rules._parts.threads.CHUNK", 600)


@pytest.mark.parametrize("name", ["borda", "kemeny", "random_ballot"])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_pieces_and_threads_change_nothing(small_pieces: None, name: str, threads: int) -> None:
    profiles = together(random_cases(1, 90, 4))
    profiles = Profiles(profiles.ranks, profiles.starts, profiles.weights, profiles.annotators)
    whole = get_rule(name)(profiles)
    assert np.array_equal(scores_in_chunks(get_rule(name), profiles, threads=threads), whole)


def test_pieces_are_worked_on_by_several_threads(small_pieces: None) -> None:
    meeting = threading.Barrier(2, timeout=20)

    def rule(profiles: Profiles) -> np.ndarray:
        if 0 in profiles.prompts or 89 in profiles.prompts:
            meeting.wait()  # the first piece and the last must be at work at the same time
        return np.zeros((profiles.n_prompts, profiles.n_responses))

    cases = random_cases(1, 90, 4)
    profiles = together(cases)
    pieces = Profiles(profiles.ranks, profiles.starts, profiles.weights, profiles.annotators)
    assert scores_in_chunks(rule, pieces, threads=90).shape == (90, 4)


def test_progress_counts_every_prompt_once(small_pieces: None) -> None:
    seen: list[tuple[int, int]] = []
    tick: Callable[[int, int], None] = lambda done, total: seen.append((done, total))  # noqa: E731
    scores_in_chunks(get_rule("borda"), together(random_cases(1, 90, 4)), 2, tick)
    assert len(seen) > 3
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (90, 90)


def test_an_error_in_one_piece_stops_the_rest(small_pieces: None) -> None:
    started = []

    def rule(profiles: Profiles) -> np.ndarray:
        started.append(int(profiles.prompts[0]))
        raise ValueError("this piece is bad")

    with pytest.raises(ValueError, match="this piece is bad"):
        scores_in_chunks(rule, together(random_cases(1, 900, 4)), threads=1)
    assert len(started) < 20


def test_torch_pieces_are_put_together(small_pieces: None) -> None:
    torch = pytest.importorskip("torch")
    profiles = together(random_cases(1, 90, 4))
    scores = scores_in_chunks(get_rule("copeland"), profiles.map(torch.as_tensor), threads=2)
    assert isinstance(scores, torch.Tensor)
    assert np.array_equal(scores.numpy(), get_rule("copeland")(profiles))
