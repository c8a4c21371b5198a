"""The share audit's second part: the same shares on a policy that writes texts.

`texts` takes the emoji examples (six of ten annotators dislike emojis, four enjoy them) through the
stages of a run: labels by each rule, a reward model per rule, and from that reward model PPO under each
regulariser. What is said of a stage is the emoji share:

- labels: of pairs of an emoji text and a plain one, those with the emoji text above;
- reward: exp(g) / (1 + exp(g)), where g is by how much the texts with an emoji out of those sampled
  before PPO score above the others;
- before, and the regularisers: of the texts that the policy wrote.

The closed form takes the gap g to be the same for all texts. KL leashes then lead from odds o before to
o * exp(g / beta); preference matching and PPA to exp(g), whatever the odds before.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from emoji_shares import ROOT, run_once, scored, tilted

from rlchf.runfile import Run, read
from rlchf.train.rewards import Group, PopulationProportional
from rlchf.train.rewards.groups import scores_of
from rlchf.train.scores import Reward

POPULATION = "60/40"
EXAMPLES = {"tiny": "emoji", "smollm2": "emoji-smollm2"}
UNIFORM = {"reference": "uniform", "kl_coef": 1.0}
REGULARISERS: dict[str, dict[str, Any]] = {
    "KL 1": {"kl_coef": 1.0},
    "KL 0.5": {"kl_coef": 0.5},
    "KL 0.2": {"kl_coef": 0.2},
    "PM": UNIFORM,
    "PPA": UNIFORM | {"responses_per_prompt": 4},
}
SIZES: dict[str, dict[str, Any]] = {  # what differs from the examples' run files
    "tiny": {"updates": 30},
    "smollm2": {"updates": 6, "batch_size": 16, "max_new_tokens": 24, "lr": 1e-3},
}
TEXTS = {"tiny": 320, "smollm2": 120}
ALL, KL = list(REGULARISERS), ["KL 1", "KL 0.5", "KL 0.2"]
FULL: dict[str, dict[str, list[str]]] = {  # which rules, and which regularisers under each
    "tiny": {
        "kemeny": ALL,
        "borda": ALL,
        "pooled": ALL,
        "perpetual_pav": ALL,
        "cpb": KL,
        "nash_welfare": KL,
    },
    "smollm2": {rule: ["KL 1", "KL 0.2", "PPA"] for rule in ("kemeny", "pooled", "perpetual_pav")},
}
QUICK = {rule: ["KL 0.2"] for rule in ("kemeny", "perpetual_pav")}


def texts(model: str, quick: bool, folder: Path) -> list[dict[str, Any]]:
    """Rows of the table: a rule's shares, one after the other as they are found."""
    plan, rows = QUICK if quick else FULL[model], []
    for rule, names in plan.items():
        found: dict[str, Any] = {}
        for name in names:
            run = run_of(model, rule, REGULARISERS[name])
            fitted = folder / f"{model}-{rule}"
            own = fitted.with_name(f"{fitted.name}-{name.replace(' ', '-')}")
            share_start(folder / f"{model}-{next(iter(plan))}", fitted)
            result = run_once(run, fitted, own, proportional if name == "PPA" else None)
            shares = result["shares"]
            labels = f"aggregated ({run.rule['name']})" if rule != "pooled" else "ballots"
            found["ballots"] = cell(shares["ballots/mixed pairs"])
            found["labels"] = cell(shares[f"{labels}/mixed pairs"])
            if "reward" not in found:
                gaps = gaps_of(fitted)
            found["reward"] = spread(float(gaps[0]), gaps[1:])
            found["before"] = cell(shares["policy before PPO/texts"])
            lines = (own / "policy/metrics.jsonl").read_text(encoding="utf-8").splitlines()
            ended = json.loads(lines[-1])
            found[name] = cell(shares["policy after PPO/texts"]) | {
                "law": law(found["before"]["mean"], float(gaps[0]), REGULARISERS[name]),
                "kl": ended["kl"],
                "entropy": ended["entropy"],
                "seconds": result["seconds"],
            }
            print(rule, name, found[name], flush=True)
        rows.append({"population": POPULATION, "rule": rule, "shares": found})
    return rows


def share_start(first: Path, fitted: Path) -> None:
    """The policy before PPO and its texts know nothing of the rule, so they are made once."""
    fitted.mkdir(parents=True, exist_ok=True)
    for name in ("base", "samples-before.jsonl"):
        if (first / name).exists() and not (fitted / name).exists():
            (fitted / name).symlink_to((first / name).resolve())


def run_of(model: str, rule: str, changes: dict[str, Any]) -> Run:
    """The example's run under a rule and a regulariser."""
    run = read(ROOT / "examples" / f"{EXAMPLES[model]}.toml")
    assert run.ppo is not None
    reward = replace(run.reward, share_prompt=model != "tiny")
    if rule == "pooled":  # nothing is aggregated: the reward model learns from the ballots' pairs
        rule, reward = "kemeny", replace(reward, learn_from="shares")
    return replace(
        run,
        rule={"name": rule},
        reward=reward,
        ppo=replace(run.ppo, **SIZES[model] | changes),
        trait=replace(run.trait, texts=TEXTS[model]),
    )


def proportional(reward: Reward) -> PopulationProportional:
    """PPA on the win shares that the reward model gives."""

    def shares(groups: Sequence[Group]) -> list[Any]:
        scores = scores_of(reward, groups, "the reward model")
        return [(own[:, None] - own[None, :]).sigmoid() for own in scores]

    return PopulationProportional(shares)


# -- figures ---------------------------------------------------------------------------------------


def cell(share: dict[str, Any]) -> dict[str, float]:
    """A share with Wilson's interval."""
    return {"mean": share["share"], "low": share["low"], "high": share["high"]}


def gaps_of(fitted: Path, draws: int = 1000) -> np.ndarray:
    """(1 + draws,) the reward's gap between texts with and without an emoji; then its bootstrap."""
    scores, has = scored(fitted)
    rng = np.random.default_rng(0)
    found = [scores[has].mean() - scores[~has].mean()]
    for _ in range(draws):
        emoji, plain = (rng.choice(scores[kind], kind.sum()).mean() for kind in (has, ~has))
        found.append(emoji - plain)
    return np.array(found)


def spread(gap: float, draws: np.ndarray) -> dict[str, float]:
    """The share that the gap gives from even odds, with 95 % of the bootstrap's."""
    low, high = np.quantile(draws, [0.025, 0.975])
    names = ("mean", "low", "high", "gap")
    return dict(zip(names, (*(tilted(0.5, float(x)) for x in (gap, low, high)), gap), strict=True))


def law(before: float, gap: float, changes: dict[str, Any]) -> float:
    """Where the regulariser ends if the gap is the same for all texts."""
    start = 0.5 if changes.get("reference") == "uniform" else before
    return tilted(start, gap / changes["kl_coef"])
