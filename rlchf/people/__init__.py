"""Annotators: agreement, reliability, effective votes, weights and panels."""
