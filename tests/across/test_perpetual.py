"""The perpetual rules on whole datasets: against the textbook, and what each guarantees."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.rankings import Unranked
from rlchf.rules import get_rule
from rlchf.rules.across._parts.layout import ballots_of, lay_out
from tests.oracles import across_perpetual as textbook
from tests.oracles import textbook as oracles
from tests.oracles.across_perpetual import Orders, Prompt
from tests.support.profiles import random_case

pytestmark = pytest.mark.slow  # Most of these rules take seconds to compile.

WEIGHING = ("pav", "unit_cost", "reset", "consensus", "quota")
CHOOSING = ("nash", "equality", "phragmen")
RULES = [*WEIGHING, *CHOOSING]
UNITS = ("contested_pair", "graded_pair", "pair", "winner", "approval")
BASES = {
    "kemeny": oracles.first_kemeny_order,
    "borda": textbook.first_borda_order,
    "approval": textbook.first_approval_order,
}

Row = tuple[object, object, list[list[str]]]


@dataclass(frozen=True)
class Dataset:
    """The same ballots for the package and for the textbook."""

    rankings: Rankings
    prompts: list[Prompt]

    def orders(self, rule: str, **options: Any) -> Orders:
        result = rlchf.aggregate(self.rankings, f"perpetual_{rule}", **options)
        return [
            [int(block[0]) for block in result.ranking(prompt)]
            for prompt in self.rankings.prompt_ids
        ]


def dataset(rng: np.random.Generator, prompts: int = 8, most: int = 4, kind: str = "") -> Dataset:
    """Prompts of different sizes, annotators who come and go, one with two ballots now and then."""
    drawn: list[Prompt] = []
    rows: list[Row] = []
    weights: list[float] = []
    for t in range(prompts):
        m = int(rng.integers(2, most + 1))
        who = sorted(rng.integers(0, 6, size=int(rng.integers(1, 6))).tolist())
        case_kind = kind or str(rng.choice(["strict", "ties gaps weights"]))
        case = random_case(rng, m, len(who), case_kind)
        drawn.append((case.ballots, who, m))
        rows.append((t, "nobody", [[str(i) for i in range(m)]]))
        weights.append(0.0)
        for annotator, (ranks, weight) in zip(who, case.ballots, strict=True):
            levels = [[str(i) for i in ranks if ranks[i] == k] for k in sorted(set(ranks.values()))]
            rows.append((t, annotator, levels))
            weights.append(float(weight))
    return Dataset(Rankings.from_ballots(rows, weights, repeats="all"), drawn)


def expected(rule: str, prompts: Sequence[Prompt], unit: str, base: str = "kemeny") -> Orders:
    if rule in CHOOSING:
        return textbook.choosing(rule, prompts, unit)
    return textbook.weighing(rule, prompts, unit, BASES[base])


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("rule", RULES)
def test_datasets_equal_the_textbook(rule: str, unit: str) -> None:
    rng = np.random.default_rng([RULES.index(rule), UNITS.index(unit)])
    for _ in range(40):
        data = dataset(rng)
        assert data.orders(rule, unit=unit) == expected(rule, data.prompts, unit)


@pytest.mark.parametrize("base", ["borda", "approval"])
@pytest.mark.parametrize("rule", WEIGHING)
def test_other_bases_equal_the_textbook(rule: str, base: str) -> None:
    rng = np.random.default_rng(WEIGHING.index(rule))
    for unit in UNITS:
        data = dataset(rng)
        known = expected(rule, data.prompts, unit, base)
        assert data.orders(rule, unit=unit, base=base) == known
        assert data.orders(rule, unit=unit, base=base, exact=True) == known


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("rule", RULES)
def test_exact_fractions_equal_the_textbook(rule: str, unit: str) -> None:
    rng = np.random.default_rng([9, RULES.index(rule), UNITS.index(unit)])
    for _ in range(10):
        data = dataset(rng, prompts=12)
        assert data.orders(rule, unit=unit, exact=True) == expected(rule, data.prompts, unit)


@pytest.mark.parametrize("rule", RULES)
def test_floats_and_fractions_agree_on_a_long_sequence(rule: str) -> None:
    data = dataset(np.random.default_rng(3), prompts=1500 if rule in WEIGHING else 300)
    assert data.orders(rule) == data.orders(rule, exact=True)


@pytest.mark.parametrize("rule", ["pav", "phragmen"])
def test_exact_fractions_decide_what_is_a_tie_in_floats(rule: str) -> None:
    """The weights are 2^-40 apart."""
    rows: list[Row] = [("p", "ann", [["a"], ["b"]]), ("p", "bob", [["b"], ["a"]])]
    rankings, name = Rankings.from_ballots(rows, [1.0, 1.0 + 2.0**-40]), f"perpetual_{rule}"
    assert rlchf.aggregate(rankings, name).ranking("p")[0] == ["a"]
    assert rlchf.aggregate(rankings, name, exact=True).ranking("p")[0] == ["b"]


@pytest.mark.parametrize("rule", RULES)
def test_exact_weights_are_what_their_decimals_say(rule: str) -> None:
    """0.3 is 0.1 + 0.2, as floats are not: a tie, which goes to a; and 0.299 is less."""
    rows: list[Row] = [("p", "cid", [["a"], ["b"]])]
    rows += [("p", who, [["b"], ["a"]]) for who in ("ann", "bob")]
    for weight, first in ((0.3, "a"), (0.299, "b")):
        rankings = Rankings.from_ballots(rows, [weight, 0.1, 0.2])
        result = rlchf.aggregate(rankings, f"perpetual_{rule}", exact=True, unit="pair")
        assert result.ranking("p")[0] == [first]


def test_nash_refuses_products_of_too_many_factors() -> None:
    rows: list[Row] = [("p", "ann", [["a"], ["b"]]), ("p", "bob", [["b"], ["a"]])]
    rankings = Rankings.from_ballots(rows, [1.0, 1.0 + 2.0**-40])
    with pytest.raises(
        ValueError, match="prompt p: exact is true, and the weights are 2199023255553"
    ):
        rlchf.aggregate(rankings, "perpetual_nash", exact=True)


@pytest.mark.parametrize("rule", CHOOSING)
def test_seven_responses_are_too_many_orders_for_fractions(rule: str) -> None:
    rows: list[Row] = [("p", 0, [[str(i)] for i in range(7)])]
    rankings, name = Rankings.from_ballots(rows), f"perpetual_{rule}"
    with pytest.raises(
        ValueError, match="exact is true for a prompt of 7 responses; it works for up"
    ):
        rlchf.aggregate(rankings, name, exact=True)
    result = rlchf.aggregate(rankings, name, exact=True, unit="winner")
    assert result.ranking("p") == [[str(i)] for i in range(7)]


@pytest.mark.parametrize("rule", WEIGHING)
def test_a_base_without_compiled_code_gives_the_same(rule: str) -> None:
    """Schulze's rule ranks two responses by majority, as Kemeny's does."""
    data = dataset(np.random.default_rng(4), prompts=60, most=2)
    assert data.orders(rule, base="schulze") == data.orders(rule, base="kemeny")


def test_prompts_with_many_responses_are_ranked_among_small_ones() -> None:
    """Twelve responses are beyond the compiled search; the states go on from one to the other."""
    rows: list[Row] = []
    many = [[f"r{i:02}"] for i in range(12)]
    for t in range(10):
        order = many if t % 2 else [["a"], ["b"]]
        rows += [(t, i, order if i < 6 else order[::-1]) for i in range(10)]
    result = rlchf.aggregate(Rankings.from_ballots(rows), "perpetual_pav")
    firsts = [result.ranking(t)[0][0] for t in range(10)]
    assert firsts == ["a", "r11", "a", "r00", "b", "r00", "b", "r00", "a", "r11"]


def sixty_forty(prompts: int) -> Rankings:
    plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    return Rankings.from_ballots(
        [(t, i, plain if i < 6 else emoji) for t in range(prompts) for i in range(10)]
    )


@pytest.mark.parametrize("rule", RULES)
def test_forty_percent_get_their_share(rule: str) -> None:
    result = rlchf.aggregate(sixty_forty(100), f"perpetual_{rule}")
    emoji = sum(result.ranking(t)[0] == ["emoji"] for t in range(100))
    assert emoji == (50 if rule in ("reset", "equality") else 40)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("unit", ["contested_pair", "graded_pair", "pair", "winner"])
def test_unanimous_pairs_are_kept(rule: str, unit: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(10):
        data = dataset(rng, prompts=15, kind="strict")
        for (ballots, _, m), order in zip(data.prompts, data.orders(rule, unit=unit), strict=True):
            for i in range(m):
                for j in range(m):
                    if all(places[i] < places[j] for places, _ in ballots):
                        assert order.index(i) < order.index(j)


@pytest.mark.parametrize("rule", RULES)
def test_unanimous_prompts_do_not_change_how_contested_pairs_are_decided(rule: str) -> None:
    contested = sixty_forty(10)
    plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    rows: list[Row] = []
    for t in range(10):
        rows += [(f"common {t}", i, [["good"], ["bad"]]) for i in range(10)]
        rows += [(t, i, plain if i < 6 else emoji) for i in range(10)]
    mixed = rlchf.aggregate(Rankings.from_ballots(rows), f"perpetual_{rule}")
    alone = rlchf.aggregate(contested, f"perpetual_{rule}")
    assert all(mixed.ranking(t) == alone.ranking(t) for t in range(10))
    assert all(mixed.ranking(f"common {t}")[0] == ["good"] for t in range(10))


@pytest.mark.parametrize("rule", RULES)
def test_shuffled_prompts_are_decided_in_the_order_of_the_seed(rule: str) -> None:
    rankings, name = sixty_forty(30), f"perpetual_{rule}"
    results = [rlchf.aggregate(rankings, name, order="shuffled", seed=s) for s in (1, 1, 2)]
    firsts = [[r.ranking(t)[0][0] for t in range(30)] for r in results]
    assert firsts[0] == firsts[1] != firsts[2]
    prompts = np.arange(30)
    np.random.default_rng(1).shuffle(prompts)
    by_hand = rlchf.aggregate(rankings.subset(prompts), name)
    assert firsts[0] == [by_hand.ranking(t)[0][0] for t in range(30)]
    assert results[2].options["seed"] == 2


@pytest.mark.parametrize("rule", CHOOSING)
def test_more_than_six_responses_are_ordered_well(rule: str) -> None:
    """Two opposite rankings of eight: each gets half of the pairs, or a turn each."""
    up = [[str(i)] for i in range(8)]
    rows: list[Row] = [(t, i, up if i == 0 else up[::-1]) for t in range(6) for i in range(2)]
    rankings = Rankings.from_ballots(rows)
    report = rlchf.audit(rankings, rlchf.aggregate(rankings, f"perpetual_{rule}"))
    shares = [row.contested for row in report.annotators]
    assert sum(shares) == pytest.approx(1)
    assert min(shares) >= 0.48


@pytest.mark.parametrize("rule", CHOOSING)
def test_seven_responses_keep_what_all_agree_on(rule: str) -> None:
    rows: list[Row] = []
    rng = np.random.default_rng(6)
    for t in range(20):
        for i in range(5):
            tops, others = rng.permutation(3), 3 + rng.permutation(4)
            rows.append((t, i, [[str(r)] for r in [*tops, *others]]))
    result = rlchf.aggregate(Rankings.from_ballots(rows), f"perpetual_{rule}")
    for t in range(20):
        assert {block[0] for block in result.ranking(t)[:3]} == {"0", "1", "2"}


def test_if_nobody_has_positive_credit_all_ballots_count() -> None:
    """On the first prompt, a tie, Ann pays 2 of her credit of 1 and earns 1, so that she has nothing."""
    rows: list[Row] = [("p", "ann", [["a"], ["b"]]), ("p", "bob", [["b"], ["a"]])]
    rows += [("q", "ann", [["b"], ["a"]])]
    result = rlchf.aggregate(Rankings.from_ballots(rows), "perpetual_consensus")
    assert [result.ranking(prompt)[0] for prompt in "pq"] == [["a"], ["b"]]


@pytest.mark.parametrize("unranked", ["missing", "last"])
def test_datasets_are_laid_out_as_batches_are(unranked: Unranked) -> None:
    rankings = dataset(np.random.default_rng(7), prompts=50).rankings
    rankings = replace(rankings, unranked=unranked)
    layout = lay_out(rankings, "shuffled", seed=1)
    backwards = np.arange(rankings.n_prompts)[::-1]
    for block in [layout.whole, layout.block(backwards), *layout.blocks()]:
        for t, p in enumerate(block.prompts):
            batch, ballots = rankings.batch(np.array([p])), ballots_of(block, t)
            assert np.array_equal(ballots.ranks, batch.ranks.T)
            assert np.array_equal(ballots.weights, batch.weights)
            assert np.array_equal(ballots.annotators, batch.annotators)


def test_options_that_do_not_exist_are_refused() -> None:
    rankings = sixty_forty(2)
    for rule in RULES:
        with pytest.raises(
            ValueError, match="unit is 'pairs'; choose from contested_pair, graded_pair"
        ):
            get_rule(f"perpetual_{rule}")(rankings, unit="pairs")
        with pytest.raises(ValueError, match="order is 'random'; choose from input, shuffled"):
            get_rule(f"perpetual_{rule}")(rankings, order="random")
    for rule in WEIGHING:
        with pytest.raises(ValueError, match="looks across prompts itself"):
            get_rule(f"perpetual_{rule}")(rankings, base="perpetual_pav")
        with pytest.raises(ValueError, match="exact is true for base 'schulze' and 2 responses"):
            get_rule(f"perpetual_{rule}")(rankings, base="schulze", exact=True)
