"""Models conditioned on annotator features: their examples, their calibration, and their juries."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

import rlchf
from rlchf.evaluation import split_annotators
from rlchf.io import Annotators, read_rankings
from rlchf.jobs.jury import run_jury
from rlchf.jobs.settings import JuryJob
from rlchf.jury.calibration import calibrate
from rlchf.jury.conditioning import Conditioning, conditioned_examples, with_annotator
from rlchf.jury.panels import jury
from rlchf.preferences import Example
from rlchf.prompts import Prompt
from rlchf.simulate import Taste, make_annotators, simulate_rankings
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.losses import bradley_terry
from rlchf.train.reward.model import RewardModel
from rlchf.train.reward.targets import targets_of
from rlchf.train.reward.trainer import train_reward
from tests.support.reward_examples import WORDS, tiny_backbone

PEOPLE = Annotators(
    ["ann", "bob", "cat", "dan"],
    None,
    {"age": ["30", "30", "", " 41 "], "region": ["north", "north", "", "south"]},
)
AGE = Conditioning(("age", "region"))


# --- the features before the prompt


def test_features_that_are_not_known_are_left_out() -> None:
    texts = AGE.texts(PEOPLE)
    assert texts["dan"] == "Annotator: age 41; region south.\n\n"
    assert texts["cat"] == ""
    assert Conditioning(("age",), template="[{features}] ").texts(PEOPLE)["ann"] == "[age 30] "


def test_a_conversation_has_the_features_in_its_system_message() -> None:
    user = {"role": "user", "content": "Hi"}
    system = {"role": "system", "content": "Be brief."}
    text = "Age 30.\n\n"
    assert with_annotator([user], text) == [{"role": "system", "content": "Age 30."}, user]
    assert with_annotator([system, user], text) == [
        {**system, "content": "Age 30.\n\nBe brief."},
        user,
    ]
    assert with_annotator([user], "") == [user]


def test_the_conditioning_is_kept_beside_the_model(tmp_path: Path) -> None:
    conditioning = Conditioning(("age",), "{features}: ", "region", {"": 1.5, "north": 0.5})
    conditioning.save(tmp_path)
    assert Conditioning.load(tmp_path) == conditioning
    assert [conditioning.temperature(group) for group in ("north", "south")] == [0.5, 1.5]
    with pytest.raises(ValueError, match=r"has no conditioning\.json"):
        Conditioning.load(tmp_path / "elsewhere")


def test_a_conditioning_without_columns_or_with_a_wrong_template_is_refused() -> None:
    with pytest.raises(ValueError, match="the template is 'Age: '"):
        Conditioning(("age",), "Age: ")
    with pytest.raises(ValueError, match="no column is chosen"):
        Conditioning(())
    with pytest.raises(ValueError, match="no column 'land'; choose from age, region"):
        Conditioning(("land",)).texts(PEOPLE)


# --- the examples


def ragged(seed: int) -> rlchf.Rankings:
    """Weak and partial orders of four responses by twelve annotators with weights."""
    rng, ballots = np.random.default_rng(seed), []
    for p in range(6):
        for a in range(12):
            ranked = rng.permutation(4)[: rng.integers(1, 5)]
            levels: list[list[str]] = []
            for r in ranked:
                if levels and rng.random() < 0.3:
                    levels[-1].append(f"r{r}")
                else:
                    levels.append([f"r{r}"])
            ballots.append((f"p{p}", f"a{a}", levels))
    return rlchf.Rankings.from_ballots(ballots, weights=rng.integers(1, 4, len(ballots)).tolist())


def texts_of(rankings: rlchf.Rankings) -> tuple[dict[str, Prompt], dict[str, dict[str, str]]]:
    return (
        {p: f"Prompt {p}." for p in rankings.prompt_ids},
        {p: {r: f"text {r}" for r in rankings.responses(p)} for p in rankings.prompt_ids},
    )


def loss(
    examples: Sequence[Example], scores: dict[str, torch.Tensor], learn_from: str
) -> torch.Tensor:
    """Bradley-Terry over a data set, by the orders that training makes of it."""
    config = RewardConfig(learn_from=learn_from)  # type: ignore[arg-type]
    parts, weights = [], []
    for one in examples:
        orders = targets_of(one, config)
        R, K = orders.ranks.shape
        targets, weight, pair_weights = (
            torch.from_numpy(a).double()
            for a in (orders.targets, orders.weights, orders.pair_weights)
        )
        parts.append(
            bradley_terry(
                scores[str(one.prompt)].expand(R, K),
                targets,
                weight,
                pair_weights=pair_weights.expand(R, K, K),
            )
            * weight.sum()
        )
        weights.append(weight.sum())
    return sum(parts, torch.zeros(())) / sum(weights, torch.zeros(()))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_annotators_who_share_an_example_have_the_loss_of_their_ballots(seed: int) -> None:
    rankings = ragged(seed)
    people = Annotators(rankings.annotator_ids, None, {"age": [str(30 + a % 3) for a in range(12)]})
    texts, age = texts_of(rankings), Conditioning(("age",))
    shared = conditioned_examples(rankings, *texts, people, age)
    single = conditioned_examples(rankings, *texts, people, age, ballots=True)
    assert len(shared) == len(single)
    assert len(shared) <= 6 * 3 < rankings.n_ballots  # three ages
    rng = np.random.default_rng(seed)
    scores = {
        str(one.prompt): torch.tensor(rng.normal(size=len(one.responses)), requires_grad=True)
        for one in shared
    }
    costs = [loss(shared, scores, "ranking"), loss(single, scores, "ballots")]
    slopes = [torch.cat(torch.autograd.grad(cost, list(scores.values()))) for cost in costs]
    torch.testing.assert_close(*costs, rtol=1e-6, atol=0)
    torch.testing.assert_close(*slopes, rtol=0, atol=1e-7)


def test_an_example_has_the_ballots_of_those_with_its_features() -> None:
    rankings = rlchf.Rankings.from_ballots(
        [
            ("p", "ann", "a > b"),
            ("p", "bob", "b > a"),
            ("p", "cat", "b > a"),
            ("p", "eve", "b > a"),
            ("p", "dan", "a"),
        ],
    )
    both, unknown = conditioned_examples(rankings, *texts_of(rankings), PEOPLE, AGE)
    assert both.prompt == "Annotator: age 30; region north.\n\nPrompt p."
    assert both.pair_targets()[0, 1] == 0.5
    assert (both.ranks, both.weight) == ([1, 1], 2)
    assert (unknown.prompt, unknown.ranks, unknown.weight) == ("Prompt p.", [2, 1], 2)


def test_an_annotators_file_about_other_people_is_refused() -> None:
    rankings = rlchf.Rankings.from_ballots([("p", "zoe", "a > b")])
    with pytest.raises(ValueError, match="names none of the annotators"):
        conditioned_examples(rankings, *texts_of(rankings), PEOPLE, AGE)


# --- a model that learns


class World:
    """Twelve in the north dislike emojis, eight in the south like them; those of age 60 are held out."""

    def __init__(self, folder: Path) -> None:
        crowd = make_annotators(
            {
                "north": (12, Taste(emoji=-2, relevance=0, noise=0.4)),
                "south": (8, Taste(emoji=2, relevance=0, noise=0.4)),
            }
        )
        ages = [str(30 + 10 * (i % 4)) for i in range(20)]
        self.people = Annotators(
            [a.annotator_id for a in crowd],
            None,
            {"region": [a.group for a in crowd], "age": ages},
        )
        rng = np.random.default_rng(0)
        self.prompts: dict[str, Prompt] = {f"p{i}": f"Say {rng.choice(WORDS)}" for i in range(60)}
        texts = {
            p: {"plain": " ".join(rng.choice(WORDS, 2)), "emoji": f"{rng.choice(WORDS)} 😀"}
            for p in self.prompts
        }
        self.new = {p: texts[p] for p in list(texts)[40:]}
        old = {p: texts[p] for p in list(texts)[:40]}
        trained_on = [a for a, age in zip(crowd, ages, strict=True) if age != "60"]
        ballots = [
            (row.prompt_id, row.annotator_id, row.response_id, row.rank)
            for row in simulate_rankings({p: self.prompts[p] for p in old}, old, trained_on)
        ]
        rankings = rlchf.Rankings.from_ballots(
            [
                (p, who, [first, "emoji" if first == "plain" else "plain"])
                for p, who, first, rank in ballots
                if rank == 1
            ]
        )
        self.conditioning = Conditioning(("region", "age"))
        examples = conditioned_examples(rankings, self.prompts, old, self.people, self.conditioning)
        assert len(examples) == 40 * 6  # forty prompts, six kinds of annotators of fifteen
        config = RewardConfig(epochs=8, learning_rate=3e-3, batch_size=16, max_length=64)
        tiny_backbone(folder / "backbone")
        train_reward(examples, [], folder / "backbone", config, folder / "reward")
        self.conditioning.save(folder / "reward")
        self.folder = folder / "reward"
        self.model = RewardModel.load(self.folder)
        with (folder / "prompts.jsonl").open("w") as file:
            for p in self.new:
                file.write(json.dumps({"prompt_id": p, "prompt": self.prompts[p]}) + "\n")
        with (folder / "responses.jsonl").open("w") as file:
            for p, answers in self.new.items():
                for r, text in answers.items():
                    line = {"prompt_id": p, "response_id": r, "text": text}
                    file.write(json.dumps(line) + "\n")
        rows = zip(self.people.ids, *self.people.features.values(), strict=True)
        (folder / "annotators.csv").write_text(
            "annotator_id,region,age\n" + "".join(",".join(row) + "\n" for row in rows)
        )
        self.files = {
            "prompts": str(folder / "prompts.jsonl"),
            "responses": str(folder / "responses.jsonl"),
            "annotators": str(folder / "annotators.csv"),
        }

    def job(self, **settings: Any) -> JuryJob:
        return JuryJob(**{"model": str(self.folder)} | self.files | settings)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    torch.set_num_threads(1)
    return World(tmp_path_factory.mktemp("world"))


def emoji_first(result: rlchf.Aggregation) -> float:
    return float(np.mean([result.ranking(p)[0] == ["emoji"] for p in result.prompt_ids]))


@pytest.mark.slow
def test_the_model_predicts_what_unseen_annotators_prefer(world: World) -> None:
    ages, regions = world.people.group("age"), world.people.group("region")
    for region, share in (("north", 0.0), ("south", 1.0)):
        ids = [a for a in world.people.ids if ages[a] == "60" and regions[a] == region]
        group = Annotators(ids, None, {"region": [region] * len(ids), "age": ["60"] * len(ids)})
        verdict = jury(
            world.model, world.prompts, world.new, group, conditioning=world.conditioning
        )
        assert emoji_first(verdict.result) == pytest.approx(share, abs=0.1)


@pytest.mark.slow
def test_a_jury_follows_the_majority_or_gives_everybody_their_share(world: World) -> None:
    def decided(rule: str) -> float:
        verdict = jury(
            world.model,
            world.prompts,
            world.new,
            world.people,
            conditioning=world.conditioning,
            rule=rule,
            size=10,
            groups=["region"],
        )
        return emoji_first(verdict.result)

    assert decided("kemeny") <= 0.1
    assert 0.3 <= decided("perpetual_pav") <= 0.5  # two of five like emojis


@pytest.mark.slow
def test_the_checkpoint_loads_as_a_plain_classifier(world: World) -> None:
    from transformers import AutoModelForSequenceClassification

    assert AutoModelForSequenceClassification.from_pretrained(world.folder).num_labels == 1


@pytest.mark.slow
def test_calibration_of_a_model_changes_no_order(world: World) -> None:
    rows = simulate_rankings(
        {p: world.prompts[p] for p in world.new},
        world.new,
        make_annotators(
            {
                "north": (12, Taste(emoji=-2, relevance=0, noise=2)),
                "south": (8, Taste(emoji=2, relevance=0, noise=2)),
            }
        ),
    )
    firsts = [(r.prompt_id, r.annotator_id, r.response_id) for r in rows if r.rank == 1]
    rankings = rlchf.Rankings.from_ballots(
        [(p, who, [r, "emoji" if r == "plain" else "plain"]) for p, who, r in firsts]
    )
    _, unseen = split_annotators(rankings, 0.5, seed=0)
    fitted, fits = calibrate(
        world.model,
        world.conditioning,
        unseen,
        world.prompts,
        world.new,
        world.people,
        group="region",
    )
    for one in fits:
        assert one.after is not None
        assert one.temperature > 1.3  # these people waver more than those it learned from
        assert one.after.error < one.before.error
    texts = (world.model, world.prompts, world.new, world.people)
    orders = [
        jury(*texts, conditioning=e).rankings.entry_ranks for e in (world.conditioning, fitted)
    ]
    assert orders[0].tolist() == orders[1].tolist()


@pytest.mark.slow
def test_a_jury_from_files_writes_what_it_decided(world: World, tmp_path: Path) -> None:
    out, ballots = tmp_path / "jury.jsonl", tmp_path / "ballots.csv"
    verdict = run_jury(world.job(out=str(out), ballots=str(ballots), rule="kemeny", size=5))
    result = rlchf.read_aggregation(out)
    assert result.rule == "kemeny"
    assert [result.ranking(p) for p in world.new] == [verdict.result.ranking(p) for p in world.new]
    again = read_rankings(ballots)
    for name in ("ballot_weights", "entry_ranks", "entry_scores"):
        np.testing.assert_array_equal(getattr(again, name), getattr(verdict.rankings, name))
    assert set(again.annotator_ids) == set(verdict.members)


@pytest.mark.slow
def test_a_jury_that_cannot_be_held_writes_nothing(world: World, tmp_path: Path) -> None:
    out = tmp_path / "jury.jsonl"
    more: dict[str, Any]
    for more, message in (
        ({"rule": "bordaa"}, "unknown rule"),
        ({"group": ("land",)}, "no column 'land'"),
        ({"ballots": str(out)}, "both go to"),
        ({"ballots": world.files["annotators"]}, "is an input"),
        ({"ballots": str(tmp_path / "no" / "b.csv")}, "there is no folder"),
    ):
        with pytest.raises(ValueError, match=message):
            run_jury(world.job(out=str(out), **more))
    with pytest.raises(ValueError, match=r"has no conditioning\.json"):
        run_jury(world.job(model=str(world.folder.parent / "backbone"), out=str(out)))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_text_so_long_that_the_features_are_lost_is_warned_about(
    world: World, tmp_path: Path
) -> None:
    line = {"prompt_id": "p41", "response_id": "long", "text": "lazy " * 80}
    longer = tmp_path / "responses.jsonl"
    longer.write_text(Path(world.files["responses"]).read_text() + json.dumps(line) + "\n")
    out = str(tmp_path / "jury.jsonl")
    with pytest.warns(UserWarning, match="1 responses with their prompts are longer than 64"):
        run_jury(world.job(responses=str(longer), out=out))
