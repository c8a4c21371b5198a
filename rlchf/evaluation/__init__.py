"""Evaluation of a reward model's scores on held-out prompts and annotators, and diversity of responses."""

from rlchf.evaluation.accuracy import pair_accuracy
from rlchf.evaluation.annotators import split_annotators
from rlchf.evaluation.calibration import Bin, Calibration
from rlchf.evaluation.diversity import diversity
from rlchf.evaluation.intervals import Figure
from rlchf.evaluation.report import Evaluation, evaluate
from rlchf.evaluation.scores import Scores, by_response

__all__ = [
    "Bin",
    "Calibration",
    "Evaluation",
    "Figure",
    "Scores",
    "by_response",
    "diversity",
    "evaluate",
    "pair_accuracy",
    "split_annotators",
]
