"""Simulated juries: what a model is told of annotators, its calibration, and panels drawn from them."""

from rlchf.jury.calibration import calibrate
from rlchf.jury.conditioning import Evaluators, evaluator_examples
from rlchf.jury.panels import Jury, draw_panel, jury

__all__ = ["Evaluators", "Jury", "calibrate", "draw_panel", "evaluator_examples", "jury"]
