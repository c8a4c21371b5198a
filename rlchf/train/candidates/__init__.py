"""Candidate responses for annotators to rank. Nothing here imports torch before it is used."""

from typing import TYPE_CHECKING

from rlchf.lazy import lazy_names

if TYPE_CHECKING:
    from rlchf.train.candidates.config import CandidateConfig
    from rlchf.train.candidates.sampling import Candidate, Candidates, sample_candidates

__all__ = ["Candidate", "CandidateConfig", "Candidates", "sample_candidates"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Candidate": "rlchf.train.candidates.sampling",
        "CandidateConfig": "rlchf.train.candidates.config",
        "Candidates": "rlchf.train.candidates.sampling",
        "sample_candidates": "rlchf.train.candidates.sampling",
    },
)
