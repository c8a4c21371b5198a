"""The HTML report on a constitution."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rlchf.constitution.report import ConstitutionReport, amount
from rlchf.report import write_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_constitution_report(
    path: str,
    report: ConstitutionReport,
    settings: Mapping[str, Any],
    divided: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write the report on a constitution.

    Parameters
    ----------
    path
        The HTML file.
    report
        The measures.
    settings
        The settings of the job.
    divided
        Pairs to show: each has ``prompt`` and two ``sides`` with ``text`` and ``principles``.
    """
    from rlchf.plots.save import svg_text

    pictures = {
        name: svg_text(figure, description)
        for name, (figure, description) in figures(report).items()
    }
    types = dict.fromkeys(kind for row in report.over_refusal for kind in row.by_type)
    write_page(
        path, "constitution",
        title=f"Report on a constitution: {report.title}", report=report, pictures=pictures,
        amount=amount, types=list(types), divided=divided,
        settings=json.dumps(settings, indent=2, ensure_ascii=False),
    )  # fmt: skip


def figures(report: ConstitutionReport) -> dict[str, tuple["Figure", str]]:
    """Each picture of the report with its description in words, by name."""
    from rlchf.plots.constitution import (
        correlation_plot,
        influence_plot,
        position_plot,
        reliability_plot,
        stage_scores_plot,
    )

    sentences = {
        "influence": report.on_influence(), "position": report.on_position(),
        "correlation": report.on_voters(), "reliability": report.on_reliability(),
        "stages": report.on_stages(),
    }  # fmt: skip
    drawn: dict[str, Figure] = {}
    if report.influence:
        drawn["influence"] = influence_plot(report.influence)
    if report.counts.principles > 1:
        drawn["correlation"] = correlation_plot(report.correlations)
    if report.position[0].both_orders:
        drawn["position"] = position_plot(report.position)
    if any(row.kappa.value == row.kappa.value for row in report.reliability):
        drawn["reliability"] = reliability_plot(report.reliability)
    if report.stages:
        drawn["stages"] = stage_scores_plot(report.stages)
    titles = {
        "influence": "Influence of the principles under each rule.",
        "correlation": "Matrix of correlations between principles.",
        "position": "Position bias of each principle.",
        "reliability": "Cohen's kappa of each principle.",
        "stages": "Scores from stage to stage.",
    }
    return {
        name: (figure, " ".join([titles[name], *sentences[name]])) for name, figure in drawn.items()
    }
