"""What several rules share, and the long parts of some; this folder holds no rule."""
