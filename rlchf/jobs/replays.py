"""Counterexamples that `rlchf axioms --out` wrote, run again."""

from typing import Any

from rlchf.axioms.counterexamples import Counterexample, Replay, replayed
from rlchf.io.json import read_json
from rlchf.jobs.axioms_settings import AxiomsJob


def replay_file(job: AxiomsJob) -> list[Replay]:
    """Run the counterexamples of a file again.

    Raises
    ------
    ValueError, FileNotFoundError
        If the file is missing or wrong, or names a rule that there is not.
    """
    value = read_json(job.replay)
    records = list(counterexample_records(value))
    if not records:
        raise ValueError(f"{job.replay} has no counterexample{why_none(value)}")
    replays = []
    for n, record in enumerate(records):
        try:
            replays.append(replayed(Counterexample.from_record(record)))
        except ValueError as error:
            place = f", counterexample {n}" if len(records) > 1 else ""
            raise ValueError(f"{job.replay}{place}: {error}") from None
    return replays


def why_none(value: Any) -> str:
    """Why a file has no counterexample: all were seen with a whole file, or it is no file of this kind."""
    rows = value.get("rules") if isinstance(value, dict) else None
    rows = rows if isinstance(rows, list) else []
    met = [row for row in rows if isinstance(row, dict) and row.get("met")]
    if not met:
        return "; give a file that rlchf axioms --out wrote"
    return (
        f" that can run by itself: {met[0]['rule']} looks across prompts and broke {met[0]['axiom']} on "
        f"{met[0]['met']}, so run rlchf axioms on that file again"
    )


def counterexample_records(value: Any) -> list[dict[str, Any]]:
    """The records of counterexamples in what `rlchf axioms` writes, or a list of them, or one."""
    if isinstance(value, dict) and "elections" in value:
        return [value]
    rows = value
    if isinstance(value, dict):
        rows = value.get("counterexamples") or value.get("rules")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return []
    found = [row.get("counterexample", row) for row in rows]
    return [row for row in found if row]
