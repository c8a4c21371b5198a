"""The command ``rlchf audit``: its table, its files, and what it refuses."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rlchf as package
from rlchf.auditing import Audit
from rlchf.jobs.audit import audit_files
from rlchf.jobs.settings import AuditJob
from tests.support.cli import Done, refused, rlchf


def run(*arguments: object, stdin: str = "") -> Done:
    return rlchf("audit", *arguments, stdin=stdin)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = ["prompt_id,annotator_id,ranking"]
    for p in range(10):
        for i in range(10):
            lines.append(f"p{p},a{i},{'plain > emoji' if i < 6 else 'emoji > plain'}")
    (tmp_path / "rankings.csv").write_text("\n".join(lines) + "\n")
    people = ["annotator_id,region"] + [f"a{i},{'north' if i < 6 else 'south'}" for i in range(10)]
    (tmp_path / "people.csv").write_text("\n".join(people) + "\n")
    rankings = package.read_rankings(tmp_path / "rankings.csv")
    kemeny = package.aggregate(rankings, "kemeny")
    kemeny.write(tmp_path / "out.jsonl")
    swapped = package.Aggregation.from_scores(rankings, -kemeny.response_scores, "kemeny", {})
    swapped.write(tmp_path / "swapped.jsonl")
    judged = [(f"p{p}", r) for p in range(10) for r in ("plain", "emoji")]
    write(tmp_path / "responses.jsonl", [
        {"prompt_id": p, "response_id": r, "text": "", "emoji": r == "emoji"} for p, r in judged
    ])  # fmt: skip
    write(tmp_path / "few.jsonl", [{"prompt_id": "p0", "response_id": "plain", "emoji": False}])
    write(tmp_path / "scores.jsonl", [
        {"prompt_id": p, "response_id": r, "score": int(r == "emoji")} for p, r in judged
    ])  # fmt: skip
    write(tmp_path / "held_out.jsonl", [
        {"prompt_id": f"p{p}", "scores": {"plain": 0.5, "emoji": p - 3}} for p in (3, 4)
    ])  # fmt: skip
    write(tmp_path / "other.jsonl", [{"prompt_id": "x", "response_id": "plain", "score": 1}])
    write(tmp_path / "texts.jsonl", [
        {"stage": stage, "prompt": [{"role": "user", "content": "Hi"}], "emoji": i < n}
        for stage, n in (("before", 2), ("after", 1)) for i in range(4)
    ])  # fmt: skip
    return tmp_path


def audited(folder: Path, aggregated: str = "out.jsonl", **settings: Any) -> Audit:
    values: dict[str, Any] = {
        name: str(folder / value)
        if name in ("annotators", "scores", "responses", "texts")
        else value
        for name, value in settings.items()
    }
    job = AuditJob(
        rankings=(str(folder / "rankings.csv"),),
        aggregated=str(folder / aggregated),
        **values,
    )
    return audit_files(job)


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_the_table_and_the_json_show_the_agreement_of_each_group(folder: Path) -> None:
    inputs = folder / "rankings.csv", folder / "out.jsonl", "--annotators", folder / "people.csv"
    shown = run(*inputs, "--group", "region", "--out", folder / "audit.json")
    assert shown.returncode == 0, shown.stderr
    assert "north" in shown.stdout
    assert "justified representation" in shown.stdout
    written = json.loads((folder / "audit.json").read_text())
    assert [(g["name"], g["contested"]) for g in written["groups"]] == [("north", 1), ("south", 0)]
    assert written["groups"][1]["maximum_deficit"] == pytest.approx(4.0)
    assert written["overall"]["representation_ratio"] is None
    printed = run(*inputs, "--group", "region", "--json")
    assert json.loads(printed.stdout) == written


def test_an_annotators_weights_count(folder: Path) -> None:
    people = ["annotator_id,weight"] + [f"a{i},{1 if i < 6 else 3}" for i in range(10)]
    (folder / "people.csv").write_text("\n".join(people) + "\n")
    report = audited(folder, annotators="people.csv")
    assert report.overall.contested == pytest.approx(6 / 18)
    assert [i.name for i in report.intervals] == ["all"] * 3


def test_a_share_is_traced_from_the_ballots_to_the_texts(folder: Path) -> None:
    report = audited(
        folder, group=("region",), label="emoji", annotators="people.csv", scores="held_out.jsonl",
        responses="responses.jsonl", texts="texts.jsonl",
    )  # fmt: skip
    south = {(stage.stage, stage.measure): stage.groups[1] for stage in report.stages}
    assert [share.proportional_share for share in south.values()] == pytest.approx([0.4] * 10)
    assert {key: share.share for key, share in south.items()} == pytest.approx({
        ("ballots", "first places"): 0.4, ("ballots", "mixed pairs"): 0.4,
        ("aggregated (kemeny)", "contested pairs"): 0.0,
        ("aggregated (kemeny)", "first places"): 0.0, ("aggregated (kemeny)", "mixed pairs"): 0.0,
        ("reward model", "contested pairs"): 0.5,
        ("reward model", "first places"): 0.5, ("reward model", "mixed pairs"): 0.5,
        ("policy before", "texts"): 0.5, ("policy after", "texts"): 0.25,
    })  # fmt: skip
    assert south["policy after", "texts"].prefers == {"emoji": 1.0}
    assert report.scores is not None  # of the two prompts that were scored
    assert [row.contested for row in report.scores.groups] == [0.5, 0.5]
    assert report.scores.overall.ballots == 20


def test_texts_of_other_categories_are_warned_of(folder: Path) -> None:
    write(folder / "texts.jsonl", [{"emoji": "smiley"}])
    with pytest.warns(UserWarning, match="are none of those"):
        report = audited(folder, label="emoji", responses="responses.jsonl", texts="texts.jsonl")
    assert [group.share for group in report.stages[-1].groups] == [0.0, 0.0]


def test_the_screen_shows_every_stage_and_the_spread(folder: Path) -> None:
    inputs = ["rankings.csv", "out.jsonl", "--scores", "held_out.jsonl", "--texts", "texts.jsonl"]
    more = ["--responses", "responses.jsonl", "--label", "emoji", "--shuffles", 2]
    words = [str(word) for word in (*inputs, *more)]
    files = (".csv", ".jsonl")
    shown = run(*(folder / word if word.endswith(files) else word for word in words))
    assert shown.returncode == 0, shown.stderr
    assert "prefer emoji, by stage; prefers emoji" in shown.stdout
    assert "policy after" in shown.stdout
    assert "prompts changed" in shown.stdout


def test_a_sequential_rule_is_shuffled_with_the_options_in_the_file(folder: Path) -> None:
    rankings = package.read_rankings(folder / "rankings.csv")
    result = package.aggregate(rankings, "perpetual_pav", base="borda")
    result.write(folder / "pav.jsonl")
    report = audited(folder, "pav.jsonl", shuffles=5)
    changed = report.spread[-1]
    assert changed.name == "prompts changed"
    assert changed.highest > 0


def test_several_columns_group_the_annotators(folder: Path) -> None:
    people = ["annotator_id,region,age"]
    people += [f"a{i},{'north' if i < 6 else 'south'},{20 + 10 * (i % 2)}" for i in range(10)]
    (folder / "people.csv").write_text("\n".join(people) + "\n")
    report = audited(folder, group=("region", "age"), annotators="people.csv")
    assert [(row.name, row.contested) for row in report.groups] == [
        ("region: north", 1.0), ("region: south", 0.0),
        ("age: 20", pytest.approx(0.6)), ("age: 30", pytest.approx(0.6)),
    ]  # fmt: skip
    assert {i.name for i in report.intervals} == {"all", *(row.name for row in report.groups)}


def test_nothing_is_read_before_a_folder_is_found_missing(folder: Path) -> None:
    for option, problem in (("out", "there is no folder"), ("plot", "is a file")):
        path = folder / ("none/x.json" if option == "out" else "people.csv/pictures")
        with pytest.raises(ValueError, match=problem):
            audited(folder, "missing.jsonl", **{option: str(path)})


def test_a_single_annotator_has_no_representation_ratio_on_the_screen(folder: Path) -> None:
    inputs = folder / "rankings.csv", folder / "out.jsonl"
    assert "Representation ratio" not in run(*inputs).stdout
    people = "--annotators", folder / "people.csv", "--group", "region"
    assert (
        "Representation ratio: north 1.67 (1.67-1.67) and south 0.00"
        in run(*inputs, *people).stdout
    )


def test_where_all_agree_there_are_no_contested_pairs(folder: Path) -> None:
    (folder / "alike.csv").write_text("prompt_id,annotator_id,ranking\np,ann,a > b\np,bob,a > b\n")
    rankings = package.read_rankings(folder / "alike.csv")
    package.aggregate(rankings).write(folder / "alike.jsonl")
    shown = run(folder / "alike.csv", folder / "alike.jsonl")
    assert shown.stdout.count("no contested pairs") == 2
    report = package.audit(rankings, package.aggregate(rankings), axioms=True)
    assert report.axioms["contested pairs"] == report.axioms["contested rounds"] == []
    assert report.axioms["rounds"] != []


@pytest.mark.slow
def test_pictures_are_the_same_each_time(folder: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in ("one", "two"):
        audited(
            folder, group=("region",), annotators="people.csv", scores="scores.jsonl",
            plot=str(folder / name),
        )  # fmt: skip
    names = sorted(path.name for path in (folder / "one").iterdir())
    stems = ("agreement", "lorenz", "shares", "stages")
    assert names == [f"{stem}.{category}" for stem in stems for category in ("png", "svg")]
    for name in names:
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()


@pytest.mark.slow
def test_pictures_of_many_annotators_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from rlchf.plots.audit import audit_plots
    from rlchf.plots.save import save_all

    ballots = [(p, i, "a > b" if (p + i) % 3 else "b > a") for p in range(20) for i in range(40)]
    rankings = package.Rankings.from_ballots(ballots)
    result = package.aggregate(rankings, "kemeny")
    figures = audit_plots(rankings, result, package.audit(rankings, result))
    assert len(save_all(figures, tmp_path / "many")) == 6
    alike = package.Rankings.from_ballots([("p", "ann", "a > b")])  # nothing is contested
    result = package.aggregate(alike, "kemeny")
    save_all(audit_plots(alike, result, package.audit(alike, result)), tmp_path / "alike")


def test_without_matplotlib_a_sentence_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "rlchf.plots.audit", raising=False)
    with pytest.raises(ValueError, match=r"matplotlib, .*\[report\]"):
        audited(folder, plot="pictures")


REFUSED = {
    "there is no such file": ("rankings.csv", "nothing.jsonl"),
    "needs an annotators file": ("rankings.csv", "out.jsonl", "--group", "region"),
    "no column 'colour'": (
        "rankings.csv", "out.jsonl", "--annotators", "people.csv", "--group", "colour",
    ),
    "is an input": ("rankings.csv", "out.jsonl", "--out", "rankings.csv"),
    "is a file; give a folder": ("rankings.csv", "out.jsonl", "--plot", "people.csv"),
    "folds is -1": ("rankings.csv", "out.jsonl", "--folds", "-1"),
    "folds is 1": ("rankings.csv", "out.jsonl", "--folds", "1"),
    "there is no folder": ("rankings.csv", "out.jsonl", "--out", "none/audit.json"),
    "has a column 'annotator_id'": ("rankings.csv", "rankings.csv"),
    "several files are standard input": ("-", "-"),
    "needs the categories of the responses": ("rankings.csv", "out.jsonl", "--texts", "texts.jsonl"),
    "is a column of labelled responses": ("rankings.csv", "out.jsonl", "--label", "emoji"),
    "few.jsonl: response 'emoji' of prompt 'p0' has no category": (
        "rankings.csv", "out.jsonl", "--responses", "few.jsonl", "--label", "emoji",
    ),
    "there is no column 'label'": ("rankings.csv", "out.jsonl", "--responses", "responses.jsonl"),
    "there is none of the prompts": ("rankings.csv", "out.jsonl", "--scores", "other.jsonl"),
    "cannot aggregate again": ("rankings.csv", "scores.jsonl", "--shuffles", "2"),
    "gives other rankings than the file": ("rankings.csv", "swapped.jsonl", "--shuffles", "2"),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_bad_usage_is_one_sentence_and_exit_2(
    message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert message in refused(run(*REFUSED[message]))


def test_rankings_may_come_from_standard_input(folder: Path) -> None:
    text = (folder / "rankings.csv").read_text()
    result = run("-", folder / "out.jsonl", "--json", stdin=text)
    assert json.loads(result.stdout)["overall"]["contested"] == pytest.approx(0.6)


def test_ctrl_c_ends_the_audit_with_one_sentence_and_without_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlchf.auditing import _left_out

    calls = []

    def interrupted(*arguments: Any, **options: Any) -> package.Aggregation:
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return package.aggregate(*arguments, **options)

    monkeypatch.setattr(_left_out, "aggregate", interrupted)
    done = run(folder / "rankings.csv", folder / "out.jsonl", "--out", folder / "audit.json")
    assert done.returncode == 130
    assert done.stderr == (
        "stopped before the audit was done; --folds 0 leaves out what takes longest\n"
    )
    assert not (folder / "audit.json").exists()


def test_the_audit_tells_how_many_outcomes_it_has_made_again(folder: Path) -> None:
    rankings = package.read_rankings(folder / "rankings.csv")
    groups = {f"a{i}": "north" if i < 6 else "south" for i in range(10)}
    ticks: list[tuple[int, int]] = []
    package.audit(
        rankings, package.aggregate(rankings, "kemeny"), groups, baselines=True,
        tick=lambda done, total: ticks.append((done, total)),
    )  # fmt: skip
    assert ticks == [(n, 10) for n in range(10)]


def test_without_folds_the_tables_say_that_the_outcome_is_as_given(folder: Path) -> None:
    shown = run(folder / "rankings.csv", folder / "out.jsonl", "--folds", 0).stdout
    assert "as given" in shown
    assert "may have been made from these ballots" in " ".join(shown.split())
    assert "held out" not in shown


def test_the_number_of_large_prompts_stands_where_they_are_left_out(folder: Path) -> None:
    rng = np.random.default_rng(0)
    lines = ["prompt_id,annotator_id,ranking"]
    for p in range(6):
        for i in range(10):
            order = rng.permutation(9 if p < 2 else 4)
            lines.append(f"p{p},a{i},{' > '.join(f'r{r}' for r in order)}")
    (folder / "large.csv").write_text("\n".join(lines) + "\n")
    rankings = package.read_rankings(folder / "large.csv")
    package.aggregate(rankings, "borda").write(folder / "large.jsonl")
    people = "--annotators", folder / "people.csv", "--group", "region"
    shown = " ".join(run(folder / "large.csv", folder / "large.jsonl", *people).stdout.split())
    assert "Positions leave out 2 of 6 prompts, which have more than 8 responses." in shown
    assert "Price of fairness (agreement lost against Kemeny, on 4 prompts with up to 8" in shown


def test_a_minority_that_is_served_in_proportion_is_not_only_called_a_loser(folder: Path) -> None:
    rankings = package.read_rankings("examples/emoji/rankings.csv")
    package.aggregate(rankings, "perpetual_pav").write(folder / "pav.jsonl")
    people = "--annotators", "examples/emoji/annotators.csv", "--group", "group"
    done = run("examples/emoji/rankings.csv", folder / "pav.jsonl", *people)
    assert "in proportion to their weight all the same" in " ".join(done.stdout.split())


def test_with_few_ballots_per_prompt_contested_pairs_are_said_to_mean_little(
    tmp_path: Path,
) -> None:
    lines = ["prompt_id,annotator_id,ranking"]
    for p in range(30):
        for i in range(3):
            order = "a > b" if (p * 7 + i * i) % 3 else "b > a"
            lines.append(f"p{p},v{(p + i) % 12},{order}")
    (tmp_path / "sparse.csv").write_text("\n".join(lines) + "\n")
    rankings = package.read_rankings(tmp_path / "sparse.csv")
    package.aggregate(rankings, "borda").write(tmp_path / "out.jsonl")
    done = run(tmp_path / "sparse.csv", tmp_path / "out.jsonl", "--json")
    figures = {row["measure"]: row["value"] for row in json.loads(done.stdout)["intervals"]}
    assert figures["contested"] == 0.5
    shown = " ".join(run(tmp_path / "sparse.csv", tmp_path / "out.jsonl").stdout.split())
    assert "With 3.0 ballots per prompt, agreement on contested pairs is near one half" in shown


@pytest.mark.parametrize("columns", [40, 60, 200])
def test_names_of_groups_and_figures_survive_a_narrow_terminal(
    columns: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    inputs = folder / "rankings.csv", folder / "out.jsonl", "--annotators", folder / "people.csv"
    shown = run(*inputs, "--group", "region").stdout
    assert "…" not in shown
    assert max(len(line) for line in shown.splitlines()) <= columns
    rows = [line.split("  ")[0] for line in shown.splitlines()]
    tables = rows.count(" north")
    assert tables == rows.count(" south")
    assert tables > 3 if columns == 40 else tables >= 3
    for figure in ("-1.00", "1.67", "influ-"):
        assert figure in shown
