"""What a rule makes of a small dataset, drawn in the colours of the page, light or dark."""

from collections.abc import Sequence
from html import escape

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.report.charts import bar_chart
from rlchf.report.document import Chart
from rlchf.report.drawing import Dot
from rlchf.report.matrices import graph_chart
from rlchf.report.page import static_svg
from rlchf.report.theme import LIGHT, Colours

WIDTH = 260
"""Width of the bars, in pixels."""

PAGE = Colours(
    ink="var(--pst-color-text-base)", muted="var(--pst-color-text-muted)",
    line="var(--pst-color-border)", page="var(--pst-color-background)",
    series=("var(--rlchf-first)", "var(--rlchf-second)", *LIGHT.series[2:]),
    low="var(--pst-color-surface)", middle="var(--pst-color-surface)", high="var(--rlchf-first)",
    other="var(--rlchf-second)", on_low="var(--pst-color-text-base)",
    on_high="var(--pst-color-background)",
)  # fmt: skip
"""Variables of the page's style in place of colours: the picture follows the page from light to dark."""


def majorities(rankings: Rankings) -> Chart:
    """The majority graph of the only prompt."""
    _, profiles = next(iter(rankings.profiles()))
    margins = np.asarray(profiles.margins)[0] / profiles.scale[0]
    names = rankings.responses("p")
    beats = {
        (names[i], names[j]): float(margins[i, j])
        for i in range(len(names))
        for j in range(len(names))
        if margins[i, j] > 0
    }
    return graph_chart("Majorities, with their margins", names, beats)


def approvals(rankings: Rankings) -> Chart:
    """How many annotators approve and disapprove each response of the only prompt."""
    _, profiles = next(iter(rankings.profiles()))
    stated = np.asarray(profiles.approvals)  # (M, K)
    bars = [
        Dot(name, float((row == sign).sum()), series=series)
        for sign, series in ((1, "approve"), (-1, "disapprove"))
        for name, row in zip(rankings.responses("p"), stated, strict=True)
    ]
    return bar_chart("Approvals", bars, x="annotators", name="response")


def scores(result: Aggregation) -> Chart:
    """The scores of the only prompt, best first."""
    best_first = sorted(result.scores("p").items(), key=lambda item: -item[1])
    bars = [Dot(name, score) for name, score in best_first]
    return bar_chart("Scores", bars, x="score", name="response")


def shares(result: Aggregation, groups: dict[str, int]) -> Chart:
    """What share of the prompts each group wins, beside its share of the annotators."""
    winners = [result.ranking(prompt)[0] for prompt in result.prompt_ids]
    won = {
        group: sum(group in winner and len(winner) == 1 for winner in winners) for group in groups
    }
    whole = {"of the annotators": (groups, sum(groups.values()))}
    whole["of the first places"] = (won, len(winners))
    bars = [
        Dot(f"{group} first", counts[group] / total, series=series)
        for series, (counts, total) in whole.items()
        for group in groups
    ]
    return bar_chart("Shares", bars, x="share", name="group")


def figure(charts: Sequence[Chart], name: str) -> str:
    """Charts side by side as HTML, each with its title and its description in words."""
    parts = []
    for n, chart in enumerate(charts):
        spec = {**chart.spec, "width": WIDTH}
        svg = static_svg(Chart(spec, chart.title, chart.description), f"{name}-{n}", PAGE)
        parts.append(
            f'<figure role="img" aria-label="{escape(f"{chart.title}. {chart.description}")}">'
            f"<figcaption>{escape(chart.title)}</figcaption>{svg}</figure>"
        )
    return f'<div class="rlchf-figures">{"".join(parts)}</div>'
