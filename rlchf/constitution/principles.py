"""A constitution: named principles, each with what is asked in its name."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from rlchf.settings import Settings, built, setting

REQUESTS = ("critique", "revision", "question")
"""What a principle may ask; one that is left out is not asked."""


@dataclass(frozen=True)
class Principle(Settings):
    """A principle of a constitution: a revision request, a judge's question, or both.

    Examples
    --------
    >>> Principle("brief", question="Which response is shorter?").weight
    1.0
    >>> Principle("brief", weight=2)
    Traceback (most recent call last):
    ...
    ValueError: principle 'brief' has neither revision nor question; give what it asks of ...
    """

    name: str = setting("", "Name; the annotator_id of the principle's judgements.")
    critique: str = setting("", "Request for a critique of the last response.")
    revision: str = setting("", "Request for a revision of the last response.")
    question: str = setting("", "Question that a judge answers by choosing one of the responses.")
    weight: float = setting(1.0, "Weight of the principle's judgements.", above=0)
    judge: str = setting(
        "",
        "Judge of this principle alone: a folder, a model's name, or module:function; empty for the "
        "judge of the others.",
    )
    source: str = setting("", "Where the principle comes from.")

    def contradictions(self) -> Iterator[tuple[bool, str]]:
        """What a principle cannot be."""
        name = f"principle {self.name!r}"
        yield not self.name.strip(), "a principle has no name; give each one a name of its own"
        yield (
            self.name != self.name.strip(),
            f"{name} has blanks at the ends of its name; leave them out",
        )
        for key in (*REQUESTS, "judge", "source"):
            text = getattr(self, key)
            yield (
                bool(text) and not text.strip(),
                f"{name} has blanks alone as {key}; give a text, or leave {key} out",
            )
        yield (
            not (self.revision or self.question),
            f"{name} has neither revision nor question; give what it asks of a reviser, of a judge, or of "
            "both",
        )
        yield (
            bool(self.critique) and not self.revision,
            f"{name} has a critique request but no revision request; give both, or only the revision "
            "request",
        )


@dataclass(frozen=True)
class Constitution:
    """Principles with names that differ.

    Parameters
    ----------
    principles
        One or more.
    title, source
        What the constitution is called and where it comes from.

    Raises
    ------
    ValueError
        If there is no principle, or two have one name.

    Examples
    --------
    >>> Constitution((Principle("brief", question="Which response is shorter?"),)).names
    ['brief']
    >>> Constitution(())
    Traceback (most recent call last):
    ...
    ValueError: a constitution has no principles; give one or more
    """

    principles: tuple[Principle, ...]
    title: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "principles", tuple(self.principles))
        if not self.principles:
            raise ValueError("a constitution has no principles; give one or more")
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            raise ValueError(
                f"principle {twice[0]!r} comes {Counter(self.names)[twice[0]]} times; give each a name "
                "of its own"
            )

    def __iter__(self) -> Iterator[Principle]:
        return iter(self.principles)

    def __len__(self) -> int:
        return len(self.principles)

    def __getitem__(self, name: str) -> Principle:
        for principle in self.principles:
            if principle.name == name:
                return principle
        raise KeyError(f"there is no principle {name!r}; choose from {', '.join(self.names)}")

    @property
    def names(self) -> list[str]:
        """The principles' names, in the order of the file."""
        return [principle.name for principle in self.principles]

    @property
    def revisers(self) -> list[Principle]:
        """The principles with a revision request.

        Raises
        ------
        ValueError
            If there are none.
        """
        return self._with("revision")

    @property
    def judges(self) -> list[Principle]:
        """The principles with a question for a judge.

        Raises
        ------
        ValueError
            If there are none.
        """
        return self._with("question")

    def _with(self, field: str) -> list[Principle]:
        principles = [one for one in self.principles if getattr(one, field)]
        if not principles:
            raise ValueError(f"no principle of the constitution has a {field}; add one")
        return principles

    @classmethod
    def from_records(
        cls, records: Sequence[Any], *, title: str = "", source: str = "", where: str = ""
    ) -> "Constitution":
        """A constitution from one mapping per principle, such as a TOML file holds.

        Parameters
        ----------
        where
            What messages begin with, such as the name of a file.

        Raises
        ------
        ValueError
            If one is no mapping, or has an unknown key, a value that does not fit or an empty request; the
            message names the principle.

        Examples
        --------
        >>> Constitution.from_records([{"name": "brief", "wieght": 2}], where="my.toml")
        Traceback (most recent call last):
        ...
        ValueError: my.toml, principle 1 ('brief'): there is no setting 'wieght'; did you mean ...
        """
        principles = []
        begin = f"{where}, " if where else ""
        for number, record in enumerate(records, start=1):
            if not isinstance(record, dict):
                raise ValueError(
                    f"{begin}principle {number} is {record!r}; give a table with {', '.join(KEYS)}"
                )
            name = record.get("name", "")
            label = f"principle {number}" + (f" ({name!r})" if name else "")
            for key in REQUESTS:
                if record.get(key) == "":
                    raise ValueError(
                        f"{begin}{label}: {key} is empty; give a text, or leave {key} out"
                    )
            principles.append(built(Principle, record, f"{begin}{label}: "))
        try:
            return cls(tuple(principles), title, source)
        except ValueError as error:
            raise ValueError(f"{where}: {error}" if where else str(error)) from None


KEYS = tuple(one.name for one in fields(Principle))
"""What a principle may have."""
