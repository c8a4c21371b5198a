"""Sections of the report on a comparison, one file for each measure."""
