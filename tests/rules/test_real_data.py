"""Real rankings with ties, gaps and many annotators, against the textbook; skipped where absent."""

import csv
import json
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import rlchf
from tests.oracles import textbook as oracles

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
    for prompt, ballots in list(raw.items())[: 120 if len(raw) > 100 else 2]:
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
