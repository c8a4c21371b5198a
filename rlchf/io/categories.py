"""Labelled texts: the category of each response, and of each text that a policy wrote."""

from pathlib import Path

from rlchf.display import listing
from rlchf.io.tables import read_table


def read_categories(path: str | Path, label: str = "label") -> dict[str, dict[str, str]]:
    """Read the category of each response: for each prompt, the category by response id.

    Parameters
    ----------
    path
        A table (jsonl, csv, tsv or parquet) with ``prompt_id``, ``response_id`` and the label's column.
    label
        The name of that column, whose values are categories, such as "emoji", or true and false.

    Raises
    ------
    ValueError
        If a column is missing, a cell empty, or a response of a prompt comes twice.
    """
    table = read_table(path, ("prompt_id", "response_id", label))
    if label not in table.names and "text" in table.names:
        raise ValueError(
            f"{table.source}: there is no column {label!r}; found {listing(table.names)}. Labels of "
            "responses are needed here, not texts: name their column with --label"
        )
    categories: dict[str, dict[str, str]] = {}
    columns = table.filled("prompt_id"), table.filled("response_id"), table.filled(label)
    for i, (prompt, response, value) in enumerate(zip(*columns, strict=True)):
        of_prompt = categories.setdefault(prompt, {})
        if response in of_prompt:
            raise table.error(i, f"response {response!r} of prompt {prompt!r} has a label already")
        of_prompt[response] = _category(value, label)
    return categories


def read_text_categories(path: str | Path, label: str = "label") -> dict[str, list[str]]:
    """Read the categories of a policy's texts, by stage; a file without a column ``stage`` is one.

    Raises
    ------
    ValueError
        If the label's column is missing or a cell of it empty.
    """
    table = read_table(path, ("stage", label))
    values = table.filled(label)
    stages = table.texts("stage") if "stage" in table.names else [""] * len(values)
    categories: dict[str, list[str]] = {}
    for stage, value in zip(stages, values, strict=True):
        categories.setdefault(f"policy {stage}".strip(), []).append(_category(value, label))
    return categories


def _category(value: str, label: str) -> str:
    """True and false become the label's name and "no" with that name.

    Examples
    --------
    >>> _category("true", "emoji"), _category("False", "emoji"), _category("plain", "style")
    ('emoji', 'no emoji', 'plain')
    """
    return {"true": label, "false": f"no {label}"}.get(value.strip().lower(), value)
