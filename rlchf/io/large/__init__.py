"""Datasets larger than memory: their rows as Parquet files, read in parts of whole prompts."""
