"""A reward model that is told who judges: what it learns from, and how well it does by people."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlchf.auditing.report import plain
from rlchf.evaluation import Evaluation, evaluate
from rlchf.io import Annotators
from rlchf.io.atomic import atomic_write
from rlchf.jobs.progress import stage
from rlchf.jury.conditioning import Conditioning, conditioned_examples, with_annotator
from rlchf.preferences import Example
from rlchf.prompts import Prompt
from rlchf.rankings import Rankings
from rlchf.train.reward.config import RewardConfig


@dataclass(frozen=True)
class ConditionedData:
    """What a model that is told who judges learns from.

    Attributes
    ----------
    seen, unseen
        The ballots of the annotators that are learned from, and of those held out.
    prompts, responses, annotators
        The texts, and the features.
    columns
        Which features are told.
    group
        The feature that the temperatures are by; "" for one temperature.
    held_out
        The prompts that are held out.
    """

    seen: Rankings
    unseen: Rankings | None
    prompts: Mapping[str, Prompt]
    responses: Mapping[str, Mapping[str, str]]
    annotators: Annotators
    columns: tuple[str, ...]
    group: str
    held_out: list[str]

    @property
    def conditioning(self) -> Conditioning:
        """How the model is told who judges."""
        return Conditioning(self.columns)

    def examples(self, config: RewardConfig) -> tuple[list[Example], list[Example]]:
        """Examples of the prompts to learn from, and of those held out."""
        made: list[list[Example]] = []
        out = np.isin(np.array(self.seen.prompt_ids), self.held_out)
        for where in (np.flatnonzero(~out), np.flatnonzero(out)):
            made.append(
                conditioned_examples(
                    self.seen.subset(where), self.prompts, self.responses, self.annotators,
                    self.conditioning, ballots=config.learn_from == "ballots",
                )
                if len(where)
                else []
            )  # fmt: skip
        return made[0], made[1]


@dataclass(frozen=True)
class ConditionedEvaluation:
    """How well the model does by people, on the prompts held out.

    Attributes
    ----------
    seen, unseen
        For each text of features, the evaluation on the ballots of the people it describes, of those
        learned from and of those never seen.
    calibration
        What a temperature for each group is worth to annotators never seen; none without them.
    """

    seen: dict[str, Evaluation]
    unseen: dict[str, Evaluation]
    calibration: list[Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as written to ``evaluation.json``."""
        parts = {"held_out": self.seen, "unseen_annotators": self.unseen}
        found = {
            part: {text: one.to_dict() for text, one in some.items()}
            for part, some in parts.items()
        }
        return found | {"calibration": plain([asdict(row) for row in self.calibration])}


def evaluate_conditioned(
    data: ConditionedData, rankings: Rankings, folder: Path, seed: int
) -> ConditionedEvaluation:
    """Score the held-out prompts as each kind of people would, calibrate, and write what was found."""
    from rlchf.jury.calibration import calibrate
    from rlchf.train.reward.model import RewardModel

    model, conditioning = RewardModel.load(folder), data.conditioning
    texts = conditioning.texts(data.annotators)
    cells = sorted({texts.get(who, "") for who in rankings.annotator_ids})
    found: list[dict[str, Evaluation]] = [{}, {}]
    asked = [p for p in data.held_out for _ in rankings.responses(p)]
    answers = [(p, r) for p in data.held_out for r in rankings.responses(p)]
    with stage(f"scores of {len(data.held_out)} held-out prompts") as tick:
        for n, text in enumerate(cells):
            scores = model(
                [with_annotator(data.prompts[p], text) for p in asked],
                [data.responses[p][r] for p, r in answers],
            ).tolist()
            named: dict[str, dict[str, float]] = {}
            for (p, r), score in zip(answers, scores, strict=True):
                named.setdefault(p, {})[r] = score
            for place, part in enumerate((data.seen, data.unseen)):
                people = [a for a in part.annotator_ids if texts.get(a, "") == text] if part else []
                if voted(rankings, people, named):
                    found[place][text] = evaluate(named, rankings, people=people)
            tick(n + 1, len(cells))
    rows: list[Any] = []
    if data.unseen is not None:
        out = np.isin(np.array(data.unseen.prompt_ids), data.held_out)
        if out.any():
            conditioning, rows = calibrate(
                model, conditioning, data.unseen.subset(np.flatnonzero(out)), data.prompts,
                data.responses, data.annotators, group=data.group, seed=seed,
            )  # fmt: skip
    conditioning.save(folder)
    result = ConditionedEvaluation(found[0], found[1], rows)
    with atomic_write(folder / "evaluation.json") as file:
        text = json.dumps(result.to_dict(), indent=2, ensure_ascii=False) + "\n"
        file.write(text.encode())
    return result


def voted(rankings: Rankings, people: list[str], prompts: Mapping[str, Any]) -> bool:
    """Whether any of these people has a ballot on any of these prompts."""
    where = [p for p, name in enumerate(rankings.prompt_ids) if name in prompts]
    cast = rankings.subset(np.array(where, dtype=np.int64))
    who = {cast.annotator_ids[a] for a in cast.ballot_annotators.tolist()}
    return not who.isdisjoint(people)
