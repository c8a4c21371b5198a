"""The features of responses, in the order of the rankings."""

from collections.abc import Mapping, Sequence

import numpy as np

from rlchf.rankings import Rankings

Features = Mapping[str, Mapping[str, Sequence[float] | np.ndarray]]
"""The feature vector of each response of each prompt: ``features[prompt_id][response_id]``."""


def feature_rows(rankings: Rankings, features: Features) -> np.ndarray:
    """(R, d) the features of all responses, in the order of ``rankings.response_ids``.

    Raises
    ------
    ValueError
        If a vector is missing, is not one of ``d`` finite numbers, or has another length than the first.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b")])
    >>> feature_rows(rankings, {"p": {"b": [0, 1], "a": [2, 3]}})
    array([[2., 3.],
           [0., 1.]])
    """
    rows: list[np.ndarray] = []
    for prompt in rankings.prompt_ids:
        given = features.get(prompt, {})
        for response in rankings.responses(prompt):
            name = f"features: response {response!r} of prompt {prompt!r}"
            if response not in given:
                raise ValueError(f"{name} has none; add a vector for it, or leave its ballots out")
            row = np.asarray(given[response], dtype=np.float64)
            if row.ndim != 1 or len(row) == 0:
                raise ValueError(f"{name} has shape {row.shape}; give a list of numbers")
            if not np.isfinite(row).all():
                raise ValueError(f"{name} has {row[~np.isfinite(row)][0]}; give finite numbers")
            if rows and len(row) != len(rows[0]):
                raise ValueError(
                    f"{name} has {len(row)} numbers, the first response has {len(rows[0])}"
                )
            rows.append(row)
    return np.array(rows)
