"""Simulated annotators with stated tastes, for examples and tests whose answer is known.

A simulated annotator scores a response by a weighted sum of four features that anybody can check
by eye, adds a little noise, and ranks the responses by their scores:

===============  ==============================================================================
feature          value
===============  ==============================================================================
`has_emoji`      1 if the response contains an emoji, else 0
`relevance`      share of the prompt's content words that the response uses, from 0 to 1
`politeness`     1 if the response contains a courteous phrase, else 0
`wordiness`      0 up to 30 words, then 1 for every 30 words more
===============  ==============================================================================
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rlchf.prompts import Prompt, question

# Words that do not tell what a prompt is about.
STOP_WORDS = frozenset(
    re.findall(
        "[a-z]+",
        """
        a about after all also am an and any are as at be because been before best between but
        by can could day did do does doing easy ever every few find for from get give go good
        great had hard has have help her here him his how i if in into is it its just keep kind
        know learn let like little lot make many me more most much my need new no not now of off
        on one or our out people should show simple so some somebody someone something start
        suggest suggestion take tell than thanks that the their them then there these they thing
        things think this those tip tips to today too try up us use very want was way ways we
        well were what when where which while who why will with without work would you your
        yours
        """,
    )
)

POLITE_PHRASES = (
    "please",
    "thank you",
    "hope this helps",
    "hope that helps",
    "happy to help",
    "glad to help",
    "you're welcome",
    "good luck",
    "have fun",
    "enjoy",
)

# Characters that are drawn as emojis by themselves (Unicode property Emoji_Presentation; the blocks
# from 1F300 on are taken whole, since what else is in them is drawn as a picture too).
_PICTURES = (
    "\U0001f300-\U0001f64f\U0001f680-\U0001f6ff\U0001f7e0-\U0001f7f0\U0001f900-\U0001f9ff"
    "\U0001fa70-\U0001faff\U0001f004\U0001f0cf\U0001f18e\U0001f191-\U0001f19a\U0001f201\U0001f21a"
    "\U0001f22f\U0001f232-\U0001f236\U0001f238-\U0001f23a\U0001f250\U0001f251"
    "\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1"
    "\u26aa\u26ab\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705"
    "\u270a\u270b\u2728\u274c\u274e\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50"
    "\u2b55"
)
_EMOJI = re.compile(
    f"[{_PICTURES}](?!\ufe0e)"  # a picture, unless text style is asked for
    "|[\U0001f1e6-\U0001f1ff]{2}"  # two regional letters make a flag
    "|[\u2000-\u3300©®\U0001f170-\U0001f251]\ufe0f"  # a sign such as a heart, in emoji style
    "|[0-9#*]\ufe0f?\u20e3"  # a keycap
)


def has_emoji(text: str) -> bool:
    """Tell whether a text contains at least one emoji.

    A sign that exists as text and as emoji, such as the red heart, counts in its emoji style
    (followed by U+FE0F) and not in its text style; smileys typed as ``:-)`` do not count.

    Examples
    --------
    >>> has_emoji("Good luck 🍀"), has_emoji("Good luck :-)"), has_emoji("5 € – really ✓")
    (True, False, False)
    """
    return _EMOJI.search(text) is not None


def content_words(text: str) -> set[str]:
    """List the words of a text that say what it is about: lower case, stop words left out.

    Examples
    --------
    >>> sorted(content_words("What is the best way to cook rice?"))
    ['cook', 'rice']
    """
    return set(_words(text)) - STOP_WORDS


def relevance(prompt: Prompt, response: str) -> float:
    """Share of the prompt's content words that the response uses (1 if the prompt has none).

    Examples
    --------
    >>> relevance("How do I cook brown rice?", "Cook the rice with the lid on.")
    0.6666666666666666
    """
    words = content_words(question(prompt))
    return len(words & set(_words(response))) / len(words) if words else 1.0


def politeness(response: str) -> float:
    """1 if the response contains one of `POLITE_PHRASES`, else 0."""
    return float(any(phrase in response.lower().replace("’", "'") for phrase in POLITE_PHRASES))


def wordiness(response: str) -> float:
    """0 up to 30 words, then 1 for every 30 words more."""
    return max(0.0, len(_words(response)) / 30 - 1)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower().replace("’", "'"))


@dataclass(frozen=True)
class Taste:
    """What an annotator likes: a weight for each feature, negative for a dislike.

    `noise` is the standard deviation of the normal error that is added to each score when the
    annotator ranks.
    """

    emoji: float = 0.0
    relevance: float = 1.0
    politeness: float = 0.0
    wordiness: float = 0.0
    noise: float = 0.0


@dataclass(frozen=True)
class Annotator:
    """A simulated annotator: an id, the group it belongs to, and its taste."""

    annotator_id: str
    group: str
    taste: Taste


class Row(NamedTuple):
    """One line of a rankings file: rank 1 is best, equal ranks are ties."""

    prompt_id: str
    annotator_id: str
    response_id: str
    rank: int


def make_annotators(groups: Mapping[str, tuple[int, Taste]]) -> list[Annotator]:
    """Create annotators ``a01, a02, ...``, given the size and the taste of each group.

    Examples
    --------
    >>> for a in make_annotators({"dislike": (2, Taste(emoji=-2)), "enjoy": (1, Taste(emoji=2))}):
    ...     print(a.annotator_id, a.group, a.taste.emoji)
    a01 dislike -2
    a02 dislike -2
    a03 enjoy 2
    """
    members = [(group, taste) for group, (size, taste) in groups.items() for _ in range(size)]
    return [Annotator(f"a{i:02d}", group, taste) for i, (group, taste) in enumerate(members, 1)]


def score(prompt: Prompt, response: str, taste: Taste) -> float:
    """How well a response suits a taste, before noise.

    ``score = emoji * has_emoji(response) + relevance * relevance(prompt, response)
    + politeness * politeness(response) + wordiness * wordiness(response)``, where the first factor
    of each product is the weight in `taste`.

    Examples
    --------
    >>> score("How do I cook rice?", "Cook rice slowly 🍚", Taste(emoji=-2, relevance=1))
    -1.0
    """
    return (
        taste.emoji * has_emoji(response)
        + taste.relevance * relevance(prompt, response)
        + taste.politeness * politeness(response)
        + taste.wordiness * wordiness(response)
    )


def simulate_rankings(
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
    annotators: Sequence[Annotator],
    seed: int = 0,
) -> list[Row]:
    """Let every annotator rank the responses to every prompt.

    Parameters
    ----------
    prompts
        The prompt of each prompt id.
    responses
        For each prompt id the texts of its responses, by response id.
    annotators
        The annotators who rank (see `make_annotators`).
    seed
        Random seed of the noise, which is drawn for each score.

    Returns
    -------
    Rows by prompt, annotator, response. Equal scores are tied, and the next rank follows without a
    gap (1, 1, 2). The same input and seed give the same rows.

    Examples
    --------
    >>> rows = simulate_rankings(
    ...     {"p1": "How do I cook rice?"},
    ...     {"p1": {"r1": "Cook rice slowly 🍚", "r2": "Cook rice slowly.", "r3": "Cook rice."}},
    ...     make_annotators({"dislike": (1, Taste(emoji=-2))}),
    ... )
    >>> [(row.response_id, row.rank) for row in rows]
    [('r1', 2), ('r2', 1), ('r3', 1)]
    """
    rng = np.random.default_rng(seed)
    rows = []
    for prompt_id, prompt in prompts.items():
        texts = responses[prompt_id]
        for annotator in annotators:
            taste = annotator.taste
            scores = np.array([score(prompt, text, taste) for text in texts.values()])
            scores += taste.noise * rng.standard_normal(len(scores))
            # Rounded, so that sums equal on paper are equal here as well.
            _, ranks = np.unique(-scores.round(9), return_inverse=True)
            rows += [
                Row(prompt_id, annotator.annotator_id, response_id, int(rank) + 1)
                for response_id, rank in zip(texts, ranks, strict=True)
            ]
    return rows
