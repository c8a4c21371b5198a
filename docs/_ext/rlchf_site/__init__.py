"""What the site adds to Sphinx: pages made from the code, and links from names to them."""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from rlchf_site.api import api_pages
from rlchf_site.commands import command_pages
from rlchf_site.docstring_markup import (
    keep_colons,
    keep_initials_of_docstring,
    set_attributes,
    shorten_defaults,
    skip_member,
)
from rlchf_site.links import link_names, resolve_reference
from rlchf_site.markup import write_pages
from rlchf_site.rules import rule_pages


def write_reference(app: Sphinx) -> None:
    """Write the pages that are made from the code."""
    docs = Path(app.srcdir)
    write_pages(docs / "reference/rules", rule_pages())
    write_pages(docs / "reference/api", api_pages())
    write_pages(docs / "reference/commands", command_pages(docs))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", write_reference)
    app.connect("autodoc-process-docstring", set_attributes, priority=400)  # before napoleon's
    app.connect("autodoc-process-docstring", keep_initials_of_docstring)
    app.connect("autodoc-process-docstring", keep_colons, priority=401)
    app.connect("autodoc-process-signature", shorten_defaults)
    app.connect("autodoc-skip-member", skip_member)
    app.connect("missing-reference", resolve_reference)
    app.connect("doctree-resolved", link_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
