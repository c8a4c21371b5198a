"""The cardinal rules on annotators' own scores: stars, tenths, negative ones, with gaps and weights."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rlchf
from rlchf import Profiles
from rlchf.numeric.arrays import to_numpy
from rlchf.rules import get_rule
from tests.oracles import cardinal as oracles
from tests.oracles.textbook import as_blocks, blocks_of
from tests.support.profiles import dense

RULES = ["utilitarian", "relative_utilitarian", "leximin", "nash", "majority_judgement", "star"]
SCALES = {
    "whole": [Fraction(n) for n in range(4)],
    "tenths": [Fraction(n, 10) for n in (0, 1, 2, 3, 7, 81)],
    "thirds": [Fraction(n, 3) for n in range(1, 8)],
    "negative": [Fraction(n, 2) for n in range(-3, 3)],
    "large": [Fraction(10**9 + n) for n in (0, 1, 7)],
}


@dataclass(frozen=True)
class Scored:
    """One prompt: numerators of scores (M, V) on a scale, -1 for none, and weights."""

    scale: str
    index: np.ndarray
    weights: np.ndarray

    @property
    def worths(self) -> oracles.Worths:
        return [
            ({i: SCALES[self.scale][n] for i, n in enumerate(column) if n >= 0}, Fraction(weight))
            for column, weight in zip(self.index.T.tolist(), self.weights.tolist(), strict=True)
        ]

    @property
    def scores(self) -> np.ndarray:
        values = np.array([*map(float, SCALES[self.scale]), np.nan])
        return np.asarray(values[self.index])


def profiles_of(cases: list[Scored]) -> Profiles:
    scores = np.concatenate([case.scores for case in cases], axis=1)
    counts = [len(case.weights) for case in cases]
    places = np.where(np.isnan(scores), 0.0, 2e9 - np.nan_to_num(scores))
    return Profiles(
        ranks=dense(places),
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        weights=np.concatenate([case.weights for case in cases]),
        annotators=np.concatenate([np.arange(n) for n in counts]),
        scores=scores,
    )


def random_scored(seed: int, scale: str, count: int, m: int) -> list[Scored]:
    rng = np.random.default_rng(seed)
    cases: list[Scored] = []
    for n in range(count):
        v = int(rng.integers(1, 6))
        index = rng.integers(0, len(SCALES[scale]), (m, v))
        if n % 2:
            index[rng.random((m, v)) < 0.25] = -1
            index[rng.integers(m), (index < 0).all(axis=0)] = 0
        weights = rng.integers(0, 4, v) / 2 if n % 3 == 0 else np.ones(v)
        cases.append(Scored(scale, index, weights))
    return cases


def textbook(name: str, case: Scored, m: int, **options: Any) -> Any:
    definition: Callable[..., Any] = getattr(oracles, f"worth_{name}")
    return definition(case.worths, m, **options)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("scale", SCALES)
def test_scores_of_any_scale_are_ranked_as_in_the_textbook(name: str, scale: str) -> None:
    for m in (2, 3, 4):
        cases = random_scored(61 + m, scale, 150, m)
        result = get_rule(name)(profiles_of(cases))
        for case, row in zip(cases, result.tolist(), strict=True):
            expected = textbook(name, case, m)
            assert blocks_of(row) == as_blocks(expected), case
            if not isinstance(expected[0], list):
                assert row == pytest.approx([float(score) for score in expected], abs=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_scales_in_one_batch_do_not_disturb_each_other(name: str) -> None:
    cases = [case for scale in SCALES for case in random_scored(71, scale, 24, 3)]
    result = get_rule(name)(profiles_of(cases))
    alone = [get_rule(name)(profiles_of([case]))[0].tolist() for case in cases]
    assert result.tolist() == alone


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("scale", ["whole", "tenths", "reals"])
def test_torch_gives_what_numpy_gives_on_scores(name: str, scale: str) -> None:
    torch = pytest.importorskip("torch")
    profiles = profiles_of(random_scored(72, "whole" if scale == "reals" else scale, 90, 4))
    if scale == "reals":
        noise = np.random.default_rng(1).normal(size=profiles.ranks.shape)
        profiles = replace(profiles, scores=profiles.scores + noise)
    result = get_rule(name)(profiles.map(torch.as_tensor))
    assert isinstance(result, torch.Tensor)
    assert np.array_equal(to_numpy(result), get_rule(name)(profiles))


@pytest.mark.parametrize("name", RULES)
def test_scores_of_real_numbers_follow_their_order_and_ballots_of_weight_zero_say_nothing(
    name: str,
) -> None:
    rng = np.random.default_rng(73)
    for _ in range(40):
        scores = rng.normal(size=(4, 1)) * 10.0 ** rng.integers(-9, 9)
        both = np.concatenate([scores, rng.normal(size=(4, 1))], axis=1)
        profiles = Profiles(
            dense(both.max() + 1 - both),
            np.array([0, 2]),
            np.array([1.0, 0.0]),
            np.arange(2),
            both,
        )
        row = get_rule(name)(profiles)[0]
        assert np.array_equal(np.argsort(row), np.argsort(scores[:, 0]))


@pytest.mark.parametrize("name", RULES)
def test_prompts_without_any_weight_leave_all_tied(name: str) -> None:
    for scale in SCALES:
        case = random_scored(74, scale, 1, 3)[0]
        profiles = profiles_of([Scored(scale, case.index, 0 * case.weights)])
        assert len(set(get_rule(name)(profiles)[0].tolist())) == 1


def test_the_order_of_the_ballots_does_not_matter_for_sums_of_reals() -> None:
    rng = np.random.default_rng(75)
    scores, order = rng.normal(size=(5, 30)), rng.permutation(30)
    places = dense(scores.max() + 1 - scores)
    for name in RULES:
        one, other = (
            get_rule(name)(
                Profiles(places[:, o], np.array([0, 30]), np.ones(30), np.arange(30), scores[:, o])
            ).tolist()
            for o in (slice(None), order)
        )
        assert one == other


def test_scores_from_a_table_reach_the_rules(tmp_path: Path) -> None:
    rows = ["p,ann,a,0.1", "p,ann,b,0.5", "p,bob,a,0.9", "p,bob,b,0.3"]
    table = tmp_path / "scores.csv"
    table.write_text("\n".join(["prompt_id,annotator_id,response_id,score", *rows]))
    result = rlchf.aggregate(rlchf.read_rankings(table), "utilitarian")
    assert result.scores("p") == {"a": 1.0, "b": 0.8}
