"""How good a reward model's scores are, on prompts and annotators that it has never seen."""

from rlchf.evaluation.annotators import split_annotators
from rlchf.evaluation.calibration import Bin, Calibration
from rlchf.evaluation.intervals import Figure
from rlchf.evaluation.report import Evaluation, evaluate
from rlchf.evaluation.scores import Scores, by_response
from rlchf.jobs.evaluation import write_evaluation

__all__ = [
    "Bin",
    "Calibration",
    "Evaluation",
    "Figure",
    "Scores",
    "by_response",
    "evaluate",
    "split_annotators",
    "write_evaluation",
]
