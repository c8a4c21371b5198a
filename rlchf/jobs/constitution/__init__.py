"""The jobs of `rlchf constitution`, one per file."""
