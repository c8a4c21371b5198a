"""A run of Constitutional AI, from prompts to the fine-tuned policy, by the jobs of the other commands.

As in other runs, every stage leaves its result in the run folder, complete or not at all, and is passed
over when its result is there already.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import tomli_w

from rlchf.constitution.judges.settings import EndpointSettings
from rlchf.constitution.principles import Constitution
from rlchf.io import read_prompts, read_responses
from rlchf.io.atomic import atomic_write
from rlchf.io.constitutions import read_constitution
from rlchf.io.json import read_json, read_jsonl, write_json, write_jsonl
from rlchf.io.revisions import read_revisions
from rlchf.jobs.aggregate import check_rule
from rlchf.jobs.began import check_began
from rlchf.jobs.constitution.judge import run_judge
from rlchf.jobs.constitution.judge_settings import JudgeJob
from rlchf.jobs.constitution.judges import Asking
from rlchf.jobs.constitution.report import report_files
from rlchf.jobs.constitution.report_settings import ConstitutionReportJob
from rlchf.jobs.constitution.revise import run_revise
from rlchf.jobs.constitution.runfile import FILES, ConstitutionRun, read_constitution_run
from rlchf.jobs.constitution.sft import check_helpful, run_sft
from rlchf.jobs.constitution.supervised_settings import ReviseJob, SftJob
from rlchf.jobs.constitution.trajectory import compared, stage_texts
from rlchf.jobs.faults import naming_faults
from rlchf.jobs.inputs import check_paths
from rlchf.jobs.locks import at_work_in
from rlchf.jobs.mix import mix_files
from rlchf.jobs.mix_settings import MixJob
from rlchf.jobs.partial import partial_file, partial_folder
from rlchf.jobs.run import (
    Pipeline,
    check_named_model,
    check_policy_training,
    new_folder,
    tiny_policy,
)
from rlchf.jobs.run_shares import check_kept
from rlchf.jobs.runfile import Data, settings_of_stages
from rlchf.jobs.sample import run_sample
from rlchf.jobs.settings import TINY, SampleJob
from rlchf.prompts import Prompt
from rlchf.report.page import need_report
from rlchf.train.models.load import model_folder, quieten_transformers
from rlchf.train.origin import checksum
from rlchf.train.processes import release_memory, use_one_thread
from rlchf.train.reporting import accelerate_trackers, trainer_trackers

REPORTED = (*FILES, "compare_by")
"""Settings of ``[constitution]`` that may change when a run goes on: paths, and what is only reported."""


class ConstitutionPipeline:
    """One run of Constitutional AI: its inputs, read and checked, and its folder.

    Parameters
    ----------
    run
        The settings.
    folder
        The run folder; it need not exist.

    Raises
    ------
    ValueError, FileNotFoundError
        If an input is missing or wrong; nothing has been written then.
    """

    def __init__(self, run: ConstitutionRun, folder: str | Path) -> None:
        self.run, self.folder, self.data = run, Path(folder), run.constitution
        data = self.data
        check_paths([data.prompts, data.helpful_prompts, data.responses])
        self.constitution: Constitution = read_constitution(data.file)
        _ = self.constitution.judges, run.revise and self.constitution.revisers
        self.prompts: dict[str, Prompt] = read_prompts(data.prompts)
        helpful = read_prompts(data.helpful_prompts) if data.helpful_prompts else {}
        twice = [prompt_id for prompt_id in helpful if prompt_id in self.prompts]
        if twice:
            raise ValueError(
                f"prompt {twice[0]!r} is in {data.prompts} and in {data.helpful_prompts}; give it "
                "another prompt_id in one of them"
            )
        self.all_prompts = {**self.prompts, **helpful}
        if data.human and not Path(data.human).is_dir():
            raise FileNotFoundError(f"there is no folder {data.human}; give the rankings by people")
        for name in (run.sft.report_to, run.reward.report_to):
            trainer_trackers(name)
        accelerate_trackers(run.ppo.report_to if run.ppo else "none")
        need_report()
        check_rule(run.inner(self.files, run.model.name).reward_job(run.model.name))
        check_named_model(run.model)
        check_policy_training(run.model, run.ppo, held_out=False)
        check_kept(run.share_targets, run.ppo)
        if run.revise:
            check_helpful(run.sft, given="", prompts=data.helpful_prompts, where="[sft] ")
        self._check_judges()

    def __call__(self) -> dict[str, Any]:
        """Do every stage that is not done yet, and return the report of the run.

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
        inputs = {
            "principles": (checksum(repr(self.constitution)), self.data.file),
            "prompts": (checksum(json.dumps(self.all_prompts)), self.data.prompts),
        }
        settings = settings_of_stages(self.run.to_dict(), ("constitution", REPORTED), self.folder)
        check_began(self.folder, "constitution", settings, inputs)

    def _do_stages(self) -> dict[str, Any]:
        quieten_transformers()
        if self.run.model.name == TINY:
            use_one_thread()
        with atomic_write(self.folder / "config.toml") as file:
            tomli_w.dump(self.run.to_dict(), file)
        self.revise()
        self.fine_tune()
        release_memory()
        self.sample()
        release_memory()
        self.judge()
        self.mix()
        release_memory()
        inner = Pipeline(
            self.run.inner(self.files, str(self.policy)), self.folder, self.run.to_dict()
        )
        summary = inner()
        release_memory()
        summary["constitution"] = self.report()
        write_json(self.folder / "report.json", summary)
        return summary

    # --- stages ---------------------------------------------------------------------------------

    @cached_property
    def base(self) -> str:
        """The model to start from: as named, or a tiny one that learned to write the responses."""
        model = self.run.model
        if model.name != TINY:
            return str(model_folder(model.name))
        responses = read_responses(self.data.responses)
        pairs = [
            (self.all_prompts[prompt_id], text)
            for prompt_id, listed in responses.items()
            if prompt_id in self.all_prompts
            for text in listed.values()
        ]
        return str(tiny_policy(model, pairs, self.run.seed, self.folder / "base"))

    @property
    def policy(self) -> str:
        """The policy that reinforcement learning starts from."""
        return str(self.folder / "sft") if self.run.revise else self.base

    def revise(self) -> None:
        """Let the model criticise and revise its responses, as `rlchf constitution revise` does."""
        out = str(self.folder / "revisions.jsonl")
        if self.run.revise is None or Path(out).exists():
            return
        job = ReviseJob(
            policy=self.base, constitution=self.data.file, prompts=self.data.prompts,
            examples=self.run.revise.examples, **self._loading,
        )  # fmt: skip
        run_revise(job, self.run.revise.config, out, resume=partial_file(out).exists())

    def fine_tune(self) -> None:
        """Fine-tune on the revisions, as `rlchf constitution sft` does."""
        out = self.folder / "sft"
        if self.run.revise is None or out.exists():
            return
        job = SftJob(
            policy=self.base, revisions=str(self.folder / "revisions.jsonl"),
            helpful_prompts=self.data.helpful_prompts, **self._loading,
        )  # fmt: skip
        resume = (partial_folder(out) / "job.json").exists()
        run_sft(job, self.run.sft, out, resume=resume)

    def sample(self) -> None:
        """Sample the responses to judge, as `rlchf sample` does, unless they are given."""
        rows = [{"prompt_id": one, "prompt": text} for one, text in self.all_prompts.items()]
        write_jsonl(self.folder / "prompts.jsonl", rows)
        out = str(self.folder / "responses.jsonl")
        if self.data.responses or Path(out).exists():
            return
        job = SampleJob(
            policy=self.policy, prompts=str(self.folder / "prompts.jsonl"), **self._loading
        )
        run_sample(job, self.run.sample, out, resume=partial_file(out).exists())

    def judge(self) -> None:
        """Let the principles judge the responses, as `rlchf constitution judge` does."""
        out = str(self.folder / "judgements.jsonl")
        if not Path(out).exists():
            run_judge(
                self._judging(),
                self.run.judge,
                out,
                resume=partial_file(out).exists(),
            )

    def mix(self) -> None:
        """Mix in the rankings by people, as `rlchf mix` does."""
        if not self.data.human or (self.folder / "mixed").exists():
            return
        job = MixJob(
            sources=(str(self.folder / "judgements.jsonl"), self.data.human),
            name=("principles", "people"), ratio=self.data.ratio, out=str(self.folder / "mixed"),
            prompts=(str(self.folder / "prompts.jsonl"),), responses=(self.responses,),
            seed=self.run.seed,
        )  # fmt: skip
        mix_files(job)

    def report(self) -> dict[str, Any]:
        """Compare the texts of all stages, and report on the constitution and its judge."""
        out = self.folder / "constitution.json"
        if out.exists():
            return dict(read_json(out))
        stages = self._stages()
        job = ConstitutionReportJob(
            rankings=str(self.folder / "judgements.jsonl"), constitution=self.data.file,
            rules=self.run.rule["name"], prompts=str(self.folder / "prompts.jsonl"),
            responses=self.responses, stages=stages,
            score=self.compare_by if len(stages) > 1 else (), seed=self.run.seed,
            out=str(self.folder / "constitution.html"),
        )  # fmt: skip
        measured = report_files(job).to_dict()
        write_json(out, measured)
        return measured

    # --- what the stages share --------------------------------------------------------------------

    @property
    def _loading(self) -> dict[str, Any]:
        return vars(self.run.model.loading)

    @property
    def compare_by(self) -> tuple[str, ...]:
        """The principles by which stages are compared; none, and they are only measured."""
        return self.data.compare_by or ()

    @property
    def responses(self) -> str:
        """The file of the responses that are judged."""
        return self.data.responses or str(self.folder / "responses.jsonl")

    @property
    def files(self) -> Data:
        """The files of the reinforcement stage."""
        folder = self.folder / "mixed" if self.data.human else self.folder
        rankings = "rankings.csv" if self.data.human else "judgements.jsonl"
        return Data(
            rankings=(str(folder / rankings),),
            prompts=str(folder / "prompts.jsonl"),
            responses=str(folder / "responses.jsonl") if self.data.human else self.responses,
            annotators=str(folder / "annotators.csv") if self.data.human else "",
            group=("source",) if self.data.human else (),
            policy_prompts=str(self.folder / "prompts.jsonl"),
        )

    def _judging(self, responses: str = "", prompts: str = "", constitution: str = "") -> JudgeJob:
        """The judge's job, on other files where they are given."""
        return JudgeJob(
            judge=self.data.judge or self.base, responses=responses or self.responses,
            prompts=prompts or str(self.folder / "prompts.jsonl"),
            constitution=constitution or self.data.file, **self._loading,
        )  # fmt: skip

    def _check_judges(self) -> None:
        """Refuse judges that are not there, and settings that none of those who are asked together heeds."""
        asking, names = Asking(self._judging(), self.run.judge, EndpointSettings()), {}
        for one in self.constitution.judges:
            names[one.name] = one.judge or asking.job.judge
        asking.check(list(names.values()))
        if self.data.compare_by:
            asking.check([names[name] for name in self.data.compare_by])
        asking.find(list(names.values()))

    def _stages(self) -> dict[str, str]:
        """The texts of every stage, with how they compare with the first ones if they do, one file each."""
        revisions = self.folder / "revisions.jsonl"
        steps = read_revisions(revisions) if revisions.exists() else []
        samples = [
            row
            for when in ("before", "after")
            for row in _rows(self.folder / f"samples-{when}.jsonl")
        ]
        texts = stage_texts(self.all_prompts, steps, samples, supervised=bool(self.run.revise))
        chosen = [self.constitution[name] for name in self.compare_by if len(texts) > 1]
        folder = self.folder / "stages"
        done = {name: folder / f"{name.replace(' ', '-')}.jsonl" for name in texts}
        if not all(path.exists() for path in done.values()):
            folder.mkdir(exist_ok=True)
            rows = compared(self.all_prompts, texts, chosen, self._judging, self.run.judge, folder)
            for name, path in done.items():
                write_jsonl(path, rows[name])
        return {name: str(path) for name, path in done.items()}


def start(
    path: str | Path, *, rule: str = "", out: str | Path = "", data_folder: str | Path = ""
) -> ConstitutionPipeline:
    """Prepare a new run: read and check everything, write nothing."""
    run = read_constitution_run(path, data_folder)
    if rule:
        run = replace(run, rule={"name": rule})
    return ConstitutionPipeline(run, new_folder(path, run.rule["name"], out))


def resume(folder: str | Path) -> ConstitutionPipeline:
    """Prepare to go on with a run that was stopped."""
    return ConstitutionPipeline(read_constitution_run(Path(folder) / "config.toml"), folder)


def _rows(path: Path) -> Sequence[Mapping[str, Any]]:
    return read_jsonl(path) if path.exists() else []
