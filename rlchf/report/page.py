"""A document as one HTML file, with its charts, style and scripts inside: it needs no network."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from itertools import count
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from rlchf.io.atomic import atomic_write
from rlchf.report.document import Block, Chart, Document, Fold, Section, Table
from rlchf.report.tables import lay_out
from rlchf.report.theme import DARK, LIGHT, Colours, theme

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2 import Template

PRINTED = 680
"""Width of the static pictures, in pixels: that of a printed page."""
LENGTHY = 40
"""Rows of tables from which on a fold that a reader has not opened is not printed."""
NARROW = 400
"""Width in pixels up to which charts stand side by side."""


def need_report() -> None:
    """Refuse, before the work, a report that could not be written.

    Raises
    ------
    ValueError
        If a package of the extra ``report`` is not installed.
    """
    packages = {"altair": "altair", "vl_convert": "vl-convert-python", "jinja2": "jinja2"}
    missing = [name for module, name in packages.items() if not find_spec(module)]
    if missing:
        raise ValueError(
            f"a report needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not "
            "installed; run pip install 'rlchf[report]'"
        )


def write_page(path: "str | Path", document: Document) -> None:
    """Write a document as one HTML file, complete or not at all.

    Parameters
    ----------
    path
        The HTML file.
    document
        The document.

    Raises
    ------
    ValueError
        If two sections have the same name, or a package of the extra ``report`` is not installed.
    """
    page = render(document).encode("utf-8", "replace")
    with atomic_write(path) as file:
        file.write(page)


def render(document: Document) -> str:
    """The document as the text of one HTML file.

    The page follows the light or dark scheme of its reader, fits a phone, and prints what the screen shows,
    with short folds open.

    Raises
    ------
    ValueError
        If two sections have the same name, or a package of the extra ``report`` is not installed.

    Examples
    --------
    >>> from rlchf.report.document import Section, Text
    >>> section = Section("data", "The data", [Text(["There are 3 ballots."])])
    >>> page = render(Document("A report", ["Ana loses."], [section]))
    >>> "<li>Ana loses.</li>" in page
    True
    """
    need_report()
    from markupsafe import Markup

    check(document)
    numbers = count(1)
    charts = any(isinstance(one, Chart) for one in blocks_of(document.sections))
    return _template().render(
        document=document,
        css=Markup(_file("page.css")),
        script=Markup(_file("page.js")),
        vega=Markup(_vega()) if charts else "",
        themes={"light": theme(LIGHT), "dark": theme(DARK)} if charts else {},
        kind_of=lambda block: type(block).__name__,
        layout=lay_out,
        runs=runs,
        unprinted=unprinted,
        static=lambda chart: Markup(static_svg(chart, f"static-{next(numbers)}")),
        as_json=lambda value: Markup(as_json(value)),
    )


def check(document: Document) -> None:
    """Refuse names of sections that are no anchors, or that two sections share.

    Examples
    --------
    >>> check(Document("A report", [], [Section("the data", "Data", [])]))
    Traceback (most recent call last):
        ...
    ValueError: the section 'Data' is named 'the data'; a name has letters, digits, - and _ only
    """
    names = ["findings", "contents"]
    for section in document.sections:
        if not re.fullmatch(r"[A-Za-z][\w-]*", section.name, re.ASCII):
            raise ValueError(
                f"the section {section.title!r} is named {section.name!r}; a name has letters, digits, - "
                "and _ only"
            )
        if section.name in names:
            raise ValueError(f"two sections are named {section.name!r}; give them different names")
        names.append(section.name)


def blocks_of(sections: Sequence[Section]) -> Iterator[Block]:
    """All blocks, those in folds included."""

    def inside(blocks: Sequence[Block]) -> Iterator[Block]:
        for block in blocks:
            yield block
            if isinstance(block, Fold):
                yield from inside(block.blocks)

    for section in sections:
        yield from inside(section.blocks)


def unprinted(fold: Fold) -> bool:
    """Whether a fold is too long to be printed when its reader has not opened it, or has too wide a table.

    Examples
    --------
    >>> rows = [[f"person {n}", n] for n in range(50)]
    >>> unprinted(Fold("People", [Table(["person", "n"], rows, "People")]))
    False
    >>> unprinted(Fold("People", [Table(["person", "n"], rows, "People", shown=0)]))
    True
    """
    section = Section("fold", fold.title, fold.blocks)
    tables = [lay_out(one) for one in blocks_of([section]) if isinstance(one, Table)]
    return sum(len(one.first) for one in tables) > LENGTHY or not all(one.fits for one in tables)


def runs(blocks: Sequence[Block]) -> list[list[Block]]:
    """The blocks, narrow charts that follow one another together."""
    together: list[list[Block]] = []
    for block in blocks:
        if together and _narrow(block) and _narrow(together[-1][-1]):
            together[-1].append(block)
        else:
            together.append([block])
    return together


def _narrow(block: Block) -> bool:
    """Whether a chart has a width of its own that leaves room for others beside it."""
    width = block.spec.get("width") if isinstance(block, Chart) else None
    return isinstance(width, Real) and width <= NARROW


def as_json(value: Any) -> str:
    r"""JSON that can stand in a script element: no text in it ends the element; NaN becomes null.

    Examples
    --------
    >>> as_json({"name": "</script>", "share": float("nan")})
    '{"name":"\\u003c/script\\u003e","share":null}'
    """
    text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _finite(value: Any) -> Any:
    """The value in JSON's types, with None for figures that are not finite."""
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    return [_finite(inner) for inner in value]


def static_svg(chart: Chart, name: str = "static", colours: Colours = LIGHT) -> str:
    """The chart as an SVG element, by default in the colours of a light page, as it is printed.

    The ids in it begin with the name, since Vega's are neither unique in a page nor always the same.

    Examples
    --------
    >>> from rlchf.report.charts import Dot, bar_chart
    >>> static_svg(bar_chart("Sizes", [Dot("a", 2)], x="ballots"))[:4]
    '<svg'
    """
    import vl_convert

    spec = json.loads(as_json(chart.spec))
    if spec.get("width") == "container":
        spec["width"] = PRINTED
        spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    spec["config"] = {**spec.get("config", {}), **theme(colours)}
    svg: str = vl_convert.vegalite_to_svg(spec, vl_version=_version())
    return _with_ids(svg[svg.index("<svg") :], name)


def _with_ids(svg: str, name: str) -> str:
    """The SVG with other ids, numbered in their order."""
    ids = re.findall(r' id="([^"]+)"', svg)
    new = {old: f"{name}-{n}" for n, old in enumerate(dict.fromkeys(ids))}
    svg = re.sub(r' id="([^"]+)"', lambda hit: f' id="{new[hit[1]]}"', svg)
    return re.sub(r'(url\(#|href="#)([^)"]+)', lambda hit: hit[1] + new.get(hit[2], hit[2]), svg)


@cache
def _vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script."""
    import vl_convert

    bundle: str = vl_convert.javascript_bundle(vl_version=_version())  # type: ignore[call-arg]
    return bundle.replace("</script", r"<\/script").replace("<!--", r"<\!--")


@cache
def _version() -> str:
    """The version of Vega-Lite: Altair's where the converter has it, else the newest that it has."""
    import altair
    import vl_convert

    versions: list[str] = vl_convert.get_vegalite_versions()
    wanted = ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    return wanted if wanted in versions else versions[-1]


@cache
def _template() -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("rlchf.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("page.html.jinja")


def _file(name: str) -> str:
    return (files("rlchf.report") / name).read_text(encoding="utf-8")
