"""Reading collective rankings back: aggregated files, and scores of a reward model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.io.aggregation_rows import Rows, read_rows
from rlchf.io.files import shown
from rlchf.numeric.ranks import dense_ranks
from rlchf.rankings import Rankings

SAME = (
    "give collective rankings of the same prompts and responses, and the same --candidates, --skip and "
    "--repeats to both commands"
)


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
    rows = read_rows(path)
    index = _row_index(rows)
    return _in_file_order(rows) if rankings is None else _in_order_of(rankings, rows, index)


def read_scores(path: str | Path, rankings: Rankings) -> tuple[Rankings, Aggregation]:
    """Read the orders of some prompts only, such as those held out, and the ballots on these.

    Raises
    ------
    ValueError
        As for `read_aggregation`, except that prompts may be missing.
    """
    rows = read_rows(path)
    index = _row_index(rows)
    scored = {row.prompt for row in rows.rows}
    prompts = [p for p, prompt in enumerate(rankings.prompt_ids) if prompt in scored]
    if not prompts:
        raise ValueError(f"{rows.source}: there is none of the prompts of {rankings.source}")
    subset = rankings.subset(np.array(prompts))
    return subset, _in_order_of(subset, rows, index)


def _row_index(rows: Rows) -> dict[tuple[str, str], int]:
    """The index of each response's row."""
    index: dict[tuple[str, str], int] = {}
    for i, row in enumerate(rows.rows):
        first = index.setdefault((row.prompt, row.response), i)
        if first != i:
            raise rows.error(
                i,
                f"response {row.response!r} of prompt {row.prompt!r} is in {rows.locate(first)} too; "
                "give each response of a prompt once",
            )
    return index


def _in_order_of(rankings: Rankings, rows: Rows, index: dict[tuple[str, str], int]) -> Aggregation:
    """Prompts and responses in the order of the rankings."""
    order = _matched(rows, index, rankings)
    ballots = np.add.reduceat(rankings.ballot_counts, rankings.ballot_starts[:-1])
    return _aggregation(rows, order, rankings.prompt_ids, rankings.response_starts, ballots)


def _in_file_order(rows: Rows) -> Aggregation:
    """Prompts in the order of the file, responses sorted."""
    codes: dict[str, int] = {}
    prompts = np.array([codes.setdefault(row.prompt, len(codes)) for row in rows.rows])
    keys = [(prompt, row.response) for prompt, row in zip(prompts.tolist(), rows.rows, strict=True)]
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)
    starts = np.searchsorted(prompts[order], np.arange(len(codes) + 1))
    ballots = np.array([rows.rows[i].ballots for i in order[starts[:-1]]])
    return _aggregation(rows, order, list(codes), starts, ballots)


def _matched(rows: Rows, index: dict[tuple[str, str], int], rankings: Rankings) -> np.ndarray:
    """(R,) the row of each response of the rankings, which have the same responses as the file."""
    order: list[int] = []
    for prompt in rankings.prompt_ids:
        for response in rankings.responses(prompt):
            if (prompt, response) not in index:
                missing = _missing(rows, prompt, response)
                raise ValueError(
                    f"{rows.source}: there is no {missing}, which is in {rankings.source}; {SAME}"
                )
            order.append(index[prompt, response])
    if len(order) < len(rows.rows):
        i = min(set(range(len(rows.rows))) - set(order))
        prompt, response = rows.rows[i].prompt, rows.rows[i].response
        extra = f"prompt {prompt!r}"
        if prompt in rankings.prompt_index:
            extra = f"response {response!r} of {extra}"
        raise rows.error(i, f"{extra} is not in {rankings.source}; {SAME}")
    return np.array(order, dtype=np.int64)


def _missing(rows: Rows, prompt: str, response: str) -> str:
    """What the file lacks, in words: a whole prompt or one response of it."""
    first = next((i for i, row in enumerate(rows.rows) if row.prompt == prompt), None)
    if first is None:
        return f"prompt {prompt!r}"
    return f"response {response!r} of prompt {prompt!r} (its rows begin in {rows.locate(first)})"


def _aggregation(
    rows: Rows, order: np.ndarray, prompt_ids: list[str], starts: np.ndarray, ballots: np.ndarray
) -> Aggregation:
    """An aggregation whose responses are the rows in some order; ranks become 1, 2, ..."""
    chosen = [rows.rows[i] for i in order.tolist()]
    has_names = any(row.name != row.response for row in chosen)
    result = Aggregation(
        prompt_ids=prompt_ids,
        response_ids=[row.response for row in chosen],
        response_starts=starts,
        response_scores=np.array([row.score for row in chosen]),
        response_ranks=dense_ranks(starts, [-np.array([row.rank for row in chosen])]),
        ballots=ballots,
        rule=rows.rule,
        options=rows.options,
        response_names=[row.name for row in chosen] if has_names else None,
    )
    if rows.probabilities is None:
        return result
    return replace(result, probabilities=_probabilities(rows, rows.probabilities, result))


def _probabilities(rows: Rows, tables: dict[str, Any], result: Aggregation) -> np.ndarray:
    """The probability of every pair of responses, in the order of the aggregation."""
    probabilities: list[float] = []
    for prompt in result.prompt_ids:
        ids, table = list(result.scores(prompt)), tables[prompt]
        for i, one in enumerate(ids):
            for other in ids[i + 1 :]:
                row = table.get(one) if isinstance(table, dict) else None
                value: Any = row.get(other) if isinstance(row, dict) else None
                if type(value) not in (int, float) or not 0 <= value <= 1:
                    raise rows.error(
                        next(i for i, row in enumerate(rows.rows) if row.prompt == prompt),
                        f"the probability that {one!r} is above {other!r} is {shown(value)}; "
                        "give a number from 0 to 1 for every pair, or leave out probabilities",
                    )
                probabilities.append(float(value))
    return np.array(probabilities)
