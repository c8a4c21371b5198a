"""The perpetual rules: one loop with several weightings, and searches for the best order."""
