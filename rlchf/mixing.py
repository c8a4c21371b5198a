"""Rankings of several sources in one dataset, at a stated ratio: human and AI comparisons, say."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from rlchf.display import counted
from rlchf.long_table import long_columns
from rlchf.options import checked
from rlchf.rankings import Rankings
from rlchf.soft_labels import comparison_weights
from rlchf.source_ids import distinct_ids

By = Literal["pairs", "prompts", "weight"]
"""What stands at the ratio: pairs of responses compared, prompts, or the weight of all comparisons."""

Record = Mapping[str, Any]
"""The keys that a file has of a prompt, a response or an annotator."""

SOURCE = "source"
"""The key of prompts and annotators that names their source."""
JOINT = "+"
"""What stands between the names of the sources of one prompt."""


@dataclass(frozen=True, eq=False)
class Source:
    """The rankings of one source with their texts.

    Attributes
    ----------
    name
        The name that tells it from the others.
    rankings
        The ballots.
    prompts
        By prompt id, a record with ``prompt``, the text or chat messages, and any further keys.
    responses
        By prompt id and response id, a record with ``text`` and any further keys.
    annotators
        By annotator id, its features; annotators may be missing.
    """

    name: str
    rankings: Rankings
    prompts: Mapping[str, Record]
    responses: Mapping[str, Mapping[str, Record]]
    annotators: Mapping[str, Record] = field(default_factory=dict)


@dataclass(frozen=True)
class Size:
    """What a source has, or what a mixture has of it.

    Attributes
    ----------
    prompts, ballots
        Number of prompts with a ballot, and of ballots.
    pairs
        Number of pairs of responses that some ballot with a weight compares, each counted once for its
        prompt, however many compare it.
    weight
        The sum over all ballots of the weight times the number of pairs of responses that the ballot ranks.
    """

    prompts: int
    ballots: int
    pairs: int
    weight: float

    @classmethod
    def of(cls, rankings: Rankings) -> "Size":
        """Count what there is.

        Examples
        --------
        >>> Size.of(Rankings.from_ballots([("p", "ann", "a > b > c"), ("p", "bob", "a > b")]))
        Size(prompts=1, ballots=2, pairs=3, weight=4.0)
        """
        lengths = np.diff(rankings.entry_starts)
        weights = comparison_weights(rankings.ballot_weights, rankings.ballot_counts)
        return cls(
            prompts=rankings.n_prompts,
            ballots=int((~rankings.is_reverse).sum()),
            pairs=int(pairs_compared(rankings).sum()),
            weight=float(weights @ (lengths * (lengths - 1) / 2)),
        )


@dataclass(frozen=True, eq=False)
class Mixture:
    """One dataset of several sources.

    Attributes
    ----------
    columns
        The ballots as a long table, which `rlchf.Rankings.from_frame` reads.
    prompts, responses, annotators
        The records of the files, each with its ids; prompts and annotators have ``source``.
    before, after
        The size of each source, and of what was taken of it, by name.
    """

    columns: dict[str, Any]
    prompts: list[dict[str, Any]]
    responses: list[dict[str, Any]]
    annotators: list[dict[str, Any]]
    before: dict[str, Size]
    after: dict[str, Size]


def parse_ratio(text: str) -> list[Fraction]:
    """The parts of a ratio such as ``3:1``.

    Raises
    ------
    ValueError
        If a part is no number above 0.

    Examples
    --------
    >>> parse_ratio("1.5:1")
    [Fraction(3, 2), Fraction(1, 1)]
    """
    hint = f"the ratio is {text!r}; give a number above 0 for each source, as in 3:1"
    try:
        parts = [Fraction(part.strip()) for part in text.split(":")]
    except (ValueError, ZeroDivisionError):
        raise ValueError(hint) from None
    if min(parts) <= 0:
        raise ValueError(hint)
    return parts


def mix(sources: Sequence[Source], ratio: Sequence[Fraction], by: By, seed: int = 0) -> Mixture:
    """Mix sources at a ratio.

    By pairs and by prompts, whole prompts are drawn without replacement from each source, as many as the
    ratio allows; a prompt has all ballots of its source. By weight all ballots stay, and those of each source
    but the first are multiplied by one factor.

    A prompt that two sources have under one id with one text is one prompt, and so for its responses; what
    has one id and different texts gets the name of its source in front of the id, with a warning. So does an
    annotator of a name that two sources have: these are two annotators.

    Parameters
    ----------
    ratio
        A number above 0 for each source.

    Raises
    ------
    ValueError
        If the numbers are not as many as the sources, there is one source only, two have one name, a text
        is missing, a source has no pair or no weight, or the ratio leaves a source without a prompt.

    Examples
    --------
    >>> def source(name, n):
    ...     ids = [f"{name} {i}" for i in range(n)]
    ...     texts = {one: {"a": {"text": "Yes."}, "b": {"text": "No."}} for one in ids}
    ...     ballots = [(one, "ann", "a > b") for one in ids]
    ...     return Source(name, Rankings.from_ballots(ballots), {i: {"prompt": i} for i in ids}, texts)
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):  # both have an annotator "ann"
    ...     mixture = mix([source("human", 7), source("ai", 9)], parse_ratio("3:1"), "prompts")
    >>> [(name, size.prompts) for name, size in mixture.after.items()]
    [('human', 7), ('ai', 2)]
    """
    checked(By, by, "by")
    _check(sources, ratio)
    before = [Size.of(source.rankings) for source in sources]
    sources = distinct_ids(sources)
    if by == "weight":
        parts = [
            replace(source, rankings=_scaled(source.rankings, factor))
            for source, factor in zip(sources, _factors(sources, before, ratio), strict=True)
        ]
    else:
        parts = _drawn(sources, ratio, by, seed)
    return Mixture(
        columns=_columns(parts),
        prompts=_prompts(parts),
        responses=_responses(parts),
        annotators=_annotators(parts),
        before={source.name: size for source, size in zip(sources, before, strict=True)},
        after={part.name: Size.of(part.rankings) for part in parts},
    )


def pairs_compared(rankings: Rankings) -> np.ndarray:
    """(P,) the number of pairs of each prompt's responses that some ballot with a weight compares.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b"), ("p", "bob", "b > a"), ("q", "ann", "a > b > c")]
    >>> pairs_compared(Rankings.from_ballots(ballots))
    array([1, 3])
    """
    pairs = np.zeros(rankings.n_prompts, dtype=np.int64)
    for prompts, profiles in rankings.profiles(small=True):
        pairs[prompts] = (profiles.compared > 0).sum(axis=(1, 2)) // 2
    return pairs


def _check(sources: Sequence[Source], ratio: Sequence[Fraction]) -> None:
    if len(sources) < 2:
        raise ValueError(f"there is {counted(len(sources), 'source')} to mix; give two or more")
    if len(ratio) != len(sources):
        raise ValueError(
            f"the ratio has {counted(len(ratio), 'part')} for {counted(len(sources), 'source')}; give one "
            "for each"
        )
    names = [source.name for source in sources]
    for name in names:
        if not name or JOINT in name:
            raise ValueError(
                f"the name of a source is {name!r}; give one that is not empty and without {JOINT}"
            )
        if names.count(name) > 1:
            raise ValueError(
                f"{names.count(name)} sources are named {name!r}; give each its own with --name"
            )
    for source in sources:
        for p, prompt in enumerate(source.rankings.prompt_ids):
            _check_texts(source, p, prompt)


def _check_texts(source: Source, p: int, prompt: str) -> None:
    if prompt not in source.prompts:
        raise ValueError(
            f"{source.name}: prompts.jsonl has no prompt {prompt!r}, which a ballot ranks; add a line for it"
        )
    starts, texts = source.rankings.response_starts, source.responses.get(prompt, {})
    for response in source.rankings.response_ids[starts[p] : starts[p + 1]]:
        if response not in texts:
            raise ValueError(
                f"{source.name}: responses.jsonl has no response {response!r} of prompt {prompt!r}, which a "
                "ballot names; add a line for it"
            )


def _factors(
    sources: Sequence[Source], sizes: Sequence[Size], ratio: Sequence[Fraction]
) -> list[float]:
    """What the weights of each source are multiplied by; 1 for the first."""
    for source, size in zip(sources, sizes, strict=True):
        if size.weight == 0:
            raise ValueError(
                f"{source.name}: no ballot that compares two responses has a weight; leave the source out"
            )
    unit = sizes[0].weight / float(ratio[0])
    return [1.0] + [
        float(part) * unit / size.weight for part, size in zip(ratio[1:], sizes[1:], strict=True)
    ]


def _scaled(rankings: Rankings, factor: float) -> Rankings:
    if factor == 1:
        return rankings
    return rankings.weighted(dict.fromkeys(rankings.annotator_ids, factor))


def _drawn(sources: Sequence[Source], ratio: Sequence[Fraction], by: By, seed: int) -> list[Source]:
    """The sources with those of their prompts that are drawn, in the order of the source."""
    units = [
        pairs_compared(s.rankings) if by == "pairs" else np.ones(s.rankings.n_prompts, np.int64)
        for s in sources
    ]
    most = min(Fraction(int(u.sum())) / part for u, part in zip(units, ratio, strict=True))
    drawn = []
    for i, (source, of_prompts, part) in enumerate(zip(sources, units, ratio, strict=True)):
        order = np.random.default_rng([seed, i]).permutation(len(of_prompts))
        n = int(np.searchsorted(np.cumsum(of_prompts[order]), int(part * most), side="right"))
        if n == 0:
            raise ValueError(
                f"{source.name}: the ratio leaves none of its {counted(len(of_prompts), 'prompt')}, because "
                f"another source has too few {by}; give a ratio nearer to what there is"
            )
        rankings = source.rankings.subset(np.sort(order[:n]))
        drawn.append(replace(source, rankings=_with_voters(rankings)))
    return drawn


def _with_voters(rankings: Rankings) -> Rankings:
    """The rankings without the annotators who have no ballot in them."""
    voters, annotators = np.unique(rankings.ballot_annotators, return_inverse=True)
    ids = [rankings.annotator_ids[a] for a in voters.tolist()]
    return replace(rankings, annotator_ids=ids, ballot_annotators=annotators.astype(np.int64))


def _columns(parts: Sequence[Source]) -> dict[str, Any]:
    """The ballots of all sources as one long table."""
    rankings = [part.rankings for part in parts]
    scored = [one.entry_scores is not None for one in rankings]
    if any(scored) and not all(scored):
        ballots = sum(
            one.n_ballots for one, is_scored in zip(rankings, scored, strict=True) if is_scored
        )
        names = ", ".join(
            part.name for part, is_scored in zip(parts, scored, strict=True) if is_scored
        )
        warnings.warn(
            f"{counted(ballots, 'ballot')} of {names} became ranks, because not all sources have scores",
            stacklevel=4,
        )
        rankings = [replace(one, entry_scores=None) for one in rankings]
    tables = [long_columns(one, ranks=not all(scored)) for one in rankings]
    names_in_order = dict.fromkeys(name for table in tables for name in table)
    filled = {"probability": 1.0, "count": 1}  # what goes without saying; an empty cell elsewhere
    columns: dict[str, Any] = {}
    for name in (name for name in names_in_order if name != "ballot_id"):
        columns[name] = [
            cell
            for table in tables
            for cell in _cells(table.get(name), filled.get(name), len(table["prompt_id"]))
        ]
    if "ballot_id" in names_in_order:
        columns["ballot_id"] = _ballot_ids(rankings)
    return columns


def _cells(column: Any, filled: Any, n: int) -> list[Any]:
    if column is None:
        return [filled] * n
    return list(column.tolist() if isinstance(column, np.ndarray) else column)


def _ballot_ids(rankings: Sequence[Rankings]) -> list[int]:
    """The number of each row's ballot, through all sources, without the reverses of soft labels."""
    lengths = np.concatenate([np.diff(one.entry_starts)[~one.is_reverse] for one in rankings])
    ids: list[int] = np.repeat(np.arange(1, len(lengths) + 1), lengths).tolist()
    return ids


def _prompts(parts: Sequence[Source]) -> list[dict[str, Any]]:
    """A record for each prompt, with the names of its sources."""
    names: dict[str, list[str]] = {}
    records: dict[str, Record] = {}
    for part in parts:
        for prompt in part.rankings.prompt_ids:
            names.setdefault(prompt, []).append(part.name)
            records[prompt] = {**part.prompts[prompt], **records.get(prompt, {})}
    return [
        {
            "prompt_id": prompt,
            SOURCE: JOINT.join(names[prompt]),
            **_stated(records[prompt], "prompt_id"),
        }
        for prompt in records
    ]


def _responses(parts: Sequence[Source]) -> list[dict[str, Any]]:
    """A record for each response of the prompts."""
    records: dict[tuple[str, str], Record] = {}
    for part in parts:
        for prompt in part.rankings.prompt_ids:
            for response, record in part.responses[prompt].items():
                key = prompt, response
                records[key] = {**record, **records.get(key, {})}
    return [
        {**record, "prompt_id": prompt, "response_id": response}
        for (prompt, response), record in records.items()
    ]


def _annotators(parts: Sequence[Source]) -> list[dict[str, Any]]:
    """A record for each annotator with a ballot; equal columns for all."""
    rows = [
        {
            "annotator_id": one,
            SOURCE: part.name,
            **_stated(part.annotators.get(one, {}), "annotator_id"),
        }
        for part in parts
        for one in part.rankings.annotator_ids
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name, "") for name in names} for row in rows]


def _stated(record: Record, id_key: str) -> dict[str, Any]:
    """What a record says besides its id; a source of its own gets another name."""
    return {
        f"stated_{name}" if name == SOURCE else name: value
        for name, value in record.items()
        if name != id_key
    }
