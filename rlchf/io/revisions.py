"""Revisions of responses, and prompts with their responses."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rlchf.constitution.revising import Step
from rlchf.io.chats import check_prompt
from rlchf.io.files import shown
from rlchf.io.json import write_jsonl
from rlchf.io.texts import id_in, keyed_lines, text_in
from rlchf.prompts import Prompt


class Sample(NamedTuple):
    """A prompt, a response to it, and whether the response ended by itself."""

    prompt: Prompt
    response: str
    finished: bool = True


def write_revisions(path: str | Path, steps: Iterable[Step]) -> int:
    """Write one line for each round of each prompt; round 0 is the first response.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "revisions.jsonl"
    >>> write_revisions(path, [Step("p1", 1, "polite", "It is rude.", "Hello!", True, "Hi")])
    1
    >>> print(path.read_text().strip())
    {"prompt_id": "p1", "round": 1, "principle": "polite", "critique": "It is rude.",
     "revision": "Hello!", "finished": true, "prompt": "Hi"}
    >>> read_revisions(path)[0].revision
    'Hello!'
    """
    return write_jsonl(path, map(vars, steps))


def write_as_responses(path: str | Path, steps: Iterable[Step]) -> int:
    """Write the revisions as an ordinary responses file, with the round in the response's id."""
    return write_jsonl(path, map(_as_response, steps))


def _as_response(step: Step) -> dict[str, str]:
    return {
        "prompt_id": step.prompt_id, "response_id": step.response_id, "text": step.revision,
        "principle": step.principle,
    }  # fmt: skip


def read_revisions(path: str | Path) -> list[Step]:
    """Read what `write_revisions` wrote.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, a line lacks a key or has a value of another kind, or a round of a
        prompt comes twice; the message names the line.
    """
    first: dict[tuple[str, int], int] = {}
    steps = []
    hint = "; give a file from rlchf constitution revise"
    for line, number, record in keyed_lines(
        path, "prompt_id", "round", "revision", "prompt", hint=hint
    ):
        prompt_id, step = id_in(record, "prompt_id", line), record["round"]
        if isinstance(step, bool) or not isinstance(step, int) or step < 0:
            raise ValueError(f"{line}: the round is {shown(step)}; give 0, 1, 2, ...")
        if (prompt_id, step) in first:
            raise ValueError(
                f"{line}: round {step} of prompt {prompt_id!r} is on line {first[prompt_id, step]} too; keep "
                "one of them"
            )
        first[prompt_id, step] = number
        principle, critique, revision = (
            text_in(record.get(name, ""), line) for name in ("principle", "critique", "revision")
        )
        prompt = check_prompt(record["prompt"], line)
        steps.append(
            Step(prompt_id, step, principle, critique, revision, _finished(record, line), prompt)
        )
    return steps


def read_samples(path: str | Path, prompts: Mapping[str, Prompt] | None = None) -> list[Sample]:
    """Read prompts with responses: ``{"prompt", "response"}`` lines, or ``text`` in place of ``response``.

    Parameters
    ----------
    prompts
        The prompts by id, for lines ``{"prompt_id", "text"}`` as in a responses file.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, a line lacks a key, or its prompt is not among the prompts.
    """
    return list(_samples(path, prompts))


def _samples(path: str | Path, prompts: Mapping[str, Prompt] | None) -> Iterator[Sample]:
    key, hint = "prompt_id", "; lines with prompt_id need --helpful-prompts"
    if prompts is None:
        key = "prompt"
    for line, _, record in keyed_lines(path, key, hint=hint if prompts is None else ""):
        response = text_in(_response(record, line), line)
        yield Sample(_prompt_of(record, line, prompts), response, _finished(record, line))


def _finished(record: dict[str, Any], line: str) -> bool:
    finished = record.get("finished", True)
    if not isinstance(finished, bool):
        raise ValueError(f"{line}: finished is {shown(finished)}; give true or false")
    return finished


def _prompt_of(record: dict[str, Any], line: str, prompts: Mapping[str, Prompt] | None) -> Prompt:
    if prompts is None:
        return check_prompt(record["prompt"], line)
    prompt_id = id_in(record, "prompt_id", line)
    if prompt_id not in prompts:
        raise ValueError(f"{line}: the prompts file has no prompt {prompt_id!r}")
    return prompts[prompt_id]


def _response(record: dict[str, Any], line: str) -> Any:
    for key in ("response", "text"):
        if key in record:
            return record[key]
    raise ValueError(f"{line}: there is no key 'response' or 'text' among {', '.join(record)}")
