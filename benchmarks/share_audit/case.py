"""The cases of the share audit with a language model: settings, which cells to fill, and what a case is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ballots import KINDS, POPULATIONS, RULES, ballots
from scene import ASKED, JUDGED, kind_of, make_talk

import rlchf
from rlchf import Aggregation

UNIFORM = {"reference": "uniform", "kl_coef": 1.0}
REGULARISERS: dict[str, dict[str, Any]] = {
    "KL 1": {"kl_coef": 1.0},
    "KL 0.5": {"kl_coef": 0.5},
    "KL 0.2": {"kl_coef": 0.2},
    "PM": UNIFORM,
    "PPA": UNIFORM,
    "targets 1": {"kl_coef": 1.0},
    "targets 0.5": {"kl_coef": 0.5},
    "targets 0.2": {"kl_coef": 0.2},
}
NOISE = 0.1
MAX_NEW_TOKENS = 24
SAMPLING: dict[str, Any] = {"max_new_tokens": MAX_NEW_TOKENS, "batch_size": 80}
SETTINGS: dict[str, dict[str, Any]] = {
    "tiny": {
        "supervised": {"epochs": 6, "learning_rate": 3e-3},
        "reward": {"epochs": 2, "learning_rate": 5e-4},
        "ppo": {"updates": 60, "batch_size": 64, "minibatch_size": 32, "forward_size": 32,
                "learning_rate": 1e-3},
        "targets": {"learning_rate": 1e-4},
        "texts": {"before": 16, "after": 4, "targets": 32},  # per prompt
    },
    "smollm2": {
        "supervised": {"epochs": 1, "learning_rate": 5e-5},
        "reward": {"epochs": 1, "learning_rate": 5e-4, "lora_rank": 8, "share_prompt": True, "bf16": True},
        "ppo": {"updates": 12, "batch_size": 24, "minibatch_size": 8, "forward_size": 24,
                "learning_rate": 5e-4, "lora_rank": 8},
        "targets": {"updates": 16, "batch_size": 48, "minibatch_size": 16, "learning_rate": 2.5e-4},
        "texts": {"before": 8, "after": 2, "targets": 8},
        "fit_to_before": True,
    },
}  # fmt: skip
Plan = dict[tuple[str, str], list[str]]
QUICK: Plan = {("60/40", rule): ["KL 1", "KL 0.2"] for rule in ("kemeny", "perpetual_pav")}
TARGETED = ("kemeny", "perpetual_pav")
"""The rules whose labels share targets are tried with."""
FULL: Plan = {
    (p, rule): [n for n in REGULARISERS if rule in TARGETED or not n.startswith("targets")]
    for p in POPULATIONS
    for rule in RULES
}
SHARES: Plan = {
    (p, rule): [n for n in REGULARISERS if n not in ("PM", "PPA")]
    for p in POPULATIONS
    for rule in TARGETED
}
PLANS = {"full": FULL, "quick": QUICK, "shares": SHARES}
"""The cells to fill: all, a few under KL penalties, or KL penalties beside share targets."""


def plan_of(cells: Sequence[str], name: str) -> Plan:
    """The plan of cells such as ``60/40:kemeny:targets 0.5``, or that of a name if there are none."""
    plan: Plan = {}
    for cell_name in cells:
        population, rule, name = cell_name.split(":")
        if name not in FULL.get((population, rule), []):
            raise SystemExit(f"there is no cell {cell_name!r}; write POPULATION:RULE:COLUMN")
        plan.setdefault((population, rule), []).append(name)
    return plan or PLANS[name]


@dataclass(frozen=True)
class Case:
    """A population under a rule, and what follows from that without training.

    The seed is that of the ballots, the reward model, PPO and the texts; the policy before PPO is the same.
    """

    model: str
    population: str
    rule: str
    root: str
    seed: int = 0

    @property
    def kinds(self) -> list[str]:
        """The groups' kinds, the largest group's first."""
        return KINDS[: len(POPULATIONS[self.population])]

    @property
    def scene(self) -> Path:
        """Folder of what all rules of the population share."""
        return Path(self.root) / self.population.replace("/", "-")

    @property
    def folder(self) -> Path:
        """Folder of the rule and the seed."""
        return self.scene / (f"{self.rule}-seed-{self.seed}" if self.seed else self.rule)

    @property
    def settings(self) -> dict[str, Any]:
        """Sizes of the trainings."""
        return SETTINGS[self.model]

    def policy_prompts(self) -> list[str]:
        """The prompts that the policy answers."""
        return list(make_talk(self.kinds, ASKED).prompts.values())

    def rankings(self) -> rlchf.Rankings:
        """The ballots on the judged prompts."""
        sizes = POPULATIONS[self.population]
        return ballots(sizes, len(make_talk(self.kinds, JUDGED).prompts), NOISE, self.seed)

    def result(self) -> Aggregation:
        """The collective rankings; Kemeny's where nothing is aggregated."""
        options = RULES[self.rule]
        rule = "kemeny" if options is None else self.rule
        return rlchf.aggregate(self.rankings(), rule, seed=self.seed, **options or {})

    def shares_of(self, texts: Sequence[str]) -> np.ndarray:
        """(kinds,) share of the texts of each kind."""
        kinds = [kind_of(text, self.kinds) for text in texts]
        return np.array([kinds.count(kind) / len(kinds) for kind in self.kinds])
