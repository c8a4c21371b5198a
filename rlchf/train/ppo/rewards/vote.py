"""A vote among rewards: each is a voter, and a rule turns their orders into one reward."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from rlchf.aggregation import aggregate
from rlchf.prompts import Prompt
from rlchf.rankings import Rankings
from rlchf.rules import get_rule, is_across
from rlchf.train.ppo.rewards.combination import Combination
from rlchf.train.ppo.rewards.groups import scores_of, voter_weights
from rlchf.train.ppo.shaping import Reward


class Vote(Combination):
    """The score of a voting rule in an election among the responses to one prompt.

    The candidates are the different texts of a batch that answer the same prompt, and each voter ranks
    them by its reward; equal rewards are a tie. Only the order counts, so rewards on any scale vote
    together. The rule's scores are scaled to mean 0 over the rows of a prompt and to a distance of 1
    between its best and its worst text; where all texts tie, they are 0. A warning says, once, if that is so
    for all prompts of a batch although voters prefer some texts.

    Parameters
    ----------
    voters
        Rewards: models or functions.
    rule
        Name of a rule, or a function as `rlchf.aggregate` takes it. A rule across prompts sees the
        prompts of one batch, one process's share of it, and begins anew with the next batch.
    weights
        Weights of the voters, above 0; 1 each by default.
    options
        Passed on to `rlchf.aggregate`. Ties of the rule are kept unless ``ties`` says otherwise.

    Examples
    --------
    >>> likes = lambda *order: lambda prompts, texts: [-float(order.index(text)) for text in texts]
    >>> voters = [likes("a", "b", "c"), likes("b", "c", "a")]
    >>> Vote(voters, "borda", weights=[3, 2])(["p"] * 4, ["a", "b", "c", "b"]) * 5
    tensor([ 0.5000,  1.5000, -3.5000,  1.5000])
    """

    compares = True

    def __init__(
        self,
        voters: Sequence[Reward],
        rule: str | Callable[..., Any] = "kemeny",
        weights: Sequence[float] | None = None,
        **options: Any,
    ) -> None:
        across = is_across(get_rule(rule) if isinstance(rule, str) else rule)
        self.options = options if across else {"ties": "keep"} | options
        self.voters, self.rule = list(voters), rule
        self.weights = voter_weights(weights, len(self.voters))
        self._told_of_ties = False

    @classmethod
    def combine(
        cls, rewards: Mapping[str, Reward], weights: Sequence[float] | None, **options: Any
    ) -> Self:
        """A vote among the rewards, by the rule and with the options given."""
        return cls(list(rewards.values()), weights=weights, **options)

    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Tensor:
        """(B,) scores."""
        groups = self.compared_groups(prompts, responses)
        contested = [g for g, group in enumerate(groups) if len(group.responses) > 1]
        ballots: list[tuple[object, object, list[list[object]]]] = []
        weights: list[float] = []
        for v, voter in enumerate(self.voters):
            scores = scores_of(voter, groups, f"voter {v}")
            ballots += [(g, v, _order(scores[g].tolist())) for g in contested]
            weights += [float(self.weights[v])] * len(contested)
        group_scores = [torch.zeros(len(group.responses)).double() for group in groups]
        if contested:
            rankings = Rankings.from_ballots(ballots, weights, source="the vote")
            result = aggregate(rankings, self.rule, **self.options)
            differ = False
            for g in contested:
                by_text = result.scores(g)
                in_order = [by_text[str(k)] for k in range(len(by_text))]
                values = torch.tensor(in_order, dtype=torch.float64)
                width = values.max() - values.min()
                if width > 0:
                    group_scores[g], differ = values / width, True
            if not differ and any(len(levels) > 1 for _, _, levels in ballots):
                self._warn_of_ties()
        rows = [scores[group.index] for scores, group in zip(group_scores, groups, strict=True)]
        return torch.cat([(row - row.mean()).float() for row in rows])

    def _warn_of_ties(self) -> None:
        """Say once that voters prefer some texts and that their vote ties them all."""
        if self._told_of_ties:
            return
        self._told_of_ties = True
        voters = len(self.voters)
        equal = " with equal weights" * bool((self.weights == self.weights[0]).all())
        warnings.warn(
            f"the vote of {voters} voters{equal} tied all responses to each prompt of a batch, although "
            "voters prefer some: every score is 0, and nothing is learned from it; give voters different "
            "weights, add a voter, or choose a rule that ties less, such as borda",
            stacklevel=3,
        )


def _order(scores: list[float]) -> list[list[object]]:
    """The indices of the texts, best first, those with equal scores together."""
    best_first = sorted(set(scores), reverse=True)
    return [[k for k, other in enumerate(scores) if other == score] for score in best_first]
