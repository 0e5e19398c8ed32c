"""Prints its arguments and ends."""

import sys

print("hello from", sys.argv[1:], flush=True)
