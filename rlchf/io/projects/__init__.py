"""Projects of annotation tools, written so that people can rank responses in them; one file per tool."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rlchf.io.json import write_jsonl
from rlchf.prompts import Prompt

Kind = Literal["ranking", "pairwise"]
"""Whether an annotator gives places to all responses of a prompt, or says which of two is better."""

QUESTIONS = {
    "ranking": "Give each response its place: 1 is the best. Equally good responses share a place.",
    "pairwise": "Which response is better?",
}
"""What annotators are asked."""


@dataclass(frozen=True)
class Item:
    """What one annotator sees at once: a prompt, and responses in the order of the page."""

    prompt_id: str
    responses: tuple[str, ...]


@dataclass(frozen=True)
class Collection:
    """Who is to judge what.

    Attributes
    ----------
    prompts, responses
        The texts by their ids.
    kind
        What is asked.
    annotators
        Ids of the annotators; of people who are not known yet, the numbers of their places.
    items
        What each annotator sees, in the order in which it is shown.
    known
        Whether ``annotators`` are the ids of people.
    """

    prompts: Mapping[str, Prompt]
    responses: Mapping[str, Mapping[str, str]]
    kind: Kind
    annotators: Sequence[str]
    items: Sequence[Sequence[Item]]
    known: bool

    @property
    def n_items(self) -> int:
        """The number of items of all annotators together."""
        return sum(map(len, self.items))


def label(index: int) -> str:
    """What a response is called on the page.

    Examples
    --------
    >>> label(0)
    'Response 1'
    """
    return f"Response {index + 1}"


def plain(prompt: Prompt) -> str:
    """A prompt as text; chat messages stand below their roles.

    Examples
    --------
    >>> plain([{"role": "user", "content": "Hi!"}])
    'user:\\nHi!'
    """
    if isinstance(prompt, str):
        return prompt
    return "\n\n".join(f"{message['role']}:\n{message['content']}" for message in prompt)


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """A folder that appears under its name when the block ends without an exception.

    Raises
    ------
    ValueError
        If there is a file of that name, or a folder with files in it.
    """
    check_new(path)
    target = Path(path).absolute()
    temporary = target.with_name(f".{target.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if target.exists():
            target.rmdir()
        temporary.replace(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def check_new(path: str | Path) -> None:
    """Refuse a folder that holds files already, before the work.

    Raises
    ------
    ValueError
        If there is a file of that name, or a folder with files in it.
    """
    target = Path(path)
    if target.is_dir() and any(target.iterdir()):
        raise ValueError(f"{path}: the folder has files in it; name a new one")
    if target.exists() and not target.is_dir():
        raise ValueError(f"{path} is a file; name a folder")


def write_texts(folder: Path, collection: Collection) -> None:
    """Write the prompts and responses that annotators see, as `rlchf convert` reads them beside a project."""
    shown: dict[str, set[str]] = {}
    for items in collection.items:
        for item in items:
            shown.setdefault(item.prompt_id, set()).update(item.responses)
    prompts = [name for name in collection.responses if name in shown]
    write_jsonl(
        folder / "prompts.jsonl",
        ({"prompt_id": name, "prompt": collection.prompts[name]} for name in prompts),
    )
    write_jsonl(
        folder / "responses.jsonl",
        (
            {"prompt_id": name, "response_id": response, "text": text}
            for name in prompts
            for response, text in collection.responses[name].items()
            if response in shown[name]
        ),
    )
