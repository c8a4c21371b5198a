"""The example package in examples/plugin, installed as any package would be."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the example package is installed."""
    folder = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(ROOT / "examples" / "plugin", folder / "source")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
    ]
    subprocess.run(
        [*command, "--target", str(folder / "site"), str(source)], check=True, timeout=300
    )
    return os.environ | {"PYTHONPATH": str(folder / "site")}


def rlchf(environment: dict[str, str], *arguments: object) -> str:
    command = [sys.executable, "-m", "rlchf", *map(str, arguments)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
def test_an_installed_package_brings_its_rule(installed: dict[str, str]) -> None:
    cards = {card["name"]: card for card in json.loads(rlchf(installed, "rules", "--json"))}
    assert cards["second_places"]["kind"] == "positional"
    assert "axioms: anonymity, neutrality" in rlchf(installed, "rules", "second_places").lower()


def test_the_rule_of_an_installed_package_aggregates(
    installed: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "rankings.csv"
    file.write_text(
        "prompt_id,annotator_id,ranking\np,ann,a > b > c\np,bob,a > c > b\np,eve,b > c > a\n"
    )
    line = json.loads(rlchf(installed, "aggregate", file, "--rule", "second_places"))
    assert line["ranking"] == [["c"], ["b"], ["a"]]
    assert line["scores"] == {"a": 0.0, "b": 1.0, "c": 2.0}


@pytest.mark.slow
def test_a_package_that_cannot_be_loaded_spoils_only_its_own_rule(
    installed: dict[str, str], tmp_path: Path
) -> None:
    site = shutil.copytree(installed["PYTHONPATH"], tmp_path / "site")
    (site / "second_places.py").write_text("import a_module_that_is_not_there\n")
    environment = installed | {"PYTHONPATH": str(site)}
    cards = {card["name"]: card for card in json.loads(rlchf(environment, "rules", "--json"))}
    assert "a_module_that_is_not_there" in cards["second_places"]["description"]
    assert cards["borda"]["kind"] == "positional"
    command = [sys.executable, "-m", "rlchf", "rules"]
    listed = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert listed.returncode == 0
    assert "borda" in listed.stdout
    assert "second_places" not in listed.stdout
    (warning,) = listed.stderr.splitlines()
    assert "rule 'second_places' cannot be loaded from second_places:second_places" in warning
    assert "ModuleNotFoundError" in warning
    assert warning.endswith("second_places.py, line 1)")
    page = subprocess.run(
        [*command, "second_places"], env=environment, capture_output=True, text=True, timeout=300
    )
    assert (page.returncode, page.stdout) == (2, "")
    assert page.stderr == warning.replace("rlchf: warning: It cannot be used:", "rlchf:") + "\n"
