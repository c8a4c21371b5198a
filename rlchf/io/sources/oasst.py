"""OpenAssistant Conversations: replies to a conversation in the order of their merged ranks."""

from collections.abc import Iterator
from typing import Any

from rlchf.io.sources import Converted, Source
from rlchf.io.sources._records import Files, Record

ROLES = {"prompter": "user", "assistant": "assistant"}
Messages = dict[str, Record]


def read(files: Files) -> Converted:
    """Make the ranks of an assistant's replies to the same message a ballot.

    Ranks are merged from several people, whose own rankings are not in the public files. Where an export has
    them, as events of the messages, each is a ballot of its annotator, and the merged ranks are left out.
    """
    messages: Messages = {}
    for record in _records(files):
        messages[record.text("message_id")] = record
    converted = Converted()
    replies: dict[str, list[str]] = {}
    for name, message in messages.items():
        if message.has("parent_id"):
            replies.setdefault(message.text("parent_id"), []).append(name)
    merged = [_siblings(converted, messages, parent, names) for parent, names in replies.items()]
    if any(merged):
        converted.note = (
            "ranks are merged from several people: a prompt has one ballot, which is nobody's own"
        )
    return converted


def _records(files: Files) -> Iterator[Record]:
    """The messages of files of messages, and those of files of trees, parents first."""
    if files.holding("message_tree_id", "prompt"):
        for tree in files.records("message_tree_id", "prompt"):
            if tree.has("prompt"):
                yield from _walk(tree.part("prompt"))
        return
    yield from files.records("message_id", "parent_id", "text", "role", "rank")


def _walk(message: Record) -> Iterator[Record]:
    yield message
    for reply in message.parts("replies") if message.values.get("replies") else ():
        values = {"parent_id": message.text("message_id"), **reply.values}
        yield from _walk(Record(values, message.place, message.shape))


def _siblings(converted: Converted, messages: Messages, parent: str, names: list[str]) -> bool:
    """Add the replies to one message and how they are ranked; returns whether that is by merged ranks."""
    prompters = [name for name in names if messages[name].get("role") == "prompter"]
    ranked_prompters = sum(messages[name].has("rank") for name in prompters)
    if ranked_prompters:
        converted.drop("ranks of prompters' replies", ranked_prompters)
    kept = []
    for name in names:
        message = messages[name]
        if message.one_of("role", ROLES) != "assistant":
            continue
        if message.values.get("deleted") is True:
            converted.drop("deleted replies")
            continue
        kept.append(name)
    rankings = list(_events(converted, messages, parent, names))
    merged = {
        name: messages[name].number("rank") + 1 for name in kept if messages[name].has("rank")
    }
    if not rankings and len(merged) < 2:
        return False
    conversation = _conversation(messages, parent)
    if conversation is None:
        converted.drop("groups of replies whose conversation is not in the files")
        return False
    if not rankings:
        converted.drop("replies without a rank, beside ranked ones", len(kept) - len(merged))
    converted.prompt(parent, conversation, language=messages[parent].get("lang"))
    shown = kept if rankings else list(merged)
    for name in shown:
        converted.response(parent, name, messages[name].text("text"), **_labels(messages[name]))
    if not rankings:
        converted.ballot(parent, None, ranks=merged)
        return True
    for annotator, order in rankings:
        ranks = {name: rank for rank, name in enumerate(order, 1) if name in kept}
        if len(ranks) < 2:
            converted.drop("rankings of which one reply only is in the files")
            continue
        converted.annotator(annotator)
        converted.ballot(parent, annotator, ranks=ranks)
    return False


def _events(
    converted: Converted, messages: Messages, parent: str, names: list[str]
) -> Iterator[tuple[str, list[str]]]:
    """The rankings of single people, best first, with their ids; they stand with the parent or a reply."""
    seen = set()
    for name in (parent, *names):
        events = messages[name].get("events") if name in messages else None
        for event in (events or {}).get("ranking") or ():
            order = [str(one) for one in event.get("ranked_message_ids") or ()]
            key = str(event.get("user_id")), tuple(order)
            if not set(order) & set(names) or key in seen:
                continue
            seen.add(key)
            if event.get("not_rankable"):
                converted.drop("rankings marked as not rankable")
            elif event.get("user_id") is None:
                converted.drop("rankings without an annotator")
            else:
                yield key[0], order


def _conversation(messages: Messages, name: str) -> list[dict[str, str]] | None:
    """The messages from the first one to one of them; None if one is missing."""
    path: list[dict[str, str]] = []
    while name:
        if name not in messages:
            return None
        message = messages[name]
        role = ROLES[message.one_of("role", ROLES)]
        path.append({"role": role, "content": message.text("text")})
        name = message.text("parent_id") if message.has("parent_id") else ""
    return path[::-1]


def _labels(message: Record) -> dict[str, Any]:
    """The mean labels of a message, such as its quality, by name."""
    labels = message.get("labels")
    if not isinstance(labels, dict):
        return {}
    names, values = labels.get("name"), labels.get("value")
    if not (isinstance(names, list) and isinstance(values, list)):
        return {name: one.get("value") for name, one in labels.items() if isinstance(one, dict)}
    if len(names) != len(values):
        raise message.error(f"labels have {len(names)} names and {len(values)} values")
    return {str(name): value for name, value in zip(names, values, strict=True)}


SOURCE = Source(
    name="oasst",
    title="OpenAssistant Conversations, LAION: replies ranked by volunteers, merged",
    url="https://huggingface.co/datasets/OpenAssistant/oasst1",
    licence="Apache-2.0",
    shape="messages of {message_id, parent_id, text, role, lang, rank, labels}, or trees of "
    "{message_tree_id, prompt: {..., replies[]}}",
    ballots="the merged ranks of the assistant's replies to a message; in exports with events, each person's "
    "ranking",
    marks=("message_id", "parent_id", "role", "rank"),
    read=read,
    anonymous=True,
)
