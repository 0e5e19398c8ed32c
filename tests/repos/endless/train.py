"""Prints until it is asked to end, then says so and ends well."""

import signal
import sys
import threading

asked_to_end = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: asked_to_end.set())
tick = 0
while not asked_to_end.wait(0.05):
    print(f"tick {tick}", flush=True)
    tick += 1
print("saved and ended", flush=True)
sys.exit(0)
