"""The share of a category of texts at a stage, with its interval."""

from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval.

    Attributes
    ----------
    stage
        The stage at which it was measured.
    measure
        What was counted.
    share
        From 0 to 1.
    low, high
        Wilson's 95 % interval for ``n`` independent trials.
    n
        Number of outcomes counted.
    """

    stage: str
    measure: str
    share: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, stage: str, measure: str, share: float, n: float) -> "Share":
        """A share of n trials, with its interval.

        Examples
        --------
        >>> share = Share.of("policy", "texts", 0.75, 4)
        >>> round(share.low, 3), round(share.high, 3), share.n
        (0.301, 0.954, 4)
        """
        return cls(stage, measure, share, *wilson(share, n), round(n))


def wilson(share: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of n trials; it is conservative if trials count in parts.

    Examples
    --------
    >>> [round(x, 3) for x in wilson(0.0, 100)]
    [0.0, 0.037]
    """
    if not n > 0:
        return float("nan"), float("nan")
    z = NormalDist().inv_cdf(0.975)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))
