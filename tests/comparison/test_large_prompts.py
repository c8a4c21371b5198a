"""Groups on prompts with so many responses that positions are not measured."""

import numpy as np

import rlchf
from rlchf import Rankings

MANY = 130


def test_a_group_that_loses_on_large_prompts_is_found_and_counted() -> None:
    rng = np.random.default_rng(0)
    names = [f"r{n:03}" for n in range(MANY)]
    ballots = []
    for person in range(20):
        order = names[::-1] if person < 6 else names
        shaken = np.argsort(np.arange(MANY) + 3 * rng.normal(size=MANY))
        ballots.append(("p", f"a{person:02}", [[order[n]] for n in shaken]))
    groups = {f"a{n:02}": "few" if n < 6 else "many" for n in range(20)}
    compared = rlchf.compare(
        Rankings.from_ballots(ballots), "borda,copeland", groups, bootstrap=0, splits=0
    )
    (few,) = compared.served
    assert (few.group, few.annotators, few.random) == ("few", 6, 0.5)
    assert few.loses_under == ["borda", "copeland"]
    assert "a random order would agree on 0.50" in compared.findings[0]
