"""Started with `python -m a_package.train`."""

from tiny import SHORT, Model, batches, pl

if __name__ == "__main__":
    pl.Trainer(**SHORT).fit(Model(), batches(), batches())
