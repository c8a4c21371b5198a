"""Judgements of principles from files to a file: the job of `rlchf constitution judge`."""

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

from rlchf.constitution.judge_config import JudgeConfig
from rlchf.constitution.judge_examples import JudgeExample, check_examples
from rlchf.constitution.judged import Judged
from rlchf.constitution.judges.settings import EndpointSettings
from rlchf.constitution.judging import NonsenseError, Recorder, judge_plan
from rlchf.constitution.plan import Key, Plan, planned
from rlchf.constitution.questions import Answer, Judge
from rlchf.io import read_prompts, read_responses
from rlchf.io.constitutions import read_constitution
from rlchf.io.json import write_jsonl
from rlchf.io.judge_examples import read_judge_examples
from rlchf.jobs.constitution.judge_settings import JudgeJob
from rlchf.jobs.constitution.judges import Asking, is_local
from rlchf.jobs.inputs import check_paths
from rlchf.jobs.partial import PartialFile, check_out, partial_file, read_settings
from rlchf.jobs.progress import Tick, stage

MAY_CHANGE = (
    "batch_size", "requests_per_minute", "concurrency", "timeout", "retries", "price_in", "price_out",
    "max_cost",
)  # fmt: skip
"""Settings that a run that goes on may be given anew."""
BEGAN_WITH = {
    "questions": "prompts, responses or principles",
    "examples": "examples",
    "judges": "judge's weights",
}
"""What a run must go on with."""


class JudgeFailedError(ValueError):
    """A judge gave an error or a wrong answer.

    Attributes
    ----------
    recorded
        Whether there are batches of answers to go on with.
    """

    def __init__(self, problem: str, *, recorded: bool) -> None:
        super().__init__(problem)
        self.recorded = recorded


@dataclass(frozen=True)
class JudgeRun:
    """Judgements, what was asked for them, and the file that holds them.

    Attributes
    ----------
    usage
        Requests, tokens and cost of each judge behind an endpoint.
    """

    out: str
    judge: str
    plan: Plan
    judged: Judged
    usage: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The figures, for JSON."""
        one = self.judged
        comparisons = self.plan.comparisons
        return {
            "out": self.out,
            "judge": self.judge,
            "method": one.verdicts[0].method,
            "prompts": len({row.prompt_id for row in comparisons}),
            "pairs": len({(row.prompt_id, row.first, row.second) for row in comparisons}),
            "principles": len({row.principle.name for row in comparisons}),
            "questions": one.questions,
            "comparisons": one.comparisons,
            "judgements": len(one.verdicts),
            "ties": one.ties,
            "left_out": one.left_out,
            "one_order": one.one_order,
            "answers": one.answers,
            "nonsense": one.nonsense,
            "position_bias": one.position_bias,
            **({"usage": self.usage} if self.usage else {}),
        }


def read_job(out: str) -> tuple[JudgeJob, JudgeConfig, EndpointSettings]:
    """The settings of a run that was stopped.

    Raises
    ------
    ValueError
        If there is none.
    """
    job, config, endpoint = read_settings(
        out, job=JudgeJob, config=JudgeConfig, endpoint=EndpointSettings
    )
    return job, config, endpoint


def needs_torch(job: JudgeJob) -> bool:
    """Whether a judge is a language model on this machine."""
    constitution = read_constitution(job.constitution)
    return any(is_local(one.judge or job.judge) for one in constitution.judges)


def run_judge(
    job: JudgeJob,
    config: JudgeConfig,
    out: str,
    endpoint: EndpointSettings | None = None,
    *,
    resume: bool = False,
    announce: Callable[[str], None] | None = None,
) -> JudgeRun:
    """Judge responses by principles and write comparisons, complete or not at all.

    Answers are kept beside the file meanwhile, in ``<out>.partial``, once there is a batch of them.

    Parameters
    ----------
    endpoint
        How judges behind endpoints are asked. Their replies are kept in ``<out>.replies.sqlite``, so that a
        run that goes on does not pay twice.
    resume
        Go on with the run that was stopped; the file is then that of a run that was not.
    announce
        Is told how much there is to ask, before the judge is loaded.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, the output is there already, there is no run to go on with, or no
        answer names an option.
    JudgeFailedError
        If a judge gives an error or a wrong answer.
    """
    check_out(out, resume, "a reward model may have learned from it")
    check_paths([job.responses, job.prompts, job.examples], [out])
    constitution = read_constitution(job.constitution)
    examples = []
    if job.examples:
        examples = [JudgeExample.of(*row) for row in read_judge_examples(job.examples)]
        check_examples(examples, config.cannot_tell)
    asking = Asking(job, config, endpoint or EndpointSettings(), examples, f"{out}.replies.sqlite")
    asking.check([one.judge or job.judge for one in constitution.judges])
    plan = planned(read_prompts(job.prompts), read_responses(job.responses), constitution, config)
    if announce:
        announce(_amount(plan, config))
    with ExitStack() as stack:
        judges = _judges(plan, asking, stack)
        head = {"job": asdict(job), "config": asdict(config), "endpoint": asdict(asking.endpoint)}
        tick = stack.enter_context(stage(f"asking {len(plan.questions):,} questions"))
        log = AnswerLog(partial_file(out), head, _fingerprint(plan, judges, examples), tick, resume)
        stack.callback(log.close)
        try:
            judged = judge_plan(plan, judges, config, log, default=job.judge)
        except NonsenseError:
            partial_file(out).unlink()  # there is nothing to go on with
            raise
        except ValueError as error:
            raise JudgeFailedError(str(error), recorded=log.begun) from error
    write_jsonl(out, judged.rows)
    partial_file(out).unlink()
    usage = {
        name or job.judge: one.usage.to_dict()
        for name, one in judges.items()
        if hasattr(one, "usage")
    }
    return JudgeRun(out, job.judge, plan, judged, usage)


def _fingerprint(
    plan: Plan, judges: Mapping[str, Judge], examples: Sequence[JudgeExample]
) -> dict[str, Any]:
    """What a run that goes on must have in common with its beginning."""
    return {
        "questions": plan.fingerprint,
        "examples": zlib.crc32(json.dumps(list(map(asdict, examples)), default=dict).encode()),
        "judges": {name: getattr(one, "fingerprint", None) for name, one in judges.items()},
    }


class AnswerLog(Recorder):
    """Keeps the answers in the partial file, which is there from the first batch on."""

    def __init__(
        self, path: Any, head: dict[str, Any], fingerprint: dict[str, Any], tick: Tick, resume: bool
    ) -> None:
        self.file, self.fingerprint, self.tick = PartialFile(path, head, resume), fingerprint, tick
        self.begun = resume
        batches = self.file.begin(fingerprint, BEGAN_WITH) if resume else []
        self.answers = {tuple(key): _answer(row) for batch in batches for key, row in batch}

    def earlier(self) -> Mapping[Key, Answer]:
        """What the file held."""
        return self.answers

    def record(self, answers: Mapping[Key, Answer]) -> None:
        """Append a batch."""
        if not self.begun:
            self.file.begin(self.fingerprint, BEGAN_WITH)
            self.begun = True
        self.file.append([(key, _row(one)) for key, one in answers.items()])

    def progress(self, done: int, total: int) -> None:
        """Show the progress."""
        self.tick(done, total)

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def _row(answer: Answer) -> list[Any]:
    """An answer for JSON, which has no number for what is not one."""
    first = None if answer.first != answer.first else answer.first
    return [first, answer.cannot_tell, answer.nonsense, answer.samples]


def _answer(row: list[Any]) -> Answer:
    first, *others = row
    return Answer(float("nan") if first is None else first, *others)


def _judges(plan: Plan, asking: Asking, stack: ExitStack) -> dict[str, Judge]:
    """The judges of a plan, by the name that principles give them; one that is named twice is loaded once."""
    texts = [str(prompt) for prompt in plan.prompts.values()]
    texts += [text for of_prompt in plan.responses.values() for text in of_prompt.values()]
    loaded: dict[str, Any] = {}
    judges = {}
    for name in plan.judges:
        called = name or asking.job.judge
        if called not in loaded:
            loaded[called] = asking.load(called, texts)
            if hasattr(loaded[called], "close"):
                stack.callback(loaded[called].close)
        judges[name] = judge = loaded[called]
        if hasattr(judge, "check"):
            judge.check([one for one in plan.questions if one.principle.judge == name])
    return judges


def _amount(plan: Plan, config: JudgeConfig) -> str:
    """How much there is to ask."""
    answers = f"; {config.samples} answers to each" if config.method == "samples" else ""
    reasoning = "; reasoning before each answer" if config.chain_of_thought else ""
    return f"{plan}{answers}{reasoning}"
