"""The command ``rlchf axioms``: what is known, rates on a file and on cultures, replays, refusals."""

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlchf import Profiles, read_rankings
from rlchf.auditing.shares import wilson
from rlchf.axioms.counterexamples import replayed, stored
from rlchf.axioms.rates import batches_of, rate
from rlchf.jobs.axioms import axioms_of_rules
from rlchf.jobs.axioms_settings import AxiomsJob
from tests.support.cli import Done, refused, rlchf

CYCLE = [
    "a > b > c",
    "a > b > c",
    "b > c > a",
]  # a is the Condorcet winner, and ties with b under Borda
CLEAR = ["a > b > c", "a > c > b", "a > b > c", "c > a > b"]


def second_places(profiles: Profiles) -> np.ndarray:
    """The weight of the ballots that rank a response second."""
    hits = (np.asarray(profiles.ranks) == 2) * profiles.weights
    return np.asarray(np.add.reduceat(hits, profiles.starts[:-1], axis=1).T)


def run(*arguments: object) -> Done:
    return rlchf("axioms", *arguments)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Four prompts on which Borda misses the Condorcet winner, six on which it does not, one without."""
    lines = ["prompt_id,annotator_id,ranking"]
    for p in range(11):
        ballots = CYCLE if p < 4 else CLEAR if p < 10 else ["d > e", "e > d"]
        lines += [f"p{p},x{v},{ballot}" for v, ballot in enumerate(ballots)]
    path = tmp_path / "rankings.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_rates_on_a_file_are_shares_of_the_prompts_to_which_the_axiom_applies(file: Path) -> None:
    done = run(
        file,
        "--rules",
        "borda,carry_psb",
        "--axioms",
        "condorcet,participation",
        "--search",
        0,
        "--json",
    )
    assert done.returncode == 0, done.stderr
    (measured,) = json.loads(done.stdout)["measured"]
    rates = {(one["rule"], one["axiom"]): one for one in measured["rates"]}
    borda = rates["borda", "condorcet"]
    assert (borda["broken"], borda["elections"], borda["of"], borda["first"]) == (4, 10, 11, "p0")
    assert [borda["low"], borda["high"]] == pytest.approx(wilson(0.4, 10))
    assert rates["borda", "participation"]["elections"] == 11
    assert rates["borda", "participation"]["broken"] == 0
    assert ("carry_psb", "participation") not in rates  # the rule decides all prompts together
    assert rates["carry_psb", "condorcet"]["elections"] == 10
    assert measured["ballots"] == "strict complete ballots"


def test_a_rate_does_not_depend_on_how_prompts_are_put_together(file: Path) -> None:
    rankings = read_rankings(file)
    together = list(batches_of(rankings.profiles()))
    single = list(
        batches_of(
            (np.array([p]), rankings.batch(np.array([p]))) for p in range(len(rankings.prompt_ids))
        )
    )
    for axiom in ("condorcet", "IIA", "participation", "clones"):
        one, other = rate("instant_runoff", axiom, together), rate("instant_runoff", axiom, single)
        assert (one.broken, one.elections, one.first) == (
            other.broken,
            other.elections,
            other.first,
        )


def test_the_table_says_what_holds_and_what_does_not() -> None:
    done = run("--rules", "schulze,borda,river,baldwin", "--axioms", "Condorcet, clones,jr")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["condorcet", "yes", "no", "yes", "yes"] in rows
    assert ["clones", "yes", "no", "yes,", "few", "no"] in rows
    assert "yes, few: with at most 6 responses, clones included" in done.stdout


def test_a_narrow_terminal_gets_a_row_for_each_rule_where_there_are_few_axioms() -> None:
    rules = "borda,copeland,kemeny,minimax,schulze,ranked_pairs,river,split_cycle"
    done = run(
        "--rules", rules, "--axioms", "condorcet", "--cultures", "impartial", "--elections", 20
    )
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["rule", "condorcet"] in rows
    assert [row[0] for row in rows if len(row) > 1 and row[1] in ("yes", "no")] == rules.split(",")


def test_what_out_writes_can_be_replayed(tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    first = run("--rules", "borda,instant_runoff", "--axioms", "clones,monotonicity", "--out", out)
    assert "a has clones" in first.stdout
    again = run("--replay", out)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("breaks") == 3  # clones of instant runoff where eliminations tie, too
    values = json.loads(run("--replay", out, "--json").stdout)
    assert [value["broken"] for value in values] == [True, True, True]


def test_a_rule_that_was_mended_no_longer_breaks_the_axiom(tmp_path: Path) -> None:
    record = stored()["borda", "condorcet"].record() | {"rule": "copeland"}
    path = tmp_path / "one.json"
    path.write_text(json.dumps(record))
    assert "copeland does not break condorcet" in run("--replay", path).stdout


def test_a_function_of_ones_own_is_searched() -> None:
    rule = f"{__name__}:second_places"
    done = run("--rules", rule, "--axioms", "unanimity,anonymity", "--search", 300)
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())
    assert f"{rule} does not satisfy unanimity: counterexample with 2 responses" in shown
    assert f"{rule} and anonymity: no counterexample found among" in shown


def test_a_rule_breaks_its_claim_outside_of_its_condition_only() -> None:
    """Clones of instant runoff: half of small elections break it, by tied eliminations."""
    rules = "instant_runoff,coombs,bottom_two_runoff,tideman_alternative"
    job = AxiomsJob(
        rules=rules, axioms="clones,condorcet loser,smith", cultures="impartial", elections=100
    )
    rates = {(one.rule, one.axiom): one for one in axioms_of_rules(job).measured[0].rates}
    clones = rates["instant_runoff", "clones"]
    assert clones.share > 0.3
    claims = [one.within for one in rates.values() if one.within]
    assert [one.scope for one in claims].count("strict eliminations") == 4
    assert all(one.elections >= 5 and one.broken == 0 for one in claims)
    assert rates["coombs", "clones"].within is None


def test_what_breaks_an_axiom_while_it_is_measured_counts() -> None:
    rule = f"{__name__}:second_places"
    job = AxiomsJob(
        rules=rule, axioms="unanimity,condorcet", cultures="impartial", elections=50, search=0
    )
    status = {one.axiom: one for one in axioms_of_rules(job).statuses}
    assert (status["condorcet"].word, status["unanimity"].word) == ("no", "not searched")
    assert "elections of impartial" in status["condorcet"].met
    found = status["condorcet"].counterexample
    assert found is not None
    assert found.ballots == "strict"
    assert replayed(found).broken


def test_options_of_cultures_change_the_rates_and_stand_in_the_heading(tmp_path: Path) -> None:
    """All ballots of Mallows' model with a dispersion of 0 are the same; the other culture has no phi."""
    out = tmp_path / "rates.csv"
    arguments = (
        "--rules",
        "borda,instant_runoff",
        "--axioms",
        "unanimity,clones",
        "--elections",
        30,
    )
    done = run(*arguments, "--cultures", "impartial,mallows", "-o", "phi=0.0", "--out", out)
    assert done.returncode == 0, done.stderr
    heading = "mallows culture, phi=0.0, 30 elections of 20 strict complete ballots over 4 responses, seed 0"
    assert heading in " ".join(done.stdout.split())
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = {
        (row["rule"], row["axiom"], row["condition"]): row
        for row in rows
        if row["source"] == heading
    }
    assert found["borda", "unanimity", ""]["elections"] == "30"
    assert found["instant_runoff", "unanimity", ""]["broken"] == "30"
    assert ("instant_runoff", "clones", "untied eliminations") in found


def test_prompts_on_which_a_rule_takes_too_long_are_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    long = " > ".join(f"r{n}" for n in range(60))
    path.write_text(f"prompt_id,annotator_id,ranking\np,x,{long}\np,y,{long}\nq,x,a > b > c\n")
    done = run(path, "--rules", "kemeny,borda", "--axioms", "condorcet", "--json")
    assert "kemeny: left out 1 of 2 prompts, with 60 responses or more" in done.stderr
    rates = json.loads(done.stdout)["measured"][0]["rates"]
    assert [(one["rule"], one["elections"]) for one in rates] == [("kemeny", 1), ("borda", 2)]


def test_one_prompt_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    ballots = [f"p,x{n},a > b > c > d" for n in range(12)] + ["p,y,d > c > b > a"]
    path.write_text("\n".join(["prompt_id,annotator_id,ranking", *ballots]))
    done = run(path, "--rules", "borda", "--axioms", "clones,participation")
    shown = " ".join(done.stdout.split())
    assert "one election: 0.000 says that it does not break the axiom" in shown
    assert "up to 32 changes of each election are tried" in shown
    assert "prefers a set of winners to another if" in shown


def test_cultures_are_drawn_by_the_seed() -> None:
    arguments = ["--rules", "borda", "--axioms", "condorcet", "--elections", 60, "--json"]
    one, other, third = (
        json.loads(run("--cultures", "impartial,mallows", *arguments, "--seed", seed).stdout)[
            "measured"
        ]
        for seed in (1, 1, 2)
    )
    assert [part["name"] for part in one] == ["impartial", "mallows"]
    assert one == other != third


def test_prompts_beyond_the_limit_are_drawn_and_told(file: Path) -> None:
    with pytest.warns(
        UserWarning, match="5 of 11 prompts, drawn at random; --elections 11 takes all"
    ):
        report = axioms_of_rules(
            AxiomsJob(rankings=(str(file),), rules="borda", axioms="pareto", elections=5)
        )
    assert report.measured[0].rates[0].of == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--axioms", "clone"], "unknown axiom 'clone'; did you mean clones?"),
        (["--rules", "bord"], "unknown rule 'bord'; did you mean borda?"),
        (["--cultures", "impartail"], "unknown culture 'impartail'"),
        (["--replay", "x.json", "--rules", "borda"], "--replay runs the counterexamples of its file"),
        (["--replay", "missing.json"], "missing.json"),
        (["--annotators", "people.csv"], "--annotators is about a file of rankings; give one"),
        (["--cultures", "mallows", "-o", "ph=1"], "there is no option 'ph'; did you mean phi?"),
        (["-o", "phi=1"], "--option is about cultures; give --cultures"),
        (["--out", "rates.csv"], "a table has the rates"),
        (["--elections", "0"], "elections is 0; it must be 1 or more"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(arguments: list[str], message: str) -> None:
    assert message in refused(run(*arguments))


def without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda record: record.pop(key)


def with_ballots(**changes: object) -> Callable[[dict[str, Any]], object]:
    return lambda record: record["elections"][0]["ballots"][0].update(changes)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without("elections"), "has no counterexample"),
        (without("about"), "lacks the key 'about'"),
        (lambda record: record.update(rule="bord"), "unknown rule 'bord'"),
        (lambda record: record.update(axiom="clone"), "unknown axiom 'clone'"),
        (lambda record: record.update(about={}), "lacks 'columns' in 'about'"),
        (lambda record: record.update(about=[1]), "is not as rlchf axioms --out writes one"),
        (lambda record: record["about"].update(response="zz"), "names 'zz'"),
        (lambda record: record["about"].update(columns=[0, 7]), "does not fit its elections"),
        (lambda record: record["elections"].pop(), "has 1 election; give 2"),
        (with_ballots(weight=-1), "weights of 0 or more"),
        (with_ballots(weight="many"), "is not as rlchf axioms --out writes one"),
        (with_ballots(ranking="a > zz"), "a ballot names 'zz'"),
        (lambda record: record["elections"][0].update(ballots=[]), "needs ballots"),
    ],
)
def test_a_damaged_counterexample_is_refused_in_one_sentence(
    spoil: Callable[[dict[str, Any]], object], message: str, tmp_path: Path
) -> None:
    record = json.loads(json.dumps(stored()["borda", "clones"].record()))
    spoil(record)
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(record))
    assert message in refused(run("--replay", path))


def test_ctrl_c_prints_the_rates_measured_so_far_and_writes_nothing(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(4))

    def stops(*arguments: Any, **options: Any) -> Any:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return rate(*arguments, **options)

    monkeypatch.setattr(sys.modules[rate.__module__], "rate", stops)
    out = tmp_path / "rates.csv"
    options = ["--rules", "borda,veto", "--axioms", "Pareto,majority,Condorcet", "--out", out]
    done = run(file, *options)
    assert done.returncode == 130
    assert done.stderr == "stopped: these are the rates measured so far, and no file is written\n"
    table = done.stdout[done.stdout.index("share of the elections") :]
    rows = [line.split() for line in table.splitlines() if line.startswith(" ")]
    assert rows[0] == ["axiom", "borda", "veto"]
    assert [row[-1] == "-" for row in rows[1:4]] == [False, True, True]
    assert not out.exists()
    at_once = run(file, *options)
    assert (at_once.returncode, at_once.stdout) == (130, "")


def test_an_axiom_of_two_words_is_found_with_a_line_between_them() -> None:
    done = run("--rules", "borda", "--axioms", "condorcet_loser,Condorcet-Loser", "--json")
    (row,) = json.loads(done.stdout)["rules"]
    assert row["axiom"] == "condorcet loser"


OWN_RULES = '''
from rlchf import Aggregation, Rankings, aggregate
from rlchf.profiles import Profiles
from rlchf.rules import borda, voting_rule

@voting_rule(kind="positional", cost="K M", axioms=["majority"])
def backwards(profiles: Profiles):
    """Score by the number of responses above."""
    return -borda(profiles)

def in_turn(rankings: Rankings) -> Aggregation:
    """Rank as perpetual_pav."""
    return aggregate(rankings, "perpetual_pav")
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of two identical prompts, in a folder with rules of somebody's own."""
    (tmp_path / "rules_that_claim.py").write_text(OWN_RULES)
    ballots = ["x > y"] * 3 + ["y > x"] * 2
    lines = [f"{p},a{v},{ballot}" for p in "pq" for v, ballot in enumerate(ballots)]
    (tmp_path / "two.csv").write_text("\n".join(["prompt_id,annotator_id,ranking", *lines]))
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path / "two.csv"


def test_a_claim_that_a_file_contradicts_is_no_claim_any_more(own: Path) -> None:
    job = AxiomsJob(
        rankings=(str(own),), rules="rules_that_claim:backwards", axioms="majority", search=0
    )
    with pytest.warns(UserWarning, match="its card claims majority .its author says so., but"):
        (status,) = axioms_of_rules(job).statuses
    assert (status.satisfied, status.word) == (False, "no")
    assert status.counterexample is not None
    assert replayed(status.counterexample).broken


def test_the_prompt_on_which_a_rule_across_prompts_breaks_an_axiom_is_shown(own: Path) -> None:
    out = own.with_name("found.json")
    rule = ("--rules", "rules_that_claim:in_turn", "--axioms", "majority", "--search", 0)
    shown = run(own, *rule, "--out", out).stdout
    assert "3: a > b" in shown
    assert "in_turn ranks b > a, given the prompts before it" in shown
    assert "broke majority on prompt q of" in refused(run("--replay", out))
