"""The losses that stand for voting rules: what they make of free scores as their temperature moves."""

import itertools

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor

from rlchf.rules import get_rule
from rlchf.rules.kemeny import kemeny_optima
from rlchf.train.reward.losses import bradley_terry, majority, soft_copeland, soft_kemeny
from tests.support.free_scores import NAN, ONE, close, optimum, order_of, shares_of


def random_ballots(rng: np.random.Generator, m: int, voters: int) -> list[list[int]]:
    return [rng.permutation(m).tolist() for _ in range(voters)]


def respects(scores: Tensor, rule_scores: np.ndarray) -> bool:
    """Whether every strict comparison of the rule is one of the scores too."""
    s = scores.numpy()
    return bool(((rule_scores[:, None] <= rule_scores) | (s[:, None] > s + 1e-3)).all())


# -- soft Copeland ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_soft_copeland_tends_to_copeland_when_cold_and_to_borda_when_hot() -> None:
    rng, told_apart = np.random.default_rng(1), 0
    for _ in range(25):
        shares, profiles = shares_of(random_ballots(rng, 5, 6))
        copeland, borda = (get_rule(name)(profiles)[0] for name in ("copeland", "borda"))
        cold, hot = (
            optimum(lambda s, p=shares, t=t: soft_copeland(s, p, ONE, temperature=t), 5)  # type: ignore[misc]
            for t in (0.02, 100.0)
        )
        assert respects(cold, copeland)
        assert respects(100 * hot, borda)  # the gaps shrink with the heat
        told_apart += not respects(cold, borda)
    assert told_apart >= 5


def test_soft_copeland_is_least_where_expected_wins_are_soft_majorities() -> None:
    shares, _ = shares_of(random_ballots(np.random.default_rng(2), 5, 11))
    r = optimum(lambda s: soft_copeland(s, shares, ONE, temperature=0.3), 5)
    off_diagonal = ~torch.eye(5, dtype=torch.bool)
    wins = (r[:, None] - r).sigmoid() * off_diagonal
    soft_majorities = torch.where(off_diagonal, torch.sigmoid((2 * shares[0] - 1) / 0.3), 0)
    close(wins.sum(1), soft_majorities.sum(1), atol=1e-5)


# -- soft Kemeny -----------------------------------------------------------------------------------


def coldest(shares: Tensor, m: int, rng: np.random.Generator) -> Tensor:
    """The best scores that slow cooling finds from eight random starts."""
    starts = torch.from_numpy(rng.normal(size=(8, m))).requires_grad_()
    table, ones = shares.expand(8, m, m), torch.ones(8, dtype=torch.float64)
    optimizer = torch.optim.Adam([starts], lr=0.05)
    for temperature in np.geomspace(2.0, 0.05, 150):
        optimizer.zero_grad()
        soft_kemeny(starts, table, ones, temperature=float(temperature)).backward()
        optimizer.step()
    final = [soft_kemeny(s[None], shares, ONE, temperature=0.01).item() for s in starts]
    return starts.detach()[int(np.argmin(final))]


@pytest.mark.slow
def test_soft_kemeny_tends_to_kemeny() -> None:
    """The cold loss of an order is its share of votes against; the least is the Kemeny order's."""
    rng, checked, told_apart = np.random.default_rng(3), 0, 0
    orders = list(itertools.permutations(range(4)))
    while checked < 12:
        shares, profiles = shares_of(random_ballots(rng, 4, 9))
        kemeny = get_rule("kemeny")(profiles)[0]
        if len(kemeny_optima(profiles)) > 1:
            continue
        p = shares[0].numpy()
        against = [
            np.mean([p[j, i] for i, j in itertools.combinations(order, 2)]) for order in orders
        ]
        places = torch.tensor([[-float(order.index(i)) for i in range(4)] for order in orders])
        cold = [soft_kemeny(s[None], shares, ONE, temperature=0.02).item() for s in places]
        np.testing.assert_allclose(cold, against, atol=1e-6)
        assert list(orders[int(np.argmin(cold))]) == order_of(kemeny)
        assert order_of(coldest(shares, 4, rng)) == order_of(kemeny)
        told_apart += not respects(torch.from_numpy(kemeny), get_rule("copeland")(profiles)[0])
        told_apart += not respects(torch.from_numpy(kemeny), get_rule("borda")(profiles)[0])
        checked += 1
    assert told_apart >= 3


def test_soft_kemeny_of_shares_is_that_of_the_ballots() -> None:
    ballots = [[0, 1, 2], [2, 0, 1], [1, 2, 0], [0, 2, 1]]
    shares, _ = shares_of(ballots)
    single = torch.cat([shares_of([ballot])[0] for ballot in ballots])
    scores = torch.tensor([[0.3, -1.0, 0.8]], dtype=torch.float64)
    one_by_one = soft_kemeny(scores.expand(4, 3), single, torch.ones(4, dtype=torch.float64))
    close(one_by_one, soft_kemeny(scores, shares, ONE))


@pytest.mark.parametrize("loss", [soft_copeland, soft_kemeny])
@pytest.mark.parametrize("temperature", [0.0, -1.0, NAN])
def test_a_temperature_must_be_above_0(loss: object, temperature: float) -> None:
    assert callable(loss)
    with pytest.raises(ValueError, match="must be above 0"):
        loss(torch.zeros(1, 2), torch.zeros(1, 2, 2), ONE, temperature=temperature)


# -- the majority loss -----------------------------------------------------------------------------


def test_majority_follows_pairwise_majorities_where_bradley_terry_does_not() -> None:
    """Three of five rank a first, so a beats all; but b has the higher Borda count."""
    shares, _ = shares_of([[0, 1, 2]] * 3 + [[1, 2, 0]] * 2)
    assert order_of(optimum(lambda s: bradley_terry(s, shares, ONE), 3)) == [1, 0, 2]
    assert order_of(optimum(lambda s: majority(s, shares, ONE), 3, steps=20)) == [0, 1, 2]


def test_a_tied_pair_does_not_count_in_the_majority_loss() -> None:
    """a beats b, b beats c, d and e, all else is in balance: any order that agrees has a > b first."""
    shares = torch.full((1, 5, 5), 0.5, dtype=torch.float64)
    for i, j in [(0, 1), (1, 2), (1, 3), (1, 4)]:
        shares[0, i, j], shares[0, j, i] = 0.6, 0.4
    assert order_of(optimum(lambda s: bradley_terry(s, shares, ONE), 5))[0] == 1
    assert order_of(optimum(lambda s: majority(s, shares, ONE), 5, steps=20))[:2] == [0, 1]


def test_majority_is_consistent_for_linear_rewards_where_bradley_terry_breaks_unanimity() -> None:
    """An instance of theorem 3.1 of Ge et al. 2024: nine tenths rank a a' b b' c' c, one tenth
    c' c b' b a' a; all rank c' above c. Some linear reward makes the majority's order."""
    features = torch.tensor(
        [[2.0, 1.0], [1.8, 1.0], [1.0, 1.0], [0.8, 1.0], [-0.2, 0.01], [0.0, 0.0]]
    ).double()
    shares = torch.full((1, 6, 6), NAN, dtype=torch.float64)
    many, few = [0, 1, 2, 3, 4, 5], [4, 5, 3, 2, 1, 0]
    for i, j in itertools.permutations(range(6), 2):
        shares[0, i, j] = 0.9 * (many.index(i) < many.index(j)) + 0.1 * (
            few.index(i) < few.index(j)
        )
    linear = optimum(lambda theta: bradley_terry(theta @ features.T, shares, ONE), 2)
    close(linear, torch.tensor([1.5969057, 0.0727675]), atol=1e-4)
    assert features[4] @ linear < features[5] @ linear  # c above c', against everybody
    linear = optimum(lambda theta: majority(theta @ features.T, shares, ONE), 2, steps=1000)
    assert order_of(features @ linear) == many
