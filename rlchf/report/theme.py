"""Colours of charts on light and on dark pages: names of the config of Vega-Lite, and nothing else."""

from typing import Any, NamedTuple


class Colours(NamedTuple):
    """The colours of a page."""

    ink: str
    muted: str
    line: str
    page: str
    series: tuple[str, ...]
    low: str
    middle: str
    high: str
    other: str
    on_low: str
    on_high: str


LIGHT = Colours(
    ink="#1d232b", muted="#4c5661", line="#d9dee4", page="#ffffff",
    series=(
        "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8770A", "#5D3A9B", "#7F7F7F", "#222222",
    ),
    low="#eef4f9", middle="#f5f5f5", high="#0b5394", other="#a34400",
    on_low="#1d232b", on_high="#ffffff",
)  # fmt: skip
DARK = Colours(
    ink="#e8eaed", muted="#b3bcc6", line="#363d46", page="#15181d",
    series=(
        "#4AA3DF", "#FF8C3A", "#2EC39A", "#E39AC2", "#F0E442", "#B39DDB", "#9AA0A6", "#F1F3F4",
    ),
    low="#1f2a36", middle="#2a2f36", high="#8ecbf0", other="#ffb27a",
    on_low="#e8eaed", on_high="#10151b",
)  # fmt: skip
"""Colours of Okabe and Ito, which colour-blind readers tell apart, darkened or lightened to stand out."""


def theme(colours: Colours) -> dict[str, Any]:
    """The config of Vega-Lite for a page in these colours.

    Charts name styles (``reference``, ``interval``, ``on_high``) and scales, never colours, so that
    they follow the page from light to dark.

    Examples
    --------
    >>> theme(LIGHT)["mark"]["color"]
    '#0072B2'
    """
    first = colours.series[0]
    axis = {
        "labelColor": colours.muted, "titleColor": colours.ink, "gridColor": colours.line,
        "domainColor": colours.line, "tickColor": colours.line, "titleFontWeight": "normal",
        "labelFontSize": 11, "titleFontSize": 12, "labelLimit": 240,
    }  # fmt: skip
    legend = {
        "labelColor": colours.ink, "titleColor": colours.ink, "orient": "top", "columns": 3,
        "symbolOpacity": 1, "labelLimit": 160, "titleFontWeight": "normal",
    }  # fmt: skip
    return {
        "aria": False,  # each chart is one picture with its description
        "background": "transparent",
        "font": "sans-serif",
        "view": {"stroke": "transparent"},
        "axis": axis,
        "legend": legend,
        "axisX": {"labelLimit": 110},
        "axisQuantitative": {"labelSeparation": 8},
        "mark": {"color": first},
        "rule": {"color": colours.muted},
        "text": {"color": colours.ink, "fontSize": 11},
        "point": {"filled": True, "size": 70, "opacity": 1},
        "range": {
            "category": list(colours.series),
            "heatmap": [colours.low, colours.high],
            "ramp": [colours.low, colours.high],
            "diverging": [colours.other, colours.middle, colours.high],
        },
        "style": {
            "reference": {"color": colours.muted, "strokeDash": [5, 4], "strokeWidth": 1.4},
            "interval": {"color": first, "strokeWidth": 5, "strokeOpacity": 0.35},
            "arrow": {"color": colours.muted},
            "node": {
                "color": colours.page, "stroke": first, "strokeWidth": 2, "size": 1500, "opacity": 1,
            },
            "halo": {"color": colours.page, "stroke": colours.page, "strokeWidth": 5},
            "on_low": {"color": colours.on_low},
            "on_high": {"color": colours.on_high},
        },
    }  # fmt: skip
