"""All sections of a comparison, in order."""

from rlchf.comparison import Comparison
from rlchf.comparison.embed import Embedded
from rlchf.comparison.texts import Texts
from rlchf.comparison.weights import Weights
from rlchf.people.report import People
from rlchf.rankings import Rankings
from rlchf.report.comparison.data import data_section
from rlchf.report.comparison.embed import embed_section
from rlchf.report.comparison.gains import gains_section
from rlchf.report.comparison.people import people_section
from rlchf.report.comparison.reweighted import reweighted_section
from rlchf.report.comparison.rules import rules_section
from rlchf.report.comparison.stability import stability_section
from rlchf.report.comparison.texts import texts_section
from rlchf.report.comparison.words import words_section
from rlchf.report.document import Section


def comparison_sections(
    rankings: Rankings,
    comparison: Comparison,
    texts: Texts | None = None,
    people: People | None = None,
    embedded: Embedded | None = None,
    weights: Weights | None = None,
) -> list[Section]:
    """A section for each kind of measure that there is."""
    made = [
        data_section(rankings, comparison),
        people_section(people) if people else None,
        rules_section(comparison),
        stability_section(comparison),
        gains_section(comparison),
        reweighted_section(weights) if weights else None,
        embed_section(embedded) if embedded else None,
        texts_section(texts) if texts else None,
        words_section(comparison),
    ]
    return [section for section in made if section is not None]
