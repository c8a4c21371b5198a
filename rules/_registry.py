"""What a rule declares about itself besides its docstring, and the check of every call of a rule."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, wraps
from typing import Any, Literal, NamedTuple, TypeVar, cast, get_args

from rlchf.options import checked, meant
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings

Kind = Literal[
    "positional",
    "majority",
    "elimination",
    "probabilistic",
    "proportional",
    "statistical",
    "cardinal",
    "across prompts",
]

Ties = Literal["keep", "lexicographic"]
"""The option ``ties`` of a rule that chooses: among several optimal orders, or step by step."""

Rule = Callable[..., Any]
"""``Profiles -> (B, M) scores``, or for a rule across prompts ``Rankings -> Aggregation``."""


class Axiom(NamedTuple):
    """A property that a rule may claim: its letter in tables of rules if it has one, and its definition."""

    letter: str
    sentence: str


AXIOMS = {
    "anonymity": Axiom("A", "the result does not depend on which annotator cast which ballot"),
    "neutrality": Axiom("N", "if the responses are renamed, the result is renamed in the same way"),
    "homogeneity": Axiom(
        "H",
        "multiplying all weights by the same number leaves the result as it is, but for ties where "
        "weights have no common unit",
    ),
    "unanimity": Axiom(
        "U", "if all ballots are the same strict ranking, that ranking is the result"
    ),
    "pareto": Axiom("P", "if all ballots rank a above b, the result does not rank b above a"),
    "majority": Axiom(
        "J",
        "a response ranked alone in first place by more than half the weight of complete ballots "
        "(majority winner) is the sole winner",
    ),
    "condorcet": Axiom(
        "C", "a response that beats every other by majority (Condorcet winner) is the sole winner"
    ),
    "condorcet loser": Axiom(
        "L",
        "a response that loses to every other by majority (Condorcet loser) is not the sole winner",
    ),
    "smith": Axiom(
        "S",
        "all winners are in the Smith set, the smallest set of responses that each beat all responses "
        "outside it by majority",
    ),
    "reinforcement": Axiom(
        "R", "if two electorates have the same result, both together have it too"
    ),
    "monotonicity": Axiom(
        "M",
        "a sole winner stays the sole winner when some ballots rank it higher and nothing else changes",
    ),
    "clones": Axiom(
        "I",
        "whether a response wins does not depend on clones of another response, ranked next to it on "
        "every ballot (independence of clones)",
    ),
    "majority loser": Axiom(
        "",
        "a response ranked alone in last place by more than half the weight of complete ballots "
        "(majority loser) is not the sole winner",
    ),
    "participation": Axiom(
        "",
        "no annotator prefers the winners that there would be without its ballot (no no-show paradox)",
    ),
    "consistency": Axiom(
        "", "if two electorates have winners in common, these are the winners of both together"
    ),
    "IIA": Axiom(
        "",
        "the order of two responses does not change when another response withdraws (independence of "
        "irrelevant alternatives)",
    ),
    "local IIA": Axiom(
        "",
        "the order of the others does not change when the response that is alone in first or in last place "
        "withdraws (local independence of irrelevant alternatives)",
    ),
    "solid coalitions": Axiom(
        "",
        "among the first k responses, for every k, complete ballots that rank a set of responses above all "
        "others have their share, l responses of the set for l k-ths of all weight",
    ),
    "JR": Axiom(
        "",
        "for every k, if a k-th of all weight approves the same response, somebody of them approves one of "
        "the first k (justified representation)",
    ),
    "PJR": Axiom(
        "",
        "for every k, if l k-ths of all weight approve the same l responses, they approve l of the first k "
        "together (proportional justified representation)",
    ),
    "EJR": Axiom(
        "",
        "for every k, if l k-ths of all weight approve the same l responses, somebody of them approves l of "
        "the first k (extended justified representation)",
    ),
    "EJR+": Axiom(
        "",
        "for every k, if l k-ths of all weight approve the same response outside the first k, somebody of "
        "them approves l of the first k",
    ),
}
"""The properties that a rule may claim; the tests search for elections that refute a claim."""

SCOPES = {
    "complete": "if all ballots are complete",
    "untied": "if no ballot has a tie, before and after",
    "untied eliminations": "if no ballot has a tie, and elimination is tied only between responses "
    "without first places",
    "strict eliminations": "if all ballots are complete and without ties, and elimination is tied only "
    "between responses without first places",
    "distinct margins": "if, without clones, no majority is tied and no two are of the same size",
    "few": "with at most 6 responses, clones included",
    "rankings": "if the ballots came as rankings, without scores",
    "stated": "if all ballots state scores or approvals",
}
"""Conditions under which a rule may claim a property that it does not have on all elections."""

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Card:
    """A rule at a glance.

    Attributes
    ----------
    name, line
        Its name and a one-line description.
    kind
        One of the families in `Kind`; empty if the rule's author gives none.
    cost
        Its running time per prompt: K ballots, M responses.
    axioms
        The properties in `AXIOMS` that it satisfies.
    scopes
        Of those that it satisfies under a condition only, the condition, a name in `SCOPES`.
    source
        Where it was defined.
    any_device
        Whether it is array code that runs on the device of its tensors; otherwise it runs on the CPU.
    approvals
        Whether it reads approvals, which it reads off the rankings of ballots that state none.
    broken
        Whether its file or package cannot be loaded; the line gives the reason.
    """

    name: str
    line: str
    kind: str = ""
    cost: str = ""
    axioms: tuple[str, ...] = ()
    scopes: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    any_device: bool = False
    broken: bool = False
    approvals: bool = False

    def __str__(self) -> str:
        return self.line

    def claim(self, axiom: str) -> str:
        """An axiom that the rule satisfies, with its condition if there is one.

        Examples
        --------
        >>> Card("", "", axioms=("clones",), scopes={"clones": "complete"}).claim("clones")
        'clones (if all ballots are complete)'
        """
        return f"{axiom} ({SCOPES[self.scopes[axiom]]})" if axiom in self.scopes else axiom

    @property
    def cited(self) -> str:
        """The source in short: the first author's surname and the year of the first reference.

        Examples
        --------
        >>> Card("borda", "", source='J.-C. de Borda, "Mémoire sur les élections", 1781.').cited
        'Borda 1781'
        """
        years = re.search(r"\b1[0-9]{3}\b|\b20[0-9]{2}\b", self.source)
        author = re.split(r"[,;:]| and ", self.source, maxsplit=1)[0].split()
        return f"{author[-1]} {years[0]}" if years and author else ""


def voting_rule(
    *,
    kind: Kind,
    cost: str,
    axioms: Iterable[str] = (),
    scopes: Mapping[str, str] | None = None,
    any_device: bool = True,
    approvals: bool = False,
    keeps_ties: bool | None = None,
) -> Callable[[F], F]:
    """Declare a rule's card, which `list_rules` shows and the tests check, and check every call of it.

    An axiom that the rule satisfies under a condition of `SCOPES` only has it in ``scopes``.
    ``keeps_ties`` says whether the rule leaves responses tied that it has no reason to tell apart; by
    default rules of one prompt do, and rules across prompts take the first. See `default_ties`. A call is
    refused with a ``TypeError`` if the rule gets `Rankings` where it takes `Profiles` or the other way
    round, and with a ``ValueError`` if there is no such option or the value of an option does not fit its
    annotation; see `check_call`.

    Raises
    ------
    ValueError
        If there is no such kind, axiom or scope, or a scope belongs to an axiom that is not claimed.

    Examples
    --------
    >>> @voting_rule(kind="positional", cost="K M", axioms=["anonymity"])
    ... def nothing(profiles: Profiles, *, variant: Literal["first", "last"] = "first"):
    ...     "Score nothing."
    >>> card_of("nothing", nothing).axioms
    ('anonymity',)
    >>> nothing(Profiles.from_ballots([["a > b"]]), variant="fist")
    Traceback (most recent call last):
    ...
    ValueError: rule 'nothing': option variant is 'fist'; choose from first, last; did you mean first?
    """
    axioms = tuple(axioms)
    if kind not in get_args(Kind):
        raise ValueError(f"kind is {kind!r}; choose from {', '.join(get_args(Kind))}")
    if unknown := [axiom for axiom in axioms if axiom not in AXIOMS]:
        raise ValueError(f"unknown axiom {unknown[0]!r}; choose from {', '.join(AXIOMS)}")
    scopes = dict(scopes or {})
    if unknown := [axiom for axiom in scopes if axiom not in axioms]:
        raise ValueError(f"there is a scope for {unknown[0]!r}, which is not among the axioms")
    if unknown := [scope for scope in scopes.values() if scope not in SCOPES]:
        raise ValueError(f"unknown scope {unknown[0]!r}; choose from {', '.join(SCOPES)}")

    def declare(function: F) -> F:
        name = function.__name__

        @wraps(function)
        def rule(*data: Any, **options: Any) -> Any:
            if data:
                _check_data(function, data[0])
            if options:
                check_call(name, function, options)
            return function(*data, **options)

        card: dict[str, Any] = {"kind": kind, "cost": cost, "axioms": axioms, "scopes": scopes}
        card |= {"any_device": any_device, "approvals": approvals}
        rule.card = card  # type: ignore[attr-defined]
        keeps = kind != "across prompts" if keeps_ties is None else keeps_ties
        rule.keeps_ties = keeps  # type: ignore[attr-defined]
        return cast(F, rule)

    return declare


def _check_data(rule: Rule, data: object) -> None:
    """Refuse a whole dataset where the rule takes a batch of prompts, and the other way round."""
    expected = Rankings if is_across(rule) else Profiles
    if isinstance(data, expected):
        return
    if isinstance(data, Profiles):
        raise TypeError(
            "this is a Profiles, a batch of prompts, and a rule across prompts takes a "
            "Rankings, a whole dataset; build one with Rankings.from_ballots or read_rankings"
        )
    if isinstance(data, Rankings):
        raise TypeError(
            "this is a Rankings, a whole dataset, and the rule takes a Profiles, a batch of "
            "prompts; call rlchf.aggregate(rankings, rule), or the rule on each batch of "
            "rankings.profiles()"
        )
    raise TypeError(
        f"rule {rule.__name__!r} takes a {expected.__name__}, not a {type(data).__name__}"
    )


def check_call(name: str, rule: Rule, options: Mapping[str, Any]) -> None:
    """Refuse an option that a rule does not have, and a value that does not fit its annotation.

    A rule that takes any option (``**options``) checks them itself.

    Raises
    ------
    ValueError
        If the rule has no such option or the value does not fit; the message names both.
    """
    known, hints = _options_of(rule)
    if known is None:
        return
    for option, value in options.items():
        if option not in known:
            hint = meant(option, known) or f"it has {', '.join(known[1:]) or 'none'}"
            raise ValueError(f"rule {name!r} has no option {option!r}; {hint}")
        checked(hints.get(option, Any), value, f"rule {name!r}: option {option}")


@cache
def _options_of(rule: Rule) -> tuple[list[str] | None, dict[str, Any]]:
    """The names of a rule's parameters (None if it takes any name), and their annotations."""
    parameters = inspect.signature(rule, eval_str=True).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return None, {}
    return list(parameters), {name: p.annotation for name, p in parameters.items()}


def default_ties(rule: Rule) -> str | None:
    """The policy by which a rule breaks ties if none is given; None if it keeps them.

    Results name it among their options, so that no tie is broken without a word.

    Examples
    --------
    >>> from rlchf.rules import get_rule
    >>> [default_ties(get_rule(name)) for name in ("ranked_pairs", "kemeny", "cpb", "soft_nash")]
    ['lexicographic', None, 'lexicographic', None]
    """
    option = inspect.signature(rule).parameters.get("ties")
    if option is not None:
        default = option.default
        return default if isinstance(default, str) and default != "keep" else None
    return None if getattr(rule, "keeps_ties", True) else "lexicographic"


@cache
def is_across(rule: Rule) -> bool:
    """Whether a rule looks across prompts, that is, its first parameter is annotated as `Rankings`.

    Examples
    --------
    >>> from rlchf.rules import get_rule
    >>> is_across(get_rule("perpetual_pav")), is_across(get_rule("borda"))
    (True, False)
    """
    first = next(iter(inspect.signature(rule).parameters.values()), None)
    annotation = getattr(first, "annotation", None)
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return name.rpartition(".")[2] == "Rankings"


def reads_approvals(rule: Rule, options: Mapping[str, Any]) -> bool:
    """Whether a rule reads approvals, always or with these options.

    Examples
    --------
    >>> from rlchf.rules import get_rule
    >>> [reads_approvals(get_rule(name), {}) for name in ("approval", "borda", "perpetual_pav")]
    [True, False, False]
    >>> reads_approvals(get_rule("perpetual_pav"), {"unit": "approval"})
    True
    """
    declared = getattr(rule, "card", {}).get("approvals", False)
    return bool(declared or "approval" in (options.get("unit"), options.get("base")))


def card_of(name: str, rule: Rule) -> Card:
    """The card of a rule, from its docstring and the declaration by `voting_rule`."""
    page = inspect.getdoc(rule) or ""
    source = page.partition("References\n----------\n")[2].partition("\n\n")[0]
    return Card(
        name=name,
        line=page.partition("\n")[0],
        source=" ".join(source.split()),
        **getattr(rule, "card", {}),
    )
