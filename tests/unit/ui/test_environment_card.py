from __future__ import annotations

from repo_runner.run_environment import RunEnvironment
from tests.unit.ui import fake_runs as fake
from ui.widgets.environment_card import environment_facts, package_facts


def test_what_differs_from_the_repository_is_named() -> None:
    facts = {
        one["name"]: one for one in environment_facts(fake.environment("0.1"), "http://x/lock")
    }
    assert facts["Differs"]["value"] == "einops (not what was asked for), pywin32 (not installed)"
    assert facts["Lock"]["link"] == "http://x/lock"
    assert facts["Built"]["value"] == "reused; took 41 s when it was built"


def test_an_environment_as_asked_for_names_no_difference() -> None:
    facts = environment_facts(RunEnvironment(key="k", python="3.11"), "http://x/lock")
    assert not {"Differs", "Processes"} & {one["name"] for one in facts}


def test_a_control_group_is_said_beside_the_environment() -> None:
    environment = RunEnvironment(key="k", python="3.11", control_group=True)
    facts = {one["name"]: one for one in environment_facts(environment, "http://x/lock")}
    assert "none can escape" in facts["Processes"]["value"]


def test_each_package_says_what_asked_for_it() -> None:
    rows = package_facts(fake.environment("0.1"))
    assert [(row["name"], row["value"], row["note"]) for row in rows[:4]] == [
        ("einops", "0.8.1", "not what was asked for: einops<0.8 in requirements.txt"),
        ("pywin32", "–", "not installed: pywin32; os_name == 'nt' in requirements.txt"),
        ("torch", "2.13.0", "torch==2.13.0 in requirements.txt"),
        ("torchmetrics", "1.9.0", "torchmetrics>=1.0"),
    ]
    assert (rows[4]["note"], rows[4]["warn"]) == ("", False)
