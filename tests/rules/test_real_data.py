"""Real rankings with ties, gaps and many annotators, against the textbook; skipped where absent."""

import csv
import json
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import rlchf
from rlchf.rankings import Unranked
from tests.oracles import textbook as oracles
from tests.oracles import updown

DATA = Path(__file__).parents[3] / "shared" / "data"
FILES = {
    "lamp_rankings/rankings.csv": (
        "plurality",
        "borda",
        "copeland",
        "schulze",
        "ranked_pairs",
        "kemeny",
    ),
    "pandalm/rankings.csv": ("plurality", "borda", "copeland", "schulze", "ranked_pairs", "kemeny"),
    "ukp_arguments/comparisons.csv": ("copeland", "borda"),
}
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the data is not there")


def ballots_of(file: str) -> dict[str, list[dict[str, float]]]:
    """Each prompt's ballots as places by response, read with the standard library alone."""
    by_prompt: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    with (DATA / file).open(encoding="utf-8", newline="") as lines:
        for n, row in enumerate(csv.DictReader(lines)):
            if "rank" in row:
                ballot = by_prompt[row["prompt_id"]][row["annotator_id"]]
                ballot[row["response_id"]] = float(row["rank"])
            else:
                tie = row.get("tie", "").lower() in ("true", "1")
                places = {row["chosen"]: 1.0, row["rejected"]: 1.0 if tie else 2.0}
                by_prompt[row["prompt_id"]][str(n)] = places
    return {prompt: list(ballots.values()) for prompt, ballots in by_prompt.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "rule"), [(f, rule) for f, rules in FILES.items() for rule in rules]
)
def test_rules_agree_with_the_textbook_on_real_rankings(file: str, rule: str) -> None:
    result = rlchf.aggregate(rlchf.read_rankings(DATA / file), rule)
    raw = ballots_of(file)
    assert len(raw) == len(result)
    for prompt, ballots in list(raw.items())[: 120 if len(raw) > 100 else 1]:
        names = sorted({response for ballot in ballots for response in ballot})
        index = {name: i for i, name in enumerate(names)}
        case = [({index[r]: int(p) for r, p in b.items()}, Fraction(1)) for b in ballots]
        m = len(names)
        if rule == "kemeny":
            blocks = oracles.kemeny(case, m)
        elif rule == "ranked_pairs":
            blocks = [[i] for i in oracles.ranked_pairs(case, m)]
        else:
            blocks = oracles.blocks_of(getattr(oracles, rule)(case, m))
        assert result.ranking(prompt) == [[names[i] for i in block] for block in blocks], prompt


@pytest.mark.parametrize(
    "file",
    ["polis/rankings.csv", "pabulib/rankings.csv", "ukp_arguments/comparisons.csv"],
)
@pytest.mark.parametrize("unranked", ["missing", "last"])
def test_an_exact_order_never_disagrees_more_than_another_rule(file: str, unranked: str) -> None:
    rankings = rlchf.read_rankings(DATA / file, unranked=unranked)  # type: ignore[arg-type]
    kemeny = rlchf.aggregate(rankings, "kemeny", ties="lexicographic")
    others = [rlchf.aggregate(rankings, rule) for rule in ("ranked_pairs", "borda")]
    for p, prompt in enumerate(rankings.prompt_ids):
        margins = rankings.batch(np.array([p])).margins[0]
        names = {name: i for i, name in enumerate(rankings.responses(prompt))}

        def gain(result: rlchf.Aggregation, prompt: str = prompt) -> float:
            order = [names[r] for level in result.ranking(prompt) for r in level]  # noqa: B023
            return float(np.triu(margins[np.ix_(order, order)], 1).sum())  # noqa: B023

        assert all(gain(kemeny) >= gain(other) - 1e-9 for other in others), prompt


def test_every_response_that_is_ranked_has_its_text() -> None:
    for folder in ("lamp_rankings", "pandalm"):
        rankings = rlchf.read_rankings(DATA / folder / "rankings.csv")
        texts = defaultdict(set)
        for line in (DATA / folder / "responses.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            texts[str(row["prompt_id"])].add(str(row["response_id"]))
        for prompt in rankings.prompt_ids:
            assert set(rankings.responses(prompt)) <= texts[prompt]


def polis() -> pd.DataFrame:
    """Votes on the statements of seven conversations: 1 agrees, 0 passes, -1 disagrees."""
    return pd.read_csv(DATA / "polis/rankings.csv").rename(columns={"score": "approval"})


@pytest.mark.parametrize("rule", ["approval", "seq_phragmen", "seq_pav"])
@pytest.mark.parametrize("unranked", ["missing", "last"])
def test_slates_of_ten_statements_are_those_of_the_agreements(
    rule: str, unranked: Unranked
) -> None:
    agreements = polis().query("approval == 1").drop(columns="approval").assign(rank=1)
    options: dict[str, Any] = {} if rule == "approval" else {"k": 10, "ties": "lexicographic"}
    only = rlchf.aggregate(rlchf.Rankings.from_frame(agreements), rule, **options)
    ballots = rlchf.Rankings.from_frame(polis(), unranked=unranked)
    votes = rlchf.aggregate(ballots, rule, **options)
    for prompt in only.prompt_ids:
        assert votes.ranking(prompt)[:10] == only.ranking(prompt)[:10]


def test_equal_shares_of_ten_statements_counts_those_who_agree_with_nothing() -> None:
    votes = rlchf.Rankings.from_frame(polis())
    result = rlchf.aggregate(votes, "equal_shares", k=10, completion="none", ties="lexicographic")
    sizes = np.diff(votes.response_starts) * np.diff(votes.ballot_starts)
    for p in np.argsort(sizes)[:3].tolist():
        prompt = votes.prompt_ids[p]
        approvals = votes.batch(np.array([p])).approvals
        assert approvals is not None
        table = (approvals.T == 1).astype(int).tolist()
        bought = updown.bought_with_tax(table, [1] * len(table), 10)
        scores = np.array(list(result.scores(prompt).values()))
        assert np.argsort(-scores, kind="stable")[: len(bought)].tolist() == bought
        assert (scores > 0).sum() == len(bought)
