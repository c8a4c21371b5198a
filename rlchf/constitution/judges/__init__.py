"""Judges: what answers the questions that principles ask."""
