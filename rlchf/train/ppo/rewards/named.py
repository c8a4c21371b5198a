"""Rewards by name: the folder of a reward model, or a function of a module."""

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlchf.options import function_named, naming_errors

if TYPE_CHECKING:
    from rlchf.train.ppo.shaping import Reward


def reward_named(name: str, device: Any = None) -> "Reward":
    """The reward model in a folder, or the function ``(prompts, responses) -> scores`` ``module:function``.

    Raises
    ------
    ValueError
        If the name is neither, or the folder holds no reward model that scores a text as it is.
    """
    folder = Path(name)
    if folder.is_dir():
        from rlchf.train.reward.model import RewardModel

        if (folder / "conditioning.json").exists():
            raise ValueError(
                f"the reward model in {name!r} is conditioned on annotator features (--feature), and it is "
                "given none here; fit one without"
            )
        return RewardModel.load(name, device)
    if ":" not in name:
        raise ValueError(
            f"reward {name!r} is no folder; give a reward model's folder, or a function as module:function"
        )
    function = function_named(name, "reward")
    return naming_errors(function, f"reward {name!r}") if inspect.isroutine(function) else function
