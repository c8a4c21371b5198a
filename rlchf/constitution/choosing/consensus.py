"""Group-informed consensus: how likely members of all opinion groups are to agree."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from rlchf.constitution.choosing.votes import Votes

Consensus = Literal["product", "product_without_passes", "minimum"]
"""How the groups' probabilities are made one number."""


def group_informed_consensus(
    votes: Votes, groups: Sequence[np.ndarray], consensus: Consensus = "product"
) -> np.ndarray:
    """Score each statement by the groups' probabilities of agreeing.

    The probability of a group is (A + 1) / (S + 2): A of its members agree, and S vote. Three
    definitions are in use under this name, or that of group-aware consensus:

    - "product": the product over the groups, where a pass is a vote (S). This is what Polis computes.
    - "product_without_passes": the product, where S counts agreeing and disagreeing votes only. This is what
      the Collective Intelligence Project computes, on votes that it fills in first; here they are not.
    - "minimum": the probability of the group that agrees least. It is what Jigsaw's sensemaking tools compare
      with a threshold, before they order by the product.

    Parameters
    ----------
    groups
        Each group's members, (V,) bool; a voter may be in none.

    Returns
    -------
    (M,) scores, higher is better. A group that did not see a statement counts 1/2.

    Raises
    ------
    ValueError
        If there are no groups.

    References
    ----------
    The Computational Democracy Project, ``compdemocracy/polis``, ``:group-aware-consensus`` in
    ``math/src/polismath/math/conversation.clj``; The Collective Intelligence Project,
    ``collect-intel/osccai``, ``apps/consensus-service/api/update_gac_scores.py``; Google Jigsaw,
    ``Jigsaw-Code/sensemaking-tools``, ``getGroupInformedConsensus`` and ``getMinAgreeProb``.

    Examples
    --------
    Three of one group agree, and of the other one agrees and one passes:

    >>> votes = Votes.from_ballots({v: {"s": 1} for v in "abcd"} | {"e": {"s": 0}})
    >>> groups = [np.array([1, 1, 1, 0, 0]) == 1, np.array([0, 0, 0, 1, 1]) == 1]
    >>> group_informed_consensus(votes, groups)  # 4/5 times 2/4
    array([0.4])
    >>> group_informed_consensus(votes, groups, "product_without_passes").round(2)
    array([0.53])
    >>> group_informed_consensus(votes, groups, "minimum")
    array([0.5])
    """
    if not groups:
        raise ValueError("group-informed consensus needs opinion groups; give one or more")
    passes_count = consensus != "product_without_passes"
    probabilities = []
    for members in groups:
        values = votes.values[members]
        agree, disagree = (values == 1).sum(axis=0), (values == -1).sum(axis=0)
        passed = (values == 0).sum(axis=0) if passes_count else 0
        probabilities.append((agree + 1) / (agree + disagree + passed + 2))
    table = np.array(probabilities)  # (G, M)
    scores: np.ndarray = table.min(axis=0) if consensus == "minimum" else table.prod(axis=0)
    return scores
