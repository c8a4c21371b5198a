"""Parts of a dataset on this machine, one after the other."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

import numpy as np

from rlchf.io.large.parts import Range
from rlchf.jobs.large.checks import is_sequential
from rlchf.jobs.large.folder import PartsFolder
from rlchf.jobs.large.work import Notes, Work
from rlchf.jobs.progress import stage
from rlchf.parts import Part
from rlchf.rankings import Rankings


def run_here(work: Work, parts: Sequence[Range], folder: PartsFolder) -> list[Notes]:
    """Aggregate one part after the other, but for those that are done; their notes, in order."""
    notes = _done(parts, folder)
    lost = sum(part.n_prompts - one.prompts for part, one in zip(parts, notes, strict=False))
    seen = {name for one in notes for name in one.annotators}
    accounts = _accounts(folder, len(notes)) if is_sequential(work.job) else None
    n_prompts = sum(part.n_prompts for part in parts)
    with stage(f"aggregate {n_prompts} prompts by {work.job.rule}", quiet=True) as tick:
        for part, rankings, noted in work.parts(list(parts[len(notes) :])):
            tick(part.first_prompt - parts[0].first_prompt, n_prompts)
            if rankings is not None:
                place = Part(part.first_prompt - lost)
                if accounts is not None:
                    rankings = accounts.entered(rankings, place)
                work.decide(rankings, place, noted, folder.result(part.number))
                if accounts is not None:
                    accounts.account = place.account
            if accounts is not None:
                folder.keep_account(part.number, list(accounts.index), accounts.account)
            noted.annotators = [name for name in noted.annotators if name not in seen]
            seen.update(noted.annotators)
            folder.keep(part.number, noted)
            lost += part.n_prompts - noted.prompts
            notes.append(noted)
    return notes


def _done(parts: Sequence[Range], folder: PartsFolder) -> list[Notes]:
    """The notes of the first parts, as far as all of them are done."""
    notes = (folder.done(part.number) for part in parts)
    return [one for one in takewhile(lambda one: one is not None, notes) if one is not None]


def _accounts(folder: PartsFolder, n_done: int) -> "Accounts":
    return Accounts(*folder.account(n_done - 1)) if n_done else Accounts([], np.zeros(0))


class Accounts:
    """The annotators of all parts so far by their numbers, and what a sequential rule carries for each."""

    def __init__(self, annotators: Sequence[str], account: Any) -> None:
        self.index = {name: i for i, name in enumerate(annotators)}
        self.account = account

    def entered(self, rankings: Rankings, place: Part) -> Rankings:
        """The rankings with the numbers that their annotators have in all parts, and the account in place."""
        place.account = self.account
        index = self.index
        codes = [index.setdefault(name, len(index)) for name in rankings.annotator_ids]
        return replace(
            rankings,
            annotator_ids=list(index),
            ballot_annotators=np.array(codes, dtype=np.int64)[rankings.ballot_annotators],
        )
