"""Names of a package that are imported when they are first used."""

import importlib
import pkgutil
import sys
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any


def lazy_names(
    package: str, modules: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions ``__getattr__`` and ``__dir__`` of a package whose names come from heavy modules.

    The modules of the package are names of it, too, except those that begin with an underscore.

    Parameters
    ----------
    package
        The package's ``__name__``.
    modules
        For each public name, the module that defines it.

    Examples
    --------
    >>> get, names = lazy_names("rlchf.numeric", {"Rankings": "rlchf.rankings"})
    >>> get("Rankings").__name__, get("pairwise").__name__
    ('Rankings', 'rlchf.numeric.pairwise')
    """
    origins = dict(modules or {})

    @cache
    def submodules() -> frozenset[str]:
        files = pkgutil.iter_modules(sys.modules[package].__path__)
        return frozenset(file.name for file in files if not file.name.startswith("_"))

    def get(name: str) -> Any:
        if name in origins:
            value = getattr(importlib.import_module(origins[name]), name)
            setattr(sys.modules[package], name, value)
            return value
        if not name.startswith("_") and name in submodules():
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names() -> list[str]:
        module = sys.modules[package]
        return sorted(getattr(module, "__all__", {*vars(module), *origins, *submodules()}))

    return get, names


class _LazyModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what inspect and doctest look for
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


def lazy_module(name: str) -> Any:
    """A module that is imported when one of its attributes is first used."""
    return _LazyModule(name)
