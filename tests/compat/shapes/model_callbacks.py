"""The model brings its own checkpoint callback."""

from tiny import SHORT, Model, batches, callbacks, pl


class WithCallbacks(Model):
    def configure_callbacks(self):
        return [callbacks.ModelCheckpoint(monitor="val_loss", save_top_k=-1)]


pl.Trainer(**SHORT).fit(WithCallbacks(), batches(), batches())
