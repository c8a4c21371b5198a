"""From collective rankings and texts to the examples that a reward model learns from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.numeric.ratios import ratio
from rlchf.prompts import Prompt
from rlchf.rankings import Rankings

BothBad = Literal["skip", "tie"]
"""What two responses are that a ballot ties and disapproves: not compared, or tied."""

TIE_TOLERANCE = 1e-6
"""Differences of log-odds that are ties: padding can change a reward model's score by as much."""


@dataclass(frozen=True, eq=False)
class Ballots:
    """All annotators' rankings of one prompt's ``K`` responses.

    Attributes
    ----------
    ranks
        (V, K) rank that each ballot gives each response: 1 is best, equal is tied, 0 is not ranked.
    weights
        (V,) weight of each ballot.
    annotators
        The id of each ballot's annotator, ``V`` ids.
    approvals
        (V, K) int8, what each ballot says of each response by itself, as `rlchf.Profiles` has it; or None:
        then a tie is a tie. Two responses that a ballot ties and disapproves are "both bad": it prefers
        neither, and is no comparison of the two.
    strengths
        (V,) how strongly each ballot prefers, NaN where it does not say; or None.
    """

    ranks: np.ndarray
    weights: np.ndarray
    annotators: list[str]
    approvals: np.ndarray | None = None
    strengths: np.ndarray | None = None

    def part(self, indices: Sequence[int]) -> "Ballots":
        """Some of the ballots."""
        v = np.asarray(indices, dtype=np.int64)
        return Ballots(
            ranks=self.ranks[v],
            weights=self.weights[v],
            annotators=[self.annotators[i] for i in indices],
            approvals=None if self.approvals is None else self.approvals[v],
            strengths=None if self.strengths is None else self.strengths[v],
        )

    def targets(self) -> np.ndarray:
        """(V, K, K) pair targets of each ballot: 1, 0, 1/2 for a tie, NaN where it compares nothing.

        Examples
        --------
        >>> both_bad = np.array([[-1, -1]], dtype=np.int8)
        >>> Ballots(np.array([[1, 1]]), np.ones(1), ["ann"], both_bad).targets()[0]
        array([[nan, nan],
               [nan, nan]])
        """
        targets = order_targets(self.ranks)
        if self.approvals is not None:
            bad = self.approvals == -1
            targets[(targets == 0.5) & bad[:, :, None] & bad[:, None, :]] = np.nan
        return targets

    def pair_margins(self) -> np.ndarray:
        """(V, K, K) margin of ``i`` over ``j`` on each ballot: its strength, 0 for a tie or without one."""
        sides = 2 * np.nan_to_num(self.targets(), nan=0.5) - 1  # 1, 0, -1
        strengths = np.zeros(len(self.ranks)) if self.strengths is None else self.strengths
        return np.asarray(sides * np.nan_to_num(strengths)[:, None, None])

    def margins(self) -> np.ndarray:
        """(K, K) the mean margin over the ballots that compare ``i`` and ``j`` and say how strongly.

        Examples
        --------
        >>> ranks, strengths = np.array([[1, 2], [2, 1]]), np.array([2.0, 1.0])
        >>> Ballots(ranks, np.array([3.0, 1.0]), ["ann", "bob"], strengths=strengths).margins()
        array([[ 0.  ,  1.25],
               [-1.25,  0.  ]])
        """
        if self.strengths is None:
            return np.zeros(self.ranks.shape[1:] * 2)
        says = ~np.isnan(self.targets()) & ~np.isnan(self.strengths)[:, None, None]
        weights = self.weights[:, None, None] * says
        return ratio((weights * self.pair_margins()).sum(0), weights.sum(0), 0.0)

    def compared(self) -> np.ndarray:
        """(K, K) bool: whether some ballot with a weight compares ``i`` and ``j``.

        Examples
        --------
        >>> Ballots(np.array([[1, 2, 0], [0, 0, 1]]), np.ones(2), ["ann", "bob"]).compared().astype(int)
        array([[0, 1, 0],
               [1, 0, 0],
               [0, 0, 0]])
        """
        ranks, K = self.ranks[self.weights > 0], self.ranks.shape[1]
        others = ~np.eye(K, dtype=bool)
        if self.approvals is None and (ranks > 0).all(axis=1).any():
            return others
        counts = _together(ranks > 0)
        if self.approvals is not None:
            bad = (self.approvals[self.weights > 0] == -1) & (ranks > 0)
            for rank in np.unique(ranks[bad]):
                counts -= _together(bad & (ranks == rank))
        return np.asarray((counts > 0) & others)

    def shares(self) -> np.ndarray:
        """(K, K) share of the ballots' weight that ranks ``i`` above ``j``; a tie counts half.

        The share is of the ballots that rank both, NaN if there is none.

        Examples
        --------
        >>> Ballots(np.array([[1, 2], [1, 1]]), np.ones(2), ["ann", "bob"]).shares()
        array([[ nan, 0.75],
               [0.25,  nan]])
        """
        return mean_targets(self.targets(), self.weights)[0]


def _together(chosen: np.ndarray) -> np.ndarray:
    """(K, K) the number of ballots, (V, K) bool, that choose both responses."""
    counts = chosen.astype(np.float32)
    return np.asarray(counts.T @ counts)


@dataclass(frozen=True, eq=False)
class Example:
    """One prompt with its ``K`` responses and the preferences between them.

    Attributes
    ----------
    prompt_id, response_ids
        Ids of the prompt and its responses.
    prompt, responses
        The texts; the prompt may be a list of chat messages.
    ranks
        (K,) rank in the collective ranking: 1 is best, equal is tied.
    weight
        Weight of the prompt in the loss.
    targets
        (K, K) probability that ``i`` is preferred to ``j``, NaN where no ballot compares the two; or None:
        then the ranks decide, 1 above, 0 below, 1/2 for a tie.
    pair_weights
        (K, K) weight of each pair among the prompt's pairs, symmetric; or None, all equal.
    margins
        (K, K) margin by which ``i``'s score should exceed ``j``'s, antisymmetric; or None, all 0.
    ballots
        The ballots that the collective ranking was made from, or None.
    scores
        (K,) score in the collective ranking, or None.
    """

    prompt_id: str
    prompt: Prompt
    response_ids: list[str]
    responses: list[str]
    ranks: list[int]
    weight: float = 1.0
    targets: np.ndarray | None = field(default=None, repr=False)
    pair_weights: np.ndarray | None = field(default=None, repr=False)
    margins: np.ndarray | None = field(default=None, repr=False)
    ballots: Ballots | None = field(default=None, repr=False)
    scores: list[float] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        K = len(self.responses)
        if len(self.ranks) != K:
            raise ValueError(
                f"prompt {self.prompt_id!r}: {K} responses, but {len(self.ranks)} ranks"
            )
        for name in ("targets", "pair_weights", "margins"):
            table = getattr(self, name)
            if table is not None and table.shape != (K, K):
                raise ValueError(
                    f"prompt {self.prompt_id!r}: {name} has the shape {table.shape}; "
                    f"with {K} responses it must be {(K, K)}"
                )

    def pair_targets(self) -> np.ndarray:
        """(K, K) probability that ``i`` is preferred to ``j``; NaN on the diagonal and where unknown.

        Examples
        --------
        >>> Example("p", "Hi", ["a", "b"], ["Hello.", "Go."], [1, 2]).pair_targets()
        array([[nan,  1.],
               [ 0., nan]])
        """
        if self.targets is None:
            return order_targets(np.asarray(self.ranks))
        return np.where(np.eye(len(self.ranks), dtype=bool), np.nan, self.targets)


def order_targets(ranks: np.ndarray) -> np.ndarray:
    """(..., K, K) pair targets of weak orders (..., K).

    1 if ``i`` is ranked above ``j``, 0 if below, 1/2 if tied, NaN if one of them is not ranked (0).

    Examples
    --------
    >>> order_targets(np.array([2, 1, 0]))
    array([[nan,  0., nan],
           [ 1., nan, nan],
           [nan, nan, nan]])
    """
    i, j = ranks[..., :, None], ranks[..., None, :]
    unknown = (i == 0) | (j == 0) | np.eye(ranks.shape[-1], dtype=bool)
    return np.where(unknown, np.nan, (1 + np.sign(j - i)) / 2)


def mean_targets(targets: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(K, K) weighted means of pair targets (V, K, K), and the sums of weights behind them.

    A mean is over the targets that are known, NaN if there is none.
    """
    pair_weights = weights[:, None, None] * ~np.isnan(targets)
    total = pair_weights.sum(0)
    return ratio((pair_weights * np.nan_to_num(targets)).sum(0), total), total


def examples(
    result: Aggregation,
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
    *,
    ballots_of: Rankings | None = None,
    weights: Mapping[str, float] | None = None,
    both_bad: BothBad = "skip",
    margin_scale: float = 0.0,
) -> list[Example]:
    """Join collective rankings with their texts, one K-wise example per prompt.

    Parameters
    ----------
    result
        The collective rankings.
    prompts
        Text or chat messages of each prompt.
    responses
        Text of each response, by prompt.
    ballots_of
        The rankings that ``result`` was made from: when given, every example carries its ballots, to
        learn from (or from their shares) or to measure by; and a pair that no ballot compares has no
        target, whatever the collective ranking makes of it.
    weights
        Weight of each prompt; 1 for those not named.
    both_bad
        What two responses are that a ballot ties and disapproves: not compared ("skip"), or tied ("tie").
    margin_scale
        Margin of a pair for a strength of 1, if the ballots have strengths; 0 leaves them out. A pair's
        margin is the mean over the ballots that compare it and say how strongly.

    Raises
    ------
    ValueError
        If a text is missing; the message names the prompt and the response.

    Examples
    --------
    >>> import rlchf
    >>> result = rlchf.aggregate(rlchf.Rankings.from_ballots([("p", "ann", [["b"], ["a"]])]))
    >>> example, = examples(result, {"p": "Greet me."}, {"p": {"a": "No.", "b": "Hello!"}})
    >>> example.responses, example.ranks
    (['No.', 'Hello!'], [2, 1])
    """
    check_texts(result, prompts, responses)
    ballots = {} if ballots_of is None else ballots_by_prompt(ballots_of)
    ties_bad = both_bad == "tie"
    has_strengths = ballots_of is not None and ballots_of.ballot_strengths is not None
    joined = []
    for p, prompt_id in enumerate(result.prompt_ids):
        of_prompt = slice(int(result.response_starts[p]), int(result.response_starts[p + 1]))
        ids = result.response_ids[of_prompt]
        cast = ballots.get(prompt_id)
        if cast is not None and ballots_of is not None:
            order = _order(ballots_of, prompt_id, ids)
            cast = Ballots(
                ranks=cast.ranks[:, order],
                weights=cast.weights,
                annotators=cast.annotators,
                approvals=None if ties_bad or cast.approvals is None else cast.approvals[:, order],
                strengths=cast.strengths,
            )
        targets = result.pair_probabilities(prompt_id)
        if cast is not None:
            targets = _known_targets(targets, result.response_ranks[of_prompt], cast)
        joined.append(
            Example(
                prompt_id=prompt_id,
                prompt=prompts[prompt_id],
                response_ids=ids,
                responses=[responses[prompt_id][r] for r in ids],
                ranks=result.response_ranks[of_prompt].tolist(),
                weight=1.0 if weights is None else weights.get(prompt_id, 1.0),
                targets=targets,
                margins=_scaled_margins(cast, margin_scale) if has_strengths else None,
                ballots=cast,
                scores=result.response_scores[of_prompt].tolist(),
            )
        )
    return joined


def _scaled_margins(ballots: Ballots | None, scale: float) -> np.ndarray | None:
    return None if ballots is None or scale == 0 else scale * ballots.margins()


def _known_targets(
    targets: np.ndarray | None, ranks: np.ndarray, ballots: Ballots
) -> np.ndarray | None:
    """The pair targets of a collective ranking, NaN where no ballot compares; None if the ranks say all."""
    unknown = ~ballots.compared()
    if unknown.sum() == len(ranks):  # the diagonal
        return targets
    return np.where(unknown, np.nan, order_targets(ranks) if targets is None else targets)


def uncompared_pairs(examples: Sequence[Example]) -> tuple[int, int]:
    """The number of pairs without a target, because no ballot compares them, and that of all pairs.

    Examples
    --------
    >>> targets = np.array([[np.nan, 1, np.nan], [0, np.nan, np.nan], [np.nan] * 3])
    >>> uncompared_pairs([Example("p", "Hi", ["a", "b", "c"], ["A", "B", "C"], [1, 2, 2], targets=targets)])
    (2, 3)
    """
    unknown = (np.isnan(np.triu(e.targets, 1)).sum() for e in examples if e.targets is not None)
    pairs = (len(e.ranks) * (len(e.ranks) - 1) // 2 for e in examples)
    return int(sum(unknown)), sum(pairs)


def _order(rankings: Rankings, prompt_id: str, ids: Sequence[str]) -> list[int]:
    """The indices that a prompt's responses have in the rankings."""
    index = {response: k for k, response in enumerate(rankings.responses(prompt_id))}
    for response in ids:
        if response not in index:
            raise ValueError(
                f"the collective ranking of prompt {prompt_id!r} has the response {response!r}, which "
                "its ballots do not have; give the ballots that it was made from"
            )
    return [index[response] for response in ids]


def check_texts(
    rankings: Aggregation | Rankings,
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
    prompts_file: str = "the prompts file",
    responses_file: str = "the responses file",
) -> None:
    """Refuse texts that lack a prompt or a response that is ranked, naming the first one missing."""
    for p, prompt_id in enumerate(rankings.prompt_ids):
        if prompt_id not in prompts:
            raise ValueError(
                f"{prompts_file} has no prompt {prompt_id!r}, which a ballot ranks; "
                "add a line for it, or leave its ballots out"
            )
        texts = responses.get(prompt_id, {})
        for r in range(int(rankings.response_starts[p]), int(rankings.response_starts[p + 1])):
            if rankings.response_ids[r] not in texts:
                raise ValueError(
                    f"{responses_file} has no response {rankings.response_ids[r]!r} of prompt "
                    f"{prompt_id!r}, which a ballot names; add a line for it"
                )


def ballots_by_prompt(rankings: Rankings) -> dict[str, Ballots]:
    """The ballots of each prompt, its responses in the order of ``rankings``.

    Examples
    --------
    >>> ballots = ballots_by_prompt(Rankings.from_ballots([("p", "ann", "b > a"), ("p", "bob", "a = b")]))
    >>> ballots["p"].ranks.tolist(), ballots["p"].annotators
    ([[2, 1], [1, 1]], ['ann', 'bob'])
    """
    ballots: dict[str, Ballots] = {}
    strengths, starts = rankings.ballot_strengths, rankings.ballot_starts
    for prompts, profiles in rankings.profiles():
        approvals = profiles.approvals
        for b, p in enumerate(prompts):
            of_prompt = slice(int(profiles.starts[b]), int(profiles.starts[b + 1]))
            ballots[rankings.prompt_ids[p]] = Ballots(
                ranks=profiles.ranks[:, of_prompt].T.copy(),
                weights=profiles.weights[of_prompt],
                annotators=[rankings.annotator_ids[a] for a in profiles.annotators[of_prompt]],
                approvals=approvals if approvals is None else approvals[:, of_prompt].T.copy(),
                strengths=strengths if strengths is None else strengths[starts[p] : starts[p + 1]],
            )
    return ballots


def split(
    examples: Sequence[Example], held_out: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Split by prompt into examples to learn from and examples held out, at random by ``seed``.

    Examples
    --------
    >>> ten = [Example(str(i), "", ["a", "b"], ["", ""], [1, 2]) for i in range(10)]
    >>> [len(part) for part in split(ten, 0.2, seed=0)]
    [8, 2]
    """
    order = np.random.default_rng(seed).permutation(len(examples))
    n = round(held_out * len(examples))
    return [examples[i] for i in sorted(order[n:])], [examples[i] for i in sorted(order[:n])]
