"""The commands of `rlchf constitution`, one per file."""
