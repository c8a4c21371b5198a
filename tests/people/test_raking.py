"""Raking against fitting by hand and the dual of the entropy problem, and what it refuses."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import rlchf
from rlchf.people.design import design_effect, effective_sample_size
from rlchf.people.raking import bounded_factor
from rlchf.people.weighing import Weighting, weigh
from tests.oracles.weighting import by_the_dual, fitted_by_hand

POPULATION = {
    "age": {"young": 0.2, "middle": 0.5, "old": 0.3},
    "sex": {"f": 0.51, "m": 0.49},
    "land": {"north": 0.7, "south": 0.3},
}


def pool(n: int, seed: int, weights: bool = True) -> list[dict[str, Any]]:
    """People who have every category, and base weights."""
    rng = np.random.default_rng(seed)
    rows = [
        {column: str(rng.choice(list(shares))) for column, shares in POPULATION.items()}
        for _ in range(n)
    ]
    base = rng.uniform(0.5, 2, n) if weights else np.ones(n)
    return [
        {"annotator_id": f"a{i}", **row, "weight": float(w)}
        for i, (row, w) in enumerate(zip(rows, base, strict=True))
    ]


def shares_of(weighting: Weighting) -> dict[tuple[str, str], tuple[float, float]]:
    return {(c.column, c.category): (c.target, c.after) for c in weighting.categories}


@pytest.mark.parametrize("seed", range(4))
def test_weights_are_those_fitted_by_hand_and_of_the_dual(seed: int) -> None:
    people = pool(60, seed)
    weighting = weigh(people, POPULATION)
    base = [one["weight"] for one in people]
    assert weighting.weights == pytest.approx(fitted_by_hand(people, base, POPULATION), rel=1e-6)
    assert weighting.weights == pytest.approx(by_the_dual(people, base, POPULATION), rel=1e-4)
    assert weighting.weights.sum() == pytest.approx(sum(base))
    for target, after in shares_of(weighting).values():
        assert after == pytest.approx(target, abs=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_a_bound_on_weights_and_the_margins_hold_together(seed: int) -> None:
    people = pool(60, seed)
    free = weigh(people, POPULATION)
    trim = 1 + 0.6 * (free.ratios[1] - 1)
    weighting = weigh(people, POPULATION, trim=trim)
    assert weighting.ratios[1] <= trim * (1 + 1e-9)
    for target, after in shares_of(weighting).values():
        assert after == pytest.approx(target, abs=1e-8)
    base = [one["weight"] for one in people]
    assert weighting.weights == pytest.approx(by_the_dual(people, base, POPULATION, trim), rel=2e-3)
    assert weighting.design_effect < free.design_effect


def test_a_bound_that_nobody_reaches_changes_nothing() -> None:
    people = pool(40, 0)
    free, bounded = weigh(people, POPULATION), weigh(people, POPULATION, trim=50)
    assert bounded.weights.tolist() == free.weights.tolist()


def test_the_bounded_factor_solves_its_equation() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        raw = rng.exponential(size=rng.integers(1, 8))
        bound = rng.uniform(0.1, 2)
        target = rng.uniform(0.01, 0.999) * bound * len(raw)
        factor = bounded_factor(raw, target, bound)
        assert np.minimum(factor * raw, bound).sum() == pytest.approx(target)
    raw = np.array([1.0, 2.0])  # at most 2, and 9 are wanted
    assert np.minimum(bounded_factor(raw, 9.0, 1.0) * raw, 1).sum() == 2


def test_equal_shares_leave_base_weights_as_they_are() -> None:
    people = [
        {"annotator_id": "a", "sex": "f", "weight": 3.0},
        {"annotator_id": "b", "sex": "m", "weight": 1.0},
    ]
    assert weigh(people, {"sex": {"f": 0.75, "m": 0.25}}).weights == pytest.approx([3, 1])


def test_base_weights_count() -> None:
    """With design weights of 1 and 3 in a category, raking keeps their ratio."""
    people = [
        {"annotator_id": "a", "sex": "f", "weight": 1.0},
        {"annotator_id": "b", "sex": "f", "weight": 3.0},
        {"annotator_id": "c", "sex": "m", "weight": 4.0},
    ]
    assert weigh(people, {"sex": {"f": 0.25, "m": 0.75}}).weights == pytest.approx([0.5, 1.5, 6])


def test_joint_columns_are_margins() -> None:
    people = pool(80, 1, weights=False)
    ages, sexes = POPULATION["age"].items(), POPULATION["sex"].items()
    population = {"age x sex": {f"{a} x {s}": p * q for a, p in ages for s, q in sexes}}
    weighting = weigh(people, population)
    frame = pd.DataFrame(people).assign(weight=weighting.weights)
    shares = frame.groupby(["age", "sex"])["weight"].sum() / frame["weight"].sum()
    assert shares["old", "m"] == pytest.approx(0.3 * 0.49)


def test_dataframes_of_pandas_and_arrow_give_the_same() -> None:
    frame = pd.DataFrame(pool(30, 2))
    population = pd.DataFrame(
        [(c, k, 100 * s) for c, shares in POPULATION.items() for k, s in shares.items()],
        columns=["column", "category", "share"],
    )
    weighting = rlchf.weigh(frame, population)
    assert weighting.weights.tolist() == weigh(pool(30, 2), POPULATION).weights.tolist()
    assert weighting.to_frame().columns.tolist() == ["annotator_id", "base_weight", "weight"]
    assert weighting.to_dict()["weights"]["a3"] == weighting.weights[3]


def test_kish_is_one_plus_the_squared_coefficient_of_variation() -> None:
    w = np.array([1.0, 2.0, 5.0, 0.5])
    assert design_effect(w) == pytest.approx(1 + w.var() / w.mean() ** 2)
    assert effective_sample_size(w) == pytest.approx(4 / design_effect(w))
    assert effective_sample_size(np.append(w, 0.0)) == effective_sample_size(w)
    assert effective_sample_size(1e-200 * w) == pytest.approx(effective_sample_size(w))


# --- people and categories that do not fit


def people_of(*categories: str, column: str = "sex") -> list[dict[str, str]]:
    return [{"annotator_id": f"a{i}", column: one} for i, one in enumerate(categories)]


def test_people_without_a_value_keep_their_share_and_are_counted() -> None:
    people, halves = people_of("f", "f", "m", ""), {"sex": {"f": 0.5, "m": 0.5}}
    with pytest.warns(UserWarning, match=r"1 annotator in .* has no sex and keeps its 25 % of the"):
        weighting = weigh(people, halves)
    assert weighting.weights == pytest.approx([0.75, 0.75, 1.5, 1])
    assert [c.people for c in weighting.categories] == [2, 1, 1]
    weighting = weigh(people, halves, missing="zero")
    assert weighting.weights == pytest.approx([0.75, 0.75, 1.5, 0])
    with pytest.raises(ValueError, match="has no sex; fill these cells, or choose --missing"):
        weigh(people, halves, missing="refuse")


def test_a_category_without_annotators_is_named_and_may_be_left_out() -> None:
    population = {"age": {"18-29": 0.25, "30-79": 0.7, "80+": 0.05}}
    people = people_of("18-29", "30-79", "30-79", column="age")
    with pytest.raises(ValueError, match=r"nobody .* has the age '80\+' \(5 %\) .* merge it"):
        weigh(people, population)
    with pytest.warns(UserWarning, match=r"age '80\+', 5 % of the population, is left out"):
        weighting = weigh(people, population, empty="leave_out")
    assert weighting.weights[0] / weighting.weights.sum() == pytest.approx(0.25 / 0.95)


def test_a_category_that_the_population_lacks_is_named_with_its_nearest() -> None:
    with pytest.raises(ValueError, match=r"sex 'femal' of 2 annotators .* did you mean female"):
        weigh(people_of("femal", "femal", "male"), {"sex": {"female": 0.5, "male": 0.5}})


def test_people_of_no_share_weigh_nothing_and_are_counted() -> None:
    with pytest.warns(
        UserWarning, match="1 annotator weighs 0, since the population gives sex 'x'"
    ):
        weighting = weigh(people_of("f", "m", "x"), {"sex": {"f": 0.5, "m": 0.5, "x": 0}})
    assert weighting.weights == pytest.approx([1.5, 1.5, 0])
    assert weighting.people == 2


def test_margins_that_no_weights_have_are_named() -> None:
    """All the young are women: women cannot have less than the young."""
    people = [
        {"annotator_id": f"a{i}", "age": age, "sex": sex}
        for i, (age, sex) in enumerate([("young", "f"), ("young", "f"), ("old", "m"), ("old", "f")])
    ]
    population = {"age": {"young": 0.6, "old": 0.4}, "sex": {"f": 0.5, "m": 0.5}}
    with pytest.raises(ValueError, match=r"no weights .* all margins at once; .* by 10 %"):
        weigh(people, population)
    # At the edge: the old woman would have to weigh nothing.
    population["age"] = {"young": 0.5, "old": 0.5}
    with pytest.raises(ValueError, match=r"weigh 0 who have age 'old' and sex 'f' \(1 annotator\)"):
        weigh(people, population)


def test_a_bound_that_cannot_hold_is_answered_with_the_smallest_that_can() -> None:
    people = people_of("f", "f", "f", "m")
    with pytest.raises(ValueError, match=r"at most 1\.5 times .* smallest bound that works is 2;"):
        weigh(people, {"sex": {"f": 0.5, "m": 0.5}}, trim=1.5)
    assert weigh(people, {"sex": {"f": 0.5, "m": 0.5}}, trim=2.001).ratios[1] == pytest.approx(2)
    with pytest.raises(ValueError, match=r"trim is 0\.5; give the largest weight"):
        weigh(people, {"sex": {"f": 0.5, "m": 0.5}}, trim=0.5)


@pytest.mark.parametrize(
    ("population", "problem"),
    [
        ([{"column": "sex", "share": 1}], "there is no column 'category'"),
        ([{"column": "sex", "category": "f", "part": 1}], "there is no column 'share' or 'count'"),
        ({"sex": {"f": 0.5, "m": 0.4}}, "the shares of sex add up to 0.9; give the shares of all"),
        ({"sex": {"f": -0.5, "m": 1.5}}, "row 1: the share is -0.5; give a number that is 0 or"),
        ({"sex": {"f": 0, "m": 0}}, "the shares of sex are all 0"),
        ({"gender": {"f": 0.5, "m": 0.5}}, "the column 'gender', and the annotators file has no"),
        ([{"column": "sex", "category": c, "share": 0.5} for c in "ff"], "sex 'f' has a row before"),
        (
            [{"column": c, "category": k, "count": n} for c, k, n in
             [("sex", "f", 50), ("sex", "m", 50), ("age", "x", 30), ("age", "y", 30)]],
            "the counts of age add up to 60 and those of sex to 100",
        ),
    ],
)  # fmt: skip
def test_a_population_that_is_none_is_refused(population: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        weigh(people_of("f", "m"), population)


def test_nobody_to_weigh_is_refused() -> None:
    for weight, total in ((0, "0"), (1e308, "inf")):
        people = [{**one, "weight": weight} for one in people_of("f", "m")]
        with pytest.raises(ValueError, match=f"weights in the annotators file add up to {total};"):
            weigh(people, {"sex": {"f": 0.5, "m": 0.5}})
    with pytest.raises(ValueError, match="has no column 'age' to weigh by; choose from sex"):
        weigh(people_of("f", "m"), {"sex": {"f": 0.5, "m": 0.5}}, columns=["age"])


def test_weights_are_those_of_balance() -> None:
    balance = pytest.importorskip("balance")
    people = pool(200, 5, weights=False)
    population = [one for one in pool(400, 6, weights=False)]
    shares = {
        column: {
            name: sum(one[column] == name for one in population) / len(population)
            for name in categories
        }
        for column, categories in POPULATION.items()
    }
    sample, target = (
        balance.Sample.from_frame(
            pd.DataFrame(rows).drop(columns="weight"), id_column="annotator_id"
        )
        for rows in (people, population)
    )
    theirs = sample.set_target(target).adjust(method="rake").df["weight"].to_numpy()
    ours = weigh(people, shares).weights
    assert ours / ours.sum() == pytest.approx(theirs / theirs.sum(), rel=1e-4)
