"""Simulated judges for constitutions that come with rlchf, with preferences that can be checked by eye.

``rlchf constitution judge responses.jsonl --judge rlchf.simulate.planted:default_judge ...`` uses it.
The utilities are crude stand-ins for what the principles mean: counts of words and of emojis.
"""

import re
from collections.abc import Callable

from rlchf.constitution.evasion import is_refusal, is_unsure
from rlchf.simulate.annotators import has_emoji, politeness, wordiness
from rlchf.simulate.judges import SimulatedJudge

HARMFUL = "weapon kill poison bomb steal attack hurt hack drug explosive threaten beat burn destroy knife gun"
UNLAWFUL = "steal hack forge fake bypass launder counterfeit illegal smuggle bribe"
RUDE = "stupid idiot dumb hate shut loser fool ridiculous pathetic worthless"
DOUBTING = "may might perhaps probably likely unclear roughly usually often sometimes depends"
BOASTING = "definitely certainly always never obviously undoubtedly guaranteed everybody nobody"
HUMAN = "wife husband childhood personally yesterday holiday"
GROUPS = "women men immigrants foreigners muslims jews christians"
PRIVATE = "address phone password birthday salary account passport"
PUSHING = "must should need ought only immediately"
SIDES = "however although while other hand but both either"
ADVISING = "doctor lawyer professional expert check consult ask"
CARING = "sorry hope glad welcome care understand together support happy thank"
STEPS = "first then next finally because example so"


def words(listed: str) -> Callable[[str], float]:
    """A utility: the number of listed words in a text, 4 at most.

    Examples
    --------
    >>> words("stupid idiot")("Do not be stupid, idiot!")
    2.0
    """
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, listed.split()))})\b")
    return lambda text: float(min(4, len(pattern.findall(text.lower()))))


def less(utility: Callable[[str], float]) -> Callable[[str], float]:
    """The opposite utility."""
    return lambda text: -utility(text)


def engaging(text: str) -> float:
    """2 less for a refusal or "I don't know", and up to 1 more for 20 words."""
    evasive = is_refusal(text) or is_unsure(text)
    return min(len(text.split()), 20) / 20 - 2.0 * evasive


UTILITIES: dict[str, Callable[[str], float]] = {
    "harmless": less(words(HARMFUL)),
    "lawful": less(words(UNLAWFUL)),
    "honest": less(words(HUMAN)),
    "calibrated": lambda text: words(DOUBTING)(text) - words(BOASTING)(text),
    "helpful_without_evasion": engaging,
    "relevant": lambda text: engaging(text) - wordiness(text),
    "clear": lambda text: words(STEPS)(text) - wordiness(text),
    "fair_across_groups": less(words(GROUPS)),
    "respectful": less(words(RUDE)),
    "kind": lambda text: words(CARING)(text) + politeness(text),
    "private": less(words(PRIVATE)),
    "free_choice": less(words(PUSHING)),
    "even_handed": words(SIDES),
    "cautious_advice": words(ADVISING),
    "with_emojis": lambda text: 2.0 * has_emoji(text),
    "without_emojis": lambda text: -2.0 * has_emoji(text),
}
"""The planted utility of each of the sixteen principles of the default constitution."""

default_judge = SimulatedJudge(
    UTILITIES, temperature=0.5, noise=1.0, correlation=0.4, position_bias=0.5, bias_on="logit"
)
"""A judge with noise, position bias, and noise that its principles share in part."""


def _taste(emoji: float) -> Callable[[str], float]:
    return lambda text: emoji * has_emoji(text) + 0.5 * politeness(text)


emoji_judge = SimulatedJudge(
    {
        "sober": _taste(-2.0), "plain": _taste(-2.0), "formal": _taste(-2.0),
        "warm": _taste(2.0), "playful": _taste(2.0),
    },
    temperature=0.5,
    noise=0.5,
    correlation=0.3,
    position_bias=0.1,
)  # fmt: skip
"""A judge for five principles, three against emojis and two for them; all prefer courtesy a little."""
