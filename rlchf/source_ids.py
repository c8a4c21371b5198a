"""Ids of several sources in one dataset: the same thing keeps its id, different things get different ids."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rlchf.display import counted
from rlchf.entries import ANONYMOUS

if TYPE_CHECKING:
    from rlchf.mixing import Source


def distinct_ids(sources: Sequence["Source"]) -> list["Source"]:
    """The sources with ids under which all can be in one dataset.

    Prompts of one id and one text are the same, and so are responses of such a prompt. Different ones get
    the name of their source in front of the id, and so do annotators of one id; a warning counts the ids.

    Raises
    ------
    ValueError
        If a source has an id already that another one would get.

    Examples
    --------
    >>> import rlchf
    >>> from rlchf.mixing import Source
    >>> def source(name, prompt):
    ...     rankings = rlchf.Rankings.from_ballots([("p", name, "a > b")])
    ...     return Source(name, rankings, {"p": {"prompt": prompt}}, {"p": {}})
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     [one.rankings.prompt_ids for one in distinct_ids([source("human", "Hi"), source("ai", "Bye")])]
    [['human:p'], ['ai:p']]
    """
    prompts = _different(
        [{p: source.prompts[p]["prompt"] for p in source.rankings.prompt_ids} for source in sources]
    )
    shared = {
        p
        for p, n in Counter(p for source in sources for p in source.rankings.prompt_ids).items()
        if n > 1 and p not in prompts
    }
    texts = [
        {
            (p, response): record["text"]
            for p in source.rankings.prompt_ids
            if p in shared
            for response, record in source.responses[p].items()
        }
        for source in sources
    ]
    responses = _different(texts)
    voters = Counter(one for source in sources for one in source.rankings.annotator_ids)
    annotators = {one for one, n in voters.items() if n > 1}
    _warn(len(prompts), len(responses), len(annotators), sources[0].name)
    renamed = [_renamed(source, prompts, responses, annotators) for source in sources]
    _refuse_taken(sources, renamed)
    return renamed


def _different(texts: Sequence[Mapping[Any, Any]]) -> set[Any]:
    """The ids that two sources have with different texts."""
    first: dict[Any, Any] = {}
    return {
        one for part in texts for one, text in part.items() if first.setdefault(one, text) != text
    }


def _warn(prompts: int, responses: int, annotators: int, name: str) -> None:
    numbers = {"prompt id": prompts, "response id": responses, "annotator id": annotators}
    several = [counted(number, noun) for noun, number in numbers.items() if number]
    if several:
        warnings.warn(
            f"{', '.join(several)} of several sources mean different things, so the name of the source "
            f"stands before each, as in '{name}:'",
            stacklevel=5,
        )


def _renamed(
    source: "Source", prompts: set[str], responses: set[tuple[str, str]], annotators: set[str]
) -> "Source":
    """A source with its name in front of some of its ids."""

    def prompt_id(p: str) -> str:
        return f"{source.name}:{p}" if p in prompts else p

    def response_id(p: str, response: str) -> str:
        return f"{source.name}:{response}" if (p, response) in responses else response

    def annotator_id(one: str) -> str:
        if one not in annotators:
            return one
        if one.startswith(ANONYMOUS):  # which still says that nobody knows whose it is
            return f"{ANONYMOUS}{source.name}:{one.removeprefix(ANONYMOUS)}"
        return f"{source.name}:{one}"

    rankings, of_prompts = source.rankings, source.rankings.prompt_ids
    response_ids = rankings.response_ids
    if responses:
        response_ids = [response_id(p, one) for p in of_prompts for one in rankings.responses(p)]
    texts = {
        prompt_id(p): {response_id(p, one): record for one, record in source.responses[p].items()}
        for p in of_prompts
    }
    return replace(
        source,
        rankings=replace(
            rankings,
            prompt_ids=[prompt_id(p) for p in of_prompts],
            response_ids=response_ids,
            annotator_ids=[annotator_id(one) for one in rankings.annotator_ids],
        ),
        prompts={prompt_id(p): source.prompts[p] for p in of_prompts},
        responses=texts,
        annotators={annotator_id(one): record for one, record in source.annotators.items()},
    )


def _refuse_taken(sources: Sequence["Source"], renamed: Sequence["Source"]) -> None:
    """Refuse a new id that some source had before, which would join different things."""
    for kind in ("prompt_ids", "annotator_ids"):
        taken = {one for source in sources for one in getattr(source.rankings, kind)}
        for old, new in zip(sources, renamed, strict=True):
            ids = zip(getattr(old.rankings, kind), getattr(new.rankings, kind), strict=True)
            for before, after in ids:
                if after != before and after in taken:
                    raise ValueError(
                        f"{new.name}: {before!r} would be {after!r}, which is there already; give the "
                        "source another --name"
                    )
