"""Figures against their definitions."""

import math
from fractions import Fraction

import pytest


def same(actual: float, expected: Fraction | float | None) -> bool:
    """Whether a figure is the expected one; NaN stands for a figure that there is not, None."""
    if expected is None:
        return math.isnan(actual)
    return actual == pytest.approx(float(expected), abs=1e-12)
