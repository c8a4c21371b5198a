"""How long drawing a dataset from each statistical culture takes.

python benchmarks/people/simulate_speed.py
"""

import time

from rlchf.simulate import culture, culture_names

SIZES = ((1_000, 20, 5), (20_000, 7, 4))


def main() -> None:
    """Print the seconds of each culture at each size, the best of three."""
    print(f"{'culture':16}" + "".join(f"{f'{P:,} x {V} x {M}':>18}" for P, V, M in SIZES))
    for name in culture_names():
        cells = []
        for P, V, M in SIZES:
            seconds = []
            for seed in range(3):
                began = time.perf_counter()
                culture(name, prompts=P, annotators=V, responses=M, seed=seed)
                seconds.append(time.perf_counter() - began)
            cells.append(f"{min(seconds):18.3f}")
        print(f"{name:16}" + "".join(cells))


if __name__ == "__main__":
    main()
