"""Never runs: its requirements cannot be read."""
