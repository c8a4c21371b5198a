"""Files of collective rankings or scores, parsed into one row for each prompt and response."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rlchf.display import listing
from rlchf.ids import cell_text, clean_id
from rlchf.io.columns import Table
from rlchf.io.files import (
    bare_name,
    display_name,
    empty_file,
    file_kind,
    read_bytes,
    reading,
    shown,
)
from rlchf.io.jsonl import json_records
from rlchf.io.tables import parse_table
from rlchf.options import renaming
from rlchf.parsing import finite, json_value

COLUMNS = (
    "prompt_id",
    "response_id",
    "rank",
    "score",
    "rule",
    "options",
    "ballots",
    "name",
    "annotator_id",
)
HINT = "give an aggregated file or scores"


class Row(NamedTuple):
    """A response of a prompt: its rank (1 is best), score and name, and the prompt's number of ballots."""

    prompt: str
    response: str
    rank: float
    score: float
    ballots: int
    name: str


@dataclass(frozen=True, eq=False)
class Rows:
    """What a file has: one row per prompt and response, in the order of the file.

    Attributes
    ----------
    source
        The file's name for messages.
    rows
        The rows.
    rule
        Name of the rule, or of the file if it names no rule.
    locate
        A function that names the position of a row in the file.
    options
        Options of the rule.
    probabilities
        For each prompt the file's table of the probability that one response is above another, or None.
    """

    source: str
    rows: list[Row]
    rule: str
    locate: Callable[[int], str]
    options: dict[str, Any] = field(default_factory=dict)
    probabilities: dict[str, Any] | None = None

    def error(self, row: int, problem: str) -> ValueError:
        """Make an error about a row."""
        return ValueError(f"{self.source}, {self.locate(row)}: {problem}")


def read_rows(path: str | Path) -> Rows:
    """Read the rows of a file, in its order.

    Raises
    ------
    ValueError
        If the file does not hold what it should; the message says where and what would work.
    """
    with reading(display_name(path)):
        return _read_rows(path)


def _read_rows(path: str | Path) -> Rows:
    data, source = read_bytes(path), display_name(path)
    if not data.strip():
        raise empty_file(source)
    kind = file_kind(path, data)
    if kind == "preflib":
        raise ValueError(f"{source}: a PrefLib file has ballots; {HINT}")
    name = "scores" if source == "standard input" else bare_name(path)[0]
    if kind == "jsonl":
        first = next(json_records(data, source))[1]
        if {"ranking", "scores"} & set(first) and "annotator_id" not in first:
            return _from_records(data, source, name)
    return _from_table(parse_table(data, source, kind, COLUMNS), name)


def _from_table(table: Table, name: str) -> Rows:
    """Rows from a table of one row per response."""
    if "annotator_id" in table.names:
        raise ValueError(
            f"{table.source}: has a column 'annotator_id', so these are ballots; {HINT}"
        )
    table.require("prompt_id", "response_id")
    if not {"rank", "score"} & set(table.names):
        hint = renaming("score", table.names) or renaming("rank", table.names)
        raise ValueError(
            f"{table.source}: there is neither a column 'rank' nor 'score'; "
            f"found {listing(table.names)}{hint}"
        )
    prompts, responses = table.filled("prompt_id"), table.filled("response_id")
    columns = {
        column: table.numbers(column, f"give a number, {best}")
        for column, best in (("rank", "1 is best"), ("score", "higher is better"))
        if column in table.names
    }
    ranks = columns["rank"] if "rank" in columns else -columns["score"]
    scores = columns["score"] if "score" in columns else -columns["rank"]
    ballots = np.zeros(len(prompts))
    if "ballots" in table.names:
        ballots = table.numbers("ballots", "give a number", empty=0.0).clip(0, 2**53)
    numbers = ranks.tolist(), scores.tolist(), ballots.astype(np.int64).tolist()
    rule = table.texts("rule")[0] if "rule" in table.names else ""
    aggregated = {"name", "rule", "ballots"} <= set(
        table.names
    )  # another table's names are its own
    names = table.texts("name") if aggregated else responses
    rows = list(map(Row, prompts, responses, *numbers, names))
    return Rows(table.source, rows, rule or name, table.row, _options(table))


def _options(table: Table) -> dict[str, Any]:
    """The options in the first row, which are those of all rows; none if they are not JSON."""
    if "options" not in table.names:
        return {}
    try:
        options = json_value(table.texts("options")[0])
    except ValueError:
        return {}
    return options if isinstance(options, dict) else {}


def _from_records(data: bytes, source: str, name: str) -> Rows:
    """Rows from lines that hold a prompt's whole ranking, or the scores of all of its responses."""
    rows: list[Row] = []
    lines: list[int] = []
    probabilities: dict[str, Any] = {}
    options: dict[str, Any] = {}
    rule = ""
    for number, record in json_records(data, source):
        line_rows = list(_rows_of_line(record, f"{source}, line {number}"))
        rows += line_rows
        lines += [number] * len(line_rows)
        rule = rule or str(record.get("rule") or "")
        if not options and isinstance(record.get("options"), dict):
            options = record["options"]
        if "probabilities" in record:
            prompt = clean_id(cell_text(record["prompt_id"]))
            probabilities[prompt] = _with_clean_ids(record["probabilities"])
    complete = {row.prompt for row in rows} <= probabilities.keys()
    return Rows(
        source=source,
        rows=rows,
        rule=rule or name,
        locate=lambda row: f"line {lines[row]}",
        options=options,
        probabilities=probabilities if complete else None,
    )


def _rows_of_line(record: dict[str, Any], line: str) -> Iterator[Row]:
    """The rows of one prompt, best first; ``line`` names the line in messages."""
    for key in ("prompt_id", "ranking"):
        if key not in record and not (key == "ranking" and record.get("scores")):
            raise ValueError(f"{line}: there is no key {key!r} among {listing(record)}")
    prompt = clean_id(cell_text(record["prompt_id"]))
    if not prompt:
        raise ValueError(f"{line}: the prompt_id is empty")
    scores = record.get("scores") or {}
    if not isinstance(scores, dict):
        raise ValueError(f"{line}: scores is {shown(scores)}; give an object of numbers")
    written, scores = list(scores), _with_clean_ids(scores)
    if len(scores) < len(written):
        raise ValueError(
            f"{line}: scores has a response twice among {shown(written)}; keep one of them"
        )
    if "ranking" in record:
        levels = _levels(record["ranking"], line)
    else:
        numbers = {response: _number(value, line) for response, value in scores.items()}
        best_first = sorted(set(numbers.values()), reverse=True)
        levels = [[r for r, value in numbers.items() if value == x] for x in best_first]
    ballots, names = _number_of_ballots(record.get("ballots"), line), record.get("names")
    names = names if isinstance(names, dict) else {}
    for rank, level in enumerate(levels, start=1):
        for response in level:
            score = _number(scores.get(response, -rank), line)
            yield Row(prompt, response, rank, score, ballots, str(names.get(response, response)))


def _levels(ranking: Any, line: str) -> list[list[str]]:
    fine = isinstance(ranking, list) and ranking and all(isinstance(x, list) and x for x in ranking)
    if not fine or any(isinstance(x, list | dict | None) for level in ranking for x in level):
        raise ValueError(
            f"{line}: ranking is {shown(ranking)}; give lists of tied responses, best first, "
            'such as [["a"], ["b", "c"]]'
        )
    return [[clean_id(cell_text(response)) for response in level] for level in ranking]


def _with_clean_ids(table: Any) -> Any:
    """An object by response id, or several in one another, with cleaned ids."""
    if not isinstance(table, dict):
        return table
    return {clean_id(name): _with_clean_ids(value) for name, value in table.items()}


def _number(value: Any, line: str) -> float:
    number = finite(value)
    if number is None:
        raise ValueError(f"{line}: a score is {shown(value)}; give a finite number")
    return number


def _number_of_ballots(value: Any, line: str) -> int:
    """The number of a prompt's ballots, 0 where it is not known."""
    number = finite(value or 0)
    if number is None or not number.is_integer() or not 0 <= number <= 2**53:
        raise ValueError(f"{line}: ballots is {shown(value)}; give a whole number, or leave it out")
    return int(number)
