"""The voting rules, one per file.

A rule of name ``x`` is the function ``x`` in the file ``x.py`` of this folder, or of the folder
``across`` if it looks across prompts; the file is its own registration. Other packages add rules with
an entry point in the group ``rlchf.rules``.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from rlchf.rules._card import AXIOMS, Card, Kind, Ties, card_of, voting_rule

__all__ = ["AXIOMS", "Card", "Kind", "Ties", "get_rule", "is_across", "list_rules", "voting_rule"]

Rule = Callable[..., Any]
"""``Profiles -> (B, M) scores``, or across prompts ``Rankings -> list of score arrays``."""


@cache
def _modules() -> dict[str, str]:
    """Each rule's name and the module that defines it."""
    across = importlib.import_module(".across", __name__)
    found = {m.name: f"{__name__}.{m.name}" for m in pkgutil.iter_modules(__path__) if not m.ispkg}
    found |= {m.name: f"{across.__name__}.{m.name}" for m in pkgutil.iter_modules(across.__path__)}
    return {name: module for name, module in found.items() if not name.startswith("_")}


@cache
def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group="rlchf.rules")}


def list_rules() -> dict[str, Card]:
    """Every rule by name, with its card: a line that says what it does, its kind, cost, axioms, source.

    Examples
    --------
    >>> print(list_rules()["borda"])
    Score a response by the responses below it, summed over the ballots.
    >>> list_rules()["copeland"].kind
    'majority'
    """
    return {name: _card(name) for name in sorted({*_modules(), *_plugins()})}


def _card(name: str) -> Card:
    try:
        return card_of(name, get_rule(name))
    except Exception as error:  # one broken file or package should not hide the other rules
        return Card(name, f"It cannot be loaded: {type(error).__name__}: {error}")


def get_rule(name: str) -> Rule:
    """The rule of that name.

    Raises
    ------
    ValueError
        If there is no such rule; the message names those that are close.
    Exception
        Whatever loading its file or package raises.

    Examples
    --------
    >>> get_rule("borda").__name__
    'borda'
    """
    if name in _modules():
        module = importlib.import_module(_modules()[name])
        if not hasattr(module, name):
            raise ValueError(f"{module.__file__} defines no function {name!r}, so it is no rule")
        rule: Rule = getattr(module, name)
        return rule
    if name in _plugins():
        rule = _plugins()[name].load()
        return rule
    known = sorted({*_modules(), *_plugins()})
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(close)}?" if close else "choose from " + ", ".join(known)
    raise ValueError(f"unknown rule {name!r}; {hint}")


def is_across(rule: Rule) -> bool:
    """Whether a rule looks across prompts.

    It does if its file lies in the folder ``across``, or, for a function from elsewhere, if its
    first parameter is annotated as `Rankings`.

    Examples
    --------
    >>> is_across(get_rule("perpetual_pav")), is_across(get_rule("borda"))
    (True, False)
    """
    if getattr(rule, "__module__", "").startswith(f"{__name__}.across."):
        return True
    annotations = [
        t for name, t in getattr(rule, "__annotations__", {}).items() if name != "return"
    ]
    return bool(annotations) and getattr(annotations[0], "__name__", annotations[0]) == "Rankings"
