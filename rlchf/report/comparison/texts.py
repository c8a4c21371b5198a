"""The section on what people read and said where rules disagree most."""

from rlchf.comparison.texts import DividedPrompt, Texts
from rlchf.display import counted, listed, shortened
from rlchf.report.document import Block, Card, Cell, Column, Fold, Section, SideBySide, Table, Text

LISTED = 100
"""Near-duplicates that the page lists."""
RESPONSES = 12
"""Responses of a prompt that the page shows side by side."""


def texts_section(texts: Texts) -> Section | None:
    """The prompts on which the rules disagree most, with responses and ballots side by side."""
    if not texts.prompts and not texts.compared:
        return None
    blocks: list[Block] = []
    if texts.compared:
        blocks.append(
            Text(
                [
                    f"{len(texts.alike):,} of {counted(texts.compared, 'pair')} of responses to a prompt are "
                    "near-duplicates: at least 0.8 of their words and pairs of words are in both. Two "
                    "near-duplicates divide the votes for what they say."
                ]
            )
        )
    blocks += [_prompt_fold(prompt) for prompt in texts.prompts]
    if texts.alike:
        rows: list[list[Cell]] = [
            [one.prompt_id, one.one, one.other, one.in_common] for one in texts.alike[:LISTED]
        ]
        columns: list[Column | str] = [
            "prompt",
            "response",
            "other response",
            Column("in common", 2),
        ]
        blocks.append(Table(columns, rows, "Near-duplicates.", shown=5))
    return Section("texts", "Prompts with the largest differences", blocks)


def _prompt_fold(prompt: DividedPrompt) -> Fold:
    title = f"{prompt.prompt_id}: {shortened(prompt.prompt, 100)}".removesuffix(": ")
    cards = [
        Card(response, text or "(the text is not given)", _notes(prompt, response))
        for response, text in list(prompt.responses.items())[:RESPONSES]
    ]
    first: list[list[Cell]] = [
        [name, len(rules), listed(rules, 60)] for name, rules in prompt.first.items()
    ]
    ballots: list[list[Cell]] = [list(ballot) for ballot in prompt.ballots]
    more = f"; {prompt.more:,} more are not shown" if prompt.more else ""
    blocks: list[Block] = [
        Table(["first place", "rules", "which"], first, "What the rules put first.", shown=0),
        SideBySide(prompt.prompt or prompt.prompt_id, cards),
    ]
    if len(prompt.responses) > RESPONSES:
        blocks.append(
            Text([f"{len(prompt.responses) - RESPONSES:,} more responses are not shown."])
        )
    blocks.append(
        Table(
            ["annotator", "ballot", Column("weight", 2)], ballots, f"The ballots{more}.", shown=10
        )
    )
    return Fold(title, blocks)


def _notes(prompt: DividedPrompt, response: str) -> list[str]:
    notes = []
    for name, rules in prompt.first.items():
        if response in name.split(" = "):
            tied = " (tied)" if " = " in name else ""
            notes.append(f"first under {counted(len(rules), 'rule')}{tied}")
    for one in prompt.alike:
        if response in (one.one, one.other):
            other = one.other if response == one.one else one.one
            notes.append(f"near-duplicate of {other}")
    return notes
