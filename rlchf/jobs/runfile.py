"""The run file: which data, rule, models and settings a run uses. Reading it needs no torch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from rlchf.io.files import real_path
from rlchf.jobs.inputs import read_toml
from rlchf.jobs.settings import TINY, RewardData, RewardJob
from rlchf.options import checked
from rlchf.settings import LARGEST_SEED, Range, Settings, built, setting
from rlchf.train.models.loading import LOADING, Loading, RewardReading, check_four_bits
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.reward.config import RewardConfig


@dataclass(frozen=True, kw_only=True)
class Data(RewardData):
    """The files; relative paths start at the run file's folder, or at the one given as ``--data``."""

    policy_prompts: str = setting(
        "", "jsonl with the prompts that the policy answers; by default those of ``prompts``."
    )
    policy_held_out: str = setting(
        "",
        "jsonl with further prompts on which PPO evaluates the policy every evaluate_every updates.",
    )


@dataclass(frozen=True)
class Model(RewardReading, Loading):
    """The language model that is fine-tuned, how it is loaded, and how the reward model is read in PPO.

    The reward model starts from the same model, and is loaded in the same way to be trained.
    """

    name: str = setting(
        MISSING,
        "A folder, smollm2, owner/model on the Hub, or tiny: a small Llama made for the run.",
    )
    epochs: int = setting(
        10, "Passes of supervised learning over all responses, for tiny only.", at_least=0
    )
    learning_rate: float = setting(
        3e-3, "Learning rate of the supervised learning.", above=0, at_most=1000
    )
    batch_size: int = setting(16, "Responses per step of the supervised learning.", at_least=1)

    @property
    def how(self) -> dict[str, Any]:
        """The settings of loading the policy and of reading the reward model, by name."""
        names = [one.name for kind in (Loading, RewardReading) for one in fields(kind)]
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Label(Settings):
    """A label of texts, whose share the report follows from the ballots to the policy's texts."""

    name: str = setting("", "Name of the label, such as emoji; empty for none.")
    test: str = setting(
        "", "Function of a text that says whether it has the label, module:function."
    )
    texts: int = setting(
        200,
        "Number of texts sampled from the policy before and after PPO, rounded up so that each prompt has "
        "equally many.",
        at_least=1,
    )


@dataclass(frozen=True)
class KeptShares(Settings):
    """Shares of kinds of text that PPO keeps, by share targets."""

    targets: str = setting(
        MISSING,
        "Shares of the labels: emoji=0.4,terse=0.2; annotators, the weight of those whose ballots prefer "
        "each; annotators:COLUMN, the weight by a column whose values are the labels' names; or rule, the "
        "first places in the collective rankings.",
    )
    labels: dict[str, str] = setting(
        {}, "Further labels, besides the one of [label]: functions as module:function, by name."
    )
    option: dict[str, Any] = setting({}, "Options of share targets by name, such as samples.")
    compare: str = setting(
        "",
        "Rule whose labels another policy learns from, under the KL penalty alone, for comparison; empty "
        "for none.",
    )

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        """Pairs of whether something is wrong with the settings together, and what would work."""
        for name in self.labels:
            yield (
                bool(set(",=") & set(name)),
                f"label {name!r} has a comma or =; choose another name",
            )


@dataclass(frozen=True)
class Run:
    """A whole run; `read` takes it from a TOML file."""

    data: Data
    model: Model
    rule: dict[str, Any] = field(default_factory=lambda: {"name": "kemeny"})
    """The rule's ``name`` and its options; among them ``ties``, ``seed`` and ``threads``."""
    reward: RewardConfig = field(default_factory=RewardConfig)
    ppo: PPOConfig | None = None
    """Left out, the run ends with the reward model."""
    label: Label = field(default_factory=Label)
    share_targets: KeptShares | None = None
    """Left out, PPO keeps no shares."""
    seed: int = 0
    """Seed of everything that is random, unless a section has its own."""

    def __post_init__(self) -> None:
        made = self.model.name == TINY
        check_four_bits(self.model, self.reward.lora_rank, made=made, of="[reward] ")
        if self.ppo is not None:
            check_four_bits(self.model, self.ppo.lora_rank, of="[ppo] ")
        if not isinstance(self.rule.get("name"), str):
            raise ValueError("[rule] lacks the key 'name', the name of a voting rule")
        if self.data.feature and self.ppo is not None:
            raise ValueError(
                "[data] feature makes a reward model that depends on the annotator, and PPO has none; "
                "leave [ppo] out, or feature"
            )
        self._check_shares()

    def _check_shares(self) -> None:
        """Refuse share targets without labels, without PPO, or with a label that is named twice."""
        kept, name = self.share_targets, self.label.name
        if kept is None:
            return
        if self.ppo is None:
            raise ValueError(
                "[share_targets] is for the policy, and there is no [ppo]; add that section"
            )
        if not self.labels:
            raise ValueError(
                "[share_targets] needs labels, which tell kinds of text apart; add [label] with name and test"
            )
        if name in kept.labels or set(",=") & set(name):
            found = "is in [label] too" if name in kept.labels else "has a comma or ="
            raise ValueError(f"[share_targets] label {name!r} {found}; choose another name")

    @property
    def labels(self) -> dict[str, str]:
        """The functions of all labels as ``module:function``, by name, that of ``[label]`` first."""
        more = self.share_targets.labels if self.share_targets else {}
        return ({self.label.name: self.label.test} if self.label.name else {}) | more

    def to_dict(self) -> dict[str, Any]:
        """Every setting, defaults included, as it goes into ``config.toml``."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def reward_job(self, model: str) -> RewardJob:
        """What the reward model is trained on, starting from ``model``."""
        data = {one.name: getattr(self.data, one.name) for one in fields(RewardData)}
        given = {"seed": self.seed} | self.rule
        common = {name: given.pop(name) for name in ("ties", "seed", "threads") if name in given}
        rule = given.pop("name")
        how = {name: getattr(self.model, name) for name in LOADING}
        return RewardJob(**data, rule=rule, option=given, model=model, **common, **how)


SECTIONS: dict[str, type] = {
    "data": Data, "model": Model, "reward": RewardConfig, "ppo": PPOConfig, "label": Label,
    "share_targets": KeptShares,
}  # fmt: skip
SEED = Range(at_least=0, at_most=LARGEST_SEED)
OPTIONAL = ("ppo", "revise", "share_targets")
"""Sections whose stage is left out where they are."""
FILES = (
    "prompts", "responses", "annotators", "candidates", "policy_prompts", "policy_held_out",
)  # fmt: skip
"""The keys of ``[data]`` that are paths, besides ``rankings``, which may be several."""


def read(path: str | Path, data_folder: str | Path = "") -> Run:
    """Read and check a run file.

    Parameters
    ----------
    path
        A TOML file.
    data_folder
        Where the paths under ``[data]`` start, instead of the run file's own folder.

    Raises
    ------
    ValueError
        If the file is not TOML, a key is unknown or missing, or a value has the wrong type; the
        message names the key and those that are close.
    """
    path = Path(path)
    run = built(Run, tables_of(path, SECTIONS), f"{path}: ")
    folder, data = Path(data_folder or path.parent), run.data
    paths: dict[str, Any] = {name: getattr(data, name) for name in FILES if getattr(data, name)}
    paths = {name: str(real_path(folder / file)) for name, file in paths.items()}
    paths["rankings"] = tuple(str(real_path(folder / file)) for file in data.rankings)
    return replace(run, data=replace(data, **paths), model=found_model(run.model, path))


def settings_of_stages(
    settings: Mapping[str, Any], without: tuple[str, Sequence[str]], folder: Path
) -> dict[str, Any]:
    """The settings that a run keeps when it goes on; PPO checks its own.

    Parameters
    ----------
    without
        A section, and the names of settings in it that may change, such as paths.
    folder
        The run folder, which may be moved.
    """
    kept = {name: value for name, value in settings.items() if name != "ppo"}
    section, names = without
    kept[section] = {name: value for name, value in kept[section].items() if name not in names}
    name = kept["model"]["name"]
    if Path(name).is_relative_to(folder):
        name = str(Path(name).relative_to(folder))
    return kept | {"model": kept["model"] | {"name": name}}


def tables_of(path: Path, sections: Mapping[str, type]) -> dict[str, Any]:
    """A run file with each of its sections as settings; trainings and draws have the file's seed."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give a run file, or go on with --resume {path}")
    raw = read_toml(path)
    for name in (*sections, "rule"):
        if not isinstance(raw.get(name, {}), Mapping):
            raise ValueError(f"{path}: {name} is {raw[name]!r}; it must be a table, [{name}]")
    seed = {"seed": checked(int, raw.get("seed", 0), f"{path}: seed")}
    if problem := SEED.problem(seed["seed"]):
        raise ValueError(f"{path}: seed is {seed['seed']}; {problem}")
    for name, kind in sections.items():
        if name in raw or (name not in OPTIONAL and kind not in (Data, Model, Label)):
            seeded = "seed" in {one.name for one in fields(kind)}
            given = (seed if seeded else {}) | raw.get(name, {})
            raw[name] = built(kind, given, f"{path}: [{name}] ")
    return raw


def found_model(model: Model, path: Path) -> Model:
    """A model whose name is that of a folder beside the run file is that folder."""
    if model.name != TINY and (path.parent / model.name).is_dir():
        return replace(model, name=str(real_path(path.parent / model.name)))
    return model
