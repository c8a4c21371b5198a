"""Rewards made of several: what each response is given, by hand."""

import math
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from rlchf.train.ppo.advantages import ADVANTAGES
from rlchf.train.ppo.rewards import (
    COMBINE,
    GDPO,
    MaxMin,
    Pairwise,
    PopulationProportional,
    SelfPlay,
    Vote,
    VoterPreferences,
    WeightedSum,
    WinShare,
    combination_named,
    gdpo,
    groups_of,
    max_min,
)
from rlchf.train.reward.model import RewardModel
from tests.support.tiny_models import tiny_classifier, tiny_tokenizer


def likes(*order: str) -> Callable[..., list[float]]:
    """A voter who likes texts in this order; what is not named is worth nothing."""
    return lambda prompts, texts: [
        float(len(order) - order.index(text)) if text in order else 0.0 for text in texts
    ]


def approves(*good: str) -> Callable[..., list[float]]:
    return lambda prompts, texts: [float(text in good) for text in texts]


def close_to(expected: torch.Tensor) -> Any:
    return pytest.approx(expected.tolist(), abs=1e-4)


CYCLE = [likes("a", "b", "c"), likes("b", "c", "a"), likes("c", "a", "b")]

# -- groups and sums -------------------------------------------------------------------------------


def test_a_batch_is_cut_where_the_prompt_changes_and_texts_are_named_once() -> None:
    chat = [{"role": "user", "content": "p"}]
    first, second, third = groups_of([chat, list(chat), "p", chat], ["x", "x", "x", "y"])
    assert (first.prompt, first.responses, first.index.tolist()) == (chat, ["x"], [0, 0])
    assert second.responses == ["x"]
    assert third.responses == ["y"]
    assert first.counts.tolist() == [2]


def test_a_reward_model_and_a_function_add_up_as_they_are_weighted() -> None:
    model = RewardModel(tiny_classifier(), tiny_tokenizer())
    prompts, texts = ["the", "the"], ["fox", "a little girl"]

    def length(prompts: Sequence[Any], texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    rewards = WeightedSum([model, length], [2.0, -0.5])(prompts, texts)
    expected = 2 * model(prompts, texts) - 0.5 * torch.tensor([3.0, 13.0])
    torch.testing.assert_close(rewards, expected)


def test_a_sum_keeps_the_state_of_its_parts() -> None:
    def made() -> WeightedSum:
        groups = {"x": approves("a"), "y": approves("b")}
        return WeightedSum([approves("a"), MaxMin(groups, step=1.0)], [1.0, 1.0])

    one, other = made(), made()
    one(["p"], ["a"])
    other.load_state_dict(one.state_dict())
    batch = ["p", "p"], ["a", "b"]
    assert torch.equal(one(*batch), other(*batch))
    assert not torch.equal(one(*batch), made()(*batch))


# -- votes -----------------------------------------------------------------------------------------


def test_a_vote_gives_the_rules_scores_brought_to_mean_0_and_range_1() -> None:
    vote = Vote([likes("a", "b", "c"), likes("b", "a", "c")], "borda", weights=[2, 1])
    rewards = vote(["p"] * 3, ["a", "b", "c"])  # Borda scores 5, 4, 0
    assert rewards.tolist() == close_to(torch.tensor([0.4, 0.2, -0.6]))


def test_equal_rewards_are_a_tie_and_scales_do_not_count() -> None:
    loud = lambda prompts, texts: [1e6 * (text == "b") for text in texts]  # noqa: E731
    rewards = Vote([approves("a"), approves("a"), loud], "copeland")(["p"] * 3, ["a", "b", "c"])
    # a beats b and c by 2:1 and 2:0, b beats c by 1:0
    assert rewards.tolist() == close_to(torch.tensor([0.5, 0.0, -0.5]))


def test_ties_of_the_rule_are_kept_and_a_tie_of_all_is_worth_0() -> None:
    for rule in ("copeland", "ranked_pairs", "kemeny"):
        assert Vote(CYCLE, rule)(["p"] * 3, ["a", "b", "c"]).tolist() == [0, 0, 0]


def test_a_vote_that_ties_everything_against_its_voters_says_so_once() -> None:
    up, down = likes("ab", "c"), likes("c", "ab")
    texts = ["ab", "c"]
    vote = Vote([up, down], "kemeny")
    with pytest.warns(
        UserWarning, match="of 2 voters with equal weights tied all responses to each"
    ):
        assert vote(["p"] * 2, texts).tolist() == [0, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vote(["p"] * 2, texts)  # told already
        assert Vote([up, down], "kemeny", [2, 1])(["p"] * 2, texts).tolist() == [0.5, -0.5]
        assert Vote([up, up], "kemeny")(["p"] * 2, texts).tolist() == [0.5, -0.5]
        flat = lambda prompts, texts: [0.0] * len(texts)  # noqa: E731
        assert Vote([flat, flat], "kemeny")(["p"] * 2, texts).tolist() == [0, 0]


def test_a_text_that_comes_twice_stands_once_and_prompts_do_not_mix() -> None:
    vote = Vote([likes("a", "b", "c"), likes("b", "a", "c")], "borda", weights=[2, 1])
    rewards = vote(["p"] * 4 + ["q"] * 2 + ["r"], ["a", "b", "c", "a", "c", "b", "z"])
    scores = torch.tensor([5.0, 4.0, 0.0, 5.0])
    assert rewards[:4].tolist() == close_to((scores - 3.5) / 5)
    assert rewards[4:].tolist() == [-0.5, 0.5, 0]


@pytest.mark.parametrize("rule", ["perpetual_pav", "maximal_lottery", "stv", "schulze"])
def test_every_kind_of_rule_gives_rewards_of_mean_0_and_range_1(rule: str) -> None:
    prompts = [p for p in "pqr" for _ in range(3)]
    rewards = Vote([*CYCLE, CYCLE[0]], rule)(prompts, ["a", "b", "c"] * 3).view(3, 3)
    assert rewards.shape == (3, 3)
    torch.testing.assert_close(rewards.sum(1), torch.zeros(3))
    width = rewards.max(1).values - rewards.min(1).values
    assert ((width - 1).abs() < 1e-5).any()


def test_a_rule_across_prompts_lets_the_minority_win_some() -> None:
    voters = [likes("a", "b")] * 3 + [likes("b", "a")] * 2
    prompts, texts = [f"p{n // 2}" for n in range(20)], ["a", "b"] * 10
    won = Vote(voters, "perpetual_pav")(prompts, texts).view(10, 2)[:, 1] > 0
    assert won.sum() == 4
    assert not (Vote(voters, "kemeny")(prompts, texts).view(10, 2)[:, 1] > 0).any()


# -- preferences -----------------------------------------------------------------------------------


def test_voter_preferences_count_half_a_vote_for_a_tie() -> None:
    (table,) = VoterPreferences([approves("a"), likes("b", "a", "c")], [3, 1])(
        groups_of("ppp", "abc")
    )
    expected = [[0.5, 0.75, 1.0], [0.25, 0.5, 0.625], [0.0, 0.375, 0.5]]
    torch.testing.assert_close(table, torch.tensor(expected, dtype=torch.float64))


def test_a_pairwise_model_is_asked_in_both_orders() -> None:
    def first_is_better(prompts: Sequence[Any], a: Sequence[str], b: Sequence[str]) -> list[float]:
        assert list(prompts) == ["p"] * 2 + ["q"] * 6
        table = {"xy": 0.9, "yx": 0.3}
        return [table.get(one + other, 0.5) for one, other in zip(a, b, strict=True)]

    one, two = Pairwise(first_is_better)(groups_of("ppqqq", "xyxyz"))
    assert one[0, 1].item() == pytest.approx((0.9 + 1 - 0.3) / 2)
    assert two.shape == (3, 3)
    torch.testing.assert_close(two + two.T, torch.ones(3, 3, dtype=torch.float64))


def test_a_pairwise_model_is_asked_only_about_texts_that_differ() -> None:
    (table,) = Pairwise(lambda *columns: [0.0] * len(columns[0]))(groups_of("pp", "xx"))
    assert table.tolist() == [[0.5]]


# -- self-play and shares --------------------------------------------------------------------------


def test_self_play_is_the_mean_win_share_against_the_other_rows() -> None:
    play = SelfPlay(VoterPreferences(CYCLE, [4, 3, 2]))
    rewards = play(["p"] * 4 + ["q"], ["a", "b", "b", "c", "a"])
    a = (2 * 6 / 9 + 4 / 9) / 3
    b = (3 / 9 + 1 / 2 + 7 / 9) / 3
    c = (5 / 9 + 2 * 2 / 9) / 3
    assert rewards.tolist() == close_to(torch.tensor([a, b, b, c, 0.0]))


def test_win_shares_of_a_batch_average_one_half_and_their_log_odds_0() -> None:
    rewards = SelfPlay(VoterPreferences(CYCLE, [4, 3, 2]))(["p"] * 6, list("abbcca"))
    assert rewards.mean().item() == pytest.approx(0.5)
    odds = WinShare(VoterPreferences(CYCLE, [4, 3, 2]))(["p"] * 6, list("abbcca"))
    assert odds.mean().item() == pytest.approx(0, abs=1e-6)


def test_win_shares_are_log_odds_within_their_floor() -> None:
    play = WinShare(VoterPreferences([approves("a"), approves("a", "b")], [1, 3]), floor=0.05)
    rewards = play(["p"] * 3, ["a", "b", "c"])
    ab, ac, bc = math.log(0.625 / 0.375), math.log(0.95 / 0.05), math.log(0.875 / 0.125)
    expected = torch.tensor([(ab + ac) / 2, (bc - ab) / 2, -(ac + bc) / 2])
    assert rewards.tolist() == close_to(expected)


def test_population_proportional_takes_the_smallest_share_and_no_logarithm_of_0() -> None:
    electorate = VoterPreferences([approves("a"), approves("b")], [3, 1])
    rewards = PopulationProportional(electorate, sharpness=2.0, floor=0.1)("pppq", "abca")
    bounds = torch.tensor([0.75, 0.25, 0.125])
    assert rewards[:3].tolist() == close_to(bounds.log() + 2 * bounds)
    none = PopulationProportional(VoterPreferences([approves("a")]), floor=0.1)("pp", "ab")
    assert none.exp().tolist() == close_to(torch.tensor([1.0, 0.1]))


# -- max-min ---------------------------------------------------------------------------------------


def test_the_worst_off_group_gains_weight() -> None:
    reward = MaxMin({"x": approves("a"), "y": approves("b")}, step=0.5)
    assert reward(["p"] * 4, list("aaab")).tolist() == [0.5] * 4
    x = math.exp(-0.5 * 0.75) / (math.exp(-0.5 * 0.75) + math.exp(-0.5 * 0.25))
    assert reward.weights == pytest.approx({"x": x, "y": 1 - x})
    assert reward(["p"] * 2, list("ab")).tolist() == pytest.approx([x, 1 - x])


def test_the_weights_follow_the_means_over_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process's mean rewards are 0 and 1."""
    other = torch.tensor([0.0, 1.0])
    monkeypatch.setattr(max_min, "reduce", lambda means, how: (means + other) / 2)
    reward = MaxMin({"x": approves("a"), "y": approves("b")}, step=1.0)
    assert reward(["p"] * 2, list("aa")).tolist() == [0.5, 0.5]
    assert reward.weights == pytest.approx({"x": 0.5, "y": 0.5})


def test_max_min_goes_on_from_its_state_to_the_last_bit() -> None:
    groups = {"x": approves("a"), "y": approves("b")}
    one, other = MaxMin(groups), MaxMin(groups)
    for text in "aabab":
        one(["p"], [text])
    other.load_state_dict(one.state_dict())
    for text in "ab":
        assert torch.equal(one(["p"], [text]), other(["p"], [text]))
    assert one.weights == other.weights
    with pytest.raises(ValueError, match="the saved weights are of x, y, but the groups are x, z"):
        MaxMin({"x": approves("a"), "z": approves("b")}).load_state_dict(one.state_dict())


# -- GDPO ------------------------------------------------------------------------------------------


def numbers(*values: float) -> Callable[..., list[float]]:
    """A reward of the texts a, b, c, ... in this order."""
    return lambda prompts, texts: [values["abcdefgh".index(text)] for text in texts]


def test_gdpo_is_its_definition() -> None:
    """Each reward normalised among a prompt's responses, added up, normalised over the batch."""
    first, second, third = [3.0, -1, 0, 2, 8, 8, 8, 8], [0.1, 0.4, 0.2, 0.2, 1, 2, 3, 5], [1.0] * 8
    weights = [2.0, -0.5, 7.0]
    reward = GDPO([numbers(*first), numbers(*second), numbers(*third)], weights)
    total = [0.0] * 8
    for weight, values in zip(weights, (first, second, third), strict=True):
        for rows in (range(4), range(4, 8)):
            group = [values[n] for n in rows]
            for n in rows:
                deviation = statistics.stdev(group) + 1e-4
                total[n] += weight * (values[n] - statistics.mean(group)) / deviation
    spread = statistics.stdev(total) + 1e-4
    expected = [(value - statistics.mean(total)) / spread for value in total]
    assert reward(["p"] * 4 + ["q"] * 4, list("abcdefgh")).tolist() == pytest.approx(
        expected, abs=1e-6
    )


def test_gdpo_tells_apart_what_grpo_on_the_sum_does_not() -> None:
    """Two binary rewards and two responses: one better by one reward, or better by both."""
    prompts, texts = ["p", "p", "q", "q"], list("abcd")
    parts = [numbers(0, 1, 0, 1), numbers(0, 0, 0, 1)]
    total = torch.tensor([0.0, 1, 0, 2]).view(4, 1)
    by_grpo = ADVANTAGES["grpo"](total, torch.ones(4, 1, dtype=torch.bool), responses_per_prompt=2)
    assert by_grpo[1].item() == pytest.approx(by_grpo[3].item(), abs=1e-3)
    by_gdpo = GDPO(parts, [1.0, 1.0])(prompts, texts)
    assert by_gdpo[3].item() == pytest.approx(2 * by_gdpo[1].item(), abs=1e-3)


def test_leave_one_out_keeps_the_advantages_of_gdpo() -> None:
    scores = GDPO([numbers(3, 1, 2, 8), numbers(0, 1, 5, 5)], [1.0, 1.0])(["p"] * 4, list("abcd"))
    rewards, mask = scores.view(4, 1), torch.ones(4, 1, dtype=torch.bool)
    kept = ADVANTAGES["rloo"](rewards, mask, responses_per_prompt=4).flatten()
    assert kept.tolist() == close_to(scores * 4 / 3)


def test_the_scale_of_a_reward_and_rows_without_a_rival_do_not_count_in_gdpo() -> None:
    batch = ["p", "p", "p", "q", "r", "r"], list("abcdef")
    one, other = numbers(3, 1, 2, 9, 4, 5), numbers(0, 2, 1, -9, 0, 1)
    loud = lambda prompts, texts: [1e4 * value + 7 for value in other(prompts, texts)]  # noqa: E731
    scores = GDPO([one, other], [1.0, 1.0])(*batch)
    assert GDPO([one, loud], [1.0, 1.0])(*batch).tolist() == pytest.approx(
        scores.tolist(), abs=1e-3
    )
    assert scores[3].item() == pytest.approx(0, abs=1e-6)
    assert GDPO([numbers(1, 1)], [1.0])("pp", "ab").tolist() == [0, 0]


def test_gdpo_is_normalised_over_the_batch_of_all_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other process has two rows of the same sums, so that the deviation is over 4 - 1."""
    monkeypatch.setattr(gdpo, "reduce", lambda figures, how: 2 * figures)
    (_, high) = GDPO([numbers(0, 1)], [1.0])("pp", "ab").tolist()
    apart = 0.5 / (0.5**0.5 + 1e-4)
    assert high == pytest.approx(apart / ((4 * apart**2 / 3) ** 0.5 + 1e-4))


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reward",
    [
        Vote(CYCLE),
        SelfPlay(VoterPreferences(CYCLE)),
        WinShare(VoterPreferences(CYCLE)),
        PopulationProportional(VoterPreferences(CYCLE)),
        GDPO(CYCLE, [1, 1, 1]),
    ],
)
def test_comparisons_need_several_responses_to_a_prompt(reward: Any) -> None:
    with pytest.raises(ValueError, match="every prompt is answered once; set responses_per_prompt"):
        reward(["p", "q"], ["a", "b"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Vote(CYCLE, weights=[1, 2]), "there are 2 weights for 3 voters"),
        (lambda: Vote(CYCLE, weights=[1, 2, 0]), "each must be above 0"),
        (lambda: Vote(CYCLE, "bord"), "bord"),
        (lambda: VoterPreferences([]), "no voters"),
        (lambda: Vote([]), "no voters"),
        (lambda: WeightedSum([approves("a")], []), "there are 1 rewards and 0 weights"),
        (lambda: WinShare(VoterPreferences(CYCLE), floor=0.5), "floor is 0.5"),
        (lambda: MaxMin({}), "there are no groups"),
        (lambda: MaxMin({"x": approves("a")}, step=0), "step is 0"),
        (lambda: Vote([*CYCLE, lambda p, r: [math.nan] * len(r)])("pp", "ab"), "voter 3: .*nan"),
        (
            lambda: VoterPreferences([lambda p, r: [1.0]])(groups_of("pp", "ab")),
            r"voter 0: .*\(1,\)",
        ),
        (lambda: Pairwise(lambda *c: [1.5, 0.0])(groups_of("pp", "ab")), "no share"),
    ],
)
def test_rewards_that_cannot_work_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# -- the table of combinations ---------------------------------------------------------------------


@pytest.mark.parametrize("name", COMBINE)
def test_every_combination_makes_a_reward_of_its_class_with_its_options(name: str) -> None:
    combination = combination_named(name)
    types = combination.option_types()
    options: dict[str, Any] = {
        one: 0.2 if kind is float else kind(1) for one, kind in types.items()
    }
    given = dict(options)
    options |= {"rule": "borda"} if name == "vote" else {}
    reward = combination.combine({"x": approves("a"), "y": approves("b")}, None, **options)
    assert type(reward) is combination
    assert reward(["p"] * 2, ["a", "b"]).shape == (2,)
    assert {one: vars(reward).get(one) for one in given} == given


def test_names_of_estimators_and_combinations_are_known_without_torch() -> None:
    code = (
        "import sys, typing, rlchf.jobs.ppo_rewards as jobs, rlchf.train.ppo.config as config\n"
        "print(typing.get_args(config.Advantages), typing.get_args(jobs.Combine))\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{(*ADVANTAGES,)} {(*COMBINE,)}", "False"]
