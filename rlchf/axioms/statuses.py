"""What is known of a rule and an axiom: satisfied, under a condition, refuted, or not refuted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rlchf.axioms.cases import Case
from rlchf.axioms.counterexamples import Counterexample, searched, stored
from rlchf.axioms.definitions import check_of
from rlchf.axioms.grounds import ground
from rlchf.axioms.smallest import smallest
from rlchf.rules import SCOPES, card_of, get_rule, is_across, rule_modules

Tick = Callable[..., None]
ACROSS = 30
"""Rules across prompts take so many times longer; so many times fewer cases are searched."""


@dataclass(frozen=True)
class Status:
    """What is known of a rule and an axiom.

    Attributes
    ----------
    rule, axiom
        Their names.
    satisfied
        Whether the rule's card says that it satisfies the axiom, at least under the condition ``scope``.
    scope
        A name in `SCOPES`; "" for none.
    source
        Why it does.
    counterexample
        One that is known, outside of the scope; None if there is none.
    tried
        The number of cases among which a search found none; 0 if there was no search.
    met
        Where the axiom was broken while it was measured, such as a file and a prompt; "" for nowhere.
    seen
        The prompt of a file on which a rule across prompts, which saw the whole file, broke the axiom; None
        for no such one.
    """

    rule: str
    axiom: str
    satisfied: bool
    scope: str = ""
    source: str = ""
    counterexample: Counterexample | None = None
    tried: int = 0
    met: str = ""
    seen: Case | None = None

    @property
    def word(self) -> str:
        """The status in a word or two: yes, yes with its scope, no, none found, or not searched.

        Examples
        --------
        >>> [status_of(rule, "clones").word for rule in ("schulze", "river", "baldwin")]
        ['yes', 'yes, few', 'no']
        """
        if self.satisfied:
            return f"yes, {self.scope}" if self.scope else "yes"
        if self.counterexample or self.met:
            return "no"
        return "none found" if self.tried else "not searched"

    @property
    def sentence(self) -> str:
        """The status in a sentence."""
        if self.satisfied:
            condition = f" {SCOPES[self.scope]}" if self.scope else ""
            return f"{self.rule} satisfies {self.axiom}{condition}: {self.source}"
        if self.counterexample:
            return (
                f"{self.rule} does not satisfy {self.axiom}: counterexample with "
                f"{self.counterexample.size} ({_in_words(self.counterexample.ballots)})"
            )
        if self.met:
            return f"{self.rule} does not satisfy {self.axiom}: it is broken on {self.met}"
        if not self.tried:
            return f"{self.rule} and {self.axiom}: no counterexample was searched"
        return (
            f"{self.rule} and {self.axiom}: no counterexample found among {self.tried:,} cases"
            f"{searched_prompts(self.rule, self.axiom)}; this is no proof"
        )

    def record(self) -> dict[str, Any]:
        """The status as plain values."""
        return {
            "rule": self.rule,
            "axiom": self.axiom,
            "satisfied": self.satisfied,
            "scope": self.scope,
            "source": self.source,
            "counterexample": self.counterexample and self.counterexample.record(),
            "tried": self.tried,
            "met": self.met,
        }


def _in_words(kind: str) -> str:
    """The kind of the ballots of a counterexample.

    Examples
    --------
    >>> _in_words("strict"), _in_words("ties and gaps")
    ('strict ballots', 'ballots with ties and gaps')
    """
    return f"{kind} ballots".strip() if kind in ("", "strict") else f"ballots with {kind}"


def status_of(rule: str, axiom: str, search: int = 0, seed: int = 0) -> Status:
    """What the rule's card, the table of counterexamples and a search say.

    Parameters
    ----------
    search
        The number of cases that are searched if neither the card nor the table decides, fewer for rules
        across prompts; 0 for no search.

    Raises
    ------
    ValueError
        If there is no such rule or axiom.
    """
    function = get_rule(rule)
    card = card_of(rule, function)
    if is_across(function):
        search //= ACROSS
    found = stored().get((rule, axiom))
    if axiom in card.axioms:
        return Status(rule, axiom, True, card.scopes.get(axiom, ""), why(rule, axiom), found)
    tried = searched().get((rule, axiom), 0)
    if found is None and not tried and search:
        result = smallest(rule, axiom, most=search, drawn=max(200, search // 10), seed=seed)
        tried = result.tried
        if result.case is not None:
            found = Counterexample(rule, axiom, result.ballots, result.case)
    return Status(rule, axiom, False, counterexample=found, tried=tried)


def searched_prompts(rule: str, axiom: str) -> str:
    """On what datasets a rule across prompts was searched, in words; "" for rules of one prompt.

    Examples
    --------
    >>> searched_prompts("perpetual_pav", "monotonicity"), searched_prompts("borda", "monotonicity")
    (', tried on single prompts only', '')
    """
    if not is_across(get_rule(rule)):
        return ""
    if check_of(axiom).change is not None:
        return ", tried on single prompts only"
    return ", tried on single prompts and on two and three identical prompts"


def statuses(
    rules: Iterable[str],
    axioms: Iterable[str],
    search: int = 0,
    seed: int = 0,
    tick: Tick | None = None,
) -> list[Status]:
    """The status of every rule and axiom."""
    pairs = [(rule, axiom) for rule in rules for axiom in axioms]
    found = []
    for n, (rule, axiom) in enumerate(pairs, start=1):
        found.append(status_of(rule, axiom, search, seed))
        if tick:
            tick(n, len(pairs))
    return found


def why(rule: str, axiom: str) -> str:
    """Why a rule satisfies an axiom that its card claims."""
    return ground(rule, axiom) if rule in rule_modules() else "its author says so"


def chosen_names(given: str, known: Iterable[str]) -> list[str]:
    """Names with commas between them, once each; all that are known for "all".

    Examples
    --------
    >>> chosen_names("borda, kemeny,borda", ["borda"]), chosen_names("all", ["borda", "kemeny"])
    (['borda', 'kemeny'], ['borda', 'kemeny'])
    """
    names = [name.strip() for name in given.split(",") if name.strip()]
    return list(known) if not names or "all" in names else list(dict.fromkeys(names))
