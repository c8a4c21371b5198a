"""Building blocks of kernels: arrays, segments, ranks, ratios, integer weights, pairwise counts, chunks."""
