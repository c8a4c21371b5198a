"""How often a manipulation succeeds, and what it does to the others."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rlchf.auditing.estimates import NONE, Estimate
from rlchf.auditing.shares import wilson

NEARLY = 1e-9
EXAMPLES = 5
LEAST = 10
"""Values of which a mean has an interval."""


@dataclass(frozen=True)
class Example:
    """A manipulation that succeeds.

    Attributes
    ----------
    prompt
        The prompt's id.
    who
        The annotators who manipulate, or the response that is copied.
    honest, cast
        Their ballot (of several, the first one's) and the one that is cast.
    before, after
        The collective ranking without and with the manipulation.
    gain, damage
        By how much the manipulators' agreement with the outcome rises, and that of the others falls.
    """

    prompt: str
    who: Sequence[str]
    honest: str
    cast: str
    before: str
    after: str
    gain: float
    damage: float


@dataclass(frozen=True)
class Manipulation:
    """Manipulation of one kind under one rule.

    Attributes
    ----------
    rule
        The rule.
    kind
        "voter", "any voter", "coalition" or "clones".
    criterion
        By what outcomes are judged: "pairs" or "first".
    prompts
        Number of prompts on which it was tried.
    success
        Share of these on which the manipulators' agreement with the outcome rises.
    gain
        By how much it rises where it does, on average.
    damage
        By how much the agreement of the others falls there, on average; negative if they gain too.
    expected_damage
        The same over all prompts, 0 where the manipulation does not succeed.
    honest
        The agreement of the others without manipulation, over all prompts.
    examples
        Those that do most damage.
    """

    rule: str
    kind: str
    criterion: str
    prompts: int
    success: Estimate
    gain: Estimate
    damage: Estimate
    expected_damage: Estimate
    honest: float
    examples: Sequence[Example]

    def to_dict(self) -> dict[str, Any]:
        """The figures and examples as dictionaries and lists; None where there is no figure."""
        record = asdict(self)
        for name, value in record.items():
            if isinstance(getattr(self, name), Estimate):
                record[name] = {k: None if np.isnan(v) else v for k, v in value.items()}
        return record


@dataclass(frozen=True)
class Tries:
    """What came of a manipulation on each prompt.

    Attributes
    ----------
    gain
        (n,) by how much the manipulators' agreement rises.
    damage
        (n,) by how much that of the others falls; NaN if there are no others.
    honest
        (n,) the agreement of the others without manipulation.
    examples
        Some of those that succeed.
    """

    gain: np.ndarray
    damage: np.ndarray
    honest: np.ndarray
    examples: Sequence[Example]

    @classmethod
    def joined(cls, parts: Sequence["Tries"]) -> "Tries":
        """All tries together."""
        return cls(
            np.concatenate([part.gain for part in parts]),
            np.concatenate([part.damage for part in parts]),
            np.concatenate([part.honest for part in parts]),
            [example for part in parts for example in part.examples],
        )


def summary(tries: Tries, rule: str, kind: str, criterion: str) -> Manipulation:
    """The figures of all tries, with 95 % intervals for other prompts like these."""
    n = len(tries.gain)
    succeeds = tries.gain > NEARLY
    share = float(succeeds.mean()) if n else float("nan")
    examples = sorted(tries.examples, key=lambda one: -one.damage)[:EXAMPLES]
    honest = tries.honest[~np.isnan(tries.honest)]
    return Manipulation(
        rule=rule,
        kind=kind,
        criterion=criterion,
        prompts=n,
        success=Estimate(share, *wilson(share, n)),
        gain=mean(tries.gain[succeeds]),
        damage=mean(tries.damage[succeeds]),
        expected_damage=mean(np.where(succeeds, tries.damage, 0.0)),
        honest=float(honest.mean()) if len(honest) else float("nan"),
        examples=examples,
    )


def mean(values: np.ndarray) -> Estimate:
    """The mean of independent values with Student's 95 % interval, which fewer than 10 do not have.

    Examples
    --------
    >>> round(mean(np.arange(10.0)).low, 4), mean(np.array([0.1, 0.3]))
    (2.3341, Estimate(value=0.2, low=nan, high=nan))
    """
    values = values[~np.isnan(values)]
    n = len(values)
    if not n:
        return NONE
    value = float(values.mean())
    if n < LEAST:
        return Estimate(value, float("nan"), float("nan"))
    from scipy.stats import t as student  # slow to import

    half = float(student.ppf(0.975, n - 1) * values.std(ddof=1) / n**0.5)
    return Estimate(value, value - half, value + half)


def order_text(ranks: np.ndarray, names: Sequence[str]) -> str:
    """A weak order as text; responses of rank 0 are left out.

    Examples
    --------
    >>> order_text(np.array([2, 1, 2, 0]), ["a", "b", "c", "d"])
    'b > a = c'
    """
    levels = [
        [name for name, rank in zip(names, ranks.tolist(), strict=True) if rank == level]
        for level in sorted({rank for rank in ranks.tolist() if rank > 0})
    ]
    return " > ".join(" = ".join(level) for level in levels)
