"""Scores of texts from stage to stage: the first answers, the revisions, after fine-tuning, after PPO."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.constitution.evasion import is_refusal, is_unsure
from rlchf.evaluation.intervals import Figure, Sums, figures

TEXT_MEASURES = {
    "refusals": lambda text: float(is_refusal(text)),
    "I don't know": lambda text: float(is_unsure(text)),
    "words": lambda text: float(len(text.split())),
}
"""What is measured of every text."""


@dataclass(frozen=True, eq=False)
class StageTexts:
    """Texts of one stage.

    Attributes
    ----------
    name
        The stage.
    prompts, texts
        (N,) prompt id and text of each.
    scores
        (N,) numbers of each text by name, such as harmlessness and helpfulness.
    """

    name: str
    prompts: Sequence[str]
    texts: Sequence[str]
    scores: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class StageScore:
    """A measure of the texts of one stage.

    Attributes
    ----------
    stage, measure
        The stage, and the measure.
    mean
        Mean over the prompts, each of which counts once, with a 95 % bootstrap interval.
    change
        Mean difference to the first stage on the prompts that both have, with an interval from a bootstrap
        over those prompts; None for the first stage, not a number where they share no prompt.
    """

    stage: str
    measure: str
    mean: Figure
    change: Figure | None


def stage_scores(
    stages: Sequence[StageTexts], replicates: int = 200, seed: int = 0
) -> list[StageScore]:
    """The means of every measure at every stage, and the paired differences to the first stage.

    Examples
    --------
    >>> scores = [{"helpfulness": np.array([1.0, 2.0])}, {"helpfulness": np.array([2.0, 5.0])}]
    >>> stages = [StageTexts(n, "pq", ["Yes.", "No."], s) for n, s in zip(("before", "after"), scores)]
    >>> after = stage_scores(stages)[1]
    >>> after.measure, after.stage, after.mean.value, after.change.value
    ('helpfulness', 'after', 3.5, 2.0)
    """
    names = dict.fromkeys(name for stage in stages for name in stage.scores)
    rows = []
    for measure in [*names, *TEXT_MEASURES]:
        first: dict[str, float] | None = None
        for stage in stages:
            values = _by_prompt(stage, measure)
            if not values:
                continue
            mean = _mean(measure, values, replicates, seed)
            change = None
            if first is not None:
                shared = {p: values[p] - first[p] for p in values if p in first}
                change = _mean(measure, shared, replicates, seed)
            rows.append(StageScore(stage.name, measure, mean, change))
            first = values if first is None else first
    return rows


def stages_apart(rows: Sequence[StageScore]) -> list[str]:
    """The names of stages that share no prompt with the first, and cannot be compared with it.

    Examples
    --------
    >>> stages = [StageTexts(name, [name], ["Yes."], {}) for name in ("before", "after")]
    >>> stages_apart(stage_scores(stages, replicates=0))
    ['after']
    """
    changes = {
        row.stage: row.change for row in rows if row.measure == "words"
    }  # every text has some
    return [name for name, change in changes.items() if change and np.isnan(change.value)]


def _by_prompt(stage: StageTexts, measure: str) -> dict[str, float]:
    """The mean of a measure over the texts of each prompt; a score that is not a number does not count."""
    if measure in stage.scores:
        values = stage.scores[measure].tolist()
    elif measure in TEXT_MEASURES:
        values = [TEXT_MEASURES[measure](text) for text in stage.texts]
    else:
        return {}
    of_prompt: dict[str, list[float]] = {}
    for prompt, value in zip(stage.prompts, values, strict=True):
        if not np.isnan(value):
            of_prompt.setdefault(prompt, []).append(value)
    return {prompt: float(np.mean(some)) for prompt, some in of_prompt.items()}


def _mean(name: str, values: Mapping[str, float], replicates: int, seed: int) -> Figure:
    if not values:
        return Figure(name, 0.0, 0, np.nan, np.nan, np.nan)
    column = np.array(list(values.values()))
    sums = Sums.one(name, np.arange(len(column)), column, np.ones(len(column)))
    return figures([sums], len(column), replicates, seed)[0][0]
