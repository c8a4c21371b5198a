"""Aggregation in parts of whole prompts: beyond memory, in shards, on Ray."""
