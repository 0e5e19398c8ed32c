"""Where a run's supervisor lives."""
