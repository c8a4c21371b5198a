"""From every annotator's ballots to one collective ranking per prompt."""

import difflib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.arrays import to_numpy
from rlchf.rankings import Rankings
from rlchf.rules import get_rule, is_across

__all__ = ["Aggregation", "aggregate"]

Progress = Callable[[int, int], None]


def aggregate(
    rankings: Rankings,
    rule: str | Callable[..., Any] = "borda",
    *,
    progress: Progress | None = None,
    **options: Any,
) -> Aggregation:
    """Turn the ballots on each prompt into one collective ranking.

    Parameters
    ----------
    rankings
        The ballots of the whole dataset.
    rule
        A name from `rlchf.rules.list_rules`, or a function: ``Profiles -> (B, M) scores``, or
        ``Rankings -> Aggregation`` if it looks across prompts.
    progress
        Called with the number of prompts done and their total, now and then.
    options
        Passed on to the rule.

    Raises
    ------
    ValueError
        If there is no such rule or the rule has no such option.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", [["a"], ["b"]]), ("q", "ann", [["d"], ["c"]])])
    >>> aggregate(rankings, "copeland").ranking("q")
    [['d'], ['c']]
    """
    function = get_rule(rule) if isinstance(rule, str) else rule
    name = rule if isinstance(rule, str) else getattr(rule, "__name__", "custom")
    check_options(name, function, options)
    if is_across(function):
        result: Aggregation = function(rankings, **options)
        return result
    scores = np.empty(len(rankings.response_ids))
    done = 0
    for prompts, profiles in rankings.profiles():
        at = rankings.response_starts[prompts][:, None] + np.arange(profiles.n_responses)  # (B, M)
        scores[at] = to_numpy(function(profiles, **options))
        done += len(prompts)
        if progress is not None:
            progress(done, rankings.n_prompts)
    return Aggregation.from_scores(rankings, scores, name, options)


def check_options(name: str, function: Callable[..., Any], options: dict[str, Any]) -> None:
    """Refuse an option that a rule does not have, naming those that it has."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters]
    for option in options:
        if option not in known:
            close = difflib.get_close_matches(option, known, n=1)
            hint = (
                f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known) or 'none'}"
            )
            raise ValueError(f"rule {name!r} has no option {option!r}; {hint}")
