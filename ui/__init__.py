"""The Streamlit pages: they read and write only through `repo_runner.client`."""
