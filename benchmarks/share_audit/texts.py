"""The second part of the share audit: the same ballots, and a language model as the policy.

The responses are sentences of everyday advice (``scene.py``): a plain one, one with an emoji, and
for three groups a terse one. A language model learns to write them, each kind equally often; that is the
policy before PPO, the reference, and the reward model's backbone. What the exact part computes from the
labels is learned here: a reward model is fitted to the labels of 200 prompts, and PPO uses it under each
regulariser for the answers to 80 others. The figure of a stage is the share of the smallest group's kind:

- ballots, labels: as in the exact part, for one set of ballots;
- reward: softmax of the mean scores of each kind of text, among those sampled before PPO, with the
  bootstrap's interval over prompts;
- before, and the regularisers: of the texts that the policy wrote, with Wilson's interval.

The closed form of a KL penalty is the best that the fitted reward allows: to each prompt the texts sampled
before PPO are weighted by exp(score / beta), and the weights normalised to the sum 1. The closed form of
preference matching and PPA is their choice from one text per kind with the kind's mean score: exp(score)
and the smallest win share.

The columns "targets" are described in ``targets.py``.

Finished parts are kept in the folder, and a run that was stopped continues.
"""

import os
import shutil
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ballots import POPULATIONS, labels_of, ranks_in_ballots, ranks_in_result
from case import MAX_NEW_TOKENS, REGULARISERS, SAMPLING, Case, Plan
from scene import ASKED, JUDGED, kind_of, make_talk, taught_share
from targets import closed_form_kl, language, over_seeds, share_targets

from rlchf.auditing.shares import wilson
from rlchf.io.json import read_json, read_jsonl, write_json
from rlchf.jobs.progress import stage
from rlchf.optima import kl_optimum, preference_matching, uniform
from rlchf.preferences import examples
from rlchf.prompts import Prompt
from rlchf.train.models.load import load_policy, load_tokenizer, quieten_transformers
from rlchf.train.models.tiny import TINY_CHAT_TEMPLATE, fit_supervised, tiny_llama
from rlchf.train.ppo import PPOConfig, ppo
from rlchf.train.ppo.rewards import Group, PopulationProportional, ShareTargets
from rlchf.train.ppo.rewards.groups import scores_of
from rlchf.train.ppo.sampling import sample_texts
from rlchf.train.ppo.shaping import Reward
from rlchf.train.reward import RewardConfig, RewardModel, train_reward


def texts(model: str, plan: Plan, folder: Path, jobs: int, seeds: int) -> list[dict[str, Any]]:
    """Rows of the table; `jobs` processes share the work."""
    root, numbers = str(folder / model), range(seeds)
    cases = [
        Case(model, *population_and_rule, root, n) for population_and_rule in plan for n in numbers
    ]
    context = get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=prepare_process, initargs=(model,)) as pool:

        def done(
            name: str, work: Callable[..., Any], given: Sequence[tuple[Any, ...]]
        ) -> list[Any]:
            with stage(f"{len(given)} {name}") as tick:
                running = [pool.submit(work, *each) for each in given]
                for n, one in enumerate(as_completed(running), start=1):
                    one.result()
                    tick(n, len(given))
            return [one.result() for one in running]

        first = {case.population: case for case in reversed(cases)}
        done("policies before PPO", learn_to_write, [(case,) for case in first.values()])
        done("reward models", fit, [(case,) for case in cases])
        tasks = [(case, name) for case in cases for name in plan[case.population, case.rule]]
        cells = dict(zip(tasks, done("policies after PPO", improve, tasks), strict=True))
    rows = []
    for population, rule in plan:
        shares = [
            stages(case) | {name: cells[case, name] for c, name in tasks if c == case}
            for case in cases
            if (case.population, case.rule) == (population, rule)
        ]
        rows.append({"population": population, "rule": rule, "shares": over_seeds(shares)})
    return rows


def prepare_process(model: str) -> None:
    """Set up a process that does part of the work; SmolLM2 computes in bfloat16, on weights in float32."""
    quieten_transformers()
    warnings.simplefilter("ignore", FutureWarning)  # of the libraries about their future versions
    torch.set_num_threads(1)
    os.environ["ACCELERATE_MIXED_PRECISION"] = precision(model)


def precision(model: str) -> str:
    """The mixed precision of a model."""
    return "no" if model == "tiny" else "bf16"


# -- work, each part in a process of its own -------------------------------------------------------


def learn_to_write(case: Case) -> None:
    """The policy before PPO: it learns the responses, each kind as often as the others."""
    if not (case.scene / "base").exists():
        talks = [make_talk(case.kinds, questions) for questions in (JUDGED, ASKED)]
        pairs = [pair for talk in talks for pair in talk.pairs()]
        if case.model == "tiny":
            policy, tokenizer = tiny_llama([text for pair in pairs for text in pair])
        else:
            policy, tokenizer = load_policy(case.model), load_tokenizer(case.model)
            tokenizer.chat_template = TINY_CHAT_TEMPLATE  # short prompts are cheap prompts
        fit_supervised(policy, tokenizer, pairs, **case.settings["supervised"])
        case.scene.mkdir(parents=True, exist_ok=True)
        temporary = case.scene / "base.partial"
        policy.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        temporary.rename(case.scene / "base")
    write_texts(case, case.scene / "base", case.scene / "before.json", "before")


def fit(case: Case) -> None:
    """The reward model of the labels, or of the ballots' pairs if pooled, and its scores."""
    if (case.folder / "scores.json").exists():
        return
    talk, pooled = make_talk(case.kinds, JUDGED), case.rule == "pooled"
    ballots_of = case.rankings() if pooled else None
    learnt = examples(case.result(), talk.prompts, talk.responses, ballots_of=ballots_of)
    config = RewardConfig(
        batch_size=4,
        held_out=0.0,
        normalise="none",
        learn_from="shares" if pooled else "ranking",
        seed=case.seed,
        **case.settings["reward"],
    )
    case.folder.mkdir(parents=True, exist_ok=True)
    out = case.folder / "reward"
    train_reward(learnt, [], case.scene / "base", config, out, resume=True)
    prompts, responses = zip(*read_texts(case.scene / "before.json"), strict=True)
    scores = load_reward(case)(list(prompts), list(responses))
    write_json(case.folder / "scores.json", torch.as_tensor(scores).tolist())


def improve(case: Case, name: str) -> dict[str, Any]:
    """PPO under a regulariser: the share of its texts, and the closed form."""
    slug = name.replace(" ", "-")
    out, file = case.folder / slug, case.folder / f"{slug}.json"
    if not file.exists():
        when = "targets" if name.startswith("targets") else "after"
        gentle = case.settings["targets"] if when == "targets" else {}
        config = PPOConfig(
            responses_per_prompt=4, advantages="rloo", max_new_tokens=MAX_NEW_TOKENS, ppo_epochs=1,
            lr_schedule="linear", seed=case.seed, **case.settings["ppo"] | REGULARISERS[name] | gentle,
        )  # fmt: skip
        reward = load_reward(case)
        reward = proportional(reward) if name == "PPA" else reward
        if when == "targets":
            reward = targets_of(case, reward, config.kl_coef)
        base = case.scene / "base"
        policy = load_policy(base).to(torch.float32 if case.model == "tiny" else torch.bfloat16)
        ppo(policy, load_tokenizer(base), case.policy_prompts(), reward, config, out, resume=True)
        write_texts(case, out, file, when)
        shutil.rmtree(out / "checkpoint")
        (out / "model.safetensors").unlink()
    written = read_texts(file)
    after = [text for _, text in written]
    rows = read_jsonl(out / "metrics.jsonl")
    last = rows[-1]
    shares = case.shares_of(after)
    share = cell(shares[-1], len(after))
    share["closed_form"] = float(closed_form(case, name)[-1])
    share["kinds"], share["runs"] = [cell(each, len(after)) for each in shares], [shares.tolist()]
    if name.startswith("targets"):
        before = read_texts(case.scene / "before.json")
        share |= language(rows[-10:]) | {
            "taught": taught_share(written, case.kinds),
            "taught_before": taught_share(before, case.kinds),
            "closed_form_kl": closed_form_kl(
                before, read_json(case.folder / "scores.json"), case.kinds, closed_form(case, name),
                REGULARISERS[name]["kl_coef"],
            )
        }  # fmt: skip
    return share | {figure: last[figure] for figure in ("kl", "entropy", "response_length")}


def targets_of(case: Case, reward: Reward, beta: float) -> ShareTargets:
    """Share targets; SmolLM2 finds the multipliers from the texts before PPO, which have been scored."""
    if not case.settings.get("fit_to_before"):
        return share_targets(case.kinds, POPULATIONS[case.population], reward)
    before = read_texts(case.scene / "before.json")
    scores = read_json(case.folder / "scores.json")
    prompts, responses = zip(*before, strict=True)
    known = dict(zip(before, scores, strict=True))

    def known_or_new(prompts: list[Prompt], responses: list[str]) -> Sequence[float] | torch.Tensor:
        pairs = [(str(prompt), text) for prompt, text in zip(prompts, responses, strict=True)]
        if all(pair in known for pair in pairs):
            return [known[pair] for pair in pairs]
        return reward(prompts, responses)

    targets = share_targets(case.kinds, POPULATIONS[case.population], known_or_new)
    targets.fit(prompts, responses, beta)
    return targets


def load_reward(case: Case) -> Reward:
    """The case's reward model, in the precision of everything else."""
    model = RewardModel.load(case.folder / "reward")

    def reward(prompts: list[Prompt], responses: list[str]) -> torch.Tensor:
        with autocast(case):
            return model(prompts, responses)

    return reward


def autocast(case: Case) -> Any:
    """Compute in the case's precision."""
    return torch.autocast("cpu", torch.bfloat16, enabled=precision(case.model) == "bf16")


def write_texts(case: Case, model: Path, file: Path, when: str) -> None:
    """Sample the same number of responses to each prompt that the policy answers."""
    if file.exists():
        return
    prompts, count = case.policy_prompts(), case.settings["texts"][when]
    policy, tokenizer = load_policy(model), load_tokenizer(model)
    with autocast(case):
        texts = sample_texts(
            policy, tokenizer, prompts, n_per_prompt=count, seed=1 + case.seed, **SAMPLING
        )
    repeated = [prompt for prompt in prompts for _ in range(count)]
    write_json(file, list(zip(repeated, texts, strict=True)))


def proportional(reward: Reward) -> PopulationProportional:
    """PPA on the win shares that the reward model gives."""

    def shares(groups: Sequence[Group]) -> list[Any]:
        by_group = scores_of(reward, groups, "the reward model")
        return [(scores[:, None] - scores[None, :]).sigmoid() for scores in by_group]

    return PopulationProportional(shares)


# -- figures ---------------------------------------------------------------------------------------


def stages(case: Case, replicates: int = 1000) -> dict[str, dict[str, Any]]:
    """The shares before PPO."""
    rankings = case.rankings()
    pooled = labels_of(ranks_in_ballots(rankings, case.kinds))
    labels = pooled
    if case.rule != "pooled":
        labels = labels_of(ranks_in_result(case.result(), case.kinds))
    before = [text for _, text in read_texts(case.scene / "before.json")]
    sums, counts = by_prompt(case)
    drawn = np.random.default_rng(0).integers(len(sums), size=(replicates, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile([preference_matching(each)[-1] for each in means], [0.025, 0.975])
    share = preference_matching(kind_means(case))[-1]
    annotators = sum(POPULATIONS[case.population])
    judged = len(rankings.prompt_ids)
    return {
        "ballots": cell(pooled.firsts[-1], judged * annotators),
        "labels": cell(labels.firsts[-1], judged * (annotators if labels is pooled else 1)),
        "reward": {"mean": float(share), "low": float(low), "high": float(high)},
        "before": cell(case.shares_of(before)[-1], len(before)),
    }


def by_prompt(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """(prompts, kinds) sums and numbers of the scores before PPO."""
    rows, scores = read_texts(case.scene / "before.json"), read_json(case.folder / "scores.json")
    prompts = list(dict.fromkeys(prompt for prompt, _ in rows))
    sums, counts = np.zeros((2, len(prompts), len(case.kinds)))
    for (prompt, text), score in zip(rows, scores, strict=True):
        index = prompts.index(prompt), case.kinds.index(kind_of(text, case.kinds))
        sums[index] += score
        counts[index] += 1
    return sums, counts


def kind_means(case: Case) -> np.ndarray:
    """(kinds,) mean score before PPO."""
    sums, counts = by_prompt(case)
    return np.asarray(sums.sum(0) / counts.sum(0))


def closed_form(case: Case, name: str) -> np.ndarray:
    """(kinds,) shares of the optimal policy under a regulariser, given the fitted reward."""
    means = kind_means(case)
    if name.startswith("targets"):
        sizes = np.array(POPULATIONS[case.population])
        return np.asarray(sizes / sizes.sum())
    if name == "PM":
        return preference_matching(means)
    if name == "PPA":  # against another of its kind a text wins half of the votes
        smallest = (1 / (1 + np.exp(means[None, :] - means[:, None]))).min(axis=1)
        return np.asarray(smallest / smallest.sum())
    rows = read_texts(case.scene / "before.json")
    scores = np.array(read_json(case.folder / "scores.json"))
    prompts = np.array([prompt for prompt, _ in rows])
    kinds = np.array([kind_of(text, case.kinds) for _, text in rows])
    is_kind = kinds[:, None] == np.array(case.kinds)
    shares = []
    for prompt in dict.fromkeys(prompts.tolist()):
        members = prompts == prompt
        n = members.sum()
        optimum = kl_optimum(uniform(n), scores[members], REGULARISERS[name]["kl_coef"])
        shares.append(optimum @ is_kind[members])
    return np.asarray(np.mean(shares, axis=0))


def cell(share: float, trials: int) -> dict[str, Any]:
    """A share with Wilson's interval."""
    low, high = wilson(float(share), trials)
    return {"mean": float(share), "low": low, "high": high}


def read_texts(file: Path) -> list[tuple[str, str]]:
    """Prompts and responses."""
    return [(prompt, response) for prompt, response in read_json(file)]
