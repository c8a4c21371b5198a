"""What the public interface of the package is, in one place: the modules of each page of the reference."""

import importlib
import inspect
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any

PAGES: dict[str, tuple[str, ...]] = {
    "rlchf": ("rlchf",),
    "rlchf.io": (
        "rlchf.io", "rlchf.io.categories", "rlchf.io.shown", "rlchf.io.constitutions", "rlchf.io.json",
        "rlchf.io.rewardbench2",
    ),
    "rlchf.io.sources": ("rlchf.io.sources", "rlchf.io.sources._records"),
    "rlchf.io.formats": ("rlchf.io.formats", "rlchf.io.formats.long", "rlchf.io.columns"),
    "rlchf.io.trainers": ("rlchf.io.trainers",),
    "rlchf.rules": ("rlchf.rules",),
    "rlchf.numeric": ("rlchf.numeric.arrays",),
    "rlchf.auditing": ("rlchf.auditing",),
    "rlchf.people": (
        "rlchf.people", "rlchf.people.findings", "rlchf.people.effective", "rlchf.people.weighing",
        "rlchf.people.sortition",
    ),
    "rlchf.comparison": ("rlchf.comparison", "rlchf.comparison.influence"),
    "rlchf.axioms": (
        "rlchf.axioms.statuses", "rlchf.axioms.counterexamples", "rlchf.axioms.smallest",
        "rlchf.axioms.rates",
    ),
    "rlchf.axioms.manipulation": ("rlchf.axioms.manipulation",),
    "rlchf.simulate": ("rlchf.simulate", "rlchf.simulate.planted"),
    "rlchf.mixing": ("rlchf.mixing",),
    "rlchf.preferences": ("rlchf.preferences", "rlchf.pairs"),
    "rlchf.evaluation": ("rlchf.evaluation", "rlchf.evaluation.rewardbench2"),
    "rlchf.linear": ("rlchf.linear",),
    "rlchf.jury": ("rlchf.jury",),
    "rlchf.mixtures": ("rlchf.mixtures",),
    "rlchf.optima": ("rlchf.optima",),
    "rlchf.constitution": ("rlchf.constitution", "rlchf.constitution.judges.endpoint"),
    "rlchf.report": ("rlchf.report.document", "rlchf.report.charts", "rlchf.report.page"),
    "rlchf.train.reward": ("rlchf.train.reward", "rlchf.train.reward.losses"),
    "rlchf.train.ppo": ("rlchf.train.ppo", "rlchf.train.ppo.sampling", "rlchf.train.ppo.shaping"),
    "rlchf.train.ppo.rewards": ("rlchf.train.ppo.rewards",),
    "rlchf.train.models": (
        "rlchf.train.models", "rlchf.train.models.loading", "rlchf.train.models.text",
    ),
    "rlchf.train.mixture": ("rlchf.train.mixture",),
    "rlchf.train.candidates": ("rlchf.train.candidates",),
    "rlchf.train.constitution": ("rlchf.train.constitution",),
    "rlchf.integrations": ("rlchf.integrations.trl", "rlchf.integrations.verl"),
}  # fmt: skip
"""The pages of the reference, and the modules whose public names stand on each."""

FROM_ELSEWHERE = {
    "rlchf.optima": ("ShareConstrained", "share_constrained"),
    "rlchf.report.charts": ("Curve", "Dot", "Point", "graph_chart", "matrix_chart"),
}
"""Names that modules without ``__all__`` import in order to offer them."""


def pages() -> dict[str, tuple[str, ...]]:
    """The pages whose modules can be imported: those of training need torch."""
    torch = find_spec("torch") is not None
    needs_torch = ("rlchf.train", "rlchf.integrations")
    return {
        page: parts for page, parts in PAGES.items() if torch or not page.startswith(needs_torch)
    }


def names_of(module: str) -> list[str]:
    """The public names of a module: its ``__all__``, or the functions and classes that it defines.

    Modules, and the rules, which have pages of their own, are not among them.

    Examples
    --------
    >>> names_of("rlchf.linear")[-2:]
    ['fit_linear', 'lcpo']
    """
    made = importlib.import_module(module)
    defined = [
        name
        for name, value in vars(made).items()
        if name[0] != "_" and getattr(value, "__module__", "") == module
        and (inspect.isfunction(value) or inspect.isclass(value))
    ]  # fmt: skip
    listed = getattr(made, "__all__", None) or [*FROM_ELSEWHERE.get(module, ()), *defined]
    return [name for name in listed if not isinstance(getattr(made, name), ModuleType)]


def identity(value: Any, where: str) -> str:
    """The name under which an object is defined, whatever names it is imported under.

    Examples
    --------
    >>> import rlchf
    >>> identity(rlchf.Rankings, "rlchf.Rankings")
    'rlchf.rankings.Rankings'
    """
    if inspect.isfunction(value) or inspect.isclass(value):
        return f"{value.__module__}.{value.__qualname__}"
    return where


@cache
def documented() -> dict[str, str]:
    """The name under which each public object is documented, by the name under which it is defined."""
    found: dict[str, str] = {}
    for module, name in _public():
        value = getattr(importlib.import_module(module), name)
        found.setdefault(identity(value, f"{module}.{name}"), f"{module}.{name}")
    return found


def _public() -> Iterator[tuple[str, str]]:
    """Every public name; those that have a package's short name come first."""
    parts = [part for every in pages().values() for part in every]
    for module in sorted(parts, key=lambda part: part.count(".")):
        for name in names_of(module):
            yield module, name
