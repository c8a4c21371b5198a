"""What `aggregate` checks and says where an earlier output is frozen."""

import inspect
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rlchf.rules import Rule, is_across, rule_names

if TYPE_CHECKING:
    from rlchf.aggregation import Aggregation

OF_THE_RUN = ("order", "seed", "exact", "ties")
"""Options that may differ between an earlier output and the prompts that are added to it."""


def check_frozen(name: str, rule: Rule, options: Mapping[str, Any], earlier: "Aggregation") -> None:
    """Refuse a rule that carries nothing from prompt to prompt, and an output of another rule.

    Raises
    ------
    ValueError
        If the rule cannot freeze prompts, or the earlier output was made by another rule or with other
        options.
    """
    if not hasattr(earlier, "response_ranks"):
        raise ValueError(
            f"frozen is {earlier!r}, which is no Aggregation; read the file with "
            "rlchf.io.aggregations.read_aggregation, or write rlchf aggregate --frozen FILE"
        )
    parameters = inspect.signature(rule).parameters
    if "frozen" not in parameters:
        if not is_across(rule):
            raise ValueError(
                f"rule {name!r} looks at one prompt at a time, so that decided prompts change nothing for "
                "new ones; aggregate the new prompts alone, without frozen"
            )
        raise ValueError(
            f"rule {name!r} decides all prompts together, so that none can be frozen; choose a rule that "
            "decides one prompt after the other, such as phragmen_credit"
        )
    stated = earlier.rule in rule_names() or ":" in earlier.rule
    if stated and earlier.rule != name:
        raise ValueError(
            f"frozen: was made by rule {earlier.rule!r}, and the rule is {name!r}; give the output of {name}"
        )
    for option, parameter in parameters.items():
        usual = parameter.default
        before, now = earlier.options.get(option, usual), options.get(option, usual)
        if stated and option not in (*OF_THE_RUN, "frozen") and before != now:
            raise ValueError(
                f"frozen: was made by {name} with {option}={before!r}, and {option} is {now!r}; give the "
                "same options"
            )


def warn_of_changes(anew: "Aggregation", earlier: "Aggregation") -> None:
    """Tell how many frozen rankings late or changed ballots would have changed.

    ``anew`` decides the frozen prompts, and only these, from the ballots of now.
    """
    late = {p: int(n) for p, n in zip(earlier.prompt_ids, earlier.ballots, strict=True) if n}
    n_late = sum(
        late.get(p, int(n)) != n for p, n in zip(anew.prompt_ids, anew.ballots, strict=True)
    )
    n_changed = sum(anew.ranking(p) != earlier.ranking(p) for p in anew.prompt_ids)
    if n_late or n_changed:
        warnings.warn(
            f"{len(earlier):,} prompts are frozen, and the number of ballots has changed on {n_late:,} of "
            f"them; to decide them again would change {n_changed:,} of their rankings",
            stacklevel=3,
        )


def ballots_when_decided(result: "Aggregation", earlier: "Aggregation") -> np.ndarray:
    """(P,) the number of ballots on each prompt, on a frozen one when it was decided."""
    index = {prompt: p for p, prompt in enumerate(result.prompt_ids)}
    ballots = result.ballots.copy()
    for prompt, n in zip(earlier.prompt_ids, earlier.ballots.tolist(), strict=True):
        ballots[index[prompt]] = n or ballots[index[prompt]]
    return ballots
