"""The perpetual rules: one loop, several ways to weigh."""
