"""Linear social choice: collective rewards that are linear in features, such as embeddings."""

from rlchf.linear.angular import agreement, angular_mean
from rlchf.linear.fit import LinearRewards, fit_annotators, fit_linear
from rlchf.linear.lcpo import Lcpo, lcpo

__all__ = [
    "Lcpo",
    "LinearRewards",
    "agreement",
    "angular_mean",
    "fit_annotators",
    "fit_linear",
    "lcpo",
]
