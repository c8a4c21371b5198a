"""Panels by sortition against linear programs over all panels of small pools."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from rlchf.people.sortition import Quota, draw_panel, lottery
from rlchf.people.sortition.pool import Pool
from rlchf.people.sortition.programs import Panels
from rlchf.people.sortition.quotas import parse_quotas
from tests.oracles.sortition import all_panels, leximin_by_enumeration

Features = dict[str, list[str]]


def random_pool(seed: int) -> tuple[Features, list[Quota], int, str]:
    """A small pool with one to three columns of two or three categories, with households or without."""
    rng = np.random.default_rng(seed)
    people, size = int(rng.integers(6, 13)), int(rng.integers(2, 5))
    columns = ("age", "region", "sex")[: int(rng.integers(1, 4))]
    features = {
        column: rng.choice(list("xyz")[: int(rng.integers(2, 4))], people).tolist()
        for column in columns
    }
    quotas = []
    for column, cells in features.items():
        for category in sorted(set(cells)):
            least = int(rng.integers(0, 2))
            most = max(int(rng.integers(least, size + 1)), 1)
            quotas.append(Quota(column, category, least, most))
    household = ""
    if rng.random() < 0.4:
        household, features["home"] = "home", rng.choice(["", "", "u", "v"], people).tolist()
    return features, quotas, size, household


@pytest.mark.filterwarnings("ignore:.* can be on no panel")
@pytest.mark.parametrize("seed", range(14))
def test_probabilities_are_the_best_of_all_lotteries(seed: int) -> None:
    features, quotas, size, household = random_pool(seed)
    panels = all_panels(features, quotas, size, features[household] if household else None)
    if not len(panels):
        for method in ("maximin", "leximin"):
            with pytest.raises(ValueError, match="the smallest change that works"):
                draw_panel(features, quotas, size, method=method, household=household)
        return
    best = leximin_by_enumeration(panels)
    selection = draw_panel(features, quotas, size, method="leximin", household=household)
    np.testing.assert_allclose(selection.inclusion, best, atol=5e-5)
    selection = draw_panel(features, quotas, size, method="maximin", household=household)
    least = best[best > 1e-9].min()
    assert selection.lottery is not None
    assert selection.least == pytest.approx(least, abs=1e-5)
    assert selection.lottery.bound == pytest.approx(least, abs=1e-5)
    assert any((selection.selected[0] == panel.astype(bool)).all() for panel in panels)


@pytest.mark.filterwarnings("ignore:.* can be on no panel")
def test_rounds_give_what_the_short_way_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where panels with parts of seats promise too much, probabilities are fixed one after the other."""

    def promising(pool: Pool, absent: np.ndarray) -> np.ndarray:
        return np.where(absent, 0.0, 1.0)

    for seed in (0, 1, 2, 3, 6, 7):
        features, quotas, size, household = random_pool(seed)
        panels = all_panels(features, quotas, size, features[household] if household else None)
        if not len(panels):
            continue
        monkeypatch.setattr(lottery, "relaxed_probabilities", promising)
        selection = draw_panel(features, quotas, size, method="leximin", household=household)
        best = leximin_by_enumeration(panels)
        np.testing.assert_allclose(selection.inclusion, best, atol=5e-5)


def published(people: int, columns: int, size: int, seed: int) -> tuple[Features, list[Quota]]:
    """A pool of a published size, whose volunteers differ from the population that the quotas follow."""
    rng = np.random.default_rng(seed)
    features, quotas = {}, []
    for j in range(columns):
        population = rng.dirichlet(np.full(3, 5.0))
        volunteers = population * rng.lognormal(0, 0.4, 3)
        cells = rng.choice(list("abc"), people, p=volunteers / volunteers.sum()).tolist()
        features[f"column {j}"] = cells
        for category, share in zip("abc", population, strict=True):
            least = min(int(0.9 * share * size), cells.count(category) // 2)
            quotas.append(Quota(f"column {j}", category, least, int(1.1 * share * size) + 2))
    return features, quotas


def test_the_best_panel_is_that_of_the_whole_program() -> None:
    """In a pool of which most seats are decided by the linear program."""
    features, quotas = published(160, 4, 30, 0)
    pool = Pool.of(features, quotas, 30, np.ones(160, bool))
    panels, T = Panels(pool), len(pool.counts)
    rng = np.random.default_rng(1)
    assert T > 50
    for _ in range(6):
        worth = rng.exponential(size=T)
        whole = milp(
            -worth,
            constraints=[
                LinearConstraint(pool.rows, pool.least, pool.most),
                LinearConstraint(np.ones((1, T)), 30, 30),
            ],
            integrality=np.ones(T, np.int64),
            bounds=Bounds(0, pool.counts),
        )
        assert whole.fun is not None
        panel, rough = panels.best(worth), panels.best(worth, enough=0.95 * -whole.fun)
        assert panel is not None
        assert rough is not None
        assert worth @ panel == pytest.approx(-whole.fun)
        assert worth @ rough > -whole.fun * 0.95
        for one in (panel, rough):
            seats = pool.rows @ one
            assert (pool.least <= seats).all()
            assert (seats <= pool.most).all()


def test_a_large_pool_of_few_types_takes_no_time_and_is_equal_for_all() -> None:
    """The shape of the published example of 2,000 people and 200 seats: 99 seats at least for each side."""
    sides = ["ab"[i % 2] for i in range(2000)]
    features = {"gender": sides, "leaning": ["cd"[s == "b"] for s in sides[:-2]] + ["d", "c"]}
    tables = {
        "gender": {"a": [99, 200], "b": [99, 200]},
        "leaning": {"c": [99, 200], "d": [99, 200]},
    }
    quotas = parse_quotas(tables)
    for method in ("maximin", "leximin"):
        assert draw_panel(features, quotas, 200, method=method).least == pytest.approx(0.1)


def test_draws_have_the_probabilities_that_are_stated() -> None:
    features, quotas = published(40, 2, 8, 3)
    selection = draw_panel(features, quotas, 8, panels=4000, seed=5)
    assert selection.selected.sum(axis=1).tolist() == [8] * 4000
    p = selection.inclusion
    z = (selection.selected.mean(axis=0) - p) / np.sqrt(np.maximum(p * (1 - p), 1e-9) / 4000)
    assert np.abs(z).max() < 4.5
    assert p.sum() == pytest.approx(8)
    for quota in quotas:
        has = np.array(features[quota.column]) == quota.category
        seats = selection.selected[:, has].sum(axis=1)
        assert quota.least <= seats.min()
        assert seats.max() <= quota.most
    again = draw_panel(features, quotas, 8, panels=2, seed=5)
    assert (again.selected == selection.selected[:2]).all()
    assert not (draw_panel(features, quotas, 8, seed=6).selected[0] == selection.selected[0]).all()


def test_systematic_probabilities_keep_quotas_in_expectation_and_strata_nearly() -> None:
    features, quotas = published(60, 2, 12, 4)
    selection = draw_panel(features, quotas, 12, method="systematic", panels=3000, seed=1)
    p = selection.inclusion
    for one in selection.seats:
        assert one.least - 1e-6 <= one.expected <= one.most + 1e-6
    z = (selection.selected.mean(axis=0) - p) / np.sqrt(np.maximum(p * (1 - p), 1e-9) / 3000)
    assert np.abs(z).max() < 4.5
    assert set(selection.selected.sum(axis=1)) == {12}
    strata = np.array([a + b for a, b in zip(*features.values(), strict=True)])
    for stratum in set(strata.tolist()):
        seats = selection.selected[:, strata == stratum].sum(axis=1)
        expected = p[strata == stratum].sum()
        assert np.floor(expected - 1e-6) <= seats.min()
        assert seats.max() <= np.ceil(expected + 1e-6)


@pytest.mark.filterwarnings("ignore:.* has no quota")
def test_one_of_each_household_at_most_is_drawn() -> None:
    features = {"sex": ["f", "m"] * 6, "home": ["h1", "h1", "h2", "h2", "", ""] + ["h3"] * 6}
    quotas = [Quota("sex", "f", 1, 3), Quota("sex", "m", 1, 3)]
    selection = draw_panel(features, quotas, 4, household="home", panels=200)
    for panel in selection.selected:
        homes = [h for h, drawn in zip(features["home"], panel, strict=True) if drawn and h]
        assert len(set(homes)) == len(homes)
    with pytest.raises(ValueError, match=r"at most 5 annotators can be on a panel together"):
        draw_panel(features, [Quota("sex", "f", 0, 9)], 6, household="home")


# --- what does not fit


def test_the_smallest_repair_of_quotas_is_named_and_works() -> None:
    features = {"gender": ["women"] * 52 + ["men"] * 60}
    quotas = [Quota("gender", "women", 60, 70), Quota("gender", "men", 30, 40)]
    change = "lower the minimum of gender 'women' from 60 to 52, raise the maximum of gender 'men' from 40"
    with pytest.raises(ValueError, match=f"from 112 annotators; the smallest .* {change} to 48"):
        draw_panel(features, quotas, 100)
    repaired = [Quota("gender", "women", 52, 70), Quota("gender", "men", 30, 48)]
    assert draw_panel(features, repaired, 100).seats[0].drawn == 52
    for method in ("maximin", "systematic"):
        with pytest.raises(ValueError, match="lower the minimum of gender 'women'"):
            draw_panel(features, quotas, 100, method=method)


def test_of_the_smallest_repairs_the_one_that_changes_the_fewest_numbers_is_named() -> None:
    features = {"country": ["east"] * 12 + ["south"] * 12 + ["west"] * 12}
    quotas = [
        Quota("country", name, least, 12)
        for name, least in zip(("east", "south", "west"), (6, 5, 4), strict=True)
    ]
    with pytest.raises(ValueError, match="the smallest change") as caught:
        draw_panel(features, quotas, 11)
    assert str(caught.value).count("lower the minimum") == 1


@pytest.mark.filterwarnings("ignore:.* has no quota")
def test_people_who_fit_on_no_panel_are_counted() -> None:
    """Whoever is old and male would take a seat from the only old woman."""
    features = {"age": ["old", "old", "new", "new"], "sex": ["f", "m", "f", "m"]}
    quotas = [Quota("age", "old", 1, 1), Quota("sex", "f", 2, 2), Quota("sex", "m", 0, 0)]
    with pytest.warns(UserWarning, match="2 annotators of the annotators file can be on no panel"):
        selection = draw_panel(features, quotas, 2)
    assert selection.inclusion.tolist() == pytest.approx([1, 0, 1, 0])
    assert (selection.least, selection.excluded) == (1, 2)


def test_people_without_a_quota_are_counted() -> None:
    features = {"sex": ["f", "m", "x", ""]}
    with pytest.warns(UserWarning, match=r"the sex of 2 annotators .* has no quota \(empty, 'x'\)"):
        draw_panel(features, [Quota("sex", "f", 0, 1), Quota("sex", "m", 0, 1)], 2)


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        ({}, "there is no quota; write a table for each column"),
        ({"sex": 3}, "sex is not a table of categories; write a table"),
        ({"sex": {"f": [1, 2, 3]}}, r"\[sex\] f is \[1, 2, 3\]; give the fewest and the most"),
        ({"sex": {"f": [2, 1]}}, r"\[sex\] f is \[2, 1\], whose minimum is above its maximum"),
        ({"sex": {"f": 0.5}}, "give the fewest and the most seats as two whole numbers"),
        ({"sex": {"f": -1}}, "give the fewest and the most seats as two whole numbers"),
        ({"sex": {"f": True}}, "give the fewest and the most seats as two whole numbers"),
    ],
)
def test_what_is_no_quota_is_refused(tables: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_quotas(tables)


def test_a_size_or_a_column_that_cannot_be_is_refused() -> None:
    features, quotas = {"sex": ["f", "m"]}, [Quota("sex", "f", 0, 1), Quota("sex", "m", 0, 1)]
    with pytest.raises(ValueError, match=r"size is 3, and 2 annotators .* can be drawn; give"):
        draw_panel(features, quotas, 3)
    with pytest.raises(ValueError, match=r"there is no column 'age' in .* file; found sex"):
        draw_panel(features, [Quota("age", "f", 0, 1)], 1)
    with pytest.raises(ValueError, match="systematic sampling knows no households"):
        draw_panel(features, quotas, 1, method="systematic", household="sex")


def test_the_probabilities_are_those_of_sortition_algorithms() -> None:
    peer = pytest.importorskip("sortition_algorithms")
    for seed in range(3):
        features, quotas = published(60, 3, 12, seed)
        head = ["feature", "value", "min", "max"]
        cells = [(q.column, q.category, str(q.least), str(q.most)) for q in quotas]
        body = [dict(zip(head, row, strict=True)) for row in cells]
        theirs, *_ = peer.read_in_features(head, body)
        settings = peer.Settings(id_column="id", columns_to_keep=[])
        rows = [{"id": str(i), **{c: of[i] for c, of in features.items()}} for i in range(60)]
        people, _ = peer.read_in_people(["id", *features], rows, theirs, settings)
        for method in ("maximin", "leximin"):
            find = getattr(peer.committee_generation, f"find_distribution_{method}")
            try:
                panels, chances, _ = find(theirs, people, 12, [])
            except RuntimeError:  # its leximin needs Gurobi
                continue
            p = np.zeros(60)
            for panel, chance in zip(panels, chances, strict=True):
                p[[int(i) for i in panel]] += chance
            ours = draw_panel(features, quotas, 12, method=method)
            assert ours.least == pytest.approx(p.min(), abs=2e-3)
            assert ours.least >= p.min() - 1e-6
            if method == "leximin":
                np.testing.assert_allclose(np.sort(ours.inclusion), np.sort(p), atol=2e-3)
