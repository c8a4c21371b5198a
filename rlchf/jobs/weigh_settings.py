"""Settings of `rlchf weigh`; reading them needs no pyarrow."""

from dataclasses import MISSING, dataclass

from rlchf.people.weighing import Empty, Missing
from rlchf.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class WeighJob(Settings):
    """Annotators to weigh, and the population whose shares they get."""

    annotators: str = setting(
        MISSING, "Annotators: a table with annotator_id, optional weight, and columns of features."
    )
    to: str = setting(MISSING, "Population: a table with column, category and share (or count).")
    out: str = setting(MISSING, "File for the annotators with their new weights.")
    column: tuple[str, ...] = setting(
        (), "Column of the population to weigh by; by default all; repeatable."
    )
    trim: float | None = setting(
        None, "Largest weight, as a multiple of the mean weight.", at_least=1
    )
    missing: Missing = setting(
        "keep",
        "Annotators without a value in a column: their share of the weight is kept, their weight is "
        "zero, or they are refused.",
    )
    empty: Empty = setting(
        "refuse", "Categories of the population without annotators: refused or left out."
    )
