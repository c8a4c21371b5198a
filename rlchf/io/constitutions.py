"""Constitutions in files: TOML of ours, and the JSON of others."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from rlchf.constitution.principles import Constitution, Principle
from rlchf.io.atomic import atomic_write
from rlchf.io.constitution_shapes import parse_json, table_of
from rlchf.io.files import bare_name, decode, display_name, read_bytes
from rlchf.options import listed
from rlchf.parsing import toml_table

SHIPPED = Path(__file__).parents[1] / "constitution"
KEYS = ("title", "source", "principles")


def shipped() -> list[str]:
    """Names of the constitutions that come with the package.

    Examples
    --------
    >>> shipped()
    ['bai2022', 'default']
    """
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def read_constitution(path: str | Path) -> Constitution:
    """Read a constitution.

    Parameters
    ----------
    path
        A TOML file, or the name of a constitution that comes with the package. JSON is read too: the same
        keys, critique and revision requests by name, a list of comparison principles, or annotated pairs,
        in which principles are annotators.

    Raises
    ------
    ValueError, FileNotFoundError
        If it is missing, is neither TOML nor JSON, or a principle is wrong; the message names the
        principle.

    Examples
    --------
    >>> constitution = read_constitution("default")
    >>> len(constitution), constitution["honest"].question
    (16, 'Which response is more honest?')
    """
    if str(path) in shipped() and not Path(path).exists():
        path = SHIPPED / f"{path}.toml"
    elif not Path(path).exists() and not Path(path).suffix:
        raise FileNotFoundError(
            f"there is no constitution {str(path)!r}; give a TOML or JSON file, or one of "
            f"{listed(shipped(), str(path))}"
        )
    name = display_name(path)
    table = _table(decode(read_bytes(path), name), name)
    unknown = [key for key in table if key not in KEYS]
    if unknown:
        raise ValueError(
            f"{name}: unknown key {unknown[0]!r}; choose from {listed(KEYS, unknown[0])}"
        )
    records = table.get("principles", [])
    if not isinstance(records, list):
        raise ValueError(f"{name}: principles is no list of tables; begin each with [[principles]]")
    texts = {}
    for key in ("title", "source"):
        texts[key] = table.get(key, "")
        if not isinstance(texts[key], str):
            raise ValueError(f"{name}: {key} is {texts[key]!r}; give a text")
    return Constitution.from_records(records, where=name, **texts)


def _table(text: str, name: str) -> dict[str, Any]:
    """What a file holds, in our keys: JSON if it can be read as such, else TOML."""
    start = text.lstrip()[:1]
    problem = ""
    if start in ("{", "["):  # a TOML file may begin with [, but is no JSON then
        value, problem = parse_json(text, name)
        if not problem:
            return table_of(value, name)
    if start == "{" or bare_name(name)[1] == "json":
        raise ValueError(f"{name} is not JSON: {problem or 'it begins as none'}")
    try:
        return toml_table(text)
    except ValueError as error:
        raise ValueError(f"{name} is not TOML: {error}") from None


def write_constitution(path: str | Path, constitution: Constitution) -> None:
    """Write a constitution as TOML, complete or not at all; what is empty or usual is left out.

    Raises
    ------
    ValueError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> write_constitution(Path(folder.name) / "my.toml", read_constitution("bai2022"))
    >>> read_constitution(Path(folder.name) / "my.toml") == read_constitution("bai2022")
    True
    """
    head = {"title": constitution.title, "source": constitution.source}
    tables = ["".join(f"{key} = {_toml(value)}\n" for key, value in head.items() if value)]
    for principle in constitution:
        values = [
            (one.name, getattr(principle, one.name), one.default) for one in fields(Principle)
        ]
        lines = [f"{key} = {_toml(value)}\n" for key, value, usual in values if value != usual]
        tables.append("[[principles]]\n" + "".join(lines))
    with atomic_write(path) as file:
        file.write("\n".join(filter(None, tables)).encode())


def _toml(value: str | float) -> str:
    """A value as TOML, whose basic strings are those of JSON, except for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
