"""Simulated juries: conditioning on annotator features, calibration, and panels of annotators."""

from rlchf.jury.calibration import calibrate
from rlchf.jury.conditioning import Conditioning, conditioned_examples
from rlchf.jury.panels import Jury, draw_panel, jury

__all__ = ["Conditioning", "Jury", "calibrate", "conditioned_examples", "draw_panel", "jury"]
