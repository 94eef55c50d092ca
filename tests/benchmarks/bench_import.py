"""What `import interpretable_arch` costs over `import torch`: medians of fresh processes, seconds.

python tests/benchmarks/bench_import.py
"""

import statistics
import subprocess
import sys
import time

ROUNDS = 7


def seconds(code: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begun


def main() -> None:
    pairs = [
        (seconds("import torch"), seconds("import torch, interpretable_arch"))
        for _ in range(ROUNDS)
    ]
    alone, together = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"import torch {alone:.2f} s, with interpretable_arch {together:.2f} s:", end=" ")
    print(f"{statistics.median(b - a for a, b in pairs):+.2f} s")


if __name__ == "__main__":
    main()
