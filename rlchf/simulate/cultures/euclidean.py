"""Spatial preferences."""

from typing import Literal

import numpy as np

from rlchf.limits import check_memory
from rlchf.simulate.membership import members, numbered_names
from rlchf.simulate.polls import Poll, Votes, ranks_of

Points = Literal["uniform", "normal", "sphere"]


def euclidean(
    poll: Poll,
    *,
    dimensions: int = 2,
    annotator_points: Points = "uniform",
    response_points: Points = "uniform",
    clusters: int = 0,
    cluster_spread: float = 0.15,
) -> Votes:
    """Annotators and responses are points; an annotator ranks responses by their distance, the nearest first.

    An annotator keeps its point; each prompt's responses have points of their own.

    Parameters
    ----------
    dimensions
        Number of dimensions.
    annotator_points, response_points
        Distribution of the points: uniform from -1 to 1 in every dimension, standard normal, or uniform on
        the sphere of radius 1.
    clusters
        Number of groups of annotators, whose points are normal around a point of the group; 0 for none.
    cluster_spread
        Standard deviation of an annotator's point from its group's, in every dimension.

    References
    ----------
    J. M. Enelow, M. J. Hinich, "The spatial theory of voting", 1984.
    """
    if not 1 <= dimensions <= 1000:
        raise ValueError(f"dimensions is {dimensions}; give a number from 1 to 1000")
    if clusters < 0 or not 0 <= cluster_spread < np.inf:
        raise ValueError(
            f"clusters is {clusters} and cluster_spread {cluster_spread}; give numbers of 0 or more"
        )
    number = poll.n_prompts * poll.n_responses
    check_memory(
        100.0 * dimensions * (number + poll.n_annotators), f"points of {dimensions:,} dimensions"
    )
    features = {}
    if clusters:
        names = numbered_names("g", clusters, poll)
        group = members(names, (), poll)
        features["group"] = np.array(names)[group]
        noise = poll.rng.standard_normal((poll.n_annotators, dimensions))
        middles = points(annotator_points, clusters, dimensions, poll.rng)
        people = middles[group] + cluster_spread * noise
    else:
        people = points(annotator_points, poll.n_annotators, dimensions, poll.rng)
    places = points(response_points, number, dimensions, poll.rng)
    places = places.reshape(poll.n_prompts, poll.n_responses, dimensions)
    features |= {f"x{d + 1}": people[:, d].round(4) for d in range(dimensions)}
    quality = {f"x{d + 1}": places[:, :, d] for d in range(dimensions)}
    return Votes(ranks_of(-_distances(poll, people, places)), features, quality)


def points(
    distribution: Points, number: int, dimensions: int, rng: np.random.Generator
) -> np.ndarray:
    """(number, dimensions) random points.

    Examples
    --------
    >>> np.abs(points("sphere", 2, 1, np.random.default_rng(0))).tolist()
    [[1.0], [1.0]]
    """
    if distribution == "uniform":
        return rng.uniform(-1, 1, (number, dimensions))
    drawn = rng.standard_normal((number, dimensions))
    if distribution == "sphere":
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn


def _distances(poll: Poll, people: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(M, K) squared distance of each ballot's annotator from each response."""
    squared = np.zeros((poll.n_responses, poll.n_ballots))
    for d in range(people.shape[1]):
        squared += (places[:, :, d].T[:, poll.prompts] - people[poll.annotators, d]) ** 2
    return squared
