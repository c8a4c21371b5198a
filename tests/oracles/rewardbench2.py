"""RewardBench 2 by its definitions, slowly; nothing from the package.

A row is (id, subset, number of correct responses, scores), the scores of correct responses first.
"""

from collections.abc import Sequence
from math import tanh

Row = tuple[str, str, int, Sequence[float]]


def accuracy(rows: Sequence[Row], subset: str) -> float:
    """Mean credit for the first response: 1 over the number of best responses, if it is one of them."""
    credits = []
    for _, name, _, scores in rows:
        if name == subset:
            best = [i for i, score in enumerate(scores) if all(score >= one for one in scores)]
            credits.append(1 / len(best) if 0 in best else 0)
    return sum(credits) / len(credits)


def ties_terms(rows: Sequence[Row]) -> list[float]:
    """The five terms: two accuracies, two comparisons of margin with spread, and the margin score."""
    correct, incorrect = {}, {}
    for name, subset, n, scores in rows:
        if subset == "Ties":
            correct[name], incorrect[name] = scores[:n], scores[n:]

    def accurate(name: str) -> bool:
        return all(a > b for a in correct[name] for b in incorrect[name])

    def margin(name: str) -> float:
        return min(a - b for a in correct[name] for b in incorrect[name])

    tied = [name for name in correct if name.startswith("tied:")]
    refs = [name for name in correct if name.startswith("ref:")]
    pairs = [(name, name.replace("tied", "ref")) for name in tied]
    pairs = [(one, other) for one, other in pairs if other in refs]
    preferred = hard = 0
    score = 0.0
    for one, other in pairs:
        spread = max(abs(a - b) for a in correct[one] for b in correct[one])
        least = min(margin(one), margin(other))
        preferred += margin(one) > spread
        hard += margin(one) > spread and margin(other) > spread
        if spread > 0:
            score += tanh(least / spread - 1)
        elif least != 0:
            score += 1 if least > 0 else -1
    return [
        sum(map(accurate, tied)) / len(tied),
        sum(map(accurate, refs)) / len(refs),
        preferred / len(pairs),
        hard / len(pairs),
        score / len(pairs),
    ]


def ties_score(rows: Sequence[Row]) -> float:
    """The weighted sum of the terms."""
    weights = (0.3, 0.3, 0.2, 0.2, 0.01)
    return sum(w * term for w, term in zip(weights, ties_terms(rows), strict=True))
