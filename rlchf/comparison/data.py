"""What a dataset holds: its size, gaps, ties and repeats, and the majorities on each prompt."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rlchf.auditing.margins import Margins, cyclic, margins
from rlchf.rankings import Rankings
from rlchf.rules import get_rule


@dataclass(frozen=True)
class Counts:
    """The size of a dataset.

    Attributes
    ----------
    prompts, annotators, responses, ballots
        Numbers of these.
    responses_per_prompt, ballots_per_prompt
        The smallest, the median and the largest number.
    gaps, with_gaps
        Share of the responses of the ballots' prompts that a ballot leaves out, and number of ballots that
        leave out one.
    with_ties
        Number of ballots that tie two responses.
    repeats
        Number of ballots on a prompt of which the annotator has another one.
    weighted
        Whether some ballot has another weight than the number of ballots that it stands for.
    scores, approvals
        Whether ballots state scores, and how many state approvals.
    """

    prompts: int
    annotators: int
    responses: int
    ballots: int
    responses_per_prompt: tuple[int, float, int]
    ballots_per_prompt: tuple[int, float, int]
    gaps: float
    with_gaps: int
    with_ties: int
    repeats: int
    weighted: bool
    scores: bool
    approvals: int


@dataclass(frozen=True)
class PromptMajorities:
    """The majorities on one prompt.

    Attributes
    ----------
    prompt_id
        The prompt.
    ballots, responses
        Numbers of these.
    condorcet_winner
        The response that beats every other by majority; None if there is none.
    cycle
        Whether there is a majority cycle: a beats b, b beats c, ..., and one of them beats a.
    smith
        Size of the Smith set, the smallest set of responses that each beat all responses outside it.
    tied, not_compared
        Numbers of pairs that ballots compare without a majority, and of pairs that no ballot compares.
    """

    prompt_id: str
    ballots: int
    responses: int
    condorcet_winner: str | None
    cycle: bool
    smith: int
    tied: int
    not_compared: int


@dataclass(frozen=True)
class Data:
    """A dataset's size and majorities.

    Attributes
    ----------
    counts
        Its size.
    margins
        The sizes of the majorities over all prompts.
    majorities
        The majorities on each prompt.
    """

    counts: Counts
    margins: Margins
    majorities: list[PromptMajorities]

    def worst(self, most: int = 6) -> list[PromptMajorities]:
        """Prompts with a majority cycle, those with the largest Smith sets first.

        Parameters
        ----------
        most
            How many prompts at most.
        """
        rows = [row for row in self.majorities if row.cycle]
        return sorted(rows, key=lambda row: (-row.smith, -row.ballots))[:most]


@dataclass(frozen=True)
class MajorityGraph:
    """The majorities among the responses of the Smith set of a prompt.

    Attributes
    ----------
    prompt_id
        The prompt.
    responses
        The responses of the Smith set, ids.
    components
        How many strongly connected components the majorities among them form.
    edges
        The winner, the loser and the margin of each majority, in ballots by weight.
    """

    prompt_id: str
    responses: list[str]
    components: int
    edges: list[tuple[str, str, float]]


def describe_data(rankings: Rankings) -> Data:
    """Count what a dataset holds, and the majorities on each prompt.

    Examples
    --------
    >>> cycle = [("p", "ann", "a > b > c"), ("p", "bob", "b > c > a"), ("p", "eve", "c > a > b")]
    >>> data = describe_data(Rankings.from_ballots([*cycle, ("q", "ann", "d > e = f")]))
    >>> data.counts.with_ties, data.counts.gaps
    (1, 0.0)
    >>> [(row.prompt_id, row.condorcet_winner, row.cycle, row.smith) for row in data.majorities]
    [('p', None, True, 3), ('q', 'd', False, 1)]
    """
    return Data(_counts(rankings), margins(rankings), _majorities(rankings))


def majority_graph(rankings: Rankings, prompt_id: str, most: int = 12) -> MajorityGraph:
    """The majorities in the Smith set of a prompt.

    Parameters
    ----------
    most
        Responses at most; of a larger Smith set those with the most majorities.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b > c"), ("p", "bob", "b > c > a"), ("p", "eve", "c > a > b")]
    >>> graph = majority_graph(Rankings.from_ballots(ballots), "p")
    >>> graph.edges, graph.components
    ([('a', 'b', 1.0), ('b', 'c', 1.0), ('c', 'a', 1.0)], 1)
    """
    import networkx as nx

    profiles = rankings.batch(np.array([rankings.prompt_index[prompt_id]]))
    tiers = get_rule("smith")(profiles)[0]
    lead = profiles.margins[0] / float(profiles.scale[0])  # (M, M)
    members = np.flatnonzero(tiers == tiers.max())
    order = np.argsort(-(lead[np.ix_(members, members)] > 0).sum(axis=1), kind="stable")[:most]
    members = np.sort(members[order])
    names = rankings.responses(prompt_id)
    graph = nx.DiGraph()
    graph.add_nodes_from(names[i] for i in members)
    for i in members.tolist():
        for j in members.tolist():
            if lead[i, j] > 0:
                graph.add_edge(names[i], names[j], margin=float(lead[i, j]))
    return MajorityGraph(
        prompt_id=prompt_id,
        responses=list(graph),
        components=nx.number_strongly_connected_components(graph),
        edges=[(one, other, edge["margin"]) for one, other, edge in graph.edges(data=True)],
    )


def _counts(rankings: Rankings) -> Counts:
    lengths = np.diff(rankings.entry_starts)
    sizes = np.diff(rankings.response_starts)
    real = ~rankings.is_reverse
    offered = sizes[rankings.ballot_prompts]
    highest = np.maximum.reduceat(rankings.entry_ranks, rankings.entry_starts[:-1])
    ballots = np.add.reduceat(rankings.ballot_counts, rankings.ballot_starts[:-1])
    return Counts(
        prompts=rankings.n_prompts,
        annotators=len(rankings.annotator_ids),
        responses=len(rankings.response_ids),
        ballots=int(rankings.ballot_counts.sum()),
        responses_per_prompt=_spread(sizes),
        ballots_per_prompt=_spread(ballots),
        gaps=float(1 - lengths[real].sum() / offered[real].sum()),
        with_gaps=int(rankings.ballot_counts[(lengths < offered) & real].sum()),
        with_ties=int(rankings.ballot_counts[(highest < lengths) & real].sum()),
        repeats=_repeats(rankings),
        weighted=bool((rankings.ballot_weights[real] != rankings.ballot_counts[real]).any()),
        scores=rankings.entry_scores is not None,
        approvals=int((rankings.states_approvals & real).sum()),
    )


def _spread(numbers: np.ndarray) -> tuple[int, float, int]:
    return int(numbers.min()), float(np.median(numbers)), int(numbers.max())


def _repeats(rankings: Rankings) -> int:
    """Ballots beyond the first of known annotators on a prompt."""
    known = np.array([not name.startswith("anonymous:") for name in rankings.annotator_ids])
    kept = ~rankings.is_reverse & known[rankings.ballot_annotators]
    keys = rankings.ballot_prompts * len(known) + rankings.ballot_annotators
    return int(kept.sum()) - len(np.unique(keys[kept]))


def _majorities(rankings: Rankings) -> list[PromptMajorities]:
    P = rankings.n_prompts
    numbers: dict[str, np.ndarray] = {
        name: np.zeros(P, np.int64) for name in ("cycle", "smith", "tied", "not_compared")
    }
    winners = np.full(P, -1)
    for prompts, profiles in rankings.profiles(small=True):
        M = profiles.n_responses
        upper = np.triu(np.ones((M, M), bool), 1)
        beats = profiles.margins > 0
        wins_all = beats.sum(axis=2) == M - 1  # (B, M)
        first = rankings.response_starts[prompts]
        winners[prompts] = np.where(wins_all.any(axis=1), first + wins_all.argmax(axis=1), -1)
        tiers = get_rule("smith")(profiles)
        compared = profiles.compared[:, upper] > 0
        numbers["smith"][prompts] = (tiers == tiers.max(axis=1, keepdims=True)).sum(axis=1)
        numbers["cycle"][prompts] = cyclic(beats)
        numbers["tied"][prompts] = (compared & (profiles.margins[:, upper] == 0)).sum(axis=1)
        numbers["not_compared"][prompts] = (~compared).sum(axis=1)
    ballots = np.add.reduceat(rankings.ballot_counts, rankings.ballot_starts[:-1])
    rows = zip(
        rankings.prompt_ids, ballots.tolist(), np.diff(rankings.response_starts).tolist(),
        winners.tolist(), *(column.tolist() for column in numbers.values()), strict=True,
    )  # fmt: skip
    return [
        PromptMajorities(
            prompt_id=prompt,
            ballots=n,
            responses=size,
            condorcet_winner=None if winner < 0 else rankings.response_ids[winner],
            cycle=bool(cycle),
            smith=smith,
            tied=tied,
            not_compared=not_compared,
        )
        for prompt, n, size, winner, cycle, smith, tied, not_compared in rows
    ]


def prompt_columns(data: Data) -> dict[str, list[Any]]:
    """The majorities of the prompts as columns of a table."""
    names = tuple(PromptMajorities.__annotations__)
    return {name: [getattr(row, name) for row in data.majorities] for name in names}
