"""Kemeny's rule for any number of responses."""
