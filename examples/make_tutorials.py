"""Make the data of the tutorials: a team's spreadsheet, votes from an arena, a panel's answers.

    python examples/make_tutorials.py

Twelve librarians rank four drafts of a reply, eight at the desk and four in the branches; the sheet has
gaps, ties, a blank row and a form that was sent twice, as such sheets do.
In the arena 60 people compare the answers of four models to sums, in the shape of the rows of LMSYS's
chatbot_arena_conversations: most ask in English and like short answers, the others ask in German and
like to see how the sum is done.
Nine panellists, five careful and four frank, rank the eight statements of the tutorial on deliberation,
as Potato keeps their answers: each sees Response 1 to 8 in an order of their own, and gives them places.
The files have the same content on every machine; a workbook also holds the time at which it was made.
"""

import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from rlchf.io.json import read_jsonl, write_jsonl
from rlchf.jobs.settings import TasksJob
from rlchf.jobs.tasks import write_tasks

FOLDER = Path(__file__).parent / "tutorials"

DRAFTS = ("Short", "Steps", "Warm", "Formal")
QUESTIONS = (
    *("Late fee", "Lost card", "Book a room", "Renew a loan"),
    *("Printing", "Noise", "Lost book", "Opening hours"),
)
STAFF = {
    "desk": (
        *("Ann Lee", "Ben Okafor", "Cleo Marsh", "Dev Patel"),
        *("Eva Braun", "Finn Walsh", "Gita Rao", "Hugo Lind"),
    ),
    "branch": ("Ida Novak", "Jon Park", "Kim Soto", "Lea Adler"),
}
LIKES = {"desk": (2.2, 1.5, 0.0, 0.6), "branch": (-0.2, 0.4, 2.2, 1.4)}

MODELS = ("terse", "tutor", "chatty", "shaky")
MEETINGS = {(0, 1): 60, (0, 2): 30, (0, 3): 20, (1, 2): 30, (1, 3): 20, (2, 3): 80}
TASTES = {"English": (1.8, 0.4, 0.9, -1.0), "German": (-0.2, 2.0, 0.7, -1.0)}
WRONG = (0.02, 0.02, 0.10, 0.55)
SAYS = {
    "English": (
        "What is {a} + {b}?",
        (
            *("{c}.", "{a} + {b} is {c}: count {b} on from {a}."),
            *("Great question! It is {c}. Anything else?", "Perhaps {c}, I think."),
        ),
    ),
    "German": (
        "Was ist {a} + {b}?",
        (
            *("{c}.", "{a} + {b} ist {c}: zähle von {a} um {b} weiter."),
            *("Tolle Frage! Es ist {c}. Noch etwas?", "Vielleicht {c}, glaube ich."),
        ),
    ),
}

PANEL = ("ana", "bo", "chi", "dora", "eli", "fay", "gus", "hana", "ivo")  # the first five: careful
STATEMENTS = ("s3", "s11", "s24", "s23", "s21", "s18", "s13", "s8")
PREFERENCES = {"careful": (5, 8, 4, 2, 3, 7, 0, 6), "frank": (7, 3, 5, 6, 4, 1, 8, 0)}


def ranks_of(rng: np.random.Generator, likes: tuple[float, ...]) -> list[int | None]:
    """The ranks on one row of the sheet: some tie two drafts, some leave one out."""
    order = np.argsort(-(np.array(likes) + rng.gumbel(0, 0.4, len(likes))))
    ranks: list[int | None] = [0] * len(likes)
    for rank, draft in enumerate(order.tolist(), start=1):
        ranks[draft] = rank
    if rng.random() < 0.15:
        ranks[order[2]] = 2
    if rng.random() < 0.1:
        ranks[order[3]] = None
    return ranks


def sheet(rng: np.random.Generator) -> list[list[Any]]:
    """The rows of the sheet, as the form wrote them."""
    rows: list[list[Any]] = []
    for question in QUESTIONS:
        for team, names in STAFF.items():
            for name in names:
                ranks = ranks_of(rng, LIKES[team])
                rows.append([f"2026-03-02 09:{len(rows) % 60:02d}", name, question, *ranks, None])
    rows[3][3:] = [None, None, None, None, "will do it later"]
    rows[30][7] = "Short and Steps say the same"
    rows.append(["2026-03-02 11:40", "Gita Rao", "Late fee", 1, 2, 3, 4, "please use this one"])
    return rows


def write_team(folder: Path, rng: np.random.Generator) -> None:
    """The sheet as a workbook and as csv, and who works where."""
    from openpyxl import Workbook

    folder.mkdir(parents=True, exist_ok=True)
    head = ["Timestamp", "Name", "Question", *DRAFTS, "Remarks"]
    rows = sheet(rng)
    book = Workbook()
    page = book.active
    assert page is not None
    page.title = "Answers"
    for row in [head, *rows]:
        page.append(row)
    book.save(folder / "replies.xlsx")
    with (folder / "replies.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";", lineterminator="\n").writerows([head, *rows])
    with (folder / "staff.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["annotator_id", "team"])
        writer.writerows([name, team] for team, names in STAFF.items() for name in names)


def battle(rng: np.random.Generator, n: int, pair: tuple[int, int]) -> dict[str, Any]:
    """One vote between two models, which stand on either side with the same probability."""
    person = int(rng.integers(60))
    language = "English" if person < 36 else "German"
    a, b = rng.integers(2, 40, 2).tolist()
    question, answers = SAYS[language]
    left, right = rng.permutation(pair).tolist()
    wrong = [bool(rng.random() < WRONG[model]) for model in (left, right)]
    texts = [
        answers[model].format(a=a, b=b, c=a + b + rng.choice([-1, 1, 10]) * bad)
        for model, bad in zip((left, right), wrong, strict=True)
    ]
    taste = TASTES[language]
    lead = taste[left] - taste[right] - 3 * (wrong[0] - wrong[1]) + rng.logistic(0, 0.5)
    winner = "model_a" if lead > 0 else "model_b"
    if all(wrong):
        winner = "tie (bothbad)"
    elif abs(lead) < 0.25:
        winner = "tie"
    asked = question.format(a=a, b=b)
    talks = [
        [{"content": asked, "role": "user"}, {"content": text, "role": "assistant"}]
        for text in texts
    ]
    return {
        "question_id": f"q{n:03d}", "model_a": MODELS[left], "model_b": MODELS[right],
        "winner": winner, "judge": f"arena_user_{person}", "conversation_a": talks[0],
        "conversation_b": talks[1], "turn": 1, "anony": True, "language": language,
        "tstamp": 1772000000.0 + 60 * n,
    }  # fmt: skip


def statement_orders() -> list[dict[str, Any]]:
    """What each panellist sees, as ``rlchf tasks`` deals the statements."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_jsonl(folder / "prompts.jsonl", [{"prompt_id": "assistant", "prompt": "How?"}])
        rows = [{"prompt_id": "assistant", "response_id": id, "text": id} for id in STATEMENTS]
        write_jsonl(folder / "responses.jsonl", rows)
        job = TasksJob(
            responses=str(folder / "responses.jsonl"), prompts=str(folder / "prompts.jsonl"),
            to="potato", annotators=str(len(PANEL)), out=str(folder / "project"),
        )  # fmt: skip
        write_tasks(job)
        return read_jsonl(folder / "project" / "orders.jsonl")


def write_panel(folder: Path, rng: np.random.Generator) -> None:
    """The answers of the panel."""
    for name, row in zip(PANEL, statement_orders(), strict=True):
        wishes = np.array(PREFERENCES["careful" if name in PANEL[:5] else "frank"], dtype=float)
        wishes += rng.normal(0, 1.0, len(wishes))
        order = [STATEMENTS[n] for n in np.argsort(-wishes).tolist()]
        places = {place: order.index(id) + 1 for place, id in enumerate(row["response_ids"], 1)}
        labels = [[{"schema": "place", "name": f"Response {n}"}, str(places[n])] for n in places]
        state = {
            "user_id": name, "instance_id_ordering": [row["id"]], "current_instance_index": 0,
            "current_phase_and_page": ["done", None], "completed_phase_and_pages": [],
            "max_assignments": -1, "instance_id_to_behavioral_data": {},
            "instance_id_to_label_to_value": {row["id"]: labels}, "instance_id_to_span_to_value": {},
            "instance_id_to_presentation_order": {row["id"]: {"place": [str(n) for n in places]}},
        }  # fmt: skip
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "user_state.json").write_text(json.dumps(state) + "\n")


def main() -> None:
    """Write all files."""
    write_team(FOLDER / "replies", np.random.default_rng(3))
    rng = np.random.default_rng(5)
    meetings = [pair for pair, number in MEETINGS.items() for _ in range(number)]
    rng.shuffle(meetings)
    votes = [battle(rng, n, (pair[0], pair[1])) for n, pair in enumerate(meetings)]
    (FOLDER / "arena").mkdir(exist_ok=True)
    write_jsonl(FOLDER / "arena" / "votes.jsonl", votes)
    write_panel(FOLDER / "panel" / "annotation_output", np.random.default_rng(2))


if __name__ == "__main__":
    main()
