"""Rankings as elections, the files of voting software: PrefLib, BLT and ABIF.

An election is the ballots on one prompt, equal ones counted together; who cast them is not held.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from rlchf.entries import Entries
from rlchf.io.atomic import atomic_write, write_files
from rlchf.io.files import STANDARD_STREAM, bare_name, shown
from rlchf.limits import limit
from rlchf.rankings import Rankings

ORDER = re.compile(r"/order \d+$")
"""How the ids of annotators end that stand for an order of an election."""
LONGEST = 200
"""Characters of a file's name without its suffix, at most."""

MOST = 2**53
"""Ballots of an election at most: more cannot be counted exactly as weights, which are float64."""

Levels = tuple[tuple[int, ...], ...]
"""The levels of an order, best first; responses are numbered from 0."""


@dataclass(frozen=True)
class Orders:
    """The distinct orders of an election.

    Attributes
    ----------
    title
        What the election is about: the prompt's id.
    names
        (M,) names of the responses.
    levels, weights
        (N,) the orders, the most frequent first, and how much each weighs.
    scores
        (N,) each order's scores by response, where the ballots have scores.
    lines
        (N,) the order's line in the file that it was read from.
    """

    title: str
    names: list[str]
    levels: list[Levels]
    weights: list[float]
    scores: list[dict[int, float]] | None = None
    lines: list[int] | None = None

    def whole_weights(self, kind: str) -> list[int]:
        """The weights as whole numbers.

        Raises
        ------
        ValueError
            If one is none, since the format holds whole numbers only.
        """
        for weight in self.weights:
            if not weight.is_integer():
                raise ValueError(
                    f"prompt {self.title!r}: a ballot weighs {weight:g}, and {kind} holds whole numbers "
                    "only; multiply the weights, or write blt"
                )
        return [int(weight) for weight in self.weights]

    def entries(self, source: str) -> Entries:
        """Make the election a prompt and each order a ballot that stands for its voters."""
        rows = [
            (n, response, rank)
            for n, levels in enumerate(self.levels)
            for rank, level in enumerate(levels, start=1)
            for response in level
        ]
        check_total(sum(self.weights), source)
        weights = np.array(self.weights)
        whole = bool((weights == np.round(weights)).all())
        N = len(self.levels)
        ballots, responses, ranks = np.array(rows, dtype=np.int64).reshape(-1, 3).T
        lines = self.lines or list(range(1, N + 1))
        scores = self.scores
        return Entries(
            prompt_ids=[self.title],
            annotator_ids=[f"{self.title}/order {n + 1}" for n in range(N)],
            response_ids=self.names,
            listed=np.array([(0, m) for m in range(len(self.names))]),
            ballot_prompts=np.zeros(N, dtype=np.int64),
            ballot_annotators=np.arange(N),
            ballot_counts=weights.astype(np.int64) if whole else None,
            ballot_weights=None if whole else weights,
            entry_ballots=ballots,
            entry_responses=responses,
            entry_ranks=None if scores else ranks.astype(np.float64),
            entry_scores=np.array([scores[n][r] for n, r, _ in rows]) if scores else None,
            source=source,
            locate=lambda entry: f"line {lines[ballots[entry]]}",
            sort_responses=False,
        )


def whole_number(text: str) -> int:
    """A whole number that fits into 64 bits.

    Raises
    ------
    ValueError
        If it does not.

    Examples
    --------
    >>> whole_number("007")
    7
    """
    if len(text.lstrip("0")) > 18:
        raise ValueError(f"the number {shown(text)} is too large; give one below 10^18")
    return int(text)


def check_number(size: int, source: str) -> int:
    """Refuse more responses than a prompt may have, before anything is made of each.

    Raises
    ------
    ValueError
        If there are more than ``RLCHF_MAX_RESPONSES``.
    """
    most = limit("RLCHF_MAX_RESPONSES")
    if size > most:
        raise ValueError(
            f"{source}: the header counts {size:,} alternatives, and there may be {most:,} on a prompt "
            "(RLCHF_MAX_RESPONSES); if the header is wrong, correct it"
        )
    return size


def check_total(total: float, source: str) -> None:
    """Refuse more ballots than can be counted.

    Raises
    ------
    ValueError
        If there are more than `MOST`.
    """
    if total > MOST:
        raise ValueError(
            f"{source}: the counts add up to more than 2^53 ballots, which cannot be counted exactly; give "
            "smaller counts"
        )


def election_name(path: str | Path) -> str:
    """What an election without a title is called: the file's name without its suffix.

    Examples
    --------
    >>> election_name("votes/tea.blt.gz"), election_name("-")
    ('tea', 'election')
    """
    return "election" if str(path) == STANDARD_STREAM else bare_name(path)[0]


def orders_of(rankings: Rankings, prompt: int) -> Orders:
    """The distinct orders of a prompt's ballots, given as an index, the heaviest first.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b"), ("p", "bob", "b > a"), ("p", "eve", "b > a")]
    >>> orders = orders_of(Rankings.from_ballots(ballots), 0)
    >>> orders.levels, orders.weights
    ([((1,), (0,)), ((0,), (1,))], [2.0, 1.0])
    """
    totals: dict[tuple[Levels, tuple[tuple[int, float], ...]], float] = {}
    for ballot in range(rankings.ballot_starts[prompt], rankings.ballot_starts[prompt + 1]):
        part = slice(rankings.entry_starts[ballot], rankings.entry_starts[ballot + 1])
        responses = rankings.entry_responses[part].tolist()
        levels: dict[int, list[int]] = {}
        for response, rank in zip(responses, rankings.entry_ranks[part].tolist(), strict=True):
            levels.setdefault(rank, []).append(response)
        order = tuple(tuple(sorted(levels[rank])) for rank in sorted(levels))
        scores: tuple[tuple[int, float], ...] = ()
        if rankings.entry_scores is not None:
            scores = tuple(
                sorted(zip(responses, rankings.entry_scores[part].tolist(), strict=True))
            )
        key = order, scores
        totals[key] = totals.get(key, 0.0) + float(rankings.ballot_weights[ballot])
    kept = [(weight, *key) for key, weight in totals.items() if weight > 0]
    kept.sort(key=lambda row: (-row[0], row[1], row[2]))
    return Orders(
        title=rankings.prompt_ids[prompt],
        names=rankings.responses(rankings.prompt_ids[prompt]),
        levels=[levels for _, levels, _ in kept],
        weights=[weight for weight, _, _ in kept],
        scores=None if rankings.entry_scores is None else [dict(one) for _, _, one in kept],
    )


@dataclass(frozen=True)
class Kind:
    """A format of elections.

    Attributes
    ----------
    name
        The name that users write.
    suffixes
        The suffixes of its files.
    suffix
        The suffix of an election's file, without a point.
    text
        The text of an election's file.
    holds_name
        Whether it can hold a response's name.
    holds_scores
        Whether it can hold an election's scores.
    """

    name: str
    suffixes: tuple[str, ...]
    suffix: Callable[[Orders], str]
    text: Callable[[Orders], str]
    holds_name: Callable[[str], bool]
    holds_scores: Callable[[Orders], bool] = lambda orders: False


def write_elections(
    path: str | Path, rankings: Rankings, kind: Kind, *, folder: bool
) -> tuple[list[str], Counter[str]]:
    """Write each prompt as an election: the one prompt to a file, or each to a file of a folder.

    Returns
    -------
    The files, and what the format cannot hold, with its number.

    Raises
    ------
    ValueError
        If a file is asked for and there are several prompts, or the format cannot hold a name or a weight.
    """
    if not folder and rankings.n_prompts > 1:
        raise ValueError(
            f"{path}: a {kind.name} file holds one prompt, and there are {rankings.n_prompts:,}; give a "
            f"folder with --to {kind.name}"
        )
    lost = _lost(rankings)
    texts: dict[Path, str] = {}
    for prompt in range(rankings.n_prompts):
        orders = orders_of(rankings, prompt)
        if orders.scores and not kind.holds_scores(orders):
            lost["scores, but for their order"] += sum(map(len, orders.scores))
        texts[_file(Path(path), orders, kind, folder)] = kind.text(orders)
    contents = {target: text.encode() for target, text in texts.items()}
    if folder:
        write_files(contents)
    else:
        with atomic_write(path) as file:
            file.write(next(iter(contents.values())))
    return [str(target) for target in texts], lost


def file_stem(title: str) -> str:
    """The name of an election's file in a folder, without its suffix.

    Examples
    --------
    >>> file_stem("tea/green"), file_stem("../tea")
    ('tea%2Fgreen', '%2E.%2Ftea')
    """
    stem = quote(title, safe=" ,;@()[]+=")
    hidden = stem.startswith((".", "_"))  # files of a folder that are not read
    return f"%{ord(stem[0]):X}{stem[1:]}" if hidden else stem


def _file(path: Path, orders: Orders, kind: Kind, folder: bool) -> Path:
    suffix = kind.suffix(orders)
    if not folder:
        if bare_name(path)[1] != suffix:
            raise ValueError(f"{path}: these ballots make a .{suffix} file; name it so")
        return path
    name = file_stem(orders.title)
    if len(name) > LONGEST:
        raise ValueError(f"prompt {shown(orders.title)} has an id too long for a file's name")
    return path / f"{name}.{suffix}"


def _lost(rankings: Rankings) -> Counter[str]:
    """What no election holds of rankings, but for scores."""
    people = [one for one in rankings.annotator_ids if not ORDER.search(one)]
    lost = Counter({"annotators by name": len(people)})
    if rankings.entry_approvals is not None:
        lost["approvals and disapprovals"] = int(np.isin(rankings.entry_approvals, (-1, 1)).sum())
    if rankings.ballot_strengths is not None:
        lost["strengths of preference"] = int((~np.isnan(rankings.ballot_strengths)).sum())
    lost["ballots of weight 0"] = int((rankings.ballot_weights == 0).sum())
    return Counter({name: number for name, number in lost.items() if number})
