"""Constitutions in TOML files."""

import tomllib
from pathlib import Path

from rlchf.constitution.principles import Constitution
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
