"""A Trainer that trains nothing, but calls the hooks."""

from types import SimpleNamespace


class Trainer:
    def __init__(self) -> None:
        self.callbacks = []
        self.checkpoint_callbacks = []
        self.loggers = []
        self.optimizers = []
        self.global_rank = self.global_step = self.current_epoch = 0
        self.world_size = self.num_nodes = self.accumulate_grad_batches = self.max_epochs = 1
        self.max_steps = -1
        self.log_every_n_steps = 2
        self.num_training_batches = 20
        self.callback_metrics = {}
        self.default_root_dir = "."
        self.should_stop = self.fast_dev_run = False
        self.lightning_module = SimpleNamespace(hparams={}, parameters=list)
        self.state = SimpleNamespace(fn="fit", stage="train", status="finished")
        self.epoch_loop = SimpleNamespace(_batches_that_stepped=0)
        self.fit_loop = SimpleNamespace(epoch_loop=self.epoch_loop, min_epochs=1, min_steps=None)

    def fit(self, model, ckpt_path=None):
        for name in ("setup", "on_train_start", "on_train_epoch_start"):
            self._call(name)
        for batch in range(self.num_training_batches):
            self._call("on_train_batch_start", None, batch)
            self.callback_metrics = {"loss": 1 / (batch + 1)}
            self.global_step += 1
            self._call("on_train_batch_end", None, None, batch)
            self.epoch_loop._batches_that_stepped += 1
        for name in ("on_train_epoch_end", "on_train_end", "teardown"):
            self._call(name)

    validate = test = predict = fit

    def _call(self, name, *arguments):
        for callback in list(self.callbacks):
            getattr(callback, name)(self, self.lightning_module, *arguments)
