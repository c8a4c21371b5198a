"""Ballots given as triples of a prompt, an annotator and a ranking."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from rlchf.display import counted, shortened
from rlchf.doubts import check_notation
from rlchf.entries import Entries
from rlchf.ids import cell_text, clean_id
from rlchf.notation import is_blank, ranking_levels

TRIPLE = "give (prompt, annotator, ranking)"


def ballot_entries(
    ballots: Iterable[tuple[object, object, object]],
    weights: Iterable[float] | None,
    source: str,
) -> Entries:
    """The entries of ``(prompt, annotator, ranking)`` triples; see `rlchf.Rankings.from_ballots`.

    Raises
    ------
    ValueError
        If a ballot is no triple, an id is missing or a ranking cannot be read, or the weights are not as
        many as the ballots; the message names the ballot.
    """
    triples = _triples(ballots, source)
    rows: list[tuple[int, str, int]] = []
    for n, (_, _, ranking) in enumerate(triples):
        try:
            levels = [] if is_blank(ranking) else ranking_levels(ranking)
        except ValueError as error:
            raise ValueError(f"{source}, ballot {n}: {error}") from None
        rows += [(n, name, rank) for rank, level in enumerate(levels, start=1) for name in level]
    prompts, ballot_prompts = _codes(_ids(triples, 0, "prompt", source))
    annotators, ballot_annotators = _codes(_ids(triples, 1, "annotator", source))
    responses, entry_responses = _codes([row[1] for row in rows])
    entries = (
        np.array([row[0] for row in rows], dtype=np.int64),
        entry_responses,
        np.array([row[2] for row in rows], dtype=np.float64),
    )
    texts = [ranking if isinstance(ranking, str) else None for _, _, ranking in triples]
    check_notation(source, "ballot {}".format, texts, ballot_prompts, responses, entries)
    return Entries(
        prompt_ids=prompts,
        annotator_ids=annotators,
        response_ids=responses,
        ballot_prompts=ballot_prompts,
        ballot_annotators=ballot_annotators,
        ballot_weights=_weights(weights, len(triples), source),
        entry_ballots=entries[0],
        entry_responses=entries[1],
        entry_ranks=entries[2],
        source=source,
        locate=lambda entry: f"ballot {rows[entry][0]}",
        locate_ballot="ballot {}".format,
    )


def _triples(ballots: object, source: str) -> list[tuple[object, object, object]]:
    if isinstance(ballots, Mapping | str) or hasattr(ballots, "columns"):
        raise ValueError(
            f"{source}: the ballots are of type {type(ballots).__name__}; give a list of (prompt, "
            "annotator, ranking), or a table to Rankings.from_frame"
        )
    triples = []
    for n, ballot in enumerate(ballots):  # type: ignore[var-annotated, arg-type]
        if isinstance(ballot, Mapping):
            raise ValueError(
                f"{source}, ballot {n}: a dictionary; {TRIPLE}, or a table to Rankings.from_frame"
            )
        if not isinstance(ballot, Sequence | np.ndarray) or isinstance(ballot, str):
            raise ValueError(f"{source}, ballot {n}: it is {shortened(repr(ballot))}; {TRIPLE}")
        if len(ballot) != 3:
            raise ValueError(
                f"{source}, ballot {n}: it has {counted(len(ballot), 'value')}; {TRIPLE}"
            )
        triples.append((ballot[0], ballot[1], ballot[2]))
    return triples


def _ids(
    triples: list[tuple[object, object, object]], column: int, what: str, source: str
) -> list[str]:
    ids = []
    for n, triple in enumerate(triples):
        value = triple[column]
        if isinstance(value, np.generic):
            value = value.item()
        text = clean_id(cell_text(value)) if isinstance(value, str | int | float) else ""
        if not text:
            raise ValueError(
                f"{source}, ballot {n}: the {what} is {shortened(repr(value))}; give text or a whole number"
            )
        ids.append(text)
    return ids


def _weights(weights: object, n_ballots: int, source: str) -> np.ndarray | None:
    """(N,) the weights; their values are checked later."""
    if weights is None:
        return None
    hint = "give one number for each ballot"
    if isinstance(weights, Mapping | str) or not isinstance(weights, Iterable):
        raise ValueError(f"{source}: weights is {shortened(repr(weights))}; {hint}")
    values = list(weights)
    if len(values) != n_ballots:
        raise ValueError(
            f"{source}: {counted(len(values), 'weight')} for {counted(n_ballots, 'ballot')}; {hint}"
        )
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.zeros((0, 0))
    if array.ndim != 1:
        raise ValueError(f"{source}: the weights are no list of numbers; {hint}")
    return array


def _codes(ids: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Distinct ids in order of appearance, and each id's index among them."""
    index: dict[str, int] = {}
    codes = np.array([index.setdefault(i, len(index)) for i in ids], dtype=np.int64)
    return list(index), codes
