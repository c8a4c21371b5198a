"""Quotas: how many seats of a panel go to people of each category."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHAPE = "write a table for each column, such as [gender], with lines such as women = [45, 55]"


@dataclass(frozen=True)
class Quota:
    """The fewest and the most seats that people of a category have.

    Attributes
    ----------
    column, category
        Whom it is about: those whose column has this category.
    least, most
        Numbers of seats.
    """

    column: str
    category: str
    least: int
    most: int

    @property
    def name(self) -> str:
        """The category with its column."""
        return f"{self.column} {self.category!r}"


def parse_quotas(tables: Mapping[str, Any], source: str = "the quotas") -> list[Quota]:
    """Quotas from the tables of a TOML file: for each column, ``category = [least, most]`` or a number.

    Raises
    ------
    ValueError
        If something is no quota.

    Examples
    --------
    >>> parse_quotas({"gender": {"women": [45, 55], "men": 50}})[1]
    Quota(column='gender', category='men', least=50, most=50)
    """
    quotas = []
    for column, limits in tables.items():
        if not isinstance(limits, Mapping) or not limits:
            raise ValueError(f"{source}: {column} is not a table of categories; {SHAPE}")
        for category, seats in limits.items():
            least, most = seats if isinstance(seats, list) and len(seats) == 2 else (seats, seats)
            if any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in (least, most)):
                raise ValueError(
                    f"{source}: [{column}] {category} is {seats!r}; give the fewest and the most seats as "
                    "two whole numbers, such as [45, 55], or one number for both"
                )
            if least > most:
                raise ValueError(
                    f"{source}: [{column}] {category} is [{least}, {most}], whose minimum is above its "
                    "maximum; give the fewest seats first"
                )
            quotas.append(Quota(column, str(category), least, most))
    if not quotas:
        raise ValueError(f"{source}: there is no quota; {SHAPE}")
    return quotas
