"""Simulated datasets: rankings of a statistical culture, and what is known of their annotators."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rlchf.entries import Entries
from rlchf.limits import check_memory
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings
from rlchf.settings import LARGEST_SEED
from rlchf.simulate.cultures import votes
from rlchf.simulate.polls import Poll


@dataclass(frozen=True, eq=False)
class Simulated:
    """A simulated dataset.

    Attributes
    ----------
    rankings
        The ballots.
    annotators
        What is planted about the annotators, as columns: ``annotator_id``, and the culture's features.
    quality
        What is planted about the responses: for each taste, such as a group's, (P, M) numbers, higher is
        better, in the order of the prompts and responses. Empty if the culture plants nothing.
    """

    rankings: Rankings
    annotators: dict[str, list[Any]]
    quality: dict[str, np.ndarray]


def simulated(
    culture: str,
    *,
    prompts: int = 100,
    annotators: int = 10,
    responses: int = 4,
    per_prompt: int | None = None,
    per_ballot: int | None = None,
    tie_probability: float = 0.0,
    seed: int = 0,
    **options: Any,
) -> Simulated:
    """Draw a dataset from a statistical culture.

    Parameters
    ----------
    culture
        The name of a culture: see `rlchf.simulate.culture_names`.
    prompts
        Number of prompts.
    annotators
        Number of annotators.
    responses
        Number of responses to each prompt.
    per_prompt
        Number of annotators who vote on each prompt, drawn for each; by default all.
    per_ballot
        Number of responses that each ballot names, drawn for each; by default all.
    tie_probability
        Probability that a response is tied with the next one of its ballot.
    seed
        Random seed.
    options
        The culture's options, such as ``phi=0.5``.

    Raises
    ------
    ValueError
        If there is no such culture or option, a value does not fit, or there would be no ballot of two
        responses.

    Examples
    --------
    >>> poll = simulated("groups", prompts=2, annotators=4, responses=3, groups=2, phi=0.0)
    >>> poll.rankings
    Rankings of groups: 2 prompts, 4 annotators, 6 responses, 8 ballots, unranked='missing'
      p1, a1: r2 > r1 > r3
      ...
    >>> poll.annotators
    {'annotator_id': ['a1', 'a2', 'a3', 'a4'], 'group': ['g1', 'g1', 'g2', 'g2']}
    """
    per_prompt = annotators if per_prompt is None else per_prompt
    per_ballot = responses if per_ballot is None else per_ballot
    check_counts(prompts, annotators, responses, per_prompt, per_ballot, tie_probability, seed)
    rng = np.random.default_rng(seed)
    poll = Poll.drawn(prompts, annotators, responses, per_prompt, rng)
    drawn = votes(culture, poll, options)
    ranks = _with_ties(drawn.ranks, tie_probability, rng)
    ranks[_left_out(ranks.shape, per_ballot, rng)] = 0
    ids = numbered("a", annotators)
    features = {name: values.tolist() for name, values in drawn.annotators.items()}
    people = {"annotator_id": ids} | features
    return Simulated(_rankings(culture, poll, ranks, ids), people, drawn.quality)


def culture(name: str, **settings: Any) -> Rankings:
    """The rankings of a dataset drawn from a statistical culture; see `simulated` for its settings.

    Examples
    --------
    >>> culture("mallows", prompts=50, annotators=20, responses=5, seed=1, phi=0.8)
    Rankings of mallows: 50 prompts, 20 annotators, 250 responses, 1,000 ballots, unranked='missing'
      p01, a01: r3 > r5 > r4 > r1 > r2
      ...
    """
    return simulated(name, **settings).rankings


def profiles(
    culture: str,
    prompts: int,
    ballots: int,
    responses: int,
    rng: np.random.Generator,
    **options: Any,
) -> Profiles:
    """Draw a batch of prompts from a statistical culture: strict, complete ballots.

    Examples
    --------
    >>> profiles("mallows", 10, 3, 4, np.random.default_rng(0), phi=0.8)
    Profiles: 10 prompts of 4 responses, 30 ballots
    """
    poll = Poll.drawn(prompts, ballots, responses, ballots, rng)
    return Profiles(
        ranks=votes(culture, poll, options).ranks,
        starts=poll.starts,
        weights=np.ones(poll.n_ballots),
        annotators=poll.annotators,
    )


def check_counts(
    prompts: int, annotators: int, responses: int, per_prompt: int, per_ballot: int,
    tie_probability: float, seed: int,
) -> None:  # fmt: skip
    """Refuse numbers of which no dataset can be drawn."""
    bounds = {
        "prompts": (prompts, 1, 10**9),
        "annotators": (annotators, 1, 10**9),
        "responses": (responses, 2, 2**15 - 2),
        "per_prompt": (per_prompt, 1, annotators),
        "per_ballot": (per_ballot, 2, responses),
        "tie_probability": (tie_probability, 0, 1),
        "seed": (seed, 0, LARGEST_SEED),
    }
    for name, (value, low, high) in bounds.items():
        if not low <= value <= high:
            raise ValueError(f"{name} is {value}; give a number from {low} to {high}")
    check_memory(
        100.0 * (prompts * responses * (per_prompt + 3) + annotators),
        f"{prompts:,} prompts with {per_prompt:,} ballots on {responses:,} responses",
        "give fewer",
    )


def _with_ties(ranks: np.ndarray, probability: float, rng: np.random.Generator) -> np.ndarray:
    """(M, K) the ranks, where each response is tied with the next one with a probability."""
    if not probability:
        return ranks
    levels = np.ones(ranks.shape, dtype=np.int16)  # by place
    apart = rng.random((len(ranks) - 1, ranks.shape[1])) >= probability
    levels[1:] += np.cumsum(apart, axis=0, dtype=np.int16)
    return np.take_along_axis(levels, ranks.astype(np.int64) - 1, axis=0)


def _left_out(shape: tuple[int, int], named: int, rng: np.random.Generator) -> np.ndarray:
    """(M, K) bool: the responses that each ballot does not name."""
    if named == shape[0]:
        return np.zeros(shape, dtype=bool)
    return np.asarray(rng.random(shape).argsort(axis=0).argsort(axis=0) >= named)


def _rankings(source: str, poll: Poll, ranks: np.ndarray, annotator_ids: list[str]) -> Rankings:
    """The ballots as a dataset."""
    P, M = poll.n_prompts, poll.n_responses
    ballots, responses = np.nonzero(ranks.T)
    entries = Entries(
        prompt_ids=numbered("p", P),
        annotator_ids=annotator_ids,
        response_ids=numbered("r", M),
        ballot_prompts=poll.prompts,
        ballot_annotators=poll.annotators,
        entry_ballots=ballots,
        entry_responses=responses,
        entry_ranks=ranks.T[ballots, responses],
        listed=np.stack([np.repeat(np.arange(P), M), np.tile(np.arange(M), P)], axis=1),
        source=source,
    )
    return Rankings.from_entries(entries)


def numbered(letter: str, number: int) -> list[str]:
    """Names in the order of their letters.

    Examples
    --------
    >>> numbered("r", 10)[8:]
    ['r09', 'r10']
    """
    digits = len(str(number))
    return [f"{letter}{i:0{digits}d}" for i in range(1, number + 1)]
