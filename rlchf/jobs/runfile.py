"""The run file: which data, rule, models and settings a run uses."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from rlchf.options import checked
from rlchf.rankings import Unranked
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.reward.config import RewardConfig


@dataclass(frozen=True)
class Data:
    """The files; relative paths start at the run file's folder, or at the one given as ``--data``."""

    rankings: str
    """Everybody's ballots, in any format that `rlchf.read_rankings` reads."""
    prompts: str
    """jsonl with ``prompt_id`` and ``prompt``."""
    responses: str
    """jsonl with ``prompt_id``, ``response_id`` and ``text``."""
    annotators: str = ""
    """csv with ``annotator_id`` and further columns, one of which may be ``group``; optional."""
    policy_prompts: str = ""
    """jsonl with the prompts that the policy answers; by default those of ``prompts``."""
    format: str = "auto"
    """Format of the rankings file."""
    unranked: Unranked = "missing"
    """What a response means that a ballot does not name: ``missing`` or ``last``."""


@dataclass(frozen=True)
class Model:
    """The language model that is fine-tuned; the reward model starts from it too."""

    name: str
    """A folder with a Hugging Face model, ``smollm2``, or ``tiny``: a small Llama made for the run."""
    epochs: int = 10
    """Passes of supervised learning over all responses, for ``tiny`` only."""
    learning_rate: float = 3e-3
    """Learning rate of the supervised learning."""
    batch_size: int = 16
    """Responses per step of the supervised learning."""


@dataclass(frozen=True)
class Trait:
    """What the report follows from the ballots to the policy's texts."""

    name: str = ""
    """What the report calls it, such as ``emoji``; empty follows nothing."""
    test: str = ""
    """The function that tells it of a text, as ``module:function``."""
    texts: int = 200
    """How many texts to sample from the policy before and after PPO."""

    def __post_init__(self) -> None:
        if self.texts < 1:
            raise ValueError(f"texts is {self.texts}; it must be 1 or more")


@dataclass(frozen=True)
class Run:
    """A whole run; `read` takes it from a TOML file."""

    data: Data
    model: Model
    rule: dict[str, Any] = field(default_factory=lambda: {"name": "kemeny"})
    """The rule's ``name`` and its options."""
    reward: RewardConfig = field(default_factory=RewardConfig)
    ppo: PPOConfig | None = None
    """Left out, the run ends with the reward model."""
    trait: Trait = field(default_factory=Trait)
    seed: int = 0
    """Seed of everything that is random, unless a section has its own."""

    def __post_init__(self) -> None:
        if not isinstance(self.rule.get("name"), str):
            raise ValueError("[rule] lacks the key 'name', the name of a voting rule")

    def to_dict(self) -> dict[str, Any]:
        """Every setting, defaults included, as it goes into ``config.toml``."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def read(path: str | Path, data_folder: str | Path | None = None) -> Run:
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
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give a run file, or go on with --resume {path}")
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"no run file {path}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a TOML file: {error}") from None
    seed = raw.get("seed", 0)
    for section in ("reward", "ppo"):
        if isinstance(raw.get(section), dict):
            raw[section].setdefault("seed", seed)
    if "reward" not in raw:
        raw["reward"] = {"seed": seed}
    run: Run = _build(Run, raw, f"{path}: ", "")
    base = Path(data_folder) if data_folder is not None else path.parent
    located: dict[str, Any] = {
        name: str((base / value).resolve())
        for name, value in asdict(run.data).items()
        if value and name not in ("format", "unranked")
    }
    model = run.model
    if (path.parent / model.name).is_dir():
        model = replace(model, name=str((path.parent / model.name).resolve()))
    return replace(run, data=replace(run.data, **located), model=model)


def _build(kind: Any, raw: Any, where: str, key: str) -> Any:
    """Make a dataclass from a table, refusing what it does not know."""
    if not isinstance(raw, Mapping):
        raise ValueError(f"{where}{key} is {raw!r}; it must be a table, [{key}]")
    hints = get_type_hints(kind)
    known = [f.name for f in fields(kind)]
    section = f"[{key}] " if key else ""
    for name in raw:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=2)
            hint = (
                f"did you mean {' or '.join(close)}?"
                if close
                else f"choose from {', '.join(known)}"
            )
            raise ValueError(f"{where}{section}has no key {name!r}; {hint}")
    values = {name: _value(hints[name], value, where, section, name) for name, value in raw.items()}
    for f in fields(kind):
        if f.name not in values and f.default is MISSING and f.default_factory is MISSING:
            raise ValueError(f"{where}{section}lacks the key {f.name!r}")
    try:
        return kind(**values)
    except ValueError as error:
        raise ValueError(f"{where}{section}{error}") from None


def _value(hint: Any, value: Any, where: str, section: str, name: str) -> Any:
    table = next((t for t in (hint, *get_args(hint)) if is_dataclass(t)), None)
    if table is not None:
        return _build(table, value, where, name)
    return checked(hint, value, f"{where}{section}{name}")
