"""A reward model from files to a folder."""

import shutil
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlchf.aggregation import Aggregation
from rlchf.evaluation import Evaluation, by_response, evaluate, split_annotators
from rlchf.io.atomic import atomic_folder
from rlchf.io.json import write_json, write_jsonl
from rlchf.jobs.aggregate import aggregate_rankings, check_rule
from rlchf.jobs.conditioned import (
    ConditionedData,
    ConditionedEvaluation,
    any_ballots,
    evaluate_conditioned,
)
from rlchf.jobs.evaluation import write_evaluation
from rlchf.jobs.faults import naming_faults
from rlchf.jobs.inputs import Inputs, list_skipped, read_inputs
from rlchf.jobs.locks import at_work_in, contents
from rlchf.jobs.partial import partial_folder, read_training
from rlchf.jobs.progress import stage
from rlchf.jobs.settings import TINY, RewardData, RewardJob
from rlchf.jury.conditioning import FILE as CONDITIONING
from rlchf.jury.conditioning import Conditioning
from rlchf.preferences import Example, examples, split, uncompared_pairs
from rlchf.rankings import Rankings
from rlchf.train.lora import FOLDER
from rlchf.train.models.loading import check_four_bits
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.losses import LOSSES

if TYPE_CHECKING:
    from rlchf.train.reward.trainer import Trained

SETTINGS = "reward_config.json"


@dataclass(frozen=True)
class TrainingData:
    """What a reward model learns from, and what is held out.

    Attributes
    ----------
    seen, unseen
        The ballots that are learned from, and those of the annotators held out; None without them.
    result
        The collective rankings of the ballots that are learned from.
    train, held_out
        Examples of the prompts to learn from, and of those held out.
    conditioned
        What a model conditioned on annotator features learns from; None for other models.
    """

    inputs: Inputs
    seen: Rankings
    unseen: Rankings | None
    result: Aggregation
    train: list[Example]
    held_out: list[Example]
    conditioned: ConditionedData | None


@dataclass(frozen=True)
class Fitted:
    """The figures of a training, and the evaluations of its model.

    Attributes
    ----------
    held_out, unseen
        On the prompts held out: the ballots of the annotators learned from, and of those held out.
    conditioned
        The evaluation of a model that is conditioned on annotator features, in place of the others.
    """

    figures: dict[str, Any]
    held_out: Evaluation | None = None
    unseen: Evaluation | None = None
    conditioned: ConditionedEvaluation | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        if self.conditioned is not None:
            return {"figures": self.figures, **self.conditioned.to_dict()}
        parts = {"held_out": self.held_out, "unseen_annotators": self.unseen}
        measured = {name: part.to_dict() for name, part in parts.items() if part is not None}
        return {"figures": self.figures, **measured}


def seen_and_unseen(
    job: RewardData, rankings: Rankings, seed: int
) -> tuple[Rankings, Rankings | None]:
    """The ballots that are learned from, and those of the annotators held out."""
    return split_annotators(rankings, job.unseen, seed) if job.unseen else (rankings, None)


def training_data(
    job: RewardJob, config: RewardConfig, inputs: Inputs, result: Aggregation | None = None
) -> TrainingData:
    """Aggregate, unless the collective rankings are there already, and hold out prompts.

    Raises
    ------
    ValueError
        If nothing is left to learn from.
    """
    seen, unseen = seen_and_unseen(job, inputs.rankings, job.seed)
    result = aggregate_rankings(seen, job) if result is None else result
    joined = examples(
        result, inputs.prompts, inputs.responses, ballots_of=seen, both_bad=config.both_bad,
        margin_scale=_margin_scale(config, seen),
    )  # fmt: skip
    train, held_out = split(joined, config.held_out, config.seed)
    if not train:
        raise ValueError(
            f"held_out is {config.held_out}, which leaves none of the {len(joined)} prompts to "
            "learn from; make it smaller"
        )
    if config.learn_from == "ranking" and not job.feature:
        _warn_of_uncompared(config, joined)
    conditioned = None
    if inputs.annotators is not None and job.feature:
        group, names = job.group[0] if job.group else "", [one.prompt_id for one in held_out]
        conditioned = ConditionedData(
            inputs, inputs.annotators, seen, unseen, Conditioning(job.feature), group, names
        )
        train, held_out = conditioned.examples(config)
    return TrainingData(inputs, seen, unseen, result, train, held_out, conditioned)


def _warn_of_uncompared(config: RewardConfig, joined: list[Example]) -> None:
    """Say how many pairs of the collective rankings no ballot compares, and what becomes of them."""
    unknown, pairs = uncompared_pairs(joined)
    if unknown:
        fate = "they are not learned from"
        if LOSSES[config.loss].takes_ranks:
            fate = (
                f"loss = '{config.loss}' learns whole rankings, and these pairs with them; "
                "bradley_terry leaves them out"
            )
        warnings.warn(
            f"{unknown:,} of {pairs:,} pairs of the collective rankings are compared by no ballot; {fate}",
            stacklevel=3,
        )


def check_needs(job: RewardData, config: RewardConfig, where: str = "") -> None:
    """Refuse settings of the training without the data that they need; messages begin with ``where``.

    Raises
    ------
    ValueError
        If there are no groups, or no prompts held out, that a setting needs.
    """
    if config.group_dro_step and not job.group:
        raise ValueError(
            f"{where}group_dro_step needs groups; give group (--group), a column of the annotators file"
        )
    if config.early_stopping and not config.held_out:
        raise ValueError(f"{where}early_stopping needs held-out prompts; set held_out above 0")


def _margin_scale(config: RewardConfig, rankings: Rankings) -> float:
    """The scale of the margins that strengths become; 0, with a warning, where the loss takes none."""
    if rankings.ballot_strengths is None or config.margin_scale == 0:
        return 0.0
    if not config.takes_margins:
        warnings.warn(
            f"{rankings.source} states strengths, and loss = '{config.loss}' with head = '{config.head}' "
            "takes no margins: they are left out; bradley_terry with head = scalar takes them",
            stacklevel=3,
        )
        return 0.0
    return config.margin_scale


def train_reward_model(
    job: RewardJob,
    config: RewardConfig,
    out: str | Path,
    *,
    resume: bool = False,
    data: TrainingData | None = None,
) -> Fitted:
    """Aggregate, train a reward model, measure it, and leave all of it in one folder.

    Parameters
    ----------
    out
        The checkpoint with its tokenizer, ``aggregated.jsonl``, ``held_out.jsonl`` (scores),
        ``evaluation.json``, ``calibration.png``, ``metrics.jsonl``, ``job.json``, and
        ``unseen_annotators/``, ``adapter/`` (with LoRA) and ``skipped.csv``, the rows left out, if there are
        some. The folder is there
        when the work is done; until then it is ``<out>.partial``.
    resume
        Go on with the training that was stopped.
    data
        What to learn from, where the caller has read it already; by default it is read from the files.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or ``out`` is there already; nothing has been written then.
    """
    out, partial = Path(out), partial_folder(out)
    _check_out(out, resume)
    from rlchf.train.models.arguments import check_attention
    from rlchf.train.models.load import model_folder, quieten_transformers

    quieten_transformers()
    check_rule(job)
    check_four_bits(job, config.lora_rank, made=job.model == TINY)
    check_needs(job, config)
    backbone = None if job.model == TINY else model_folder(job.model)
    check_attention(job, backbone or "", job.model)
    if backbone is not None:
        from rlchf.train.reward.backbone import check_backbone

        check_backbone(backbone, job.model, job.loading)
    from rlchf.train.reporting import trainer_trackers

    trainer_trackers(config.report_to)
    data = data or training_data(job, config, read_inputs(job))
    from rlchf.train.processes import process

    main = process().is_main_process
    with at_work_in(partial, main=main), naming_faults(partial):
        if main:
            _check_out(out, resume)  # which another process may have filled since
        fitted = _fit(job, config, partial, backbone, data, resume=resume)
    if main:
        if out.exists():
            out.rmdir()
        partial.rename(out)
    return fitted


def _check_out(out: Path, resume: bool) -> None:
    """Refuse a folder that is there, and to begin anew where a training was stopped."""
    if out.exists() and (not out.is_dir() or contents(out)):
        raise ValueError(f"{out} is there already; choose another folder for --out")
    partial = partial_folder(out)
    if not resume and contents(partial / "checkpoints"):
        raise ValueError(
            f"{partial} holds a training that was stopped; go on with --resume {out}, or remove that "
            "folder"
        )


def _fit(
    job: RewardJob,
    config: RewardConfig,
    partial: Path,
    backbone: str | None,
    data: TrainingData,
    *,
    resume: bool,
) -> Fitted:
    """Train and measure in the folder ``partial``."""
    from rlchf.train.processes import process
    from rlchf.train.reward.trainer import train_reward

    # A training that goes on keeps what it says that it began with, and checks it.
    if process().is_main_process and not (resume and (partial / "job.json").exists()):
        partial.mkdir(parents=True, exist_ok=True)
        write_json(partial / "job.json", asdict(job))
        write_json(partial / SETTINGS, asdict(config))
    backbone = backbone or _tiny(data, partial / "base", config.seed)
    groups = next(iter(data.inputs.groups.values()), None)
    with stage(f"reward model on {len(data.train)} prompts") as tick:
        trained = train_reward(
            data.train, data.held_out, backbone, config, partial,
            groups=groups, resume=resume, progress=tick, loading=job.loading,
        )  # fmt: skip
    if trained.model is None:  # not the main process
        return Fitted(trained.figures)
    data.result.write(partial / "aggregated.jsonl")
    list_skipped(job, data.inputs.rankings, partial / "skipped.csv")
    if data.conditioned is not None:
        evaluation = evaluate_conditioned(trained.model, data.conditioned, partial, config.seed)
        fitted = Fitted(trained.figures, conditioned=evaluation)
    else:
        fitted = Fitted(trained.figures, *_evaluate(data, partial, trained))
    shutil.rmtree(partial / "base", ignore_errors=True)
    _complete_adapters(partial, job.model)
    return fitted


def _complete_adapters(folder: Path, model: str) -> None:
    """Give the adapters, if there are some, what else the reward model's folder says."""
    if not (folder / FOLDER).exists():
        return
    if model == TINY:  # which was made for the training, and which nothing can make again
        shutil.rmtree(folder / FOLDER)
    elif (folder / CONDITIONING).exists():
        shutil.copy(folder / CONDITIONING, folder / FOLDER)


def read_job(folder: str | Path) -> tuple[RewardJob, RewardConfig]:
    """The job and the settings of a training that was stopped; ``folder`` is its ``out``.

    Raises
    ------
    ValueError
        If there is no training to go on with.
    """
    job, config = read_training(folder, "reward model", SETTINGS, RewardJob, RewardConfig)
    return job, config


def _tiny(data: TrainingData, folder: Path, seed: int) -> str:
    """A tiny model that knows the tokens of the examples, in a folder."""
    examples = [*data.train, *data.held_out]
    texts = [str(e.prompt) for e in examples] + [t for e in examples for t in e.responses]
    return make_tiny(texts, folder, seed)


def make_tiny(texts: Sequence[str], folder: Path, seed: int, **options: Any) -> str:
    """A small Llama of random weights, in a folder; every process makes the same.

    ``options`` are those of `rlchf.train.models.tiny.tiny_llama`.
    """
    from rlchf.train.models.tiny import tiny_llama
    from rlchf.train.processes import process

    with process().main_process_first():
        if not folder.exists():
            model, tokenizer = tiny_llama(texts, seed=seed, **options)
            with atomic_folder(folder) as temporary:
                tokenizer.save_pretrained(temporary)
                model.save_pretrained(temporary)
    return str(folder)


def _evaluate(
    data: TrainingData, folder: Path, trained: "Trained"
) -> tuple[Evaluation | None, Evaluation | None]:
    """Compare the scores of the held-out prompts with the ballots on them."""
    if not data.held_out:
        return None, None
    by_prompt = by_response(data.held_out, [s.tolist() for s in trained.held_out_scores])
    rows = [{"prompt_id": name, "scores": scores} for name, scores in by_prompt.items()]
    write_jsonl(folder / "held_out.jsonl", rows)
    rankings = data.inputs.rankings
    evaluations: list[Evaluation | None] = []
    for part, target in ((data.seen, folder), (data.unseen, folder / "unseen_annotators")):
        people = [] if part is None else list(part.annotator_ids)
        evaluation = None
        if any_ballots(rankings, people, by_prompt):
            evaluation = evaluate(
                by_prompt, rankings, data.result, groups=data.inputs.groups or None,
                people=people, r_squared=trained.figures.get("r_squared"),
            )  # fmt: skip
            write_evaluation(target, evaluation)
        evaluations.append(evaluation)
    return evaluations[0], evaluations[1]
