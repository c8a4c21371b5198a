"""System prompts by name, and templates."""

from pathlib import Path

from rlchf.io.files import decode, display_name, read_bytes, shown
from rlchf.io.jsonl import json_records


def read_system_prompts(path: str | Path) -> dict[str, str]:
    """Read a system prompt per line, as text or as ``{"name", "prompt"}``; blank lines are skipped.

    Returns
    -------
    The prompts by name. One without a name is its own name.

    Raises
    ------
    ValueError
        If a prompt is no text, a name comes twice, or there are fewer than two prompts.
    """
    source, data = display_name(path), read_bytes(path)
    prompts: dict[str, str] = {}
    first: dict[str, int] = {}
    for number, name, prompt in _named(data, source):
        if name in first:
            raise ValueError(
                f"{source}, line {number}: the system prompt {shown(name)} is on line {first[name]} too; "
                "keep one of them"
            )
        first[name], prompts[name] = number, prompt
    if len(prompts) < 2:
        raise ValueError(
            f"{source} has {len(prompts) or 'no'} system prompt{'s' * (not prompts)}; give two or more, so "
            "that candidates differ"
        )
    return prompts


def read_text(path: str | Path) -> str:
    """Read a text without the line break at its end."""
    return decode(read_bytes(path), display_name(path)).removesuffix("\n").removesuffix("\r")


def _named(data: bytes, source: str) -> list[tuple[int, str, str]]:
    """Each prompt with the number of its line and its name."""
    if not data.lstrip().startswith(b"{"):
        lines = enumerate(decode(data, source).splitlines(), start=1)
        return [(number, line.strip(), line.strip()) for number, line in lines if line.strip()]
    rows = []
    for number, record in json_records(data, source):
        prompt = record.get("prompt")
        name = record.get("name", prompt)
        if not isinstance(prompt, str) or not isinstance(name, str) or not prompt.strip():
            raise ValueError(
                f'{source}, line {number}: found {shown(record)}; give {{"name": ..., "prompt": ...}} '
                "with texts"
            )
        rows.append((number, name, prompt))
    return rows
