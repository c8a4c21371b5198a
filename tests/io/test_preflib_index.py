"""Real elections from PrefLib against facts computed independently; skipped where they are absent."""

import csv
import warnings
from pathlib import Path

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.rules import get_rule
from tests.oracles import textbook as oracles
from tests.oracles.textbook import blocks_of
from tests.support.profiles import Case

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "preflib"
INDEX = FOLDER / "index.csv"
ROWS = list(csv.DictReader(INDEX.open(encoding="utf-8"))) if INDEX.exists() else []
pytestmark = pytest.mark.skipif(not ROWS, reason="the PrefLib files are not there")

UNPROVEN = {"00011-00000066.toc", "00015-00000004.soc", "00050-00000001.soc"}
SLOW = UNPROVEN | {"00010-00000001.soi", "00046-00000003.soc"}  # seconds of integer programming
files = pytest.mark.parametrize("row", ROWS, ids=lambda row: row["file"])


def read(row: dict[str, str]) -> Rankings:
    return rlchf.read_rankings(FOLDER / row["file"], unranked="last")


@files
@pytest.mark.slow
def test_winners_are_those_of_the_index(row: dict[str, str]) -> None:
    rankings = read(row)
    (prompt,) = rankings.prompt_ids
    margins = rankings.batch(np.array([0])).margins[0]
    names = np.array(rankings.responses(prompt))
    winner = names[(margins > 0).sum(axis=1) == len(names) - 1]
    assert winner.tolist() == row["condorcet_winner"].split()
    for rule in ("borda", "copeland"):
        winners = rlchf.aggregate(rankings, rule).ranking(prompt)[0]
        assert sorted(winners, key=int) == row[f"{rule}_winners"].split(), rule


@pytest.mark.slow
@files
def test_condorcet_rules_put_a_condorcet_winner_first(row: dict[str, str]) -> None:
    rankings = read(row)
    profiles = rankings.batch(np.array([0]))
    names = np.array(rankings.response_ids)
    rules = {"schulze", "ranked_pairs", "kemeny"}
    if row["file"] in SLOW:
        rules.remove("kemeny")
    if len(names) > 1000:
        rules.remove("schulze")  # it takes half a minute
    for rule in sorted(rules):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # kemeny's order must be proven
            scores = get_rule(rule)(profiles)[0]
        assert np.isfinite(scores).all()
        if row["condorcet_winner"]:
            assert names[scores == scores.max()].tolist() == [row["condorcet_winner"]], rule


@pytest.mark.slow
@pytest.mark.parametrize("file", sorted(SLOW))
def test_kemeny_stops_in_time_and_says_how_far_it_got(file: str) -> None:
    profiles = read({"file": file}).batch(np.array([0]))
    with pytest.warns(UserWarning, match="ran out of time; its order overrules majorities of"):
        scores = get_rule("kemeny")(profiles, time_limit=0.05)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("row", [row for row in ROWS if int(row["alternatives"]) <= 6])
def test_small_elections_equal_the_textbook(row: dict[str, str]) -> None:
    profiles = read(row).batch(np.array([0]))
    case = Case(profiles.ranks, profiles.weights)
    rules = ("kemeny", "schulze", "ranked_pairs", "plurality")
    rankings = {rule: blocks_of(get_rule(rule)(profiles)[0].tolist()) for rule in rules}
    assert rankings["kemeny"] == oracles.kemeny(case.ballots, case.m)
    assert rankings["schulze"] == blocks_of(oracles.schulze(case.ballots, case.m))
    assert rankings["ranked_pairs"] == [[i] for i in oracles.ranked_pairs(case.ballots, case.m)]
    assert rankings["plurality"] == blocks_of(oracles.plurality(case.ballots, case.m))
