"""One page per voting rule, made from its card, its docstring and what it makes of a small dataset."""

import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

from rlchf.aggregation import Aggregation, aggregate
from rlchf.axioms.counterexamples import in_words, replayed
from rlchf.axioms.statuses import Status, status_of
from rlchf.cli import rulebook
from rlchf.display import counted
from rlchf.rules import (
    AXIOMS,
    Card,
    Kind,
    card_of,
    default_ties,
    get_rule,
    is_across,
    rule_modules,
)  # fmt: skip
from rlchf.rules._names import OTHER_NAMES
from rlchf_site import majorities, pictures, profiles
from rlchf_site.docstring_markup import keep_initials
from rlchf_site.docstrings import entries, sections
from rlchf_site.markup import directive, literal, page, plain, table, title, toctree

KINDS = {
    "positional": "Points for places on the ballots",
    "majority": "Majorities between pairs of responses",
    "elimination": "Elimination round by round",
    "probabilistic": "Lotteries and draws",
    "proportional": "Committees, and rankings whose beginnings are one",
    "statistical": "Models of noisy ballots",
    "cardinal": "Scores that annotators give",
    "across prompts": "Rules that look across prompts",
}
"""What the rules of each kind count."""


def rule_pages() -> dict[str, str]:
    """The page of every rule of this package, and the index of all."""
    names = sorted(rule_modules())
    return {name: rule_page(name) for name in names} | {"index": index_page()}


def cards() -> list[Card]:
    """The cards of this package's rules."""
    return [card_of(name, get_rule(name)) for name in sorted(rule_modules())]


def module_of(name: str) -> Any:
    """The module that defines a rule."""
    get_rule(name)
    return sys.modules[rule_modules()[name]]


def long_name(name: str) -> str:
    """What the literature calls a rule.

    Examples
    --------
    >>> long_name("borda")
    'The Borda count'
    """
    return (module_of(name).__doc__ or name).partition("\n")[0].rstrip(".")


def rule_page(name: str) -> str:
    """A rule's page."""
    rule = get_rule(name)
    card, parts = card_of(name, rule), sections(rule)
    lead, _, definition = parts[""].partition("\n\n")
    text = page(
        title(f"{long_name(name)}: {name}"),
        lead,
        at_a_glance(card, rule),
        *example(name, card),
        title("Definition", "-") if definition else "",
        definition,
        *options(rule, parts.get("Parameters", "")),
        *commands(name),
        *in_python(name, parts),
        *axioms(name),
        title("References", "-"),
        parts.get("References", ""),
        *related(card),
    )
    return keep_initials(text) + "\n"


def at_a_glance(card: Card, rule: Callable[..., Any]) -> str:
    """The card as a table."""
    others = [other.replace("_", " ") for other, name in OTHER_NAMES.items() if name == card.name]
    ties = default_ties(rule)
    reads = "whole dataset" if is_across(rule) else "one prompt at a time"
    rows = [
        ("Kind", plain(card.kind)),
        ("Looks at", reads + (", approvals" if card.approvals else "")),
        ("Ties", "kept" if ties is None else f"broken: {ties} by default"),
        ("Running time", f"{literal(card.cost)} per prompt, for K ballots and M responses"),
        ("Device", "CPU or GPU, wherever the tensors are" if card.any_device else "CPU"),
        ("Also known as", ", ".join(others)),
    ]
    return table([row for row in rows if row[1]], kind="rlchf-facts", widths="20 80")


def example_of(card: Card) -> profiles.Example:
    """The small dataset that suits a rule."""
    if card.kind == "across prompts":
        return profiles.across()
    if card.approvals:
        return profiles.approved()
    return profiles.scored() if card.kind == "cardinal" else profiles.ranked()


def outcome(card: Card) -> Aggregation:
    """What a rule makes of its example."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return aggregate(example_of(card).rankings, card.name)


def in_a_line(result: Aggregation) -> str:
    """The ranking of the only prompt, or the winners of each.

    Examples
    --------
    >>> in_a_line(outcome(card_of("borda", get_rule("borda"))))
    'c > b > a > d'
    """
    levels = [result.ranking(prompt) for prompt in result.prompt_ids]
    if len(levels) == 1:
        return " > ".join(" = ".join(level) for level in levels[0])
    return ", ".join(" = ".join(level[0]) for level in levels)


def example(name: str, card: Card) -> list[str]:
    """The section that shows what a rule makes of a small dataset."""
    data, result = example_of(card), outcome(card)
    drawn = " (with the seed 0)" if "seed" in inspect.signature(get_rule(name)).parameters else ""
    if card.kind == "across prompts":
        says = f"The winners of the {profiles.PROMPTS} prompts, in turn{drawn}:"
        charts = [pictures.shares(result, profiles.GROUPS)]
    else:
        says = f"The rule ranks{drawn}:"
        first = (pictures.approvals if card.approvals else pictures.majorities)(data.rankings)
        charts = [first, pictures.scores(result)]
        charts = charts[1:] if card.kind == "cardinal" else charts
    return [
        title("Example", "-"),
        data.lead,
        table([[plain(cell) for cell in row] for row in data.rows], data.header),
        f"{says} {literal(in_a_line(result))}.",
        directive("raw", "html", pictures.figure(charts, name)),
        *(majorities.explained(name, data.rankings, result) if card.kind == "majority" else ()),
    ]


def options(rule: Callable[..., Any], described: str) -> list[str]:
    """The section with a rule's options: their defaults, values and meanings."""
    hints, meanings = get_type_hints(rule), entries(described)
    parameters = list(inspect.signature(rule).parameters.values())[1:]
    rows = [
        (
            literal(one.name),
            "" if one.default is one.empty else literal(str(one.default)),
            values_of(hints.get(one.name)),
            meanings.get(one.name, ""),
        )
        for one in parameters
    ]
    if not rows:
        return []
    header = ("option", "default", "values", "meaning")
    return [title("Options", "-"), table(rows, header, "15 12 18 55", "rlchf-options")]


def values_of(hint: Any) -> str:
    """The values that an option may have, in words.

    Examples
    --------
    >>> values_of(int | None), values_of(Literal["keep", "first"]), values_of(bool)
    ('whole number', '``keep``, ``first``', '``true``, ``false``')
    """
    if get_origin(hint) is Literal:
        return ", ".join(literal(str(word)) for word in get_args(hint))
    words = {int: "whole number", float: "number", bool: "``true``, ``false``", str: "text"}
    words[Aggregation] = "an earlier result"
    kinds = [word for kind, word in words.items() if hint is kind or kind in get_args(hint)]
    return kinds[0] if kinds else "text"


def commands(name: str) -> list[str]:
    """The section with a rule's commands."""
    lines = [line for line in rulebook.commands(name).splitlines() if line.startswith("rlchf ")]
    shown = "\n".join(f"$ {line}" for line in lines)
    return [title("On the command line", "-"), directive("code-block", "console", shown)]


def in_python(name: str, parts: dict[str, str]) -> list[str]:
    """The section with a rule's function, its examples, and other functions of its file."""
    body = "\n\n".join(
        part for part in (parts.get("Returns", ""), parts.get("Examples", "")) if part
    )
    more = [
        directive("autofunction", f"{rule_modules()[name]}.{other}")
        for other in further_functions(name)
    ]
    call = directive("py:function", rulebook.call(name), body, module="rlchf.rules")
    return [title("In Python", "-"), "``from rlchf.rules import " + name + "``", call, *more]


def further_functions(name: str) -> list[str]:
    """Functions beside the rule that its docstring or the documentation names."""
    module = module_of(name)
    own = [
        key
        for key, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and key[0] != "_"
    ]
    helpers = {name, "ballot_weight", "update"}  # what compiled loops call
    return [key for key in own if key not in helpers]


def axioms(name: str) -> list[str]:
    """The sections on the axioms that a rule satisfies, breaks, or may satisfy."""
    known = [status_of(name, axiom) for axiom in AXIOMS]
    yes = [one for one in known if one.satisfied]
    no = [one for one in known if not one.satisfied and (one.counterexample or one.met)]
    open_ = [one for one in known if not one.satisfied and one not in no]
    parts = [title("Axioms", "-")]
    if yes:
        rows = [
            (plain(card_of(name, get_rule(name)).claim(one.axiom)), plain(one.source))
            for one in yes
        ]
        parts += ["It satisfies:", table(rows, ("axiom", "why"), "30 70")]
    if no:
        parts += ["It does not satisfy these; each opens a counterexample.", *map(refuted, no)]
    parts += [f"Not decided: {undecided(open_)}."] if open_ else []
    return [*parts, ":doc:`/guide/rules/axioms` says what each axiom asks."]


def refuted(status: Status) -> str:
    """An axiom that a rule breaks, with the counterexample folded away."""
    found = status.counterexample
    if found is None:
        return directive("dropdown", plain(status.axiom), plain(status.sentence))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, *lines = in_words(replayed(found))
    about = plain(first.partition(": ")[2])
    shown = directive("code-block", "text", "\n".join(lines))
    heading = f"{status.axiom}: {found.size}"
    return directive("dropdown", plain(heading), f"Axiom: {about}.\n\n{shown}")


def undecided(open_: list[Status]) -> str:
    """The axioms for which neither a proof nor a counterexample is known."""
    tried = [
        f"{one.axiom} (none refuting among {counted(one.tried, 'case')})"
        for one in open_
        if one.tried
    ]
    others = [f"{one.axiom} (not searched)" for one in open_ if not one.tried]
    return plain(", ".join([*tried, *others]))


def related(card: Card) -> list[str]:
    """The section with links to rules of the same kind and to those that the docstring names."""
    text = inspect.getdoc(get_rule(card.name)) or ""
    same = [one.name for one in cards() if one.kind == card.kind and one.name != card.name]
    named = [one for one in sorted(rule_modules()) if f"`{one}`" in text and one != card.name]
    lines = [f"The same kind ({plain(card.kind)}): {links(same)}."]
    if named:
        lines.insert(0, f"Named above: {links(named)}.")
    return [title("Related rules", "-"), "\n\n".join(lines)]


def links(names: list[str]) -> str:
    """Links to the pages of rules."""
    return ", ".join(f":doc:`{name} <{name}>`" for name in names)


def index_page() -> str:
    """All rules by kind, with what each makes of the same small dataset."""
    return page(
        title("Voting rules"),
        "Every rule has a page with its definition, its options, an example and its axioms; "
        "``rlchf rules NAME`` prints one. The running time is per prompt, for K ballots and M responses.",
        *(block for kind in get_args(Kind) for block in _of_kind(kind)),
        title("Axioms", "-"),
        "A letter stands for an axiom in the tables above; a small letter: under the condition that the "
        "rule's page states. :doc:`/guide/rules/axioms` shows how they are checked.",
        table(
            [(one.letter or "-", plain(f"{name}: {one.sentence}")) for name, one in AXIOMS.items()],
            ("letter", "axiom"), "10 90",
        ),
        toctree([f"{name} <{name}>" for name in sorted(rule_modules())], hidden=""),
    )  # fmt: skip


def _of_kind(kind: str) -> Iterator[str]:
    """The table of the rules of one kind."""
    of_kind = [card for card in cards() if card.kind == kind]
    yield title(kind.capitalize(), "-")
    yield f"{KINDS[kind]}."
    rows = [
        (
            f":doc:`{card.name} <{card.name}>`",
            plain(card.line),
            literal(in_a_line(outcome(card))),
            literal(rulebook.letters(card)),
            literal(card.cost),
            "any" if card.any_device else "CPU",
            plain(card.cited),
        )
        for card in of_kind
    ]
    header = ("rule", "what it does", "example", "axioms", "cost", "device", "source")
    yield table(rows, header, kind="rlchf-wide")
    shown = {example_of(card).lead: example_of(card) for card in of_kind}
    for data in shown.values():
        yield f"Example: {data.lead} {literal(data.in_a_line)}."
