"""Train a script from a GitHub link and watch it live: the product, free of Lightning and Streamlit."""

__version__ = "0.1.0"
