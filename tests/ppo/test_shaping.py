"""Scores become rewards by normalisation, clipping and penalties."""

import pytest
import torch

from rlchf.train.ppo import PPOConfig
from rlchf.train.ppo.responses import Rollout
from rlchf.train.ppo.shaping import Moments, shape_scores


@pytest.mark.parametrize("sizes", [(64,), (1, 3, 20, 40)])
def test_moments_are_those_of_all_scores_so_far(sizes: tuple[int, ...]) -> None:
    scores = 50 + 3 * torch.randn(64, generator=torch.Generator().manual_seed(0))
    moments = Moments()
    for batch in scores.split(list(sizes)):
        moments = moments.with_batch(batch)
    normalised = moments.normalise(scores)
    expected = (scores - scores.mean()) / scores.std(correction=0)
    torch.testing.assert_close(normalised, expected, atol=1e-4, rtol=0)


def test_moments_are_over_all_processes() -> None:
    batch, other_batch = torch.tensor([1.0, 5.0]), torch.tensor([2.0, 9.0]).double()
    before = Moments(2.0, 3.0, 8.0)
    mean = torch.tensor([1.0, 5.0, 2.0, 9.0]).mean()
    other = iter([torch.tensor(2.0), other_batch.sum(), (other_batch - mean).square().sum()])
    moments = before.with_batch(batch, lambda total: total + next(other))
    assert moments == before.with_batch(torch.cat([batch, other_batch.float()]))


def test_equal_scores_are_normalised_to_0() -> None:
    scores = torch.full((3,), 7.0)
    assert not Moments().with_batch(scores).normalise(scores).any()


def response(length: int, finished: bool, longest: int = 20) -> Rollout:
    mask = torch.arange(longest)[None] < length
    ids = torch.zeros(1, longest, dtype=torch.long)
    return Rollout(ids, mask, mask, torch.tensor([finished]))


@pytest.mark.parametrize(
    ("length", "penalty"), [(1, 0.0), (16, 0.0), (17, 0.5), (18, 1.0), (20, 2.0)]
)
def test_the_penalty_of_length_grows_over_the_last_fifth(length: int, penalty: float) -> None:
    config = PPOConfig(max_new_tokens=20, overlong_penalty=2.0)
    reward = shape_scores(torch.tensor([5.0]), response(length, True), config, Moments())
    assert reward.item() == pytest.approx(5 - penalty, abs=1e-5)


def test_scores_are_normalised_then_clipped_then_penalised() -> None:
    config = PPOConfig(
        max_new_tokens=20, normalise_reward=True, reward_clip=1.5, missing_eos_penalty=1.0
    )
    moments = Moments(4.0, 10.0, 16.0)  # standard deviation 2
    for score, finished, expected in [(12, True, 1.0), (40, True, 1.5), (0, False, -2.5)]:
        reward = shape_scores(torch.tensor([float(score)]), response(5, finished), config, moments)
        assert reward.item() == pytest.approx(expected)


def test_scores_are_the_rewards_by_default() -> None:
    scores = torch.tensor([123.0])
    assert torch.equal(shape_scores(scores, response(20, False), PPOConfig(), Moments()), scores)
