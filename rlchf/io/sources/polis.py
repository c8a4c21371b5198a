"""Polis: who agrees, disagrees or passes on each comment of a conversation."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rlchf.io.files import real_path
from rlchf.io.sources import Converted, Source
from rlchf.io.sources._records import Files, Record

WIDE = ("participant", "n-votes", "n-agree", "n-disagree")
LONG = (("voter-id", "comment-id", "vote", "timestamp"), ("pid", "tid", "vote", "modified"))
"""The keys of votes.csv and of the API's votes: person, comment, vote, time."""
COMMENTS = (
    ("comment-id", "comment-body", "moderated", "agrees", "disagrees"),
    ("tid", "txt", "mod", "agree_count", "disagree_count"),
)
"""The keys of comments.csv and of the API's comments: id, text, moderation, numbers of votes."""
OUT = -1  # what `moderated` is of a comment that a moderator took out
SETTLED = 0.25
"""How much closer to the counts the votes must be with one sign than with the other."""


def read(
    files: Files, *, agree: Literal[-1, 0, 1] = 0, moderated: Literal["drop", "keep"] = "drop"
) -> Converted:
    """Make each participant's votes a ballot of approvals: 1 agrees, 0 passes, -1 disagrees.

    The export writes 1 where somebody agrees, the API -1; the numbers of agreeing and disagreeing votes that
    come with them tell which. Each folder is a conversation, and a conversation is a prompt.
    """
    converted = Converted()
    folders = dict.fromkeys(path.parent for path in files.paths)
    for folder in folders:
        inside = Files(
            files.names, [one for one in files.paths if one.parent == folder], files.shape
        )
        conversation = _conversation(inside, folder)
        if conversation.votes:
            _add(converted, conversation, agree or _sign(conversation), moderated)
        elif len(folders) == 1:
            next(inside.records(*WIDE))  # says which keys are missing
    return converted


@dataclass
class _Conversation:
    """A conversation before the sign of its votes is known."""

    name: str
    prompt: str
    file: str
    votes: dict[str, dict[str, int]] = field(default_factory=dict)
    groups: dict[str, Record] = field(default_factory=dict)
    comments: dict[str, Record] = field(default_factory=dict)
    keys: tuple[str, ...] = COMMENTS[0]
    counts: list[tuple[int, int, float, float]] = field(default_factory=list)
    earlier: int = 0


def _conversation(files: Files, folder: Path) -> _Conversation:
    """What the files of one folder hold; the table of participants is preferred to the list of votes."""
    conversation = _Conversation(real_path(folder).name, _topic(files), ", ".join(files.names))
    for keys in COMMENTS:
        if files.holding(*keys[:3]):
            conversation.keys = keys
            conversation.comments = {one.text(keys[0]): one for one in files.records(*keys[:3])}
    if files.holding(*WIDE):
        _read_wide(conversation, files)
        return conversation
    for of_vote in LONG:
        if files.holding(*of_vote[:3]):
            _read_long(conversation, files, of_vote)
    return conversation


def _topic(files: Files) -> str:
    """The topic and the description, of summary.csv, whose rows are names and values, or the API's."""
    for path, names in files.keys().items():
        if len(names) == 2 and names[0] == "topic":
            one = Files(files.names, [path], files.shape)
            rest = {record.values["topic"]: record.values[names[1]] for record in one.records()}
            return "\n\n".join(filter(None, [names[1], rest.get("conversation-description", "")]))
        if {"topic", "description"} <= set(names):
            record = next(Files(files.names, [path], files.shape).records())
            return "\n\n".join(filter(None, [record.get("topic"), record.get("description")]))
    return ""


def _read_wide(conversation: _Conversation, files: Files) -> None:
    for record in files.records(*WIDE):
        person = record.text("participant")
        cells = {key: value for key, value in record.values.items() if key.isdigit()}
        votes = {key: _vote(record, key) for key, value in cells.items() if value.strip()}
        conversation.groups[person] = record
        conversation.votes[person] = votes
        conversation.file = record.place.rpartition(",")[0]
        conversation.counts.append(
            (*_counted(votes.values()), record.number("n-agree"), record.number("n-disagree"))
        )


def _read_long(conversation: _Conversation, files: Files, keys: tuple[str, ...]) -> None:
    """Each person's last vote on each comment."""
    person, comment, vote, time = keys
    last: dict[tuple[str, str], float] = {}
    for record in files.records(person, comment, vote):
        who, what = record.text(person), record.text(comment)
        when = record.number(time) if record.has(time) else float(len(last))
        conversation.file = record.place.rpartition(",")[0]
        conversation.earlier += (who, what) in last
        if when >= last.get((who, what), when):
            last[who, what] = when
            conversation.votes.setdefault(who, {})[what] = _vote(record, vote)
    of_comment: dict[str, list[int]] = {}
    for votes in conversation.votes.values():
        for what, value in votes.items():
            of_comment.setdefault(what, []).append(value)
    _, _, _, agrees, disagrees = conversation.keys
    for what, one in conversation.comments.items():
        if one.has(agrees) and one.has(disagrees):
            counted = _counted(of_comment.get(what, []))
            conversation.counts.append((*counted, one.number(agrees), one.number(disagrees)))


def _vote(record: Record, key: str) -> int:
    value = record.number(key)
    if value not in (1, 0, -1):
        raise record.error(f"the vote {key} is {value:g}; there should be 1, 0 or -1")
    return int(value)


def _counted(votes: Iterable[int]) -> tuple[int, int]:
    values = list(votes)
    return values.count(1), values.count(-1)


def _sign(conversation: _Conversation) -> int:
    """The vote that agrees, 1 or -1, by the counts.

    Raises
    ------
    ValueError
        If there are none, or they fit neither.
    """
    as_written = sum(abs(a - n) + abs(b - m) for a, b, n, m in conversation.counts)
    reversed_ = sum(abs(b - n) + abs(a - m) for a, b, n, m in conversation.counts)
    if as_written <= SETTLED * reversed_ and reversed_:
        return 1
    if reversed_ <= SETTLED * as_written and as_written:
        return -1
    reason = "there are no counts of them" if not conversation.counts else (
        f"the counts differ from them by {as_written:g} votes one way and {reversed_:g} the other"
    )  # fmt: skip
    raise ValueError(
        f"{conversation.file}: it is not clear whether 1 or -1 agrees, because {reason}; add comments.csv of "
        "the same export, or say it with -o agree=1 (as in Polis' exports) or -o agree=-1 (as in its API)"
    )


def _add(converted: Converted, conversation: _Conversation, agree: int, moderated: str) -> None:
    name, (_, text, moderation, _, _) = conversation.name, conversation.keys
    if conversation.earlier:
        converted.drop("votes that were changed later", conversation.earlier)
    removed = set()
    for what, one in conversation.comments.items():
        if moderated == "drop" and one.has(moderation) and one.number(moderation) == OUT:
            removed.add(what)
    converted.prompt(name, conversation.prompt)
    texts = dict(_texts(conversation, text, removed))
    unknown = set()
    for person, votes in conversation.votes.items():
        kept = {what: agree * vote for what, vote in votes.items() if what not in removed}
        if len(kept) < len(votes):
            converted.drop("votes on comments that moderators took out", len(votes) - len(kept))
        if not kept:
            converted.drop("participants without a vote")
            continue
        unknown |= kept.keys() - texts.keys()
        annotator = f"{name}/{person}"
        row = conversation.groups.get(person)
        group = row.get("group-id") if row else None
        converted.annotator(annotator, group=group, xid=row.get("xid") if row else None)
        converted.ballot(name, annotator, approvals=kept)
    for what, body in texts.items():
        one = conversation.comments[what]
        converted.response(name, what, body, moderated=one.get(moderation), meta=one.get("is_meta"))
    if unknown:
        converted.drop("texts of comments, which no file of comments has", len(unknown))


def _texts(conversation: _Conversation, key: str, removed: set[str]) -> Iterator[tuple[str, str]]:
    for what, one in conversation.comments.items():
        if what not in removed and one.has(key):
            yield what, one.text(key)


SOURCE = Source(
    name="polis",
    title="Polis, The Computational Democracy Project: the export of a conversation, or files of its API",
    url="https://compdemocracy.org/export",
    licence="that of the data",
    shape="participants-votes.csv (participant, group-id, n-votes, n-agree, n-disagree, a column for each "
    "comment) or votes.csv (comment-id, voter-id, vote, timestamp), comments.csv, summary.csv; or the API's "
    "votes.json (pid, tid, vote, modified) and comments.json",
    ballots="each participant's votes, as approvals: 1 agrees, 0 passes, -1 disagrees; comments that were "
    "not seen are left out",
    marks=WIDE,
    read=read,
    options={
        "agree": "the vote that agrees, 1 or -1 (default: the one that fits the counts in the files)",
        "moderated": "keep or drop comments that moderators took out (default drop)",
    },
)
