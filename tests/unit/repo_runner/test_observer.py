from pathlib import Path

from repo_runner.checkpoints import CheckpointKeeper
from repo_runner.events import EventWriter, read_batch
from repo_runner.observer import Observer

PLACE = {"t": 1.0, "rank": 0, "tr": 1, "step": 10, "epoch": 0, "stage": "train"}


def seen(tmp_path: Path, *events: dict) -> list[dict]:
    writer = EventWriter(tmp_path / "events.jsonl")
    observer = Observer(writer, CheckpointKeeper(tmp_path / "checkpoints", writer, tmp_path))
    for event in events:
        observer.see({**PLACE, **event})
    writer.close()
    return list(read_batch(tmp_path / "events.jsonl", 0).events)


def test_only_rank_zero_reports(tmp_path: Path) -> None:
    assert seen(tmp_path, {"ev": "step", "rank": 1, "m": {"loss": 1.0}}) == []


def test_curves_of_a_second_trainer_have_names_of_their_own(tmp_path: Path) -> None:
    events = seen(
        tmp_path, {"ev": "step", "m": {"loss": 1.0}}, {"ev": "step", "tr": 2, "m": {"loss": 2.0}}
    )
    assert [e["values"] for e in events] == [{"loss": 1.0}, {"trainer2/loss": 2.0}]


def test_a_training_is_as_far_as_it_was_while_it_validates(tmp_path: Path) -> None:
    training = {"ev": "progress", "done": 0.5, "eta_s": 9.0, "b": 5, "nb": 10}
    events = seen(tmp_path, training, {"ev": "val_start", "stage": "validate", "nb": 3})
    assert [(e["stage"], e["fraction"], e["eta_s"]) for e in events] == [
        ("train", 0.5, 9.0),
        ("validate", 0.5, 9.0),
    ]


def test_a_script_that_decides_itself_where_it_begins_is_said(tmp_path: Path) -> None:
    (note,) = seen(tmp_path, {"ev": "resume", "who": "script"})
    assert "names a checkpoint itself" in note["message"]


def checkpoint(path: Path, score: float) -> dict:
    facts = {
        "monitor": "val_loss",
        "mode": "min",
        "best_path": str(path),
        "best_score": score,
        "last_path": None,
    }
    return {"ev": "checkpoint", "ckpts": [facts]}


def test_the_best_checkpoint_is_copied_and_what_the_script_deleted_is_pruned(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "a.ckpt", tmp_path / "b.ckpt"
    first.write_bytes(b"first")
    writer = EventWriter(tmp_path / "events.jsonl")
    keeper = CheckpointKeeper(tmp_path / "checkpoints", writer, tmp_path)
    keeper.see({**PLACE, **checkpoint(first, 2.0)})
    first.unlink()
    second.write_bytes(b"second")
    keeper.see({**PLACE, **checkpoint(second, 1.0)})
    writer.close()
    items = read_batch(tmp_path / "events.jsonl", 0).events[-1]["items"]
    assert [(i["name"], i["score"], i["is_best"]) for i in items] == [("b.ckpt", 1.0, True)]
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["b.ckpt"]


def test_a_checkpoint_that_vanished_is_said_once_and_is_not_fatal(tmp_path: Path) -> None:
    gone = checkpoint(tmp_path / "gone.ckpt", 1.0)
    events = seen(tmp_path, gone, gone)
    assert [e["kind"] for e in events] == ["note", "checkpoints", "checkpoints"]


def test_a_link_is_not_followed_out_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "best.ckpt").symlink_to(tmp_path / "secret")
    events = seen(tmp_path, checkpoint(tmp_path / "saved" / "best.ckpt", 1.0))
    assert events[-1]["items"] == []


def test_the_time_in_each_stage_adds_up(tmp_path: Path) -> None:
    def at(t: float, ev: str, stage: str, **more: object) -> dict:
        return {"t": t, "ev": ev, "stage": stage, **more}

    events = seen(
        tmp_path,
        at(10.0, "val_start", "sanity_check"),
        at(10.5, "train_start", "train"),
        at(20.5, "progress", "train", done=0.5),
        at(20.5, "val_start", "validate"),
        at(22.0, "progress", "train", done=0.6),
        at(23.0, "progress", "train", done=0.7),
    )
    spent = [e["stage_seconds"] for e in events if e["kind"] == "progress"][-1]
    assert spent == {"sanity_check": 0.5, "train": 11.0, "validate": 1.5}


def test_epochs_shorter_than_the_progress_of_a_second_keep_their_time(tmp_path: Path) -> None:
    def at(t: float, ev: str, stage: str, **more: object) -> dict:
        return {"t": t, "ev": ev, "stage": stage, **more}

    epochs = [
        (
            at(n + 0.0, "epoch_start", "train"),
            at(n + 0.6, "val_start", "validate"),
            at(n + 0.8, "val_end", "validate", seconds=0.2),
        )
        for n in range(10, 20)
    ]
    done = at(20.0, "progress", "train", done=1.0)
    events = seen(tmp_path, at(10.0, "train_start", "train"), *sum(epochs, ()), done)
    spent = [e["stage_seconds"] for e in events if e["kind"] == "progress"][-1]
    assert spent == {"train": 8.0, "validate": 2.0}


def test_copying_a_checkpoint_is_a_stage_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "best.ckpt").write_bytes(b"weights")
    training = {"ev": "progress", "stage": "train", "done": 0.5, "b": 5, "nb": 10}
    events = seen(tmp_path, training, checkpoint(tmp_path / "best.ckpt", 1.0))
    said = [(e.get("stage"), e.get("batch")) for e in events]
    assert said == [("train", 5), ("saving", 5), (None, None), ("train", 5)]
