"""The script resumes from a checkpoint of its own."""

from tiny import SHORT, Model, batches, callbacks, pl

keep = callbacks.ModelCheckpoint(dirpath="kept", save_last=True)
pl.Trainer(callbacks=[keep], **{**SHORT, "max_epochs": 1}).fit(Model(), batches(), batches())
trainer = pl.Trainer(**SHORT)
trainer.fit(Model(), batches(), batches(), ckpt_path=keep.last_model_path)
print("steps", trainer.global_step)
