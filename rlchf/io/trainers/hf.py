"""Hugging Face datasets: every number has its column, and a ranking may be one row."""

from collections.abc import Mapping, Sequence

from rlchf.io.trainers import Layout, Row, Target
from rlchf.io.trainers._rows import completion, messages, numbers, preference_row
from rlchf.pairs import Pair, RankedResponses

COLUMNS = {
    "prompt_id": "the prompt's id",
    "prompt": "text, or chat messages",
    "chosen": "the preferred response, text or a list of one chat message",
    "rejected": "the other response",
    "probability": "probability that `chosen` is preferred, a soft label",
    "weight": "weight of the row in the loss",
    "margin": "margin by which the score of `chosen` should exceed that of `rejected`",
    "completions": "all responses, best first",
    "ranks": "the responses' ranks: 1 is best, equal is tied",
}
"""What the columns hold, for the card."""


def hf_rows(pairs: Sequence[Pair], names: Sequence[str]) -> list[Row]:
    """Rows of ``prompt_id``, ``prompt``, ``chosen`` and ``rejected``, and the numbers."""
    return [{"prompt_id": pair.prompt_id, **preference_row(pair, names)} for pair in pairs]


def hf_ranking(ranked: RankedResponses, names: Sequence[str]) -> Row:
    """A row of ``prompt_id``, ``prompt``, ``completions`` and ``ranks``, and the weight."""
    prompt = ranked.prompt
    return {
        "prompt_id": ranked.prompt_id,
        "prompt": prompt if isinstance(prompt, str) else messages(prompt),
        "completions": [completion(prompt, text) for text in ranked.responses],
        "ranks": ranked.ranks,
        **numbers(ranked, names),
    }


def card(layout: Layout) -> Mapping[str, str]:
    """The dataset's card, which names the splits."""
    splits = "".join(
        f"      - split: {part}\n        path: {file}\n" for part, file in layout.files.items()
    )
    rule = f" by the voting rule `{layout.rule}`" if layout.rule else ""
    rows = "".join(f"| `{name}` | {COLUMNS[name]} |\n" for name in layout.rows[0])
    return {
        "README.md": f"---\nconfigs:\n  - config_name: default\n    data_files:\n{splits}---\n"
        f"# Preferences\n\nMade by `rlchf pairs` from collective rankings{rule}.\n\n"
        f"| column | what it holds |\n|---|---|\n{rows}"
    }


TARGET = Target(
    name="hf",
    reader="datasets.load_dataset",
    rows=hf_rows,
    holds=frozenset({"text", "probability", "weight", "margin"}),
    kinds=("parquet", "jsonl"),
    files=card,
    ranking=hf_ranking,
)
