"""Targets of shares from the command line: given, from annotators' weights, or from a rule's labels."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rlchf.aggregation import Aggregation
from rlchf.auditing.categories import encode_categories
from rlchf.auditing.category_shares import CategoryPreferences
from rlchf.io import Annotators, read_annotators, read_responses
from rlchf.io.aggregations import read_aggregation
from rlchf.rankings import Rankings

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
        return given_shares(text)
    file, _, column = text.rpartition(":")
    if file and Path(file).exists():
        return shares_of_weights(read_annotators(file), column, list(labels), file)
    if not Path(text).exists():
        raise ValueError(f"--targets is {text!r}, which is no file; {FORMS}")
    if not texts or not labels:
        raise ValueError(
            f"--targets {text} takes the shares of the first places, which needs the responses' texts and "
            "what tells the kinds apart: add --target-texts responses.jsonl and --label NAME=module:function"
        )
    return shares_of_first_places(
        read_aggregation(text), labels, read_responses(texts), text, texts
    )


def given_shares(text: str) -> dict[str, float]:
    """The shares in a text such as ``emoji=0.4,terse=0.2``.

    Raises
    ------
    ValueError
        If a part of it gives no share, or a name comes twice.
    """
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


def shares_of_weights(
    people: Annotators, column: str, names: Sequence[str], source: str
) -> dict[str, float]:
    """The share of the annotators' weight with each name in a column; all names there by default.

    Parameters
    ----------
    source
        The annotators' file, for messages.

    Raises
    ------
    ValueError
        If there is no such column, or a name is not in it.
    """
    groups = people.group(column)
    weights = people.weights or dict.fromkeys(people.ids, 1.0)
    total = sum(weights[one] for one in groups)
    by_group: dict[str, float] = {}
    for one, group in groups.items():
        by_group[group] = by_group.get(group, 0.0) + weights[one] / total
    for name in names:
        if name not in by_group:
            raise ValueError(
                f"{source}: no annotator has {name!r} in the column {column}, which has "
                f"{', '.join(sorted(by_group))}; name the labels as the column does"
            )
    return {name: by_group[name] for name in names or by_group}


def shares_of_preferences(
    rankings: Rankings, kinds: Mapping[str, Mapping[str, str]], names: Sequence[str]
) -> dict[str, float]:
    """The share of the annotators' weight whose ballots prefer each kind of text.

    Which kind an annotator prefers is read as in an audit
    (`rlchf.auditing.categories.preferred_categories`); those who prefer none do not count.

    Parameters
    ----------
    kinds
        For each prompt the kind of each response.
    names
        The kinds that are to have a target.

    Raises
    ------
    ValueError
        If no annotator prefers one of them.

    Examples
    --------
    >>> ballots = [("p", name, "a > b" if name < "d" else "b > a") for name in "abcde"]
    >>> kinds = {"p": {"a": "plain", "b": "emoji"}}
    >>> shares_of_preferences(Rankings.from_ballots(ballots), kinds, ["emoji"])
    {'emoji': 0.4}
    """
    every, codes = encode_categories(rankings, kinds, names)
    preferences = CategoryPreferences.of(rankings, every, codes)
    by_kind = preferences.weights @ preferences.parts  # (K,)
    shares = dict(zip(every, (by_kind / max(by_kind.sum(), 1e-300)).tolist(), strict=True))
    for name in names:
        if not shares[name]:
            raise ValueError(
                f"no annotator's ballots prefer texts of the kind {name}, so that its share would be 0; "
                "leave the label out, or give the shares"
            )
    return {name: shares[name] for name in names}


def shares_of_first_places(
    result: Aggregation,
    labels: Mapping[str, Callable[[str], object]],
    responses: Mapping[str, Mapping[str, str]],
    source: str,
    texts: str,
) -> dict[str, float]:
    """The share of the first places whose text has each label.

    Parameters
    ----------
    source, texts
        Where the collective rankings and the responses are from, for messages.

    Raises
    ------
    ValueError
        If a response in first place has no text, or no first place has a label.
    """
    counts = dict.fromkeys(labels, 0.0)
    for prompt in result.prompt_ids:
        first = result.ranking(prompt)[0]
        for response in first:
            text = responses.get(prompt, {}).get(response)
            if text is None:
                raise ValueError(
                    f"{texts}: there is no text of response {response!r} to prompt {prompt!r}, which is "
                    f"first in {source}"
                )
            kind = next((name for name, test in labels.items() if test(text)), None)
            if kind is not None:
                counts[kind] += 1 / len(first)
    shares = {name: count / len(result.prompt_ids) for name, count in counts.items()}
    for name, share in shares.items():
        if not share:
            raise ValueError(
                f"{source}: no text in first place has the label {name}, so that its share would be 0; leave "
                "the label out, or give the shares"
            )
    return shares
