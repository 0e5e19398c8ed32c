"""Four checkpoint callbacks: none kept, all kept, every few steps, and a subclass with its own name."""

from tiny import SHORT, Model, batches, callbacks, pl


class OwnCheckpoint(callbacks.ModelCheckpoint):
    pass


savers = [
    callbacks.ModelCheckpoint(dirpath="none", save_top_k=0),
    callbacks.ModelCheckpoint(dirpath="all", monitor="val_loss", save_top_k=-1),
    callbacks.ModelCheckpoint(dirpath="steps", every_n_train_steps=4, save_top_k=-1),
    OwnCheckpoint(dirpath="own", filename="mine-{epoch}", save_last=True),
]
pl.Trainer(callbacks=savers, **SHORT).fit(Model(), batches(), batches())
