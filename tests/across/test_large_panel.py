"""A minority of 40 % on a panel of 50, where hardly a pair is unanimous."""

import numpy as np
import pytest

from tests.support.scripts import script as load_script

pytestmark = pytest.mark.slow

panel = load_script("across/large_panel.py")


@pytest.mark.parametrize("case", ["alike", "a dissenter", "noise"])
@pytest.mark.parametrize("rule", ["phragmen_credit", "perpetual_quota"])
def test_one_dissenter_or_noise_does_not_take_the_minoritys_first_places(
    rule: str, case: str
) -> None:
    first, _ = panel.measure(rule, panel.orders(case, 100, 0))
    assert first == pytest.approx(0.40, abs=0.03)


@pytest.mark.parametrize("case", ["a dissenter", "noise"])
def test_under_perpetual_pav_the_agreement_within_kinds_is_taken_off(case: str) -> None:
    """0.40 - 0.10 q if contested pairs count in full; 0.40 where all order the two of a kind alike."""
    in_full = {"unit": "contested_pair"}
    first, q = panel.measure("perpetual_pav", panel.orders(case, 200, 0), in_full)
    assert q > 0.5
    assert first == pytest.approx(0.40 - 0.10 * q, abs=0.03)
    assert first < 0.36
    graded, _ = panel.measure("perpetual_pav", panel.orders(case, 200, 0))
    assert graded == pytest.approx(0.40 if case == "a dissenter" else first, abs=0.02)
    alike, _ = panel.measure("perpetual_pav", panel.orders("alike", 100, 0))
    assert alike == pytest.approx(0.40)


def test_orders_are_rankings_of_the_four_responses() -> None:
    for case in panel.CASES:
        ballots = panel.orders(case, 10, 1)
        assert ballots.shape == (10, 50, 4)
        assert (np.sort(ballots, axis=2) == np.arange(4)).all()
        assert (ballots[:, :30, 0] < 2).mean() > 0.9
