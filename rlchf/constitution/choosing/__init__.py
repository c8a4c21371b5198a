"""Choosing a constitution together: a slate of statements from public votes on them."""
