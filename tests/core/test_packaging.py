"""What a user installs holds every voting rule."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("build")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return out


def rule_files() -> set[str]:
    files = {path.relative_to(ROOT / "rules").as_posix() for path in (ROOT / "rules").rglob("*.py")}
    assert {"borda.py", "across/perpetual_pav.py"} <= files
    return files


@pytest.mark.slow
def test_the_wheel_holds_every_rule_once(dist: Path) -> None:
    names = zipfile.ZipFile(next(dist.glob("*.whl"))).namelist()
    assert {f"rlchf/rules/{name}" for name in rule_files()} <= set(names)
    assert len(names) == len(set(names))
    assert not any(name.startswith("rules/") for name in names)  # no stray top-level package
    assert {f"rlchf/report/page.{end}" for end in ("html.jinja", "css", "js")} <= set(names)


@pytest.mark.slow
def test_the_source_distribution_holds_every_rule(dist: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"rules/{name}" for name in rule_files()} <= names
    assert {f"rlchf/report/page.{end}" for end in ("html.jinja", "css", "js")} <= set(names)


def test_every_folder_of_code_is_a_package_that_is_installed() -> None:
    """An editable install would not notice a folder that the list of packages lacks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = set(project["tool"]["setuptools"]["packages"])
    folders = {
        ".".join(init.parent.relative_to(ROOT).parts)
        for init in (ROOT / "rlchf").rglob("__init__.py")
        if "rules" not in init.relative_to(ROOT).parts
    }
    rules = {
        ".".join(["rlchf", *init.parent.relative_to(ROOT).parts])
        for init in (ROOT / "rules").rglob("__init__.py")
    }
    assert folders | rules == installed
