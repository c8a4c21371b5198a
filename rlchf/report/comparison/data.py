"""The section on a dataset: its size, and the prompts with majority cycles."""

from rlchf.comparison import Comparison
from rlchf.comparison.data import Counts, majority_graph
from rlchf.display import counted
from rlchf.rankings import Rankings
from rlchf.report.document import Block, Cell, Chart, Column, Section, Table, Text
from rlchf.report.matrices import graph_chart

DRAWN = 4
"""Prompts whose majorities are drawn."""
LISTED = 200
"""Prompts that the page lists; the table file has all."""


def data_section(rankings: Rankings, comparison: Comparison) -> Section:
    """The size of a dataset, and where its majorities are cyclic or tied."""
    data = comparison.data
    blocks: list[Block] = [_counts_table(data.counts), Text(_sentences(comparison))]
    blocks += [_graph(rankings, row.prompt_id, row.smith) for row in data.worst(DRAWN)]
    if table := _prompts_table(comparison):
        blocks.append(table)
    return Section("data", "The data", blocks)


def _graph(rankings: Rankings, prompt_id: str, smith: int) -> Chart:
    graph = majority_graph(rankings, prompt_id)
    more = smith - len(graph.responses)
    cut = f", {len(graph.responses)} of its {smith} responses" if more else ""
    return graph_chart(
        f"Majorities in the Smith set of prompt {prompt_id}{cut}",
        graph.responses,
        {(one, other): margin for one, other, margin in graph.edges},
        margin="margin in ballots",
    )


def _counts_table(counts: Counts) -> Table:
    rows: list[list[Cell]] = [
        ["prompts", counts.prompts],
        ["annotators", counts.annotators],
        ["responses", counts.responses],
        ["ballots", counts.ballots],
        ["responses per prompt", _spread(counts.responses_per_prompt)],
        ["ballots per prompt", _spread(counts.ballots_per_prompt)],
        ["ballots that leave out a response", counts.with_gaps],
        ["ballots with a tie", counts.with_ties],
        ["ballots beyond an annotator's first on a prompt", counts.repeats],
        ["ballots that state approvals", counts.approvals],
        ["ballots state scores", "yes" if counts.scores else "no"],
        ["ballots have weights", "yes" if counts.weighted else "no"],
    ]
    return Table(["", "number"], rows, "The size of the dataset.", shown=0)


def _spread(numbers: tuple[int, float, int]) -> str:
    low, median, high = numbers
    return f"{low:,}" if low == high else f"{low:,} to {high:,}, median {median:,g}"


def _sentences(comparison: Comparison) -> list[str]:
    data = comparison.data
    rows, margins = data.majorities, data.margins
    without = sum(row.condorcet_winner is None for row in rows)
    cyclic = sum(row.cycle for row in rows)
    tied = sum(row.tied > 0 for row in rows)
    silent = sum(row.not_compared > 0 for row in rows)
    found = [
        f"{counted(len(rows) - without, 'prompt')} of {len(rows):,} have a Condorcet winner, a response that "
        "beats every other by majority.",
        f"On {counted(cyclic, 'prompt')} the majorities form a cycle; then any order overrules a majority, "
        "and rules differ in which one.",
        f"On {counted(tied, 'prompt')} some pair of responses has as many supporters on one side as on the "
        "other.",
    ]
    if silent:
        found.append(
            f"On {counted(silent, 'prompt')} some pair of responses is on no ballot together, so that only "
            "other responses connect the two."
        )
    contested = f"{margins.contested:.0%}".replace("%", " %")
    found.append(
        f"People disagree about {contested} of the pairs of responses that ballots compare."
    )
    return found


def _prompts_table(comparison: Comparison) -> Table | None:
    rows = [row for row in comparison.data.majorities if row.condorcet_winner is None or row.tied]
    if not rows:
        return None
    worst = sorted(rows, key=lambda row: (-row.smith, -row.tied))
    cells: list[list[Cell]] = [
        [
            row.prompt_id, row.ballots, row.responses, row.condorcet_winner or None,
            "yes" if row.cycle else "no", row.smith, row.tied, row.not_compared,
        ]
        for row in worst[:LISTED]
    ]  # fmt: skip
    cut = "" if len(worst) <= LISTED else f"; {LISTED} of {len(worst):,}, the table file has all"
    columns: list[Column | str] = [
        "prompt", "ballots", "responses", "Condorcet winner", "cycle",
        Column("Smith set", None, "Size of the smallest set of responses that each beat all outside it."),
        Column("tied pairs", None, "Pairs that ballots compare without a majority."),
        Column("not compared", None, "Pairs that no ballot compares."),
    ]  # fmt: skip
    return Table(
        columns, cells, f"Prompts without a Condorcet winner or with a tied pair{cut}.", shown=10
    )
