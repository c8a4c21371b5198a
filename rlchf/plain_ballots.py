"""Columns of rankings from coded rows that need no cleaning, in one pass: the way of large tables."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rlchf.limits import limit
from rlchf.numeric.segments import taken
from rlchf.numeric.weight_sums import check_weight_sums

if TYPE_CHECKING:
    from rlchf.numeric.ballot_rows import Ballots, Rows


def plain_ballots(
    ids: Mapping[str, list[str]],
    columns: dict[str, np.ndarray],
    source: str,
) -> dict[str, Any] | None:
    """The columns of a `Rankings` from the rows of a long table, an annotator's on a prompt being one ballot.

    Parameters
    ----------
    ids
        Distinct ids under ``prompt_id``, ``annotator_id`` and ``response_id``, none of them empty.
    columns
        Under these names (E,) int32 codes of the rows, and (E,) float64 under ``rank``, from 1, or under
        ``score``, and perhaps under ``weight``, from 0, all finite; ranks may be int32. They are taken out
        of the dictionary, so that their memory is free early.

    Returns
    -------
    Those of what `Rankings.from_entries` gives, or None where it would refuse or warn: on a prompt with one
    response or too many, a response that a ballot names twice, a rank that may mean "not ranked", or rows of
    a ballot that differ in weight.

    Raises
    ------
    ValueError
        If the weights of a prompt cannot be added up.

    Examples
    --------
    >>> two = np.array([0, 0, 1, 1], dtype=np.int32)
    >>> codes = {"prompt_id": two * 0, "annotator_id": two, "response_id": two[[0, 2, 0, 2]]}
    >>> ids = {"prompt_id": ["p"], "annotator_id": ["ann", "bob"], "response_id": ["b", "a"]}
    >>> ballots = plain_ballots(ids, {**codes, "rank": np.array([1.0, 2, 1, 1])}, "votes")
    >>> ballots["response_ids"], ballots["entry_responses"].tolist(), ballots["entry_ranks"].tolist()
    (['a', 'b'], [1, 0, 1, 0], [1, 2, 1, 1])
    """
    from rlchf.numeric.ballot_rows import gathered

    names = sorted(range(len(ids["response_id"])), key=ids["response_id"].__getitem__)
    is_rank = "rank" in columns
    rows = _rows(columns, len(ids["prompt_id"]), np.array(names))
    ballots = gathered(rows, len(ids["annotator_id"]), len(names), ranks=is_rank)
    if ballots is None or np.diff(ballots.response_starts).max() > limit("RLCHF_MAX_RESPONSES"):
        return None
    weights = _weights(ballots, columns.pop("weight", None))
    if weights is None:
        return None
    check_weight_sums(weights, ballots.ballot_starts, ids["prompt_id"], source)
    in_order = [ids["response_id"][i] for i in names]
    return {
        "prompt_ids": ids["prompt_id"],
        "annotator_ids": ids["annotator_id"],
        "response_ids": [in_order[r] for r in ballots.responses.tolist()],
        "response_starts": ballots.response_starts,
        "ballot_starts": ballots.ballot_starts,
        "ballot_annotators": ballots.ballot_annotators,
        "ballot_weights": weights,
        "ballot_counts": np.ones(len(weights), dtype=np.int64),
        "entry_starts": ballots.entry_starts,
        "entry_responses": ballots.entry_responses,
        "entry_ranks": ballots.entry_ranks,
        "entry_scores": None if is_rank else taken(-rows.values, ballots.entry_rows),
        "source": source,
        "skipped": [],
    }


def _rows(columns: dict[str, np.ndarray], n_prompts: int, names: np.ndarray) -> "Rows":
    """The rows by prompt, the smallest value being the best, and responses by their place among the names."""
    from rlchf.numeric.ballot_rows import Rows, prompt_starts, together

    prompts = columns.pop("prompt_id")
    starts, in_order = prompt_starts(prompts, n_prompts)
    if not in_order:
        for name in columns:
            columns[name] = together(columns[name], prompts, starts)
    place = np.empty(len(names), dtype=np.int32)
    place[names] = np.arange(len(names))
    return Rows(
        starts=starts,
        annotators=columns.pop("annotator_id"),
        responses=place[columns.pop("response_id")],
        values=columns.pop("rank") if "rank" in columns else -columns.pop("score"),
    )


def _weights(ballots: "Ballots", of_rows: np.ndarray | None) -> np.ndarray | None:
    """(N,) the weights of the ballots, 1 if rows have none; None if the rows of a ballot differ."""
    if of_rows is None:
        return np.ones(len(ballots.ballot_annotators))
    of_entries = of_rows[ballots.entry_rows]
    weights = of_entries[ballots.entry_starts[:-1]]
    agree = (of_entries == np.repeat(weights, np.diff(ballots.entry_starts))).all()
    return np.asarray(weights) if agree else None
