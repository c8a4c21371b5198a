"""People with planted tastes: a majority, a minority, clickers; on all prompts or on some."""

import numpy as np

import rlchf

MAJORITY, MINORITY, CLICKER = 0, 1, 2


def planted_people(
    roles: np.ndarray,
    prompts: int,
    *,
    kind: str = "orthogonal",
    per_prompt: int | None = None,
    responses: int = 4,
    correlation: float = 0.5,
    seed: int = 0,
) -> tuple[rlchf.Rankings, np.ndarray]:
    """Rankings by people of some roles, and the roles in the order of the rankings' annotators.

    Parameters
    ----------
    roles
        (A,) ``MAJORITY``, ``MINORITY`` or ``CLICKER``; a larger number is a further taste of its own.
    kind
        The taste of the minority: "opposite" or "orthogonal" to that of the majority.
    per_prompt
        Number of people who rank each prompt; by default all.
    correlation
        That of the scores of two people with one taste.
    """
    rng, A = np.random.default_rng(seed), len(roles)
    tastes = rng.standard_normal((int(roles.max()) + 1, prompts, responses))
    if kind == "opposite":
        tastes[MINORITY] = -tastes[MAJORITY]
    people = [
        np.arange(A) if per_prompt is None else rng.choice(A, per_prompt, replace=False)
        for _ in range(prompts)
    ]
    a = np.concatenate(people)
    p = np.repeat(np.arange(prompts), [len(part) for part in people])
    noise = rng.standard_normal((len(a), responses))
    scores = tastes[roles[a], p] + np.sqrt(1 / correlation - 1) * noise
    scores[roles[a] == CLICKER] = noise[roles[a] == CLICKER]
    rankings = rlchf.Rankings.from_frame(
        {
            "prompt_id": np.repeat(p, responses),
            "annotator_id": np.repeat(a, responses),
            "response_id": np.tile(np.arange(responses), len(a)),
            "score": scores.ravel(),
        }
    )
    return rankings, roles[np.array(rankings.annotator_ids, dtype=int)]


def shares(n: int, minority: float, clickers: int) -> np.ndarray:
    """(n,) roles: a share of a minority, some clickers, and the majority."""
    roles = np.full(n, MAJORITY)
    m = round(minority * n)
    roles[:m], roles[m : m + clickers] = MINORITY, CLICKER
    return roles
