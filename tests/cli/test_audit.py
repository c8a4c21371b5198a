"""The command ``rlchf audit``: its table, its files, and what it refuses."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rlchf as package
from rlchf.auditing import Audit, Estimate, Standing
from rlchf.auditing.standing import by_position
from rlchf.cli.tables.audit import held_out_sentences
from rlchf.cli.tables.standing_sentences import sentences
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
        "Representation ratio: north 1.67 (1.67-1.67), south 0.00" in run(*inputs, *people).stdout
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
    with pytest.raises(ValueError, match="pip install matplotlib"):
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


def five_countries(folder: Path) -> None:
    """Five countries of different size, one of which wants the opposite, and twelve random clickers."""
    rng = np.random.default_rng(5)
    sizes = {"Brazil": 14, "Germany": 20, "India": 30, "Nigeria": 12, "States": 50, "clickers": 12}
    common = rng.normal(size=(60, 4))
    lines, people = ["prompt_id,annotator_id,ranking"], ["annotator_id,country"]
    for country, n in sizes.items():
        taste = common + 0.4 * rng.normal(size=common.shape)
        taste = {"Nigeria": -0.6 * common, "clickers": 0 * common}.get(country, taste)
        for i in range(n):
            people.append(f"{country}{i},{country}")
            for p in rng.choice(60, 15, replace=False):
                order = np.argsort(-taste[p] - 0.8 * rng.normal(size=4))
                lines.append(f"p{p},{country}{i},{' > '.join('abcd'[r] for r in order)}")
    (folder / "five.csv").write_text("\n".join(lines) + "\n")
    (folder / "countries.csv").write_text("\n".join(people) + "\n")
    rankings = package.read_rankings(folder / "five.csv")
    package.aggregate(rankings, "kemeny").write(folder / "five.jsonl")


def test_the_country_that_loses_is_named(tmp_path: Path) -> None:
    five_countries(tmp_path)
    inputs = [tmp_path / name for name in ("five.csv", "five.jsonl")]
    people = "--annotators", tmp_path / "countries.csv", "--group", "country"
    shown = " ".join(run(*inputs, *people).stdout.split())  # whatever the width
    assert "Served least: Nigeria, at -" in shown
    assert "no other group stands out." in shown
    assert "the outcome's share is below one half): Nigeria." in shown
    assert "If the own ranking of Nigeria were the outcome, its share would rise from 0.3" in shown
    assert "own ranking from a random order: clickers." in shown
    assert "No representation ratio for Nigeria: without its ballots it would get" in shown
    assert (
        "more than its 9 % of the weight, so that no ratio can be given; this is no evidence"
        in shown
    )
    assert "Nor for Brazil, " in shown
    assert "Representation ratio" not in shown
    assert "Price of fairness: none, since the rule is Kemeny's." in shown
    report = json.loads(run(*inputs, *people, "--json").stdout)
    assert {row["representation_ratio"] for row in report["groups"]} == {None}
    served = {row["name"]: row["position"]["value"] for row in report["standings"]}
    assert served["clickers"] is None
    assert all(served[name] > 0.8 for name in ("Brazil", "Germany", "India", "States"))


def standing(name: str, position: tuple[float, ...], **values: Any) -> Standing:
    """A group that stands at a position and has the outcome's share ``agreed``."""
    row = {
        "annotators": 9, "agreed": Estimate(0.7, 0.65, 0.75), "random": 0.5,
        "others": Estimate(0.7, 0.65, 0.75), "best": Estimate(0.75, 0.7, 0.8),
        "cost": Estimate(0.05, 0.04, 0.06), "opposed": False, "again": True, "prompts": 9, "left_out": 0,
        "weight": 0.1, "far_behind": False,
    }  # fmt: skip
    return Standing(name=name, position=Estimate(*position), **{**row, **values})


NAN = float("nan")


def test_all_groups_that_stand_low_are_named_and_no_other() -> None:
    low = {"agreed": Estimate(0.3, 0.25, 0.35), "others": Estimate(0.3, 0.25, 0.35)}
    rows = [
        standing("Ghana", (-1.1, -1.2, -1.0), **low),
        standing("Peru", (0.1, 0.0, 0.2), far_behind=True),
        standing("Japan", (0.9, 0.8, 1.0)), standing("Kenya", (0.95, 0.8, 1.1)),
    ]  # fmt: skip
    shown = "".join(sentences(rows))
    assert (
        "Served least: Ghana, at -1.10 (-1.20 to -1.00); Peru 0.10 (0.00 to 0.20) stands low too; next "
        "Japan, at 0.90; no other group stands out."
    ) in shown
    assert "No representation ratio for Ghana: without its ballots it would get 30 %" in shown
    assert "Nor for Japan, Kenya: without its own ballots" in shown
    assert "Of the groups, none stands out; the lowest is Japan" in "".join(sentences(rows[2:]))


def test_a_loser_without_a_position_comes_first() -> None:
    loser = standing("Ghana", (NAN, NAN, NAN), agreed=Estimate(0.3, 0.25, 0.35))
    rows = by_position(
        [standing("Japan", (0.9, 0.8, 1.0)), standing("Chile", (NAN, NAN, NAN)), loser]
    )
    assert [row.name for row in rows] == ["Ghana", "Japan", "Chile"]
    shown = "".join(sentences(rows))
    assert "Served least, by the outcome's share: Ghana, 0.30 (0.25 to 0.35)" in shown


def test_positions_of_few_people_and_above_one_are_explained() -> None:
    rows = [
        standing("Japan", (0.9, 0.8, 1.0)), standing("Fiji", (1.4, 0.8, 2.0), annotators=3),
    ]  # fmt: skip
    shown = "".join(sentences(rows))
    assert "Fewer than 5 people, on whom the own ranking and the interval rest: Fiji (3)." in shown
    assert "it is no privilege: Fiji." in shown


def test_people_who_agree_least_are_counted_by_group() -> None:
    rng = np.random.default_rng(0)
    low = {"3", "27", "28", "29"}
    ballots = [
        (p, v, "a > b" if rng.random() < (0.05 if str(v) in low else 0.85) else "b > a")
        for p in range(40) for v in range(30)
    ]  # fmt: skip
    groups = {str(v): "north" if v < 27 else "south" for v in range(30)}
    rankings = package.Rankings.from_ballots(ballots)
    report = package.audit(rankings, package.aggregate(rankings), groups, baselines=True)
    shown = "".join(held_out_sentences(report))
    assert "4 annotators, all 3 of south, 1 of the 27 of north (" in shown


def test_where_every_pair_is_contested_one_column_says_so(tmp_path: Path) -> None:
    lines = ["prompt_id,annotator_id,ranking"]
    lines += [f"p{p},v{v},{'a > b' if v < 6 else 'b > a'}" for p in range(5) for v in range(10)]
    (tmp_path / "split.csv").write_text("\n".join(lines) + "\n")
    package.aggregate(package.read_rankings(tmp_path / "split.csv")).write(tmp_path / "out.jsonl")
    shown = run(tmp_path / "split.csv", tmp_path / "out.jsonl").stdout
    assert (
        " ".join(shown.split()).count("every pair is contested, so that agreement on contested")
        == 1
    )
    assert "con-" not in shown
    assert "contested   " not in shown


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


def test_pictures_describe_themselves_and_draw_no_line_called_proportional(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    five_countries(tmp_path)
    job = AuditJob(
        rankings=(str(tmp_path / "five.csv"),), aggregated=str(tmp_path / "five.jsonl"),
        annotators=str(tmp_path / "countries.csv"), group=("country",),
        plot=str(tmp_path / "pictures"),
    )  # fmt: skip
    audit_files(job)
    for name in ("shares", "agreement", "lorenz"):
        text = (tmp_path / "pictures" / f"{name}.svg").read_text()
        assert 'role="img" aria-label="' in text
        assert b"Description" in (tmp_path / "pictures" / f"{name}.png").read_bytes()
        assert "proportional" not in text
    text = (tmp_path / "pictures" / "shares.svg").read_text()
    label = text.split('aria-label="')[1].split('"')[0]
    assert label.index("Nigeria") < label.index("Brazil") < label.index("clickers 0.")
    assert label.endswith("(no position).")


@pytest.mark.parametrize("groups", [2, 7, 25, 60])
def test_pictures_name_as_many_groups_as_can_be_read(groups: int) -> None:
    pytest.importorskip("matplotlib")
    from rlchf.plots.audit import audit_plots

    rng = np.random.default_rng(groups)
    ballots = [
        (p, i, "a > b" if rng.random() < 0.7 else "b > a")
        for p in range(8)
        for i in range(3 * groups)
    ]
    names = {str(i): f"US$ {i % groups:02} of $x$" for i in range(3 * groups)}
    rankings = package.Rankings.from_ballots(ballots)
    result = package.aggregate(rankings, "kemeny")
    report = package.audit(rankings, result, names, baselines=True)
    figure = audit_plots(rankings, result, report, names)["shares"]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(labels) == min(groups, 25)
    assert ("the lowest 25 of 60" in figure.axes[0].get_title(loc="left")) == (groups == 60)
    assert str(figure.get_label()).count("US$") == min(groups, 25)


def test_of_many_people_the_outliers_are_named() -> None:
    pytest.importorskip("matplotlib")
    from rlchf.plots.audit import audit_plots

    rng = np.random.default_rng(0)
    ballots = [
        (p, f"person {i:03}", "a > b" if rng.random() < (0.1 if i == 77 else 0.8) else "b > a")
        for p in range(40) for i in range(300)
    ]  # fmt: skip
    rankings = package.Rankings.from_ballots(ballots)
    result = package.aggregate(rankings, "kemeny")
    figure = audit_plots(rankings, result, package.audit(rankings, result))["shares"]
    assert "300 annotators" in figure.axes[0].get_title(loc="left")
    (text,) = [text.get_text() for text in figure.axes[0].texts]
    assert text.splitlines()[1].startswith("person 077")


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
