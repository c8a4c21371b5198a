"""Rewards by name, and how several are combined into one; torch is imported when they are checked."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlchf.options import checked, function_named, label_test, meant, naming_errors
from rlchf.train.lora import ADAPTER
from rlchf.train.ppo.rewards import COMBINE, Combine, combination_named

if TYPE_CHECKING:
    from rlchf.train.ppo.rewards import Combination
    from rlchf.train.ppo.shaping import Reward

REWARD_OF = "reward of "
"""What the figures of one of several rewards are called, before its name."""


@dataclass(frozen=True)
class Rewards:
    """The reward of a policy: one reward model or function, or several combined.

    Attributes
    ----------
    names
        Folders of reward models, or functions ``(prompts, responses) -> scores`` as ``module:function``.
    combine
        The way in which several become one, a name in `rlchf.train.ppo.rewards.COMBINE`. None takes
        the only one as it is.
    weights
        Weights of the rewards in a sum, or of the voters; 1 each if there are none.
    rule
        Voting rule of a vote.
    options
        Options of the rule, or of the combination.
    targets, target_texts
        The shares of the kinds of text: given, of an annotators file, or of collective rankings.
    labels
        What tells the kinds of text apart: functions as ``module:function``, by name.
    """

    names: tuple[str, ...]
    combine: Combine | None = None
    weights: tuple[float, ...] = ()
    rule: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    targets: str = ""
    target_texts: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def check(self, responses_per_prompt: int) -> None:
        """Refuse, before any model is read, what cannot work."""
        for name in self.names:
            if self.names.count(name) > 1:
                raise ValueError(f"reward {name!r} is given twice; give it once")
        if self.combine is None and len(self.names) > 1:
            raise ValueError(
                f"there are {len(self.names)} rewards; choose by --combine how they become one: "
                f"{', '.join(COMBINE)}"
            )
        for name in self.names:
            _check_reward(name)
        kind = combination_named(self.combine) if self.combine else None
        self._check_weights(kind)
        if (self.combine == "vote") != bool(self.rule):
            raise ValueError(
                "--combine vote needs --rule, the voting rule; see rlchf rules"
                if self.combine == "vote"
                else f"--rule {self.rule} is the rule of a vote; add --combine vote"
            )
        self._check_options(kind)
        self._check_targets()
        if kind is not None and kind.compares and responses_per_prompt < 2:
            raise ValueError(
                f"--combine {self.combine} compares the responses to one prompt; set "
                "--responses-per-prompt to 2 or more, better 4 to 8"
            )

    def _check_weights(self, kind: "type[Combination] | None") -> None:
        if not self.weights:
            return
        if kind is None:
            raise ValueError(
                "--weights are for several rewards combined into one; choose how by --combine"
            )
        if kind.weighting == "none":
            raise ValueError(f"--combine {self.combine} takes no weights; leave --weights out")
        if len(self.weights) != len(self.names):
            raise ValueError(
                f"there are {len(self.weights)} weights for {len(self.names)} rewards; "
                "give one for each"
            )
        if kind.weighting == "positive" and min(self.weights) <= 0:
            raise ValueError(f"a voter's weight is {min(self.weights):g}; it must be above 0")

    def _check_targets(self) -> None:
        """Refuse targets that are wrong or have no use, by building the combination without its rewards."""
        if self.combine == "share_targets":
            self.combined(dict.fromkeys(self.names, _no_reward))
        elif self.targets or self.target_texts:
            given = "--targets" if self.targets else "--target-texts"
            raise ValueError(f"{given} is for --combine share_targets; add that, or leave it out")

    def _check_options(self, kind: "type[Combination] | None") -> None:
        if self.combine == "vote":
            from rlchf.aggregation import check_options

            rule_options = {name: value for name, value in self.options.items() if name != "ties"}
            check_options(self.rule, rule_options, self.options.get("ties"))
            return
        types = kind.option_types() if kind is not None else {}
        for name, value in self.options.items():
            if name not in types:
                what = f"--combine {self.combine}" if kind else "a reward as it is"
                hint = meant(name, types) or f"it has {', '.join(types) or 'none'}"
                raise ValueError(f"{what} has no option {name!r}; {hint}")
            checked(types[name], value, f"option {name}")

    def _kinds(self) -> dict[str, Any]:
        """The targets, and the functions of the labels that have one."""
        labels = {name: label_test(one, f"label {name}") for name, one in self.labels.items()}
        if not self.targets:
            if labels:
                raise ValueError(
                    "--combine share_targets with --label needs --targets, the shares, such as "
                    f"{next(iter(labels))}=0.4"
                )
            return {}
        from rlchf.jobs.share_targets import (
            read_targets,
        )  # readers of tables, which --help needs not

        targets = read_targets(self.targets, labels, self.target_texts)
        return {"targets": targets, "labels": labels or None}

    def load(self, **reading: Any) -> "dict[str, Reward]":
        """Each reward by its name; reward models as `RewardModel.load` loads them with these arguments."""
        return {name: _load_reward(name, reading) for name in self.names}

    def combined(self, rewards: "Mapping[str, Reward]") -> "Reward":
        """The rewards that `load` returned, combined into one."""
        if self.combine is None:
            return next(iter(rewards.values()))
        options = dict(self.options) | ({"rule": self.rule} if self.rule else {})
        if self.combine == "share_targets":
            options |= self._kinds()
        return combination_named(self.combine).combine(rewards, self.weights or None, **options)


def _no_reward(prompts: list[Any], responses: list[str]) -> list[float]:
    """Stands for a reward that has not been loaded yet."""
    return [0.0] * len(responses)


def _check_reward(name: str) -> None:
    """Refuse a name that is neither a reward model's folder nor a function."""
    if Path(name).is_dir():
        check_model(name, "reward")
    elif ":" in name:
        function_named(name, "reward")
    else:
        raise ValueError(
            f"reward {name!r} is no folder; give a reward model's folder, or a function as module:function"
        )


def check_model(name: str, what: str) -> None:
    """Refuse a folder that holds no reward model, or one that is conditioned on annotator features."""
    folder = Path(name)
    if not folder.is_dir():
        raise ValueError(f"{what} {name!r} is no folder; give a reward model's folder")
    if not any((folder / file).exists() for file in ("config.json", ADAPTER)):
        raise ValueError(f"{what} folder {name!r} has no config.json, so it is no reward model")
    if (folder / "conditioning.json").exists():
        raise ValueError(
            f"the reward model in {name!r} is conditioned on annotator features (--feature), and PPO "
            "gives it none; fit one without"
        )


def _load_reward(name: str, reading: Mapping[str, Any]) -> "Reward":
    if not Path(name).is_dir():
        function = function_named(name, "reward")
        return (
            naming_errors(function, f"reward {name!r}") if inspect.isroutine(function) else function
        )
    from rlchf.train.reward.model import RewardModel

    return RewardModel.load(name, **reading)
