"""Where groups stand: the tables, sentences and pictures of ``rlchf audit``."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rlchf as package
from rlchf.auditing import Audit, Estimate, Standing
from rlchf.auditing.standing import by_position
from rlchf.auditing.standing_sentences import sentences
from rlchf.cli.tables.audit import held_out_sentences
from rlchf.jobs.audit import audit_files
from rlchf.jobs.settings import AuditJob
from tests.support.cli import Done, rlchf


def run(*arguments: object, stdin: str = "") -> Done:
    return rlchf("audit", *arguments, stdin=stdin)


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
        "more than its 8.7 % of the weight, so that no ratio can be given; this is no evidence"
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
    assert "Nor for Japan and Kenya: without its own ballots" in shown
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
    assert (
        "Groups of fewer than 5 people, whose own ranking and interval are uncertain: Fiji (3)."
        in shown
    )
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
    assert "4 annotators, all 3 of south and 1 of the 27 of north (" in shown


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
    assert ("the lowest 25 of 60" in " ".join(figure.get_suptitle().split())) == (groups == 60)
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
    assert "300 annotators" in " ".join(figure.get_suptitle().split())
    (text,) = [text.get_text() for text in figure.axes[0].texts]
    assert text.splitlines()[1].startswith("person 077")


def two_groups() -> tuple[Audit, Standing]:
    """An audit of two groups, and the standing of the lower one."""
    ballots = [(p, i, "a > b" if i < 6 else "b > a") for p in range(10) for i in range(10)]
    rankings = package.Rankings.from_ballots(ballots)
    groups = {str(i): "most" if i < 6 else "few" for i in range(10)}
    result = package.aggregate(rankings, "kemeny")
    report = package.audit(rankings, result, groups, baselines=True)
    return report, by_position(report.standings)[0]


def test_a_group_far_behind_the_only_other_one_is_not_behind_most_and_has_no_minus_zero() -> None:
    pytest.importorskip("matplotlib")
    from rlchf.plots.standing import standing_plot

    report, lower = two_groups()
    agreed, position = Estimate(0.5, 0.45, 0.55), Estimate(-0.001, -0.1, 0.1)
    behind = replace(lower, agreed=agreed, position=position, far_behind=True)
    others = [row for row in report.standings if row is not lower]
    figure = standing_plot(replace(report, standings=[behind, *others]))
    said = {text.get_text() for text in figure.axes[0].texts} | {
        text.get_text() for text in figure.legends[0].get_texts()
    }
    assert "the same, far behind the other group" in said
    assert "0.00" in said
    assert "position 0.00, far behind the other group" in str(figure.get_label())


def test_no_title_runs_into_the_legend_or_out_of_the_picture() -> None:
    pytest.importorskip("matplotlib")
    from rlchf.auditing.sequences import CumulativeAgreement
    from rlchf.plots.audit import agreement_plot

    counts = np.arange(1.0, 9)
    lines = [
        CumulativeAgreement(
            f"speakers of the language {n}", np.arange(8), counts / 2, counts, counts / 8
        )
        for n in range(8)
    ]
    figure = agreement_plot(lines, "a_rule_with_a_name_of_some_forty_letters")
    figure.canvas.draw()
    (title,) = [text for text in figure.texts if text.get_text().startswith("Share")]
    box, legend = title.get_window_extent(), figure.legends[0].get_window_extent()
    assert not box.overlaps(legend)
    assert box.x1 <= figure.bbox.x1
    assert legend.x0 >= 0
    assert legend.x1 <= figure.bbox.x1
