"""The words of a report on a comparison, each explained in a sentence."""

import re

from rlchf.comparison import Comparison
from rlchf.report.document import Column, Fold, Section, Table
from rlchf.rules import card_of, get_rule

TERMS = {
    "Kendall distance": "The share of the pairs of responses that two rankings order differently; a pair "
    "that only one of them ties counts 1/2.",
    "Krippendorff's alpha": "Agreement among people beyond chance: 1 is agreement throughout, 0 is what "
    "people agree by chance, and below 0 they agree less than that.",
    "training pair": "A pair of responses that a rule does not tie: the higher one is chosen, the other "
    "rejected, and a reward model learns from it.",
    "contested pair": "A pair of responses that people order differently.",
    "bootstrap": "As many ballots as there are are drawn again and again from those that there are, with "
    "replacement; how far the result changes says how sure it is.",
    "95 % interval": "The range in brackets: of intervals made in this way 95 in 100 contain the figure that "
    "other people and prompts like these would give on average.",
    "Condorcet winner": "A response that beats every other by majority.",
    "Smith set": "The smallest set of responses that each beat every response outside of it by majority.",
    "representation ratio": "Contested pairs on which a group's ballots agree with the result, divided by "
    "those that it deserves by its weight; 1 is a share in proportion.",
    "price of proportionality": "The part of the highest possible agreement, that of Kemeny's rule, that a "
    "proportional rule gives up.",
}  # fmt: skip
"""Terms and their meanings."""


def words_section(comparison: Comparison) -> Section:
    """The rules that findings and recommendations name, and the terms, in a sentence each."""
    said = " ".join([*comparison.findings, *(one.sentence for one in comparison.recommendations)])
    words = set(re.findall(r"\w+", said))
    rules = [(rule, _meaning(rule)) for rule in sorted(comparison.rules) if rule in words]
    table = Table(
        [Column("word"), Column("meaning")],
        [*rules, *TERMS.items()],
        "The rules that are named in the findings, and the terms of this page.",
        shown=0,
    )
    return Section("words", "Terms", [Fold("Rules and terms in a sentence each", [table])])


def _meaning(rule: str) -> str:
    return re.sub(r"`+", "", card_of(rule, get_rule(rule)).line)
