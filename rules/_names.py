"""Names under which the literature knows rules of this package, for whoever looks for one of them."""

from collections.abc import Iterable

from rlchf.options import meant

OTHER_NAMES = {
    "alternative_vote": "instant_runoff",
    "antiplurality": "veto",
    "approval_voting": "approval",
    "av": "instant_runoff",
    "beatpath": "schulze",
    "btr_irv": "bottom_two_runoff",
    "cc": "chamberlin_courant",
    "first_past_the_post": "plurality",
    "fptp": "plurality",
    "harmonic": "dowdall",
    "irv": "instant_runoff",
    "kemeny_young": "kemeny",
    "mes": "equal_shares",
    "method_of_equal_shares": "equal_shares",
    "minmax": "minimax",
    "nauru": "dowdall",
    "psb": "proportional_sequential_borda",
    "range_voting": "utilitarian",
    "ranked_choice": "instant_runoff",
    "rcv": "instant_runoff",
    "rule_x": "equal_shares",
    "score_voting": "utilitarian",
    "sequential_pav": "seq_pav",
    "sequential_phragmen": "seq_phragmen",
    "simpson": "minimax",
    "simpson_kramer": "minimax",
    "spav": "seq_pav",
    "tideman": "ranked_pairs",
    "top_cycle": "smith",
}
"""Other names, in lower case with underscores, and the rules that they stand for."""


def rule_meant(name: str, known: Iterable[str]) -> str:
    """Ask whether a rule was meant: one of that name in the literature, or else one of a similar name.

    Examples
    --------
    >>> rule_meant("anti-plurality", ["plurality", "veto"]), rule_meant("IRV", ["irv_2", "instant_runoff"])
    ('did you mean veto?', 'did you mean instant_runoff?')
    >>> rule_meant("bordaa", ["borda", "veto"])
    'did you mean borda?'
    """
    names = list(known)
    written = _plain(name)
    for other, rule in OTHER_NAMES.items():
        if _plain(other) == written and rule in names:
            return f"did you mean {rule}?"
    return meant(name, names)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
