"""Small datasets on which voting rules are compared."""

import numpy as np

from rlchf import Rankings


def random_rankings(
    seed: int, prompts: int = 12, annotators: int = 6, unequal: bool = True
) -> Rankings:
    """Weak orders of two to five responses, some of which ballots leave out; weights 1 and 2."""
    rng = np.random.default_rng(seed)
    ballots, weights = [], []
    for p in range(prompts):
        M = int(rng.integers(2, 6)) if unequal else 4
        for a in rng.permutation(annotators)[: int(rng.integers(2, annotators + 1))].tolist():
            places = rng.integers(1, M + 1, size=M)
            named = np.flatnonzero(rng.random(M) < 0.8) if p else np.arange(M)
            levels = [[f"r{i}" for i in named if places[i] == place] for place in range(1, M + 1)]
            if len(named):
                ballots.append((f"p{p:02}", f"a{a}", [level for level in levels if level]))
                weights.append(float(rng.integers(1, 3)))
    return Rankings.from_ballots(ballots, weights)


def divided(prompts: int = 30, many: int = 6, few: int = 4) -> tuple[Rankings, dict[str, str]]:
    """Two groups with opposite opinions on every prompt, and the group of each annotator."""
    groups = {f"m{i}": "many" for i in range(many)} | {f"f{i}": "few" for i in range(few)}
    ballots = [
        (f"p{p:02}", name, "a > b > c" if group == "many" else "c > b > a")
        for p in range(prompts)
        for name, group in groups.items()
    ]
    return Rankings.from_ballots(ballots), groups
