"""Simulated juries: a panel's predicted rankings of new responses, aggregated by a voting rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlchf.aggregation import Aggregation, aggregate, check_options
from rlchf.entries import Entries
from rlchf.io import Annotators
from rlchf.jury.calibration import Progress, Scorer, score_all
from rlchf.jury.conditioning import Conditioning, with_annotator
from rlchf.numeric.segments import offsets, ranges
from rlchf.people.sortition.systematic import systematic_seats
from rlchf.preferences import TIE_TOLERANCE, Example
from rlchf.prompts import Prompt
from rlchf.rankings import Rankings


@dataclass(frozen=True, eq=False)
class Jury:
    """The decision of a simulated jury.

    Attributes
    ----------
    result
        The collective rankings and scores.
    rankings
        A ballot of each member on each prompt; its scores are log-odds.
    members
        Number of seats of each member, or their weight if everybody is on the panel.
    """

    result: Aggregation
    rankings: Rankings
    members: dict[str, float]


def jury(
    model: Scorer,
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
    annotators: Annotators,
    *,
    conditioning: Conditioning,
    rule: str = "kemeny",
    options: Mapping[str, Any] | None = None,
    size: int = 0,
    groups: Sequence[str] = (),
    tolerance: float = TIE_TOLERANCE,
    noisy: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Jury:
    """Draw a panel, predict how its members rank the responses, and aggregate.

    Parameters
    ----------
    model
        A `RewardModel` that learned from `conditioned_examples`, or any function of prompts and responses.
        Members with the same features are scored once.
    prompts, responses
        The texts; prompts without responses are left out.
    annotators
        The population, with or without weights.
    conditioning
        How the model is conditioned on annotators: `Conditioning.load` of its folder.
    rule, options
        As in `rlchf.aggregate`; a rule for one prompt or across prompts.
    size, groups
        Seats and strata of the panel; see `draw_panel`. 0 seats is everybody.
    tolerance
        A member ties neighbours in the order of the scores, divided by the group's temperature, whose
        difference is at most this.
    noisy
        Draw each ballot from the Plackett-Luce model of the scores divided by the group's temperature, so
        that members with the same features differ; there are no ties then. A member with several seats has
        one ballot with their weight. By default each member ranks by the scores.
    seed
        Random seed of the panel, the ballots and the rule.
    progress
        Called with texts scored and texts in all.

    Raises
    ------
    ValueError
        If a text or a column is missing, or there is nobody to draw.

    References
    ----------
    M. L. Gordon et al., "Jury learning: integrating dissenting voices into machine learning models",
    2022. For the draws: J. I. Yellott, "The relationship between Luce's choice axiom, Thurstone's theory
    of comparative judgment, and the double exponential distribution", 1977.

    Examples
    --------
    >>> def model(prompts, responses):  # the old like long answers
    ...     old = np.array(["age 70" in prompt for prompt in prompts])
    ...     return np.where(old, 1, -1) * [len(response) for response in responses]
    >>> people = Annotators(["ann", "bob", "eve"], None, {"age": ["70", "20", "20"]})
    >>> texts = {"p": {"a": "Good day to you!", "b": "Hi!"}}
    >>> decision = jury(model, {"p": "Greet me."}, texts, people, conditioning=Conditioning(("age",)))
    >>> decision.result.ranking("p"), decision.rankings.n_ballots
    ([['b'], ['a']], 3)
    """
    if not 0 <= tolerance < float("inf"):
        raise ValueError(f"tolerance is {tolerance}; give 0 or more")
    check_options(rule, dict(options or {}))
    members = draw_panel(annotators, size, groups, seed)
    prompt_ids = _answered(prompts, responses)
    texts, group_of = conditioning.texts(annotators), conditioning.groups(annotators)
    different = list(dict.fromkeys(texts[who] for who in members))
    examples = [
        Example(
            prompt_id=p,
            prompt=with_annotator(prompts[p], text),
            response_ids=list(responses[p]),
            responses=list(responses[p].values()),
            ranks=[0] * len(responses[p]),
        )
        for text in different
        for p in prompt_ids
    ]
    scores = score_all(model, examples, progress)
    features = np.array([different.index(texts[who]) for who in members])  # (V,)
    temperature = np.array([conditioning.temperature(group_of[who]) for who in members])[:, None]
    rng = np.random.default_rng([seed, 1])  # another stream than the panel's
    ballots = []
    for p in range(len(prompt_ids)):
        logits = np.stack(scores[p :: len(prompt_ids)])[features] / temperature  # (V, K)
        ballot = logits + rng.gumbel(size=logits.shape) if noisy else tie_close(logits, tolerance)
        ballots.append(ballot)
    rankings = _rankings(prompt_ids, responses, members, ballots)
    result = aggregate(rankings, rule, seed=seed, **(options or {}))
    return Jury(result, rankings, members)


def draw_panel(
    annotators: Annotators, size: int = 0, groups: Sequence[str] = (), seed: int = 0
) -> dict[str, float]:
    """Draw a panel in proportion to the annotators' weights: seats by annotator, in the file's order.

    By `rlchf.people.sortition.systematic.systematic_seats`: expected seats are in proportion to weight,
    every stratum gets its share of the seats rounded up or down, and nobody with less than a seat's share
    gets two.

    Parameters
    ----------
    size
        Number of seats; 0 is everybody, with their weights in place of seats.
    groups
        Columns whose combinations of values are the strata; an empty cell is a value.

    Raises
    ------
    ValueError
        If the size is negative, there is no such column, or nobody has any weight.

    References
    ----------
    W. G. Madow, "On the theory of systematic sampling, II", 1949.

    Examples
    --------
    >>> people = Annotators(list("abcdef"), None, {"region": ["north"] * 4 + ["south"] * 2})
    >>> draw_panel(people, 3, ["region"], seed=1)
    {'a': 1.0, 'b': 1.0, 'e': 1.0}
    """
    if size < 0:
        raise ValueError(f"size is {size}; give the number of seats, or 0 for everybody")
    by_annotator = annotators.weights or {}
    weights = np.array([by_annotator.get(who, 1.0) for who in annotators.ids])
    if not weights.sum() > 0:
        raise ValueError("nobody in the annotators file has a weight above 0, so no panel is drawn")
    columns = [annotators.group(column) for column in groups]
    if size == 0:
        seats = weights
    else:
        rng = np.random.default_rng([seed, 0])
        strata = [tuple(column.get(who, "") for column in columns) for who in annotators.ids]
        seats = systematic_seats(weights, size, strata, rng)
    pairs = zip(annotators.ids, seats.tolist(), strict=True)
    return {who: float(n) for who, n in pairs if n > 0}


def tie_close(scores: np.ndarray, tolerance: float) -> np.ndarray:
    """Scores (V, K) in which neighbours in each row's order that differ by at most the tolerance are equal.

    Chains of close neighbours get the mean of their scores.

    Examples
    --------
    >>> tie_close(np.array([[1.0, 1.5, 5.0, 2.0]]), 0.5)
    array([[1.5, 1.5, 5. , 1.5]])
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    steps = -np.diff(np.take_along_axis(scores, order, axis=1), axis=1) > tolerance
    level = np.zeros(scores.shape, dtype=np.int64)
    np.put_along_axis(level, order[:, 1:], np.cumsum(steps, axis=1), axis=1)
    flat = level + scores.shape[1] * np.arange(len(scores))[:, None]
    total = np.bincount(flat.ravel(), scores.ravel(), minlength=scores.size)
    mean = total / np.maximum(np.bincount(flat.ravel(), minlength=scores.size), 1)
    return np.asarray(mean[flat])


def _answered(
    prompts: Mapping[str, Prompt], responses: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """Ids of the prompts that have responses."""
    for prompt_id in responses:
        if prompt_id not in prompts:
            raise ValueError(
                f"there are responses to prompt {prompt_id!r}, but no text of the prompt; "
                "add it to the prompts, or leave its responses out"
            )
    answered = [prompt_id for prompt_id in prompts if responses.get(prompt_id)]
    if not answered:
        raise ValueError("there are no responses to any of the prompts; give some to be ranked")
    return answered


def _rankings(
    prompt_ids: Sequence[str],
    responses: Mapping[str, Mapping[str, str]],
    members: Mapping[str, float],
    ballots: Sequence[np.ndarray],
) -> Rankings:
    """Rankings from the members' scores (V, K) on each prompt."""
    P, V = len(prompt_ids), len(members)
    sizes = np.array([scores.shape[1] for scores in ballots])
    lengths = np.repeat(sizes, V)  # of the ballots
    listed = [response for p in prompt_ids for response in responses[p]]
    index = {response: code for code, response in enumerate(dict.fromkeys(listed))}
    codes = np.array([index[response] for response in listed])
    entries = Entries(
        prompt_ids=prompt_ids,
        annotator_ids=list(members),
        response_ids=list(index),
        ballot_prompts=np.repeat(np.arange(P), V),
        ballot_annotators=np.tile(np.arange(V), P),
        ballot_weights=np.tile(list(members.values()), P),
        entry_ballots=np.repeat(np.arange(P * V), lengths),
        entry_responses=codes[ranges(np.repeat(offsets(sizes)[:-1], V), lengths)],
        entry_scores=np.concatenate([scores.ravel() for scores in ballots]),
        source="the jury's ballots",
    )
    return Rankings.from_entries(entries)
