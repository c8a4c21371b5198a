"""Polls to draw: who votes on which prompt, and what a culture draws for them."""

from dataclasses import dataclass, field

import numpy as np

from rlchf.numeric.segments import offsets


@dataclass(frozen=True)
class Poll:
    """Who votes on which prompt, and the random generator of their votes.

    Attributes
    ----------
    n_prompts, n_annotators, n_responses
        ``P`` prompts with ``M`` responses each, and ``A`` annotators.
    annotators
        (K,) the annotator of each ballot; the ballots of all prompts lie end to end.
    per_prompt
        ``V``, the number of ballots on each prompt: ``K = P V``.
    rng
        The random generator.
    """

    n_prompts: int
    n_annotators: int
    n_responses: int
    annotators: np.ndarray
    per_prompt: int
    rng: np.random.Generator

    @classmethod
    def drawn(
        cls,
        prompts: int,
        annotators: int,
        responses: int,
        per_prompt: int,
        rng: np.random.Generator,
    ) -> "Poll":
        """A poll in which ``per_prompt`` annotators, drawn for each prompt, vote on it.

        Examples
        --------
        >>> poll = Poll.drawn(2, 3, 4, 3, np.random.default_rng(0))
        >>> poll.annotators, poll.prompts
        (array([0, 1, 2, 0, 1, 2]), array([0, 0, 0, 1, 1, 1]))
        """
        everybody = np.arange(annotators)
        if per_prompt == annotators:
            chosen = np.tile(everybody, prompts)
        else:
            chosen = np.sort(subsets(prompts, annotators, per_prompt, rng), axis=1).ravel()
        return cls(prompts, annotators, responses, chosen, per_prompt, rng)

    @property
    def n_ballots(self) -> int:
        """Number of ballots, ``K``."""
        return len(self.annotators)

    @property
    def prompts(self) -> np.ndarray:
        """(K,) the prompt of each ballot."""
        return np.repeat(np.arange(self.n_prompts), self.per_prompt)

    @property
    def starts(self) -> np.ndarray:
        """(P + 1,) the ballots of prompt ``p`` are at ``starts[p]`` to ``starts[p + 1]``."""
        return offsets(np.full(self.n_prompts, self.per_prompt))


@dataclass(frozen=True)
class Votes:
    """What a culture draws.

    Attributes
    ----------
    ranks
        (M, K) int16: 1 is best, without ties and gaps.
    annotators
        What is known of each annotator, such as its group: for each feature (A,) values.
    quality
        What is planted: for each taste, such as a group's, (P, M) numbers, higher is better.
    """

    ranks: np.ndarray
    annotators: dict[str, np.ndarray] = field(default_factory=dict)
    quality: dict[str, np.ndarray] = field(default_factory=dict)


def ranks_of(scores: np.ndarray) -> np.ndarray:
    """Ranks of scores without ties, by column: the highest gets 1.

    Parameters
    ----------
    scores
        (M, K).

    Examples
    --------
    >>> ranks_of(np.array([[0.5, 3.0], [2.5, 1.0], [1.0, 2.0]]))
    array([[3, 1],
           [1, 3],
           [2, 2]], dtype=int16)
    """
    M, K = scores.shape
    if M > 16:  # comparisons of all pairs would take longer
        ranks = np.empty((M, K), dtype=np.int16)
        np.put_along_axis(ranks, np.argsort(-scores, axis=0), np.arange(1, M + 1)[:, None], axis=0)
        return ranks
    ranks = np.ones((M, K), dtype=np.int16)
    for i in range(M):
        for j in range(i):
            above = scores[i] >= scores[j]
            ranks[j] += above
            ranks[i] += ~above
    return ranks


def random_orders(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Uniformly random permutations of 0, 1, ..., M - 1 along the last axis, of length M.

    Examples
    --------
    >>> sorted(random_orders((2, 3), np.random.default_rng(0))[1].tolist())
    [0, 1, 2]
    """
    return np.asarray(rng.random(shape).argsort(axis=-1))


def subsets(rows: int, of: int, number: int, rng: np.random.Generator) -> np.ndarray:
    """(rows, number) different numbers below ``of``, drawn at random in each row.

    Few of many are drawn by Floyd's method: J. Bentley, "Programming pearls: a sample of brilliance", 1987.

    Examples
    --------
    >>> np.sort(subsets(2, 3, 3, np.random.default_rng(0)), axis=1)
    array([[0, 1, 2],
           [0, 1, 2]])
    """
    if number**2 < of:
        chosen = np.empty((rows, number), dtype=np.int64)
        for column, last in enumerate(range(of - number, of)):
            one = rng.integers(last + 1, size=rows)
            taken = (chosen[:, :column] == one[:, None]).any(axis=1)
            chosen[:, column] = np.where(taken, last, one)
        return chosen
    step = max(1, 2**22 // of)  # random numbers at a time
    return np.concatenate([
        np.argpartition(rng.random((min(step, rows - at), of)), number - 1, axis=1)[:, :number]
        for at in range(0, rows, step)
    ])  # fmt: skip
