"""What runs on a node of a cluster: it makes the supervisor at home there, and carries its files back."""
