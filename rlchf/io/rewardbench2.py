"""Files of RewardBench 2: the prompts with their responses, and scores of the responses."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from rlchf.evaluation.benchmark_prompts import BenchmarkPrompt, subset_named
from rlchf.io.chats import check_prompt
from rlchf.io.files import (
    bare_name,
    damaged_file,
    decode,
    display_name,
    empty_file,
    file_kind,
    read_bytes,
    shown,
)
from rlchf.io.jsonl import json_records
from rlchf.io.sources._records import Record
from rlchf.io.texts import text_in
from rlchf.parsing import json_value

SHAPE = "id, prompt, chosen (a list), rejected (a list), subset"
SCORES = "id, scores (a list, those of chosen before those of rejected), optional subset"


def read_rewardbench2(path: str | Path) -> list[BenchmarkPrompt]:
    """Read RewardBench 2 from jsonl or Parquet: the rows in the order of the file; further keys are ignored.

    Raises
    ------
    ValueError
        If a key is missing, a prompt is neither text nor chat messages, a response is no text, a list of
        responses is empty or has another length than the row says, or an id does not fit its subset.

    Examples
    --------
    >>> import json, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "bench.jsonl"
    >>> row = {"id": "0", "prompt": "1 + 1?", "chosen": ["2"], "rejected": ["3"], "subset": "Math"}
    >>> _ = path.write_text(json.dumps(row))
    >>> read_rewardbench2(path)
    [BenchmarkPrompt(id='0', subset='Math', prompt='1 + 1?', chosen=['2'], rejected=['3'])]
    """
    return [_prompt(record) for record in _records(path, SHAPE)]


def read_benchmark_scores(
    path: str | Path, prompts: Sequence[BenchmarkPrompt]
) -> tuple[list[list[float]], int]:
    """Read the scores of the prompts' responses from jsonl or Parquet.

    The JSON object of columns that the reference implementation writes for each model is read, too. Rows
    belong to the prompts by id, and by subset where the file has it.

    Returns
    -------
    The scores of each prompt's responses, and the number of rows of the file that belong to no prompt.

    Raises
    ------
    ValueError
        If a prompt has no scores, a number of scores is not that of its responses, or a score is not a
        finite number.
    """
    by_id: dict[tuple[str, str], list[Record]] = {}
    for record in _records(path, SCORES):
        subset = subset_named(record.text("subset")) if record.has("subset") else ""
        by_id.setdefault((subset, record.text("id")), []).append(record)
    total = sum(map(len, by_id.values()))
    scores = []
    for prompt in prompts:
        records = by_id.get((prompt.subset, prompt.id)) or by_id.get(("", prompt.id))
        if not records:
            raise ValueError(
                f"{display_name(path)}: there are no scores of the prompt {prompt.id!r} of {prompt.subset}; "
                f"give {SCORES}"
            )
        scores.append(_scores(records.pop(0), len(prompt.responses)))
    return scores, total - len(scores)


def _records(path: str | Path, shape: str) -> Iterator[Record]:
    source, data = display_name(path), read_bytes(path)
    if not data.strip():
        raise empty_file(source)
    kind = file_kind(path, data)
    rows: Iterator[tuple[str, Mapping[str, Any]]]
    if kind == "parquet":
        rows = _parquet(data, source)
    elif bare_name(path)[1] == "json":
        rows = _json(data, source)
    elif kind == "jsonl":
        rows = ((f"line {number}", record) for number, record in json_records(data, source))
    else:
        raise ValueError(f"{source}: this is a {kind} file; give jsonl or Parquet with {shape}")
    for row, values in rows:
        yield Record(values, f"{source}, {row}", shape)


def _prompt(record: Record) -> BenchmarkPrompt:
    texts = {
        name: [
            text_in(one, f"{record.place}: {name} {n}")
            for n, one in enumerate(record.items(name), 1)
        ]
        for name in ("chosen", "rejected")
    }
    prompt = check_prompt(record.need("prompt"), record.place)
    try:
        one = BenchmarkPrompt(
            record.text("id"), subset_named(record.text("subset")), prompt, **texts
        )
    except ValueError as error:
        raise record.error(str(error)) from None
    _check_counts(record, one)
    return one


def _check_counts(record: Record, prompt: BenchmarkPrompt) -> None:
    """Refuse a row whose counts of responses, where it has them, do not agree with its responses."""
    n, others = len(prompt.chosen), len(prompt.rejected)
    counts = {"num_correct": n, "num_incorrect": others, "total_completions": n + others}
    for name, count in counts.items():
        if record.has(name) and record.number(name) != count:
            raise record.error(
                f"{name} is {record.get(name)}, and it should be {count}, because there are {n} chosen and "
                f"{others} rejected responses; correct the number or the lists"
            )


def _scores(record: Record, n: int) -> list[float]:
    """The scores of one row, of which there must be n; the reference may write each as a list of one."""
    values = [
        one[0] if isinstance(one, list) and len(one) == 1 else one for one in record.items("scores")
    ]
    if len(values) != n:
        raise record.error(
            f"there are {len(values)} scores and the prompt {record.text('id')!r} has {n} responses; give "
            "one for each, those of chosen before those of rejected"
        )
    return [Record({"a score": one}, record.place).number("a score") for one in values]


def _parquet(data: bytes, source: str) -> Iterator[tuple[str, dict[str, Any]]]:
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(pa.BufferReader(data)).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise damaged_file(source, "read as Parquet", error) from None
    yield from ((f"row {number}", row) for number, row in enumerate(rows, start=1))


def _json(data: bytes, source: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a JSON list, or the rows of an object that has a list for each column."""
    try:
        value = json_value(decode(data, source))
    except ValueError as error:
        raise ValueError(f"{source}: not JSON ({error}); give jsonl or Parquet") from None
    if isinstance(value, dict):
        columns = {name: column for name, column in value.items() if isinstance(column, list)}
        if len({len(column) for column in columns.values()}) != 1:
            raise ValueError(f"{source}: the lists in it differ in length; give one row per line")
        value = [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
    for number, row in enumerate(value if isinstance(value, list) else [value], start=1):
        if not isinstance(row, dict):
            raise ValueError(f"{source}, item {number}: found {shown(row)}; give objects")
        yield f"item {number}", row
