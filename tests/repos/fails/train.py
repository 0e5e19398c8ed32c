"""Raises."""

print("about to fail", flush=True)
raise ValueError("the learning rate is negative")
