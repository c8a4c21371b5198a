"""Simulated annotators rank as their stated tastes say."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from rlchf.prompts import Prompt
from rlchf.simulate.annotators import (
    Taste,
    content_words,
    has_emoji,
    make_annotators,
    politeness,
    relevance,
    score,
    simulate_rankings,
    wordiness,
)

PROMPTS: dict[str, Prompt] = {
    "p1": "How do I cook rice?",
    "p2": [{"role": "user", "content": "Why feed a cat?"}],
}
RESPONSES = {
    "p1": {
        "r1": "Cook rice gently 🍚",
        "r2": "Hard to say 🤔",
        "r3": "Cook rice gently.",
        "r4": "Hard to say.",
    },
    "p2": {"r1": "To feed a cat is kind.", "r2": "To feed a cat is kind."},
}
GROUPS = {"dislike": (6, Taste(emoji=-2)), "enjoy": (4, Taste(emoji=2))}


@pytest.mark.parametrize(
    "text",
    [
        "😀",
        "done ✅",
        "I ❤️ it",
        "👩‍🍳",
        "👍🏽",
        "🇫🇷",
        "1️⃣",
        "hot ☀️",
        "⭐",
        "🫶",
        "🤔",
        "🟢",
        "🅰️",
        "☕",
    ],
)
def test_an_emoji_is_found(text: str) -> None:
    assert has_emoji(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        ":-)",
        "3 # 4 * 5",
        "naïve – “quoted”…",
        "→ ✓ ★ ♪",
        "❤ as text",
        "⌚︎",
        "日本",
        "�",
        "©",
    ],
)
def test_other_signs_are_no_emoji(text: str) -> None:
    assert not has_emoji(text)


def test_relevance_is_the_share_of_content_words() -> None:
    prompt = "What is the best way to plant a tulip?"
    assert content_words(prompt) == {"plant", "tulip"}
    assert relevance(prompt, "Plant it in autumn.") == 0.5
    assert relevance(prompt, "PLANT the tulip!") == 1.0
    assert relevance(prompt, "Who knows?") == 0.0
    assert relevance("How are you?", "Fine.") == 1.0


def test_politeness_and_wordiness_are_as_stated() -> None:
    assert politeness("Here you go. Hope this helps!") == 1.0
    assert politeness("Here you go.") == 0.0
    assert wordiness("word " * 30) == 0.0
    assert wordiness("word " * 45) == pytest.approx(0.5)


def test_score_is_the_weighted_sum_of_the_features() -> None:
    taste = Taste(emoji=-3, relevance=2, politeness=0.5, wordiness=-1)
    text = "Cook it 🍚, enjoy! " + "word " * 27 + "word " * 15
    assert score("How do I cook rice?", text, taste) == pytest.approx(-3 + 2 * 0.5 + 0.5 - 0.5)


def test_both_groups_rank_as_their_taste_says() -> None:
    rows = simulate_rankings(PROMPTS, RESPONSES, make_annotators(GROUPS))
    ranks = {(row.annotator_id, row.response_id): row.rank for row in rows if row.prompt_id == "p1"}
    by_annotator = Counter(
        tuple(ranks[f"a{i:02d}", f"r{r}"] for r in (1, 2, 3, 4)) for i in range(1, 11)
    )
    assert by_annotator == {(3, 4, 1, 2): 6, (1, 2, 3, 4): 4}


def test_equal_scores_are_tied() -> None:
    rows = simulate_rankings(PROMPTS, RESPONSES, make_annotators(GROUPS))
    assert {row.rank for row in rows if row.prompt_id == "p2"} == {1}


def test_noise_moves_some_ballots_and_the_seed_decides_which() -> None:
    noisy = make_annotators({"all": (200, Taste(emoji=-1, noise=0.7))})
    first, again, other = (simulate_rankings(PROMPTS, RESPONSES, noisy, s) for s in (1, 1, 2))
    assert first == again != other
    # r3 beats r1 by 1 before noise, so the noisy order is right with probability Phi(1 / (0.7 √2)).
    r1, r3 = (
        np.array([row.rank for row in first if (row.prompt_id, row.response_id) == ("p1", r)])
        for r in ("r1", "r3")
    )
    assert np.mean(r3 < r1) == pytest.approx(0.844, abs=0.08)


def test_importing_simulate_does_not_import_torch() -> None:
    code = "import sys, rlchf.simulate; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
