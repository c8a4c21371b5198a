"""A vote among rewards as an advantage estimator of verl.

verl gives only the estimator named ``gdpo`` the scores by each reward, so this one takes that name. Set
the voters in verl's configuration, as for GDPO::

    export PYTHONPATH=examples/integrations VERL_USE_EXTERNAL_MODULES=verl_vote RLCHF_RULE=kemeny
    python -m verl.trainer.main_ppo algorithm.adv_estimator=gdpo \
        +algorithm.gdpo_reward_keys='["vowels", "brief"]' \
        +algorithm.gdpo_reward_weights='[2, 1]' \
        reward.reward_manager.name=gdpo \
        reward.custom_reward_function.path=examples/integrations/verl_vote.py \
        actor_rollout_ref.rollout.n=8 trainer.use_v1=False ...

verl imports the module in each of its processes, which registers the estimator there. Nothing of verl is
imported before that.
"""

import os
import sys
from typing import Any

import numpy as np
from torch import Tensor

from rlchf.integrations.verl import vote_advantages

NAME = "gdpo"
"""The estimator to which verl gives the scores by each reward."""


def compute_score(
    data_source: str, solution_str: str, ground_truth: Any, extra_info: Any = None, **_: Any
) -> dict[str, float]:
    """The scores of one response by each voter, for verl's custom reward function.

    ``score`` is added to the reward of the vote, after the KL penalty where verl puts that in the reward.
    """
    return {
        "score": 0.0,
        "vowels": float(sum(letter in "aeiou" for letter in solution_str)),
        "brief": -float(len(solution_str)),
    }


def vote_outcome_advantage(
    token_level_rewards: Tensor,
    response_mask: Tensor,
    index: Any,
    config: Any = None,
    non_tensor_batch: Any = None,
    batch: Any = None,
    rule: str = "kemeny",
    **_: Any,
) -> tuple[Tensor, Tensor]:
    """(B, T) advantages and returns, from the arguments that verl gives an estimator."""
    if config is None or non_tensor_batch is None or batch is None:
        raise ValueError(
            f"verl gave no scores by reward; set algorithm.adv_estimator={NAME} and trainer.use_v1=False"
        )
    voters = list(config.get("gdpo_reward_keys", None) or ())
    missing = [name for name in voters if name not in non_tensor_batch]
    if not voters or missing:
        raise ValueError(
            f"voters {missing or voters} are not among the scores that compute_score returned; set "
            "algorithm.gdpo_reward_keys to those"
        )
    weights = config.get("gdpo_reward_weights", None)
    rows = zip(batch["responses"].tolist(), response_mask.bool().tolist(), strict=True)
    advantages = vote_advantages(
        {name: non_tensor_batch[name] for name in voters},
        list(index),
        [tuple(np.asarray(ids)[mask].tolist()) for ids, mask in rows],
        rule,
        list(weights) if weights else None,
        bonuses=token_level_rewards.sum(-1).cpu(),
    )
    spread = advantages.to(token_level_rewards)[:, None] * response_mask
    return spread, spread


def register(rule: str = "kemeny") -> None:
    """Make the vote verl's estimator of that name, in place of GDPO."""
    from verl.trainer.ppo import core_algos

    def estimator(**arguments: Any) -> tuple[Tensor, Tensor]:  # verl gives them all by name
        return vote_outcome_advantage(**arguments, rule=rule)

    core_algos.ADV_ESTIMATOR_REGISTRY.pop(NAME, None)
    core_algos.register_adv_est(NAME)(estimator)


if "verl" in sys.modules:
    register(os.environ.get("RLCHF_RULE", "kemeny"))
