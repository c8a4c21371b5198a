"""Elections whose ballots and results were published; each entry of the file names its source."""

import json
from pathlib import Path
from typing import Any

import pytest

import rlchf
from rlchf import Rankings

FILE = Path(__file__).parents[1] / "data" / "public_elections.json"
ELECTIONS: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))

CHECKS = [
    pytest.param(name, check, id=f"{name}-{check['rule']}-{n}")
    for name, election in ELECTIONS.items()
    for n, check in enumerate(election["expected"])
]


@pytest.mark.parametrize(("name", "check"), CHECKS)
def test_published_results_are_found(name: str, check: dict[str, Any]) -> None:
    election = ELECTIONS[name]
    ballots = [turned(ballot) if "reversed" in check else ballot for ballot in election["ballots"]]
    rankings = Rankings.from_ballots(
        [(name, n, ballot) for n, ballot in enumerate(ballots)],
        list(election["ballots"].values()),
        unranked=election["unranked"],
    )
    result = rlchf.aggregate(rankings, check["rule"], **check.get("options", {}))
    if "ranking" in check:
        assert result.ranking(name) == check["ranking"]
    if "top" in check:
        assert result.ranking(name)[0] == check["top"]
    if "scores" in check:
        assert result.scores(name) == pytest.approx(check["scores"], abs=1e-6)


def turned(ballot: str) -> str:
    return " > ".join(reversed(ballot.split(" > ")))
