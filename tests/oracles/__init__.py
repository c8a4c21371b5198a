"""Slow textbook definitions that the package must agree with."""
