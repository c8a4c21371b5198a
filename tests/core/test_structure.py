"""The structure that docs/project/architecture.md draws: who may import what, and where files are named."""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import networkx

from rlchf.rules import get_rule, list_rules

ROOT = Path(__file__).parents[2]
TRAINING = ("torch", "transformers", "accelerate", "peft")
"""What only `rlchf.train` and `rlchf.integrations` may import."""
SCREEN = ("typer", "rich")
"""What only the command line and the progress display may import."""
FILES = ("pathlib", "shutil", "tempfile", "glob")
"""What modules import that name files."""

LAYERS = (
    ("rlchf.cli",),
    ("rlchf.jobs",),
    ("rlchf.report", "rlchf.plots", "rlchf.train", "rlchf.integrations"),
    (
        "rlchf.comparison",
        "rlchf.evaluation",
        "rlchf.jury",
        "rlchf.constitution",
        "rlchf.people",
        "rlchf.axioms",
        "rlchf.auditing",
        "rlchf.linear",
        "rlchf.mixtures",
    ),
    ("rlchf.pairs", "rlchf.preferences", "rlchf.aggregation", "rlchf.rules"),
    ("rlchf.ties", "rlchf.rankings"),
    ("rlchf.profiles",),
    ("rlchf.numeric",),
)
"""Imports go from a line to lines below it, or within one."""

CORE = (
    "rlchf.pairs",
    "rlchf.preferences",
    "rlchf.aggregation",
    "rlchf.rankings",
    "rlchf.profiles",
    "rlchf.prompts",
    "rlchf.constitution.judgements",
    "rlchf.constitution.principles",
    "rlchf.constitution.revising",
    "rlchf.evaluation.benchmark_prompts",
    "rlchf.numeric.line_cells",
    "rlchf.numeric.ranks",
    "rlchf.numeric.ratios",
)
"""What readers and writers may know of: the core types, and the arithmetic below them."""


def sources() -> dict[str, Path]:
    """The file of each module of the package; the rules lie in a folder of their own."""
    files = {}
    for folder, package in ((ROOT / "rlchf", "rlchf"), (ROOT / "rules", "rlchf.rules")):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            if folder.name == "rlchf" and parts[0] == "rules":
                continue  # the link to the other folder
            name = ".".join([package, *parts]).removesuffix(".__init__")
            files[name] = path
    return files


SOURCES = sources()


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements but those for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from statements(node)


@cache
def imported(module: str) -> frozenset[str]:
    """The modules that a module imports, at its top or inside its functions."""
    names = set()
    for node in statements(ast.parse(SOURCES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                names.add(full if full in SOURCES else node.module)
    return frozenset(names)


def importers(libraries: tuple[str, ...]) -> set[str]:
    return {
        module
        for module in SOURCES
        if any(name.partition(".")[0] in libraries for name in imported(module))
    }


def layer(module: str) -> int | None:
    """The line of `LAYERS` that a module belongs to."""
    for n, packages in enumerate(LAYERS):
        if any(f"{module}.".startswith(f"{package}.") for package in packages):
            return n
    return None


def test_torch_is_imported_for_training_only() -> None:
    packages = ("rlchf.train.", "rlchf.integrations.")
    assert {m for m in importers(TRAINING) if not m.startswith(packages)} == set()


def test_typer_and_rich_are_imported_by_the_command_line_only() -> None:
    outside = {m for m in importers(SCREEN) if not f"{m}.".startswith("rlchf.cli.")}
    assert outside == {"rlchf.jobs.progress"}


def test_files_are_named_by_readers_jobs_and_checkpoints_only() -> None:
    packages = ("rlchf.io.", "rlchf.jobs.", "rlchf.cli.", "rlchf.train.")
    assert {m for m in importers(FILES) if not m.startswith(packages)} == {
        "rlchf.aggregation",  # Aggregation.write
        "rlchf.installing",  # whether the package lies in a clone
        "rlchf.limits",  # what the system says of memory
        "rlchf.jury.conditioning",  # a file in a reward model's folder
        "rlchf.options",  # module:function may lie in the current folder
        "rlchf.plots.save",
    }


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = networkx.DiGraph(
        (module, name) for module in SOURCES for name in imported(module) if name in SOURCES
    )
    circles = [sorted(part) for part in networkx.strongly_connected_components(graph)]
    assert [part for part in circles if len(part) > 1] == []


def test_imports_go_one_way() -> None:
    upwards = {
        (module, name)
        for module in SOURCES
        for name in imported(module)
        if None not in (layer(module), layer(name)) and layer(name) < layer(module)  # type: ignore[operator]
    }
    assert upwards == set()


def test_readers_and_writers_know_the_core_types_only() -> None:
    outside = {
        (module, name)
        for module in SOURCES
        if f"{module}.".startswith("rlchf.io.")
        for name in imported(module)
        if layer(name) is not None and name not in CORE
    }
    assert outside == set()


def test_every_file_of_the_rules_is_a_rule() -> None:
    names = {
        path.stem
        for folder in (ROOT / "rules", ROOT / "rules" / "across")
        for path in folder.glob("*.py")
        if not path.name.startswith("_")
    }
    cards = list_rules()
    assert names <= set(cards)
    for name in names:
        assert get_rule(name).__name__ == name
        assert cards[name].kind
        assert not cards[name].broken


def test_every_package_is_installed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {name for name, path in SOURCES.items() if path.name == "__init__.py"}
    assert packages == set(listed["tool"]["setuptools"]["packages"])
