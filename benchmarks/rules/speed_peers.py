"""The peers of `rules_speed.py`: their functions for our rules."""

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

Solve = Callable[[np.ndarray], Any]
"""A peer's work on the orders of one prompt, (voters, M), including building its profile."""

PREF_VOTING = {
    "borda": "scoring_methods:borda_ranking",
    "plurality": "scoring_methods:plurality_ranking",
    "veto": "scoring_methods:anti_plurality_ranking",
    "dowdall": "scoring_methods:dowdall",
    "copeland": "c1_methods:copeland_ranking",
    "llull": "c1_methods:llull",
    "smith": "c1_methods:top_cycle",
    "schwartz": "c1_methods:gocha",
    "uncovered_set": "c1_methods:uc_gill",
    "slater": "c1_methods:slater_rankings",
    "minimax": "margin_based_methods:minimax_scores",
    "schulze": "margin_based_methods:beat_path_defeat",
    "split_cycle": "margin_based_methods:split_cycle_defeat",
    "ranked_pairs": "margin_based_methods:ranked_pairs_defeat_tb",
    "river": "margin_based_methods:river_tb",
    "stable_voting": "margin_based_methods:stable_voting",
    "kemeny": "other_methods:kemeny_young_rankings",
    "bucklin": "other_methods:bucklin",
    "bradley_terry": "other_methods:bradley_terry_ranking",
    "instant_runoff": "iterative_methods:instant_runoff_ranking",
    "coombs": "iterative_methods:coombs",
    "baldwin": "iterative_methods:baldwin",
    "nanson": "iterative_methods:strict_nanson",
    "benham": "iterative_methods:benham",
    "bottom_two_runoff": "iterative_methods:bottom_two_runoff_instant_runoff",
    "black": "combined_methods:blacks",
    "maximal_lottery": "probabilistic_methods:maximal_lottery",
    "random_dictator": "probabilistic_methods:random_dictator",
    "proportional_borda": "probabilistic_methods:pr_borda",
    "stv": "proportional_methods:stv_scottish",
}
SVVAMP = {
    "borda": "RuleBorda", "plurality": "RulePlurality", "veto": "RuleVeto", "bucklin": "RuleBucklin",
    "copeland": "RuleCopeland", "minimax": "RuleMaximin", "schulze": "RuleSchulze",
    "ranked_pairs": "RuleRankedPairs", "split_cycle": "RuleSplitCycle", "kemeny": "RuleKemeny",
    "slater": "RuleSlater", "baldwin": "RuleBaldwin", "nanson": "RuleNanson", "black": "RuleBlack",
    "instant_runoff": "RuleIRV", "coombs": "RuleCoombs", "benham": "RuleBenham",
    "tideman_alternative": "RuleTideman",
}  # fmt: skip
ABCVOTING = {
    "approval": "av:standard", "pav": "pav:brute-force", "chamberlin_courant": "cc:brute-force",
    "seq_pav": "seqpav:standard", "reverse_seq_pav": "revseqpav:standard",
    "seq_phragmen": "seqphragmen:float-fractions", "equal_shares": "equal-shares:float-fractions",
}  # fmt: skip
"""Committees of two, from ballots that approve the better half; ours rank all responses."""

BEYOND = {
    *(
        ("pref_voting", "50x10", c, r)
        for c in ("mallows 0.8", "impartial")
        for r in ("kemeny", "slater")
    ),
    *(("svvamp", "50x10", "impartial", rule) for rule in ("kemeny", "slater")),
}
"""Elections that take a peer minutes each: it tries all orders of the responses, or of a cycle."""


def pref_voting(rule: str) -> Solve:
    """A `Profile` and a function of it."""
    profile = importlib.import_module("pref_voting.profiles").Profile
    module, _, name = PREF_VOTING[rule].partition(":")
    method = getattr(importlib.import_module(f"pref_voting.{module}"), name)
    return lambda orders: method(profile(orders.tolist()))


def svvamp(rule: str) -> Solve:
    """A `Profile`, a rule object, and the order that it finds."""
    package = importlib.import_module("svvamp")
    profile, method = package.Profile, getattr(package, SVVAMP[rule])
    return lambda orders: (
        method()(profile(preferences_rk=orders)).candidates_by_scores_best_to_worst_
    )


def abcvoting(rule: str) -> Solve:
    """A `Profile` of the better halves of the rankings, and a committee."""
    profile = importlib.import_module("abcvoting.preferences").Profile
    compute = importlib.import_module("abcvoting.abcrules").compute
    name, _, algorithm = ABCVOTING[rule].partition(":")

    def solve(orders: np.ndarray) -> Any:
        built = profile(orders.shape[1])
        built.add_voters(orders[:, : orders.shape[1] // 2].tolist())
        return compute(name, built, 2, algorithm=algorithm, resolute=True)

    return solve


PEERS: dict[str, tuple[dict[str, str], Callable[[str], Solve]]] = {
    "pref_voting": (PREF_VOTING, pref_voting),
    "svvamp": (SVVAMP, svvamp),
    "abcvoting": (ABCVOTING, abcvoting),
}


def installed(name: str) -> bool:
    """Whether the peer is installed."""
    return importlib.util.find_spec(name) is not None
