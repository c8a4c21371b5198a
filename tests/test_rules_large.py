"""Ways for prompts of many responses give what the usual ones give."""

from importlib import import_module

import numpy as np
import pytest

from rlchf.rules import get_rule
from rlchf.rules._defeats import undefeated
from tests.profiles import random_cases, together


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("coombs", {}),
        ("coombs", {"ties": "lexicographic"}),
        ("majority_judgement", {}),
    ],
)
@pytest.mark.parametrize("m", [2, 3, 5, 7])
def test_many_responses_are_ranked_as_few(
    name: str, options: dict[str, str], m: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = together(random_cases(11, 200, m))
    few = get_rule(name)(profiles, **options)
    monkeypatch.setattr(import_module(f"rlchf.rules.{name}"), "MANY", 1)
    assert np.array_equal(get_rule(name)(profiles, **options), few)


@pytest.mark.parametrize("m", [3, 6, 9])
def test_components_find_the_undefeated_of_strongest_paths(
    m: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = together(random_cases(12, 200, m))
    edges = np.ascontiguousarray(profiles.margins.transpose(1, 2, 0))
    left = np.random.default_rng(m).random((m, profiles.n_prompts)) < 0.8
    fewer = left & (np.random.default_rng(m + 1).random(left.shape) < 0.7)
    by_paths = [undefeated(edges)(some) for some in (left, fewer, left)]
    monkeypatch.setattr(import_module("rlchf.rules._defeats"), "MANY", 1)
    by_components = undefeated(edges)  # one function for all, which remembers
    assert np.array_equal([by_components(some) for some in (left, fewer, left)], by_paths)


def test_running_out_of_time_is_said_once_for_all_sizes() -> None:
    case = random_cases(1, 1, 30, most_voters=40)[0]
    with pytest.warns(UserWarning, match="of its committees, of .* may be worth up to") as said:
        scores = get_rule("pav")(together([case]), time_limit=0.0)
    assert len(said) == 1
    assert scores.sum() == pytest.approx(sum(range(1, 30)))
