from __future__ import annotations

import ast

from tests.unit.ui import fake_runs as fake
from ui.widgets.checkpoint_card import card_data, snippet

NOW = fake.moment()
RUN = fake.training("r", NOW, NOW)


def test_the_best_checkpoint_links_to_the_route_that_streams_it() -> None:
    checkpoints = fake.checkpoints(1_000, NOW)
    data = card_data(RUN, checkpoints, lambda name: f"http://127.0.0.1:7501/api/{name}")
    assert data["best"]["download"] == "http://127.0.0.1:7501/api/best"
    assert data["best"]["sha256"] == checkpoints[0].sha256
    assert len(card_data(RUN, fake.checkpoints(1_100, NOW), str)["others"]) == 2


def test_an_address_that_is_no_web_page_is_not_linked() -> None:
    data = card_data(RUN, fake.checkpoints(1_000, NOW), lambda _: "javascript:alert(1)")
    assert data["best"]["download"] is None


def test_the_snippet_is_python_whatever_the_name() -> None:
    ast.parse(snippet('it\'s "odd"\n.ckpt'))
    assert "weights_only=True" in snippet("a.ckpt")


def test_a_run_without_checkpoints_says_why() -> None:
    assert "while it trains" in card_data(RUN, (), str)["empty"]
