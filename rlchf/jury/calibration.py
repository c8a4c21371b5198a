"""One temperature per group of annotators, so that predicted probabilities mean what they say."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rlchf.evaluation.calibration import Calibration, calibration, calibration_sums
from rlchf.evaluation.intervals import figures
from rlchf.evaluation.pairs import Pairs
from rlchf.io import Annotators
from rlchf.jury.conditioning import Evaluators, evaluator_examples
from rlchf.preferences import Ballots, Example, order_targets
from rlchf.prompts import Prompt
from rlchf.rankings import Rankings

Scorer = Callable[[Sequence[Prompt], Sequence[str]], Collection[float]]
"""Scores of responses to the prompts beside them, such as a `RewardModel`."""

Progress = Callable[..., None]
BOUND = 100.0
"""Temperatures are from 1/100 to 100; at 100 the scores say nothing of the ballots."""
ROWS = 512
"""Texts scored between two reports of progress."""


@dataclass(frozen=True)
class Measured:
    """How well probabilities fit the held-out annotators of one group.

    Attributes
    ----------
    group
        Its name; "" is all held-out annotators together.
    annotators
        How many of them were held out.
    temperature
        What was fitted to all of them.
    before, after
        Calibration of the raw scores, and of scores divided by a temperature fitted to other annotators
        of the group; the latter is None for fewer than two annotators.
    """

    group: str
    annotators: int
    temperature: float
    before: Calibration
    after: Calibration | None


def calibrate(
    model: Scorer,
    evaluators: Evaluators,
    rankings: Rankings,
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
    annotators: Annotators,
    *,
    group: str = "",
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Evaluators, list[Measured]]:
    """Fit a temperature for each group by the log loss on held-out annotators' pairs.

    Scores are divided by it, so that no order changes. To say what that is worth, the annotators of a
    group are split in two at random, and the pairs of each half are measured with the temperature of the
    other half; the temperature that is kept is fitted to both.

    Parameters
    ----------
    model
        A `RewardModel`, or any function of prompts and responses.
    rankings
        Ballots of annotators whom the model has never seen, such as `split_annotators` holds out; best
        on prompts that it has never seen either.
    prompts, responses, annotators, evaluators
        As in `evaluator_examples`.
    group
        Column of the annotators file; "" for one temperature for all.
    seed
        Of the halves.
    progress
        Called with texts scored and texts in all.

    Returns
    -------
    The evaluators with their temperatures, to be saved beside the checkpoint, and what was measured: of
    all held-out annotators first, then group by group.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", 2017.
    J. C. Platt, "Probabilistic outputs for support vector machines and comparisons to regularized
    likelihood methods", 1999, for few votes that all agree.
    """
    made = evaluator_examples(rankings, prompts, responses, annotators, evaluators, ballots=True)
    if not made:
        raise ValueError(f"no ballot of {rankings.source} compares two responses")
    votes = _votes(made, score_all(model, made, progress))
    chosen = replace(evaluators, group=group, temperatures={})
    owner = chosen.groups(annotators)
    of = np.array([owner.get(who, "") for who in votes.annotators])
    rng, found = np.random.default_rng(seed), []
    for name in ["", *sorted({name for name in of if name})]:
        people = np.arange(len(of)) if name == "" else np.flatnonzero(of == name)
        found.append(_measure(name, votes, rng.permutation(people)))
    temperatures = {one.group: one.temperature for one in found}
    return replace(chosen, temperatures=temperatures), found


def score_all(
    model: Scorer, made: Sequence[Example], progress: Progress | None
) -> list[np.ndarray]:
    """Scores (K,) of every example's responses, with reports on the way."""
    rows = [(one.prompt, text) for one in made for text in one.responses]
    scores = np.empty(len(rows))
    for start in range(0, len(rows), ROWS):
        asked, answers = zip(*rows[start : start + ROWS], strict=True)
        scores[start : start + ROWS] = np.asarray(model(asked, answers), dtype=float)
        if progress is not None:
            progress(min(start + ROWS, len(rows)), len(rows))
    if not np.isfinite(scores).all():
        raise ValueError("the model gives scores that are not finite numbers")
    return np.split(scores, np.cumsum([len(one.responses) for one in made])[:-1])


@dataclass(frozen=True, eq=False)
class _Votes:
    """What single ballots say of single pairs: (Q,) score gap, target 1, 0 or 1/2, weight, who."""

    gaps: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    who: np.ndarray
    annotators: list[str]

    def of(self, people: np.ndarray) -> "_Votes":
        at = np.isin(self.who, people)
        return replace(
            self, gaps=self.gaps[at], targets=self.targets[at], weights=self.weights[at],
            who=self.who[at],
        )  # fmt: skip

    def temperature(self) -> float:
        """The one with the least log loss, the targets drawn in by one vote of either side in all.

        Otherwise few votes that all go with the scores would make the probabilities 0 and 1.
        """
        from scipy.optimize import minimize_scalar

        n = len(self.targets)
        targets = (n * self.targets + 1) / (n + 2)  # Platt 1999, section 2.2

        def loss(log_temperature: float) -> float:
            gaps = self.gaps / np.exp(log_temperature)
            return float(self.weights @ (np.logaddexp(0, gaps) - targets * gaps))

        if not self.weights @ np.abs(self.gaps):
            return 1.0  # no vote, or scores that are all equal: any temperature is as good
        ends = (-np.log(BOUND), np.log(BOUND))
        return float(np.exp(minimize_scalar(loss, bounds=ends, method="bounded").x))

    def calibration(self) -> Calibration:
        nothing = np.zeros(len(self.gaps), dtype=np.int64)
        wins, losses, ties = (self.weights * (self.targets == q) for q in (1, 0, 0.5))
        pairs = Pairs(nothing, self.gaps, wins, losses, ties, nothing > 0, nothing)
        observed, predicted, loss, brier = figures(calibration_sums(pairs), 1, replicates=0)
        return calibration(observed, predicted, loss, brier)


def _votes(made: Sequence[Example], scores: Sequence[np.ndarray]) -> _Votes:
    people: dict[str, int] = {}
    columns: list[list[np.ndarray]] = [[], [], [], []]
    for one, values in zip(made, scores, strict=True):
        cast: Ballots = one.ballots  # type: ignore[assignment]  # they were asked for
        i, j = np.triu_indices(len(values), 1)
        targets = order_targets(cast.ranks)[:, i, j]  # (V, pairs)
        v, q = np.nonzero(~np.isnan(targets) & (cast.weights > 0)[:, None])
        who = np.array([people.setdefault(a, len(people)) for a in cast.annotators])
        found = ((values[i] - values[j])[q], targets[v, q], cast.weights[v], who[v])
        for column, part in zip(columns, found, strict=True):
            column.append(part)
    gaps, wants, weights, who = (np.concatenate(column) for column in columns)
    return _Votes(gaps, wants, weights, who, list(people))


def _measure(name: str, votes: _Votes, people: np.ndarray) -> Measured:
    """Fit to everybody; measure each half, in the order given, with the other half's temperature."""
    mine, after = votes.of(people), None
    if len(people) > 1:
        one, other = np.array_split(people, 2)
        gaps = mine.gaps.copy()
        for measured, fitted in ((one, other), (other, one)):
            gaps[np.isin(mine.who, measured)] /= mine.of(fitted).temperature()
        after = replace(mine, gaps=gaps).calibration()
    return Measured(name, len(people), mine.temperature(), mine.calibration(), after)
