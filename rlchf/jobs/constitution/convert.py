"""A constitution in any shape that is read, as TOML: the job of `rlchf constitution convert`."""

from pathlib import Path

from rlchf.constitution.principles import Constitution
from rlchf.io.constitutions import read_constitution, write_constitution
from rlchf.io.files import STANDARD_STREAM, bare_name
from rlchf.jobs.inputs import check_paths


def convert_constitution(constitution: str, out: str) -> Constitution:
    """Read a constitution and write it as TOML.

    Raises
    ------
    ValueError, FileNotFoundError
        If it is missing or wrong, or the file cannot be written; nothing has been written then.
    """
    if out != STANDARD_STREAM and bare_name(out)[1] != "toml":
        raise ValueError(f"--out is {out!r}; give a file that ends in .toml")
    check_paths([constitution] if Path(constitution).exists() else [], [out])
    read = read_constitution(constitution)
    write_constitution(out, read)
    return read
