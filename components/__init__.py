"""The Lightning rim: the app's Flow, Works, API server and frontend; no business logic."""
