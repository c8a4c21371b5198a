"""What a table looks like that fits no format, and the option that reads it."""

import re
from collections.abc import Callable, Container, Sequence

from rlchf.display import listing
from rlchf.io.columns import Table
from rlchf.io.formats import formats
from rlchf.io.headers import folded
from rlchf.io.patterns import PEOPLE, TOOLS, place_number
from rlchf.options import renaming

SYNONYMS = {
    "prompt_id": (
        "prompt", "question_id", "question", "item_id", "item", "task_id", "task", "instruction_id",
        "comparison_id", "conversation_id", "topic", "query_id",
    ),
    "annotator_id": (
        "annotator", "user_id", "user", "worker_id", "worker", "participant_id", "participant",
        "rater_id", "rater", "judge_id", "judge", "voter_id", "voter", "labeler", "labeller", "evaluator",
        "respondent_id", "respondent", "person", "uid", "name", "email", "e-mail", "email address",
    ),
    "response_id": (
        "response", "answer_id", "answer", "completion_id", "completion", "candidate_id", "candidate",
        "option_id", "option", "model", "output_id", "output", "alternative", "statement_id", "statement",
    ),
    "rank": ("ranks", "place", "position"),
    "score": ("scores", "rating", "ratings", "stars", "points", "grade", "value", "mark", "likert"),
    "approval": ("vote", "opinion", "agreement"),
    "ranking": ("rankings", "ballot", "order", "preference_order", "rank_order"),
    "chosen": ("winner", "preferred", "better", "win"),
    "rejected": ("loser", "worse", "lose", "dispreferred"),
}  # fmt: skip
"""Names under which our columns are often found. They are proposed, never assumed."""

NEEDED = (
    ("prompt_id", "annotator_id", "response_id", "score"),
    ("prompt_id", "annotator_id", "response_id", "rank"),
    ("prompt_id", "annotator_id", "response_id", "approval"),
    ("prompt_id", "annotator_id", "ranking"),
    ("prompt_id", "annotator_id", "chosen", "rejected"),
)
_EMPTY = -(2.0**1000)
_SIGNED = re.compile(r".*(preference|strength).*")


def unknown_shape(
    source: str, names: Sequence[str], parse: Callable[[Container[str] | None], Table]
) -> str:
    """A sentence about a table whose columns fit no format: what it looks like, and how to read it.

    Parameters
    ----------
    parse
        A function from the columns to be read, None for all, to the table.
    """
    guess = next(filter(None, (look(names) for look in LOOKS)), "")
    guess = guess or _looks_wide(names, parse, alone=True)
    guess = guess or looks_numbered(names) or _looks_wide(names, parse, alone=False)
    listed = listing(names)
    if guess:
        return f"{source}: the columns {listed} {guess}"
    *shapes, last = [f"{one.shape} ({one.name})" for one in formats().values() if not one.named]
    marks = [mark for one in formats().values() for mark in one.marks if not one.named]
    others = [name for name in names if folded(name) not in map(folded, PEOPLE)]
    hint = next(filter(None, (renaming(mark, others) for mark in marks)), "")
    return (
        f"{source}: the columns {listed} fit no format; besides prompt_id "
        f"and annotator_id there should be {', '.join(shapes)}, or {last}{hint}"
    )


def looks_renamed(names: Sequence[str]) -> str:
    """The columns under other names."""
    by_fold = {folded(name): name for name in names}
    for needed in NEEDED:
        pairs: list[str] = []
        for ours in needed:
            spellings = (name for name in (ours, *SYNONYMS[ours]) if folded(name) in by_fold)
            name = next(spellings, None)
            if name is None:
                break
            if name != ours:
                pairs.append(f"{ours}={by_fold[folded(name)]}")
        else:
            order = {"score": " (higher is better; rank=... if 1 is best)"}.get(needed[-1], "")
            return f"look like ours under other names; read them with --columns {_quoted(pairs)}{order}"
    return ""


def looks_placed(names: Sequence[str]) -> str:
    """A column per place."""
    places = [name for name in names if place_number(name) is not None]
    if len(places) < 2:
        return ""
    return (
        f"look like one column per place; read them with --format places if {places[0]} names a response, "
        "and with --format wide_ranks if it holds the rank of one"
    )


def looks_signed(names: Sequence[str]) -> str:
    """Two responses and a signed strength."""
    format = formats()["signed"]
    folds = {folded(name) for name in names}
    sides = [
        any(folded(name) in folds for name in (side, *format.aliases[side]))
        for side in ("response_a", "response_b")
    ]
    strengths = [name for name in names if _SIGNED.fullmatch(name.lower())]
    if not all(sides) or not strengths:
        return ""
    pairs = [f"strength={strengths[0]}"]
    if not folds & {"promptid", "prompt"} and "context" in names:
        pairs.append("prompt=context")
    return (
        "look like two responses and which of them is preferred, how strongly; read them with "
        f"--format signed --columns {_quoted(pairs)} if a negative number prefers the first"
    )


def looks_numbered(names: Sequence[str]) -> str:
    """Columns that differ in one number, as surveys name the answers to one question."""
    families: dict[str, list[str]] = {}
    for name in names:
        if re.search(r"\d", name):
            families.setdefault(re.sub(r"\d+(?=\D*$)", "*", name), []).append(name)
    pattern, family = max(families.items(), key=lambda one: len(one[1]), default=("", []))
    if len(family) < 2:
        return ""
    few = f"{', '.join(family[:3])}{', ...' if len(family) > 3 else ''}"
    return (
        f"fit no format; {few} look like one column per response or per place: read them with --columns "
        f"{_quoted([f'responses={pattern}'])} and --format wide_ranks (1 is best) or wide_scores (higher is "
        f"better), or with --columns {_quoted([f'places={pattern}'])} and --format places if they name "
        "responses"
    )


LOOKS: list[Callable[[Sequence[str]], str]] = [looks_renamed, looks_placed, looks_signed]
"""Functions from the names of columns to what they look like, as the end of a sentence; empty if unknown."""


def _looks_wide(
    names: Sequence[str], parse: Callable[[Container[str] | None], Table], alone: bool
) -> str:
    """A column of numbers per response, possibly ``alone``: besides those of prompts and people only."""
    known = {folded(name) for name in PEOPLE}
    others = [name for name in names if name and folded(name) not in known]
    pairs = []
    for ours in ("prompt_id", "annotator_id"):
        synonyms = [name for name in others if folded(name) in map(folded, SYNONYMS[ours])]
        if synonyms and folded(ours) not in map(folded, names):
            pairs.append(f"{ours}={synonyms[0]}")
            others.remove(synonyms[0])
    try:
        table = parse(None)
        numbers = [n for n in others if n.strip().lower() not in TOOLS and _is_numeric(table, n)]
    except ValueError:
        return ""
    if len(numbers) < 2 or (alone and len(numbers) < len(others)):
        return ""
    if not alone:
        pairs.append("responses=" + "|".join(numbers))
    few = f"{', '.join(numbers[:4])}{', ...' if len(numbers) > 4 else ''}"
    named = f" and --columns {_quoted(pairs)}" if pairs else ""
    return (
        f"fit no format; {few} look like one column per response: read them with --format wide_ranks "
        f"(1 is best), wide_scores (higher is better) or wide_approvals (1, 0, -1){named}"
    )


def _is_numeric(table: Table, name: str) -> bool:
    """Whether all cells of a column are numbers or empty, and not all are empty."""
    try:
        return bool((table.numbers(name, "", empty=_EMPTY) != _EMPTY).any())
    except ValueError:
        return False


def _quoted(pairs: Sequence[str]) -> str:
    text = ",".join(pairs)
    return text if re.fullmatch(r"[\w=,.\-]+", text) else f'"{text}"'
