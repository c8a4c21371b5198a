"""Rules that look across prompts, one per file: each takes a whole dataset."""
