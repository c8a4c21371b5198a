"""How different the responses to a prompt are, by their words."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, groupby
from unicodedata import category, normalize

UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF),
            (0xF900, 0xFAFF), (0x20000, 0x3FFFF))  # fmt: skip
"""Scripts written without spaces: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""


def words(text: str) -> Iterator[str]:
    """Words in lower case, and each sign; in scripts without spaces, each character.

    Examples
    --------
    >>> list(words("Boil it, then rest! 🥚"))
    ['boil', 'it', ',', 'then', 'rest', '!', '🥚']
    >>> list(words("हिन्दी 中文"))
    ['हिन्दी', '中', '文']
    """
    for part in normalize("NFC", text).casefold().split():
        for is_word, run in groupby(part, key=_is_part_of_word):
            characters = list(run)
            yield from ["".join(characters)] if is_word else characters


def pair_distance(text: str, other: str, n: int = 2) -> float:
    """Jaccard distance of the sets of word n-grams of two texts, of lengths 1 to ``n``.

    Examples
    --------
    >>> pair_distance("boil the egg", "boil the rice")  # 3 of 7 in common: boil, the, boil the
    0.5714285714285714
    >>> pair_distance("", "yes"), pair_distance("", "")
    (1.0, 0.0)
    """
    return _distance(grams(text, n), grams(other, n))


def diversity(responses: Iterable[Sequence[str]], n: int = 2) -> float:
    """Mean distance of two responses to the same prompt, averaged over prompts.

    It is between 0, where the responses to each prompt have the same words, and 1, where they have none
    in common. It sees words and not meanings: a paraphrase counts as different.

    Parameters
    ----------
    responses
        For each prompt its responses. A prompt with fewer than two counts as 0, because nothing differs.
    n
        The longest word n-grams that are compared; see `pair_distance`.

    Raises
    ------
    ValueError
        If there is no prompt.

    References
    ----------
    G. Tevet and J. Berant, "Evaluating the evaluation of diversity in natural language generation", 2021:
    diversity as the mean over all pairs. A. Z. Broder, "On the resemblance and containment of documents",
    1997: the Jaccard index of sets of word n-grams.

    Examples
    --------
    >>> diversity([["boil the egg", "boil the egg"], ["yes", "no"]])
    0.5
    """
    distances = [_mean_distance([grams(text, n) for text in texts]) for texts in responses]
    if not distances:
        raise ValueError(
            "there is no prompt, so the responses have no diversity; give at least one"
        )
    return sum(distances) / len(distances)


def _mean_distance(sets: Sequence[set[tuple[str, ...]]]) -> float:
    pairs = [_distance(one, other) for one, other in combinations(sets, 2)]
    return sum(pairs) / len(pairs) if pairs else 0.0


def _distance(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    union = len(one | other)
    return 1 - len(one & other) / union if union else 0.0


def grams(text: str, n: int = 2) -> set[tuple[str, ...]]:
    """The set of word n-grams of a text, of lengths 1 to ``n``.

    Examples
    --------
    >>> sorted(grams("boil it"))
    [('boil',), ('boil', 'it'), ('it',)]
    """
    tokens = list(words(text))
    return {
        tuple(tokens[i : i + size])
        for size in range(1, n + 1)
        for i in range(len(tokens) - size + 1)
    }


def _is_part_of_word(character: str) -> bool:
    """Whether a character is a letter, mark or digit of a script with spaces."""
    code = ord(character)
    return category(character)[0] in "LMN" and not any(
        low <= code <= high for low, high in UNSPACED
    )
