"""The folder beside an output that holds the parts that are done, until all are."""

import errno
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet

from rlchf.io.atomic import atomic_write
from rlchf.io.files import STANDARD_STREAM
from rlchf.io.json import read_object, write_json
from rlchf.io.tables import table_format, write_table
from rlchf.jobs.large.work import Notes
from rlchf.jobs.locks import at_work_in
from rlchf.jobs.settings import AggregateJob

OF_THE_RUN = ("memory", "resume", "engine", "threads")
"""Settings that may change when a run goes on: they do not change its result."""
MANIFEST = "manifest.json"


class RunStoppedError(ValueError):
    """A run that ended for another reason than its input, so that it can go on."""


@dataclass(frozen=True)
class PartsFolder:
    """The folder, the kind of its results, and the number of rows in a part."""

    path: Path
    kind: str
    part_rows: int

    def result(self, number: int) -> Path:
        """The file of a part's result."""
        return self.path / f"{number:08d}.{self.kind}"

    def keep(self, number: int, notes: Notes) -> None:
        """Write the notes of a part whose result is written: the part is then done."""
        with atomic_write(self._notes(number)) as file:
            file.write(notes.as_json().encode())
        self._account(number - 1).unlink(missing_ok=True)

    def done(self, number: int) -> Notes | None:
        """The notes of a part that is done; else None."""
        path = self._notes(number)
        return Notes.from_json(path.read_text(encoding="utf-8")) if path.exists() else None

    def _notes(self, number: int) -> Path:
        return self.path / f"{number:08d}.json"

    def keep_account(self, number: int, annotators: Sequence[str], account: Any) -> None:
        """Write what a sequential rule carries on from a part, before the part is done."""
        write_table(self._account(number), {"annotator_id": list(annotators), "account": account})

    def account(self, number: int) -> tuple[list[str], Any]:
        """What is carried on from a part."""
        table = pyarrow.parquet.read_table(self._account(number))
        return table["annotator_id"].to_pylist(), table["account"].to_numpy().copy()

    def _account(self, number: int) -> Path:
        return self.path / f"account-{number:08d}.parquet"


def parts_folder_of(out: str | Path) -> Path:
    """The folder of the parts of an output.

    Examples
    --------
    >>> str(parts_folder_of("aggregated.jsonl"))
    'aggregated.jsonl.parts'
    """
    return Path(out).with_name(Path(out).name + ".parts")


@contextmanager
def parts_folder(job: AggregateJob, paths: Sequence[str], part_rows: int) -> Iterator[PartsFolder]:
    """The folder of a run, new or that of a run to go on with; it is removed when the block is done.

    It stays if the run is stopped, so that it can go on, and goes if there is something wrong with the input.

    Raises
    ------
    ValueError
        If there is no run to go on with, the run that was stopped had other inputs or settings, or there is
        one and this one is not to go on with it.
    """
    kind = table_format(job.out)
    if job.out == STANDARD_STREAM:
        if job.resume:
            raise ValueError(
                "--resume goes on with a file; give the --out of the run that was stopped"
            )
        with tempfile.TemporaryDirectory(prefix="rlchf-") as folder:
            yield PartsFolder(Path(folder), kind, part_rows)
        return
    path, manifest = parts_folder_of(job.out), _manifest(job, paths)
    if job.resume:
        part_rows = _check_same(path, manifest, job.out)
    else:
        try:
            path.mkdir()
        except FileExistsError:
            _check_run(path)
            raise ValueError(
                f"{path} holds a run that was stopped, or is in progress; go on with --resume, or remove "
                "that folder"
            ) from None
        except OSError as error:
            raise ValueError(f"{path}: cannot be made: {error.strerror}") from None
        write_json(path / MANIFEST, {**manifest, "part_rows": part_rows})
    with at_work_in(path):
        try:
            yield PartsFolder(path, kind, part_rows)
        except RunStoppedError:
            raise
        except (ValueError, OSError) as error:
            shutil.rmtree(path, ignore_errors=True)
            if getattr(error, "errno", None) == errno.ENOSPC:
                raise ValueError(f"{path}: cannot be written: the disk is full") from None
            raise
        shutil.rmtree(path)


def _manifest(job: AggregateJob, paths: Sequence[str]) -> dict[str, Any]:
    """What the result depends on: the inputs by name, size and time of change, settings and version."""
    from rlchf import __version__

    settings = {name: value for name, value in asdict(job).items() if name not in OF_THE_RUN}
    facts = {
        "version": __version__,
        "inputs": input_facts(job, paths),
        "settings": settings,
    }
    return dict(json.loads(json.dumps(facts, default=str)))


def input_facts(job: AggregateJob, paths: Sequence[str]) -> list[tuple[str, int, int]]:
    """The path, size and time of change, in nanoseconds, of each file that is read."""
    inputs = [*paths, *filter(None, [job.annotators, job.candidates])]
    return [(p, Path(p).stat().st_size, Path(p).stat().st_mtime_ns) for p in inputs]


def _check_run(path: Path) -> None:
    """Refuse a file, or a folder that no run has made."""
    if not (path / MANIFEST).is_file():
        raise ValueError(
            f"{path} is there, but holds no run to go on with; remove or rename it, or choose another --out"
        )


def _check_same(path: Path, manifest: dict[str, Any], out: str) -> int:
    """Refuse to go on with a run of other inputs, settings or another version; its rows of a part."""
    if not path.exists():
        problem = f"{out} is complete: " if Path(out).exists() else ""
        raise ValueError(f"{problem}there is no {path}, and so no run to go on with")
    _check_run(path)
    before = read_object(path / MANIFEST)
    for what, name in (("inputs", "files"), ("settings", "settings"), ("version", "version")):
        if before.get(what) != manifest[what]:
            changed = ""
            if what == "settings":
                names = [
                    k for k, v in manifest[what].items() if (before.get(what) or {}).get(k) != v
                ]
                changed = f" ({', '.join(names)})"
            raise ValueError(
                f"{path} holds a run with other {name}{changed}; give the same to go on with it, or remove "
                "that folder and leave out --resume"
            )
    return int(before["part_rows"])
