"""What an annotator gains by dissenting falsely where all agree."""

import numpy as np
import pytest

from tests.support.scripts import script as load_script

pytestmark = pytest.mark.slow

script = load_script("across/false_dissent.py")


@pytest.mark.parametrize(
    ("rule", "low", "high"),
    [
        ("kemeny", 0.0, 0.0),
        ("apportioned_dictator", 0.0, 0.0),
        ("equal_shares_pairs", -0.01, 0.01),
        ("perpetual_quota", 0.04, 0.12),
        ("perpetual_pav", 0.09, 0.17),
        ("phragmen_credit", 0.19, 0.29),
    ],
)
def test_one_of_ten_gains_by_false_dissent_except_under_some_rules(
    rule: str, low: float, high: float
) -> None:
    row = script.measure(rule, 10, 100, 1.0, 8, {})
    assert low <= row["gain"] <= high


def test_on_a_panel_of_fifty_false_dissent_hardly_counts() -> None:
    """It makes all pairs contested, but these count 0.04."""
    assert abs(script.measure("perpetual_pav", 50, 60, 1.0, 4, {})["gain"]) < 0.03
    old = script.measure("perpetual_pav", 50, 60, 1.0, 4, {"unit": "contested_pair"})
    assert old["gain"] > 0.05


def test_the_false_reports_differ_on_unanimous_prompts_alone() -> None:
    rng = np.random.default_rng(0)
    true = script.opinions(7, 20, rng)
    false = script.reported(true, 0.5, rng)
    assert true[::2].all()
    assert (true[1::2] == false[1::2]).all()
    assert (true[:, 1:] == false[:, 1:]).all()
    assert (~false[::2, 0]).sum() == 5
