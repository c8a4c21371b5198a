"""The pages of the programming interface: one per public module, from the docstrings."""

import importlib
import inspect
import sys
from typing import Literal, get_args, get_origin

from sphinx.pycode import ModuleAnalyzer

from rlchf.rules import rule_modules
from rlchf_site.docstring_markup import keep_initials
from rlchf_site.markup import directive, literal, page, table, title, toctree
from rlchf_site.public import documented, identity, names_of, pages


def api_pages() -> dict[str, str]:
    """The page of every public module, and the index of all."""
    return {name: module_page(name, parts) for name, parts in pages().items()} | {
        "index": index_page()
    }


def summary(documented: object) -> str:
    """The first sentence of a docstring."""
    return (inspect.getdoc(documented) or "").partition("\n\n")[0].replace("\n", " ")


def module_page(name: str, parts: tuple[str, ...]) -> str:
    """The page of a module, or of several that belong together."""
    blocks = [title(name)]
    for part in parts:
        blocks += [title(part, "-") if part != name else "", *module_blocks(part)]
    return keep_initials(page(*blocks)) + "\n"


def module_blocks(part: str) -> list[str]:
    """What a module's docstring says, a table of its names, and what each of them is."""
    names = names_of(part)
    rows = [(f":py:obj:`{name} <{place(part, name)}>`", summary_of(part, name)) for name in names]
    return [
        directive("py:module", part),
        inspect.getdoc(importlib.import_module(part)) or "",
        table(rows, ("name", "what it is"), "30 70") if len(rows) > 1 else "",
        every_rule() if part == "rlchf.rules" else "",
        *(entry(part, name) for name in names if place(part, name) == f"{part}.{name}"),
    ]


def every_rule() -> str:
    """Links to the rules, which are functions of one module and have pages of their own."""
    links = (f":doc:`{rule} </reference/rules/{rule}>`" for rule in sorted(rule_modules()))
    return f"The rules: {', '.join(links)}."


def place(module: str, name: str) -> str:
    """The name under which an object is documented."""
    value = getattr(importlib.import_module(module), name)
    return documented().get(identity(value, f"{module}.{name}"), f"{module}.{name}")


def summary_of(module: str, name: str) -> str:
    """What a name is, in a sentence; empty for constants and names of types."""
    value = getattr(importlib.import_module(module), name)
    if from_array_api(value):
        return "A function of array-api-compat."
    return summary(value) if inspect.isfunction(value) or inspect.isclass(value) else ""


def from_array_api(value: object) -> bool:
    """Whether a function is array-api-compat's, so that its text is not repeated here."""
    return getattr(value, "__module__", "").startswith("array_api_compat")


def entry(module: str, name: str) -> str:
    """The directive that documents a name."""
    value = getattr(importlib.import_module(module), name)
    if from_array_api(value):
        text = f"``{name}`` of array-api-compat, whose documentation describes it."
        return directive("py:function", f"{name}(...)", text, module=module)
    if inspect.isclass(value):
        return directive("autoclass", f"{module}.{name}", members="")
    if inspect.isroutine(value):
        return directive("autofunction", f"{module}.{name}")
    return directive("py:data", name, constant_text(module, name, value), module=module)


def constant_text(module: str, name: str, value: object) -> str:
    """What a constant or the name of a type is: its values, and the text below its definition."""
    if get_origin(value) is Literal:
        values = ", ".join(literal(repr(word)) for word in get_args(value))
        return "\n\n".join(
            part for part in (defined_text(module, name, value), f"One of {values}.") if part
        )
    return defined_text(module, name, value)


def defined_text(module: str, name: str, value: object) -> str:
    """The text below the definition of a constant, wherever in the package it is defined."""
    package = module.rpartition(".")[0] or module
    homes = [home for home in sorted(sys.modules) if home.startswith((module, package))]
    for home in homes:
        if vars(sys.modules[home]).get(name) is value:
            text = ModuleAnalyzer.for_module(home).find_attr_docs().get(("", name))
            if text:
                return "\n".join(text).strip()
    return ""


def index_page() -> str:
    """All modules with their first sentences."""
    rows = [
        (f":doc:`{name} <{name}>`", summary(importlib.import_module(parts[0])))
        for name, parts in pages().items()
    ]
    return page(
        title("Python"),
        "The public modules and their names; what is not listed here may change without notice.",
        table(rows, ("module", "what is in it"), "30 70"),
        toctree([f"{name} <{name}>" for name in pages()], hidden=""),
    )
