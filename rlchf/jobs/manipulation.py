"""Manipulation and influence under several rules, for the commands that show them."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rlchf.auditing.groups import Groups
from rlchf.axioms.manipulation import Manipulation, for_single_prompts, manipulations
from rlchf.comparison.influence import Influences, influence
from rlchf.display import counted, listing
from rlchf.jobs.manipulation_settings import ManipulationSettings
from rlchf.jobs.progress import stage
from rlchf.rankings import Rankings


@dataclass(frozen=True)
class Manipulated:
    """Manipulation under several rules on one dataset.

    Attributes
    ----------
    name
        The file or the culture.
    found
        One for each rule and kind of manipulation.
    """

    name: str
    found: Sequence[Manipulation]

    def record(self) -> dict[str, Any]:
        """The figures as plain values."""
        return {"name": self.name, "manipulation": [one.to_dict() for one in self.found]}


def manipulated(
    datasets: Sequence[tuple[str, Rankings]],
    rules: Sequence[str],
    settings: ManipulationSettings,
    seed: int,
) -> list[Manipulated]:
    """Search for manipulation under the rules for single prompts; the others are left out with a warning.

    Parameters
    ----------
    datasets
        Names of datasets, and their ballots.
    """
    single = for_single_prompts(rules)
    if not single:
        warnings.warn(
            "manipulation is searched for on single prompts, so it is not measured for "
            f"{listing(rules)}, which {'looks' if len(rules) == 1 else 'look'} across prompts",
            stacklevel=2,
        )
        return []
    if across := [rule for rule in rules if rule not in single]:
        warnings.warn(
            "manipulation is searched for on single prompts; left out: "
            f"{counted(len(across), 'rule')} across prompts, {listing(across)}",
            stacklevel=2,
        )
    found = []
    for name, rankings in datasets:
        with stage(f"manipulation on {name}", quiet=True) as tick:
            results = manipulations(
                rankings,
                single,
                kinds=["voter", "any voter", "coalition", "clones"],
                criterion=settings.criterion,
                prompts=settings.tried,
                share=settings.coalition,
                copies=settings.copies,
                noise=settings.noise,
                seed=seed,
                progress=tick,
            )
        found.append(Manipulated(name, results))
    return found


def influences(
    rankings: Rankings, rules: Sequence[str], groups: Groups | None, seed: int
) -> list[Influences]:
    """What changes under each rule without each annotator, and without each group."""
    found = []
    for rule in rules:
        with stage(f"influence under {rule}", quiet=True) as tick:
            found.append(influence(rankings, rule, groups=groups, seed=seed, progress=tick))
    return found
