"""Annotators with stated tastes, judges with planted preferences, and random profiles."""

from rlchf.simulate import planted
from rlchf.simulate.annotators import (
    Annotator,
    Row,
    Taste,
    has_emoji,
    make_annotators,
    politeness,
    relevance,
    score,
    simulate_rankings,
    wordiness,
)
from rlchf.simulate.cultures import mallows
from rlchf.simulate.judges import SimulatedJudge

__all__ = [
    "Annotator",
    "Row",
    "SimulatedJudge",
    "Taste",
    "has_emoji",
    "make_annotators",
    "mallows",
    "planted",
    "politeness",
    "relevance",
    "score",
    "simulate_rankings",
    "wordiness",
]
