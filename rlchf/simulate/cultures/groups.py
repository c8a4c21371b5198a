"""Groups of annotators, with random clickers and people who differ from their group."""

import numpy as np

from rlchf.limits import check_memory
from rlchf.simulate.insertion import mallows_ranks
from rlchf.simulate.membership import members, numbered_names
from rlchf.simulate.polls import Poll, Votes, random_orders

LABEL = np.array(["no", "yes"])
TAKEN = ("annotator_id", "weight", "clicker", "dissenter")
"""Columns of an annotators file that mean something else."""


def groups(
    poll: Poll,
    *,
    groups: int | None = None,
    sizes: tuple[float, ...] = (),
    names: tuple[str, ...] = (),
    column: str = "group",
    phi: float = 0.4,
    centre_phi: float = 1.0,
    opposed: int = 0,
    clickers: int = 0,
    dissenters: int = 0,
) -> Votes:
    """Each group has a central order of every prompt's responses, and its members vote around it.

    The votes follow Mallows' model, and so do the groups' central orders around one of the whole society.

    Parameters
    ----------
    groups
        Number of groups; by default that of the sizes or names, or else 3.
    sizes
        Sizes of the groups, or numbers in proportion to them; by default equal.
    names
        Their names; by default g1, g2, ...
    column
        The name of the annotators' feature that holds the group.
    phi
        Dispersion of a group's members around its central order: 0 for none, 1 for random ballots.
    centre_phi
        Dispersion of the groups' central orders around that of the society: 0 makes them the same, 1
        independent.
    opposed
        Number of groups, the last ones, whose central orders are around the reverse of the society's.
    clickers
        Number of annotators who rank at random. They are drawn from all groups.
    dissenters
        Number of annotators who vote around an order of their own, with the dispersion phi, and not around
        their group's. They are no clickers.

    References
    ----------
    C. L. Mallows, "Non-null ranking models", 1957; T. Lu, C. Boutilier, "Effective sampling and learning
    for Mallows models with pairwise-preference data", 2014 (mixtures of them).
    """
    _check_numbers(groups, sizes, names)
    names = names or tuple(
        numbered_names("g", len(sizes) or (3 if groups is None else groups), poll)
    )
    if not column.strip() or column in TAKEN:
        raise ValueError(f"column is {column!r}; give another name than {', '.join(TAKEN)}")
    for name, value in (("phi", phi), ("centre_phi", centre_phi)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is {value}; give a number from 0 to 1")
    if not 0 <= opposed <= len(names):
        raise ValueError(f"opposed is {opposed}; give 0 to {len(names)}, the number of groups")
    group = members(names, sizes, poll)  # (A,)
    number = poll.n_prompts * len(names) * poll.n_responses
    check_memory(
        50.0 * number, f"{len(names):,} central orders of each of {poll.n_prompts:,} prompts"
    )
    clicks, differs = _apart(poll, clickers, dissenters)
    centres = _centres(poll, len(names), centre_phi, opposed)  # (P, G, M)
    orders = centres[poll.prompts, group[poll.annotators]]  # (K, M)
    own, random = differs[poll.annotators], clicks[poll.annotators]
    orders[own] = random_orders((int(own.sum()), poll.n_responses), poll.rng)
    ranks = mallows_ranks(phi, orders, poll.rng)
    ranks[:, random] = 1 + random_orders((int(random.sum()), poll.n_responses), poll.rng).T
    features = {column: np.array(names)[group]}
    features |= {"clicker": LABEL[clicks.astype(int)]} if clickers else {}
    features |= {"dissenter": LABEL[differs.astype(int)]} if dissenters else {}
    M = poll.n_responses
    quality = {name: M - 1.0 - centres[:, g] for g, name in enumerate(names)}
    return Votes(ranks, features, quality)


def _check_numbers(groups: int | None, sizes: tuple[float, ...], names: tuple[str, ...]) -> None:
    """Refuse a number of groups that is not that of the sizes or of the names."""
    for what, given in (("sizes", sizes), ("names", names)):
        if given and groups is not None and len(given) != groups:
            raise ValueError(
                f"groups is {groups}, and there are {len(given)} {what}; give {groups} {what}, or leave out "
                "groups"
            )


def _apart(poll: Poll, clickers: int, dissenters: int) -> tuple[np.ndarray, np.ndarray]:
    """(A,) bool: who clicks at random, and who differs from the group."""
    A = poll.n_annotators
    if clickers < 0 or dissenters < 0 or clickers + dissenters > A:
        raise ValueError(
            f"there are {clickers} clickers and {dissenters} dissenters of {A} annotators; give numbers of 0 "
            "or more that fit"
        )
    lot = poll.rng.permutation(A)
    clicks, differs = np.zeros(A, dtype=bool), np.zeros(A, dtype=bool)
    clicks[lot[:clickers]] = True
    differs[lot[clickers : clickers + dissenters]] = True
    return clicks, differs


def _centres(poll: Poll, G: int, centre_phi: float, opposed: int) -> np.ndarray:
    """(P, G, M) the place of each response in each group's central order."""
    P, M = poll.n_prompts, poll.n_responses
    society = np.repeat(random_orders((P, 1, M), poll.rng), G, axis=1)
    society[:, G - opposed :] = M - 1 - society[:, G - opposed :]
    drawn = mallows_ranks(centre_phi, society.reshape(P * G, M), poll.rng)
    return np.asarray(drawn.T.reshape(P, G, M).astype(np.int64) - 1)
