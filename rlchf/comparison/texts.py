"""The prompts on which rules disagree most, with their responses and ballots; responses that are alike."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from rlchf.comparison.comparing import Comparison
from rlchf.comparison.rules import first_place_names
from rlchf.display import shortened
from rlchf.evaluation.diversity import grams
from rlchf.prompts import Prompt, question
from rlchf.rankings import Rankings

ALIKE = 0.8
"""Texts that have this share of their words and pairs of words in common are near-duplicates."""
PROMPTS = 8
BALLOTS = 60
CUT = 1500
"""Prompts that are shown, ballots of each, and characters of a text."""


@dataclass(frozen=True)
class NearDuplicate:
    """Two responses to a prompt with nearly the same words.

    Attributes
    ----------
    prompt_id, one, other
        The prompt and the two responses, ids.
    in_common
        Share of their words and pairs of words that both have (Jaccard index).
    """

    prompt_id: str
    one: str
    other: str
    in_common: float


@dataclass(frozen=True)
class DividedPrompt:
    """A prompt on which rules disagree, as people saw it.

    Attributes
    ----------
    prompt_id, prompt
        Its id, and its text; empty if it is not known.
    disagreement
        The mean of Kendall's distance between the rules.
    responses
        For each response id its text, empty if it is not known.
    first
        The rules that put each response, or each tied set, first.
    ballots
        Annotator, ranking and weight of the first ballots.
    more
        Number of ballots that are not among them.
    alike
        Responses with nearly the same words.
    """

    prompt_id: str
    prompt: str
    disagreement: float
    responses: dict[str, str]
    first: dict[str, list[str]]
    ballots: list[tuple[str, str, float]]
    more: int
    alike: list[NearDuplicate]


@dataclass(frozen=True)
class Texts:
    """What people read and said where rules disagree.

    Attributes
    ----------
    prompts
        The prompts on which the rules disagree most.
    alike
        All pairs of responses with nearly the same words.
    compared
        Number of pairs of responses with texts.
    """

    prompts: list[DividedPrompt]
    alike: list[NearDuplicate]
    compared: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def divided_texts(
    comparison: Comparison,
    rankings: Rankings,
    prompts: Mapping[str, Prompt] | None = None,
    responses: Mapping[str, Mapping[str, str]] | None = None,
    most: int = PROMPTS,
) -> Texts:
    """Show the prompts on which rules disagree most, and find responses with nearly the same words.

    Parameters
    ----------
    prompts, responses
        The texts, by id.
    most
        Number of prompts.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [*[("p", f"a{n}", "a > b > c") for n in range(3)], ("p", "x", "b > c > a"),
    ...            ("p", "y", "b > c > a")]
    >>> rankings = Rankings.from_ballots(ballots)
    >>> comparison = rlchf.compare(rankings, "borda,kemeny", bootstrap=0, splits=0)
    >>> responses = {"p": {"a": "Boil it for six minutes.", "b": "Boil it for six minutes!", "c": "No."}}
    >>> texts = divided_texts(comparison, rankings, responses=responses)
    >>> texts.prompts[0].first, [(pair.one, pair.other) for pair in texts.alike]
    ({'b': ['borda'], 'a': ['kemeny']}, [])
    """
    prompts, responses = prompts or {}, responses or {}
    alike, compared = near_duplicates(rankings, responses)
    measured = comparison.distances
    order = np.lexsort((-measured.first_places, -measured.disagreement))
    chosen = [p for p in order[:most].tolist() if measured.disagreement[p] > 0]
    return Texts(
        [_divided(comparison, rankings, p, prompts, responses, alike) for p in chosen],
        alike,
        compared,
    )


def near_duplicates(
    rankings: Rankings, responses: Mapping[str, Mapping[str, str]], alike: float = ALIKE
) -> tuple[list[NearDuplicate], int]:
    """The pairs of responses to a prompt with nearly the same words, and how many pairs were compared.

    References
    ----------
    A. Z. Broder, "On the resemblance and containment of documents", 1997.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b > c")])
    >>> texts = {"p": {"a": "Let it rest.", "b": "let it  rest.", "c": "Fry it."}}
    >>> near_duplicates(rankings, texts)
    ([NearDuplicate(prompt_id='p', one='a', other='b', in_common=1.0)], 3)
    """
    found, compared = [], 0
    for prompt in rankings.prompt_ids:
        texts = responses.get(prompt, {})
        known = {one: grams(texts[one]) for one in rankings.responses(prompt) if one in texts}
        for one, other in combinations(known, 2):
            compared += 1
            short, long = sorted((len(known[one]), len(known[other])))
            if short < alike * long:
                continue
            union = len(known[one] | known[other])
            share = len(known[one] & known[other]) / union if union else 1.0
            if share >= alike:
                found.append(NearDuplicate(prompt, one, other, share))
    return found, compared


def _divided(
    comparison: Comparison,
    rankings: Rankings,
    p: int,
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
    alike: list[NearDuplicate],
) -> DividedPrompt:
    prompt = rankings.prompt_ids[p]
    ids, texts = rankings.responses(prompt), responses.get(prompt, {})
    start, end = rankings.ballot_starts[p : p + 2].tolist()
    shown = range(start, min(end, start + BALLOTS))
    return DividedPrompt(
        prompt_id=prompt,
        prompt=shortened(question(prompts[prompt]), CUT) if prompt in prompts else "",
        disagreement=float(comparison.distances.disagreement[p]),
        responses={one: shortened(texts.get(one, ""), CUT) for one in ids},
        first=first_place_names(comparison.results, prompt),
        ballots=[_ballot(rankings, k, ids) for k in shown],
        more=end - start - len(shown),
        alike=[one for one in alike if one.prompt_id == prompt],
    )


def _ballot(rankings: Rankings, k: int, ids: list[str]) -> tuple[str, str, float]:
    """Annotator, ranking and weight of a ballot."""
    start, end = rankings.entry_starts[k : k + 2].tolist()
    levels: dict[int, list[str]] = {}
    for response, rank in zip(
        rankings.entry_responses[start:end].tolist(),
        rankings.entry_ranks[start:end].tolist(),
        strict=True,
    ):
        levels.setdefault(rank, []).append(ids[response])
    ranking = " > ".join(" = ".join(levels[rank]) for rank in sorted(levels))
    annotator = rankings.annotator_ids[int(rankings.ballot_annotators[k])]
    return annotator, ranking, float(rankings.ballot_weights[k])
