"""The voting rules, one per file.

A rule of name ``x`` is the function ``x`` in the file ``x.py`` of this folder, or of the folder
``across`` if it looks across prompts; the file is its own registration. Other packages add rules with
an entry point in the group ``rlchf.rules``.
"""

import importlib
import pkgutil
import traceback
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from rlchf.options import meant
from rlchf.rules._registry import AXIOMS, Card, Kind, Ties, card_of, voting_rule

if TYPE_CHECKING:
    from rlchf.rules.kemeny import KemenyResult, kemeny_optima, kemeny_orders
    from rlchf.rules.ranked_pairs import ranked_pairs_outcomes

__all__ = [
    "AXIOMS",
    "Card",
    "KemenyResult",
    "Kind",
    "Ties",
    "get_rule",
    "is_across",
    "kemeny_optima",
    "kemeny_orders",
    "list_rules",
    "ranked_pairs_outcomes",
    "rule_names",
    "voting_rule",
]

_BESIDE = {
    "KemenyResult": "kemeny",
    "kemeny_optima": "kemeny",
    "kemeny_orders": "kemeny",
    "ranked_pairs_outcomes": "ranked_pairs",
}
"""What else some rules' files offer, and the file; imported when it is first asked for."""

Rule = Callable[..., Any]
"""``Profiles -> (B, M) scores``, or across prompts ``Rankings -> list of score arrays``."""


if not TYPE_CHECKING:  # mypy shall go on finding misspelt names

    def __getattr__(name: str) -> object:
        if name not in _BESIDE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_BESIDE[name]}"), name)


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


def rule_names() -> list[str]:
    """The names of all rules, sorted; nothing is loaded for it."""
    return sorted({*_modules(), *_plugins()})


def list_rules() -> dict[str, Card]:
    """Every rule by name, with its card: a line that says what it does, its kind, cost, axioms, source.

    The card of a rule that cannot be loaded says why, and is marked as ``broken``.

    Examples
    --------
    >>> print(list_rules()["borda"])
    Score a response by the responses below it, summed over the ballots.
    >>> list_rules()["copeland"].kind
    'majority'
    """
    return {name: _card(name) for name in rule_names()}


def _card(name: str) -> Card:
    """The card of a rule; one broken file or package should not hide the other rules."""
    try:
        return card_of(name, get_rule(name))
    except Exception as error:  # a package may call anything a rule
        return Card(name, f"It cannot be used: {error}", broken=True)


def get_rule(name: str) -> Rule:
    """The rule of that name.

    Raises
    ------
    ValueError
        If there is no such rule, and the message names those that are close; or if its file or package
        cannot be loaded, and the message says where and why.

    Examples
    --------
    >>> get_rule("borda").__name__
    'borda'
    """
    if name in _modules():
        place = _modules()[name]
        found = getattr(_loaded(name, place, lambda: importlib.import_module(place)), name, None)
    elif name in _plugins():
        point = _plugins()[name]
        place = point.value
        found = _loaded(name, place, point.load)
    else:
        known = rule_names()
        hint = meant(name, known) or "choose from " + ", ".join(known)
        raise ValueError(f"unknown rule {name!r}; {hint}")
    if not callable(found):
        raise ValueError(f"{place} defines no function {name!r}, so it is no rule")
    rule: Rule = found
    return rule


def _loaded(name: str, place: str, load: Callable[[], Any]) -> Any:
    """What a rule's file or package holds, or a sentence about the line at which it fails."""
    try:
        return load()
    except Exception as error:  # whatever other people's code may raise
        frames = traceback.extract_tb(error.__traceback__)
        own = [f for f in frames if f.filename != __file__ and "importlib" not in f.filename]
        where = f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
        why = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ValueError(f"rule {name!r} cannot be loaded from {place}: {why}{where}") from error


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
