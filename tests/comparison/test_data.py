"""Sizes and majorities of a dataset, against NetworkX and loops."""

import networkx as nx
import numpy as np
import pytest

from rlchf import Rankings
from rlchf.comparison.data import describe_data, majority_graph
from tests.support.comparisons import random_rankings


@pytest.mark.parametrize("seed", [0, 1])
def test_cycles_and_smith_sets_are_those_of_the_majority_graph(seed: int) -> None:
    rankings = random_rankings(seed, prompts=25)
    rows = describe_data(rankings).majorities
    assert any(row.cycle for row in rows)
    for p, row in enumerate(rows):
        profiles = rankings.batch(np.array([p]))
        margins = profiles.margins[0]
        graph = nx.DiGraph()
        graph.add_nodes_from(range(len(margins)))
        graph.add_edges_from(np.argwhere(margins > 0).tolist())
        assert row.cycle == (not nx.is_directed_acyclic_graph(graph))
        weak = nx.DiGraph()  # beats or ties: the Smith set is its top component
        weak.add_nodes_from(graph)
        weak.add_edges_from(
            np.argwhere((margins >= 0) & ~np.eye(len(margins), dtype=bool)).tolist()
        )
        top = nx.condensation(weak)
        (first,) = [c for c in top if top.in_degree(c) == 0]
        assert row.smith == len(top.nodes[first]["members"])
        winners = [i for i in graph if graph.out_degree(i) == len(margins) - 1]
        names = rankings.responses(row.prompt_id)
        assert row.condorcet_winner == (names[winners[0]] if winners else None)
        upper = np.triu(np.ones(margins.shape, bool), 1)
        compared = profiles.compared[0] > 0
        assert row.tied == int((upper & compared & (margins == 0)).sum())
        assert row.not_compared == int((upper & ~compared).sum())


def test_gaps_ties_and_repeats_are_counted() -> None:
    ballots = [
        ("p", "ann", "a > b > c"), ("p", "ann", "b > a > c"), ("p", "bob", "a = b"), ("q", "ann", "x > y"),
    ]  # fmt: skip
    counts = describe_data(Rankings.from_ballots(ballots, repeats="all")).counts
    assert (counts.prompts, counts.annotators, counts.responses, counts.ballots) == (2, 2, 5, 4)
    assert (counts.with_gaps, counts.with_ties, counts.repeats) == (1, 1, 1)
    assert counts.gaps == pytest.approx(1 / 11)
    assert counts.ballots_per_prompt == (1, 2.0, 3)
    assert not counts.weighted


def test_the_worst_prompts_have_the_largest_smith_sets_and_their_graph_has_all_margins() -> None:
    cycle = ["a > b > c", "b > c > a", "c > a > b"]
    ballots = [("p", str(n), ballot) for n, ballot in enumerate(cycle)]
    ballots += [("q", str(n), "a > b > c") for n in range(3)]
    rankings = Rankings.from_ballots(ballots, [1.0, 2.0, 2.0, 1.0, 1.0, 1.0])
    assert [row.prompt_id for row in describe_data(rankings).worst()] == ["p"]
    graph = majority_graph(rankings, "p")
    assert graph.edges == [("a", "b", 1.0), ("b", "c", 1.0), ("c", "a", 3.0)]
    assert graph.components == 1
