"""Parts of a dataset on Ray Data: on this machine, or on the cluster that RAY_ADDRESS names."""

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rlchf.installing import pip_install
from rlchf.io.atomic import atomic_write
from rlchf.io.files import real_path
from rlchf.io.large.parts import Range
from rlchf.jobs.large.folder import PartsFolder, RunStoppedError
from rlchf.jobs.large.work import Notes, Work
from rlchf.jobs.progress import stage
from rlchf.parts import Part


def run_on_ray(work: Work, parts: Sequence[Range], folder: PartsFolder) -> list[Notes]:
    """Aggregate the parts that are not done on the machines of a cluster; the notes of all, in order.

    All machines must see the files under the same paths. Ray gives the parts of a machine that is lost to
    others.

    Raises
    ------
    ValueError
        If Ray is not installed, or there is something wrong with the rows of a part.
    RunStoppedError
        If Ray gave up, for instance because a part needs more memory than a machine has.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise ValueError(
            f"--engine ray needs Ray, which is not installed; run {pip_install('ray')}"
        ) from None
    left = [part for part in parts if folder.done(part.number) is None]
    began = not ray.is_initialized()
    if began:
        ray.init(log_to_driver=False, logging_level="ERROR")
    try:
        _run(ray, work, left, folder)
    except ray.exceptions.RayTaskError:
        raise  # a bug of ours, with its traceback
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[-1]
        raise RunStoppedError(f"Ray stopped: {reason}; go on with --resume") from None
    finally:
        if began:
            ray.shutdown()
    return [notes for part in parts if (notes := folder.done(part.number)) is not None]


def _run(ray: Any, work: Work, parts: Sequence[Range], folder: PartsFolder) -> None:
    if not parts:
        return
    ray.data.DataContext.get_current().enable_progress_bars = False
    stored = tuple(str(real_path(path)) for path in work.rows.stored)
    job = replace(work.job, threads=work.job.threads or 1)
    shared = ray.put(replace(work, job=job, rows=replace(work.rows, stored=stored)))
    kind = folder.kind

    def decided(row: dict[str, Any]) -> dict[str, Any]:
        return decide(ray.get(shared), Range(*row["part"]), kind)

    rows = [{"part": list(part)} for part in parts]
    dataset = ray.data.from_items(rows, override_num_blocks=len(rows)).map(decided)
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # the progress shown is ours
    with stage(f"aggregate {len(parts)} parts by {work.job.rule} on Ray", quiet=True) as tick:
        for done, row in enumerate(dataset.iter_rows()):
            if row["problem"]:
                raise ValueError(row["problem"])
            if row["result"]:
                with atomic_write(folder.result(row["number"])) as file:
                    file.write(row["result"])
            folder.keep(row["number"], Notes.from_json(row["notes"]))
            tick(done + 1, len(parts))


def decide(work: Work, part: Range, kind: str) -> dict[str, Any]:
    """The result of a part as the bytes of a file, none if no ballot counts, its notes, or what is wrong."""
    done = {"number": part.number, "notes": "", "result": b"", "problem": ""}
    with tempfile.TemporaryDirectory(prefix="rlchf-") as folder:
        path = Path(folder) / f"result.{kind}"
        try:
            ((_, rankings, notes),) = work.parts([part])
            if rankings is not None:
                work.decide(rankings, Part(part.first_prompt), notes, path)
                done["result"] = path.read_bytes()
        except (ValueError, OSError) as error:  # which Ray would wrap into another
            return {**done, "problem": str(error)}
    return {**done, "notes": notes.as_json()}
