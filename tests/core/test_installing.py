"""The command that installs an extra is true for the installation at hand."""

import json
from pathlib import Path

import pytest

from rlchf import installing
from rlchf.installing import pip_install

FROM_INDEX = None
FROM_CLONE = json.dumps({"url": "file:///home/eve/my%20clone", "dir_info": {}})
FROM_EDITABLE_CLONE = json.dumps({"url": "file:///home/eve/rlchf", "dir_info": {"editable": True}})
FROM_GIT = json.dumps(
    {"url": "https://host/rlchf", "vcs_info": {"vcs": "git", "commit_id": "4c7c256"}}
)


def test_a_clone_that_is_imported_stays_editable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(installing, "__file__", str(tmp_path / "rlchf" / "installing.py"))
    assert pip_install("train") == f"pip install -e '.[train]' in {tmp_path.resolve()}"


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (FROM_INDEX, "pip install 'rlchf[train]'"),
        (FROM_CLONE, "pip install '.[train]' in /home/eve/my clone"),
        (FROM_EDITABLE_CLONE, "pip install -e '.[train]' in /home/eve/rlchf"),
        (FROM_GIT, "pip install 'rlchf[train] @ git+https://host/rlchf@4c7c256'"),
    ],
)
def test_an_installed_package_gets_an_extra_from_where_it_came(
    origin: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site-packages" / "rlchf" / "installing.py"
    monkeypatch.setattr(installing, "__file__", str(installed))
    monkeypatch.setattr(installing, "recorded_origin", lambda: origin)
    assert pip_install("train") == expected
