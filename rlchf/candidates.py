"""The responses on offer, whether a ballot names them or not."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from rlchf.display import counted
from rlchf.entries import Entries

SHOWN = 3
"""Number of prompts and rows that a message names."""


def with_candidates(entries: Entries, candidates: Mapping[str, Collection[str]]) -> Entries:
    """The same ballots, on prompts whose responses are those on offer.

    Parameters
    ----------
    candidates
        Ids of the responses on offer, by prompt.

    Raises
    ------
    ValueError
        If a prompt has none, or ballots name others; the message counts them.
    """
    offer = {str(prompt): _ids(prompt, responses) for prompt, responses in candidates.items()}
    without = [prompt for prompt in entries.prompt_ids if prompt not in offer]
    if without:
        more = ", ..." if len(without) > SHOWN else ""
        raise ValueError(
            f"{entries.source}: the candidates list nothing for {counted(len(without), 'prompt')} "
            f"({', '.join(map(repr, without[:SHOWN]))}{more}); list all responses on offer"
        )
    index = {response: code for code, response in enumerate(entries.response_ids)}
    pairs = [
        (p, index.setdefault(response, len(index)))
        for p, prompt in enumerate(entries.prompt_ids)
        for response in offer[prompt]
    ]
    listed = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    _refuse_others(entries, listed, len(index))
    return _listing(replace(entries, response_ids=list(index)), listed)


def with_offer(entries: Entries, more: np.ndarray) -> Entries:
    """The same ballots; the responses of some entries, given as indices, are on offer in addition."""
    prompts = np.asarray(entries.ballot_prompts)[entries.entry_ballots[more]]
    pairs = np.stack([prompts, np.asarray(entries.entry_responses)[more]], axis=1)
    if entries.listed is not None:
        pairs = np.concatenate([entries.listed, pairs])
    return _listing(entries, np.unique(pairs, axis=0))


def _ids(prompt: object, responses: Collection[str]) -> list[str]:
    if isinstance(responses, str) or not isinstance(responses, Collection):
        raise ValueError(
            f"the candidates of prompt {prompt!r} are {responses!r}; give a list of response ids"
        )
    return list(dict.fromkeys(map(str, responses)))


def _listing(entries: Entries, listed: np.ndarray) -> Entries:
    """The same ballots with other responses on offer, which keep the names that they have."""
    if entries.listed is None or entries.listed_names is None:
        return replace(entries, listed=listed)
    pairs = zip(entries.listed.tolist(), entries.listed_names, strict=True)
    names = {(p, r): name for (p, r), name in pairs}
    ids = entries.response_ids
    return replace(
        entries,
        listed=listed,
        listed_names=[names.get((p, r), ids[r]) for p, r in listed.tolist()],
    )


def _refuse_others(entries: Entries, listed: np.ndarray, size: int) -> None:
    """Refuse ballots that name a response that is not on offer; ``size`` is the number of ids."""
    prompts = np.asarray(entries.ballot_prompts, dtype=np.int64)[entries.entry_ballots]
    keys = prompts * size + entries.entry_responses
    others = np.flatnonzero(~np.isin(keys, listed[:, 0] * size + listed[:, 1]))
    if len(others) == 0:
        return
    named = [
        f"{entries.locate(e)}: {entries.response_ids[int(entries.entry_responses[e])]!r} of prompt "
        f"{entries.prompt_ids[int(prompts[e])]!r}"
        for e in others[:SHOWN].tolist()
    ]
    more = "; ..." if len(others) > SHOWN else ""
    times = "once" if len(others) == 1 else f"{len(others):,} times"
    raise ValueError(
        f"{entries.source}: ballots name a response that is not among the candidates {times} "
        f"({'; '.join(named)}{more}); correct the ballots, or add it to the candidates"
    )
