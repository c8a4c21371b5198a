"""Annotators with stated tastes, and random profiles."""

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

__all__ = [
    "Annotator",
    "Row",
    "Taste",
    "has_emoji",
    "make_annotators",
    "mallows",
    "politeness",
    "relevance",
    "score",
    "simulate_rankings",
    "wordiness",
]
