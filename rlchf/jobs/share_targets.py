"""Targets of shares from the command line: given, from annotators' weights, or from a rule's labels."""

from collections.abc import Callable, Mapping
from pathlib import Path

from rlchf.io import read_annotators, read_responses
from rlchf.io.aggregations import read_aggregation

FORMS = (
    "write shares such as emoji=0.4,terse=0.2; the annotators' file and a column, annotators.csv:taste; or a "
    "file of collective rankings, with --target-texts"
)


def read_targets(
    text: str, labels: Mapping[str, Callable[[str], object]], texts: str = ""
) -> dict[str, float]:
    """The share of each kind of text.

    Parameters
    ----------
    text
        ``NAME=SHARE,...``; or an annotators' file and a column, joined by a colon: the share of the weight
        of the annotators who have each label's name there; or a file of collective rankings: the share of
        the first places, ties divided, whose text has each label, the first in their order if several.
    labels
        A function for each label's name.
    texts
        The texts of the responses in the collective rankings.

    Raises
    ------
    ValueError, FileNotFoundError
        If the text has none of these forms, or a file lacks what is needed.

    Examples
    --------
    >>> read_targets("emoji=0.4,terse=0.2", {})
    {'emoji': 0.4, 'terse': 0.2}
    """
    if "=" in text:
        return _given(text)
    file, _, column = text.rpartition(":")
    if file and Path(file).exists():
        return _of_weights(file, column, list(labels))
    if not Path(text).exists():
        raise ValueError(f"--targets is {text!r}, which is no file; {FORMS}")
    if not texts or not labels:
        raise ValueError(
            f"--targets {text} takes the shares of the first places, which needs the responses' texts and "
            "what tells the kinds apart: add --target-texts responses.jsonl and --label NAME=module:function"
        )
    return _of_first_places(text, labels, texts)


def _given(text: str) -> dict[str, float]:
    targets: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = (piece.strip() for piece in part.partition("="))
        try:
            number = float(share)
        except ValueError:
            raise ValueError(f"--targets has {part!r}, which gives no share; {FORMS}") from None
        if not name or name in targets:
            raise ValueError(f"--targets has {part!r}, a kind without a name or twice; {FORMS}")
        targets[name] = number
    return targets


def _of_weights(file: str, column: str, names: list[str]) -> dict[str, float]:
    """The share of the annotators' weight with each name in a column; all names there by default."""
    people = read_annotators(file)
    groups = people.group(column)
    weights = people.weights or dict.fromkeys(people.ids, 1.0)
    total = sum(weights[one] for one in groups)
    by_group: dict[str, float] = {}
    for one, group in groups.items():
        by_group[group] = by_group.get(group, 0.0) + weights[one] / total
    for name in names:
        if name not in by_group:
            raise ValueError(
                f"{file}: no annotator has {name!r} in the column {column}, which has "
                f"{', '.join(sorted(by_group))}; name the labels as the column does"
            )
    return {name: by_group[name] for name in names or by_group}


def _of_first_places(
    file: str, labels: Mapping[str, Callable[[str], object]], texts: str
) -> dict[str, float]:
    """The share of the first places whose text has each label."""
    result, by_prompt = read_aggregation(file), read_responses(texts)
    counts = dict.fromkeys(labels, 0.0)
    for prompt in result.prompt_ids:
        first = result.ranking(prompt)[0]
        for response in first:
            text = by_prompt.get(prompt, {}).get(response)
            if text is None:
                raise ValueError(
                    f"{texts}: there is no text of response {response!r} to prompt {prompt!r}, which is "
                    f"first in {file}"
                )
            kind = next((name for name, test in labels.items() if test(text)), None)
            if kind is not None:
                counts[kind] += 1 / len(first)
    shares = {name: count / len(result.prompt_ids) for name, count in counts.items()}
    for name, share in shares.items():
        if not share:
            raise ValueError(
                f"{file}: no text in first place has the label {name}, so that its share would be 0; leave "
                "the label out, or give the shares"
            )
    return shares
