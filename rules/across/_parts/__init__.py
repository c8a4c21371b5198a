"""What several rules across prompts share; this folder holds no rule."""
