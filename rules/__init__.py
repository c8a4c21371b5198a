"""The voting rules, one per file.

A rule of name ``x`` is the function ``x`` in the file ``x.py`` of this folder, or of the folder
``across`` if it looks across prompts; the file is its own registration. ``from rlchf.rules import x``
gives the function. Other packages add rules with an entry point in the group ``rlchf.rules``.
"""

import importlib
import pkgutil
import sys
import traceback
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rlchf.options import function_named, naming_errors
from rlchf.rules._names import rule_meant
from rlchf.rules._registry import (
    AXIOMS,
    SCOPES,
    Axiom,
    Card,
    Kind,
    Rule,
    Ties,
    card_of,
    check_call,
    default_ties,
    is_across,
    reads_approvals,
    voting_rule,
)

__all__ = [
    "AXIOMS",
    "SCOPES",
    "Axiom",
    "Card",
    "Kind",
    "Rule",
    "Ties",
    "card_of",
    "check_call",
    "default_ties",
    "get_rule",
    "is_across",
    "list_rules",
    "reads_approvals",
    "rule_modules",
    "rule_names",
    "voting_rule",
]

if TYPE_CHECKING:  # what editors and type checkers see; python -m rlchf.cli.rulebook writes it
    # begin: rules
    from rlchf.rules.across.apportioned_dictator import apportioned_dictator as apportioned_dictator
    from rlchf.rules.across.carry_psb import carry_psb as carry_psb
    from rlchf.rules.across.cpb import cpb as cpb
    from rlchf.rules.across.equal_shares_pairs import equal_shares_pairs as equal_shares_pairs
    from rlchf.rules.across.nash_welfare import nash_welfare as nash_welfare
    from rlchf.rules.across.pav_welfare import pav_welfare as pav_welfare
    from rlchf.rules.across.perpetual_consensus import perpetual_consensus as perpetual_consensus
    from rlchf.rules.across.perpetual_equality import perpetual_equality as perpetual_equality
    from rlchf.rules.across.perpetual_nash import perpetual_nash as perpetual_nash
    from rlchf.rules.across.perpetual_pav import perpetual_pav as perpetual_pav
    from rlchf.rules.across.perpetual_phragmen import perpetual_phragmen as perpetual_phragmen
    from rlchf.rules.across.perpetual_quota import perpetual_quota as perpetual_quota
    from rlchf.rules.across.perpetual_reset import perpetual_reset as perpetual_reset
    from rlchf.rules.across.perpetual_unit_cost import perpetual_unit_cost as perpetual_unit_cost
    from rlchf.rules.across.phragmen_credit import phragmen_credit as phragmen_credit
    from rlchf.rules.across.phragmen_pairs import phragmen_pairs as phragmen_pairs
    from rlchf.rules.across.soft_nash import soft_nash as soft_nash
    from rlchf.rules.approval import approval as approval
    from rlchf.rules.baldwin import baldwin as baldwin
    from rlchf.rules.benham import benham as benham
    from rlchf.rules.black import black as black
    from rlchf.rules.borda import borda as borda
    from rlchf.rules.bottom_two_runoff import bottom_two_runoff as bottom_two_runoff
    from rlchf.rules.bradley_terry import bradley_terry as bradley_terry
    from rlchf.rules.bucklin import bucklin as bucklin
    from rlchf.rules.chamberlin_courant import chamberlin_courant as chamberlin_courant
    from rlchf.rules.coombs import coombs as coombs
    from rlchf.rules.copeland import copeland as copeland
    from rlchf.rules.dowdall import dowdall as dowdall
    from rlchf.rules.equal_shares import equal_shares as equal_shares
    from rlchf.rules.expanding_approvals import expanding_approvals as expanding_approvals
    from rlchf.rules.instant_runoff import instant_runoff as instant_runoff
    from rlchf.rules.k_approval import k_approval as k_approval
    from rlchf.rules.kemeny import kemeny as kemeny
    from rlchf.rules.leximin import leximin as leximin
    from rlchf.rules.llull import llull as llull
    from rlchf.rules.majority_judgement import majority_judgement as majority_judgement
    from rlchf.rules.mallows import mallows as mallows
    from rlchf.rules.maximal_lottery import maximal_lottery as maximal_lottery
    from rlchf.rules.minimax import minimax as minimax
    from rlchf.rules.nanson import nanson as nanson
    from rlchf.rules.nash import nash as nash
    from rlchf.rules.net_approval import net_approval as net_approval
    from rlchf.rules.pav import pav as pav
    from rlchf.rules.plackett_luce import plackett_luce as plackett_luce
    from rlchf.rules.plurality import plurality as plurality
    from rlchf.rules.positional import positional as positional
    from rlchf.rules.proportional_borda import proportional_borda as proportional_borda
    from rlchf.rules.proportional_sequential_borda import (
        proportional_sequential_borda as proportional_sequential_borda,
    )
    from rlchf.rules.random_ballot import random_ballot as random_ballot
    from rlchf.rules.random_dictator import random_dictator as random_dictator
    from rlchf.rules.ranked_pairs import ranked_pairs as ranked_pairs
    from rlchf.rules.relative_utilitarian import relative_utilitarian as relative_utilitarian
    from rlchf.rules.reverse_seq_pav import reverse_seq_pav as reverse_seq_pav
    from rlchf.rules.river import river as river
    from rlchf.rules.schulze import schulze as schulze
    from rlchf.rules.schwartz import schwartz as schwartz
    from rlchf.rules.seq_pav import seq_pav as seq_pav
    from rlchf.rules.seq_phragmen import seq_phragmen as seq_phragmen
    from rlchf.rules.slater import slater as slater
    from rlchf.rules.smith import smith as smith
    from rlchf.rules.split_cycle import split_cycle as split_cycle
    from rlchf.rules.squared_kemeny import squared_kemeny as squared_kemeny
    from rlchf.rules.stable_voting import stable_voting as stable_voting
    from rlchf.rules.star import star as star
    from rlchf.rules.stv import stv as stv
    from rlchf.rules.tax_equal_shares import tax_equal_shares as tax_equal_shares
    from rlchf.rules.tideman_alternative import tideman_alternative as tideman_alternative
    from rlchf.rules.uncovered_set import uncovered_set as uncovered_set
    from rlchf.rules.updown_pav import updown_pav as updown_pav
    from rlchf.rules.updown_phragmen import updown_phragmen as updown_phragmen
    from rlchf.rules.utilitarian import utilitarian as utilitarian
    from rlchf.rules.veto import veto as veto
    # end: rules
else:

    def __getattr__(name: str) -> object:
        """Load a rule when it is first imported from here."""
        if name not in rule_modules():
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            return get_rule(name)
        except ValueError as error:
            raise AttributeError(str(error)) from error


def __dir__() -> list[str]:
    return sorted({*__all__, *rule_modules(), "across"})


class Package(ModuleType):
    """A package in which the name of a rule is the function, and not the module that defines it."""

    def __setattr__(self, name: str, value: object) -> None:
        """Set the rule where the import of its file would set the module."""
        if isinstance(value, ModuleType):
            value = getattr(value, name, value)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = Package


@cache
def rule_modules() -> dict[str, str]:
    """The rules of this package: the name of each, and the module that defines it."""
    across = importlib.import_module(".across", __name__)
    modules = {
        module.name: f"{package.__name__}.{module.name}"
        for package in (sys.modules[__name__], across)
        for module in pkgutil.iter_modules(package.__path__)
        if not module.ispkg
    }
    return {name: module for name, module in modules.items() if not name.startswith("_")}


@cache
def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group="rlchf.rules")}


def rule_names() -> list[str]:
    """The names of all rules, sorted; no rule is loaded."""
    return sorted({*rule_modules(), *_plugins()})


def list_rules() -> dict[str, Card]:
    """Every rule by name, with its card: a one-line description, kind, cost, axioms, source.

    The card of a rule that cannot be loaded is marked as ``broken`` and gives the reason.

    Examples
    --------
    >>> print(list_rules()["borda"])
    Score a response by the number of responses below it, summed over the ballots.
    >>> list_rules()["copeland"].kind
    'majority'
    """
    return {name: _card(name) for name in rule_names()}


def _card(name: str) -> Card:
    """The card of a rule, also of a broken one, so that it does not hide the other rules."""
    try:
        return card_of(name, get_rule(name))
    except Exception as error:  # a package may register anything as a rule
        return Card(name, f"It cannot be used: {error}", broken=True)


def get_rule(name: str) -> Rule:
    """Load the rule of a name, or the function named by ``package.module:function``.

    Raises
    ------
    ValueError
        If there is no such rule (the message names similar ones, or the rule that goes by that name
        elsewhere), or if its file or package cannot be loaded (the message says where and why).

    Examples
    --------
    >>> get_rule("borda").__name__
    'borda'
    """
    if not isinstance(name, str):
        given = getattr(name, "__name__", repr(name))
        raise ValueError(
            f"the rule is {given}, which is no name; give a name, or module:function for a function of your "
            "own, such as my_rules:second_places (__main__:second_places in a notebook)"
        )
    name = name.strip()
    if ":" in name:
        named = function_named(name, "rule", example="my_rules:second_places")
        return naming_errors(named, f"rule {name!r}")
    if name in rule_modules():
        origin = rule_modules()[name]
        rule = getattr(_load(name, origin, lambda: importlib.import_module(origin)), name, None)
    elif name in _plugins():
        origin = _plugins()[name].value
        rule = _load(name, origin, _plugins()[name].load)
    else:
        hint = rule_meant(name, rule_names()) or "choose from " + ", ".join(rule_names())
        raise ValueError(f"unknown rule {name!r}; {hint}")
    if not callable(rule):
        raise ValueError(f"{origin} defines no function {name!r}, so it is no rule")
    function: Rule = rule
    return function


def _load(name: str, origin: str, load: Callable[[], Any]) -> Any:
    """Load a rule's file or package; the error names the line at which that fails."""
    try:
        return load()
    except Exception as error:  # whatever other people's code may raise
        frames = reversed(traceback.extract_tb(error.__traceback__))
        outside = (f for f in frames if f.filename != __file__ and "importlib" not in f.filename)
        last = next(outside, None)
        line = f" ({last.filename}, line {last.lineno})" if last else ""
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ValueError(f"rule {name!r} cannot be loaded from {origin}: {reason}{line}") from error
