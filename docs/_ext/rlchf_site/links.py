"""Names set as code become links: functions and classes, commands, and voting rules."""

import importlib
import inspect
import re
from functools import cache
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

import rlchf
from rlchf.cli.main import COMMANDS
from rlchf.rules import rule_modules
from rlchf.simulate import culture_names
from rlchf_site.commands import file_of
from rlchf_site.public import documented, identity

COMMAND = re.compile(rf"rlchf ({'|'.join(sorted(COMMANDS, key=len, reverse=True))})(?=\s|$)")
DOTTED = re.compile(r"(?:from )?(rlchf(?:\.\w+)+)(?:$|\()")
SHORT = re.compile(
    rf"((?:{'|'.join(n for n in rlchf.__all__ if n[0].isupper())})(?:\.\w+)?)(?:$|\()"
)
WORDS = frozenset({"approval", "black", "nash", "positional", "river", "smith", "star", "veto"})
"""Rules whose names mean something else as well: links on the pages that list the rules only."""
OF_RULES = ("guide/rules/rules", "guide/rules/which-rule", "reference/rules/")
CULTURES = ("guide/data/simulate", frozenset(culture_names()))
"""A page on which the names of statistical cultures are no rules, and these names."""


def link_names(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Make links of the code in a page that names what has a page or a place of its own."""
    for literal in list(doctree.findall(nodes.literal)):
        if _is_linked(literal):
            continue
        target = target_of(literal.astext(), docname, app.env)
        if target is None or target == (docname, ""):
            continue
        link = make_refnode(app.builder, docname, *target, literal.deepcopy())
        literal.replace_self(link)


def _is_linked(node: nodes.Node) -> bool:
    """Whether a node is part of a link or a heading."""
    while node.parent is not None:
        node = node.parent
        if isinstance(node, nodes.reference | nodes.title):
            return True
    return False


def target_of(text: str, docname: str, env: BuildEnvironment) -> tuple[str, str] | None:
    """The page and the place on it that code names; None if it names none."""
    if hit := COMMAND.match(text):
        return f"reference/commands/{file_of(hit[1])}", ""
    if docname == CULTURES[0] and text in CULTURES[1]:
        return None
    if text in rule_modules() and (text not in WORDS or docname.startswith(OF_RULES)):
        return f"reference/rules/{text}", ""
    if hit := DOTTED.match(text):
        return place_of(hit[1], env)
    if hit := SHORT.match(text):
        return place_of(f"rlchf.{hit[1]}", env)
    return None


def place_of(name: str, env: BuildEnvironment) -> tuple[str, str] | None:
    """The page and the place that document a dotted name."""
    objects = env.domains.python_domain.objects
    for candidate in (name, documented_name(name)):
        if candidate in objects:
            return objects[candidate].docname, objects[candidate].node_id
    return None


@cache
def documented_name(name: str) -> str:
    """The name under which an object is documented, whichever of its names is given.

    Examples
    --------
    >>> documented_name("rlchf.rankings.Rankings"), documented_name("rlchf.rankings.Rankings.from_frame")
    ('rlchf.Rankings', 'rlchf.Rankings.from_frame')
    """
    try:
        value = attribute(name)
    except (ImportError, AttributeError):
        return ""
    known = documented().get(identity(value, name), "")
    if known or not (inspect.isroutine(value) or isinstance(value, property)):
        return known
    owner, _, last = name.rpartition(".")
    if not owner or owner == "rlchf":
        return ""
    known = documented_name(owner)
    return f"{known}.{last}" if known else ""


def attribute(name: str) -> Any:
    """What a dotted name stands for; a function goes before a module of the same name.

    Raises
    ------
    ImportError, AttributeError
        If there is none.
    """
    owner, _, last = name.rpartition(".")
    if not owner:
        return importlib.import_module(name)
    holder = attribute(owner)
    if not hasattr(holder, last) and inspect.ismodule(holder):
        return importlib.import_module(name)
    return getattr(holder, last)


def resolve_reference(
    app: Sphinx, env: BuildEnvironment, node: Any, content: nodes.Element
) -> nodes.Element | None:
    """Find what a docstring or a signature names: under another of its names, as a method, or as a rule."""
    if node.get("refdomain") != "py":
        return None
    target, docname = node["reftarget"], node["refdoc"]
    module = node.get("py:module") or ""
    place = target_of(target, docname, env)
    for name in (f"{module}.{target}", target, f"rlchf.{target}"):
        place = place or (place_of(name, env) if name.startswith("rlchf.") else None)
    if place is None or place == (docname, ""):
        return None
    return make_refnode(app.builder, docname, *place, content)
