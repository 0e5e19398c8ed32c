"""Who may do what: one-time links, signed sessions, persons and their roles. Files of the standard library's means."""
