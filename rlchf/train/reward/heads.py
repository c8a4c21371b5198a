"""Reward heads that give every response a distribution instead of one score.

The spread of the distribution shows disagreement between annotators. Both heads are those of
distributional preference learning: a normal distribution per response, or probabilities of ``A`` evenly
spaced values.

References
----------
A. Siththaranjan, C. Laidlaw, D. Hadfield-Menell, "Distributional preference learning: understanding
and accounting for hidden context in RLHF", 2023.
"""

import math
from statistics import NormalDist

import torch
import torch.nn.functional as F
from torch import Tensor

from rlchf.train.reward.pairs import (
    Reduce,
    expect,
    known_pairs,
    mean_over_pairs,
    pair_gaps,
    weighted_mean,
)


def mean_and_spread(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Read a head with two outputs (..., 2) as means and standard deviations, both (...).

    The standard deviation is ``log(1 + exp(x))`` of the second output, as in the paper's code, plus 1e-4
    to avoid divisions by 0.

    Examples
    --------
    >>> mean_and_spread(torch.tensor([[1.5, 0.0]]))
    (tensor([1.5000]), tensor([0.6932]))
    """
    if outputs.shape[-1] != 2:
        raise ValueError(f"outputs have shape {tuple(outputs.shape)}; the last must be 2")
    return outputs[..., 0], F.softplus(outputs[..., 1]) + 1e-4


def mean_variance(
    means: Tensor,
    spreads: Tensor,
    targets: Tensor,
    weights: Tensor,
    *,
    pair_weights: Tensor | None = None,
    reduce: Reduce = weighted_mean,
) -> Tensor:
    """Cross-entropy of ``P(i over j) = σ(√(2π) (μ_i - μ_j) / √(s_i² + s_j²))``.

    The logistic function approximates the normal one, ``Φ(z) ≈ σ(√(2π) z)``, as in the paper's code. With
    equal spreads s this is Bradley-Terry on the scores ``√π μ / s``.

    Parameters
    ----------
    means, spreads
        (R, K) mean and standard deviation (above 0) of each response's reward.
    targets, weights, pair_weights, reduce
        As in `losses.bradley_terry`.

    Returns
    -------
    Mean over each order's pairs, then weighted mean over the orders that have a pair.

    Examples
    --------
    >>> targets = torch.tensor([[[torch.nan, 1.0], [0.0, torch.nan]]])
    >>> mean_variance(torch.tensor([[0.0, 0.0]]), torch.ones(1, 2), targets, torch.ones(1))
    tensor(0.6931)
    """
    known = known_pairs(means, targets, weights, pair_weights=pair_weights)
    expect("spreads", spreads, means.shape)
    variances = torch.where(known.any(2), spreads, 1.0) ** 2
    spread = (variances[:, :, None] + variances[:, None, :]).sqrt()  # of the difference, (R, K, K)
    logits = math.sqrt(2 * math.pi) * torch.where(known, pair_gaps(means), 0.0) / spread
    p = torch.where(known, targets, 0.5).to(logits.dtype)
    losses = F.binary_cross_entropy_with_logits(logits, p, reduction="none")
    return mean_over_pairs(losses, known, weights, pair_weights, reduce)


def categorical(
    logits: Tensor,
    targets: Tensor,
    weights: Tensor,
    *,
    entropy: float = 0.1,
    pair_weights: Tensor | None = None,
    reduce: Reduce = weighted_mean,
) -> Tensor:
    """Cross-entropy of ``P(i over j) = Σ_{a > b} π_i(a) π_j(b) + ½ Σ_a π_i(a) π_j(a)``.

    ``entropy`` times the entropy of the mean distribution of all responses is subtracted, which keeps all
    values in use.

    Parameters
    ----------
    logits
        (R, K, A) of each response's probabilities π of the values 0, 1 / (A - 1), ..., 1.
    entropy
        Coefficient of the entropy; 0.1 in the paper.
    targets, weights, pair_weights, reduce
        As in `losses.bradley_terry`.

    Returns
    -------
    Mean over each order's pairs, then weighted mean over the orders that have a pair, minus the entropy.

    Examples
    --------
    >>> targets = torch.tensor([[[torch.nan, 1.0], [0.0, torch.nan]]])
    >>> categorical(torch.zeros(1, 2, 10), targets, torch.ones(1), entropy=0.0)
    tensor(0.6931)
    """
    expect("logits", logits, 3)
    known = known_pairs(logits[:, :, 0], targets, weights, pair_weights=pair_weights)
    is_compared = known.any(2)  # (R, K)
    logp = torch.where(is_compared[:, :, None], logits, 0.0).log_softmax(2)  # (R, K, A)
    A = logits.shape[2]
    lower = torch.ones(A, A, dtype=logp.dtype, device=logp.device).tril(-1)
    worth = (lower + 0.5 * torch.eye(A, dtype=logp.dtype, device=logp.device)).log()  # (A, A)
    at_most = torch.logsumexp(logp[:, :, None, :] + worth, dim=3)  # log P(a beats j), (R, K, A)
    above = torch.logsumexp(logp[:, :, None, :] + at_most[:, None, :, :], dim=3)  # log P(i over j)
    p = torch.where(known, targets, 0.5).to(logp.dtype)
    losses = -p * above - (1 - p) * above.transpose(1, 2)
    loss = mean_over_pairs(losses, known, weights, pair_weights, reduce)
    shares = is_compared * weights[:, None]
    total = shares.sum().clamp(min=torch.finfo(logp.dtype).tiny)
    mean = (shares[:, :, None] * logp.exp()).sum((0, 1)) / total  # (A,)
    mean_entropy: Tensor = torch.special.entr(mean).sum()
    return loss - entropy * mean_entropy


def category_moments(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (...) of the distributions (..., A) over the values 0, 1 / (A - 1), ..., 1.

    Examples
    --------
    >>> category_moments(torch.zeros(1, 2))
    (tensor([0.5000]), tensor([0.2500]))
    """
    values = torch.linspace(0, 1, logits.shape[-1], dtype=logits.dtype, device=logits.device)
    probabilities = logits.softmax(-1)
    means = (probabilities * values).sum(-1)
    return means, (probabilities * (values - means[..., None]) ** 2).sum(-1)


def r_squared(means: Tensor, variances: Tensor) -> Tensor:
    """The r² of hidden context: ``Var(μ) / (Var(μ) + E[s²])`` over a data set's responses.

    Near 1, rewards depend on the response; near 0, on the annotator.

    Parameters
    ----------
    means, variances
        (N,) mean and variance of each response's reward.

    Examples
    --------
    >>> r_squared(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 1.0]))
    tensor(0.5000)
    """
    expect("variances", variances, means.shape)
    between = means.var(correction=0)
    return between / (between + variances.mean())


def quantile(means: Tensor, spreads: Tensor, level: float = 0.01) -> Tensor:
    """Risk-averse reward of the mean-variance head: ``μ + Φ⁻¹(level) s``.

    Parameters
    ----------
    means, spreads
        (...) mean and standard deviation of each response's reward.
    level
        Probability of a value below the reward, between 0 and 1; 0.01 in the paper.

    Examples
    --------
    >>> quantile(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor([-2.3263])
    """
    check_level(level)
    expect("spreads", spreads, means.shape)
    return means + NormalDist().inv_cdf(level) * spreads


def category_quantile(logits: Tensor, level: float = 0.01) -> Tensor:
    """Risk-averse reward of the categorical head, as the paper's code takes it: (..., A) to (...).

    The probability of value ``a`` is spread evenly over the interval from ``a / A`` to ``(a + 1) / A``, so
    that the quantile is continuous.

    Examples
    --------
    >>> category_quantile(torch.zeros(1, 10), 0.25)
    tensor([0.2500])
    """
    check_level(level)
    probabilities = logits.softmax(-1)
    below = probabilities.cumsum(-1)
    a = (below < level).sum(-1, keepdim=True).clamp(max=logits.shape[-1] - 1)
    share = probabilities.gather(-1, a)
    fraction = (level - (below.gather(-1, a) - share)) / share
    return ((a + fraction) / logits.shape[-1])[..., 0]


def check_level(level: float) -> None:
    """Refuse a quantile's level that is not between 0 and 1."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it must be between 0 and 1")
