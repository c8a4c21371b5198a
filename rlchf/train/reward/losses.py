"""Losses of the reward model: pure functions of scores and of what is known about their order.

Shapes are the same throughout: ``R`` orders (one per prompt, or one per ballot) of at most ``K`` responses.
A loss first computes one figure per order; ``reduce`` then makes one figure of them, the weighted mean by
default. Responses that pad a row have NaN in ``targets`` or 0 in ``ranks``; their scores are never read.
Orders that compare nothing do not count.

A new loss is a function here and a line in `LOSSES`: the settings, the command line and the training take
its name and its options from there. Importing this module does not import torch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from rlchf.lazy import lazy_module
from rlchf.train.reward.pairs import (
    Reduce,
    expect,
    known_pairs,
    mean_over_pairs,
    pair_gaps,
    weighted_mean,
)

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor
else:
    torch, F = lazy_module("torch"), lazy_module("torch.nn.functional")


def bradley_terry(
    scores: Tensor,
    targets: Tensor,
    weights: Tensor,
    *,
    pair_weights: Tensor | None = None,
    margins: Tensor | None = None,
    smoothing: float = 0.0,
    reduce: Reduce = weighted_mean,
) -> Tensor:
    """Cross-entropy of the Bradley-Terry model over all pairs of each order's responses.

    The loss of a pair is ``-p log σ(r_i - r_j - m) - (1 - p) log σ(r_j - r_i + m)``, with target ``p`` and
    margin ``m``; its optimum is ``r_i - r_j = m + logit p``. With the shares of all ballots as targets,
    the optimal free scores rank as the Borda count does.

    Parameters
    ----------
    scores
        (R, K) rewards.
    targets
        (R, K, K) probability that ``i`` is preferred to ``j``; 1/2 is a tie, NaN is no comparison.
        The diagonal is not read.
    weights
        (R,) weight of each order.
    pair_weights
        (R, K, K) weight of each pair among its order's pairs; 1 by default, 0 leaves it out.
    margins
        (R, K, K) margin of ``i`` over ``j``; the margin of ``j`` over ``i`` is its negative.
    smoothing
        Assumed probability that a preference is recorded the wrong way round, below 1/2.
    reduce
        Makes one figure of the orders' losses and weights.

    Returns
    -------
    Mean over each order's pairs (Ouyang et al. 2022, eq. 1), then weighted mean over the orders that
    have a pair.

    Raises
    ------
    ValueError
        If the shapes do not fit; nothing is broadcast.

    References
    ----------
    R. A. Bradley, M. E. Terry, "Rank analysis of incomplete block designs", 1952. For margins:
    H. Touvron et al., "Llama 2", 2023, eq. 2. For smoothing: E. Mitchell, "A note on DPO with noisy
    preferences", 2023. For the Borda count: A. Siththaranjan, C. Laidlaw, D. Hadfield-Menell,
    "Distributional preference learning", 2023.

    Examples
    --------
    >>> targets = torch.tensor([[[torch.nan, 1.0], [0.0, torch.nan]]])
    >>> bradley_terry(torch.tensor([[0.0, 0.0]]), targets, torch.ones(1))
    tensor(0.6931)
    """
    if not 0 <= smoothing < 0.5:
        raise ValueError(f"smoothing is {smoothing}; it must be 0 or more and below 1/2")
    known = known_pairs(scores, targets, weights, pair_weights=pair_weights, margins=margins)
    gaps = pair_gaps(scores) if margins is None else pair_gaps(scores) - margins
    logits = torch.where(known, gaps, 0.0)
    p = torch.where(known, targets, 0.5).to(logits.dtype)
    p = (1 - 2 * smoothing) * p + smoothing  # label smoothing (Mitchell 2023)
    # -p log sigma(x) - (1 - p) log sigma(-x); each pair appears twice, with equal loss
    losses = F.binary_cross_entropy_with_logits(logits, p, reduction="none")
    return mean_over_pairs(losses, known, weights, pair_weights, reduce)


def plackett_luce(
    scores: Tensor,
    ranks: Tensor,
    weights: Tensor,
    *,
    top: int | None = None,
    reduce: Reduce = weighted_mean,
) -> Tensor:
    """Negative log-likelihood of an order whose responses are chosen one by one from the top.

    The response at rank k is chosen with probability ``exp(r_k) / Σ_{j from k on} exp(r_j)``. The
    probabilities of all strict orders sum to one, and two responses give the Bradley-Terry model. Ties are
    treated as in Efron's likelihood: t tied responses are t choices, each of them chooses the mean of the
    tied scores, and each tied response counts by the share of the tied that is still to be chosen. The last
    response is no choice, so two tied responses have the Bradley-Terry loss, and at equal scores a weak
    order has the loss of a strict one.

    Parameters
    ----------
    scores
        (R, K) rewards.
    ranks
        (R, K) ranks, 1 is best, equal is tied; 0 is not ranked and cannot be chosen.
    weights
        (R,) weight of each order.
    top
        Number of choices that count; responses ranked below appear in the denominators only.
    reduce
        Makes one figure of the orders' losses and weights.

    Returns
    -------
    Sum over each order's choices, then weighted mean over the orders that rank two responses or more.

    Raises
    ------
    ValueError
        If the shapes do not fit, or ``top`` is below 1.

    References
    ----------
    R. L. Plackett, "The analysis of permutations", 1975, and R. D. Luce, "Individual choice behavior",
    1959. For ties: B. Efron, "The efficiency of Cox's likelihood function for censored data", 1977.

    Examples
    --------
    >>> plackett_luce(torch.zeros(1, 3), torch.tensor([[2, 1, 3]]), torch.ones(1))  # log 3!
    tensor(1.7918)
    """
    expect("scores", scores, 2)
    expect("ranks", ranks, scores.shape)
    expect("weights", weights, scores.shape[:1])
    if top is not None and top < 1:
        raise ValueError(f"top is {top}; at least the first choice must count")
    K = scores.shape[1]
    ranked = ranks > 0
    both = ranked[:, :, None] & ranked[:, None, :]
    tied = both & (ranks[:, :, None] == ranks[:, None, :])  # (R, K, K), i with itself too
    behind = both & (ranks[:, :, None] < ranks[:, None, :])  # j is behind i
    ties = tied.sum(2)
    before = (tied & torch.ones_like(tied[0]).tril(-1)).sum(2)  # tied with i and chosen before it
    remaining = 1 - before.to(scores.dtype) / ties.clamp(min=1)  # share of the tied
    itself = torch.eye(K, dtype=torch.bool, device=scores.device)  # also for those not ranked
    share = (tied | itself) * remaining[:, :, None] + behind  # (R, K, K) weight of j in i's choice
    safe = torch.where(ranked, scores, 0.0)
    pool = torch.logsumexp(safe[:, None, :] + share.log(), dim=2)
    chosen = (tied * safe[:, None, :]).sum(2) / ties.clamp(min=1)  # mean score of the tied
    n_before = behind.sum(1) + before  # (R, K) number of choices before i's
    n_ranked = ranked.sum(1)
    n_choices = n_ranked - 1 if top is None else (n_ranked - 1).clamp(max=top)
    counts = ranked & (n_before < n_choices[:, None])
    per_order = torch.where(counts, pool - chosen, 0.0).sum(1)
    return reduce(per_order, weights * (n_ranked > 1))


def best_of_k(
    scores: Tensor, ranks: Tensor, weights: Tensor, *, reduce: Reduce = weighted_mean
) -> Tensor:
    """Cross-entropy of the choice of the best among all ranked responses: ``-log softmax(r)_best``.

    Responses tied for the best share the choice equally; the order of the others has no effect. This is the
    first choice of `plackett_luce`, with the same arguments.

    References
    ----------
    D. M. Ziegler et al., "Fine-tuning language models from human preferences", 2019, eq. 1.

    Examples
    --------
    >>> best_of_k(torch.tensor([[0.0, 0.0, 0.0]]), torch.tensor([[1, 2, 2]]), torch.ones(1))  # log 3
    tensor(1.0986)
    """
    return plackett_luce(scores, ranks, weights, top=1, reduce=reduce)


def majority(
    scores: Tensor,
    targets: Tensor,
    weights: Tensor,
    *,
    pair_weights: Tensor | None = None,
    reduce: Reduce = weighted_mean,
) -> Tensor:
    """Bradley-Terry on the majority's side of each pair: ``-log σ(r_i - r_j)`` where ``p_ij > 1/2``.

    If the majorities are an order that some reward gives, free scores tend to that order (pairwise majority
    consistency); with the shares as targets they need not. A balanced pair has no majority and is left out.
    Arguments and result are those of `bradley_terry`; ``targets`` must be shares of all ballots, because a
    single ballot is its own majority.

    References
    ----------
    L. Ge, D. Halpern, E. Micha, A. D. Procaccia, I. Shapira, Y. Vorobeychik, J. Wu, "Axioms for AI
    alignment from human feedback", 2024, the majority-based loss.

    Examples
    --------
    >>> targets = torch.tensor([[[torch.nan, 0.6], [0.4, torch.nan]]])
    >>> majority(torch.tensor([[0.0, 0.0]]), targets, torch.ones(1))
    tensor(0.6931)
    """
    no_majority = targets.isnan() | (targets == 0.5)
    majorities = torch.where(no_majority, torch.nan, (targets > 0.5).to(targets.dtype))
    return bradley_terry(scores, majorities, weights, pair_weights=pair_weights, reduce=reduce)


def soft_copeland(
    scores: Tensor,
    targets: Tensor,
    weights: Tensor,
    *,
    temperature: float = 0.1,
    pair_weights: Tensor | None = None,
    reduce: Reduce = weighted_mean,
) -> Tensor:
    """Bradley-Terry on softened majorities: the target of a pair is ``q_ij = σ((2 p_ij - 1) / temperature)``.

    If all pairs are compared, free scores rank by ``Σ_j q_ij``, as Bradley-Terry on the shares ranks by
    ``Σ_j p_ij``. At low temperatures ``q_ij`` tends to 1, 1/2 or 0 for a pair won, balanced or lost, and the
    order to Copeland's; at high temperatures the order tends to Borda's. The loss is convex in the scores.
    Arguments and result are those of `bradley_terry`; ``targets`` must be shares of all ballots.

    The form is this project's own. In the code of Differential Voting soft Copeland is, per vote
    ``y = ±1``, a regularised ``-y tanh(β (σ((r_i - r_j) / τ) - 1/2))``. That is linear in the votes, so its
    sharp limit minimises the votes against the order, as `soft_kemeny` does, and counts no majorities.

    References
    ----------
    A. H. Copeland, "A reasonable social welfare function", 1951. "Differential voting: loss functions
    for axiomatically diverse aggregation of heterogeneous preferences", 2026 (arXiv 2601.18824).

    Examples
    --------
    >>> targets = torch.tensor([[[torch.nan, 0.6], [0.4, torch.nan]]])
    >>> soft_copeland(torch.tensor([[2.0, 0.0]]), targets, torch.ones(1))  # optimum: 0.2 / 0.1
    tensor(0.3653)
    """
    check_temperature(temperature)
    softened = torch.sigmoid((2 * targets - 1) / temperature)  # NaN stays NaN
    return bradley_terry(scores, softened, weights, pair_weights=pair_weights, reduce=reduce)


def soft_kemeny(
    scores: Tensor,
    targets: Tensor,
    weights: Tensor,
    *,
    temperature: float = 1.0,
    pair_weights: Tensor | None = None,
    reduce: Reduce = weighted_mean,
) -> Tensor:
    """Smoothed share of the votes that disagree: ``p_ij σ((r_j - r_i) / t) + p_ji σ((r_i - r_j) / t)``.

    At low temperatures ``t`` the loss of strict scores tends to the mean over the pairs of the votes against
    them, which Kemeny's orders minimise. The loss is linear in the targets, so separate ballots and their
    shares have the same loss. It is not convex, ties have no gradient, and free scores grow without bound.
    Arguments and result are those of `bradley_terry`.

    References
    ----------
    J. G. Kemeny, "Mathematics without numbers", 1959. "Differential voting: loss functions for
    axiomatically diverse aggregation of heterogeneous preferences", 2026 (arXiv 2601.18824), whose code
    has this form.

    Examples
    --------
    >>> targets = torch.tensor([[[torch.nan, 0.6], [0.4, torch.nan]]])
    >>> soft_kemeny(torch.tensor([[1.0, 0.0]]), targets, torch.ones(1), temperature=0.01)
    tensor(0.4000)
    """
    check_temperature(temperature)
    known = known_pairs(scores, targets, weights, pair_weights=pair_weights)
    behind = torch.sigmoid(-torch.where(known, pair_gaps(scores), 0.0) / temperature)
    p = torch.where(known, targets, 0.5).to(behind.dtype)
    losses = p * behind + (1 - p) * (1 - behind)
    return mean_over_pairs(losses, known, weights, pair_weights, reduce)


def centring(scores: Tensor, known: Tensor) -> Tensor:
    """Mean of ``(r_i + r_j)²`` over each prompt's pairs, then over prompts; it keeps the scores around 0.

    Parameters
    ----------
    scores
        (B, K) rewards.
    known
        (B, K) bool, False where a score only pads its row.

    References
    ----------
    J. Eisenstein et al., "Helping or herding? Reward model ensembles mitigate but do not eliminate
    reward hacking", 2023, for two responses; here over all pairs of K.

    Examples
    --------
    >>> centring(torch.tensor([[1.0, 2.0]]), torch.tensor([[True, True]]))
    tensor(9.)
    """
    expect("scores", scores, 2)
    expect("known", known, scores.shape)
    safe = torch.where(known, scores, 0.0)
    pairs = (known[:, :, None] & known[:, None, :]).tril(-1)
    squares = torch.where(pairs, (safe[:, :, None] + safe[:, None, :]) ** 2, 0.0).sum((1, 2))
    n_pairs = pairs.sum((1, 2))
    return weighted_mean(squares / n_pairs.clamp(min=1), (n_pairs > 0).to(scores.dtype))


def check_temperature(temperature: float) -> None:
    """Refuse a temperature that is not above 0."""
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}; it must be above 0")


@dataclass(frozen=True)
class ListedLoss:
    """What the settings and the training know of a loss.

    Attributes
    ----------
    function
        The loss: ``function(scores, ranks or targets, weights, *, reduce, ...)``.
    learns_from
        The training signals it is meant for.
    skips_balance
        Whether it leaves out pairs whose target is 1/2.
    """

    function: Callable[..., Tensor]
    learns_from: tuple[str, ...] = ("ranking", "shares", "ballots")
    skips_balance: bool = False

    @cached_property
    def takes_ranks(self) -> bool:
        """Whether the loss takes ranks; other losses take pair targets."""
        return "ranks" in inspect.signature(self.function).parameters

    @cached_property
    def options(self) -> list[str]:
        """Names of its keyword-only parameters."""
        parameters = inspect.signature(self.function).parameters.values()
        return [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]

    @property
    def settings(self) -> list[str]:
        """Those of its options that are fields of `RewardConfig`; 0 there is the loss's own default."""
        return [name for name in self.options if name not in ("pair_weights", "margins", "reduce")]


LOSSES = {
    "bradley_terry": ListedLoss(bradley_terry),
    "plackett_luce": ListedLoss(plackett_luce, learns_from=("ranking", "ballots")),
    "best_of_k": ListedLoss(best_of_k, learns_from=("ranking", "ballots")),
    "soft_copeland": ListedLoss(soft_copeland, learns_from=("ranking", "shares")),
    "soft_kemeny": ListedLoss(soft_kemeny),
    "majority": ListedLoss(majority, learns_from=("ranking", "shares"), skips_balance=True),
}
"""The losses by name."""
