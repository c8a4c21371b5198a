"""Settings of TRL's trainers under which shares are kept, and those under which they are lost."""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from rlchf.train.ppo.rewards import COMBINE, combination_named


def settings_of_trainer(
    combine: str | None, config: Any, options: Mapping[str, Any]
) -> dict[str, Any]:
    """The options of a combination with those that the trainer's settings give.

    Parameters
    ----------
    combine
        The name of the combination; None for a reward as it is.
    config
        A ``GRPOConfig`` or an ``RLOOConfig``, of which only attributes are read.
    options
        The options that were given.

    Raises
    ------
    ValueError
        If share targets have no KL penalty, or another beta than the trainer.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> config = SimpleNamespace(beta=0.2, num_generations=8, scale_rewards="none")
    >>> settings_of_trainer("share_targets", config, {"step": 0.1})
    {'step': 0.1, 'beta': 0.2}
    """
    kind = combination_named(combine) if combine in COMBINE else None
    if kind is None or not (kind.follows_kl or kind.keeps_shares or kind.normalises):
        return dict(options)
    divides = next(_divides(config), "")
    if kind.normalises and divides:
        warnings.warn(
            f"{combine} normalises the rewards of a prompt's completions, and {divides} divides their sum by "
            "its standard deviation once more; set it to 'none' or False",
            stacklevel=3,
        )
    if not (kind.follows_kl or kind.keeps_shares):
        return dict(options)
    if divides:
        outcome = (
            "its shares are then kept by the corrections alone, further from the reference"
            if kind.follows_kl
            else "no share is then kept"
        )
        warnings.warn(
            f"{combine} keeps shares by the size of its scores, and {divides} divides them by their standard "
            f"deviation: {outcome}; set it to 'none' or False",
            stacklevel=3,
        )
    return dict(options) | (_beta(combine, config, options) if kind.follows_kl else {})


def _divides(config: Any) -> Iterator[str]:
    """The settings that divide the rewards by a standard deviation."""
    if getattr(config, "scale_rewards", "none") not in ("none", False):
        yield f"scale_rewards {config.scale_rewards!r}"
    if getattr(config, "normalize_advantages", False):
        yield "normalize_advantages"
    if getattr(config, "multi_objective_aggregation", "") == "normalize_then_sum":
        yield "multi_objective_aggregation 'normalize_then_sum'"


def _beta(combine: str | None, config: Any, options: Mapping[str, Any]) -> dict[str, float]:
    """The KL coefficient of the trainer, which is that of the multipliers."""
    beta, given = float(config.beta), options.get("beta")
    if not beta > 0:
        raise ValueError(
            f"beta of the trainer is {beta:g}, from which no multipliers of {combine} follow; give a KL "
            "coefficient above 0, such as GRPOConfig(beta=0.2)"
        )
    if given is not None and given != beta:
        raise ValueError(f"beta is {given:g}, and that of the trainer is {beta:g}; leave beta out")
    return {"beta": beta}
