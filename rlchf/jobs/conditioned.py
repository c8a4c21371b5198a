"""A reward model conditioned on annotator features: its data, and its evaluation by features."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlchf.auditing.report import plain
from rlchf.evaluation import Evaluation, evaluate
from rlchf.io import Annotators
from rlchf.io.json import write_json
from rlchf.jobs.inputs import Inputs
from rlchf.jobs.progress import stage
from rlchf.jury.calibration import GroupCalibration, calibrate
from rlchf.jury.conditioning import Conditioning, conditioned_examples, with_annotator
from rlchf.preferences import Example
from rlchf.rankings import Rankings
from rlchf.train.reward.config import RewardConfig

if TYPE_CHECKING:
    from rlchf.train.reward.model import RewardModel


@dataclass(frozen=True)
class ConditionedData:
    """What a model conditioned on annotator features learns from.

    Attributes
    ----------
    inputs
        The rankings, the texts and the annotators.
    annotators
        The annotators of the inputs.
    seen, unseen
        The ballots of the annotators that are learned from, and of those held out.
    conditioning
        How prompts show the annotator's features.
    group
        The feature whose groups have their own temperatures; "" for one temperature.
    held_out
        The ids of the prompts that are held out.
    """

    inputs: Inputs
    annotators: Annotators
    seen: Rankings
    unseen: Rankings | None
    conditioning: Conditioning
    group: str
    held_out: list[str]

    def on_held_out(self, rankings: Rankings) -> np.ndarray:
        """(P,) bool, whether a prompt of the rankings is held out."""
        return np.isin(np.array(rankings.prompt_ids), self.held_out)

    def examples(self, config: RewardConfig) -> tuple[list[Example], list[Example]]:
        """Examples of the prompts to learn from, and of those held out."""
        held_out = self.on_held_out(self.seen)
        train, measured = (
            conditioned_examples(
                self.seen.subset(np.flatnonzero(part)), self.inputs.prompts, self.inputs.responses,
                self.annotators, self.conditioning, ballots=config.learn_from == "ballots",
            )
            if part.any() else []
            for part in (~held_out, held_out)
        )  # fmt: skip
        return train, measured


@dataclass(frozen=True)
class ConditionedEvaluation:
    """Evaluation of a conditioned model on the held-out prompts.

    Attributes
    ----------
    seen, unseen
        For each text of features, the evaluation on the ballots of the annotators who have them: of those
        learned from, and of those held out.
    calibration
        Calibration with a temperature for each group, measured on held-out annotators; empty without them.
    """

    seen: dict[str, Evaluation]
    unseen: dict[str, Evaluation]
    calibration: list[GroupCalibration]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as written to ``evaluation.json``."""
        parts = {"held_out": self.seen, "unseen_annotators": self.unseen}
        evaluations = {
            name: {text: one.to_dict() for text, one in by_features.items()}
            for name, by_features in parts.items()
        }
        return evaluations | {"calibration": plain([asdict(row) for row in self.calibration])}


def evaluate_conditioned(
    model: "RewardModel", data: ConditionedData, folder: Path, seed: int
) -> ConditionedEvaluation:
    """Evaluate a model by annotator features on the held-out prompts and calibrate it.

    Writes ``conditioning.json`` and ``evaluation.json`` into the folder.
    """
    scores = scores_by_features(model, data)
    seen, unseen = (
        evaluations_by_features(scores, data, part) for part in (data.seen, data.unseen)
    )
    conditioning, calibration = calibrate_on_unseen(model, data, seed)
    conditioning.save(folder)
    evaluation = ConditionedEvaluation(seen, unseen, calibration)
    write_json(folder / "evaluation.json", evaluation.to_dict())
    return evaluation


def scores_by_features(
    model: "RewardModel", data: ConditionedData
) -> dict[str, dict[str, dict[str, float]]]:
    """For each text of features, the scores of the held-out prompts' responses, by prompt and response."""
    inputs, texts = data.inputs, data.conditioning.texts(data.annotators)
    different = sorted({texts.get(who, "") for who in inputs.rankings.annotator_ids})
    pairs = [(p, r) for p in data.held_out for r in inputs.rankings.responses(p)]
    responses = [inputs.responses[p][r] for p, r in pairs]
    by_features: dict[str, dict[str, dict[str, float]]] = {}
    with stage(f"scores of {len(data.held_out)} held-out prompts") as tick:
        for n, text in enumerate(different):
            prompts = [with_annotator(inputs.prompts[p], text) for p, _ in pairs]
            scores: dict[str, dict[str, float]] = {}
            for (p, r), score in zip(pairs, model(prompts, responses).tolist(), strict=True):
                scores.setdefault(p, {})[r] = score
            by_features[text] = scores
            tick(n + 1, len(different))
    return by_features


def evaluations_by_features(
    scores: Mapping[str, Mapping[str, Mapping[str, float]]],
    data: ConditionedData,
    part: Rankings | None,
) -> dict[str, Evaluation]:
    """For each text of features, the evaluation on the ballots of annotators in ``part`` who have them."""
    rankings, texts = data.inputs.rankings, data.conditioning.texts(data.annotators)
    evaluations = {}
    for text, by_prompt in scores.items():
        people = [who for who in part.annotator_ids if texts.get(who, "") == text] if part else []
        if any_ballots(rankings, people, by_prompt):
            evaluations[text] = evaluate(by_prompt, rankings, people=people)
    return evaluations


def calibrate_on_unseen(
    model: "RewardModel", data: ConditionedData, seed: int
) -> tuple[Conditioning, list[GroupCalibration]]:
    """Temperatures fitted to held-out annotators on held-out prompts; none without such ballots."""
    unseen = data.unseen
    if unseen is None or not data.on_held_out(unseen).any():
        return data.conditioning, []
    return calibrate(
        model, data.conditioning, unseen.subset(np.flatnonzero(data.on_held_out(unseen))),
        data.inputs.prompts, data.inputs.responses, data.annotators, group=data.group, seed=seed,
    )  # fmt: skip


def any_ballots(rankings: Rankings, people: Sequence[str], prompts: Collection[str]) -> bool:
    """Whether any of these people has a ballot on any of these prompts."""
    numbers = [p for p, prompt_id in enumerate(rankings.prompt_ids) if prompt_id in prompts]
    ballots = rankings.subset(np.array(numbers, dtype=np.int64))
    voters = {ballots.annotator_ids[a] for a in ballots.ballot_annotators.tolist()}
    return not voters.isdisjoint(people)
