"""Our rewards in the form of TRL, without TRL: what a trainer passes, and our own path's numbers."""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from rlchf.integrations.trl import TrlReward, reward
from rlchf.jobs.ppo_rewards import Rewards
from rlchf.train.ppo import PPO, PPOConfig, Setup
from rlchf.train.ppo.rewards import Vote
from rlchf.train.reward.model import RewardModel
from tests.support.ppo_jobs import job_folder
from tests.support.ppo_runs import PROMPTS, SMALL
from tests.support.processes import on_two_processes
from tests.support.tiny_models import tiny_llama, tiny_tokenizer

COMBINED: list[dict[str, Any]] = [
    {"combine": "vote", "rule": "kemeny", "weights": (2, 1, 1)},
    {"combine": "vote", "rule": "borda"},
    {"combine": "vote", "rule": "perpetual_pav"},
    {"combine": "win_share", "floor": 0.05},
    {"combine": "self_play"},
    {"combine": "population_proportional"},
    {"combine": "sum", "weights": (1, 0.1, -2)},
    {"combine": "max_min", "step": 0.5},
    {"combine": "gdpo"},
]
NAMES = ("tastes:vowels", "tastes:brief", "reward")


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the small models, prompts and functions are, and the tests too."""
    yield from job_folder(tmp_path_factory.mktemp("trl"))


def vowels(prompts: list[Any], responses: list[str]) -> list[float]:
    return [float(sum(c in "aeiou" for c in text)) for text in responses]


def brief(prompts: list[Any], responses: list[str]) -> list[float]:
    return [-float(len(text)) for text in responses]


def chat(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def answer(text: str) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": text}]


# -- the numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", COMBINED, ids=lambda one: "-".join(map(str, one.values())))
def test_the_scores_are_those_that_ppo_gives_the_same_texts(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    of_the_job = {"combine", "rule", "weights"}
    options = {name: value for name, value in settings.items() if name not in of_the_job}
    job = {name: value for name, value in settings.items() if name in of_the_job}
    rewards = Rewards(NAMES, options=options, **job)
    rewards.check(responses_per_prompt=4)
    ours = rewards.combined(rewards.load())
    batches: list[tuple[list[Any], list[str], list[float]]] = []

    def spy(prompts: list[Any], texts: list[str]) -> torch.Tensor:
        scores = torch.as_tensor(ours(prompts, texts))
        batches.append((list(prompts), list(texts), scores.tolist()))
        return scores

    config = PPOConfig(**SMALL | {"responses_per_prompt": 4, "updates": 2})
    ours.responses_per_prompt = 4  # type: ignore[attr-defined]  # as PPO does for a reward that it sees
    setup = Setup(tiny_llama(), tiny_tokenizer(), PROMPTS, spy, config, tmp_path)
    PPO(setup).train()
    theirs = reward(*NAMES, num_generations=4, **settings)
    assert len(batches) == 2
    for prompts, texts, scores in batches:
        given: dict[str, Any] = {
            "prompts": prompts,
            "completions": texts,
            "completion_ids": [[0]] * len(texts),
        }
        assert theirs(**given, trainer_state=None, some_column=texts) == scores


def test_the_form_of_the_messages_does_not_change_the_scores() -> None:
    texts = ["aa", "b", "eie", "the fox"]
    plain = reward(vowels, brief, combine="vote", rule="borda")
    scores = plain(prompts=["p"] * 4, completions=texts)
    parts = [[{"role": "user", "content": [{"type": "text", "text": "p"}]}]] * 4
    for prompts in ([chat("p")] * 4, parts, [[chat("p")[0] | {"name": None}]] * 4):
        assert plain(prompts=prompts, completions=[answer(text) for text in texts]) == scores


def test_completions_of_a_prompt_are_compared_wherever_they_stand() -> None:
    prompts, texts = ["p", "p", "p", "q", "q", "q"], ["aa", "b", "eie", "x", "ae", "the fox"]
    vote = reward(vowels, brief, combine="vote", rule="borda", weights=[2, 1])
    scores = vote(prompts=prompts, completions=texts)
    assert scores == Vote([vowels, brief], "borda", [2, 1])(prompts, texts).tolist()
    order = [3, 0, 4, 1, 5, 2]
    mixed = vote(
        prompts=[chat(prompts[n]) for n in order], completions=[answer(texts[n]) for n in order]
    )
    assert mixed == [scores[n] for n in order]


def test_a_prompt_that_comes_twice_is_two_groups_if_their_size_is_known() -> None:
    texts = ["a", "bb", "eee", "ffff"]
    apart = reward(brief, combine="gdpo", num_generations=2)
    together = reward(brief, combine="gdpo")
    a, b, c, d = apart(prompts=["p"] * 4, completions=texts)
    assert (a, b) == pytest.approx((c, d))
    assert len(set(together(prompts=["p"] * 4, completions=texts))) == 4


def test_one_reward_is_taken_as_it_is() -> None:
    model = reward("reward")
    expected = RewardModel.load("reward", "cpu")(["p", "q"], ["a fox", "the"]).tolist()
    assert model(prompts=["p", "q"], completions=["a fox", "the"]) == expected
    assert (model.__name__, model.metrics) == ("reward", {})
    vote = reward(Vote([vowels, brief], "borda"), name="mine")
    scores = vote(prompts=["p", "q", "p", "q"], completions=["a", "b", "bbb", "aaa"])
    assert scores == [0.5, 0, -0.5, 0]
    assert vote.__name__ == "mine"


# -- what is logged --------------------------------------------------------------------------------


def test_each_voters_mean_and_agreement_go_to_the_log() -> None:
    logged: dict[str, float] = {}
    columns: dict[str, list[Any]] = {}
    vote = reward(vowels, brief, combine="vote", rule="plurality", weights=[2, 1])
    assert vote.__name__ == "plurality_vote"
    # vowels: eie > aa > b = the; brief: b > aa > eie = the; plurality: eie 2, b 1, others 0
    vote(
        prompts=["p", "q", "p", "p", "p", "q"],
        completions=["aa", "same", "b", "eie", "xyz", "same"],
        log_metric=logged.__setitem__,
        log_extra=columns.__setitem__,
    )
    assert vote.metrics == logged
    assert logged == pytest.approx(
        {
            "rewards/plurality_vote/vowels/mean": (2 + 2 + 0 + 3 + 0 + 2) / 6,
            # its strict pairs: eie>aa, eie>b, eie>xyz agreed, aa>b against, aa>xyz tied
            "rewards/plurality_vote/vowels/agreement": 3.5 / 5,
            "rewards/plurality_vote/brief/mean": -(2 + 4 + 1 + 3 + 3 + 4) / 6,
            # b>aa and b>xyz agreed, b>eie and aa>eie against, aa>xyz tied
            "rewards/plurality_vote/brief/agreement": 2.5 / 5,
        }
    )
    assert columns == {"vowels": [2, 2, 0, 3, 0, 2], "brief": [-2, -4, -1, -3, -3, -4]}


def test_the_figures_stay_on_the_object_where_a_trainer_logs_none() -> None:
    total = reward(vowels, brief, combine="sum", weights=[1, 0])
    total(prompts=["p", "p"], completions=["ae", "b"])
    assert total.metrics["rewards/sum/vowels/agreement"] == 1
    assert total.metrics["rewards/sum/brief/agreement"] == 0
    total(prompts=["p"], completions=["b"])  # nothing to compare
    assert list(total.metrics) == ["rewards/sum/vowels/mean", "rewards/sum/brief/mean"]


def test_texts_that_a_reward_model_cut_are_told_once() -> None:
    model = reward("reward")
    with pytest.warns(UserWarning, match="scored without their beginning"):
        model(prompts=["p"], completions=["a fox " * 200])
    model(prompts=["p"], completions=["a fox " * 200])  # a warning would be an error


# -- pickles ---------------------------------------------------------------------------------------


def test_a_reward_survives_a_pickle_with_its_state() -> None:
    first = reward("reward", "tastes:brief", combine="max_min", step=0.5)
    first(prompts=["p", "p"], completions=["a", "the fox"])
    copy: TrlReward = pickle.loads(pickle.dumps(first))
    assert (copy.__name__, copy.metrics) == (first.__name__, first.metrics)
    assert len(pickle.dumps(first)) < 5000  # the model is loaded again
    batch: dict[str, Any] = {"prompts": ["p", "p"], "completions": ["b", "the"]}
    assert copy(**batch) == first(**batch)


# -- several processes -----------------------------------------------------------------------------

BATCH = ["p", "p", "q", "p", "q", "q", "p", "q"], ["aa", "b", "eie", "xyz", "b", "ae", "eie", "x"]


@pytest.mark.slow
def test_completions_spread_over_two_processes_are_compared_together(tmp_path: Path) -> None:
    on_two_processes(score_half, tmp_path)
    prompts, texts = BATCH
    for settings in COMBINED:
        name = "-".join(map(str, settings.values()))
        parts = [json.loads((tmp_path / f"{name}-{n}.json").read_text()) for n in (0, 1)]
        whole = reward(vowels, brief, vowels, **settings)
        expected = whole(prompts=prompts, completions=texts)
        assert parts[0]["scores"] + parts[1]["scores"] == pytest.approx(expected, abs=1e-6), name
        asked = parts[0]["asked"] + parts[1]["asked"]
        assert asked == 8 if settings["combine"] in ("sum", "max_min") else asked <= 8, name


def score_half(folder: Path) -> None:
    """Each process has half of the batch, and scores no text that the other scores."""
    from accelerate import PartialState

    state = PartialState(cpu=True)
    rows = slice(4 * state.process_index, 4 * state.process_index + 4)
    for settings in COMBINED:
        asked = 0

        def counted(prompts: list[Any], responses: list[str]) -> list[float]:
            nonlocal asked
            asked += len(responses)
            return brief(prompts, responses)

        made = reward(vowels, counted, vowels, **settings)
        scores = made(prompts=BATCH[0][rows], completions=BATCH[1][rows])
        name = "-".join(map(str, settings.values()))
        file = folder / f"{name}-{state.process_index}.json"
        file.write_text(json.dumps({"scores": scores, "asked": asked}))
    torch.distributed.destroy_process_group()


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "settings", "message"),
    [
        ((), {}, "there are no rewards"),
        ((vowels, brief), {}, "there are 2 rewards; choose by combine= how they become one: sum"),
        (("nowhere",), {}, "reward 'nowhere' is no folder"),
        (("tastes:no",), {}, "names no function"),
        (("conditioned",), {}, "is conditioned on annotator features"),
        (("reward", "reward/"), {"combine": "sum"}, "'reward' is given twice"),
        ((3,), {}, "reward 3 is a int; give a reward model's folder"),
        ((vowels,), {"rule": "borda"}, "rule is for rewards that are combined"),
        ((vowels, brief), {"combine": "vot"}, "combine is 'vot'; choose from .*did you mean vote"),
        ((vowels, brief), {"combine": "vote"}, "combine='vote' needs rule=, the voting rule"),
        ((vowels, brief), {"combine": "vote", "rule": "bordda"}, "did you mean borda"),
        ((vowels, brief), {"combine": "vote", "rule": "borda", "k": 1}, "no option 'k'"),
        ((vowels, brief), {"combine": "max_min", "stepp": 1}, "'stepp'; did you mean step"),
        ((vowels, brief), {"combine": "max_min", "weights": [1, 2]}, "takes no weights"),
        (
            (vowels, brief),
            {"combine": "vote", "rule": "borda", "weights": [1]},
            "1 weights for 2 voters",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_training(
    made: tuple[Any, ...], settings: dict[str, Any], message: str
) -> None:
    Path("conditioned").mkdir(exist_ok=True)
    Path("conditioned", "conditioning.json").write_text("{}")
    with pytest.raises(ValueError, match=message):
        reward(*made, **settings)


@pytest.mark.parametrize(
    ("prompts", "completions", "message"),
    [
        (["p", "q"], ["a", "b"], "every prompt has one; set num_generations"),
        (
            [chat("p")] * 2,
            [answer("a"), answer("b") * 3],
            r"completion 1 has 3 messages \(assistant, assistant, assistant\); a reward reads one text",
        ),
        ([chat("p")] * 2, [answer("a"), []], r"completion 1 has 0 messages \(none\)"),
        (
            [chat("p")] * 2,
            [[{"role": "assistant", "content": None}], answer("a")],
            "completion 0 has a message of the assistant without text",
        ),
        (
            [[{"role": "user", "content": [{"type": "image"}]}]] * 2,
            [answer("a"), answer("b")],
            "a prompt has a message of the user without text; rewards read text only",
        ),
    ],
)
def test_completions_that_no_reward_can_read_are_refused(
    prompts: list[Any], completions: list[Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        reward(vowels, brief, combine="vote", rule="borda")(
            prompts=prompts, completions=completions
        )
