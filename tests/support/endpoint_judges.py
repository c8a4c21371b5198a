"""Questions for judges behind an endpoint, and judges that ask the server of a test."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rlchf.constitution.judges.endpoint import EndpointJudge, EndpointSettings
from rlchf.constitution.principles import Principle
from rlchf.constitution.questions import Question
from tests.support.chat_server import Body, asked_text, completion

BRIEF = Principle("brief", question="Which response is shorter?")


def questions(count: int) -> list[Question]:
    return [
        Question(f"Prompt {i}", "Short.", "Much longer.", BRIEF, (str(i),)) for i in range(count)
    ]


def says(text: str | None, **more: Any) -> Callable[[Body, int], Body]:
    return lambda body, number: completion(text, **more)


def by_prompt(body: Body, number: int) -> Body:
    """(A) or (B), by the number of the prompt and the seed."""
    prompt = int(asked_text(body).split("Prompt ")[1].split()[0])
    return completion("(A)" if (prompt + body["seed"]) % 3 else "(B)")


def judge(url: str, *, cache: Path | str = "", **more: Any) -> EndpointJudge:
    names = EndpointSettings.__dataclass_fields__
    settings = {"retries": 2, "concurrency": 1} | {k: v for k, v in more.items() if k in names}
    others = {"method": "answer"} | {k: v for k, v in more.items() if k not in names}
    return EndpointJudge(
        "m",
        EndpointSettings(base_url=url, **settings),
        cache_path=str(cache),
        **others,
    )
