"""What the pages are made of: pure functions from values to data, and the elements that show the data."""
