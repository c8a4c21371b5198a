"""A whole run, from the rankings file to the fine-tuned policy, by the jobs of the other commands.

Every stage leaves its result in the run folder, complete or not at all, and is passed over when its
result is there already; so a run that was stopped goes on where it was.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from itertools import chain, count
from pathlib import Path
from typing import Any

import tomli_w

from rlchf.aggregation import Aggregation
from rlchf.auditing import StageShares, trace_shares
from rlchf.auditing.report import plain
from rlchf.io import read_prompts
from rlchf.io.aggregations import read_aggregation, read_scores
from rlchf.io.atomic import atomic_write
from rlchf.io.json import read_json, read_jsonl, write_json, write_jsonl
from rlchf.jobs.aggregate import aggregate_rankings, check_rule
from rlchf.jobs.audit import AuditInputs, measure
from rlchf.jobs.inputs import list_skipped, read_inputs
from rlchf.jobs.partial import partial_folder
from rlchf.jobs.ppo import has_begun, run_ppo
from rlchf.jobs.progress import stage
from rlchf.jobs.reward import (
    check_needs,
    seen_and_unseen,
    train_reward_model,
    training_data,
)
from rlchf.jobs.runfile import Model, Run, read
from rlchf.jobs.settings import TINY, AuditJob, PPOJob, RewardJob
from rlchf.options import function_named
from rlchf.prompts import Prompt
from rlchf.report import write_report
from rlchf.train.models.arguments import check_attention
from rlchf.train.models.devices import check_device
from rlchf.train.models.load import load_policy, load_tokenizer, model_folder, quieten_transformers
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.idle import check_idle
from rlchf.train.processes import process, release_memory, use_one_thread
from rlchf.train.reporting import accelerate_trackers, trainer_trackers


class Pipeline:
    """One run: its inputs, read and checked, and its folder.

    Parameters
    ----------
    run
        The settings.
    folder
        The run folder; it need not exist.
    config
        What goes into ``config.toml``, by default the settings of the run.

    Raises
    ------
    ValueError, FileNotFoundError
        If an input is missing or wrong; nothing has been written then.
    """

    def __init__(
        self, run: Run, folder: str | Path, config: Mapping[str, Any] | None = None
    ) -> None:
        self.run, self.folder = run, Path(folder)
        self.config = run.to_dict() if config is None else config
        trainer_trackers(run.reward.report_to)
        accelerate_trackers(run.ppo.report_to if run.ppo else "none")
        self.job: RewardJob = run.reward_job(run.model.name)
        check_rule(self.job)
        check_named_model(run.model)
        self.inputs = read_inputs(self.job)
        prompts = self.inputs.prompts
        if run.data.policy_prompts:
            prompts = read_prompts(run.data.policy_prompts)
        self.policy_prompts: list[Prompt] = list(prompts.values())
        label = run.label
        self.has_label = function_named(label.test, "[label] test") if label.name else None
        n_prompts = self.inputs.rankings.n_prompts
        if round(run.reward.held_out * n_prompts) >= n_prompts:
            raise ValueError(
                f"[reward] held_out is {run.reward.held_out}, which leaves none of the "
                f"{n_prompts} prompts to learn from"
            )
        check_needs(self.job, run.reward, "[reward] ")
        check_policy_training(run.model, run.ppo, bool(run.data.policy_held_out))
        self.seen, _ = seen_and_unseen(self.job, self.inputs.rankings, self.job.seed)

    def __call__(self) -> dict[str, Any]:
        """Do every stage that is not done yet and return what `report` returned."""
        quieten_transformers()
        if self.run.model.name == TINY:
            use_one_thread()
        self.aggregate()
        self.base_policy()
        self.train_reward_model()
        release_memory()
        if self.run.ppo is not None:
            self.sample("before", self.base_policy())
            release_memory()
            self.fine_tune()
            release_memory()
            self.sample("after", self.folder / "policy")
        return self.report()

    # --- stages ---------------------------------------------------------------------------------

    @cached_property
    def result(self) -> Aggregation:
        """The collective rankings: read from the folder, or made, which may refuse an option."""
        path = self.folder / "aggregated.jsonl"
        if path.exists():
            return read_aggregation(path, self.seen)
        return aggregate_rankings(self.seen, self.job)

    def aggregate(self) -> None:
        """Aggregate the ballots, and audit the collective rankings as `rlchf audit` does."""
        result = self.result  # before anything is written
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.folder / "config.toml") as file:
            tomli_w.dump(self.config, file)
        if not (self.folder / "audit.json").exists():
            result.write(self.folder / "aggregated.jsonl")
            list_skipped(self.job, self.inputs.rankings, self.folder / "skipped.csv")
            job = AuditJob(rankings=self.job.rankings, aggregated="aggregated.jsonl")
            inputs = AuditInputs(self.inputs.rankings, result, self.inputs.groups or None)
            write_json(self.folder / "audit.json", measure(inputs, job).to_dict())

    def base_policy(self) -> Path:
        """The model to start from: as named, or a tiny one that learned to write the responses."""
        model = self.run.model
        if model.name != TINY:
            return Path(model_folder(model.name))
        inputs = self.inputs
        pairs = [
            (inputs.prompts[p], inputs.responses[p][r])
            for p in inputs.rankings.prompt_ids
            for r in inputs.rankings.responses(p)
        ]
        return tiny_policy(model, pairs, self.run.seed, self.folder / "base")

    def train_reward_model(self) -> None:
        """Train the reward model, and measure it on the prompts held out, as `rlchf reward` does."""
        out = self.folder / "reward"
        if out.exists():
            return
        job = replace(self.job, model=str(self.base_policy()))
        data = training_data(job, self.run.reward, self.inputs, self.result)
        resume = partial_folder(out).exists()
        train_reward_model(job, self.run.reward, out, resume=resume, data=data)

    def fine_tune(self) -> None:
        """Fine-tune the policy by PPO, as `rlchf ppo` does."""
        out, data, label = self.folder / "policy", self.run.data, self.run.label
        if (out / "config.json").exists():
            return
        assert self.run.ppo is not None
        job = PPOJob(
            policy=str(self.base_policy()),
            prompts=data.policy_prompts or data.prompts,
            reward=(str(self.folder / "reward"),),
            label={label.name: label.test} if label.name else {},
            held_out=data.policy_held_out,
            **self.run.model.how,
        )
        resume = has_begun(out)
        if resume:
            write_json(out / "job.json", asdict(job))  # the run folder may have moved
        run_ppo(job, self.run.ppo, out, resume=resume)

    def sample(self, when: str, model: Path) -> None:
        """Sample texts from the policy before or after PPO into a file of their own."""
        path = self.folder / f"samples-{when}.jsonl"
        if path.exists():
            return
        from rlchf.train.ppo.prompts import fit_prompts
        from rlchf.train.ppo.sampling import sample_texts

        label, ppo = self.run.label, self.run.ppo
        assert ppo is not None
        loading = self.run.model.loading
        policy = load_policy(model, loading).to(process().device)
        tokenizer = load_tokenizer(model, trust_remote_code=loading.trust_remote_code)
        fitted = fit_prompts(
            policy, tokenizer, self.policy_prompts, ppo.max_new_tokens,
            max_prompt_length=ppo.max_prompt_length, long_prompts=ppo.long_prompts,
        )  # fmt: skip
        n_per_prompt = -(-label.texts // len(fitted.prompts))
        with stage(f"sampling {n_per_prompt * len(fitted.prompts)} texts {when} PPO") as tick:
            texts = sample_texts(
                policy, tokenizer, fitted.prompts, encoded=fitted.encoded, n_per_prompt=n_per_prompt,
                batch_size=ppo.sample_size or 32, max_new_tokens=ppo.max_new_tokens,
                temperature=ppo.temperature, stop_tokens=ppo.stop_tokens, seed=self.run.seed, progress=tick,
            )  # fmt: skip
        prompts = [prompt for prompt in fitted.prompts for _ in range(n_per_prompt)]
        rows: list[dict[str, Any]] = [
            {"stage": when, "prompt": prompt, "response": text}
            for prompt, text in zip(prompts, texts, strict=True)
        ]
        if self.has_label is not None:
            rows = [row | {label.name: self.has_label(row["response"])} for row in rows]
        write_jsonl(path, rows)

    def report(self) -> dict[str, Any]:
        """Gather what the stages left into ``metrics.jsonl``, ``samples.jsonl`` and the report."""
        metrics = [
            {"stage": name, **line}
            for name, folder in (("reward", "reward"), ("ppo", "policy"))
            for line in self._lines(f"{folder}/metrics.jsonl")
        ]
        write_jsonl(self.folder / "metrics.jsonl", metrics)
        samples = [
            row for when in ("before", "after") for row in self._lines(f"samples-{when}.jsonl")
        ]
        write_jsonl(self.folder / "samples.jsonl", samples)
        stages, label = self.stages(samples), self.run.label.name
        summary = {
            "rule": self.job.rule,
            "shares": [
                asdict(stage.categories[label]) for stage in stages if label in stage.categories
            ],
            "stages": plain([asdict(stage) for stage in stages]),
            "reward_accuracy": self.reward_accuracy(),
            "audit": read_json(self.folder / "audit.json"),
        }
        write_json(self.folder / "report.json", summary)
        write_report(self.folder / "report.html", self.run, summary, stages, metrics, samples)
        return summary

    # --- what the stages share --------------------------------------------------------------------

    def stages(self, samples: Sequence[dict[str, Any]]) -> list[StageShares]:
        """Each group's share, and the label's, at every stage."""
        rankings, label = self.inputs.rankings, self.run.label.name
        orders = {f"aggregated ({self.job.rule})": self.result}
        scores = self.folder / "reward/held_out.jsonl"
        if scores.exists():
            orders["reward model, held out"] = read_scores(scores, rankings)[1]
        categories: dict[str, dict[str, str]] | None = None
        texts: dict[str, list[str]] = {}
        if self.has_label is not None:
            has_label, name_of = self.has_label, {True: label, False: f"no {label}"}
            texts_of = self.inputs.responses
            categories = {
                p: {r: name_of[bool(has_label(texts_of[p][r]))] for r in rankings.responses(p)}
                for p in rankings.prompt_ids
            }
            for row in samples:
                category = name_of[bool(row[label])]
                texts.setdefault(f"policy {row['stage']} PPO", []).append(category)
        groups = self.inputs.groups or None
        return trace_shares(rankings, orders, groups, categories=categories, texts=texts)

    def _lines(self, name: str) -> list[dict[str, Any]]:
        """The rows of a file in the run folder; none if the run has no such stage."""
        path = self.folder / name
        return read_jsonl(path) if path.exists() else []

    def reward_accuracy(self) -> dict[str, Any]:
        """Pair accuracy of the reward model on the prompts held out, from its evaluation."""
        path = self.folder / "reward/evaluation.json"
        evaluation = read_json(path) if path.exists() else {}
        if "pairs" not in evaluation:  # none held out, or the model is conditioned on features
            return {}
        by_name = {
            kind: {row["name"]: row["value"] for row in evaluation[kind]}
            for kind in ("annotators", "groups")
        }
        return {
            "held_out_prompts": evaluation["prompts"],
            "collective_ranking": evaluation["collective_pairs"]["value"],
            "ballots": evaluation["pairs"]["value"],
            **by_name,
        }


def check_named_model(model: Model) -> None:
    """Refuse the name of a model that is not there, and attention that it has not."""
    folder = "" if model.name == TINY else model_folder(model.name)
    check_attention(model, folder, model.name)


def check_policy_training(model: Model, ppo: PPOConfig | None, held_out: bool) -> None:
    """Refuse settings of PPO that do nothing, and a device of the reward model that is not there."""
    if ppo is not None:
        check_idle(ppo, PPOConfig(), held_out, "[ppo] ")
        check_device(model.reward_device, "[model] reward_device")


def tiny_policy(model: Model, pairs: Sequence[tuple[Prompt, str]], seed: int, folder: Path) -> Path:
    """The folder of a tiny policy that learned to write responses to prompts; made if it is not there."""
    from rlchf.train.models.arguments import as_loaded
    from rlchf.train.models.tiny import fit_supervised, tiny_llama

    if folder.exists():
        return folder
    with stage("supervised learning of a tiny policy") as tick:
        texts = [str(prompt) for prompt, _ in pairs] + [text for _, text in pairs]
        policy, tokenizer = tiny_llama(texts, seed=seed)
        fit_supervised(
            policy, tokenizer, pairs, epochs=model.epochs, learning_rate=model.learning_rate,
            batch_size=model.batch_size, seed=seed, progress=tick,
        )  # fmt: skip
        partial = partial_folder(folder)
        shutil.rmtree(partial, ignore_errors=True)
        as_loaded(policy, model.loading).save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        partial.rename(folder)
    return folder


def start(
    path: str | Path,
    *,
    rule: str = "",
    group: tuple[str, ...] = (),
    out: str | Path = "",
    data_folder: str | Path = "",
) -> Pipeline:
    """Prepare a new run from a run file: read and check everything, write nothing.

    Parameters
    ----------
    path
        The run file.
    rule
        A rule in place of the file's own.
    group
        Columns of the annotators file in place of those that the run file names.
    out
        The run folder; by default ``runs/`` and the names of the file and the rule, with a number
        if that is taken.
    data_folder
        Where the data's paths start, in place of the run file's folder.
    """
    run = read(path, data_folder)
    if rule:
        run = replace(run, rule={"name": rule})
    if group:
        run = replace(run, data=replace(run.data, group=group))
    return Pipeline(run, new_folder(path, run.rule["name"], out))


def resume(folder: str | Path) -> Pipeline:
    """Prepare to go on with a run that was stopped."""
    config = Path(folder) / "config.toml"
    if not config.exists():
        raise FileNotFoundError(f"{folder} holds no config.toml, so there is no run to go on with")
    return Pipeline(read(config), folder)


def new_folder(path: str | Path, rule: str, out: str | Path = "") -> Path:
    """The folder of a new run: ``out``, or one in ``runs/`` with the names of the run file and the rule.

    Raises
    ------
    ValueError
        If ``out`` is a file, or a folder that is not empty.
    """
    rule = rule.replace(":", ".")  # of module:function; Windows takes no colon
    folder = Path(out) if out else _free(Path("runs") / f"{Path(path).stem}-{rule}")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; choose a folder for --out")
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(
            f"{folder} is not empty; choose another --out, or go on with --resume {folder}"
        )
    return folder


def _free(folder: Path) -> Path:
    """The folder, or the first of ``folder-2``, ``folder-3``, ... that does not exist."""
    numbered = (folder.with_name(f"{folder.name}-{n}") for n in count(2))
    return next(one for one in chain([folder], numbered) if not one.exists())
