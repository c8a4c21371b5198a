"""A reward model from files to a folder, and scores from files to a file: what the commands do."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlchf import io
from rlchf.aggregation import Aggregation, aggregate, check_options
from rlchf.evaluation import Evaluation, by_response, evaluate, split_annotators
from rlchf.io.atomic import atomic_write, check_writable
from rlchf.io.texts import read_texts
from rlchf.jobs.conditioned import (
    ConditionedData,
    ConditionedEvaluation,
    any_ballots,
    evaluate_conditioned,
)
from rlchf.jobs.evaluation import write_evaluation
from rlchf.jobs.progress import stage
from rlchf.options import fitting
from rlchf.preferences import Example, check_texts, examples, split
from rlchf.rankings import Rankings, Unranked
from rlchf.train.reward.config import RewardConfig

if TYPE_CHECKING:
    from rlchf.train.reward.trainer import Trained

TINY = "tiny"


@dataclass(frozen=True)
class Job:
    """What a reward model is learned from.

    Attributes
    ----------
    rankings, prompts, responses, annotators
        The files; no annotators file is "".
    rule, options, ties, seed
        As `aggregate` takes them.
    groups
        Columns of the annotators file to tell groups by, for evaluation and for ``group_dro_step``.
    unseen
        Share of the annotators whose ballots nobody learns from; they show how well the model does
        for people never seen.
    features
        Columns of the annotators file that the model is conditioned on, so that it learns each
        annotator's own order in place of the collective one; see `rlchf.jury.conditioning`.
    """

    rankings: str
    prompts: str
    responses: str
    annotators: str = ""
    rule: str = "kemeny"
    options: Mapping[str, Any] = field(default_factory=dict)
    ties: str = ""
    seed: int = 0
    groups: Sequence[str] = ()
    unseen: float = 0.0
    features: Sequence[str] = ()
    format: str = "auto"
    unranked: Unranked = "missing"


@dataclass(frozen=True)
class Fitted:
    """The figures of a training, and the evaluations; ``people`` if conditioned on annotator features."""

    figures: dict[str, Any]
    held_out: Evaluation | None = None
    unseen: Evaluation | None = None
    people: ConditionedEvaluation | None = None


def settings(given: Mapping[str, Any]) -> RewardConfig:
    """A `RewardConfig` from settings that a user wrote.

    Raises
    ------
    ValueError
        If there is no such setting, or a value does not fit.

    Examples
    --------
    >>> settings({"loss": "plackett_luce", "top": 2}).top
    2
    """
    return RewardConfig(**fitting(RewardConfig, given))


def fit_files(
    job: Job, config: RewardConfig, model: str, out: str | Path, *, resume: bool = False
) -> Fitted:
    """Aggregate, fit a reward model, measure it, and leave all of it in one folder.

    Parameters
    ----------
    model
        A name as in `rlchf.train.models.load.model_folder`, or "tiny" for a small Llama made from nothing,
        to try things out with.
    out
        The checkpoint with its tokenizer, ``aggregated.jsonl``, ``held_out.jsonl`` (scores),
        ``evaluation.json``, ``calibration.png``, ``metrics.jsonl``, and ``unseen_annotators/`` if there
        are some. The folder is there when the work is done; until then it is ``<out>.partial``.
    resume
        Go on with the training that was stopped.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or ``out`` is there already; nothing has been written then.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is there already; choose another folder for --out")
    from rlchf.train.models.load import model_folder, quieten_transformers

    quieten_transformers()
    stopped = out.with_name(out.name + ".partial") / "checkpoints"
    if not resume and stopped.exists() and any(stopped.iterdir()):
        raise ValueError(
            f"{stopped.parent} holds a training that was stopped; add --resume to go on with it, or "
            "remove that folder"
        )
    backbone = None if model == TINY else model_folder(model)
    data = _Data.read(job, config)
    from rlchf.train.processes import allow_processors
    from rlchf.train.reward.trainer import train_reward

    allow_processors()
    beside = out.with_name(out.name + ".partial")
    backbone = backbone or _tiny(data, beside / "base", config.seed)
    with stage(f"reward model on {len(data.train)} prompts") as tick:
        trained = train_reward(
            data.train, data.held_out, backbone, config, beside,
            groups=data.flat_groups, resume=resume, progress=tick,
        )  # fmt: skip
    figures = trained.figures
    if trained.model is None:  # not the main process
        return Fitted(figures)
    data.result.write(beside / "aggregated.jsonl")
    (beside / "job.json").write_text(json.dumps(asdict(job), indent=2) + "\n", encoding="utf-8")
    if data.conditioned is not None:
        fitted = Fitted(
            figures,
            people=evaluate_conditioned(
                trained.model, data.conditioned, data.rankings, beside, config.seed
            ),
        )
    else:
        fitted = Fitted(figures, *_measured(data, beside, trained))
    shutil.rmtree(beside / "base", ignore_errors=True)
    if out.exists():
        out.rmdir()
    beside.rename(out)
    return fitted


@dataclass(frozen=True)
class _Data:
    """What the files hold, split into what is learned from and what is held out."""

    rankings: Rankings
    seen: list[str]
    unseen: list[str]
    result: Aggregation
    train: list[Example]
    held_out: list[Example]
    groups: dict[str, dict[str, str]]
    conditioned: ConditionedData | None

    @property
    def flat_groups(self) -> dict[str, str] | None:
        """The first column's groups, for training."""
        return next(iter(self.groups.values()), None)

    @classmethod
    def read(cls, job: Job, config: RewardConfig) -> "_Data":
        check_options(job.rule, dict(job.options), job.ties or None)
        rankings = io.read_rankings(job.rankings, job.format, job.unranked)
        prompts, responses = io.read_prompts(job.prompts), io.read_responses(job.responses)
        check_texts(rankings, prompts, responses, job.prompts, job.responses)
        groups: dict[str, dict[str, str]] = {}
        people = None
        if job.annotators:
            people = io.read_annotators(job.annotators)
            groups = people.divisions(
                job.groups, rankings.annotator_ids, job.annotators, job.rankings
            )
            people.divisions(job.features, rankings.annotator_ids, job.annotators, job.rankings)
            if people.weights is not None:
                rankings = rankings.weighted(people.weights)
        elif job.groups or job.features:
            name = f"--group {job.groups[0]}" if job.groups else f"--feature {job.features[0]}"
            raise ValueError(f"{name} needs an annotators file; give --annotators")
        seen, unseen = rankings, None
        if job.unseen:
            seen, unseen = split_annotators(rankings, job.unseen, job.seed)
        with stage(f"aggregate {seen.n_prompts} prompts by {job.rule}", quiet=True) as tick:
            choices: dict[str, Any] = {"ties": job.ties or None, "seed": job.seed}
            result = aggregate(seen, job.rule, progress=tick, **dict(job.options), **choices)
        made = examples(result, prompts, responses, ballots_of=seen)
        train, held_out = split(made, config.held_out, config.seed)
        if not train:
            raise ValueError(
                f"held_out is {config.held_out}, which leaves none of the {len(made)} prompts to "
                "learn from; make it smaller"
            )
        conditioned = None
        if job.features and people is not None:
            conditioned = ConditionedData(
                seen, unseen, prompts, responses, people, tuple(job.features),
                job.groups[0] if job.groups else "", [e.prompt_id for e in held_out],
            )  # fmt: skip
            train, held_out = conditioned.examples(config)
        others = [] if unseen is None else list(unseen.annotator_ids)
        seen_ids = list(seen.annotator_ids)
        return cls(rankings, seen_ids, others, result, train, held_out, groups, conditioned)


def _tiny(data: _Data, folder: Path, seed: int) -> str:
    """A small Llama of random weights, in a folder; every process makes the same."""
    from accelerate import PartialState

    from rlchf.train.models.tiny import tiny_llama

    with PartialState().main_process_first():
        if not (folder / "config.json").exists():
            examples = [*data.train, *data.held_out]
            texts = [str(e.prompt) for e in examples] + [t for e in examples for t in e.responses]
            model, tokenizer = tiny_llama(texts, seed=seed)
            tokenizer.save_pretrained(folder)
            model.save_pretrained(folder)
    return str(folder)


def _measured(
    data: _Data, folder: Path, trained: "Trained"
) -> tuple[Evaluation | None, Evaluation | None]:
    """Compare the held-out prompts' scores with the ballots on them."""
    if not data.held_out:
        return None, None
    named = by_response(data.held_out, [s.tolist() for s in trained.held_out_scores])
    with atomic_write(folder / "held_out.jsonl") as file:
        for prompt_id, row in named.items():
            line = json.dumps({"prompt_id": prompt_id, "scores": row}, ensure_ascii=False)
            file.write((line + "\n").encode())
    found: list[Evaluation | None] = []
    for people, where in ((data.seen, folder), (data.unseen, folder / "unseen_annotators")):
        if not people or not any_ballots(data.rankings, people, named):
            found.append(None)
            continue
        found.append(
            evaluate(
                named, data.rankings, data.result, groups=data.groups or None, people=people,
                r_squared=trained.figures.get("r_squared"),
            )
        )  # fmt: skip
        write_evaluation(where, found[-1])  # type: ignore[arg-type]
    return found[0], found[1]


def score_files(model: str, texts: str, out: str = "-", prompts: str = "") -> int:
    """Score every line of a jsonl file with a reward model, and write the lines with their scores.

    Parameters
    ----------
    model
        The folder that `fit_files` left, or any sequence-classification checkpoint with one output.
    texts
        Lines with ``prompt`` and ``response``; or, if ``prompts`` is given, with ``prompt_id`` and
        ``text``, as in a responses file. Further keys are kept.
    out
        The lines with ``score``, and ``spread`` where the model has one; "-" is standard output.
    prompts
        A prompts file.

    Returns
    -------
    The number of lines.
    """
    check_writable(out)
    if not (Path(model) / "config.json").exists():
        raise ValueError(
            f"{model!r} is no folder of a reward model; give one that rlchf reward wrote"
        )
    rows, asked, answers = read_texts(texts, io.read_prompts(prompts) if prompts else None)
    from rlchf.train.models.load import quieten_transformers
    from rlchf.train.reward.model import RewardModel

    quieten_transformers()
    scorer = RewardModel.load(model)
    with stage(f"score {len(rows)} responses", quiet=True):
        scores = scorer(asked, answers)
        spreads = scorer.moments(asked, answers)[1] if scorer.model.config.num_labels > 1 else None
    with atomic_write(out) as file:
        for n, row in enumerate(rows):
            more = {"score": scores[n].item()}
            if spreads is not None:
                more["spread"] = spreads[n].item()
            file.write((json.dumps(row | more, ensure_ascii=False) + "\n").encode())
    return len(rows)
