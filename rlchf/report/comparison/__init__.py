"""The sections of a report on voting rules, one file per kind of measure."""

from rlchf.report.comparison.sections import comparison_sections

__all__ = ["comparison_sections"]
