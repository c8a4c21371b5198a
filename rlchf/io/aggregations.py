"""Reading collective rankings back: aggregated files, and scores of a reward model."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.io.columns import Table, cell_text, closest
from rlchf.io.files import bare_name, display_name, file_kind, read_bytes, shown
from rlchf.io.jsonl import json_records
from rlchf.io.tables import parse_table
from rlchf.rankings import Rankings

WANTED = (
    "prompt_id", "response_id", "rank", "score", "rule", "options", "ballots", "annotator_id",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Rows:
    """One row per prompt and response, as the file has them.

    Attributes
    ----------
    source
        The file's name for messages.
    prompts, responses
        Ids of each row.
    ranks, scores
        Place (1 is best) and score of each row.
    ballots
        Of each row's prompt.
    rule
        Who ranked.
    place
        Says where a row stands in the file.
    options
        What the rule was given.
    probabilities
        For each prompt, as the file has it, the probability that one response is above another; or None.
    """

    source: str
    prompts: list[str]
    responses: list[str]
    ranks: np.ndarray
    scores: np.ndarray
    ballots: np.ndarray
    rule: str
    place: Callable[[int], str]
    options: dict[str, Any] = field(default_factory=dict)
    probabilities: dict[str, Any] | None = None

    def error(self, row: int, problem: str) -> ValueError:
        """Make an error about a row."""
        return ValueError(f"{self.source}, {self.place(row)}: {problem}")


def read_aggregation(path: str | Path, rankings: Rankings | None = None) -> Aggregation:
    """Read collective rankings.

    Parameters
    ----------
    path
        What `Aggregation.write` wrote (jsonl, csv, tsv or parquet), or a table with ``prompt_id``,
        ``response_id`` and ``score`` (higher is better) or ``rank``, such as a reward model's scores;
        plain or compressed, ``-`` for standard input.
    rankings
        The ballots that they should be about: prompts and responses then come in their order, and
        the numbers of ballots are theirs.

    Raises
    ------
    ValueError
        If the file does not hold what it should, or prompts or responses differ from those of the
        rankings; the message says where and what would work.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "scores.jsonl"
    >>> lines = ['{"prompt_id": "p", "response_id": "%s", "score": %d}' % row for row in [("a", 1), ("b", 3)]]
    >>> _ = path.write_text("\\n".join(lines))
    >>> read_aggregation(path).ranking("p")
    [['b'], ['a']]
    """
    rows = _rows(path)
    index = _index(rows)
    if rankings is None:
        return _as_they_come(rows)
    return _as_ranked(rows, index, rankings)


def read_scores(path: str | Path, rankings: Rankings) -> tuple[Rankings, Aggregation]:
    """Read the orders of some prompts only, such as those held out, and the ballots on these.

    Raises
    ------
    ValueError
        As for `read_aggregation`, except that prompts may be missing.
    """
    rows = _rows(path)
    index = _index(rows)
    there = set(rows.prompts)
    where = [p for p, prompt in enumerate(rankings.prompt_ids) if prompt in there]
    if not where:
        raise ValueError(f"{rows.source}: there is none of the prompts of {rankings.source}")
    some = rankings.subset(np.array(where))
    return some, _as_ranked(rows, index, some)


def _index(rows: Rows) -> dict[tuple[str, str], int]:
    """The row of each response."""
    index: dict[tuple[str, str], int] = {}
    for row, key in enumerate(zip(rows.prompts, rows.responses, strict=True)):
        if index.setdefault(key, row) != row:
            raise rows.error(
                row,
                f"response {key[1]!r} of prompt {key[0]!r} is in {rows.place(index[key])} too; "
                "give each response of a prompt once",
            )
    return index


def _as_ranked(rows: Rows, index: dict[tuple[str, str], int], rankings: Rankings) -> Aggregation:
    """Prompts and responses in the order of the rankings."""
    order = _matched(rows, index, rankings)
    ballots = np.add.reduceat(rankings.ballot_counts, rankings.ballot_starts[:-1])
    return _gathered(
        rows, order, rankings.prompt_ids, rankings.response_ids, rankings.response_starts, ballots
    )


def _as_they_come(rows: Rows) -> Aggregation:
    """Prompts in the order of the file, responses sorted."""
    codes = {prompt: p for p, prompt in enumerate(dict.fromkeys(rows.prompts))}
    prompt = np.array([codes[p] for p in rows.prompts])
    order = np.array(
        sorted(range(len(prompt)), key=lambda r: (prompt[r], rows.responses[r])), dtype=np.int64
    )
    starts = np.searchsorted(prompt[order], np.arange(len(codes) + 1))
    responses = [rows.responses[r] for r in order]
    ballots = rows.ballots[order][starts[:-1]]
    return _gathered(rows, order, list(codes), responses, starts, ballots)


def _matched(rows: Rows, index: dict[tuple[str, str], int], rankings: Rankings) -> np.ndarray:
    """(R,) the row of each response of the rankings."""
    order = np.empty(len(rankings.response_ids), dtype=np.int64)
    at = 0
    for prompt in rankings.prompt_ids:
        for response in rankings.responses(prompt):
            row = index.get((prompt, response))
            if row is None:
                what = f"prompt {prompt!r}"
                if prompt in rows.prompts:
                    first = rows.prompts.index(prompt)
                    what = (
                        f"response {response!r} of {what} (its rows begin in {rows.place(first)})"
                    )
                raise ValueError(
                    f"{rows.source}: there is no {what}, which is in {rankings.source}; "
                    "give collective rankings of the same prompts and responses"
                )
            order[at] = row
            at += 1
    if len(order) < len(rows.prompts):
        row = int(np.setdiff1d(np.arange(len(rows.prompts)), order)[0])
        prompt, response = rows.prompts[row], rows.responses[row]
        known = prompt in rankings.prompt_index
        what = f"response {response!r} of prompt {prompt!r}" if known else f"prompt {prompt!r}"
        raise rows.error(
            row,
            f"{what} is not in {rankings.source}; "
            "give collective rankings of the same prompts and responses",
        )
    return order


def _gathered(
    rows: Rows, order: np.ndarray, prompts: list[str], responses: list[str],
    starts: np.ndarray, ballots: np.ndarray,
) -> Aggregation:  # fmt: skip
    """An aggregation whose responses are some order of the rows; places become 1, 2, ..."""
    ranks = rows.ranks[order]
    prompt = np.repeat(np.arange(len(prompts)), np.diff(starts))
    best = np.lexsort((ranks, prompt))
    step = np.ones(len(order), dtype=np.int64)
    step[1:] = (prompt[best][1:] != prompt[best][:-1]) | (ranks[best][1:] != ranks[best][:-1])
    place = np.cumsum(step)
    dense = np.empty(len(order), dtype=np.int64)
    dense[best] = place - place[starts[:-1]][prompt] + 1
    scores = rows.scores[order]
    result = Aggregation(
        prompts, responses, starts, scores, dense, ballots, rows.rule, rows.options
    )
    if rows.probabilities is None:
        return result
    return replace(result, probabilities=_probabilities(rows, rows.probabilities, result))


def _probabilities(rows: Rows, given: dict[str, Any], result: Aggregation) -> np.ndarray:
    """Of every pair of responses in the order of the aggregation."""
    found: list[float] = []
    for prompt in result.prompt_ids:
        ids, table = list(result.scores(prompt)), given[prompt]
        for i, one in enumerate(ids):
            for other in ids[i + 1 :]:
                row = table.get(one) if isinstance(table, dict) else None
                value: Any = row.get(other) if isinstance(row, dict) else None
                if type(value) not in (int, float) or not 0 <= value <= 1:
                    raise rows.error(
                        rows.prompts.index(prompt),
                        f"the probability that {one!r} is above {other!r} is {shown(value)}; "
                        "give a number from 0 to 1 for every pair, or leave out probabilities",
                    )
                found.append(float(value))
    return np.array(found)


def _rows(path: str | Path) -> Rows:
    data, source = read_bytes(path), display_name(path)
    if not data.strip():
        raise ValueError(f"{source}: the file is empty")
    kind = file_kind(path, data)
    if kind == "preflib":
        raise ValueError(f"{source}: a PrefLib file has ballots; give an aggregated file or scores")
    name = "scores" if source == "standard input" else bare_name(path)[0]
    if kind == "jsonl":
        first = next(json_records(data, source))[1]
        if {"ranking", "scores"} & set(first) and "annotator_id" not in first:
            return _from_records(data, source, name)
    return _from_table(parse_table(data, source, kind, WANTED), name)


def _from_table(table: Table, name: str) -> Rows:
    if "annotator_id" in table.names:
        raise ValueError(
            f"{table.source}: has a column 'annotator_id', so these are ballots; "
            "give an aggregated file or scores"
        )
    table.require("prompt_id", "response_id")
    if not {"rank", "score"} & set(table.names):
        hint = closest("score", table.names) or closest("rank", table.names)
        raise ValueError(
            f"{table.source}: there is neither a column 'rank' nor 'score'; "
            f"found {', '.join(table.names)}{hint}"
        )
    table.ids("prompt_id")
    table.ids("response_id")
    ranks = table.numbers("rank", "give a number, 1 is best") if "rank" in table.names else None
    scores = (
        table.numbers("score", "give a number, higher is better")
        if "score" in table.names
        else None
    )
    prompts = table.texts("prompt_id")
    if ranks is None and scores is not None:
        ranks = -scores
    assert ranks is not None
    has_ballots = "ballots" in table.names
    return Rows(
        source=table.source,
        prompts=prompts,
        responses=table.texts("response_id"),
        ranks=ranks,
        scores=-ranks if scores is None else scores,
        ballots=(
            table.numbers("ballots", "give a number", empty=0.0).astype(np.int64)
            if has_ballots
            else np.zeros(len(prompts), dtype=np.int64)
        ),
        rule=(table.texts("rule")[0] if "rule" in table.names else "") or name,
        place=table.row,
        options=_given(table),
    )


def _given(table: Table) -> dict[str, Any]:
    """The options in the first row, for all rows have the same; none if a column of that name is not ours."""
    if "options" not in table.names:
        return {}
    try:
        options = json.loads(table.texts("options")[0])
    except ValueError:
        return {}
    return options if isinstance(options, dict) else {}


def _from_records(data: bytes, source: str, name: str) -> Rows:
    """Rows from lines that hold a prompt's whole ranking, or the scores of all of its responses."""
    prompts: list[str] = []
    responses: list[str] = []
    ranks: list[int] = []
    scores: list[float] = []
    ballots: list[int] = []
    lines: list[int] = []
    probabilities: dict[str, Any] = {}
    options: dict[str, Any] = {}
    rule = ""
    for number, record in json_records(data, source):
        place = f"{source}, line {number}"
        for key in ("prompt_id", "ranking"):
            if key not in record and not (key == "ranking" and record.get("scores")):
                raise ValueError(f"{place}: there is no key {key!r} among {', '.join(record)}")
        prompt = cell_text(record["prompt_id"])
        if not prompt.strip():
            raise ValueError(f"{place}: the prompt_id is empty")
        rule = rule or str(record.get("rule") or "")
        if not options and isinstance(record.get("options"), dict):
            options = record["options"]
        given = record.get("scores") or {}
        if not isinstance(given, dict):
            raise ValueError(f"{place}: scores is {shown(given)}; give an object of numbers")
        if "probabilities" in record:
            probabilities[prompt] = record["probabilities"]
        if "ranking" in record:
            levels = _levels(record["ranking"], place)
        else:
            numbers = {response: _number(value, place) for response, value in given.items()}
            best_first = sorted(set(numbers.values()), reverse=True)
            levels = [[r for r, value in numbers.items() if value == x] for x in best_first]
        for rank, level in enumerate(levels, start=1):
            for response in level:
                prompts.append(prompt)
                responses.append(response)
                ranks.append(rank)
                scores.append(_number(given.get(response, -rank), place))
                ballots.append(int(record.get("ballots") or 0))
                lines.append(number)
    return Rows(
        source, prompts, responses, np.array(ranks), np.array(scores), np.array(ballots),
        rule or name, lambda row: f"line {lines[row]}", options,
        probabilities if set(prompts) <= probabilities.keys() else None,
    )  # fmt: skip


def _levels(ranking: Any, place: str) -> list[list[str]]:
    fine = isinstance(ranking, list) and ranking and all(isinstance(x, list) and x for x in ranking)
    if not fine or any(isinstance(x, list | dict | None) for level in ranking for x in level):
        raise ValueError(
            f"{place}: ranking is {shown(ranking)}; give lists of tied responses, best first, "
            'such as [["a"], ["b", "c"]]'
        )
    return [[cell_text(response) for response in level] for level in ranking]


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{place}: a score is {shown(value)}; give a finite number")
    return float(value)
