"""Simulated juries: the panel, its ballots, and the temperatures of its groups."""

from collections.abc import Sequence

import numpy as np
import pytest

import rlchf
from rlchf.io import Annotators
from rlchf.jury.calibration import calibrate
from rlchf.jury.conditioning import Conditioning
from rlchf.jury.panels import draw_panel, jury, tie_close
from rlchf.prompts import Prompt

# --- the panel


def test_every_stratum_gets_its_share_of_the_seats() -> None:
    rng = np.random.default_rng(0)
    sizes = {"north": 25, "south": 13, "": 3}
    regions = [name for name, n in sizes.items() for _ in range(n)]
    weights = dict(zip(map(str, range(41)), rng.uniform(0.2, 2, 41).tolist(), strict=True))
    people = Annotators(list(weights), weights, {"region": regions})
    for seed in range(50):
        panel = draw_panel(people, 10, ["region"], seed)
        assert sum(panel.values()) == 10
        for name in sizes:
            members = [
                who for who, region in zip(people.ids, regions, strict=True) if region == name
            ]
            share = 10 * sum(weights[who] for who in members) / sum(weights.values())
            assert np.floor(share) <= sum(panel.get(who, 0) for who in members) <= np.ceil(share)


def test_expected_seats_are_in_proportion_to_weights() -> None:
    weights = {"a": 4.0, "b": 1.0, "c": 0.0, "d": 3.0}
    people = Annotators(list(weights), weights, {})
    seats = [draw_panel(people, 4, seed=seed) for seed in range(2000)]
    for who, weight in weights.items():
        mean = np.mean([panel.get(who, 0) for panel in seats])
        assert mean == pytest.approx(4 * weight / 8, abs=0.05)
    assert all(panel["a"] == 2 for panel in seats)
    assert seats[0] == draw_panel(people, 4, seed=0)
    assert draw_panel(people) == {"a": 4.0, "b": 1.0, "d": 3.0}


def test_a_panel_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody in the annotators file has a weight above 0"):
        draw_panel(Annotators(["a"], {"a": 0.0}, {}), 1)
    with pytest.raises(ValueError, match="size is -1"):
        draw_panel(region(1, 1), -1)


# --- the jury, with a model whose scores are known


class Known:
    """The north likes response a by 2 more than b, the south b by 4; keeps what it is asked."""

    def __init__(self) -> None:
        self.queries: list[tuple[str, str]] = []

    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> list[float]:
        self.queries += [(str(p), r) for p, r in zip(prompts, responses, strict=True)]
        return [
            (r == "A") * (-4.0 if "south" in str(p) else 2.0)
            for p, r in zip(prompts, responses, strict=True)
        ]


TWO = {"p": {"a": "A", "b": "B"}, "q": {"b": "B", "a": "A"}}
PROMPTS: dict[str, Prompt] = {"p": "First?", "q": "Second?", "r": "Never answered?"}
REGION = Conditioning(("region",), group="region", temperatures={"": 2.0, "south": 4.0})


def region(n_north: int, n_south: int) -> Annotators:
    return Annotators(
        [f"a{i:04d}" for i in range(n_north + n_south)],
        None,
        {"region": ["north"] * n_north + ["south"] * n_south},
    )


def test_people_with_the_same_features_are_scored_once() -> None:
    model = Known()
    verdict = jury(model, PROMPTS, TWO, region(5, 3), conditioning=REGION, rule="kemeny")
    assert len(model.queries) == len(set(model.queries)) == 2 * 2 * 2
    assert verdict.rankings.n_ballots == 8 * 2
    assert [verdict.result.ranking(p) for p in "pq"] == [[["a"], ["b"]]] * 2
    others = jury(model, PROMPTS, TWO, region(3, 5), conditioning=REGION, rule="kemeny")
    assert others.result.ranking("q") == [["b"], ["a"]]


def test_noisy_ballots_win_as_often_as_the_calibrated_model_says() -> None:
    noisy = jury(Known(), PROMPTS, TWO, region(4000, 4000), conditioning=REGION, noisy=True, seed=3)
    shares = []
    for north in (True, False):
        ids = [a for a in noisy.members if (a < "a4000") == north]
        rankings = noisy.rankings.weighted(dict.fromkeys(set(noisy.members) - set(ids), 0.0))
        profiles = rankings.batch(np.array([0, 1]))
        shares.append((profiles.wins[:, 0, 1] / profiles.compared[:, 0, 1]).mean())
    sigma = 1 / (1 + np.exp([-2 / 2, 4 / 4]))  # the north has the temperature of all, 2
    np.testing.assert_allclose(shares, sigma, atol=0.02)


def test_a_member_ties_what_is_too_close_to_tell() -> None:
    verdict = jury(Known(), PROMPTS, TWO, region(1, 1), conditioning=REGION, tolerance=1.0)
    assert verdict.result.ranking("p") == [["a", "b"]]  # 2 / 2 and 4 / 4
    strict = jury(Known(), PROMPTS, TWO, region(2, 1), conditioning=REGION, tolerance=0.99)
    assert strict.result.ranking("p") == [["a"], ["b"]]
    np.testing.assert_array_equal(
        tie_close(np.array([[3.0, 1.0, 1.0], [0.0, 5.0, 0.4]]), 0.5), [[3, 1, 1], [0.2, 5, 0.2]]
    )


def test_a_jury_without_texts_is_refused() -> None:
    with pytest.raises(ValueError, match="responses to prompt 'p', but no text"):
        jury(Known(), {}, TWO, region(1, 1), conditioning=REGION)
    with pytest.raises(ValueError, match="no responses to any"):
        jury(Known(), PROMPTS, {}, region(1, 1), conditioning=REGION)
    with pytest.raises(ValueError, match="unknown rule 'bordaa'"):
        jury(Known(), PROMPTS, TWO, region(1, 1), conditioning=REGION, rule="bordaa")


# --- calibration


def voters(n: int, slope: dict[str, float]) -> tuple[rlchf.Rankings, Annotators]:
    """Annotators who put a above b with the probability that `Known`, times a slope, says."""
    people, rng = region(n, n), np.random.default_rng(0)
    ballots = []
    for who, group in people.group("region").items():
        gap = slope[group] * (2.0 if group == "north" else -4.0)
        for p in "pq":
            wins = rng.random() < 1 / (1 + np.exp(-gap))
            ballots.append((p, who, "a > b" if wins else "b > a"))
    return rlchf.Rankings.from_ballots(ballots), people


def test_each_group_gets_the_temperature_of_its_own_ballots() -> None:
    rankings, people = voters(2000, {"north": 0.5, "south": 0.25})
    fitted, fits = calibrate(Known(), REGION, rankings, PROMPTS, TWO, people, group="region")
    assert fitted.temperature("north") == pytest.approx(2, rel=0.1)
    assert fitted.temperature("south") == pytest.approx(4, rel=0.1)
    assert [(one.group, one.annotators) for one in fits] == [
        ("", 4000),
        ("north", 2000),
        ("south", 2000),
    ]
    for one in fits[1:]:
        assert one.after is not None
        assert one.before.error > 0.1
        assert one.after.error < 0.03
        assert one.after.log_loss.value < one.before.log_loss.value


def test_a_few_ballots_that_all_agree_do_not_make_the_model_certain() -> None:
    rankings, people = voters(3, {"north": 50.0, "south": 50.0})
    fitted, fits = calibrate(Known(), REGION, rankings, PROMPTS, TWO, people, group="region")
    assert 1 / (1 + np.exp(-2 / fitted.temperature("north"))) == pytest.approx(7 / 8, abs=1e-3)
    alone = calibrate(Known(), REGION, rankings, PROMPTS, TWO, region(1, 0), group="region")[1]
    assert [one.after is None for one in alone] == [False, True]
    assert fits[0].annotators == 6


def test_calibration_is_measured_on_annotators_that_it_was_not_fitted_to() -> None:
    ballots = [
        (p, who, "a > b" if who == "a0000" else "b > a") for p in "pq" for who in ("a0000", "a0001")
    ]
    rankings = rlchf.Rankings.from_ballots(ballots)  # one goes with the scores, one against them
    _, (fit,) = calibrate(Known(), REGION, rankings, PROMPTS, TWO, region(2, 0))
    assert fit.after is not None
    assert fit.after.log_loss.value > np.log(2) + 0.1
