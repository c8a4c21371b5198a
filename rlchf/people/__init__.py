"""Annotators: agreement, reliability, effective votes, weights and panels."""

from rlchf.people.report import People, describe_people

__all__ = ["People", "describe_people"]
