"""Ballots as people read them: as a long table, and the first few in text."""

from typing import TYPE_CHECKING, Any

import numpy as np

from rlchf.display import counted
from rlchf.profiles import UNSTATED
from rlchf.soft_labels import joined_weights

if TYPE_CHECKING:
    from rlchf.rankings import Rankings


def long_columns(rankings: "Rankings", *, ranks: bool = False) -> dict[str, Any]:
    """One row for each response that a ballot names; see `rlchf.Rankings.columns`.

    ``ranks`` states ranks even where approvals say it all.
    """
    if rankings.is_reverse.any():
        return _with_probabilities(rankings)
    sizes = np.diff(rankings.entry_starts)
    ballots = np.repeat(np.arange(rankings.n_ballots), sizes)  # (E,)
    prompts = rankings.ballot_prompts
    responses = rankings.response_starts[prompts[ballots]] + rankings.entry_responses
    annotators = rankings.ballot_annotators[ballots]
    columns: dict[str, Any] = {
        "prompt_id": [rankings.prompt_ids[p] for p in prompts[ballots]],
        "annotator_id": [rankings.annotator_ids[a] for a in annotators],
        "response_id": [rankings.response_ids[r] for r in responses],
    }
    if rankings.entry_scores is not None:
        columns["score"] = rankings.entry_scores
    elif ranks or not _is_by_approval(rankings):
        columns["rank"] = rankings.entry_ranks
    if rankings.entry_approvals is not None:
        approvals = rankings.entry_approvals
        columns["approval"] = _filled(approvals, approvals != UNSTATED)
    if rankings.ballot_strengths is not None:
        strengths = rankings.ballot_strengths[ballots]
        columns["strength"] = _filled(strengths, ~np.isnan(strengths))
    columns["weight"] = (rankings.ballot_weights / rankings.ballot_counts)[ballots]
    owners = prompts * len(rankings.annotator_ids) + rankings.ballot_annotators
    if len(np.unique(owners)) < rankings.n_ballots:
        columns["ballot_id"] = ballots + 1
    if (rankings.ballot_counts != 1).any():
        columns["count"] = rankings.ballot_counts[ballots]
    return columns


def _with_probabilities(rankings: "Rankings") -> dict[str, Any]:
    """The long table of comparisons with probabilities: each is one ballot, as it was read."""
    weights, probabilities = joined_weights(rankings.ballot_weights, rankings.ballot_counts)
    stated = np.flatnonzero(~rankings.is_reverse)
    starts = np.searchsorted(stated, rankings.ballot_starts)
    whole = rankings.with_ballots(stated, ballot_weights=weights[stated], ballot_starts=starts)
    sizes = np.diff(whole.entry_starts)
    last = np.maximum.reduceat(whole.entry_ranks, whole.entry_starts[:-1])
    p = np.where((sizes == 2) & (last == 1), 0.5, probabilities[stated])
    columns = long_columns(whole, ranks=True)
    at = list(columns).index("weight")
    items = list(columns.items())
    return dict([*items[:at], ("probability", np.repeat(p, sizes)), *items[at:]])


def _filled(values: np.ndarray, known: np.ndarray) -> Any:
    """The values, as a list with None where they are not known if that is anywhere."""
    if known.all():
        return values
    return [
        value if is_known else None
        for value, is_known in zip(values.tolist(), known.tolist(), strict=True)
    ]


def title(rankings: "Rankings") -> str:
    """The name of a dataset and its size."""
    numbers = {
        "prompt": rankings.n_prompts,
        "annotator": len(rankings.annotator_ids),
        "response": len(rankings.response_ids),
        "ballot": int((~rankings.is_reverse).sum()),
    }
    counts = ", ".join(counted(number, noun) for noun, number in numbers.items())
    origin = "" if rankings.source == "rankings" else f" of {rankings.source}"
    return f"Rankings{origin}: {counts}, unranked={rankings.unranked!r}"


def first_ballots(rankings: "Rankings", n: int = 5) -> list[tuple[str, str, str]]:
    """The prompt, the annotator and the ranking of the first ballots."""
    ballots = np.flatnonzero(~rankings.is_reverse)[:n]
    prompts = np.searchsorted(rankings.ballot_starts, ballots, side="right") - 1
    _, probabilities = joined_weights(rankings.ballot_weights, rankings.ballot_counts)
    rows = []
    for ballot, p in zip(ballots.tolist(), prompts.tolist(), strict=True):
        levels: dict[int, list[str]] = {}
        for entry in range(rankings.entry_starts[ballot], rankings.entry_starts[ballot + 1]):
            index = rankings.response_starts[p] + rankings.entry_responses[entry]
            level = levels.setdefault(int(rankings.entry_ranks[entry]), [])
            level.append(rankings.response_ids[index])
        annotator = rankings.annotator_ids[int(rankings.ballot_annotators[ballot])]
        ranking = " > ".join(" = ".join(level) for level in levels.values())
        if probabilities[ballot] < 1:
            ranking += f" (probability {probabilities[ballot]:.3g})"
        rows.append((rankings.prompt_ids[p], annotator, ranking))
    return rows


def _is_by_approval(rankings: "Rankings") -> bool:
    """Whether every ballot states approvals, which give its order, so that ranks say nothing more."""
    if rankings.entry_approvals is None or rankings.entry_scores is not None:
        return False
    starts, sizes = rankings.entry_starts, np.diff(rankings.response_starts)
    if rankings.unranked == "last" and (np.diff(starts) < sizes[rankings.ballot_prompts]).any():
        return False  # what is left out is below, whatever it is thought of
    approvals, ranks = rankings.entry_approvals.astype(np.int64), rankings.entry_ranks
    same_ballot = np.ones(len(ranks) - 1, dtype=bool)
    same_ballot[starts[1:-1] - 1] = False
    falls = np.diff(approvals) < 0
    in_order = (np.diff(approvals) <= 0) & (falls == (np.diff(ranks) > 0))
    return bool((approvals != UNSTATED).all() and in_order[same_ballot].all())
