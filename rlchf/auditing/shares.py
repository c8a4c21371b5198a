"""The share of a category of texts at a stage, with its interval."""

from dataclasses import dataclass
from statistics import NormalDist

Z = NormalDist().inv_cdf(0.975)


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


def wilson(share: float, n: float, z: float = Z) -> tuple[float, float]:
    """Wilson's interval of a share of n independent trials, of 95 % by default.

    It is conservative if trials count in parts.

    Parameters
    ----------
    z
        Quantile of the normal distribution, or of Student's.

    Examples
    --------
    >>> [round(x, 3) for x in wilson(0.0, 100)]
    [0.0, 0.037]
    """
    if not n > 0:
        return float("nan"), float("nan")
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))
