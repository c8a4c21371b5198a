"""Rankings as annotated pairs 2.0, the JSON of Inverse Constitutional AI and Feedback Forensics.

Every two responses that somebody ranked are a comparison; annotators, principles among them, prefer one or
neither. The source icai reads it back.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.io.sources._records import text_id
from rlchf.prompts import Prompt
from rlchf.rankings import Rankings
from rlchf.soft_labels import comparison_weights

NAME = "annotated_pairs"
SUFFIX = "json"
VERSION = "2.0"
FEATURES = ("name", "description", "type")
"""What the format knows of an annotator."""
COLLECTIVE = "ba751e7b"
"""The annotator with whom Feedback Forensics compares all others unless told otherwise: its id is fixed."""


def annotated_pairs(
    rankings: Rankings,
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
    *,
    features: Mapping[str, Mapping[str, str]] | None = None,
    models: Mapping[tuple[str, str], str] | None = None,
    collective: Aggregation | None = None,
    title: str = "",
) -> tuple[dict[str, Any], dict[str, int]]:
    """The value of a file of annotated pairs, and what it does not hold.

    Parameters
    ----------
    prompts, responses
        Texts by prompt id, and by prompt id and response id.
    features
        By annotator id; of them name, description and type are held. The type is unknown unless stated.
    models
        Who wrote a response, by prompt id and response id.
    collective
        Collective rankings of the same prompts and responses, which become the default annotator.
    title
        Name of the dataset.

    Raises
    ------
    ValueError
        If a text is missing; the message names the prompt and the response.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "kind", "a > b")])
    >>> value, _ = annotated_pairs(rankings, {"p": "Tea?"}, {"p": {"a": "Green.", "b": "Black."}})
    >>> value["comparisons"][0]["annotations"]
    {'kind': {'pref': 'a'}}
    """
    features, models = features or {}, models or {}
    lost: Counter[str] = Counter()
    comparisons: list[dict[str, Any]] = []
    voters: dict[str, None] = {}
    for prompt_id, pair, annotations in _pairs(rankings, lost):
        texts = [_text(responses, prompt_id, one) for one in pair]
        if texts[0] == texts[1] or not all(text.strip() for text in texts):
            lost["pairs of texts that are equal or empty"] += 1
            continue
        sides: list[dict[str, str]] = [{"text": text} for text in texts]
        for side, one in zip(sides, pair, strict=True):
            if model := models.get((prompt_id, one)):
                side["model"] = model
        comparisons.append(
            {
                "id": text_id(prompt_id, *pair),
                "prompt": _prompt(prompts, prompt_id),
                "response_a": sides[0],
                "response_b": sides[1],
                "annotations": {name: {"pref": pref} for name, pref in annotations.items()},
                "metadata": dict(zip(METADATA, (prompt_id, *pair), strict=True)),
            }
        )
        voters |= dict.fromkeys(annotations)
        if collective:
            ranks = _ranks(collective, prompt_id)
            pref = _preference(ranks[pair[0]], ranks[pair[1]])
            comparisons[-1]["annotations"][COLLECTIVE] = {"pref": pref}
    if not comparisons:
        raise ValueError(
            "no ballot ranks two responses with texts that differ, so there is no pair"
        )
    _count_lost(lost, rankings, prompts, features)
    metadata: dict[str, Any] = {
        "version": VERSION,
        "description": "Rankings as pairs, written by rlchf",
        "dataset_name": title or rankings.source,
        "available_metadata_keys_per_comparison": list(METADATA),
    }
    annotators = {
        name: _annotator(name, features.get(name, {}))
        for name in rankings.annotator_ids
        if name in voters
    }
    if collective:
        metadata["default_annotator"] = COLLECTIVE
        annotators[COLLECTIVE] = {
            "name": f"collective ranking ({collective.rule})",
            "description": f"The collective ranking of the annotators by the rule {collective.rule}",
            "type": "unknown",
        }
    value = {"metadata": metadata, "annotators": annotators, "comparisons": comparisons}
    return value, {what: number for what, number in lost.items() if number}


METADATA = ("prompt_id", "response_id_a", "response_id_b")
"""What each comparison states besides."""


def _pairs(
    rankings: Rankings, lost: Counter[str]
) -> Iterator[tuple[str, tuple[str, str], dict[str, str]]]:
    """Prompt id, two response ids in the order of the prompt's, and each annotator's preference."""
    is_reverse = rankings.is_reverse
    for p, prompt_id in enumerate(rankings.prompt_ids):
        ids = rankings.responses(prompt_id)
        preferences: dict[tuple[int, int], dict[str, str]] = {}
        for n in range(rankings.ballot_starts[p], rankings.ballot_starts[p + 1]):
            if is_reverse[n]:  # the less likely side of a soft label
                continue
            name = rankings.annotator_ids[rankings.ballot_annotators[n]]
            entries = slice(rankings.entry_starts[n], rankings.entry_starts[n + 1])
            ranks = dict(
                zip(
                    rankings.entry_responses[entries].tolist(),
                    rankings.entry_ranks[entries].tolist(),
                    strict=True,
                )
            )
            for one, other in combinations(sorted(ranks), 2):
                judged = preferences.setdefault((one, other), {})
                if name in judged:
                    lost["repeated judgements of a pair, of which the first counts"] += 1
                    continue
                judged[name] = _preference(ranks[one], ranks[other])
        for one, other in sorted(preferences):
            yield prompt_id, (ids[one], ids[other]), preferences[one, other]


def _ranks(collective: Aggregation, prompt_id: str) -> dict[str, int]:
    """The rank of each response of a prompt."""
    levels = enumerate(collective.ranking(prompt_id))
    return {response: rank for rank, level in levels for response in level}


def _preference(rank_a: int, rank_b: int) -> str:
    return "tie" if rank_a == rank_b else "a" if rank_a < rank_b else "b"


def _text(responses: Mapping[str, Mapping[str, str]], prompt_id: str, response_id: str) -> str:
    try:
        return responses[prompt_id][response_id]
    except KeyError:
        raise ValueError(
            f"prompt {prompt_id!r}: the responses file has no text of response {response_id!r}"
        ) from None


def _prompt(prompts: Mapping[str, Prompt], prompt_id: str) -> str:
    """A prompt as one text; messages are joined, each behind its role unless there is one only."""
    if prompt_id not in prompts:
        raise ValueError(f"the prompts file has no prompt {prompt_id!r}")
    prompt = prompts[prompt_id]
    if isinstance(prompt, str):
        return prompt
    if len(prompt) == 1:
        return prompt[0]["content"]
    return "\n\n".join(f"{one['role']}: {one['content']}" for one in prompt)


def _annotator(name: str, features: Mapping[str, str]) -> dict[str, str]:
    """What is stated of an annotator; a principle must have a description."""
    kind = features.get("type") or "unknown"
    known = {key: features[key] for key in FEATURES if features.get(key)}
    if kind == "principle":
        known.setdefault("description", known.get("name", name))
    return known | {"type": kind}


def _count_lost(
    lost: Counter[str],
    rankings: Rankings,
    prompts: Mapping[str, Prompt],
    features: Mapping[str, Mapping[str, str]],
) -> None:
    """Count what the format has no place for."""
    approvals, strengths = rankings.entry_approvals, rankings.ballot_strengths
    counts, is_reverse = rankings.ballot_counts, rankings.is_reverse
    weights = comparison_weights(rankings.ballot_weights, counts)
    lost["weights of ballots"] = int((weights != counts)[~is_reverse].sum())
    lost["further ballots equal to another"] = int((counts[~is_reverse] - 1).sum())
    lost["soft labels, of which the likelier side is held"] = int(is_reverse.sum())
    if rankings.entry_scores is not None:
        lost["scores, of which the order is held"] = len(rankings.entry_scores)
    if approvals is not None:
        lost["approvals and disapprovals"] = int((np.abs(approvals) == 1).sum())
    if strengths is not None:
        lost["strengths of preferences"] = int((~np.isnan(strengths)).sum())
    messages = [one for one in rankings.prompt_ids if not isinstance(prompts.get(one, ""), str)]
    lost["roles of chat messages, which are text"] = len(messages)
    lost["further features of annotators"] = sum(
        bool(value)
        for name in rankings.annotator_ids
        for key, value in features.get(name, {}).items()
        if key not in FEATURES
    )
