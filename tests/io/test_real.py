"""The real files, when they are there."""

import csv
from pathlib import Path

import numpy as np
import pytest

from rlchf.io import (
    read_annotators,
    read_prompts,
    read_rankings,
    read_responses,
)

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the real files are not here")


@needs_data
@pytest.mark.parametrize(
    ("name", "prompts", "responses", "annotators", "ballots"),
    [
        ("lamp_rankings/rankings.csv", 106, 318, 10, 318),
        ("pandalm/rankings.csv", 999, 1998, 3, 2997),
        ("ukp_arguments/comparisons.csv", 24, 789, 3669, 63323),
        ("polis/rankings.csv", 7, 635, 3175, 3175),
        ("pabulib/rankings.csv", 3, 56, 2423, 2423),
    ],
)
def test_real_tables_are_read(
    name: str, prompts: int, responses: int, annotators: int, ballots: int
) -> None:
    rankings = read_rankings(DATA / name)
    assert rankings.n_prompts == prompts
    assert len(rankings.response_ids) == responses
    assert len(rankings.annotator_ids) == annotators
    assert rankings.n_ballots == ballots
    texts = read_responses((DATA / name).with_name("responses.jsonl"))
    known = read_prompts((DATA / name).with_name("prompts.jsonl"))
    for prompt in rankings.prompt_ids:
        assert prompt in known
        assert set(rankings.responses(prompt)) <= set(texts[prompt])


@needs_data
@pytest.mark.parametrize(("name", "column"), [("polis", "opinion_group"), ("pabulib", "sex")])
def test_real_annotators_are_those_of_the_rankings(name: str, column: str) -> None:
    people = read_annotators(DATA / name / "annotators.csv")
    assert set(people.ids) == set(read_rankings(DATA / name / "rankings.csv").annotator_ids)
    assert len(set(people[column].values())) >= 2


@needs_data
@pytest.mark.slow
def test_real_preflib_files_have_the_winners_that_others_computed() -> None:
    rankings = read_rankings(DATA / "preflib", unranked="last")
    with (DATA / "preflib" / "index.csv").open(newline="") as file:
        index = {row["file"].split(".")[0]: row for row in csv.DictReader(file)}
    assert set(rankings.prompt_ids) == set(index)
    for p, prompt in enumerate(rankings.prompt_ids):
        row = index[prompt]
        batch = rankings.batch(np.array([p]))
        at = slice(int(rankings.ballot_starts[p]), int(rankings.ballot_starts[p + 1]))
        assert len(rankings.responses(prompt)) == int(row["alternatives"])
        assert rankings.ballot_counts[at].sum() == int(row["voters"])
        margins = batch.margins[0]
        off_diagonal = ~np.eye(len(margins), dtype=bool)
        winners = {
            "condorcet_winner": ((margins > 0) | ~off_diagonal).all(axis=1),
            "condorcet_loser": ((margins < 0) | ~off_diagonal).all(axis=1),
            "borda_winners": _best(margins.sum(axis=1)),
            "copeland_winners": _best(np.sign(margins).sum(axis=1)),
        }
        names = np.array(rankings.responses(prompt))
        for column, won in winners.items():
            assert " ".join(names[won]) == row[column], (prompt, column)


def _best(scores: np.ndarray) -> np.ndarray:
    return np.asarray(scores == scores.max())
