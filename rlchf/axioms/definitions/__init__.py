"""The axioms, one per file: its docstring is the definition with its source, and `CHECK` checks it.

A file in this folder is its own registration.
"""

import importlib
import pkgutil
from functools import cache

from rlchf.axioms.cases import Check
from rlchf.options import meant
from rlchf.rules import AXIOMS


@cache
def checks() -> dict[str, Check]:
    """The check of each axiom, in the order of `rlchf.rules.AXIOMS`.

    Examples
    --------
    >>> list(checks())[:3]
    ['anonymity', 'neutrality', 'homogeneity']
    """
    modules = [one.name for one in pkgutil.iter_modules(__path__) if not one.name.startswith("_")]
    found = [importlib.import_module(f"{__name__}.{module}").CHECK for module in modules]
    by_name = {check.name: check for check in found}
    return {name: by_name[name] for name in AXIOMS}


def check_of(name: str) -> Check:
    """The check of one axiom.

    Raises
    ------
    ValueError
        If there is no such axiom.

    Examples
    --------
    >>> check_of("monotonicity").titles
    ('ballots', '{response} is ranked higher')
    >>> check_of("monotonic")
    Traceback (most recent call last):
    ...
    ValueError: unknown axiom 'monotonic'; did you mean monotonicity?
    """
    if name not in checks():
        hint = meant(name, checks()) or f"choose from {', '.join(checks())}"
        raise ValueError(f"unknown axiom {name!r}; {hint}")
    return checks()[name]
