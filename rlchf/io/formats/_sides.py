"""Tables of comparisons whose two responses stand side by side, with a verdict."""

from collections.abc import Sequence

import numpy as np

from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.files import shown
from rlchf.io.formats._ids import annotators_of, prompts_of, responses_of


def chosen_ranks(table: Table, n: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The ranks of what ``n`` rows chose and of what they rejected, and the optional probabilities.

    Returns
    -------
    (2 n,) ranks, equal where ``tie`` is true, and (n,) probabilities or None.

    Raises
    ------
    ValueError
        If a probability is not from 0.5 to 1, or that of a tie is not 0.5.
    """
    tied = table.flags("tie", empty=False) if "tie" in table.names else np.zeros(n, dtype=bool)
    probabilities = table.probabilities()
    if probabilities is not None:
        wrong = tied & (probabilities != 0.5)
        if wrong.any():
            i = int(np.argmax(wrong))
            raise table.error(
                i, f"tie is true and the probability is {probabilities[i]:g}; that of a tie is 0.5"
            )
    return np.concatenate([np.ones(n), np.where(tied, 1.0, 2.0)]), probabilities


def side_ballots(
    table: Table,
    sides: tuple[str, str],
    ranks: np.ndarray,
    *,
    approvals: np.ndarray | None = None,
    strengths: np.ndarray | None = None,
    probabilities: np.ndarray | None = None,
) -> Entries:
    """Make each row a ballot of the two responses in its columns.

    Parameters
    ----------
    ranks, approvals
        (2 N,) those of all first responses, then those of all second ones.

    Raises
    ------
    ValueError
        If a row compares a response with itself, or rows without a prompt seem to be on several.
    """
    prompts, prompt = prompts_of(table)
    annotators, annotator = annotators_of(table)
    responses, response = responses_of(table, *sides)
    n = len(prompt)
    if not {"prompt_id", "prompt"} & set(table.names) and len(responses) > n > 1:
        raise ValueError(
            f"{table.source}: {len(responses)} responses in {n} rows are not on one prompt; give a column "
            "prompt_id or prompt, as with --columns prompt=context"
        )
    ids = (prompts, prompt), (annotators, annotator), (responses, response)
    return ballots_of_two(
        table, sides, ids, ranks,
        approvals=approvals, strengths=strengths, probabilities=probabilities,
    )  # fmt: skip


def ballots_of_two(
    table: Table,
    sides: tuple[str, str],
    ids: Sequence[tuple[list[str], np.ndarray]],
    ranks: np.ndarray,
    *,
    parts: Sequence[np.ndarray] = (),
    approvals: np.ndarray | None = None,
    strengths: np.ndarray | None = None,
    probabilities: np.ndarray | None = None,
) -> Entries:
    """Make each row a ballot of two responses.

    Parameters
    ----------
    ids
        The ids and the rows' codes of the prompts, the annotators and the responses; of the last (2 N,)
        codes, those of all first responses, then those of all second ones.
    ranks, approvals
        (2 N,) in the same order.
    parts
        (N,) codes each, of what tells ballots of an annotator on the same two responses apart.

    Raises
    ------
    ValueError
        If a row compares a response with itself.
    """
    (prompts, prompt), (annotators, annotator), (responses, response) = ids
    n = len(prompt)
    same = response[:n] == response[n:]
    if same.any():
        i = int(np.argmax(same))
        raise table.error(
            i,
            f"{sides[0]} and {sides[1]} are both {shown(responses[response[i]])}, in {int(same.sum())} of "
            f"{n} rows; give two responses, or leave the row out",
        )
    counts = table.counts()
    pairs = response.reshape(2, n)
    keys = pairs.min(axis=0) * len(responses) + pairs.max(axis=0)
    for codes in parts:
        keys = np.unique(keys, return_inverse=True)[1] * (int(codes.max(initial=0)) + 1) + codes
    return Entries(
        prompt_ids=prompts,
        annotator_ids=annotators,
        response_ids=responses,
        ballot_prompts=prompt,
        ballot_annotators=annotator,
        ballot_weights=table.weights(),
        ballot_counts=None if counts is None else counts.astype(np.int64),
        ballot_strengths=strengths,
        ballot_probabilities=probabilities,
        ballot_parts=np.asarray(np.unique(keys, return_inverse=True)[1]),
        entry_ballots=np.tile(np.arange(n), 2),
        entry_responses=response,
        entry_ranks=ranks,
        entry_approvals=approvals,
        source=table.source,
        locate=lambda entry: table.row(entry % n),
        locate_ballot=table.row,
    )
