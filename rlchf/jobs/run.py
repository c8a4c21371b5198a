"""A whole run, from the rankings file to the fine-tuned policy, by the jobs of the other commands.

Every stage leaves its result in the run folder, complete or not at all, and is passed over when its
result is there already; so a run that was stopped goes on where it was.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from itertools import chain, count
from pathlib import Path
from typing import Any

import tomli_w

from rlchf.aggregation import Aggregation
from rlchf.io import read_prompts
from rlchf.io.aggregations import read_aggregation
from rlchf.io.atomic import atomic_write
from rlchf.io.json import read_jsonl, write_json, write_jsonl
from rlchf.jobs.aggregate import aggregate_rankings, check_rule
from rlchf.jobs.audit import AuditInputs, measure
from rlchf.jobs.began import check_began, rankings_checksum
from rlchf.jobs.faults import naming_faults
from rlchf.jobs.inputs import Inputs, list_skipped, read_inputs
from rlchf.jobs.locks import at_work_in, contents
from rlchf.jobs.partial import partial_folder
from rlchf.jobs.ppo import has_begun, run_ppo
from rlchf.jobs.ppo_checks import check_done
from rlchf.jobs.progress import stage
from rlchf.jobs.reward import (
    check_needs,
    seen_and_unseen,
    train_reward_model,
    training_data,
)
from rlchf.jobs.run_report import report_run, score_samples
from rlchf.jobs.run_shares import RunShares
from rlchf.jobs.runfile import FILES, Model, Run, read, settings_of_stages
from rlchf.jobs.settings import TINY, AuditJob, PPOJob, RewardJob
from rlchf.prompts import Prompt
from rlchf.report.page import need_report
from rlchf.train.models.arguments import check_attention
from rlchf.train.models.devices import check_device
from rlchf.train.models.load import load_policy, load_tokenizer, model_folder, quieten_transformers
from rlchf.train.origin import checksum
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.idle import check_idle
from rlchf.train.ppo.samplers import check_sampler
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
    beside
        The run that this one is compared with, which has the same inputs, policy to start from, and
        texts before PPO, and the same reward model if it has the same rule.

    Raises
    ------
    ValueError, FileNotFoundError
        If an input is missing or wrong; nothing has been written then.
    """

    def __init__(
        self,
        run: Run,
        folder: str | Path,
        config: Mapping[str, Any] | None = None,
        *,
        beside: "Pipeline | None" = None,
    ) -> None:
        self.run, self.folder, self.beside = run, Path(folder), beside
        self.config = run.to_dict() if config is None else config
        trainer_trackers(run.reward.report_to)
        accelerate_trackers(run.ppo.report_to if run.ppo else "none")
        need_report()
        self.job: RewardJob = run.reward_job(run.model.name)
        check_rule(self.job)
        check_named_model(run.model)
        self.inputs: Inputs = beside.inputs if beside else read_inputs(self.job)
        prompts = self.inputs.prompts
        if run.data.policy_prompts:
            prompts = read_prompts(run.data.policy_prompts)
        self.policy_prompts: list[Prompt] = list(prompts.values())
        self.shares = RunShares.of(run, self.inputs)
        if beside is not None:
            self.shares = replace(self.shares, kinds=beside.shares.kinds)
        n_prompts = self.inputs.rankings.n_prompts
        if round(run.reward.held_out * n_prompts) >= n_prompts:
            raise ValueError(
                f"[reward] held_out is {run.reward.held_out}, which leaves none of the "
                f"{n_prompts} prompts to learn from"
            )
        check_needs(self.job, run.reward, "[reward] ")
        check_policy_training(run.model, run.ppo, bool(run.data.policy_held_out))
        self.seen, _ = seen_and_unseen(self.job, self.inputs.rankings, self.job.seed)
        same_rule = beside is not None and beside.run.rule == run.rule
        self.reward = (beside if beside and same_rule else self).folder / "reward"
        self.compared = self._compared()

    def _compared(self) -> "Pipeline | None":
        """The run to compare with: the labels of another rule, under the KL penalty alone."""
        kept, rule = self.run.share_targets, self.run.rule
        if kept is None or not kept.compare:
            return None
        if kept.compare != rule["name"]:
            rule = {"name": kept.compare}
        run = replace(self.run, rule=rule, share_targets=None)
        try:
            return Pipeline(run, self.folder / "compared", beside=self)
        except ValueError as error:
            raise ValueError(f"[share_targets] compare: {error}") from None

    def __call__(self) -> dict[str, Any]:
        """Do every stage that is not done yet and return what `report` returned.

        Raises
        ------
        ValueError
            If another process is at work in the folder, or the run in it began with other inputs.
        """
        with at_work_in(self.folder), naming_faults(self.folder):
            self._check_began()
            return self._do_stages()

    def _check_began(self) -> None:
        """Refuse to go on with other settings or inputs than the run began with."""
        inputs, data = self.inputs, self.run.data
        checksums = {
            "rankings": (rankings_checksum(inputs.rankings), inputs.rankings.source),
            "prompts": (checksum(json.dumps(inputs.prompts)), data.prompts),
            "responses": (checksum(json.dumps(inputs.responses)), data.responses),
            "groups": (checksum(json.dumps(inputs.groups)), data.annotators),
            "prompts of the policy": (
                checksum(json.dumps(self.policy_prompts)),
                data.policy_prompts or data.prompts,
            ),
        }
        settings = settings_of_stages(
            self.run.to_dict(), ("data", (*FILES, "rankings")), self.folder
        )
        check_began(self.folder, "run", settings, checksums)

    def _do_stages(self) -> dict[str, Any]:
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
            release_memory()
            if not self.job.feature:  # conditioned on features, it scores for somebody
                score_samples(self.folder, self.reward, self.run.model.how)
        if self.compared is not None:
            release_memory()
            self.compared()
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
        self.shares.targets(result)
        if self.compared is not None:
            self.compared.result  # noqa: B018  # its rule may refuse an option, too
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.folder / "config.toml") as file:
            tomli_w.dump(self.config, file)
        if not (self.folder / "audit.json").exists():
            result.write(self.folder / "aggregated.jsonl")
            list_skipped(self.job, self.inputs.rankings, self.folder / "skipped.csv")
            job = AuditJob(rankings=self.job.rankings, aggregated="aggregated.jsonl")
            people = self.inputs
            inputs = AuditInputs(
                people.rankings, result, people.groups or None, people.cast, people.weights
            )
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
        folder = (self.beside or self).folder / "base"
        return tiny_policy(model, pairs, self.run.seed, folder)

    def train_reward_model(self) -> None:
        """Train the reward model, and measure it on the prompts held out, as `rlchf reward` does."""
        out = self.reward
        if out.exists():
            return
        job = replace(self.job, model=str(self.base_policy()))
        data = training_data(job, self.run.reward, self.inputs, self.result)
        resume = partial_folder(out).exists()
        train_reward_model(job, self.run.reward, out, resume=resume, data=data)

    def fine_tune(self) -> None:
        """Fine-tune the policy by PPO, as `rlchf ppo` does."""
        out, data = self.folder / "policy", self.run.data
        assert self.run.ppo is not None
        if (out / "config.json").exists():
            check_done(out, self.run.ppo)
            return
        job = PPOJob(
            policy=str(self.base_policy()),
            prompts=data.policy_prompts or data.prompts,
            reward=(str(self.reward),),
            held_out=data.policy_held_out,
            **self.shares.objective(self.result),
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
        if self.beside and when == "before":
            rows = read_jsonl(self.beside.folder / path.name)
            write_jsonl(path, [{k: v for k, v in row.items() if k != "score"} for row in rows])
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
        rows = [
            {"stage": when, "prompt": prompt, "response": text, **self.shares.kinds.columns(text)}
            for prompt, text in zip(prompts, texts, strict=True)
        ]
        write_jsonl(path, rows)

    def report(self) -> dict[str, Any]:
        """Gather what the stages left into ``metrics.jsonl``, ``samples.jsonl`` and the report."""
        return report_run(self.run, self.shares, self.result, self.folder, self.reward)


def check_named_model(model: Model) -> None:
    """Refuse the name of a model that is not there, and attention that it has not."""
    folder = "" if model.name == TINY else model_folder(model.name)
    check_attention(model, folder, model.name)


def check_policy_training(model: Model, ppo: PPOConfig | None, held_out: bool) -> None:
    """Refuse settings of PPO that do nothing, and a device of the reward model that is not there."""
    if ppo is not None:
        check_idle(ppo, PPOConfig(), held_out, "[ppo] ")
        check_sampler(ppo.sampler, "[ppo] ")
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
    if contents(folder):
        raise ValueError(
            f"{folder} is not empty; choose another --out, or go on with --resume {folder}"
        )
    return folder


def _free(folder: Path) -> Path:
    """The folder, or the first of ``folder-2``, ``folder-3``, ... that does not exist."""
    numbered = (folder.with_name(f"{folder.name}-{n}") for n in count(2))
    return next(one for one in chain([folder], numbered) if not one.exists())
