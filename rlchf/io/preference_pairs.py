"""Preference pairs, the form other trainers take: rows of ``prompt``, ``chosen`` and ``rejected``."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rlchf.io.files import display_name, read_bytes, shown
from rlchf.io.json import write_jsonl
from rlchf.io.jsonl import json_records
from rlchf.io.texts import check_prompt, is_message
from rlchf.numeric.ratios import ratio
from rlchf.preferences import Example

NUMBERS = {
    "weight": (1.0, 0.0, np.inf, "0 or more"),
    "probability": (1.0, 0.0, 1.0, "from 0 to 1"),
    "margin": (0.0, -np.inf, np.inf, "finite"),
}
"""The optional numbers of a row: default, least and largest value, and the range in words."""


def to_preference_rows(
    examples: Sequence[Example], learn_from: Literal["ranking", "shares"] = "ranking"
) -> Iterator[dict[str, Any]]:
    """Every pair of responses with a preference as one row; ties have no row.

    The preferences are those of the collective ranking or, with ``learn_from="shares"``, those of the
    majority of the ballots, which the examples must have.

    With a prompt of chat messages the responses are chat messages too. Keys with their usual value are
    left out: ``probability`` (that the chosen one is preferred) and ``weight`` when they are 1,
    ``margin`` when it is 0.

    Examples
    --------
    >>> example = Example("p", "Greet me.", ["a", "b"], ["Hello!", "No."], [1, 2])
    >>> list(to_preference_rows([example]))
    [{'prompt_id': 'p', 'prompt': 'Greet me.', 'chosen': 'Hello!', 'rejected': 'No.'}]
    """
    for example in examples:
        targets = _pair_targets(example, learn_from)
        prompt: Any = example.prompt
        responses: list[Any] = list(example.responses)
        if not isinstance(prompt, str):
            prompt = [dict(message) for message in prompt]
            responses = [[{"role": "assistant", "content": text}] for text in responses]
        for i, j in np.argwhere(targets > 0.5).tolist():
            row = {
                "prompt_id": example.prompt_id,
                "prompt": prompt,
                "chosen": responses[i],
                "rejected": responses[j],
            }
            weight = example.weight
            if example.pair_weights is not None:
                weight *= float(example.pair_weights[i, j])
            margin = 0.0 if example.margins is None else float(example.margins[i, j])
            numbers = {"probability": float(targets[i, j]), "weight": weight, "margin": margin}
            yield row | {key: value for key, value in numbers.items() if value != NUMBERS[key][0]}


def _pair_targets(example: Example, learn_from: str) -> np.ndarray:
    if learn_from == "ranking":
        return example.pair_targets()
    if example.ballots is None:
        raise ValueError(
            f"prompt {example.prompt_id!r} comes without its ballots; "
            "make the examples with ballots_of=rankings"
        )
    return example.ballots.shares()


def write_pairs(
    examples: Sequence[Example],
    path: str | Path,
    learn_from: Literal["ranking", "shares"] = "ranking",
) -> int:
    """Write `to_preference_rows` as jsonl, complete or not at all; returns the number of rows."""
    return write_jsonl(path, to_preference_rows(examples, learn_from))


def read_pairs(path: str | Path) -> list[Example]:
    """Read a jsonl file of preference pairs, one example per distinct prompt.

    Pairs of the same prompt become one example, so that each response is read once. The example has the
    loss of its rows: a pair's target is the share of its rows' weight that chose ``i`` over ``j``, its
    weight is the sum of theirs, and the prompt's weight is the sum over all pairs.

    Parameters
    ----------
    path
        Lines with ``prompt``, ``chosen`` and ``rejected``, as text or as chat messages. With chat
        messages ``prompt`` may be left out: what both conversations begin with is the prompt.
        Optional: ``prompt_id``, ``weight`` (0 or more), ``probability`` (0 to 1), ``margin``.

    Raises
    ------
    ValueError
        If a line lacks a key or holds something else; the message says where and what would work.
    """
    source = display_name(path)
    lines = json_records(read_bytes(path), source)
    rows = [_checked(record, f"{source}, line {number}") for number, record in lines]
    if not rows:
        raise ValueError(f"{source}: there is no row in it; give prompt, chosen and rejected")
    return _merged(rows)


def _checked(record: Mapping[str, Any], line: str) -> dict[str, Any]:
    for key in ("chosen", "rejected"):
        if key not in record:
            raise ValueError(f"{line}: there is no key {key!r} among {', '.join(record)}")
    prompt, chosen, rejected = record.get("prompt"), record["chosen"], record["rejected"]
    if prompt is None:
        prompt, chosen, rejected = _shared_beginning(chosen, rejected, line)
    row = {
        "prompt": check_prompt(prompt, line),
        "chosen": _response(chosen, "chosen", line),
        "rejected": _response(rejected, "rejected", line),
        "prompt_id": record.get("prompt_id"),
    }
    if row["chosen"] == row["rejected"]:
        raise ValueError(f"{line}: chosen and rejected are the same text; leave the row out")
    for key, (default, least, most, allowed) in NUMBERS.items():
        value = record.get(key, default)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not least <= value <= most or not np.isfinite(value):
            raise ValueError(f"{line}: the {key} is {shown(value)}; give a number, {allowed}")
        row[key] = float(value)
    return row


def _shared_beginning(chosen: Any, rejected: Any, line: str) -> tuple[Any, Any, Any]:
    """Split two conversations that differ in their last message only."""
    lists = isinstance(chosen, list) and isinstance(rejected, list)
    if not lists or len(chosen) < 2 or chosen[:-1] != rejected[:-1]:
        raise ValueError(
            f"{line}: there is no prompt, and chosen and rejected are not two conversations that "
            "differ in their last message only; give the prompt under the key 'prompt'"
        )
    return chosen[:-1], chosen[-1:], rejected[-1:]


def _response(response: Any, key: str, line: str) -> str:
    if isinstance(response, str):
        return response
    if isinstance(response, list) and len(response) == 1 and is_message(response[0]):
        return str(response[0]["content"])
    raise ValueError(
        f"{line}: {key} is {shown(response)}; give text or a list of one message of the assistant"
    )


def _merged(rows: Sequence[Mapping[str, Any]]) -> list[Example]:
    by_prompt: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        key = json.dumps([row["prompt_id"], row["prompt"]], sort_keys=True)
        by_prompt.setdefault(key, []).append(row)
    return [_example(number, same) for number, same in enumerate(by_prompt.values())]


def _example(number: int, rows: Sequence[Mapping[str, Any]]) -> Example:
    texts = list(dict.fromkeys(row[key] for row in rows for key in ("chosen", "rejected")))
    index, K = {text: k for k, text in enumerate(texts)}, len(texts)
    total, won, margin = np.zeros((K, K)), np.zeros((K, K)), np.zeros((K, K))
    for row in rows:
        i, j, weight = index[row["chosen"]], index[row["rejected"]], row["weight"]
        total[i, j] += weight
        total[j, i] += weight
        won[i, j] += weight * row["probability"]
        won[j, i] += weight * (1 - row["probability"])
        margin[i, j] += weight * row["margin"]
        margin[j, i] -= weight * row["margin"]
    targets, margins = ratio(won, total), ratio(margin, total, 0.0)
    copeland = np.sign(np.nan_to_num(targets - targets.T)).sum(1)
    prompt_id = rows[0]["prompt_id"]
    return Example(
        prompt_id=str(number) if prompt_id is None else str(prompt_id),
        prompt=rows[0]["prompt"],
        response_ids=[str(k) for k in range(K)],
        responses=texts,
        ranks=(1 + np.searchsorted(np.unique(-copeland), -copeland)).tolist(),
        weight=float(total.sum() / 2),
        targets=targets,
        pair_weights=total,
        margins=margins if margins.any() else None,
    )
