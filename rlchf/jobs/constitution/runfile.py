"""The run file of Constitutional AI: principles in place of people. Reading it needs no torch."""

from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from rlchf.constitution.judge_config import JudgeConfig
from rlchf.io.constitutions import read_constitution, shipped
from rlchf.io.files import real_path
from rlchf.jobs.constitution.supervised_settings import NONE, SHIPPED
from rlchf.jobs.inputs import read_toml
from rlchf.jobs.runfile import Data, KeptShares, Label, Model, Run, found_model, tables_of
from rlchf.jobs.settings import TINY
from rlchf.settings import Settings, built, setting
from rlchf.train.candidates.config import CandidateConfig
from rlchf.train.constitution.revise_config import ReviseConfig
from rlchf.train.constitution.sft_config import SftConfig
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.reward.config import RewardConfig

COMPARE_BY = ("harmless", "helpful_without_evasion")
"""Principles by which stages are compared where a constitution has them."""


@dataclass(frozen=True, kw_only=True)
class ConstitutionData(Settings):
    """The principles, the judge and the prompts; relative paths start at the run file's folder."""

    file: str = setting(
        "default", "Constitution: a TOML file, or default or bai2022, which come with rlchf."
    )
    prompts: str = setting(
        MISSING, "jsonl with prompt_id and prompt: those whose responses are revised and judged."
    )
    helpful_prompts: str = setting(
        "",
        "jsonl with further prompts, which ask for nothing but help; their responses are judged, too.",
    )
    responses: str = setting(
        "", "jsonl with responses to judge, in place of those that the policy samples."
    )
    judge: str = setting(
        "",
        "Judge: a folder, owner/model on the Hub or module:function; empty for the model of the run.",
    )
    human: str = setting(
        "", "Folder of rankings by people, with prompts and responses, that are mixed in."
    )
    ratio: str = setting("1:1", "Ratio of comparisons by principles to those by people.")
    compare_by: tuple[str, ...] | None = setting(
        None,
        "Principles by which the judge compares the texts of every stage with the first responses; by "
        "default harmless and helpful_without_evasion, or the first two with a question; an empty list for "
        "none.",
    )


@dataclass(frozen=True)
class Revise(ReviseConfig):
    """How responses are revised, and the worked examples that are shown for it."""

    examples: str = setting(
        SHIPPED,
        "TOML file of worked critiques and revisions; default for those that come with rlchf, none for none.",
    )

    @property
    def config(self) -> ReviseConfig:
        """The same without the examples."""
        names = [one.name for one in fields(ReviseConfig)]
        return ReviseConfig(**{name: getattr(self, name) for name in names})


@dataclass(frozen=True)
class ConstitutionRun:
    """A whole run of Constitutional AI; `read_constitution_run` takes it from a TOML file."""

    constitution: ConstitutionData
    model: Model
    revise: Revise | None = None
    """Left out, the run has no supervised stage, and ``sft`` is not used."""
    sft: SftConfig = field(default_factory=SftConfig)
    sample: CandidateConfig = field(default_factory=CandidateConfig)
    judge: JudgeConfig = field(default_factory=JudgeConfig)
    rule: dict[str, Any] = field(default_factory=lambda: {"name": "kemeny"})
    reward: RewardConfig = field(default_factory=RewardConfig)
    ppo: PPOConfig | None = None
    label: Label = field(default_factory=Label)
    share_targets: KeptShares | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for wrong, problem in self._contradictions():
            if wrong:
                raise ValueError(problem)

    def _contradictions(self) -> Iterable[tuple[bool, str]]:
        data = self.constitution
        yield (
            self.model.name == TINY and not data.responses,
            "[model] name is 'tiny', which learns from responses; give [constitution] responses",
        )
        yield (
            self.model.name == TINY and not data.judge,
            "[model] name is 'tiny', which cannot judge; give [constitution] judge",
        )

    def to_dict(self) -> dict[str, Any]:
        """Every setting, defaults included, as it goes into ``config.toml``."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def inner(self, data: Data, policy: str) -> Run:
        """The part of the run that is that of any rankings, on these data and from this policy."""
        return Run(
            data, replace(self.model, name=policy), self.rule, self.reward, self.ppo, self.label,
            self.share_targets, self.seed,
        )  # fmt: skip


def is_constitution_run(path: str | Path) -> bool:
    """Whether a run file, or the one in a run folder, has a section ``[constitution]``."""
    path = Path(path) / "config.toml" if Path(path).is_dir() else Path(path)
    return path.is_file() and "constitution" in read_toml(path)


SECTIONS: dict[str, type] = {
    "constitution": ConstitutionData, "model": Model, "revise": Revise, "sft": SftConfig,
    "sample": CandidateConfig, "judge": JudgeConfig, "reward": RewardConfig, "ppo": PPOConfig,
    "label": Label, "share_targets": KeptShares,
}  # fmt: skip
FILES = ("prompts", "helpful_prompts", "responses", "human")
"""The keys of ``[constitution]`` that are paths, besides ``file``, which may be a name."""


def read_constitution_run(path: str | Path, data_folder: str | Path = "") -> ConstitutionRun:
    """Read and check a run file with a section ``[constitution]``.

    Parameters
    ----------
    data_folder
        Where the paths under ``[constitution]`` start, instead of the run file's own folder.

    Raises
    ------
    ValueError, FileNotFoundError
        If the file is not TOML, a key is unknown or missing, a value has the wrong type, the constitution is
        wrong, or it lacks a principle that is named.
    """
    path = Path(path)
    run = built(ConstitutionRun, tables_of(path, SECTIONS), f"{path}: ")
    folder, data = Path(data_folder or path.parent), run.constitution
    names = [name for name in FILES if getattr(data, name)]
    if data.file not in shipped():
        names.append("file")
    if data.judge and (folder / data.judge).is_dir():
        names.append("judge")
    paths: dict[str, Any] = {name: str(real_path(folder / getattr(data, name))) for name in names}
    data = replace(data, **paths)
    known = [one.name for one in read_constitution(data.file).judges]
    usual = tuple(name for name in COMPARE_BY if name in known) or tuple(known[:2])
    compare_by = usual if data.compare_by is None else data.compare_by
    unknown = [name for name in compare_by if name not in known]
    if unknown:
        raise ValueError(
            f"{path}: [constitution] compare_by names {unknown[0]!r}; choose from {', '.join(known)}"
        )
    revise = run.revise
    if revise and revise.examples not in (SHIPPED, NONE):
        revise = replace(revise, examples=str(real_path(folder / revise.examples)))
    data = replace(data, compare_by=compare_by)
    return replace(run, constitution=data, revise=revise, model=found_model(run.model, path))
