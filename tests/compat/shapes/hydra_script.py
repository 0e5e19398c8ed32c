"""A script under hydra, whose configuration is also the model's hyperparameter."""

import hydra
from hydra.core.config_store import ConfigStore
from tiny import SHORT, Model, batches, pl

ConfigStore.instance().store("config", {"model": {"width": 4, "lr": 0.01}, "epochs": 2})


@hydra.main(version_base=None, config_name="config")
def main(config) -> None:
    trainer = pl.Trainer(**{**SHORT, "max_epochs": config.epochs})
    trainer.fit(Model(**config.model), batches(), batches())


if __name__ == "__main__":
    main()
