"""From every annotator's ballots to one collective ranking per prompt."""

import inspect
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, get_type_hints

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.numeric.arrays import to_numpy
from rlchf.options import checked, meant
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings
from rlchf.rules import get_rule, is_across, rule_names
from rlchf.rules._parts.threads import scores_in_chunks
from rlchf.ties import chooses, choosing, preference

__all__ = ["Aggregation", "aggregate"]

Progress = Callable[[int, int], None]


def aggregate(
    rankings: Rankings,
    rule: str | Callable[..., Any] = "borda",
    *,
    ties: str | None = None,
    seed: int = 0,
    threads: int | None = None,
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
    ties
        What to do with ties: "keep" them, prefer the response that comes first ("lexicographic") or a
        "random" one, or name a second rule, whose ties are kept. By default what the rule's
        page says, which is to keep them for all but a few such as ranked_pairs. Scores stay what they are.
    seed
        Of the random choices that ``ties="random"`` or the rule makes.
    threads
        Parts of the dataset worked on at a time; by default as many as there are processors.
    progress
        Called with the number of prompts done and their total, now and then.
    options
        Passed on to the rule. The result keeps them, with ``ties`` if given and the seed where it matters.

    Raises
    ------
    ValueError
        If there is no such rule, the rule has no such option, or there is no such policy for ties; or if
        the seed is negative.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", [["a"], ["b"]]), ("q", "ann", [["d"], ["c"]])])
    >>> aggregate(rankings, "copeland").ranking("q")
    [['d'], ['c']]
    >>> tied = Rankings.from_ballots([("p", "ann", "a > b > c"), ("p", "bob", "b > a > c")])
    >>> aggregate(tied, "borda").ranking("p"), aggregate(tied, "borda", ties="lexicographic").ranking("p")
    ([['a', 'b'], ['c']], [['a'], ['b'], ['c']])
    """
    if isinstance(rankings, Profiles):
        raise TypeError("rankings is a Profiles; call the rule itself: get_rule(name)(profiles)")
    if not isinstance(rankings, Rankings):
        raise TypeError(f"rankings is {rankings!r}; read a file with rlchf.read_rankings first")
    if seed < 0:
        raise ValueError(f"seed is {seed}; give 0 or more")
    function = get_rule(rule) if isinstance(rule, str) else rule
    name = rule if isinstance(rule, str) else getattr(rule, "__name__", "custom")
    if "seed" in inspect.signature(function).parameters:
        options = {"seed": seed} | options
    check_options(name, function, options, ties)
    _warn_of_counts(options, rankings)
    if is_across(function):
        result: Aggregation = function(rankings, **options)
        if not isinstance(result, Aggregation):
            raise ValueError(f"rule {name!r} returned {result!r}; it must return an Aggregation")
        return replace(result, options=options)
    settled: str | Callable[..., Any] | None = ties if ties in POLICIES else get_rule(str(ties))
    if settled in (None, "keep") or chooses(function):
        function, settled = _with_ties(function, settled, seed), None
    scores = np.empty(len(rankings.response_ids))
    preferred = None if settled is None else np.empty(len(scores))
    done = 0
    for prompts, profiles in rankings.profiles():
        at = rankings.response_starts[prompts][:, None] + np.arange(profiles.n_responses)  # (B, M)
        tick = _further(progress, done, rankings.n_prompts)
        found = scores_in_chunks(function, profiles, threads, tick, **options)
        scores[at] = _scores(name, found, profiles)
        if preferred is not None and settled is not None:
            preferred[at] = preference(settled, profiles, seed)
        done += len(prompts)
    said = options if ties is None else options | {"ties": ties}
    if ties == "random":
        said = said | {"seed": seed}
    return Aggregation.from_scores(rankings, scores, name, said, preferred)


POLICIES = (None, "keep", "lexicographic", "random")


def _with_ties(
    rule: Callable[..., Any], ties: str | Callable[..., Any] | None, seed: int
) -> Callable[..., Any]:
    """The rule, told what to do with ties if it can be told."""
    if ties is None or not chooses(rule):
        return rule
    if ties in ("keep", "lexicographic"):
        return partial(rule, ties=ties)
    return choosing(rule, ties, seed)


def _further(progress: Progress | None, done: int, total: int) -> Progress | None:
    """Progress within one part of a dataset of which ``done`` prompts are done."""
    if progress is None:
        return None
    return lambda now, _: progress(done + now, total)


def check_options(
    name: str, function: Callable[..., Any], options: dict[str, Any], ties: str | None = None
) -> None:
    """Refuse an option that a rule does not have, a value of another type than it declares, odd ties."""
    if ties is not None and is_across(function):
        raise ValueError(
            f"rule {name!r} looks across prompts and breaks ties itself; leave ties out"
        )
    if ties not in POLICIES and (ties not in rule_names() or is_across(get_rule(str(ties)))):
        policies = [str(policy) for policy in POLICIES[1:]]
        guess = "" if ties in rule_names() else meant(str(ties), policies + rule_names())
        raise ValueError(
            f"ties is {ties!r}; choose from {', '.join(policies)}, "
            f"or name a second rule that looks at one prompt at a time{guess and f'; {guess}'}"
        )
    parameters = list(inspect.signature(function).parameters.values())[1:]
    hints = get_type_hints(function) if options else {}
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters]
    for option, value in options.items():
        if option not in known:
            hint = meant(option, known) or f"it has {', '.join(known) or 'none'}"
            raise ValueError(f"rule {name!r} has no option {option!r}; {hint}")
        checked(hints.get(option, Any), value, f"rule {name!r}: option {option}")


COUNTS = ("k", "top")
"""Options by which a rule counts responses: places, seats, approved ones."""


def _warn_of_counts(options: dict[str, Any], rankings: Rankings) -> None:
    """Warn of a count beyond every prompt's responses; beyond that of some, it takes all of them there."""
    most = int(np.diff(rankings.response_starts).max())
    for name in COUNTS:
        count = options.get(name)
        if isinstance(count, int) and count > most:
            warnings.warn(
                f"{name} is {count}, but no prompt of {rankings.source} has more than {most} responses, "
                f"so {name}={count} does the same as {name}={most}; give {most} or less",
                stacklevel=3,
            )


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
