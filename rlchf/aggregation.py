"""From every annotator's ballots to one collective ranking per prompt."""

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlchf.display import counted, html_table, shortened
from rlchf.frozen import ballots_when_decided, check_frozen, warn_of_changes
from rlchf.numeric.arrays import to_numpy
from rlchf.numeric.ranks import dense_ranks
from rlchf.numeric.segments import offsets
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings, as_rankings
from rlchf.rule_warnings import warn_of_approvals, warn_of_counts, warn_of_exposure
from rlchf.rules import (
    Rule,
    check_call,
    default_ties,
    get_rule,
    is_across,
    rule_names,
)
from rlchf.rules._names import rule_meant
from rlchf.rules._parts.threads import scores_in_chunks
from rlchf.ties import POLICIES, resolve

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Aggregation:
    """A weak order of the responses of every prompt, with scores, and the rule that made it.

    Attributes
    ----------
    prompt_ids
        (P,) ids, in the order of the rankings that were aggregated.
    response_ids
        (R,) ids; those of prompt ``p`` are at ``response_starts[p]`` to ``response_starts[p + 1]``.
    response_scores, response_ranks
        (R,) score (higher is better) and rank (1 is best, equal is tied, dense).
    ballots
        (P,) number of ballots on each prompt; on a frozen one when it was decided.
    rule, options
        The rule's name and the options that it was given; ``ties`` is among them if a policy for ties was
        given or the rule does not keep them, and ``seed`` if anything was drawn with it.
    probabilities
        The probability that response i is above j, for the pairs i < j of the first prompt, (0, 1),
        (0, 2), ..., (1, 2), ..., then those of the second, and so on; None unless the rule gives every
        pair a probability, as soft_nash does.
    response_names
        (R,) names of the responses, where the rankings have names beside the ids, as those of PrefLib have;
        else None.

    Examples
    --------
    >>> import rlchf
    >>> result = rlchf.aggregate(rlchf.Rankings.from_ballots([("p", "ann", [["b"], ["a", "c"]])]))
    >>> result.ranking("p")
    [['b'], ['a', 'c']]
    >>> result.scores("p")
    {'a': 0.5, 'b': 2.0, 'c': 0.5}
    >>> result
    <Aggregation kemeny: 1 prompt, 3 responses>
      p: b > a = c
    """

    prompt_ids: list[str]
    response_ids: list[str]
    response_starts: np.ndarray
    response_scores: np.ndarray
    response_ranks: np.ndarray
    ballots: np.ndarray
    rule: str
    options: dict[str, Any] = field(default_factory=dict)
    probabilities: np.ndarray | None = None
    response_names: list[str] | None = None

    @classmethod
    def from_scores(
        cls,
        rankings: Rankings,
        scores: np.ndarray,
        rule: str,
        options: dict[str, Any],
        preferred: np.ndarray | None = None,
    ) -> "Aggregation":
        """Rank the responses of each prompt by their scores, (R,), given in the order of ``rankings``.

        Of responses with equal scores the one that is ``preferred`` (R,) more comes first.
        """
        keys = [scores] if preferred is None else [scores, preferred]
        return cls(
            prompt_ids=rankings.prompt_ids,
            response_ids=rankings.response_ids,
            response_starts=rankings.response_starts,
            response_scores=scores,
            response_ranks=dense_ranks(rankings.response_starts, keys),
            ballots=np.add.reduceat(rankings.ballot_counts, rankings.ballot_starts[:-1]),
            rule=rule,
            options=options,
            response_names=rankings.response_names,
        )

    def __len__(self) -> int:
        return len(self.prompt_ids)

    def check_same_responses(self, rankings: Rankings) -> None:
        """Refuse rankings of other prompts or responses."""
        if (rankings.prompt_ids, rankings.response_ids) != (self.prompt_ids, self.response_ids):
            raise ValueError("the rankings and the aggregation are not about the same responses")

    def __repr__(self) -> str:
        rows = self._first_rankings()
        lines = [f"  {shortened(prompt)}: {shortened(ranking)}" for prompt, ranking in rows]
        more = ["  ..."] if len(self) > len(lines) else []
        return "\n".join([f"<Aggregation {self._summary()}>", *lines, *more])

    def _repr_html_(self) -> str:
        names = ["prompt_id", "ranking"]
        return html_table(f"Aggregation {self._summary()}", names, self._first_rankings())

    def _summary(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        size = f"{counted(len(self), 'prompt')}, {counted(len(self.response_ids), 'response')}"
        return f"{self.rule}: {size}{options}"

    def _first_rankings(self, n: int = 5) -> list[tuple[str, str]]:
        """The first prompts and their rankings as text."""
        return [
            (prompt, " > ".join(" = ".join(level) for level in self.ranking(prompt)))
            for prompt in self.prompt_ids[:n]
        ]

    @cached_property
    def _pair_starts(self) -> np.ndarray:
        sizes = np.diff(self.response_starts)
        return offsets(sizes * (sizes - 1) // 2)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {prompt: i for i, prompt in enumerate(self.prompt_ids)}

    def _slice(self, prompt_id: object) -> slice:
        if str(prompt_id) not in self._index:
            name = repr(str(prompt_id))
            raise KeyError(f"no prompt {name} in this aggregation of {len(self)} prompts")
        p = self._index[str(prompt_id)]
        return slice(int(self.response_starts[p]), int(self.response_starts[p + 1]))

    def scores(self, prompt_id: object) -> dict[str, float]:
        """Each response's score; the page of the rule says what it means."""
        part = self._slice(prompt_id)
        return dict(zip(self.response_ids[part], self.response_scores[part].tolist(), strict=True))

    def names(self, prompt_id: object) -> dict[str, str]:
        """Each response's name; its id where it has none."""
        part = self._slice(prompt_id)
        names = self.response_names or self.response_ids
        return dict(zip(self.response_ids[part], names[part], strict=True))

    def ranking(self, prompt_id: object) -> list[list[str]]:
        """The responses best first, tied ones together in one inner list."""
        part = self._slice(prompt_id)
        ranks = self.response_ranks[part].tolist()
        levels: list[list[str]] = [[] for _ in range(max(ranks))]
        for response, rank in zip(self.response_ids[part], ranks, strict=True):
            levels[rank - 1].append(response)
        return levels

    def pair_probabilities(self, prompt_id: object) -> np.ndarray | None:
        """(M, M) the probability that i is above j, NaN on the diagonal; None if the rule gives none."""
        if self.probabilities is None:
            return None
        part = self._slice(prompt_id)
        M, start = part.stop - part.start, int(self._pair_starts[self._index[str(prompt_id)]])
        table = np.full((M, M), np.nan)
        upper = np.triu_indices(M, 1)
        table[upper] = self.probabilities[start : start + len(upper[0])]
        table.T[upper] = (1 - table[upper]).round(9)
        return table

    def records(self) -> Iterator[dict[str, Any]]:
        """One dictionary per prompt, as it stands in a line of the jsonl file."""
        options = {"options": json.loads(_options_text(self.options))} if self.options else {}
        for p, prompt in enumerate(self.prompt_ids):
            record: dict[str, Any] = {
                "prompt_id": prompt,
                "rule": self.rule,
                **options,
                "ranking": self.ranking(prompt),
                "scores": self.scores(prompt),
                "ballots": int(self.ballots[p]),
            }
            if self.response_names is not None:
                record["names"] = self.names(prompt)
            table = self.pair_probabilities(prompt)
            if table is not None:
                ids, rows = list(record["scores"]), table.tolist()
                record["probabilities"] = {
                    one: {other: rows[i][j] for j, other in enumerate(ids) if i != j}
                    for i, one in enumerate(ids)
                }
            yield record

    def columns(self) -> dict[str, Any]:
        """One row per prompt and response, best first, as it stands in a csv or parquet file."""
        sizes = np.diff(self.response_starts)
        prompt = np.repeat(np.arange(len(self)), sizes)
        order = np.lexsort((self.response_ranks, prompt))  # stable: ties keep the responses' order
        columns = {
            "prompt_id": [self.prompt_ids[p] for p in prompt],
            "response_id": [self.response_ids[r] for r in order],
            "rank": self.response_ranks[order],
            "score": self.response_scores[order],
            "rule": [self.rule] * len(order),
            "ballots": np.repeat(self.ballots, sizes),
        }
        if self.response_names is not None:
            columns["name"] = [self.response_names[r] for r in order]
        if self.options:
            columns["options"] = [_options_text(self.options)] * len(order)
        return columns

    def to_frame(self) -> "pd.DataFrame":
        """The collective rankings as a table, one row per prompt and response, best first."""
        import pandas as pd

        return pd.DataFrame(self.columns())

    def write(self, path: str | Path) -> None:
        """Write a ``.jsonl``, ``.csv``, ``.tsv`` or ``.parquet`` file, by the path's ending.

        The file appears complete or not at all. ``-`` writes jsonl to standard output; ``.gz`` and
        ``.zst`` compress.
        """
        from rlchf.io.json import write_jsonl
        from rlchf.io.tables import table_format, write_table

        if table_format(path) == "jsonl":
            write_jsonl(path, self.records())
        else:
            write_table(path, self.columns())


def aggregate(
    rankings: Rankings | Any,
    rule: str | Rule = "kemeny",
    *,
    ties: str | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    frozen: Aggregation | None = None,
    **options: Any,
) -> Aggregation:
    """Turn the ballots on each prompt into one collective ranking.

    Parameters
    ----------
    rankings
        The ballots of the whole dataset, or a table that `Rankings.from_frame` takes.
    rule
        A name from `rlchf.rules.list_rules`; or a function, ``Profiles -> (B, M) scores``, or
        ``Rankings -> Aggregation`` if it looks across prompts; or such a function's name, as
        ``"package.module:function"``.
    ties
        "keep" ties, prefer the response that comes first ("lexicographic") or a "random" one, or name a
        second rule, whose ties are kept. By default ties are kept, except that ranked_pairs and most
        rules across prompts prefer the response that comes first; the options of the result then say
        so. Scores stay what they are.
    seed
        Seed of the random choices that ``ties="random"`` or the rule makes.
    threads
        Number of parts of the dataset worked on at a time; by default the number of processors.
    progress
        Called now and then with the number of prompts done and their total.
    frozen
        An earlier output of the same rule across prompts, of some of the prompts. Their rankings stay as they
        are, and what they mean for their annotators is carried on: only the other prompts are decided. The
        frozen ones are decided anew beside it, to warn if late ballots would have changed their rankings.
    options
        Passed on to the rule. The result keeps them, with ``ties`` if given and the seed where it matters.

    Raises
    ------
    ValueError
        If there is no such rule, the rule has no such option, or there is no such policy for ties; if the
        seed is negative; or if the frozen output was made by another rule, or is about other responses.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", [["a"], ["b"]]), ("q", "ann", [["d"], ["c"]])])
    >>> aggregate(rankings, "copeland").ranking("q")
    [['d'], ['c']]
    >>> tied = Rankings.from_ballots([("p", "ann", "a > b > c"), ("p", "bob", "b > a > c")])
    >>> aggregate(tied, "borda").ranking("p"), aggregate(tied, "borda", ties="lexicographic").ranking("p")
    ([['a', 'b'], ['c']], [['a'], ['b'], ['c']])
    """
    rankings = as_rankings(rankings)
    if seed < 0:
        raise ValueError(f"seed is {seed}; give 0 or more")
    function, name = _named(rule)
    if "seed" in inspect.signature(function).parameters:
        options = {"seed": seed} | options
    ties = default_ties(function) if ties is None else ties
    tie_breaker = _tie_breaker(ties, function, name)
    check_call(name, function, options)
    kept = {} if frozen is None else {"frozen": frozen}
    if frozen is not None:
        check_frozen(name, function, options, frozen)
    warn_of_counts(options, rankings)
    warn_of_approvals(function, name, options, rankings)
    if is_across(function):
        result: Aggregation = function(rankings, **options, **kept)
        if not isinstance(result, Aggregation):
            raise ValueError(f"rule {name!r} returned {result!r}; it must return an Aggregation")
        if frozen is not None:
            decided = rankings.subset(
                np.flatnonzero(np.isin(rankings.prompt_ids, frozen.prompt_ids))
            )
            warn_of_changes(function(decided, **options), frozen)
            result = replace(result, ballots=ballots_when_decided(result, frozen))
        if ties == "lexicographic":
            result = _first_first(result)
        options = options if ties is None else options | {"ties": ties}
        warn_of_exposure(name, rankings, -result.response_ranks)
        return replace(result, rule=name, options=options)
    function, prefer = resolve(function, tie_breaker, seed)
    scores = np.empty(len(rankings.response_ids))
    preferred = None if prefer is None else np.empty(len(scores))
    done = 0
    for prompts, profiles in rankings.profiles():
        starts = rankings.response_starts[prompts]
        cells = starts[:, None] + np.arange(profiles.n_responses)  # (B, M)
        tick = _progress_after(done, rankings.n_prompts, progress)
        try:
            batch_scores = scores_in_chunks(function, profiles, threads, tick, **options)
        except (AttributeError, ValueError) as error:
            if hint := _annotation_hint(error):
                error.args = (f"{error}{hint}",)
            raise
        scores[cells] = _checked_scores(name, batch_scores, profiles)
        if preferred is not None and prefer is not None:
            preferred[cells] = prefer(profiles)
        done += len(prompts)
    if ties is not None:
        options = options | {"ties": ties}
    if ties == "random":
        options = options | {"seed": seed}
    warn_of_exposure(name, rankings, scores)
    return Aggregation.from_scores(rankings, scores, name, options, preferred)


def check_options(rule: str | Rule, options: Mapping[str, Any], ties: str | None = None) -> None:
    """Refuse, before any file is read, a rule, options or ties that `aggregate` would refuse.

    Raises
    ------
    ValueError
        If there is no such rule, option or policy, or a value does not fit.
    """
    function, name = _named(rule)
    _tie_breaker(ties, function, name)
    check_call(name, function, options)


def _named(rule: str | Rule) -> tuple[Rule, str]:
    """A rule, given by name or as a function, and what results call it."""
    if isinstance(rule, str):
        return get_rule(rule), rule
    return rule, getattr(rule, "__name__", "custom")


def _tie_breaker(ties: str | None, rule: Rule, name: str) -> str | Rule | None:
    """The policy for ties, or the second rule that is named to break them."""
    if ties is None:
        return None
    if is_across(rule):
        if ties == default_ties(rule):
            return None
        raise ValueError(
            f"rule {name!r} looks across prompts and breaks ties itself; leave ties out"
        )
    if ties in POLICIES:
        return ties
    is_rule = ":" in str(ties) or ties in rule_names()
    if is_rule and not is_across(second := get_rule(ties)):
        return second
    guess = "" if is_rule else rule_meant(str(ties), [*POLICIES, *rule_names()])
    raise ValueError(
        f"ties is {ties!r}; choose from {', '.join(POLICIES)}, or name a second rule that looks at "
        f"one prompt at a time{guess and f'; {guess}'}"
    )


def _first_first(result: Aggregation) -> Aggregation:
    """The result with the ties that its rule left broken: the response that comes first is preferred."""
    starts, ranks = result.response_starts, result.response_ranks
    if (np.maximum.reduceat(ranks, starts[:-1]) == np.diff(starts)).all():
        return result
    order = [-ranks, -np.arange(len(ranks))]
    return replace(result, response_ranks=dense_ranks(starts, order))


def _progress_after(done: int, total: int, progress: Progress | None) -> Progress | None:
    """Progress of a batch, as progress of a dataset of which ``done`` prompts are done."""
    if progress is None:
        return None
    return lambda now, _: progress(done + now, total)


def _annotation_hint(error: Exception) -> str:
    """What to write if a rule asked a batch of prompts for what only the whole dataset has; else empty."""
    cause = error.__cause__ or error
    if not (isinstance(cause, AttributeError) and isinstance(cause.obj, Profiles)):
        return ""
    if cause.name not in {*dir(Rankings), *Rankings.__dataclass_fields__}:
        return ""
    return (
        "; a rule that takes the whole dataset annotates its first parameter as Rankings and returns an "
        "Aggregation"
    )


def _checked_scores(name: str, scores: Any, profiles: Profiles) -> np.ndarray:
    """What a rule returned, if it is one number per prompt and response."""
    array = to_numpy(scores)
    expected = (profiles.n_prompts, profiles.n_responses)
    if array.shape != expected or array.dtype.kind not in "biuf" or not np.isfinite(array).all():
        same = array.shape == expected
        problem = "NaN or infinity" if same else f"an array of shape {array.shape}"
        raise ValueError(
            f"rule {name!r} returned {problem}; it must return scores of shape {expected}, or annotate its "
            "first parameter as Rankings and return an Aggregation"
        )
    return array


def _options_text(options: dict[str, Any]) -> str:
    """Options as JSON; what JSON cannot write, such as a function, by its name."""
    return json.dumps(
        options,
        ensure_ascii=False,
        default=lambda x: x.tolist() if hasattr(x, "tolist") else getattr(x, "__name__", str(x)),
    )
