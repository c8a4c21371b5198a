"""The Habermas Machine: small groups rank statements that a language model wrote from their opinions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rlchf.io.files import shown
from rlchf.io.sources import Converted, Source
from rlchf.io.sources._records import Files, Record, text_id
from rlchf.parsing import finite

AGREEMENT = {
    "STRONGLY_DISAGREE": 1,
    "DISAGREE": 2,
    "SOMEWHAT_DISAGREE": 3,
    "NEUTRAL": 4,
    "SOMEWHAT_AGREE": 5,
    "AGREE": 6,
    "STRONGLY_AGREE": 7,
}
MOCK = ("MOCK", "[MOCK]")
"""What stands where nobody was asked; as a rank it is -1."""

RANKED, RANKS = "rankings.candidate_ids", "rankings.numerical_ranks"
CANDIDATES, TEXTS = "candidates.metadata.id", "candidates.text"
TOPICS = {
    "question": "question.id",
    "topic": "question.topic",
    "split": "question.split",
    "round": "round_id",
    "iteration": "iteration_index",
}
COLUMNS = (
    *("worker_id", "question.text", "ratings.agreement", RANKED, RANKS, CANDIDATES, TEXTS),
    *("rankings.metadata.id", "rankings.metadata.provenance", "rankings.metadata.status"),
    *TOPICS.values(),
)


@dataclass
class _Texts:
    """Texts of statements and questions by id, from whichever file has them."""

    statements: dict[str, str] = field(default_factory=dict)
    questions: dict[str, str] = field(default_factory=dict)

    def learn(self, record: Record) -> None:
        ids, texts = record.get(CANDIDATES), record.get(TEXTS)
        if ids is not None and texts is not None:
            pairs = zip(_listed(ids), _listed(texts), strict=False)
            self.statements.update((str(one), str(text)) for one, text in pairs if text)
        if record.has("question.id") and record.has("question.text"):
            self.questions[record.text("question.id")] = record.text("question.text")


def read(files: Files, *, ballots: Literal["rankings", "agreement"] = "rankings") -> Converted:
    """Make each ranking of statements a ballot; those on the same statements are on one prompt."""
    converted, texts = Converted(), _Texts()
    votes: list[tuple[Mapping[str, float], str, dict[str, Any]]] = []
    for record in files.records("worker_id", RANKED, RANKS, wanted=COLUMNS):
        texts.learn(record)
        if not converted.is_new("rankings that come twice", record.get("rankings.metadata.id")):
            continue
        judge = _ranks if ballots == "rankings" else _ratings
        values = judge(converted, record)
        if values:
            topics = {name: record.get(key) for name, key in TOPICS.items()}
            votes.append((values, record.text("worker_id"), topics))
    for judged, worker, topics in votes:
        _vote(converted, texts, judged, worker, topics, ballots)
    return converted


def _vote(
    converted: Converted,
    texts: _Texts,
    values: Mapping[str, float],
    worker: str,
    topics: dict[str, Any],
    ballots: str,
) -> None:
    if not texts.statements.keys() >= values.keys():
        converted.drop(f"{ballots} of statements without a text")
        return
    question = str(topics["question"])
    prompt_id = text_id(question, *sorted(values))
    text = texts.questions.get(question, "")
    if not text and prompt_id not in converted.prompts:
        converted.drop("prompts whose question has no text")
    converted.prompt(prompt_id, text, **topics)
    for statement in values:
        converted.response(prompt_id, statement, texts.statements[statement])
    converted.annotator(worker)
    if ballots == "rankings":
        converted.ballot(prompt_id, worker, ranks=values)
    else:
        converted.ballot(prompt_id, worker, scores=values)


def _ranks(converted: Converted, record: Record) -> dict[str, float]:
    """The ranks of a record from 1, by statement; none if it holds no person's ranking."""
    if not record.has(RANKED) or not record.has(RANKS):
        converted.drop("records without a ranking")
        return {}
    ids, ranks = [str(one) for one in record.items(RANKED)], record.items(RANKS)
    if len(ids) != len(ranks) or len(set(ids)) != len(ids):
        raise record.error(f"{len(ranks)} ranks for the {len(set(ids))} statements of {RANKED}")
    for rank in ranks:
        if finite(rank) is None:
            raise record.error(f"a rank is {shown(rank)}; there should be a number")
    provenance = str(record.get("rankings.metadata.provenance") or "HUMAN")
    if not provenance.startswith("HUMAN") or any(rank < 0 for rank in ranks):
        converted.drop("mock rankings")
        return {}
    if str(record.get("rankings.metadata.status") or "COMPLETED") != "COMPLETED":
        converted.drop("rankings that were not completed")
        return {}
    return {one: rank + 1 for one, rank in zip(ids, ranks, strict=True)}


def _ratings(converted: Converted, record: Record) -> dict[str, float]:
    """The agreement with each statement, from 1 to 7; none if it holds no person's ratings."""
    if not record.has("ratings.agreement") or not record.has(CANDIDATES):
        converted.drop("records without ratings")
        return {}
    ids = [str(one) for one in _listed(record.need(CANDIDATES))]
    words = [str(word) for word in _listed(record.need("ratings.agreement"))]
    if len(ids) != len(words):
        raise record.error(f"{len(words)} ratings for {len(ids)} statements")
    converted.drop("mock ratings", sum(word in MOCK for word in words))
    for word in words:
        if word not in AGREEMENT and word not in MOCK:
            choices = ", ".join(AGREEMENT)
            raise record.error(f"a rating is {shown(word)}; there should be one of {choices}")
    rated = zip(ids, words, strict=True)
    return {one: AGREEMENT[word] for one, word in rated if word in AGREEMENT}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


SOURCE = Source(
    name="habermas",
    title="Habermas Machine, Google DeepMind: groups of about five people rank four statements on a "
    "question of policy",
    url="https://github.com/google-deepmind/habermas_machine",
    licence="CC BY 4.0",
    shape="hm_all_candidate_comparisons.parquet with worker_id, question.id, question.text, "
    "candidates.metadata.id, candidates.text, rankings.candidate_ids, rankings.numerical_ranks, "
    "ratings.agreement",
    ballots="each ranking by a person",
    marks=("worker_id", RANKED, RANKS),
    read=read,
    options={"ballots": "rankings, or agreement: the ratings from 1 to 7"},
)
