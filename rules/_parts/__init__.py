"""What several rules share, and the long parts of some; no rule is in here."""
