"""Rows of preference pairs in the shape of a trainer, and what they leave out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rlchf.display import counted
from rlchf.io.trainers import NUMBERS, Row, Target, get_target, targets
from rlchf.io.trainers._rows import messages
from rlchf.pairs import LEFT_OUT, PairConfig, preference_pairs, ranked_responses
from rlchf.preferences import Example


@dataclass(frozen=True)
class PairRows:
    """Rows for a trainer, and what they leave out.

    Attributes
    ----------
    target
        The trainer.
    train, test
        The rows of the prompts to learn from, and of those held out.
    prompts, without
        Number of prompts that have a row, and of those that have none.
    left_out
        Number of pairs left out, for each of the reasons in `rlchf.pairs.LEFT_OUT`.
    not_held
        Number of things that rows for the trainer cannot hold, by their names.
    ties
        Number of ties among the rows.
    """

    target: Target
    train: list[Row]
    test: list[Row]
    prompts: int
    without: int
    left_out: Mapping[str, int]
    not_held: Mapping[str, int]
    ties: int

    def __len__(self) -> int:
        return len(self.train) + len(self.test)

    def summary(self) -> str:
        """One line: how many rows there are, and what they leave out.

        Examples
        --------
        >>> tied = Example("p", "Hi", ["a", "b", "c"], ["A", "B", "C"], [1, 1, 2])
        >>> pair_rows([tied], "trl").summary()
        'trl: 2 rows of 1 prompt; left out: 1 tied pair, which trl does not hold'
        """
        name = self.target.name
        size = f"{name}: {counted(len(self), 'row')} of {counted(self.prompts, 'prompt')}"
        if self.test:
            size += f", {counted(len(self.test), 'row')} of them held out"
        if self.without:
            size += f"; {counted(self.without, 'other prompt')} without a row"
        not_held = " and ".join(_counted(n, what) for what, n in self.not_held.items())
        left_out = [f"{not_held}, which {name} does not hold"] if not_held else []
        left_out += [_counted(n, reason) for reason, n in self.left_out.items()]
        notes = [size, "left out: " + ", ".join(left_out)] if left_out else [size]
        if "prompt" in self.not_held:
            notes.append(f"{name} takes {self.target.prompts}")
        if self.ties:
            notes.append(f"{counted(self.ties, 'tie')}: {self.target.of_ties}")
        return "; ".join(notes)


def _counted(number: int, reason: str) -> str:
    noun, rest = (LEFT_OUT | {"weight": ("weight", " other than 1")}).get(reason, (reason, ""))
    return counted(number, noun) + rest


def pair_rows(
    examples: Sequence[Example],
    to: str = "hf",
    config: PairConfig | None = None,
    *,
    held_out: Sequence[Example] = (),
) -> PairRows:
    """The rows that a trainer reads.

    The numbers ``probability``, ``weight`` and ``margin`` are in every row if one of them is not the usual
    one, which is 1, 1 and 0, and in no row otherwise.

    Parameters
    ----------
    examples, held_out
        The prompts to learn from, and those held out.
    to
        Name of the trainer, one of `rlchf.io.trainers.targets`.
    config
        Which pairs, with what numbers.

    Raises
    ------
    ValueError
        If there is no such trainer, the settings do not fit it or the examples, or no row is left.

    Examples
    --------
    >>> example = Example("p", "Greet me.", ["a", "b"], ["Hello!", "No."], [1, 2])
    >>> pair_rows([example]).train
    [{'prompt_id': 'p', 'prompt': 'Greet me.', 'chosen': 'Hello!', 'rejected': 'No.'}]
    >>> pair_rows([example], "trl", PairConfig(conversational=True)).train[0]["chosen"]
    [{'role': 'assistant', 'content': 'Hello!'}]
    """
    target, config = get_target(to), config or PairConfig()
    check_fit(to, config)
    left_out, not_held = Counter[str](), Counter[str]()
    parts: list[list[Any]] = []
    for part in (examples, held_out):
        taken = [example for example in part if target.takes(example.prompt)]
        not_held["prompt"] += len(part) - len(taken)
        items, reasons = _items(_in_one_form(taken, target, config), config)
        left_out += reasons
        if "tie" not in target.holds:
            strict = [item for item in items if not getattr(item, "tied", False)]
            not_held["tied pair"] += len(items) - len(strict)
            items = strict
        parts.append(items)
    items = [*parts[0], *parts[1]]
    names = [name for name in NUMBERS if _unusual(items, name)]
    for name in names:
        if name not in target.holds:
            not_held[NUMBERS[name][1]] += _unusual(items, name)
    names = [name for name in names if name in target.holds]
    if config.pairs == "ranked" and target.ranking is not None:
        rows = [target.ranking(item, names) for item in items]
    else:
        rows = target.rows(items, names)
    prompts = len({item.prompt_id for item in items})
    made = PairRows(
        target, rows[: len(parts[0])], rows[len(parts[0]) :], prompts,
        len(examples) + len(held_out) - prompts, +left_out, +not_held,
        sum(getattr(item, "tied", False) for item in items),
    )  # fmt: skip
    if not made.train or (held_out and not made.test):
        part_name = "to learn from" if not made.train else "of the prompts held out"
        raise ValueError(f"there is no row {part_name} ({made.summary()})")
    return made


def _items(examples: Sequence[Example], config: PairConfig) -> tuple[list[Any], Counter[str]]:
    """Pairs, or whole rankings, and how many were left out for each reason."""
    if config.pairs == "ranked":
        return ranked_responses(examples)
    return preference_pairs(examples, config)


def _unusual(items: Sequence[Any], name: str) -> int:
    """How many pairs or rankings have a number that does not go without saying; a tie's label does."""
    usual = NUMBERS[name][0]
    if name == "probability":
        items = [item for item in items if not getattr(item, "tied", False)]
    return sum(getattr(item, name, usual) != usual for item in items)


def _in_one_form(
    examples: Sequence[Example], target: Target, config: PairConfig
) -> Sequence[Example]:
    """Prompts that are all text or all chat messages, which is what a column of a file holds."""
    if config.conversational:
        return [replace(example, prompt=messages(example.prompt)) for example in examples]
    texts = [example.prompt_id for example in examples if isinstance(example.prompt, str)]
    if "text" in target.holds and 0 < len(texts) < len(examples):
        raise ValueError(
            f"{counted(len(texts), 'prompt')}, such as {texts[0]!r}, are text and "
            f"{len(examples) - len(texts):,} are chat messages, and {target.name} reads one of the two; "
            "make them chat messages with conversational (--conversational)"
        )
    return examples


def check_fit(to: str, config: PairConfig) -> None:
    """Refuse settings that rows for a trainer cannot express.

    Raises
    ------
    ValueError
        If there is no such trainer, or it holds no soft labels or whole rankings where they are asked for.
    """
    target = get_target(to)
    if config.near_ties == "soft" and "probability" not in target.holds:
        able = [name for name, other in targets().items() if "probability" in other.holds]
        raise ValueError(
            f"near_ties is 'soft', and {to} does not hold soft labels; choose near_ties = 'drop', or "
            f"{' or '.join(able)}"
        )
    if config.pairs == "ranked" and target.ranking is None:
        able = [name for name, other in targets().items() if other.ranking is not None]
        raise ValueError(
            f"pairs is 'ranked', and {to} holds two responses a row; choose other pairs, or "
            f"{' or '.join(able)}"
        )
