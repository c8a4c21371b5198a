"""A project of an annotation tool from files of responses: the job of `rlchf tasks`."""

import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rlchf.io import read_annotators, read_prompts, read_responses
from rlchf.io.projects import Collection, Item, check_new, label_studio, new_folder, potato
from rlchf.jobs.dealing import deal, orders, pairs
from rlchf.jobs.inputs import check_paths
from rlchf.jobs.settings import TasksJob

WRITERS = {"potato": potato.write, "label_studio": label_studio.write}
"""What writes the project of each tool."""


@dataclass(frozen=True)
class Dealt:
    """What was written.

    Attributes
    ----------
    collection
        Who is to judge what.
    fewest, most
        By how many annotators an item is seen, at least and at most.
    """

    collection: Collection
    fewest: int
    most: int


def write_tasks(job: TasksJob) -> Dealt:
    """Read prompts and responses, deal them to annotators, and write a project.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or the numbers do not fit; nothing has been written then.
    """
    people = "" if job.annotators.isdecimal() else job.annotators
    check_paths([job.responses, job.prompts, people])
    check_new(job.out)
    prompts, responses = read_prompts(job.prompts), read_responses(job.responses)
    tasks = _tasks(job, responses)
    without = [one.prompt_id for one in tasks if one.prompt_id not in prompts]
    if without:
        raise ValueError(
            f"{job.prompts} has no prompt {without[0]!r}, of which {job.responses} has responses"
            + (f"; {len(set(without))} prompts are missing" if len(set(without)) > 1 else "")
        )
    annotators = read_annotators(people).ids if people else []
    sizes = shares(job, len(tasks), len(annotators))
    rng = np.random.default_rng(job.seed)
    items = dealt_items(tasks, sizes, rng)
    collection = Collection(
        prompts=prompts,
        responses=responses,
        kind=job.kind,
        annotators=annotators or [str(seat) for seat in range(1, len(sizes) + 1)],
        items=items,
        known=bool(annotators),
    )
    with new_folder(job.out) as folder:
        WRITERS[job.to](folder, collection)
        if people:
            (folder / "annotators.csv").write_bytes(Path(people).read_bytes())
    if alone := sum(len(texts) < 2 for texts in responses.values()):
        warnings.warn(
            f"{alone} of {len(responses)} prompts have one response, and are left out", stacklevel=2
        )
    seen = Counter(_key(item) for one in items for item in one)
    return Dealt(collection, min(seen.values()), max(seen.values()))


def shares(job: TasksJob, tasks: int, known: int) -> list[int]:
    """How many items each annotator gets.

    Two of the number of annotators, ``per_annotator`` and ``overlap`` give the third; with the number of
    annotators alone everybody sees everything.

    Raises
    ------
    ValueError
        If the numbers do not fit together.
    """
    people = known or (int(job.annotators) if job.annotators else 0)
    each, overlap = job.per_annotator, job.overlap
    if not people and not (each and overlap):
        raise ValueError(
            "how many annotators? give --annotators as a number or a csv file, or both --per-annotator and "
            "--overlap"
        )
    if each > tasks:
        raise ValueError(f"--per-annotator is {each}, but there are {tasks} items")
    people = people or max(overlap, math.ceil(tasks * overlap / each))
    if overlap > people:
        raise ValueError(f"--overlap is {overlap}, but there are {people} annotators")
    total = tasks * overlap if overlap else people * (each or tasks)
    if each and overlap and total > people * each:
        raise ValueError(
            f"{people} annotators with {each} items each make {people * each}; {tasks} items seen by "
            f"{overlap} each are {total}; leave out one of --annotators, --per-annotator and --overlap"
        )
    if job.annotators and each and overlap and total < people * each:
        raise ValueError(
            f"{tasks} items seen by {overlap} each are {total}, which {people} annotators cannot share as "
            f"{each} each; leave out one of --annotators, --per-annotator and --overlap"
        )
    if total < people:
        raise ValueError(f"{people} annotators share {total} items; name fewer annotators")
    return [total // people + (seat < total % people) for seat in range(people)]


def dealt_items(
    tasks: Sequence[Item], sizes: Sequence[int], rng: np.random.Generator
) -> list[list[Item]]:
    """What each annotator sees: random tasks, each with its responses in a balanced random order."""
    dealt = deal(sizes, len(tasks), rng)
    views = Counter(task for one in dealt for task in one)
    shown = {
        task: iter(orders(len(tasks[task].responses), views[task], rng)) for task in sorted(views)
    }
    return [[_ordered(tasks[task], next(shown[task])) for task in one] for one in dealt]


def _ordered(task: Item, order: Sequence[int]) -> Item:
    return Item(task.prompt_id, tuple(task.responses[i] for i in order))


def _tasks(job: TasksJob, responses: Mapping[str, Mapping[str, str]]) -> list[Item]:
    """The items before they are dealt; a prompt with one response is left out."""
    several = {name: list(texts) for name, texts in responses.items() if len(texts) > 1}
    if not several:
        raise ValueError(f"{job.responses}: no prompt has two responses or more")
    if job.kind == "pairwise":
        return [Item(name, pair) for name, ids in several.items() for pair in pairs(ids)]
    return [Item(name, tuple(ids)) for name, ids in several.items()]


def _key(item: Item) -> tuple[str, frozenset[str]]:
    return item.prompt_id, frozenset(item.responses)
