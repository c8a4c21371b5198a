"""The command ``rlchf audit``: its table, its files, and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import rlchf
from rlchf.audit.files import audit_files


def run(*arguments: object, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rlchf", "audit", *map(str, arguments)]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = ["prompt_id,annotator_id,ranking"]
    for p in range(10):
        for i in range(10):
            lines.append(f"p{p},a{i},{'plain > emoji' if i < 6 else 'emoji > plain'}")
    (tmp_path / "rankings.csv").write_text("\n".join(lines) + "\n")
    people = ["annotator_id,region"] + [f"a{i},{'north' if i < 6 else 'south'}" for i in range(10)]
    (tmp_path / "people.csv").write_text("\n".join(people) + "\n")
    rankings = rlchf.read_rankings(tmp_path / "rankings.csv")
    rlchf.aggregate(rankings, "kemeny").write(tmp_path / "out.jsonl")
    return tmp_path


def test_the_table_and_the_json_say_who_got_their_way(folder: Path) -> None:
    inputs = folder / "rankings.csv", folder / "out.jsonl", "--annotators", folder / "people.csv"
    shown = run(*inputs, "--group", "region", "--out", folder / "audit.json")
    assert shown.returncode == 0, shown.stderr
    assert "north" in shown.stdout
    assert "justified representation" in shown.stdout
    written = json.loads((folder / "audit.json").read_text())
    assert [(g["name"], g["contested"]) for g in written["groups"]] == [("north", 1), ("south", 0)]
    assert written["groups"][1]["shortfall"] == pytest.approx(4.0)
    assert written["overall"]["ratio"] is None
    printed = run(*inputs, "--group", "region", "--json")
    assert json.loads(printed.stdout) == written


def test_an_annotators_weights_count(folder: Path) -> None:
    people = ["annotator_id,weight"] + [f"a{i},{1 if i < 6 else 3}" for i in range(10)]
    (folder / "people.csv").write_text("\n".join(people) + "\n")
    report = audit_files(
        str(folder / "rankings.csv"), str(folder / "out.jsonl"),
        annotators=str(folder / "people.csv"), replicates=0,
    )  # fmt: skip
    assert report.overall.contested == pytest.approx(6 / 18)
    assert report.intervals == []


def test_pictures_are_the_same_each_time(folder: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in ("one", "two"):
        audit_files(
            str(folder / "rankings.csv"), str(folder / "out.jsonl"), group="region",
            annotators=str(folder / "people.csv"), plot=str(folder / name),
        )  # fmt: skip
    names = sorted(path.name for path in (folder / "one").iterdir())
    stems = ("lorenz", "satisfaction", "shares")
    assert names == [f"{stem}.{kind}" for stem in stems for kind in ("png", "svg")]
    for name in names:
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()


def test_pictures_of_many_annotators_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from rlchf.audit.plots import write_plots

    ballots = [(p, i, "a > b" if (p + i) % 3 else "b > a") for p in range(20) for i in range(40)]
    rankings = rlchf.Rankings.from_ballots(ballots)
    result = rlchf.aggregate(rankings, "kemeny")
    assert len(write_plots(tmp_path, rankings, result, rlchf.audit(rankings, result))) == 6
    alike = rlchf.Rankings.from_ballots([("p", "ann", "a > b")])  # nothing is contested
    result = rlchf.aggregate(alike, "kemeny")
    write_plots(tmp_path, alike, result, rlchf.audit(alike, result))


def test_without_matplotlib_a_sentence_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "rlchf.audit.plots", raising=False)
    with pytest.raises(ValueError, match="pip install matplotlib"):
        audit_files(str(folder / "rankings.csv"), str(folder / "out.jsonl"), plot="pictures")


REFUSED = {
    "there is no such file": ("rankings.csv", "nothing.jsonl"),
    "needs an annotators file": ("rankings.csv", "out.jsonl", "--group", "region"),
    "no column 'colour'": (
        "rankings.csv", "out.jsonl", "--annotators", "people.csv", "--group", "colour",
    ),
    "is an input": ("rankings.csv", "out.jsonl", "--out", "rankings.csv"),
    "is a file; give a folder": ("rankings.csv", "out.jsonl", "--plot", "people.csv"),
    "bootstrap is -1": ("rankings.csv", "out.jsonl", "--bootstrap", "-1"),
    "there is no folder": ("rankings.csv", "out.jsonl", "--out", "none/audit.json"),
    "has a column 'annotator_id'": ("rankings.csv", "rankings.csv"),
    "both standard input": ("-", "-"),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_bad_usage_is_one_sentence_and_exit_2(
    message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    result = run(*REFUSED[message])
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
    assert message in result.stderr


def test_rankings_may_come_from_standard_input(folder: Path) -> None:
    text = (folder / "rankings.csv").read_text()
    result = run("-", folder / "out.jsonl", "--json", "--bootstrap", 0, stdin=text)
    assert json.loads(result.stdout)["overall"]["contested"] == pytest.approx(0.6)
