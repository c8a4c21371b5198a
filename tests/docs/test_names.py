"""Every dotted name that the documentation gives exists: a module, or something in one."""

import re
from pkgutil import resolve_name
from types import ModuleType

import pytest

import rlchf
from tests.support.pages import PAGES, ROOT

CODE = [path for folder in ("rlchf", "rules") for path in sorted((ROOT / folder).rglob("*.py"))]


def dotted_names() -> dict[str, str]:
    """Each name in backticks that begins with rlchf, and the first file that has it."""
    names: dict[str, str] = {}
    for path in [*PAGES, *CODE]:
        for name in re.findall(r"`(rlchf(?:\.\w+)+)", path.read_text(encoding="utf-8")):
            names.setdefault(name, str(path.relative_to(ROOT)))
    return names


@pytest.mark.parametrize(("name", "file"), sorted(dotted_names().items()))
def test_a_name_in_the_docs_exists(name: str, file: str) -> None:
    if name.startswith("rlchf.train"):
        pytest.importorskip("torch")
    try:
        resolve_name(name)
    except (ImportError, AttributeError):
        pytest.fail(f"{file} names {name}, which does not exist")


def test_the_docs_give_dotted_names() -> None:
    assert {"rlchf.read_rankings", "rlchf.auditing.spread"} <= set(dotted_names())


@pytest.mark.parametrize("name", rlchf.__all__)
def test_a_public_name_is_listed_and_there(name: str) -> None:
    if name == "train":
        pytest.importorskip("torch")
    assert name in dir(rlchf)
    assert getattr(rlchf, name) is not None


def test_modules_are_attributes() -> None:
    assert isinstance(rlchf.optima, ModuleType)
    assert rlchf.simulate.has_emoji("\N{ROCKET}")
    with pytest.raises(AttributeError, match="module 'rlchf' has no attribute 'agregate'"):
        rlchf.agregate  # type: ignore[attr-defined]  # noqa: B018
