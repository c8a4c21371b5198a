"""Settings classes: values are checked once, from what the field itself says."""

from dataclasses import dataclass
from typing import Literal

import pytest

from rlchf.settings import Settings, built, setting


@dataclass(frozen=True)
class Walk(Settings):
    """A walk."""

    steps: int = setting(10, "Number of steps.", at_least=1)
    stride: float = setting(0.7, "Length of a step in metres.", above=0)
    slope: float = setting(0.0, "Slope, from 0 to 1.", at_least=0, at_most=1)
    limit: float = setting(5.0, "Hours; inf for no limit.", above=0, finite=False)
    pace: Literal["slow", "fast"] = setting("slow", "Pace.")

    def contradictions(self) -> list[tuple[bool, str]]:
        return [(self.pace == "fast" and self.slope > 0.5, "nobody walks fast up there")]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"steps": 0}, "steps is 0; it must be 1 or more"),
        ({"stride": 0}, "stride is 0.0; it must be above 0"),
        ({"stride": float("inf")}, "stride is inf; it must be finite"),
        ({"stride": float("nan")}, "stride is nan; it must be above 0"),
        ({"slope": 1.5}, "slope is 1.5; it must be 1 at most"),
        ({"steps": 1.5}, "steps is 1.5; it must be of type int"),
        ({"steps": True}, "steps is True; it must be of type int"),
        ({"pace": "fats"}, "did you mean fast"),
        ({"pace": "fast", "slope": 1}, "nobody walks fast up there"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(values: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Walk(**values)  # type: ignore[arg-type]


def test_an_int_may_be_a_float_and_a_limit_may_be_infinite() -> None:
    walk = Walk(stride=1, limit=float("inf"))
    assert isinstance(walk.stride, float)
    assert walk.limit == float("inf")


def test_the_docstring_lists_every_field_with_its_help() -> None:
    assert "steps\n    Number of steps." in (Walk.__doc__ or "")
    assert "limit\n    Hours; inf for no limit." in (Walk.__doc__ or "")


def test_only_a_misspelt_name_without_a_similar_one_is_answered_by_all_names() -> None:
    with pytest.raises(ValueError, match=r"there is no setting 'slop'; did you mean slope\?$"):
        built(Walk, {"slop": 3})
    with pytest.raises(
        ValueError, match=r"'colour'; choose from steps, stride, slope, limit, pace$"
    ):
        built(Walk, {"colour": "red"})
