"""Many short runs while the app's processes are killed at random: `python -m tests.soak [--runs N] [--seed N]`."""
