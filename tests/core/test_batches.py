"""Batches of many ballots: a compiled loop fills the same tables as numpy's indexing."""

import numpy as np
import pytest

from rlchf import Rankings, batches
from rlchf.rankings import Unranked


def some_rankings(seed: int, unranked: Unranked) -> Rankings:
    """Prompts with two to four responses and one to six ballots, which have ties and gaps."""
    rng = np.random.default_rng(seed)
    ballots: list[tuple[str, str, str]] = []
    for p in range(30):
        names = np.array(list("abcd"[: rng.integers(2, 5)]))
        ballots.append((f"p{p}", "all", " = ".join(names)))
        for annotator in range(rng.integers(0, 6)):
            ranking = rng.permutation(names)[: rng.integers(1, len(names) + 1)]
            signs = rng.choice([" > ", " = "], len(ranking))
            text = "".join(f"{sign}{name}" for sign, name in zip(signs, ranking, strict=True))
            ballots.append((f"p{p}", f"a{annotator}", text[3:]))
    return Rankings.from_ballots(ballots, unranked=unranked)


@pytest.mark.parametrize("unranked", ["missing", "last"])
@pytest.mark.parametrize("seed", range(3))
def test_a_large_table_of_ranks_is_the_same_as_a_small_one(
    unranked: Unranked, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rankings = some_rankings(seed, unranked)
    small = list(rankings.profiles())
    monkeypatch.setattr(batches, "LARGE", 0)
    for (prompts, profiles), (others, same) in zip(small, rankings.profiles(), strict=True):
        assert np.array_equal(prompts, others)
        for name in ("ranks", "starts", "weights", "annotators"):
            assert np.array_equal(getattr(profiles, name), getattr(same, name))
        assert profiles.ranks.dtype == same.ranks.dtype


@pytest.mark.parametrize("prompts", [[0], [2, 3], [3, 2], [5, 1, 3]])
def test_a_batch_has_the_ballots_of_its_prompts_in_the_order_asked_for(prompts: list[int]) -> None:
    ballots = [
        (f"p{p}", f"a{n}", "a > b" if (p + n) % 3 else "b > a")
        for p in range(6)
        for n in range(p + 1)
    ]
    rankings = Rankings.from_ballots(ballots)
    batch = rankings.batch(np.array(prompts))
    expected = [[1, 2] if (p + n) % 3 else [2, 1] for p in prompts for n in range(p + 1)]
    assert batch.ranks.T.tolist() == expected
    assert batch.annotators.tolist() == [n for p in prompts for n in range(p + 1)]
