"""A batch of prompts with equally many responses: what a per-prompt rule sees."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from rlchf.display import counted, html_table
from rlchf.notation import parse_ballot
from rlchf.numeric.arrays import Array, array_namespace, device_of, segment_sum, to_numpy
from rlchf.numeric.integer_weights import integer_weights
from rlchf.numeric.pairwise import check_pairs, pairwise_wins
from rlchf.numeric.segments import offsets

UNSTATED = -128
"""What stands for an approval on a ballot that states none."""

COARSE = 2.0**12  # in integer weights, where weights are rounded to 2^-50 of their sum


@dataclass(frozen=True, eq=False)
class Profiles:
    """Ballots of ``B`` prompts, all with exactly ``M`` responses, stored end to end.

    There is no padding and there are no masks, because all prompts of a batch have the same ``M``.

    Attributes
    ----------
    ranks
        (M, K) int16. ``ranks[i, k]`` is the rank of response ``i`` on ballot ``k``: 1 is best, equal
        is tied, 0 means that the ballot leaves out the response. Contiguous per response, because every
        pairwise rule compares whole rows.
    starts
        (B + 1,) numpy int64. Ballots ``starts[b]`` to ``starts[b + 1]`` belong to prompt ``b``;
        every prompt has at least one.
    weights
        (K,) float64, at least 0. Weight 2 counts as two ballots.
    annotators
        (K,) numpy int64. The annotator of each ballot, as an index into the dataset's annotators.
    scores
        (M, K) float64 or None. The annotators' own scores (higher is better, NaN where there is none),
        kept when the ballots came as scores.
    approvals
        (M, K) int8 or None. What each ballot thinks of each response by itself: 1 approves, 0 is neutral,
        -1 disapproves; 0 for a response that the ballot leaves out, `UNSTATED` throughout a ballot that
        states no approvals. None if no ballot does.
    prompts
        (B,) numpy int64. The prompts, as indices into the dataset's prompts; by default 0, 1, ... A rule's
        random draws depend on these, and not on the batch that a prompt is in.
    """

    ranks: Array
    starts: np.ndarray
    weights: Array
    annotators: np.ndarray
    scores: Array | None = None
    approvals: Array | None = None
    prompts: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        if len(self.prompts) != self.n_prompts:
            object.__setattr__(self, "prompts", np.arange(self.n_prompts))

    @classmethod
    def from_ballots(
        cls,
        prompts: Sequence[Sequence[str]],
        responses: Sequence[str] | None = None,
        weights: Sequence[Sequence[float]] | None = None,
    ) -> "Profiles":
        """Build a batch from ballots written as text, for examples and tests.

        Parameters
        ----------
        prompts
            For each prompt its ballots, such as ``["a > b = c", "c > a"]``; responses that a ballot
            does not name are missing from it.
        responses
            The responses in order; by default all that are named, sorted.
        weights
            For each prompt the weights of its ballots; by default 1.

        Raises
        ------
        ValueError
            If a ballot names a response twice or one that is not in ``responses``.

        Examples
        --------
        >>> profiles = Profiles.from_ballots([["a > b > c", "c > a = b"]])
        >>> profiles.ranks
        array([[1, 2],
               [2, 2],
               [3, 1]], dtype=int16)
        >>> profiles.wins[0]
        array([[0., 1., 1.],
               [0., 0., 1.],
               [1., 1., 0.]])
        """
        for ballots in prompts:
            if isinstance(ballots, str):
                raise ValueError(f"{ballots!r} is a ballot; give a list of ballots for each prompt")
        parsed = [[parse_ballot(ballot) for ballot in ballots] for ballots in prompts]
        all_ballots = list(itertools.chain(*parsed))
        named = {name for levels in all_ballots for level in levels for name in level}
        names = sorted(named) if responses is None else list(responses)
        index = {name: i for i, name in enumerate(names)}
        counts = [len(ballots) for ballots in parsed]
        ranks = np.zeros((len(names), sum(counts)), dtype=np.int16)
        for column, levels in zip(ranks.T, all_ballots, strict=True):
            for rank, level in enumerate(levels, start=1):
                for name in level:
                    if name not in index:
                        raise ValueError(f"a ballot names {name!r}; choose from {names}")
                    if column[index[name]]:
                        raise ValueError(f"a ballot names {name!r} twice")
                    column[index[name]] = rank
        for p, (n, of_prompt) in enumerate(zip(counts, weights or (), strict=False)):
            if len(of_prompt) != n:
                raise ValueError(
                    f"prompt {p} has {counted(n, 'ballot')} and {counted(len(of_prompt), 'weight')}; "
                    "give one for each"
                )
        ones = np.ones(sum(counts))
        return cls(
            ranks=ranks,
            starts=offsets(np.array(counts)),
            weights=ones if weights is None else np.concatenate(weights, dtype=np.float64),
            annotators=np.concatenate([np.arange(n) for n in counts]),
        )

    @classmethod
    def from_approvals(cls, ballots: Sequence[Sequence[int]]) -> "Profiles":
        """Build a batch of one prompt from ballots that approve (1), disapprove (-1) or neither (0).

        Parameters
        ----------
        ballots
            (K, M) what each ballot says of each response; it ranks them by that.

        Examples
        --------
        >>> Profiles.from_approvals([[1, 1, -1], [0, 1, 0]]).ranks
        array([[1, 2],
               [1, 1],
               [2, 2]], dtype=int16)
        """
        approvals = np.array(ballots, dtype=np.int8)  # (K, M)
        ranks = [np.unique(-row, return_inverse=True)[1].ravel() + 1 for row in approvals]
        K = len(approvals)
        return cls(
            ranks=np.ascontiguousarray(np.array(ranks, dtype=np.int16).T),
            starts=np.array([0, K]),
            weights=np.ones(K),
            annotators=np.arange(K),
            approvals=np.ascontiguousarray(approvals.T),
        )

    def __repr__(self) -> str:
        K, M = len(self.weights), self.n_responses
        prompts, responses = counted(self.n_prompts, "prompt"), counted(M, "response")
        return f"Profiles: {prompts} of {responses}, {counted(K, 'ballot')}"

    def _repr_html_(self) -> str:
        ranks, names = to_numpy(self.ranks), ["prompt", "weight", "ranks of the responses"]
        rows = [
            (int(p), f"{float(self.weights[k]):g}", ranks[:, k].tolist())
            for k, p in enumerate(to_numpy(self.owners)[:5])
        ]
        return html_table(repr(self), names, rows)

    @property
    def n_prompts(self) -> int:
        """Number of prompts, ``B``."""
        return len(self.starts) - 1

    @property
    def n_responses(self) -> int:
        """Number of responses of each prompt, ``M``."""
        return int(self.ranks.shape[0])

    @cached_property
    def _integers(self) -> tuple[Array, Array, Array]:
        arrays = integer_weights(to_numpy(self.weights), self.starts)
        if arrays[0] is self.weights:
            return arrays
        xp, device = array_namespace(self.ranks), device_of(self.ranks)
        weights, scale, is_exact = (xp.asarray(array, device=device) for array in arrays)
        return weights, scale, is_exact

    @property
    def integer_weights(self) -> Array:
        """(K,) float64: the weights as whole numbers, so that sums are exact; see `integer_weights`."""
        return self._integers[0]

    @property
    def scale(self) -> Array:
        """(B,) float64: integer weight divided by weight; 1 on prompts whose weights are whole."""
        return self._integers[1]

    @property
    def is_exact(self) -> Array:
        """(B,) bool: whether the integer weights keep the proportions of the weights, unrounded."""
        return self._integers[2]

    @cached_property
    def wins(self) -> Array:
        """(B, M, M) float64: the integer weight of the ballots that rank ``i`` above ``j``.

        A ballot that leaves out one of the two counts for neither.
        """
        return pairwise_wins(self.ranks, self.starts, self.integer_weights)

    @cached_property
    def margins(self) -> Array:
        """(B, M, M) float64: the integer weight for ``i`` above ``j`` minus that for ``j`` above ``i``."""
        xp = array_namespace(self.wins)
        margins = self.wins - xp.matrix_transpose(self.wins)
        if bool(xp.all(self.is_exact)):
            return margins
        # Weights without a common part add up with errors: what is nearly a tie should be one.
        return xp.where(self.is_exact[:, None, None], margins, xp.round(margins / COARSE) * COARSE)

    @cached_property
    def compared(self) -> Array:
        """(B, M, M) float64: the integer weight of ballots that rank ``i`` and ``j``; 0 for ``i = j``."""
        xp = array_namespace(self.ranks)
        M, device = self.n_responses, device_of(self.ranks)
        check_pairs(M, self.n_prompts)
        compared = xp.zeros((self.n_prompts, M, M), dtype=xp.float64, device=device)
        ranked = self.ranks > 0
        for i in range(M - 1):
            both = segment_sum((ranked[i] & ranked[i + 1 :]) * self.integer_weights, self.starts).T
            compared[:, i, i + 1 :] = both
            compared[:, i + 1 :, i] = both
        return compared

    @property
    def contested(self) -> Array:
        """(B, M, M) bool: whether two ballots with a weight strictly disagree about ``i`` and ``j``."""
        xp = array_namespace(self.wins)
        return (self.wins > 0) & (xp.matrix_transpose(self.wins) > 0)

    @property
    def unanimous(self) -> Array:
        """(B, M, M) bool: whether some ballot compares ``i`` and ``j``, and all that do put ``i`` above.

        A ballot that ties the two compares them, and one without weight does not count.

        Examples
        --------
        >>> Profiles.from_ballots([["a > b = c", "a > c"]]).unanimous[0]
        array([[False,  True,  True],
               [False, False, False],
               [False, False, False]])
        """
        return (self.wins > 0) & (self.wins == self.compared)

    @cached_property
    def totals(self) -> Array:
        """(B,) float64: the integer weight of all ballots of each prompt."""
        return segment_sum(self.integer_weights, self.starts)

    @cached_property
    def owners(self) -> Array:
        """(K,) int64: the prompt of each ballot, as an index into this batch."""
        xp = array_namespace(self.ranks)
        owners = np.repeat(np.arange(self.n_prompts), np.diff(self.starts))
        return xp.asarray(owners, device=device_of(self.ranks))

    def reweighted(self, weights: Array) -> "Profiles":
        """The same ballots with other weights, (K,)."""
        return replace(self, weights=weights)

    def part(self, start: int, end: int) -> "Profiles":
        """Prompts ``start`` to ``end`` of the batch, as views of its arrays."""
        ballots = slice(int(self.starts[start]), int(self.starts[end]))
        return Profiles(
            ranks=self.ranks[:, ballots],
            starts=self.starts[start : end + 1] - self.starts[start],
            weights=self.weights[ballots],
            annotators=self.annotators[ballots],
            scores=None if self.scores is None else self.scores[:, ballots],
            approvals=None if self.approvals is None else self.approvals[:, ballots],
            prompts=self.prompts[start:end],
        )

    def map(self, convert: Callable[[Array], Array]) -> "Profiles":
        """The same batch with each array converted, say by ``torch.as_tensor``."""
        ranks, weights = convert(self.ranks), convert(self.weights)
        scores = None if self.scores is None else convert(self.scores)
        approvals = None if self.approvals is None else convert(self.approvals)
        return replace(self, ranks=ranks, weights=weights, scores=scores, approvals=approvals)
