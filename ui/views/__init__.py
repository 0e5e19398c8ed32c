"""One page a file, each a function `render`."""
