"""What kernels are made of: arrays, integer weights, pairwise counts, chunks."""
