"""Which rules a dataset admits, and about how long each takes on it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlchf.rankings import Rankings
from rlchf.rules import Card, card_of, get_rule, is_across, list_rules

ALL = "all"
LIMIT = 1.0
"""Seconds that one pass of a rule may take to be one of "all"."""

SECONDS = {
    "bradley_terry": 3.0e-7,
    "coombs": 4.0e-7,
    "cpb": 1.5e-6,
    "expanding_approvals": 7e-6,
    "mallows": 4.4e-7,
    "maximal_lottery": 6e-6,
    "perpetual_nash": 4.7e-6,
    "perpetual_pav": 1.8e-6,
    "perpetual_phragmen": 2.1e-6,
    "phragmen_pairs": 4.1e-6,
    "plackett_luce": 6.0e-7,
    "proportional_sequential_borda": 4.6e-7,
    "river": 1.9e-6,
    "stv": 1.2e-5,
    "tax_equal_shares": 2.3e-5,
    "updown_pav": 5.0e-7,
}
"""Seconds per ballot of five responses on one core, of rules that are slower than most."""
ACROSS = {
    "apportioned_dictator": 1.2e-5,
    "carry_psb": 1.5e-5,
    "equal_shares_pairs": 4e-5,
    "nash_welfare": 2e-4,
    "pav_welfare": 1e-4,
    "perpetual_consensus": 2e-5,
    "perpetual_equality": 5e-5,
    "phragmen_credit": 1.2e-5,
    "soft_nash": 4e-5,
}
"""Seconds per prompt and annotator, with ten annotators, of rules across prompts that are slow."""
USUAL = 2e-7
"""The same of the other rules, in round numbers."""
CELL = 1e-9
"""Seconds per prompt and cell of a table of M^3 cells or more, where the rule's card says that it has one."""

EXPONENTIAL = {
    "chamberlin_courant": 2.0,
    "kemeny": 2.0,
    "mallows": 2.0,
    "pav": 2.0,
    "slater": 2.0,
    "squared_kemeny": 6.0,
    "stable_voting": 2.0,
    "updown_pav": 2.0,
}
"""Rules whose time multiplies by a factor with each further response."""
FEW = 16
"""Responses of a prompt with which these rules are one of "all" at most."""

RANDOM = ("random_ballot", "random_dictator")


@dataclass(frozen=True)
class Admitted:
    """Rules that are compared, and those that are not.

    Attributes
    ----------
    rules
        The names of the rules that are compared.
    left_out
        The reason for each rule that is left out of "all".
    """

    rules: list[str]
    left_out: dict[str, str]


def admitted(rankings: Rankings, rules: str | Sequence[str] = ALL) -> Admitted:
    """The rules to compare: those that are named, or all that the dataset admits.

    "all" leaves out rules that read approvals or scores where ballots state none, rules that draw at random,
    and rules of which one pass would take longer than a second.

    Parameters
    ----------
    rules
        "all", names with commas between them, or a list of names.

    Raises
    ------
    ValueError
        If a name is unknown or comes twice, or there are fewer than two rules.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "b > a")])
    >>> admitted(rankings, "borda, kemeny").rules
    ['borda', 'kemeny']
    >>> chosen = admitted(rankings)
    >>> "copeland" in chosen.rules, chosen.left_out["approval"]
    (True, 'no ballot states approvals')
    """
    if rules == ALL:
        reasons = {name: _reason(card, rankings) for name, card in list_rules().items()}
        return Admitted(
            [name for name, reason in reasons.items() if not reason],
            {name: reason for name, reason in reasons.items() if reason},
        )
    names: list[str] = rules.split(",") if isinstance(rules, str) else _listed(rules)
    for name in names:
        get_rule(name)
    names = [name.strip() for name in names]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"rule {twice[0]!r} is named twice; name each rule once")
    if len(names) < 2:
        raise ValueError(f"there is one rule to compare, {names[0]!r}; name two or more, or all")
    return Admitted(names, {})


def _listed(rules: Any) -> list[str]:
    """Names in a list; a function alone, which `get_rule` refuses in words, as the only one."""
    return [rules] if callable(rules) else list(rules)


def seconds(name: str, rankings: Rankings) -> float:
    """About how long one pass of a rule over a dataset takes, on one core.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", n, "a > b > c > d > e") for n in range(10)])
    >>> round(1e6 * seconds("borda", rankings), 1), round(1e6 * seconds("stv", rankings), 1)
    (2.0, 120.0)
    """
    if name in ACROSS:
        A = len(rankings.annotator_ids)
        return float(ACROSS[name] * rankings.n_prompts * A * max(A / 10, 1) ** 0.5)
    return float(seconds_by_prompt(name, rankings).sum())


def seconds_by_prompt(name: str, rankings: Rankings, *, resampled: bool = False) -> np.ndarray:
    """(P,) about how long a rule takes on each prompt, on one core.

    Parameters
    ----------
    resampled
        Whether the prompt is one of many resamples, for which comparing pairs takes next to no time.
    """
    sizes = np.diff(rankings.response_starts).astype(np.float64)
    ballots, card = np.diff(rankings.ballot_starts), card_of(name, get_rule(name))
    quick = resampled and name not in SECONDS and card.kind != "elimination"
    growth = (sizes / 5) ** (2 if not quick else 1 if card.kind == "majority" else 1.5)
    if name in EXPONENTIAL:
        growth = growth * EXPONENTIAL[name] ** np.clip(sizes - 5, 0, 400)
    power = re.search(r"(?<!K )M\^([3-9])", card.cost)
    of_tables = CELL * sizes ** int(power[1]) if power else 0.0
    return np.asarray(SECONDS.get(name, USUAL) * ballots * growth + of_tables)


def _reason(card: Card, rankings: Rankings) -> str:
    """Why a rule is left out of "all"; empty if it is not."""
    name = card.name
    if card.broken:
        return "it cannot be loaded"
    if card.approvals and not rankings.states_approvals.any():
        return "no ballot states approvals"
    if card.kind == "cardinal" and rankings.entry_scores is None:
        return "no ballot states scores"
    if name in RANDOM:
        return "it draws ballots at random"
    largest = int(np.diff(rankings.response_starts).max())
    if name in EXPONENTIAL and largest > FEW:
        return f"it takes too long with {largest} responses on a prompt"
    time = seconds(name, rankings)
    if time > LIMIT:
        return f"one pass takes about {time:.1f} s"
    return ""


def looks_across(name: str) -> bool:
    """Whether a rule looks across prompts."""
    return is_across(get_rule(name))
