"""The voting rules as text to read: a table of all, and one page per rule with a worked example.

``python -m rlchf.cli.rulebook``, run in the root of the repository, writes what is made from the rules
between its markers: tables in ``docs/guide/rules/axioms.md``, and in ``rules/__init__.py`` the imports
that editors and type checkers read.
"""

import inspect
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from rlchf.aggregation import aggregate
from rlchf.rankings import Rankings
from rlchf.rules import AXIOMS, SCOPES, Card, Kind, card_of, get_rule, list_rules, rule_modules

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLE = {"a > b > c": 4, "b > c > a": 3, "c > a > b": 2}
"""Ballots and the number of annotators who cast each; the majorities form a cycle, a > b > c > a."""

LINE_LENGTH = 100  # of the imports that are written for type checkers


def records() -> list[dict[str, Any]]:
    """The cards of all rules as plain values.

    Examples
    --------
    >>> records()[0].keys()
    dict_keys(['name', 'description', 'kind', 'cost', 'axioms', 'scopes', 'source', 'any_device'])
    """
    return [_record(card) for card in list_rules().values()]


def record(name: str) -> dict[str, Any]:
    """The card of one rule, or of ``module:function``, as plain values.

    Examples
    --------
    >>> record("borda")["kind"]
    'positional'
    """
    return _record(card_of(name, get_rule(name)))


def _record(card: Card) -> dict[str, Any]:
    return {
        "name": card.name,
        "description": card.line,
        "kind": card.kind,
        "cost": card.cost,
        "axioms": list(card.axioms),
        "scopes": dict(card.scopes),
        "source": card.source,
        "any_device": card.any_device,
    }


def table(width: int = 120) -> "Table":
    """All rules, one kind after the other; a letter per axiom; cost and source if there is room."""
    from rich.table import Table
    from rich.text import Text

    cards = [card for card in list_rules().values() if not card.broken]
    wide = width >= 108
    rules = Table(box=None, pad_edge=False)
    rules.add_column("rule", no_wrap=True)
    rules.add_column("what it does")
    rules.add_column("axioms", min_width=11)
    if wide:
        rules.add_column("cost", max_width=14)
        rules.add_column("source", max_width=15)
    for kind in (*get_args(Kind), ""):
        of_kind = [card for card in cards if card.kind == kind]
        if of_kind:
            rules.add_section()
            rules.add_row(Text(kind or "of other packages", style="bold"))
        for card in of_kind:
            rest = (card.cost, card.cited) if wide else ()
            rules.add_row(card.name, card.line, letters(card), *rest)
    return rules


def letters(card: Card) -> str:
    """A letter per axiom, a small one where it has a scope."""
    return "".join(
        axiom.letter.lower() if name in card.scopes else axiom.letter
        for name, axiom in AXIOMS.items()
        if name in card.axioms
    )


def legend() -> str:
    """What the letters of the table mean."""
    lettered = {name: axiom for name, axiom in AXIOMS.items() if axiom.letter}
    lines = [f"  {axiom.letter}  {name}: {axiom.sentence}" for name, axiom in lettered.items()]
    about = (
        "cost: per prompt, of K ballots and M responses; axioms (a small letter: under the condition that "
        "the rule's page states):"
    )
    return "\n".join([about, *lines])


def axioms_table() -> str:
    """The table of axioms in docs/guide/rules/axioms.md."""
    lines = ["| letter | axiom |", "|---|---|"]
    lines += [
        f"| {axiom.letter or '-'} | {name}: {axiom.sentence} |" for name, axiom in AXIOMS.items()
    ]
    return "\n".join(lines) + "\n"


def statuses_table() -> str:
    """The table of rules and axioms in docs/guide/rules/axioms.md."""
    from rlchf.axioms.statuses import status_of

    shown = {"yes": "yes", "no": "no", "none found": "?", "not searched": "-"}
    cards = [card_of(name, get_rule(name)) for name in sorted(rule_modules())]
    lines: list[str] = []
    for kind in get_args(Kind):
        lines += ["", f"### {kind.capitalize()}", ""]
        lines += [f"| rule | {' | '.join(AXIOMS)} |", f"|---{'|---' * len(AXIOMS)}|"]
        for card in cards:
            if card.kind == kind:
                words = [status_of(card.name, axiom).word for axiom in AXIOMS]
                cells = [shown.get(word, word.removeprefix("yes, ")) for word in words]
                lines.append(f"| `{card.name}` | {' | '.join(cells)} |")
    return "\n".join(lines[1:]) + "\n"


def scopes_table() -> str:
    """The conditions of claims in docs/guide/rules/axioms.md."""
    lines = ["| in the table | the rule satisfies the axiom |", "|---|---|"]
    lines += [f"| {name} | {sentence} |" for name, sentence in SCOPES.items()]
    return "\n".join(lines) + "\n"


def imports() -> str:
    """The imports in rules/__init__.py that show every rule to editors and type checkers."""
    lines = []
    for name, module in sorted(rule_modules().items(), key=lambda item: item[1]):
        line = f"    from {module} import {name} as {name}"
        if len(line) > LINE_LENGTH:
            line = f"    from {module} import (\n        {name} as {name},\n    )"
        lines.append(line)
    return "\n".join(lines) + "\n"


PARTS: dict[tuple[str, str], Callable[[], str]] = {
    ("docs/guide/rules/axioms.md", "axioms"): axioms_table,
    ("docs/guide/rules/axioms.md", "scopes"): scopes_table,
    ("docs/guide/rules/axioms.md", "statuses"): statuses_table,
    ("rules/__init__.py", "rules"): imports,
}
"""What is written where: a file, and the name that its markers ``begin:`` and ``end:`` give the part."""


def with_part(text: str, name: str, part: str) -> str:
    """A file's text with the lines between two markers replaced.

    Raises
    ------
    ValueError
        If the text lacks the markers.

    Examples
    --------
    >>> with_part("# begin: rules\\nold\\n# end: rules\\n", "rules", "new\\n")
    '# begin: rules\\nnew\\n# end: rules\\n'
    """
    markers = re.compile(rf"(^[^\n]*begin: {name}\b[^\n]*\n).*?(^[^\n]*end: {name}\b)", re.M | re.S)
    if not markers.search(text):
        raise ValueError(f"there are no lines with 'begin: {name}' and 'end: {name}'")
    return markers.sub(lambda match: match[1] + part + match[2], text, count=1)


def rewrite(root: Path) -> None:
    """Write every part that has changed into its file, below the root of the repository."""
    for (file, name), part in PARTS.items():
        path = root / file
        text = path.read_text(encoding="utf-8")
        made = with_part(text, name, part())
        if made != text:
            path.write_text(made, encoding="utf-8")


def page(name: str) -> str:
    """A rule's page: its call, its docstring, its card, how to give its options, and `EXAMPLE`."""
    rule = get_rule(name)
    card = card_of(name, rule)
    about = [
        f"{label}: {value}" for label, value in (("Kind", card.kind), ("Cost", card.cost)) if value
    ]
    if card.axioms:
        about.append(f"Axioms: {', '.join(map(card.claim, card.axioms))}")
    parts = [call(name), inspect.getdoc(rule) or "", "\n".join(about), commands(name)]
    return "\n\n".join(part for part in [*parts, worked_example(name)] if part)


def call(name: str) -> str:
    """How a rule is called from Python, with its defaults.

    Examples
    --------
    >>> call("k_approval")
    'k_approval(profiles, *, k=2)'
    """
    signature = inspect.signature(get_rule(name))
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return f"{name}{signature.replace(parameters=bare, return_annotation=signature.empty)}"


def commands(name: str) -> str:
    """How a rule is applied on the command line: with its defaults, and with each option set.

    Examples
    --------
    >>> print(commands("k_approval"))
    On the command line
    -------------------
    rlchf aggregate rankings.csv --rule k_approval
    rlchf aggregate rankings.csv --rule k_approval -o k=3
    """
    rule, start = get_rule(name), f"rlchf aggregate rankings.csv --rule {name}"
    hints = get_type_hints(rule)
    options = list(inspect.signature(rule).parameters.values())[1:]
    named = [p for p in options if p.kind is not p.VAR_KEYWORD]
    lines = [_with_option(start, p.name, p.default, hints.get(p.name)) for p in named]
    return "\n".join(["On the command line", "-" * 19, start, *lines])


def _with_option(start: str, option: str, default: Any, hint: Any) -> str:
    """The command with another value than the default, and all values if they are words."""
    words = [str(word) for word in get_args(hint)] if get_origin(hint) is Literal else []
    other = next((word for word in words if word != default), "")
    if option == "ties":
        return f"{start} --ties {other}"
    if option == "seed":
        return f"{start} --seed 1"
    if option == "frozen":
        return f"{start} --frozen earlier.jsonl"
    if words:
        return f"{start} -o {option}={other}  # or {', '.join(w for w in words if w != other)}"
    return f"{start} -o {option}={_other(option, default, hint)}"


def _other(option: str, default: Any, hint: Any) -> str:
    """A value that an option may have instead of its default."""
    if isinstance(default, bool):
        return str(not default).lower()
    if isinstance(default, int):
        return str(default + 1 if default < 10 else 2 * default)
    if isinstance(default, float):
        return f"{default / 2 if default >= 1 else 10 * default or 0.5:g}"
    if int in get_args(hint):
        return "2"
    return {"base": "borda", "vector": "3,1,0"}.get(option, "VALUE")


def worked_example(name: str) -> str:
    """A rule applied to `EXAMPLE`, in words.

    Examples
    --------
    >>> print(worked_example("borda"))
    Worked example
    --------------
    4 annotators rank a > b > c
    3 annotators rank b > c > a
    2 annotators rank c > a > b
    borda scores a 10, b 10, c 7 and ranks a = b > c
    """
    ballots = [
        ("p", f"{ballot}, annotator {n}", ballot)
        for ballot, count in EXAMPLE.items()
        for n in range(count)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # about approvals that are read off the rankings, as the page says
        result = aggregate(Rankings.from_ballots(ballots), name)
    scores = ", ".join(f"{response} {score:.4g}" for response, score in result.scores("p").items())
    ranking = " > ".join(" = ".join(level) for level in result.ranking("p"))
    lines = [f"{count} annotators rank {ballot}" for ballot, count in EXAMPLE.items()]
    return "\n".join(
        ["Worked example", "-" * 14, *lines, f"{name} scores {scores} and ranks {ranking}"]
    )


if __name__ == "__main__":
    rewrite(Path())
