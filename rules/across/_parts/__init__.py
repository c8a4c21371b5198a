"""What several rules across prompts share; no rule is in here."""
