"""What is known of an example's order, as the arrays that the losses take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rlchf.preferences import Example
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.losses import LOSSES


@dataclass(frozen=True, eq=False)
class Targets:
    """The ``R`` orders of one prompt's ``K`` responses: its collective ranking, or its ballots.

    Attributes
    ----------
    ranks
        (R, K) int64 ranks, 1 is best; 0 is not ranked.
    targets
        (R, K, K) probability that ``i`` is preferred to ``j``; NaN is unknown.
    weights
        (R,) weight of each order; 0 if the loss learns nothing from the order.
    groups
        (R,) int64 index of the annotator's group; 0 without groups.
    draws
        (R, E) how often the bootstrap sample of each head of an ensemble has the annotator; ones without
        a bootstrap.
    pair_weights
        (K, K) as in `Example`, the same for all orders.
    margins
        (K, K) as in `Example`, or (R, K, K) by ballot.
    """

    ranks: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    groups: np.ndarray
    draws: np.ndarray
    pair_weights: np.ndarray
    margins: np.ndarray

    def without_weight(self) -> "Targets":
        """The same orders with weight 0."""
        return replace(self, weights=np.zeros_like(self.weights))


def targets_of(
    example: Example,
    config: RewardConfig,
    groups: Mapping[str, int] | None = None,
    draws: Mapping[str, np.ndarray] | None = None,
) -> Targets:
    """What the model is to learn of an example.

    Parameters
    ----------
    example
        The prompt, its responses and their order.
    config
        The training signal, the loss and the head.
    groups, draws
        Index of each annotator's group, and how often each head's bootstrap sample has the annotator.

    Raises
    ------
    ValueError
        If the settings learn from ballots and the example has none, or if it has margins and the loss
        takes none.
    """
    loss = LOSSES[config.loss]
    if example.margins is not None and not config.takes_margins:
        raise ValueError(
            f"prompt {example.prompt_id!r} has margins, which loss = '{config.loss}' with head = "
            f"'{config.head}' does not take; choose loss = 'bradley_terry' and head = 'scalar', or leave "
            "the margins out"
        )
    K, ballots = len(example.responses), example.ballots
    ranks = np.asarray(example.ranks, dtype=np.int64)[None]
    weights, annotators = np.array([example.weight]), [""]
    if config.learn_from == "ranking":
        targets = example.pair_targets()[None]
    elif ballots is None:
        raise ValueError(
            f"prompt {example.prompt_id!r} comes without its ballots, and learn_from is "
            f"'{config.learn_from}'; make the examples with ballots_of=rankings"
        )
    elif config.learn_from == "shares":
        targets = ballots.shares()[None]
    else:
        ranks = ballots.ranks.astype(np.int64)
        targets = ballots.targets()
        weights, annotators = example.weight * ballots.weights, ballots.annotators
    pair_weights = np.ones((K, K)) if example.pair_weights is None else example.pair_weights
    margins = np.zeros((K, K)) if example.margins is None else example.margins
    has_strengths = ballots is not None and ballots.strengths is not None
    if config.learn_from == "ballots" and has_strengths and example.margins is not None:
        assert ballots is not None
        margins = config.margin_scale * ballots.pair_margins()  # each ballot's own
    is_compared = ~np.isnan(targets) & (pair_weights > 0)  # (R, K, K) pairs that count
    if loss.skips_balance:
        is_compared &= targets != 0.5
    has_signal = is_compared.any((1, 2))
    if loss.takes_ranks:
        has_signal = ((ranks > 0).sum(1) > 1) & ~np.isnan(targets).all((1, 2))
    return Targets(
        ranks=ranks,
        targets=targets.astype(np.float32),
        weights=np.where(has_signal, weights, 0).astype(np.float32),
        groups=np.array([(groups or {}).get(a, 0) for a in annotators], dtype=np.int64),
        draws=np.array(
            [np.ones(config.ensemble) if draws is None else draws[a] for a in annotators],
            dtype=np.float32,
        ).reshape(-1, config.ensemble),
        pair_weights=pair_weights.astype(np.float32),
        margins=margins.astype(np.float32),
    )


def annotators_of(examples: Sequence[Example]) -> list[str]:
    """Ids of all annotators with a ballot on the examples, in order."""
    return sorted({a for e in examples if e.ballots is not None for a in e.ballots.annotators})


def bootstrap_draws(annotators: Sequence[str], heads: int, seed: int) -> dict[str, np.ndarray]:
    """(heads,) for each annotator: the number of times that each head's bootstrap sample has them.

    Examples
    --------
    >>> draws = bootstrap_draws(["ann", "bob", "eve"], 4, seed=0)
    >>> sum(draws.values()).tolist()
    [3, 3, 3, 3]
    """
    n = len(annotators)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=heads)
    return {annotator: counts[:, a] for a, annotator in enumerate(annotators)}
