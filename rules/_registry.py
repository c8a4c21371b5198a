"""What a rule's file says of the rule besides its docstring: its kind, its cost, its axioms."""

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

Kind = Literal[
    "positional", "majority", "elimination", "probabilistic", "proportional", "statistical",
    "cardinal", "across prompts",
]  # fmt: skip

Ties = Literal["keep", "lexicographic"]
"""The option ``ties`` of a rule that chooses: among several optimal orders, or step by step."""

AXIOMS = {
    "anonymity": "who cast which ballot does not matter",
    "neutrality": "renaming the responses renames the result",
    "homogeneity": "multiplying all weights changes nothing",
    "unanimity": "if all ballots are the same strict ranking, that is the result",
    "pareto": "if all ballots rank a above b, b is not ranked above a",
    "majority": "whom more than half the weight of complete ballots ranks alone on top is alone on top",
    "condorcet": "who wins against everybody else by majority is alone on top",
    "condorcet loser": "who loses against everybody else by majority is not alone on top",
    "smith": "all on top are in the Smith set: the smallest set whose members beat all others",
    "reinforcement": "if two electorates agree on the result, it is also that of both together",
    "monotonicity": "who is alone on top stays there when ballots raise nobody but them",
    "clones": "whether a response is on top does not depend on copies of others next to them",
}
"""Properties that a rule may claim; every claim is held against random profiles by the tests."""

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Card:
    """A rule at a glance.

    Attributes
    ----------
    name, line
        Its name and one sentence that says what it does.
    kind
        One of the families in `Kind`; empty if the rule's author gives none.
    cost
        Its running time per prompt: K ballots, M responses.
    axioms
        The properties in `AXIOMS` that it satisfies.
    source
        Where it was defined.
    any_device
        Whether it is array code that runs on tensors where they are; else it runs on the CPU.
    broken
        Whether its file or package cannot be loaded; the line says why.
    """

    name: str
    line: str
    kind: str = ""
    cost: str = ""
    axioms: tuple[str, ...] = ()
    source: str = ""
    any_device: bool = False
    broken: bool = False

    def __str__(self) -> str:
        return self.line

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
    *, kind: Kind, cost: str, axioms: Iterable[str] = (), any_device: bool = True
) -> Callable[[F], F]:
    """Say of a rule what `list_rules` tells and the tests check.

    Raises
    ------
    ValueError
        If there is no such kind or axiom.

    Examples
    --------
    >>> @voting_rule(kind="positional", cost="K M", axioms=["anonymity"])
    ... def nothing(profiles):
    ...     "Score nothing."
    >>> card_of("nothing", nothing).axioms
    ('anonymity',)
    """
    axioms = tuple(axioms)
    if kind not in get_args(Kind):
        raise ValueError(f"kind is {kind!r}; choose from {', '.join(get_args(Kind))}")
    if unknown := [axiom for axiom in axioms if axiom not in AXIOMS]:
        raise ValueError(f"unknown axiom {unknown[0]!r}; choose from {', '.join(AXIOMS)}")

    def mark(function: F) -> F:
        card = {"kind": kind, "cost": cost, "axioms": axioms, "any_device": any_device}
        function.card = card  # type: ignore[attr-defined]
        return function

    return mark


def card_of(name: str, rule: Callable[..., Any]) -> Card:
    """The card of a rule, from its docstring and what `voting_rule` said of it."""
    page = inspect.getdoc(rule) or ""
    source = page.partition("References\n----------\n")[2].partition("\n\n")[0]
    return Card(
        name=name,
        line=page.partition("\n")[0],
        source=" ".join(source.split()),
        **getattr(rule, "card", {}),
    )
