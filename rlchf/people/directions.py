"""The few directions of taste in which people agree beyond chance, and the votes that they lead to expect."""

from typing import Any

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, eigsh

from rlchf.people.votes import PairVotes

MOST = 10
"""Directions, at most."""

FOLDS = 10
"""Parts of the people; the directions for each are those of the others."""

SMALL = 400
"""People, up to whom their agreements are kept as a table."""

DENSE = 0.05
"""Share of a table of annotators and pairs that is filled, from which it is not kept as a sparse one."""

SURE = 3.0
"""Standard errors above 0 of the agreement of people with a direction that counts."""


def expected_votes(votes: PairVotes, seed: int = 0) -> np.ndarray:
    """What the directions of taste among other people lead to expect.

    The directions are the leading eigenvectors of the matrix of agreements between people, without its
    diagonal: the sum of the products of two people's votes, divided by the roots of their numbers of ballots.
    They are computed for each tenth of the people from the votes of all others, so that what is expected of
    people does not depend on their own ballots. Places in a direction count by their squares, as the few whom
    it is about have larger ones than chance gives to the many. Only directions count in which people differ
    from chance: who agrees with one on some ballots does so on others, or contradicts it on both.

    Returns
    -------
    (D, K) for each direction the sum on the pair of each vote of the others' sides times the squares of their
    places in the direction, with their signs.

    References
    ----------
    A. B. Owen and P. O. Perry, "Bi-cross-validation of the SVD and the nonnegative matrix factorization",
    2009.

    Examples
    --------
    >>> from rlchf.rankings import Rankings
    >>> rng = np.random.default_rng(0)
    >>> better = lambda p: "a > b" if rng.random() < (0.8 if p % 2 else 0.2) else "b > a"
    >>> ballots = [(p, f"ann{a}", better(p)) for p in range(40) for a in range(40)]
    >>> votes = PairVotes.of(Rankings.from_ballots(ballots))
    >>> expected = expected_votes(votes)
    >>> bool(abs((expected[0] * votes.sides > 0).mean() - 0.5) > 0.25)
    True
    """
    A, k = votes.n_annotators, min(MOST, votes.n_annotators)
    rng = np.random.default_rng(seed)
    ballots = np.bincount(votes.cell_annotators[np.unique(votes.cells)], minlength=A)
    scale = 1 / np.sqrt(np.maximum(ballots, 1.0))
    start, fold = rng.standard_normal(A), rng.permutation(A) % FOLDS
    agreements = _Agreements(votes)
    expected = np.zeros((k, len(votes.pairs)), np.float32)
    for f in range(min(FOLDS, A)):
        others = np.where(fold == f, 0.0, scale)
        vectors = agreements.leading(others, k, start)
        places = others[:, None] * vectors * np.abs(vectors)
        on_pairs = agreements.transposed @ places  # (U, k)
        chosen = np.flatnonzero(fold[votes.annotators] == f)
        expected[:, chosen] = on_pairs[votes.pairs[chosen]].T
    return expected[[consistency(votes, votes.sides * row) > SURE for row in expected]]


def consistency(votes: PairVotes, products: np.ndarray) -> float:
    """How consistent people are over their ballots: about 0 if they click at random.

    The sum over every two ballots of a person of the product of what they sum up to, in standard errors.

    Parameters
    ----------
    products
        (K,) the sides of votes times what is expected of them.
    """
    of_ballots = np.bincount(votes.cells, products, len(votes.cell_annotators))
    sums, squares, fourth = (
        np.bincount(votes.cell_annotators, of_ballots**power, votes.n_annotators)
        for power in (1, 2, 4)
    )
    variance = 2 * float((squares**2 - fourth).sum())
    return float((sums**2 - squares).sum()) / np.sqrt(variance) if variance > 0 else 0.0


class _Agreements:
    """The matrix of agreements between people; a table where there are few."""

    def __init__(self, votes: PairVotes) -> None:
        A, a = votes.n_annotators, votes.annotators
        self.sides = csr_array((votes.sides, (a, votes.pairs)), shape=(A, votes.n_pairs))
        self.transposed = csr_array(self.sides.T)
        self.diagonal = np.bincount(a, votes.sides**2, A)
        self.table: Any = None
        if A <= SMALL:
            sides: Any = self.sides
            if len(votes.sides) > DENSE * A * votes.n_pairs:
                sides = sides.toarray()
            products = sides @ sides.T
            self.table = products if isinstance(products, np.ndarray) else products.toarray()
            np.fill_diagonal(self.table, 0.0)

    def leading(self, scale: np.ndarray, k: int, start: np.ndarray) -> np.ndarray:
        """(A, k) the eigenvectors with the largest eigenvalues, from the largest on."""
        A = len(scale)
        if self.table is not None:
            scaled = self.table * scale[:, None] * scale
            _, vectors = eigh(scaled, subset_by_index=(A - k, A - 1))
        else:
            matrix = LinearOperator((A, A), matvec=lambda x: self._times(x, scale), dtype=float)
            _, vectors = eigsh(matrix, k, which="LA", v0=start, tol=1e-3)
        return np.asarray(vectors[:, ::-1])

    def _times(self, x: np.ndarray, scale: np.ndarray) -> np.ndarray:
        x = scale * x.ravel()
        return np.asarray(scale * (self.sides @ (self.transposed @ x) - self.diagonal * x))
