"""Manipulation by untrue ballots and by near-clones: how often it succeeds, and its damage."""

from rlchf.axioms.manipulation.clones import clone_flood
from rlchf.axioms.manipulation.comparing import for_single_prompts, manipulations, sentence
from rlchf.axioms.manipulation.outcomes import Criterion
from rlchf.axioms.manipulation.report import Example, Manipulation
from rlchf.axioms.manipulation.voters import coalition, one_voter

__all__ = [
    "Criterion",
    "Example",
    "Manipulation",
    "clone_flood",
    "coalition",
    "for_single_prompts",
    "manipulations",
    "one_voter",
    "sentence",
]
