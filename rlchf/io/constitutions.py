"""Constitutions in TOML files."""

import json
import tomllib
from dataclasses import fields
from pathlib import Path

from rlchf.constitution.principles import Constitution, Principle
from rlchf.io.atomic import atomic_write
from rlchf.io.files import decode, display_name, read_bytes
from rlchf.options import listed

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
        A TOML file, or the name of a constitution that comes with the package.

    Raises
    ------
    ValueError, FileNotFoundError
        If it is missing, is not TOML, or a principle is wrong; the message names the principle.

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
            f"there is no constitution {str(path)!r}; give a TOML file, or one of "
            f"{listed(shipped(), str(path))}"
        )
    name = display_name(path)
    try:
        table = tomllib.loads(decode(read_bytes(path), name))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{name} is not TOML: {error}") from None
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


def write_constitution(path: str | Path, constitution: Constitution) -> None:
    """Write a constitution, without the values that principles have by default.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> brief = Principle("brief", question='Which "is" shorter?', weight=2)
    >>> write_constitution(Path(folder.name) / "my.toml", Constitution((brief,), "Mine"))
    >>> read_constitution(Path(folder.name) / "my.toml").principles == (brief,)
    True
    """
    lines = [f"{key} = {_toml(getattr(constitution, key))}" for key in ("title", "source")]
    for principle in constitution:
        lines += ["", "[[principles]]"]
        for one in fields(Principle):
            value = getattr(principle, one.name)
            if value != one.default:
                lines.append(f"{one.name} = {_toml(value)}")
    with atomic_write(path) as file:
        file.write(("\n".join(lines) + "\n").encode())


def _toml(value: str | float) -> str:
    """A value as TOML, whose basic strings are those of JSON, except for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
