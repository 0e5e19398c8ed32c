"""A script without Lightning: takes an argument, writes a file, prints what it did."""

import argparse
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=3)
steps = parser.parse_args().steps
for step in range(steps):
    print(f"step {step}", flush=True)
Path("result.txt").write_text(f"{steps}\n")
