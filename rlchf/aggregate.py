"""From every annotator's ballots to one collective ranking per prompt."""

import difflib
import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.arrays import to_numpy
from rlchf.options import checked
from rlchf.profiles import Profiles
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
        if not isinstance(result, Aggregation):
            raise ValueError(f"rule {name!r} returned {result!r}; it must return an Aggregation")
        return result
    scores = np.empty(len(rankings.response_ids))
    done = 0
    for prompts, profiles in rankings.profiles():
        at = rankings.response_starts[prompts][:, None] + np.arange(profiles.n_responses)  # (B, M)
        scores[at] = _scores(name, function(profiles, **options), profiles)
        done += len(prompts)
        if progress is not None:
            progress(done, rankings.n_prompts)
    return Aggregation.from_scores(rankings, scores, name, options)


def check_options(name: str, function: Callable[..., Any], options: dict[str, Any]) -> None:
    """Refuse an option that a rule does not have, or a value of another type than it declares."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    hints = get_type_hints(function) if options else {}
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters]
    for option, value in options.items():
        if option not in known:
            close = difflib.get_close_matches(option, known, n=1)
            hint = (
                f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known) or 'none'}"
            )
            raise ValueError(f"rule {name!r} has no option {option!r}; {hint}")
        checked(hints.get(option, Any), value, f"rule {name!r}: option {option}")


def _scores(name: str, scores: Any, profiles: Profiles) -> np.ndarray:
    """What a rule returned, if it is one number per prompt and response."""
    array = to_numpy(scores)
    expected = (profiles.n_prompts, profiles.n_responses)
    if array.shape != expected or array.dtype.kind not in "biuf" or np.isnan(array).any():
        found = "NaN" if array.shape == expected else f"an array of shape {array.shape}"
        raise ValueError(
            f"rule {name!r} returned {found}; it must return scores of shape {expected}"
        )
    return array
