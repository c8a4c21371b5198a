"""Of which kind a text is: by label functions, or by the group that gains most from it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

OTHER = "other"
"""The kind of the texts that have none of the labels."""


class Kinds(ABC):
    """The kinds of texts, and how far a text is of each."""

    names: list[str]

    @abstractmethod
    def __call__(self, responses: Sequence[str], scores: Tensor) -> Tensor:
        """(B, K) how far each text is of each kind, given the rewards' scores (R, B) of the texts.

        A row adds up to 1, or to 0 if the text is of none of the kinds.
        """

    def fit(self, scores: Tensor) -> None:  # noqa: B027  # only kinds by groups have something to fit
        """Learn what the scores (R, N) of the reference's texts are."""

    def state(self) -> dict[str, Any]:
        """What `fit` has learnt, as plain values."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Go on with the `state` of an earlier run."""


class LabelKinds(Kinds):
    """Kinds by label functions: the first label that a text has is its kind, and `OTHER` if it has none.

    Parameters
    ----------
    labels
        A function ``text -> bool`` for each kind's name.
    has_other
        Whether `OTHER` is a kind.

    Examples
    --------
    >>> kinds = LabelKinds({"brief": lambda text: len(text) < 4}, has_other=True)
    >>> kinds(["tea", "a long answer"], torch.zeros(1, 2))
    tensor([[1., 0.],
            [0., 1.]], dtype=torch.float64)
    """

    def __init__(self, labels: Mapping[str, Callable[[str], object]], has_other: bool) -> None:
        self.labels, self.has_other = dict(labels), has_other
        self.names = [*labels, *([OTHER] if has_other else [])]

    def __call__(self, responses: Sequence[str], scores: Tensor) -> Tensor:
        """(B, K) 1 at each text's kind."""
        members = torch.zeros(len(responses), len(self.names), dtype=torch.float64)
        for row, text in enumerate(responses):
            first = next((k for k, test in enumerate(self.labels.values()) if test(text)), None)
            if first is not None or self.has_other:
                members[row, -1 if first is None else first] = 1.0
        return members


class GroupKinds(Kinds):
    """Kinds by the groups' own rewards: a text is of the group that gains most from it.

    A group's gain is its reward minus its mean over the reference's texts, in standard deviations of its
    reward there, so that rewards on any scale can be compared.

    Parameters
    ----------
    names
        The groups, in the order of their rewards.
    softness
        0 gives a text to the group of the largest gain, and to several in equal parts if they tie. Above 0
        it is divided in proportion to exp(gain / softness).

    Examples
    --------
    >>> kinds = GroupKinds(["north", "south"])
    >>> kinds.fit(torch.tensor([[1.0, 1.0, 0.0, 0.0], [10.0, 0.0, 10.0, 20.0]]))
    >>> kinds(["a", "b"], torch.tensor([[1.0, 0.0], [10.0, 20.0]]))
    tensor([[1., 0.],
            [0., 1.]], dtype=torch.float64)
    """

    def __init__(self, names: Sequence[str], softness: float = 0.0) -> None:
        if softness < 0:
            raise ValueError(f"softness is {softness}; it must be 0 or more")
        self.names, self.softness = list(names), softness
        self.means = torch.zeros(len(self.names), dtype=torch.float64)
        self.scales = torch.ones(len(self.names), dtype=torch.float64)

    def gains(self, scores: Tensor) -> Tensor:
        """(G, B) each group's gain, in standard deviations."""
        return (scores.double() - self.means[:, None]) / self.scales[:, None]

    def __call__(self, responses: Sequence[str], scores: Tensor) -> Tensor:
        """(B, G) the part of each text that is each group's."""
        gains = self.gains(scores).T
        if self.softness:
            return (gains / self.softness).softmax(1)
        best = (gains >= gains.max(1, keepdim=True).values - 1e-9).double()
        return best / best.sum(1, keepdim=True)

    def fit(self, scores: Tensor) -> None:
        """Learn each group's mean and standard deviation over the reference's texts."""
        self.means, self.scales = scores.double().mean(1), scores.double().std(1)
        for name, scale in zip(self.names, self.scales.tolist(), strict=True):
            if not scale > 0:
                raise ValueError(
                    f"the reward of {name} is the same for all {scores.shape[1]} samples of the reference, "
                    "so that no text is its own; give another reward, or label functions"
                )

    def state(self) -> dict[str, Any]:
        """The means and the standard deviations."""
        return {"means": self.means.tolist(), "scales": self.scales.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with the means and the standard deviations of an earlier run."""
        self.means = torch.tensor(state["means"], dtype=torch.float64)
        self.scales = torch.tensor(state["scales"], dtype=torch.float64)


def kinds_by_labels(
    targets: Mapping[str, float] | None, labels: Mapping[str, Callable[[str], object]]
) -> tuple[LabelKinds, list[float]]:
    """The kinds that have a target, and their shares."""
    wanted = {
        name: share for name, share in (targets or {}).items() if name != OTHER or OTHER in labels
    }
    if not wanted:
        raise ValueError("there are no targets; give the share of each label, such as emoji=0.4")
    for name in wanted:
        if name not in labels:
            raise ValueError(
                f"the target of {name!r} has no label; give a label function of that name, or a target of "
                f"{', '.join(labels)}"
            )
    rest = round(1 - sum(wanted.values()), 9)
    if min(wanted.values()) <= 0 or rest < 0:
        shown = ", ".join(f"{name}={share:g}" for name, share in wanted.items())
        raise ValueError(f"the targets are {shown}; each must be above 0, and their sum 1 at most")
    given = (targets or {}).get(OTHER, rest) if OTHER not in labels else rest
    if abs(given - rest) > 1e-6:
        raise ValueError(
            f"the target of {OTHER} is {given:g}, and the others leave {rest:g} for it"
        )
    kinds = LabelKinds({name: labels[name] for name in wanted}, has_other=rest > 0)
    return kinds, [*wanted.values(), *([rest] if rest else [])]


def kinds_by_groups(
    names: list[str],
    targets: Mapping[str, float] | None,
    weights: Sequence[float],
    softness: float,
) -> tuple[GroupKinds, list[float]]:
    """The groups as kinds, and their shares."""
    if len(names) < 2:
        raise ValueError(
            "there is one reward and no label; give label functions, or the reward of each of several groups"
        )
    if targets is not None and set(targets) != set(names):
        raise ValueError(
            f"the targets are of {', '.join(targets)}, and the groups' rewards are {', '.join(names)}; give "
            "a target for each, or label functions"
        )
    shares = list(weights) if targets is None else [targets[name] for name in names]
    if len(shares) != len(names) or min(shares) <= 0:
        raise ValueError(f"the groups' weights are {shares}; give {len(names)} numbers above 0")
    if targets is not None and abs(sum(shares) - 1) > 1e-6:
        raise ValueError(
            f"the targets of the groups add up to {sum(shares):g}; they must add up to 1"
        )
    return GroupKinds(names, softness), [share / sum(shares) for share in shares]
