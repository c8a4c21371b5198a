"""Orders of all prompts that maximise a welfare of the annotators."""
