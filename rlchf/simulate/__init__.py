"""Annotators with stated tastes, judges with planted preferences, and datasets of statistical cultures."""

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
from rlchf.simulate.cultures import culture_names
from rlchf.simulate.datasets import Simulated, culture, profiles, simulated
from rlchf.simulate.judges import SimulatedJudge
from rlchf.simulate.tastes import tastes

__all__ = [
    "Annotator",
    "Row",
    "Simulated",
    "SimulatedJudge",
    "Taste",
    "culture",
    "culture_names",
    "has_emoji",
    "make_annotators",
    "planted",
    "politeness",
    "profiles",
    "relevance",
    "score",
    "simulate_rankings",
    "simulated",
    "tastes",
    "wordiness",
]
