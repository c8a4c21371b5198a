"""Prompts and responses of the share audit: advice that is plain, has an emoji, or is terse."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.simulate import has_emoji

TERSE = 7  # words that a terse text has at most, and no other

# (what to do, how, an emoji that suits it); whoever edits this keeps the advice to four words at most
TOPICS = [
    ("cook rice", "rinse it first", "🍚"),
    ("bake bread", "use warm water", "🍞"),
    ("brew coffee", "pour it slowly", "☕"),
    ("boil an egg", "wait seven minutes", "🥚"),
    ("grow tomatoes", "give them sun", "🍅"),
    ("plant tulips", "dig in autumn", "🌷"),
    ("wash a dog", "have two towels ready", "🐶"),
    ("feed a kitten", "serve small meals", "🐱"),
    ("paint a wall", "begin at the top", "🎨"),
    ("fix a bike", "oil the chain", "🚲"),
    ("remove a stain", "use cold water", "🧼"),
    ("build a tent", "choose flat ground", "⛺"),
    ("run a race", "sleep early before", "🏃"),
    ("play the guitar", "practise every day", "🎸"),
    ("write a poem", "read it aloud", "📝"),
    ("wrap a present", "measure the paper", "🎁"),
    ("plan a party", "choose the music", "🎉"),
    ("save money", "write down what you buy", "💰"),
    ("sleep better", "leave the phone outside", "😴"),
    ("learn to swim", "breathe out slowly", "🏊"),
]
JUDGED = [  # ways to ask, for the prompts whose responses are judged
    "How do I {}?",
    "What is the best way to {}?",
    "Can you help me {}?",
    "Any tips to {}?",
    "Tell me how to {}.",
    "I would like to {}. Where do I begin?",
    "My friend wants to {}. What should I say?",
    "What do people forget when they {}?",
    "Is there a trick to {}?",
    "Please explain how to {}.",
]
ASKED = [  # and for those that the policy answers
    "How can I {}?",
    "What helps to {}?",
    "Give me some advice to {}.",
    "I need to {} today. What now?",
]
OPENINGS = ["To {do}, it is best to {how}.", "If you want to {do}, you should {how}."]


@dataclass(frozen=True)
class Talk:
    """Prompts, and to each a response of every kind."""

    prompts: dict[str, str]
    responses: dict[str, dict[str, str]]

    def pairs(self) -> list[tuple[str, str]]:
        """Every prompt with each of its responses."""
        return [
            (self.prompts[p], text) for p, each in self.responses.items() for text in each.values()
        ]


def make_talk(kinds: list[str], questions: list[str], seed: int = 0) -> Talk:
    """Every question about every topic, in random order, with a response of every kind.

    Examples
    --------
    >>> talk = make_talk(["plain", "emoji", "terse"], JUDGED)
    >>> len(talk.prompts), len(make_talk(["plain"], ASKED).prompts)
    (200, 80)
    >>> sorted(talk.responses["0"])
    ['emoji', 'plain', 'terse']
    """
    rng = np.random.default_rng(seed)
    pairs = [(topic, question) for topic in TOPICS for question in questions]
    prompts: dict[str, str] = {}
    responses: dict[str, dict[str, str]] = {}
    for n, i in enumerate(rng.permutation(len(pairs))):
        (do, how, emoji), question = pairs[i]
        prompts[str(n)] = question.format(do)
        plain, other = (str(rng.choice(OPENINGS)).format(do=do, how=how) for _ in range(2))
        texts = {"plain": plain, "emoji": f"{other} {emoji}", "terse": f"{how.capitalize()}."}
        responses[str(n)] = {kind: texts[kind] for kind in kinds}
    return Talk(prompts, responses)


def kind_of(text: str, kinds: list[str]) -> str:
    """The kind of a text: with an emoji, at most seven words long, or neither.

    Examples
    --------
    >>> [kind_of(text, ["plain", "emoji", "terse"]) for text in ("Rinse it.", "Rinse it. 🍚")]
    ['terse', 'emoji']
    >>> kind_of("Rinse it.", ["plain", "emoji"])
    'plain'
    """
    if has_emoji(text):
        return "emoji"
    return "terse" if "terse" in kinds and len(text.split()) <= TERSE else "plain"


def taught(kinds: list[str]) -> dict[str, set[str]]:
    """All responses of these kinds to each prompt that the policy answers.

    Examples
    --------
    >>> sorted(taught(["terse"])["How can I cook rice?"])
    ['Rinse it first.']
    >>> len(taught(["plain", "emoji", "terse"])["How can I cook rice?"])
    5
    """
    texts: dict[str, set[str]] = {}
    for do, how, emoji in TOPICS:
        plain = [opening.format(do=do, how=how) for opening in OPENINGS]
        by_kind = {"plain": plain, "emoji": [f"{text} {emoji}" for text in plain]}
        by_kind["terse"] = [f"{how.capitalize()}."]
        for question in ASKED:
            texts[question.format(do)] = {text for kind in kinds for text in by_kind[kind]}
    return texts


def taught_share(rows: Sequence[tuple[str, str]], kinds: list[str]) -> float:
    """The share of prompts and responses whose response is one of those that the policy was taught."""
    right = taught(kinds)
    return sum(text in right[prompt] for prompt, text in rows) / len(rows)
