"""The command `rlchf tasks`."""

from rlchf.cli.console import say
from rlchf.cli.settings import Given, chosen, with_settings
from rlchf.jobs.settings import TasksJob

NEXT = {
    "potato": "next: potato start {out}/config.yaml, and then "
    "rlchf convert {out} --from potato --out FOLDER",
    "label_studio": "next: a project in Label Studio with the files of {out}, and then "
    "rlchf convert EXPORT.json --from label_studio --out FOLDER",
}
"""What to do with a project."""


@with_settings(TasksJob, arguments=["responses"])
def command(given: Given) -> None:
    """Write a project in which people rank responses.

    Each annotator sees prompts and responses in a random order of their own. rlchf convert reads what the
    tool has collected.
    """
    job = chosen(TasksJob, given)
    from rlchf.jobs.tasks import write_tasks

    dealt = write_tasks(job)
    collection = dealt.collection
    sizes = [len(items) for items in collection.items]
    say(
        f"{job.out}: {_number(len(sizes), 'annotator')} with {_range(min(sizes), max(sizes), 'item')} each; "
        f"each item is seen by {_range(dealt.fewest, dealt.most, 'annotator')}"
    )
    say(NEXT[job.to].format(out=job.out))


def _number(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _range(fewest: int, most: int, what: str) -> str:
    """A number, or two with a word between.

    Examples
    --------
    >>> _range(1, 1, "item"), _range(1, 2, "item")
    ('1 item', '1 to 2 items')
    """
    return _number(most, what) if fewest == most else f"{fewest} to {_number(most, what)}"
