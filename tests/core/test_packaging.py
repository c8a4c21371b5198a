"""What a user installs holds every voting rule, and says which version it is."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import rlchf

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


@pytest.mark.slow
def test_the_wheel_of_the_source_distribution_holds_the_package_and_nothing_else(
    dist: Path,
) -> None:
    """``python -m build`` makes the wheel of the source distribution, not of the clone."""
    clone = {
        path.relative_to(ROOT)
        for folder in ("rlchf", "rules")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".toml", ".json", ".jinja", ".css", ".js", ".typed")
        and "rlchf/rules" not in path.as_posix()  # the link to the other folder
    }
    clone |= {ROOT.relative_to(ROOT) / "rlchf/py.typed"}
    wheel = next(dist.glob("*.whl"))
    assert wheel.name == f"rlchf-{rlchf.__version__}-py3-none-any.whl"
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert {name.replace("rlchf/rules/", "rules/") for name in names} == {
        path.as_posix() for path in clone
    }


@pytest.mark.slow
def test_the_source_distribution_holds_what_the_tests_read(dist: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert set(listed.stdout.split("\0")) - names - {""} == {".gitignore", "rlchf/rules"}


def test_the_version_stands_in_one_place_and_the_citations_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "rlchf.__version__"}
    assert "release = version = rlchf.__version__" in (ROOT / "docs/conf.py").read_text()
    for file, pattern in {
        "CITATION.cff": r"^version: (.+)$",
        "docs/project/citing.md": r"version = \{(.+)\}",
    }.items():
        found = re.findall(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert found == [rlchf.__version__], file


def test_the_address_of_the_repository_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    address = project["project"]["urls"]["Homepage"]
    assert '["urls"]["Homepage"]' in (ROOT / "docs/conf.py").read_text(encoding="utf-8")
    for file, pattern in {
        "CITATION.cff": r"^repository-code: (.+)$",
        "docs/project/citing.md": r"url     = \{(.+)\}",
        "docs/start.md": r"^git clone (.+)$",
        "README.md": r"^git clone (.+)$",
    }.items():
        found = re.findall(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert found == [address], file


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
