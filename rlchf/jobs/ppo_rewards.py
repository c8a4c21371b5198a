"""Rewards by name, and how several become one; torch is imported when they are loaded."""

import inspect
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from rlchf.options import checked, function_named, meant

if TYPE_CHECKING:
    from rlchf.prompts import Prompt
    from rlchf.train.ppo.shaping import Reward

Combine = Literal[
    "sum", "vote", "max_min", "self_play", "win_share", "population_proportional"
]  # fmt: skip
COMPARING = ("vote", "self_play", "win_share", "population_proportional")
"""Those that compare the responses to one prompt."""
OPTIONS: dict[str, tuple[str, ...]] = {
    "max_min": ("step",),
    "win_share": ("floor",),
    "population_proportional": ("sharpness", "floor"),
}


@dataclass(frozen=True)
class Rewards:
    """What a policy is paid by.

    Attributes
    ----------
    names
        Folders of reward models, or functions ``(prompts, responses) -> scores`` as ``module:function``.
    combine
        How they become one reward: ``sum``, ``vote``, ``max_min`` over groups, or an objective in
        which each of them is a voter. None takes the only one as it is.
    weights
        Of the rewards in a sum, or of the voters; 1 each if there are none.
    rule
        Of a vote.
    options
        Of the rule, or of the objective.
    """

    names: tuple[str, ...]
    combine: Combine | None = None
    weights: tuple[float, ...] = ()
    rule: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def check(self, responses_per_prompt: int) -> None:
        """Refuse, before any model is read, what cannot work."""
        n = len(self.names)
        for name in self.names:
            if self.names.count(name) > 1:
                raise ValueError(f"reward {name!r} is given twice; give it once")
            if self.combine is None and n > 1:
                ways = ", ".join(get_args(Combine))
                raise ValueError(
                    f"there are {n} rewards; say by --combine how they become one: {ways}"
                )
            _check_reward(name)
        self._check_weights()
        if (self.combine == "vote") != bool(self.rule):
            raise ValueError(
                "--combine vote needs --rule, the voting rule; see rlchf rules"
                if self.combine == "vote"
                else f"--rule {self.rule} is the rule of a vote; add --combine vote"
            )
        self._check_options()
        if self.combine in COMPARING and responses_per_prompt < 2:
            raise ValueError(
                f"--combine {self.combine} compares the responses to one prompt; set "
                "--responses-per-prompt to 2 or more, better 4 to 8"
            )

    def _check_weights(self) -> None:
        if not self.weights:
            return
        if self.combine in (None, "max_min"):
            raise ValueError(
                "--weights are of a sum or a vote; "
                + ("leave them out" if self.combine else "say which by --combine")
                + (", max_min finds its own" if self.combine else "")
            )
        if len(self.weights) != len(self.names):
            raise ValueError(
                f"there are {len(self.weights)} weights for {len(self.names)} rewards; "
                "give one for each"
            )
        if self.combine != "sum" and min(self.weights) <= 0:
            raise ValueError(f"a voter's weight is {min(self.weights):g}; it must be above 0")

    def _check_options(self) -> None:
        if self.combine == "vote":
            from rlchf.aggregation import check_options

            own = {name: value for name, value in self.options.items() if name != "ties"}
            check_options(self.rule, own, self.options.get("ties"))
            return
        known = OPTIONS.get(self.combine or "", ())
        for name, value in self.options.items():
            if name not in known:
                what = f"--combine {self.combine}" if self.combine else "a reward as it is"
                hint = meant(name, known) or f"it has {', '.join(known) or 'none'}"
                raise ValueError(f"{what} has no option {name!r}; {hint}")
            checked(float, value, f"option {name}")

    def load(self, device: Any = None) -> "dict[str, Reward]":
        """Each reward by its name; reward models go to the device."""
        return {name: _load_reward(name, device) for name in self.names}

    def made_one(self, loaded: "Mapping[str, Reward]") -> "Reward":
        """The one reward that is made of those that `load` returned."""
        from rlchf.train.ppo import rewards

        each, options = list(loaded.values()), dict(self.options)
        if self.combine is None:
            return each[0]
        if self.combine == "sum":
            return rewards.WeightedSum(each, self.weights or [1.0] * len(each))
        if self.combine == "max_min":
            return rewards.MaxMin(loaded, **options)
        if self.combine == "vote":
            return rewards.Vote(each, self.rule, self.weights or None, **options)
        voters = rewards.Electorate(each, self.weights or None)
        if self.combine == "self_play":
            return rewards.SelfPlay(voters)
        if self.combine == "win_share":
            return rewards.WinShare(voters, **options)
        return rewards.PopulationProportional(voters, **options)


def _check_reward(name: str) -> None:
    """Refuse a name that is neither a reward model's folder nor a function."""
    if not Path(name).is_dir():
        if ":" not in name:
            raise ValueError(
                f"reward {name!r} is no folder; give a reward model's folder, or a function as "
                "module:function"
            )
        function_named(name, "reward")
        return
    check_model(name, "reward")


def check_model(name: str, what: str) -> None:
    """Refuse a folder that holds no reward model, or one that is conditioned on annotator features."""
    folder = Path(name)
    if not folder.is_dir():
        raise ValueError(f"{what} {name!r} is no folder; give a reward model's folder")
    if not (folder / "config.json").exists():
        raise ValueError(f"{what} folder {name!r} has no config.json, so it is no reward model")
    if (folder / "conditioning.json").exists():
        raise ValueError(
            f"the reward model in {name!r} is conditioned on annotator features (--feature), and PPO "
            "gives it none; fit one without"
        )


def _load_reward(name: str, device: Any) -> "Reward":
    if not Path(name).is_dir():
        function = function_named(name, "reward")
        return _explained(name, function) if inspect.isroutine(function) else function
    from rlchf.train.reward.model import RewardModel

    return RewardModel.load(name, device)


def _explained(name: str, function: "Reward") -> "Reward":
    """The function, whose own errors say whose they are and where they came up."""

    def explained(prompts: "list[Prompt]", responses: list[str]) -> Any:
        try:
            return function(prompts, responses)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            raise ValueError(
                f"reward {name!r} raised {type(error).__name__}: {error} "
                f"({where.filename}, line {where.lineno})"
            ) from error

    return explained
