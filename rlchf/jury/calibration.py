"""Temperature scaling by group of annotators, so that predicted probabilities are calibrated."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rlchf.evaluation.calibration import Calibration, calibration, calibration_sums
from rlchf.evaluation.intervals import figures
from rlchf.evaluation.pairs import Pairs
from rlchf.io import Annotators
from rlchf.jury.conditioning import Conditioning, conditioned_examples
from rlchf.preferences import Ballots, Example
from rlchf.prompts import Prompt
from rlchf.rankings import Rankings

Scorer = Callable[[Sequence[Prompt], Sequence[str]], Collection[float]]
"""Scores of responses to their prompts, such as a `RewardModel`."""

Progress = Callable[..., None]
BOUND = 100.0
"""Temperatures are between 1/100 and 100."""
ROWS = 512
"""Texts scored between two reports of progress."""


@dataclass(frozen=True)
class GroupCalibration:
    """Calibration on the held-out annotators of one group.

    Attributes
    ----------
    group
        Name of the group; "" is all held-out annotators together.
    annotators
        Number of held-out annotators.
    temperature
        The temperature fitted to all of them.
    before, after
        Calibration of the raw scores, and of scores divided by a temperature fitted to other annotators of
        the group; the latter is None for fewer than two annotators.
    """

    group: str
    annotators: int
    temperature: float
    before: Calibration
    after: Calibration | None


def calibrate(
    model: Scorer,
    conditioning: Conditioning,
    rankings: Rankings,
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
    annotators: Annotators,
    *,
    group: str = "",
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Conditioning, list[GroupCalibration]]:
    """Fit a temperature for each group by the log loss on held-out annotators' pairs.

    Scores are divided by the temperature, which changes no order. To measure the effect, the annotators of
    a group are split in two halves at random, and the pairs of each half are measured with the temperature
    of the other half; the temperature that is returned is fitted to both halves.

    Parameters
    ----------
    model
        A `RewardModel`, or any function of prompts and responses.
    rankings
        Ballots of annotators that the model has not seen, such as those that `split_annotators` holds out;
        preferably on prompts that it has not seen either.
    prompts, responses, annotators, conditioning
        As in `conditioned_examples`.
    group
        Column of the annotators file; "" for one temperature for all.
    seed
        Random seed of the halves.
    progress
        Called with texts scored and texts in all.

    Returns
    -------
    The conditioning with the temperatures, to be saved beside the checkpoint, and the calibration of all
    held-out annotators, then of each group.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", 2017.
    J. C. Platt, "Probabilistic outputs for support vector machines and comparisons to regularized
    likelihood methods", 1999, for the targets.
    """
    texts = prompts, responses, annotators
    examples = conditioned_examples(rankings, *texts, conditioning, ballots=True)
    if not examples:
        raise ValueError(f"no ballot of {rankings.source} compares two responses")
    votes = _pair_votes(examples, score_all(model, examples, progress))
    by_group = replace(conditioning, group=group, temperatures={})
    group_of = by_group.groups(annotators)
    groups = np.array([group_of.get(who, "") for who in votes.annotators])
    rng, calibrations = np.random.default_rng(seed), []
    for name in ["", *sorted({name for name in groups if name})]:
        people = np.arange(len(groups)) if name == "" else np.flatnonzero(groups == name)
        calibrations.append(_calibrate_group(name, votes, rng.permutation(people)))
    temperatures = {one.group: one.temperature for one in calibrations}
    return replace(by_group, temperatures=temperatures), calibrations


def score_all(
    model: Scorer, examples: Sequence[Example], progress: Progress | None
) -> list[np.ndarray]:
    """Scores (K,) of every example's responses, with reports of progress."""
    rows = [(one.prompt, text) for one in examples for text in one.responses]
    scores = np.empty(len(rows))
    for start in range(0, len(rows), ROWS):
        prompts, responses = zip(*rows[start : start + ROWS], strict=True)
        scores[start : start + ROWS] = np.asarray(model(prompts, responses), dtype=float)
        if progress is not None:
            progress(min(start + ROWS, len(rows)), len(rows))
    if not np.isfinite(scores).all():
        raise ValueError("the model gives scores that are not finite numbers")
    return np.split(scores, np.cumsum([len(one.responses) for one in examples])[:-1])


@dataclass(frozen=True, eq=False)
class _PairVotes:
    """Each ballot on each pair: (Q,) score difference, target 1, 0 or 1/2, weight, index of the annotator."""

    gaps: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    annotator: np.ndarray
    annotators: list[str]

    def of(self, people: np.ndarray) -> "_PairVotes":
        of_people = np.isin(self.annotator, people)
        names = ("gaps", "targets", "weights", "annotator")
        return replace(self, **{name: getattr(self, name)[of_people] for name in names})

    def temperature(self) -> float:
        """The temperature with the least log loss, with one vote added to either side of all pairs.

        Otherwise a few votes that all agree with the scores would give the probabilities 0 and 1.
        """
        from scipy.optimize import minimize_scalar

        n = len(self.targets)
        targets = (n * self.targets + 1) / (n + 2)  # Platt 1999, section 2.2

        def loss(log_temperature: float) -> float:
            gaps = self.gaps / np.exp(log_temperature)
            return float(self.weights @ (np.logaddexp(0, gaps) - targets * gaps))

        if not self.weights @ np.abs(self.gaps):
            return 1.0  # no vote, or equal scores: the temperature has no effect
        bounds = (-np.log(BOUND), np.log(BOUND))
        return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))

    def calibration(self) -> Calibration:
        zeros = np.zeros(len(self.gaps), dtype=np.int64)
        wins, losses, ties = (self.weights * (self.targets == q) for q in (1, 0, 0.5))
        pairs = Pairs(zeros, self.gaps, wins, losses, ties, zeros > 0, zeros)
        observed, predicted, loss, brier = figures(calibration_sums(pairs), 1, replicates=0)
        return calibration(observed, predicted, loss, brier)


def _pair_votes(examples: Sequence[Example], scores: Sequence[np.ndarray]) -> _PairVotes:
    people: dict[str, int] = {}
    columns: list[list[np.ndarray]] = [[], [], [], []]
    for one, values in zip(examples, scores, strict=True):
        ballots: Ballots = one.ballots  # type: ignore[assignment]  # the examples were made with them
        i, j = np.triu_indices(len(values), 1)
        per_ballot = ballots.targets()[:, i, j]  # (V, pairs)
        v, q = np.nonzero(~np.isnan(per_ballot) & (ballots.weights > 0)[:, None])
        numbers = np.array([people.setdefault(a, len(people)) for a in ballots.annotators])
        rows = ((values[i] - values[j])[q], per_ballot[v, q], ballots.weights[v], numbers[v])
        for column, part in zip(columns, rows, strict=True):
            column.append(part)
    gaps, targets, weights, annotator = (np.concatenate(column) for column in columns)
    return _PairVotes(gaps, targets, weights, annotator, list(people))


def _calibrate_group(name: str, votes: _PairVotes, people: np.ndarray) -> GroupCalibration:
    """Fit to all people; measure each half of them with the temperature of the other half."""
    group, after = votes.of(people), None
    if len(people) > 1:
        one, other = np.array_split(people, 2)
        gaps = group.gaps.copy()
        for measured, fitted in ((one, other), (other, one)):
            gaps[np.isin(group.annotator, measured)] /= group.of(fitted).temperature()
        after = replace(group, gaps=gaps).calibration()
    return GroupCalibration(name, len(people), group.temperature(), group.calibration(), after)
