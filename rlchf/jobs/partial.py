"""What a long job has done so far, in a file beside its output, so that a job that was stopped can go on."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlchf.io.atomic import atomic_write
from rlchf.io.files import bare_name
from rlchf.io.json import read_object
from rlchf.settings import built


def partial_file(out: str | Path) -> Path:
    """The file of what is done, while the output is not complete."""
    return Path(out).with_name(Path(out).name + ".partial")


def partial_folder(out: str | Path) -> Path:
    """The folder that a training fills, and that becomes ``out`` when it is done."""
    return partial_file(out)


def read_training(
    folder: str | Path, what: str, settings_file: str, job: type[Any], config: type[Any]
) -> tuple[Any, Any]:
    """The job and the settings of a training that was stopped.

    Parameters
    ----------
    folder
        Its ``out``.
    what
        What it makes, for messages.
    settings_file
        The name of the file of its settings, which may hold figures, too.

    Raises
    ------
    ValueError
        If there is no training to go on with.
    """
    partial = partial_folder(folder)
    if not (partial / "job.json").exists():
        raise ValueError(
            f"the {what} in {folder} is done, and there is nothing to go on with"
            if Path(folder, "config.json").exists()
            else f"{folder} holds no training to go on with; give the --out of one that was stopped"
        )
    files = partial / "job.json", partial / settings_file
    stated = built(job, read_object(files[0]), f"{files[0]}: ")
    return stated, built(config, read_object(files[1]), f"{files[1]}: ", among=True)


def read_settings(out: str | Path, **kinds: type) -> tuple[Any, ...]:
    """The settings of a job that was stopped, one object for each part of them.

    Parameters
    ----------
    kinds
        The class of each part, by its name in the file, such as ``job=SampleJob``.

    Raises
    ------
    ValueError
        If there is no such job, or it is done.
    """
    path = partial_file(out)
    _check_there(out)
    head = _head(path)
    return tuple(built(kind, head.get(name, {}), f"{path}: ") for name, kind in kinds.items())


def check_out(out: str, resume: bool, holds: str = "") -> None:
    """Refuse an output that is there already, and to go on where there is nothing to go on with.

    Parameters
    ----------
    holds
        Why an output is not replaced, for messages.

    Raises
    ------
    ValueError
        If it is so, or the output is no jsonl file.
    """
    if bare_name(out)[1] != "jsonl":
        raise ValueError(f"--out is {out!r}; give a file that ends in .jsonl")
    path = Path(out)
    if path.exists() and not resume:
        reason = f", and {holds}" if holds else ""
        raise ValueError(f"{out} is there already{reason}; choose another file for --out")
    check_resume(out, resume)


def check_resume(out: str, resume: bool) -> None:
    """Refuse to go on where there is nothing to go on with, and to begin beside a run that was stopped.

    Raises
    ------
    ValueError
        If it is so.
    """
    partial = partial_file(out)
    if resume:
        _check_there(out)
    elif partial.exists():
        raise ValueError(
            f"{partial} holds a run that was stopped; go on with --resume {out}, or remove that file"
        )


class PartialFile:
    """A file with the settings and the fingerprint on its first line, and a batch on each further one.

    Parameters
    ----------
    head
        The settings: ``job``, ``config`` and perhaps more.
    resume
        Whether the job goes on with what the file holds.
    """

    def __init__(self, path: Path, head: Mapping[str, Any], resume: bool) -> None:
        self.path, self.head, self.resume = path, head, resume
        self.file: Any = None

    def begin(self, fingerprint: Mapping[str, Any], names: Mapping[str, str]) -> list[Any]:
        """Write the first line or, if the job goes on, read its batches.

        Parameters
        ----------
        names
            What each entry of the fingerprint is of, for messages.

        Raises
        ------
        ValueError
            If the job that goes on began with another fingerprint.
        """
        batches: list[str] = []
        if self.resume:
            before, batches = _head(self.path)["fingerprint"], _whole_lines(self.path)[1:]
            for what, name in names.items():
                if before.get(what) != fingerprint[what]:
                    raise ValueError(
                        f"the {name} are not those with which the run began; give those, or remove "
                        f"{self.path} and begin anew"
                    )
        head = {**self.head, "fingerprint": dict(fingerprint)}
        with atomic_write(self.path) as file:  # without a line that was cut off
            for line in [json.dumps(head, ensure_ascii=False), *batches]:
                file.write(line.encode() + b"\n")
        self.file = self.path.open("a", encoding="utf-8")
        try:
            return [json.loads(line) for line in batches]
        except ValueError as error:
            raise ValueError(
                f"{self.path} is damaged ({error}); remove it and begin anew"
            ) from None

    def append(self, batch: Any) -> None:
        """Write a batch."""
        self.file.write(json.dumps(batch, ensure_ascii=False) + "\n")
        self.file.flush()

    def close(self) -> None:
        """Close the file."""
        if self.file:
            self.file.close()


def _check_there(out: str | Path) -> None:
    path = partial_file(out)
    if not path.exists() and Path(out).exists():
        raise ValueError(f"{out} is complete: there is no {path}, and so nothing to go on with")
    if not path.exists():
        raise ValueError(
            f"there is no {path}, and so no run to go on with; give the --out of one that was stopped"
        )


def _whole_lines(path: Path) -> list[str]:
    """The lines that were written completely; the last may not have been."""
    return path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]


def _head(path: Path) -> dict[str, Any]:
    """The first line of the file."""
    try:
        head = json.loads(_whole_lines(path)[0])
        if {"job", "config", "fingerprint"} <= head.keys():
            return dict(head)
    except (IndexError, AttributeError, json.JSONDecodeError):
        pass
    raise ValueError(f"{path} holds no run to go on with; remove it and begin anew")
