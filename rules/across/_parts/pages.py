"""Docstrings of rules with the same options: the common part of a family is written once."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def page_with(shared: str) -> Callable[[F], F]:
    """Make a decorator that inserts ``shared`` into a function's docstring, before its references.

    Examples
    --------
    >>> family = page_with('''
    ...     Ties are kept.
    ... ''')
    >>> @family
    ... def rule(rankings):
    ...     '''Rank.
    ...
    ...     References
    ...     ----------
    ...     Nobody, 1785.
    ...     '''
    >>> print(rule.__doc__)
    Rank.
    <BLANKLINE>
    Ties are kept.
    <BLANKLINE>
    References
    ----------
    Nobody, 1785.
    """

    def insert(function: F) -> F:
        page = inspect.cleandoc(function.__doc__ or "")
        definition, references, rest = page.partition("References\n")
        function.__doc__ = f"{definition}{inspect.cleandoc(shared)}\n\n{references}{rest}"
        return function

    return insert
