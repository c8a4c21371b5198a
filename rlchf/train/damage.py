"""Files of a training that goes on, and what is said where one of them is damaged."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlchf.train.models.pretrained import check_files, shortened


@contextmanager
def naming_damage(file: Path, remedy: str) -> Iterator[None]:
    """Name the file that a block reads in whatever error the block raises.

    Parameters
    ----------
    remedy
        What to do instead.

    Raises
    ------
    ValueError
        In place of any error but a lack of memory.
    """
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # libraries raise whatever they run into
        problem = shortened(f"{type(error).__name__}: {error}", 200)
        raise ValueError(f"{file} is damaged ({problem}); {remedy}") from error


def check_checkpoint(folder: Path) -> None:
    """Refuse a checkpoint of a `transformers.Trainer` with a file that is cut off or is none of its kind.

    Raises
    ------
    ValueError
        If there is one; the message names it.
    """
    check_files(folder)
    for path in sorted([*folder.glob("*.pt"), *folder.glob("*.pth")]):
        if not zipfile.is_zipfile(path):  # as torch writes them
            raise ValueError(
                f"{path} is damaged; remove {folder}, and the training goes on from an earlier checkpoint or "
                "begins anew"
            )
