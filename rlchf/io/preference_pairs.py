"""Preference pairs: written in the shapes that trainers read, and read back into examples."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rlchf.io.atomic import atomic_folder, atomic_write, check_new_folder, check_writable
from rlchf.io.chats import check_prompt, is_message
from rlchf.io.files import STANDARD_STREAM, display_name, read_bytes, shown
from rlchf.io.json import write_jsonl
from rlchf.io.jsonl import json_records
from rlchf.io.trainer_rows import PairRows, pair_rows
from rlchf.io.trainers import NUMBERS, Layout, Row, get_target
from rlchf.numeric.ratios import ratio
from rlchf.pairs import PairConfig
from rlchf.parsing import finite
from rlchf.preferences import Example

RANGES = {
    "weight": (0.0, np.inf, "0 or more"),
    "probability": (0.0, 1.0, "from 0 to 1"),
    "margin": (-np.inf, np.inf, "finite"),
}
"""The optional numbers of a row that is read: least and largest value, and the range in words."""


def check_destination(path: str | Path, to: str, held_out: bool = False) -> None:
    """Refuse a path that the rows for a trainer cannot be written to, before the work is done.

    Raises
    ------
    ValueError
        If there is no such trainer, it needs a folder where a file is named or reads other files, or the
        path cannot be written to.
    """
    target = get_target(to)
    if is_folder(path):
        check_new_folder(path)
        return
    name = "standard output" if str(path) == STANDARD_STREAM else str(path)
    for needs, what in ((target.is_folder, to), (held_out, "a part held out")):
        if needs:
            raise ValueError(f"{name} is one file, and {what} needs several; give --out a folder")
    if _ending(path) not in target.kinds:
        endings = " or ".join(f".{kind}" for kind in target.kinds)
        raise ValueError(
            f"{path}: {to} reads no such file; give one that ends in {endings}, or a folder, whose name "
            "has no ending"
        )
    check_writable(path)


def write_pairs(
    examples: Sequence[Example],
    path: str | Path,
    to: str = "hf",
    config: PairConfig | None = None,
    *,
    held_out: Sequence[Example] = (),
    rule: str = "",
) -> PairRows:
    """Write the rows that a trainer reads, complete or not at all.

    Parameters
    ----------
    examples, held_out
        The prompts to learn from, and those held out.
    path
        A ``.jsonl`` or ``.parquet`` file, ``-`` for jsonl on standard output, or a new folder, which has a
        name without an ending and gets the files ``train`` and ``test`` and what else the trainer needs.
    to
        Name of the trainer, one of `rlchf.io.trainers.targets`.
    config
        Which pairs, with what numbers.
    rule
        Name of the voting rule, for the dataset's card.

    Returns
    -------
    The rows, with what they leave out; their ``summary()`` says it in one line.

    Raises
    ------
    ValueError
        If the path or the settings do not fit the trainer, or no row is left.
    """
    check_destination(path, to, bool(held_out))
    made = pair_rows(examples, to, config, held_out=held_out)
    if not is_folder(path):
        _write_rows(path, made.train)
        return made
    parts = {"train": made.train, "test": made.test} if made.test else {"train": made.train}
    files = {part: f"{part}.{made.target.kinds[0]}" for part in parts}
    layout = Layout(str(path).rstrip("/"), files, [*made.train, *made.test], rule)
    with atomic_folder(path) as folder:
        for part, rows in parts.items():
            _write_rows(folder / files[part], rows)
        for name, text in made.target.files(layout).items():
            (folder / name).write_text(text, encoding="utf-8")
    return made


def is_folder(path: str | Path) -> bool:
    """Whether a path names a folder of files: it is one, or its name has no ending."""
    return str(path) != STANDARD_STREAM and (not Path(path).suffix or Path(path).is_dir())


def _ending(path: str | Path) -> str:
    return "jsonl" if str(path) == STANDARD_STREAM else Path(path).suffix.lower().removeprefix(".")


def _write_rows(path: str | Path, rows: Sequence[Row]) -> None:
    if _ending(path) == "jsonl":
        write_jsonl(path, rows)
        return
    import pyarrow as pa
    import pyarrow.parquet

    with atomic_write(path) as file:
        pyarrow.parquet.write_table(pa.Table.from_pylist(list(rows)), file)


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
    for key, (least, most, allowed) in RANGES.items():
        value = record.get(key, NUMBERS[key][0])
        number = finite(value)
        if number is None or not least <= number <= most:
            raise ValueError(f"{line}: the {key} is {shown(value)}; give a number, {allowed}")
        row[key] = number
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
