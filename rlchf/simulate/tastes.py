"""Rankings of real texts by simulated annotators with stated tastes, whole datasets at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields

import numpy as np

from rlchf.entries import Entries
from rlchf.numeric.segments import offsets, ranges
from rlchf.options import fitting
from rlchf.prompts import Prompt
from rlchf.rankings import Rankings
from rlchf.simulate.annotators import Taste, has_emoji, politeness, relevance, wordiness
from rlchf.simulate.datasets import Simulated, check_counts, numbered
from rlchf.simulate.membership import members
from rlchf.simulate.polls import Poll

FEATURES = tuple(one.name for one in fields(Taste) if one.name != "noise")


def tastes(
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
    groups: Mapping[str, Mapping[str, float] | Taste],
    *,
    annotators: int = 10,
    sizes: Sequence[float] = (),
    clickers: int = 0,
    per_prompt: int | None = None,
    per_ballot: int | None = None,
    seed: int = 0,
) -> Simulated:
    """Let annotators with stated tastes rank responses that exist.

    An annotator scores a response as `rlchf.simulate.score` does, with the noise of its taste, and ranks by
    the scores; equal scores are tied.

    Parameters
    ----------
    prompts, responses
        The prompts, and the texts of their responses, by id. Prompts with one response are left out.
    groups
        The taste of each group: a `Taste`, or its weights by name, such as ``{"emoji": -2}``.
    annotators, sizes
        Number of annotators, and the sizes of the groups or numbers in proportion; by default equal.
    clickers
        Number of annotators who rank at random, drawn from all groups.
    per_prompt, per_ballot, seed
        As for `rlchf.simulate.simulated`; a prompt with fewer responses has all of them on each ballot.

    Raises
    ------
    ValueError
        If there is no prompt with two responses, one has no text, or a number or a taste does not fit.

    Examples
    --------
    >>> poll = tastes(
    ...     {"p1": "How do I cook rice?"},
    ...     {"p1": {"r1": "Cook rice slowly 🍚", "r2": "Cook rice slowly.", "r3": "Cook rice."}},
    ...     {"dislike": {"emoji": -2}, "enjoy": {"emoji": 2}},
    ...     annotators=2,
    ... )
    >>> poll.rankings
    Rankings of tastes: 1 prompt, 2 annotators, 3 responses, 2 ballots, unranked='missing'
      p1, a1: r2 = r3 > r1
      p1, a2: r1 > r2 = r3
    """
    chosen = [prompt for prompt, texts in responses.items() if len(texts) > 1]
    if not chosen:
        raise ValueError("no prompt has two responses; give responses to rank")
    if lacking := [prompt for prompt in chosen if prompt not in prompts]:
        raise ValueError(f"there is no prompt {lacking[0]!r}, of which there are responses")
    M = np.array([len(responses[prompt]) for prompt in chosen])
    per_prompt = annotators if per_prompt is None else per_prompt
    per_ballot = int(M.max()) if per_ballot is None else per_ballot
    check_counts(len(chosen), annotators, int(M.max()), per_prompt, per_ballot, 0.0, seed)
    rng = np.random.default_rng(seed)
    poll = Poll.drawn(len(chosen), annotators, int(M.max()), per_prompt, rng)
    stated = {name: _taste(name, of) for name, of in groups.items()}
    group = members(list(stated), sizes, poll)
    if not 0 <= clickers <= annotators:
        raise ValueError(f"clickers is {clickers}; give a number from 0 to {annotators}")
    clicks = np.isin(np.arange(annotators), rng.permutation(annotators)[:clickers])
    features = _features(prompts, responses, chosen)  # (R, F)
    weights = np.array([[asdict(taste)[name] for name in FEATURES] for taste in stated.values()])
    noise = np.array([taste.noise for taste in stated.values()])
    entries = ranges(offsets(M)[:-1][poll.prompts], M[poll.prompts])
    ballots = np.repeat(np.arange(poll.n_ballots), M[poll.prompts])
    who = poll.annotators[ballots]
    scores = (features @ weights.T)[entries, group[who]]
    scores += noise[group[who]] * rng.standard_normal(len(scores))
    scores = np.where(clicks[who], rng.random(len(scores)), scores.round(9))
    kept = _kept(ballots, per_ballot, rng)
    ids = [response for prompt in chosen for response in responses[prompt]]
    names = list(dict.fromkeys(ids))
    code = {name: n for n, name in enumerate(names)}
    codes = np.array([code[name] for name in ids])
    rankings = Rankings.from_entries(
        Entries(
            prompt_ids=chosen,
            annotator_ids=numbered("a", annotators),
            response_ids=names,
            ballot_prompts=poll.prompts,
            ballot_annotators=poll.annotators,
            entry_ballots=ballots[kept],
            entry_responses=codes[entries[kept]],
            entry_ranks=-scores[kept],
            listed=np.stack([np.repeat(np.arange(len(chosen)), M), codes], axis=1),
            source="tastes",
        )
    )
    people = {
        "annotator_id": numbered("a", annotators),
        "group": np.array(list(stated))[group].tolist(),
        **({"clicker": np.where(clicks, "yes", "no").tolist()} if clickers else {}),
    }
    return Simulated(rankings, people, {})


def _taste(group: str, given: Mapping[str, float] | Taste) -> Taste:
    """The taste of a group."""
    if isinstance(given, Taste):
        return given
    if not isinstance(given, Mapping):
        raise ValueError(f'group {group}: the taste is {given!r}; write it as {{"emoji": -2}}')
    taste = Taste(**fitting(Taste, given, f"group {group}: "))
    if not (np.isfinite(list(asdict(taste).values())).all() and taste.noise >= 0):
        raise ValueError(f"group {group}: give finite numbers, and noise of 0 or more")
    return taste


def _features(
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
    chosen: Sequence[str],
) -> np.ndarray:
    """(R, F) the features of each response, in the order of the fields of a taste."""
    measures: dict[str, Callable[[Prompt, str], float]] = {
        "emoji": lambda prompt, text: float(has_emoji(text)),
        "relevance": relevance,
        "politeness": lambda prompt, text: politeness(text),
        "wordiness": lambda prompt, text: wordiness(text),
    }
    return np.array([
        [measures[name](prompts[prompt], text) for name in FEATURES]
        for prompt in chosen
        for text in responses[prompt].values()
    ])  # fmt: skip


def _kept(ballots: np.ndarray, per_ballot: int, rng: np.random.Generator) -> np.ndarray:
    """(E,) bool: the entries that their ballots name, drawn at random."""
    order = np.lexsort((rng.random(len(ballots)), ballots))
    first = np.searchsorted(ballots, ballots)
    place = np.empty(len(ballots), dtype=np.int64)
    place[order] = np.arange(len(ballots))
    return np.asarray(place - first < per_ballot)
