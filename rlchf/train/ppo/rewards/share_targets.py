"""Given shares of kinds of text, at the least cost in reward and in divergence."""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, ClassVar, Self

import torch
from accelerate import PartialState
from accelerate.utils import gather_object, reduce
from torch import Tensor

from rlchf.optima import ShareConstrained
from rlchf.prompts import Prompt
from rlchf.train.ppo.rewards.combination import Combination
from rlchf.train.ppo.rewards.kinds import (
    OTHER,
    GroupKinds,
    Kinds,
    kinds_by_groups,
    kinds_by_labels,
)
from rlchf.train.ppo.rewards.reference_samples import Samples
from rlchf.train.ppo.shaping import Reward, check_scores, keeps_state

FEW = 10
"""Samples of a kind below this are warned of."""
WIDEST = 2.0
"""A share counts as e to the power of this times too small or too large at most."""
NEAR = 0.5
"""The multipliers are corrected where no share is e to the power of this times too small or too large."""


class ShareTargets(Combination):
    """The collective reward, with a multiplier for each kind of text under which shares come out as given.

    Among all policies with given shares of kinds of text, the one with the largest reward minus beta times
    the divergence from the reference is ``reference * exp((quality + multiplier of its kind) / beta)``
    (`rlchf.optima.share_constrained`). `fit` finds the multipliers from samples of the reference before
    training; PPO calls it.

    Quality is the collective reward minus its mean over the policy's texts of the same kind, a running
    mean: which kind the collective reward prefers does not count, and which text within a kind does. A kind
    whose texts get better faster than another's would otherwise take its share, or lose its own until it is
    better. The multipliers that go with it lead from those under which the reference's share becomes the
    target to those of the policy at which training ends, where the scores are the closed form's. On the way
    they follow beta times the divergence within each kind, which grows with the square of what the kind's
    mean has gained, as long as the weights on the texts are small.

    While training goes on, two terms that vanish at the targets keep the policy there: the gradient of a
    penalty on the distance from the targets, which acts at once, and a slow correction of the multipliers,
    as in the method of multipliers, for what the samples did not tell. The correction waits until the shares
    are near their targets, because what it gathers on the way there would carry them beyond. On held-out
    prompts the scores are those of the closed form, which do not change from batch to batch.

    Parameters
    ----------
    rewards
        With `labels`, the collective reward, or several that are added with `weights`. Without, each
        group's own reward by its name; the collective reward is then the sum of the groups' gains (see
        `rlchf.train.ppo.rewards.kinds.GroupKinds`) times the targets.
    targets
        Share of each kind, above 0. With labels, what is missing to 1 is the share of the texts that have
        none of them, ``other``. Without labels, the shares of the groups; those of `weights` by default.
    labels
        A function ``text -> bool`` for each kind's name; a text is of the first kind in the order of the
        targets whose function is true of it. Labels without a target do not count.
    weights
        Weights of the collective rewards, or those of the groups' annotators.
    beta
        The KL coefficient; that of the run by default.
    per_prompt
        Keep the shares among the responses to each prompt, by multipliers of each, and not only over all
        prompts. What is corrected while training goes on is the share over all prompts.
    softness
        Without labels: 0 gives each text to one group, more divides it.
    samples
        Number of samples of the reference that the multipliers are found from.
    step
        Step size of the slow correction, in units of beta plus the standard deviation of quality.
    penalty
        Weight of the penalty, in the same units.
    window
        Number of texts over which shares are averaged. A long one is less noisy, and its lag makes the shares
        swing around their targets.

    Attributes
    ----------
    expected
        The policy that training should end at, as far as the samples tell: its divergence, what the
        targets cost, and the shares without them; None before `fit`, and in a resumed run.

    Examples
    --------
    >>> kind = lambda prompts, texts: [1.0 if text.isascii() else -1.0 for text in texts]
    >>> labels = {"emoji": lambda text: not text.isascii()}
    >>> reward = ShareTargets({"kemeny": kind}, {"emoji": 0.4}, labels, beta=0.2)
    >>> reward.fit(["p"] * 40, ["plain", "🍵"] * 20)
    >>> {name: round(value, 3) for name, value in reward.multipliers.items()}
    {'emoji': -0.049, 'other': 0.032}
    >>> reward.expected.free_shares.round(3), reward.expected.shares.round(3)
    (array([0.5, 0.5]), array([0.4, 0.6]))
    """

    follows_kl: ClassVar[bool] = True
    mappings: ClassVar[tuple[str, ...]] = ("targets", "labels")

    def __init__(
        self,
        rewards: Mapping[str, Reward],
        targets: Mapping[str, float] | None = None,
        labels: Mapping[str, Callable[[str], object]] | None = None,
        weights: Sequence[float] | None = None,
        *,
        beta: float = 0.0,
        per_prompt: bool = False,
        softness: float = 0.0,
        samples: int = 1024,
        step: float = 0.02,
        penalty: float = 1.0,
        window: int = 32,
    ) -> None:
        if not rewards:
            raise ValueError("there are no rewards; give at least one")
        _check_numbers(beta=beta, step=step, penalty=penalty, samples=samples, window=window)
        self.rewards, self.beta, self.per_prompt = dict(rewards), beta, per_prompt
        self.softness, self.samples, self.step, self.penalty, self.window = (
            softness,
            samples,
            step,
            penalty,
            window,
        )
        given = list(weights) if weights is not None else [1.0] * len(self.rewards)
        self.kinds: Kinds
        if labels:
            self.kinds, shares = kinds_by_labels(targets, labels)
        else:
            self.kinds, shares = kinds_by_groups(list(rewards), targets, given, softness)
        self.targets = torch.tensor(shares, dtype=torch.float64)
        self.weights = torch.tensor(given if labels else shares, dtype=torch.float64)
        self.expected: ShareConstrained | None = None
        self._fitted, self._unit = False, beta
        zeros = torch.zeros(len(shares), dtype=torch.float64)
        self._origin, self._found, self._correction = zeros, zeros.clone(), zeros.clone()
        self._first, self._gains, self._means = zeros.clone(), zeros.clone(), zeros.clone()
        self._shares, self._batch = self.targets.clone(), self.targets.clone()
        self._by_prompt: dict[str, list[float]] = {}

    @classmethod
    def combine(
        cls, rewards: Mapping[str, Reward], weights: Sequence[float] | None, **options: Any
    ) -> Self:
        """The collective reward, or that of groups, with the targets and labels among the options."""
        return cls(rewards, weights=weights, **options)

    @property
    def multipliers(self) -> dict[str, float]:
        """The current multiplier of each kind."""
        return dict(zip(self.kinds.names, self._multipliers().tolist(), strict=True))

    @property
    def reference_samples(self) -> int:
        """Number of samples of the reference that it is to be fitted to, or 0 if it is."""
        return 0 if self._fitted else self.samples

    def figures(self) -> dict[str, float]:
        """The shares in the last batch, over all processes, and the multipliers."""
        shares = zip(self.kinds.names, self._batch.tolist(), strict=True)
        figures = {f"share of {name}": share for name, share in shares}
        return figures | {f"multiplier of {name}": x for name, x in self.multipliers.items()}

    def fit(self, prompts: Sequence[Prompt], responses: Sequence[str], beta: float = 0.0) -> None:
        """Find the multipliers from samples of the reference, several to each prompt.

        Each prompt's own samples count, and a sample's weight of all prompts' together, so that a kind
        that they lack by chance is not taken to be never written to it.

        Parameters
        ----------
        beta
            The KL coefficient, unless the reward was given one.

        Raises
        ------
        ValueError
            If beta is 0, or the reference never writes a kind.
        """
        self.beta = self.beta or beta
        if not self.beta > 0:
            raise ValueError(
                "beta is 0, so that no multipliers follow; give a KL coefficient above 0"
            )
        prompts, responses = list(prompts), list(responses)
        scores = self._scores(prompts, responses)
        self.kinds.fit(scores)
        members, collective = self.kinds(responses, scores), self._collective(scores)
        self._check_written(members)
        self._origin = (members * collective[:, None]).sum(0) / members.sum(0)
        quality = collective - members @ self._origin
        table = Samples([_key(prompt) for prompt in prompts], quality, members, self.beta)
        self.expected = table.solve(self.targets, self.kinds.names)
        self._found = torch.from_numpy(self.expected.multipliers)
        self._gains = table.gains(self.expected)
        # What all kinds are raised by besides their divergence, which no kind is to be paid step by step.
        level = self._found + self._gains - self.beta * table.log_ratios(self.expected)
        self._first = self.beta * (self.targets / members.mean(0)).log() + self.targets @ level
        self._means = torch.zeros_like(self._found)
        self._unit = self.beta + float(quality.std())
        if self.per_prompt:
            self._by_prompt = table.solve_each(self.targets, self.kinds.names)
        self._shares = members.mean(0)
        self._batch = self._shares.clone()
        self._fitted = True

    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Tensor:
        """(B,) scores under the current multipliers, which then move."""
        prompts, responses = list(prompts), list(responses)
        if not self._fitted:
            self._fit_to_first_batch(prompts, responses)
        scores = self._scores(prompts, responses)
        members = self.kinds(responses, scores)
        quality = self._collective(scores) - members @ self._origin
        raised = torch.stack([self._found_for(prompt) for prompt in prompts])  # (B, K)
        if self.moves:
            self._count(members, quality)
            moved = self._multipliers() - self._found - self._means
            raised = raised + moved + self.penalty * self._unit * self._lacking()
            self._correct()
        bonus = (members * raised).sum(1)
        bonus = torch.where(members.sum(1) > 0, bonus, raised.min(1).values)  # of no kind at all
        return (quality + bonus).float()

    def _found_for(self, prompt: Prompt) -> Tensor:
        """(K,) the multipliers of the closed form."""
        own = self._by_prompt.get(_key(prompt)) if self._by_prompt else None
        return self._found if own is None else torch.tensor(own, dtype=torch.float64)

    def _multipliers(self) -> Tensor:
        """(K,) the multipliers beside quality, by how much of each kind's expected gain there is."""
        done = torch.where(self._gains.abs() > 1e-9, self._means / self._gains, 1.0).clamp(0, 1)
        last = self._found + self._gains
        return self._first + (last - self._first) * done.square() + self._correction

    def _correct(self) -> None:
        """Move the multipliers a step towards the targets, once the shares are near them."""
        lacking = self._lacking()
        if lacking.abs().max() < NEAR:
            self._correction = self._correction + self.step * self._unit * lacking
            self._correction = self._correction - self.targets @ self._correction

    def _lacking(self) -> Tensor:
        """(K,) the logarithm of the target over the running share, within `WIDEST`."""
        return (self.targets / self._shares.clamp(min=1e-9)).log().clamp(-WIDEST, WIDEST)

    def _count(self, members: Tensor, quality: Tensor) -> None:
        """Average the shares, and each kind's mean quality, with those of a batch, over all processes."""
        sums = torch.cat([members.sum(0), quality @ members, torch.tensor([len(members)])]).float()
        if not self.whole_batch:
            sums = reduce(sums.to(PartialState().device), "sum")
        by_kind, totals, (count,) = sums.double().cpu().split([len(self.targets)] * 2 + [1])
        window = self.window * self.targets
        self._means = (self._means * window + totals) / (window + by_kind)
        self._batch = by_kind / count
        self._shares = self._shares + (self._batch - self._shares) * count / (count + self.window)

    def _scores(self, prompts: list[Prompt], responses: list[str]) -> Tensor:
        """(R, B) the scores of each reward."""
        rows = [check_scores(r(prompts, responses), responses) for r in self.rewards.values()]
        return torch.stack([row.double().cpu() for row in rows])

    def _collective(self, scores: Tensor) -> Tensor:
        """(B,) the collective reward."""
        if isinstance(self.kinds, GroupKinds):
            scores = self.kinds.gains(scores)
        return self.weights @ scores

    def _fit_to_first_batch(self, prompts: list[Prompt], responses: list[str]) -> None:
        """The first batch is the reference's; of all processes, each of which finds the same."""
        batches = [(prompts, responses)]
        if PartialState().num_processes > 1 and not self.whole_batch:
            batches = gather_object(batches)
        of_all = [list(chain.from_iterable(part)) for part in zip(*batches, strict=True)]
        warnings.warn(
            f"the multipliers of the shares are found from the first batch, {len(of_all[1])} texts; call fit "
            "with more samples of the policy before it is trained, better 1,000",
            stacklevel=3,
        )
        self.fit(of_all[0], of_all[1])

    def _check_written(self, members: Tensor) -> None:
        """Refuse kinds that the reference never writes, and warn of those that it hardly does."""
        count, without = len(members), int((members.sum(1) == 0).sum())
        if without:
            raise ValueError(
                f"the targets add up to 1, and {without} of {count} samples of the reference have none of "
                f"the labels; give targets that leave the rest to {OTHER}"
            )
        for name, number, target in zip(
            self.kinds.names, members.sum(0).tolist(), self.targets.tolist(), strict=True
        ):
            if not number:
                raise ValueError(
                    f"none of {count} samples of the reference is {name}, whose target is {target:g}; give "
                    "targets of what it writes, teach it first, or take more samples"
                )
            if number < FEW:
                warnings.warn(
                    f"{number:.3g} of {count} samples of the reference are {name} (target {target:g}): its "
                    "multiplier is uncertain; take more samples",
                    stacklevel=3,
                )

    def state_dict(self) -> dict[str, Any]:
        """What was found, the corrections and the running shares, for a resumed run."""
        stateful = {n: one for n, one in self.rewards.items() if keeps_state(one)}
        return {
            "kinds": self.kinds.names,
            "targets": self.targets.tolist(),
            "of_kinds": self.kinds.state(),
            "fitted": self._fitted,
            "beta": self.beta,
            "unit": self._unit,
            "by_prompt": self._by_prompt,
            "vectors": {name: getattr(self, f"_{name}").tolist() for name in VECTORS},
            "rewards": {n: one.state_dict() for n, one in stateful.items()},  # type: ignore[attr-defined]
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the state of an earlier run."""
        before = dict(zip(state["kinds"], state["targets"], strict=True))
        now = dict(zip(self.kinds.names, self.targets.tolist(), strict=True))
        if before != now:
            raise ValueError(
                f"the saved multipliers are of the targets {_shown(before)}, and these are {_shown(now)}; "
                "give the same targets"
            )
        self.kinds.restore(state["of_kinds"])
        self._fitted, self.beta, self._unit = state["fitted"], state["beta"], state["unit"]
        self._by_prompt = dict(state["by_prompt"])
        for name, values in state["vectors"].items():
            setattr(self, f"_{name}", torch.tensor(values, dtype=torch.float64))
        for name, inner in state["rewards"].items():
            self.rewards[name].load_state_dict(inner)  # type: ignore[attr-defined]


VECTORS = ("origin", "found", "first", "gains", "means", "correction", "shares", "batch")
"""What a state keeps for each kind."""


def _check_numbers(**values: float) -> None:
    for name, value in values.items():
        least = 1 if name in ("samples", "window") else 0
        if not value >= least:
            raise ValueError(f"{name} is {value}; it must be {least} or more")


def _shown(targets: Mapping[str, float]) -> str:
    return ", ".join(f"{name}={share:.4g}" for name, share in targets.items())


def _key(prompt: Prompt) -> str:
    return prompt if isinstance(prompt, str) else json.dumps(prompt, sort_keys=True, default=str)
