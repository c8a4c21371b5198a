"""Weights at the ends of what floats hold: refused with a sentence, or counted as they are."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.numeric.integer_weights import integer_weights
from rlchf.rules import list_rules
from tests.support.cli import refused
from tests.support.cli import rlchf as run
from tests.support.profiles import rule_parameters

BALLOTS = [
    ("p", "ann", "x > y > z"), ("p", "bob", "y > x > z"), ("p", "eve", "x > z > y"),
    ("q", "ann", "x > y"), ("q", "bob", "y > x"),
]  # fmt: skip


def weighing(*weights: float) -> Rankings:
    return Rankings.from_ballots(BALLOTS, weights)


BESIDE_A_PRIOR = ("bradley_terry", "plackett_luce")


@pytest.mark.parametrize(
    "name", rule_parameters(name for name in list_rules() if name not in BESIDE_A_PRIOR)
)
def test_equal_weights_of_any_size_give_the_result_of_ones(name: str) -> None:
    ones = rlchf.aggregate(weighing(1, 1, 1, 1, 2), name)
    for of_p, of_q in ((1e289, 1.0), (1e-290, 1.0), (1e-16, 1e-16)):
        rankings = weighing(of_p, of_p, of_p, of_q, 2 * of_q)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "[a-z_]+ reads approvals")
            warnings.filterwarnings("ignore", "the weights on some prompts add up to less than")
            result = rlchf.aggregate(rankings, name)
        for prompt in ("p", "q"):
            assert result.ranking(prompt) == ones.ranking(prompt)
        assert np.isfinite(result.response_scores).all()


def test_weights_that_add_up_to_more_than_floats_hold_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"'p' add up to more than 1e\+290, .*; divide all weights"
    ):
        weighing(1e308, 1e308, 1e308, 1, 1)
    with pytest.raises(ValueError, match="'q' add up to more than"):
        weighing(1, 1, 1, 1e290, 1e290)


def test_weights_that_add_up_to_less_than_floats_can_divide_by_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"'p' add up to less than 1e-290, .*; multiply all weights"
    ):
        weighing(1e-310, 1e-310, 1e-310, 1, 1)


def test_prompts_without_weight_are_fine() -> None:
    assert rlchf.aggregate(weighing(0, 0, 0, 1, 1), "borda").scores("p") == {"x": 0, "y": 0, "z": 0}


def test_the_weights_of_annotators_are_checked_too() -> None:
    with pytest.raises(ValueError, match=r"add up to more than 1e\+290"):
        weighing(*[1e200] * 5).weighted({"ann": 1e200})
    with pytest.raises(ValueError, match="add up to less than 1e-290"):
        weighing(*[1e-200] * 5).weighted(dict.fromkeys(("ann", "bob", "eve"), 1e-200))
    assert weighing(*[1.0] * 5).weighted({"ann": 0.0}).ballot_weights.tolist() == [0, 1, 1, 0, 1]


def test_weights_that_rounding_loses_are_announced() -> None:
    with pytest.warns(UserWarning, match="on prompt 'p' some ballots weigh less than 4e-12 of all"):
        weighing(1, 1, 1e-16, 1, 1)


def test_small_weights_that_are_counted_exactly_bring_no_warning(recwarn: object) -> None:
    small = weighing(1, 1, 1e-14, 1, 1)
    assert rlchf.aggregate(small, "borda").ranking("p") == [["x"], ["y"], ["z"]]
    assert not recwarn.list  # type: ignore[attr-defined]


def test_tiny_weights_are_not_the_whole_number_zero() -> None:
    weights = np.array([1e-16, 1e-16, 2e-16, 0.0, 1.0, 1e-14])
    integers, scale, is_exact = integer_weights(weights, np.array([0, 4, 6]))
    assert integers.tolist() == [1, 1, 2, 0, 1e14, 1]
    assert is_exact.all()
    assert integers / np.repeat(scale, [4, 2]) == pytest.approx(weights, rel=1e-14)


@pytest.mark.parametrize("rule", ["perpetual_pav", "perpetual_quota", "perpetual_consensus"])
def test_a_file_with_weights_that_overflow_ends_with_a_sentence(rule: str, tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    rows = ["p,a,x > y,1e308", "p,b,y > x,1e308", "p,c,x > y,1e308"]
    path.write_text("prompt_id,annotator_id,ranking,weight\n" + "\n".join(rows) + "\n")
    sentence = refused(run("aggregate", path, "--rule", rule))
    assert "divide all weights by the same number" in sentence


def test_a_rule_that_returns_infinity_is_refused() -> None:
    def endless(profiles: rlchf.Profiles) -> np.ndarray:
        return np.full((profiles.n_prompts, profiles.n_responses), np.inf)

    with pytest.raises(ValueError, match="rule 'endless' returned NaN or infinity"):
        rlchf.aggregate(weighing(1, 1, 1, 1, 1), endless)
