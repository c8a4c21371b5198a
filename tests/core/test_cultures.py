"""Random profiles have the probabilities that their model says."""

from collections import Counter
from itertools import combinations, permutations

import numpy as np
import pytest

from rlchf.simulate.cultures import mallows


@pytest.mark.parametrize("phi", [0.3, 0.8, 1.0])
def test_ballots_have_their_probabilities(phi: float) -> None:
    profiles = mallows(1, 60_000, 4, phi, np.random.default_rng(0))
    counted = Counter(map(tuple, profiles.ranks.T.tolist()))
    ballots = list(permutations(range(1, 5)))
    centre = counted.most_common(1)[0][0] if phi < 1 else ballots[0]
    swaps = [
        sum((a[i] < a[j]) != (centre[i] < centre[j]) for i, j in combinations(range(4), 2))
        for a in ballots
    ]
    chances = phi ** np.array(swaps)
    expected = 60_000 * chances / chances.sum()
    counts = np.array([counted[ballot] for ballot in ballots])
    assert ((counts - expected) ** 2 / expected).sum() < 60  # chi-square, 23 degrees: p about 4e-5


def test_each_prompt_has_an_order_of_its_own() -> None:
    profiles = mallows(600, 2, 3, 0.0, np.random.default_rng(1))
    assert (profiles.ranks[:, ::2] == profiles.ranks[:, 1::2]).all()
    counts = Counter(map(tuple, profiles.ranks[:, ::2].T.tolist()))
    assert len(counts) == 6
    assert min(counts.values()) > 60
