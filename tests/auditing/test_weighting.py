"""An audit with weights: raw and weighted figures, and that the weight 0 is absence."""

import json
from pathlib import Path

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.auditing.weighting import weighted_figures
from rlchf.rules import list_rules
from tests.support.cli import rlchf as run_rlchf

GROUPS = {f"x{i}": "north" if i < 5 else "south" for i in range(9)}


def ballots(seed: int = 0) -> list[tuple[str, str, str]]:
    rng = np.random.default_rng(seed)
    return [
        (f"p{p}", f"x{a}", " > ".join(rng.permutation(list("abcd"))))
        for p in range(8)
        for a in range(9)
        if rng.random() < 0.85
    ]


def rounded(value: object) -> object:
    return json.loads(json.dumps(value), parse_float=lambda text: round(float(text), 9))


def test_raw_and_weighted_figures_are_those_of_two_audits() -> None:
    cast = Rankings.from_ballots(ballots())
    weights = {f"x{i}": float(i) for i in range(9)}  # x0 has none
    result = rlchf.aggregate(cast.weighted(weights), "borda")
    figures = weighted_figures(cast, weights, result, GROUPS)
    weighted = rlchf.audit(cast.weighted(weights), result, GROUPS)
    raw = rlchf.audit(cast.weighted({"x0": 0.0}), result, GROUPS)
    for row, before, after in zip(
        figures.rows, [raw.overall, *raw.groups], [weighted.overall, *weighted.groups], strict=True
    ):
        assert row.name == after.name
        assert (row.pairs_raw, row.pairs) == (before.pairs, after.pairs)
        assert (row.first_place_raw, row.first_place) == (before.first_place, after.first_place)
    north = figures.rows[1]
    assert (north.people, north.people_share) == (4, 0.5)
    assert north.weight_share == pytest.approx(10 / 36)
    assert (figures.people, figures.without) == (8, 1)
    w = np.arange(1, 9)
    assert figures.effective_sample_size == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert figures.design_effect == pytest.approx(8 / figures.effective_sample_size)


@pytest.mark.filterwarnings("ignore")
def test_the_weight_0_is_absence_under_every_rule() -> None:
    rows, gone = ballots(1), {"x1": 0.0, "x4": 0.0, "x8": 0.0}
    zero = Rankings.from_ballots(rows).weighted(gone)
    left = Rankings.from_ballots([row for row in rows if row[1] not in gone])
    for rule in list_rules():
        one, other = rlchf.aggregate(zero, rule, seed=1), rlchf.aggregate(left, rule, seed=1)
        assert (one.response_ranks == other.response_ranks).all(), rule
        np.testing.assert_array_equal(one.response_scores, other.response_scores, err_msg=rule)


def test_the_audit_of_weights_of_0_is_that_without_these_people() -> None:
    rows, gone = ballots(2), {"x1": 0.0, "x4": 0.0, "x8": 0.0}
    zero = Rankings.from_ballots(rows).weighted(gone)
    left = Rankings.from_ballots([row for row in rows if row[1] not in gone])
    one, other = (
        rlchf.audit(r, rlchf.aggregate(r, "kemeny"), GROUPS, axioms=True, baselines=True)
        for r in (zero, left)
    )
    figures, expected = (rounded(audit.to_dict()) for audit in (one, other))
    assert figures == expected
    assert len(one.annotators) == 6


def test_a_prompt_on_which_only_absent_people_have_ballots_stays() -> None:
    rows = [("p", "ann", "a > b"), ("p", "bob", "b > a"), ("q", "bob", "c > d")]
    rankings = Rankings.from_ballots(rows).weighted({"bob": 0.0})
    result = rlchf.aggregate(rankings, "borda")
    assert [result.ranking(p) for p in "pq"] == [[["a"], ["b"]], [["c", "d"]]]
    assert rlchf.audit(rankings, result).overall.pairs == 1


def test_the_command_shows_people_and_weight_only_where_weights_differ(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("r.csv", "people.csv", "same.csv", "a.jsonl")}
    rows = [f"{p},{a},{ranking}" for p, a, ranking in ballots()]
    files["r.csv"].write_text("\n".join(["prompt_id,annotator_id,ranking", *rows]))
    for name, weight in (("people.csv", "{0}"), ("same.csv", "2")):
        people = [f"{a},{group},{weight.format(a[1:])}" for a, group in GROUPS.items()]
        files[name].write_text("\n".join(["annotator_id,region,weight", *people]))
    done = run_rlchf("aggregate", files["r.csv"], "--rule", "borda", "--out", files["a.jsonl"])
    assert done.returncode == 0
    audit = ["audit", files["r.csv"], files["a.jsonl"], "--group", "region", "--folds", 0]
    done = run_rlchf(*audit, "--annotators", files["people.csv"])
    text = " ".join(done.stdout.split())
    assert "8 annotators are as sure as 6.4 with equal weights" in text
    assert "1 annotator with ballots has the weight 0 and counts nowhere." in text
    figures = json.loads(run_rlchf(*audit, "--annotators", files["people.csv"], "--json").stdout)
    assert [row["name"] for row in figures["weights"]["rows"]] == ["all", "north", "south"]
    done = run_rlchf(*audit, "--annotators", files["same.csv"], "--json")
    assert json.loads(done.stdout)["weights"] is None
