"""Rules that look across prompts, one per file: each takes a whole dataset."""

import sys

from rlchf.rules import Package

sys.modules[__name__].__class__ = Package
