import argparse

import pytest

from repo_runner.errors import InvalidInput
from repo_runner.limit_options import describe_limits
from repo_runner.models import Submission
from repo_runner.submission_options import add_submission_options, submission_of


def submission(*words: str) -> Submission:
    parser = argparse.ArgumentParser()
    add_submission_options(parser)
    asked = parser.parse_args(["owner/repository", *words])
    asked.script_args = []
    return submission_of(asked)


def test_the_command_line_says_all_of_resources_limits_and_retries() -> None:
    made = submission(
        *"--cpus 2 --memory 8GB --gpus 1 --priority 5 --time-limit 2h --memory-limit 4GiB".split(),
        *"--disk-limit 10GB --silence-limit 15m --stop-when-silent".split(),
        *"--retries 2 --retry-on supervisor_lost --retry-on index_unreachable".split(),
    )
    assert (made.resources.cpus, made.resources.memory_bytes, made.resources.gpus) == (2, 8e9, 1)
    assert (made.limits.time_s, made.limits.memory_bytes) == (7200, 4 << 30)
    assert (made.limits.disk_bytes, made.limits.silence_s) == (10e9, 900)
    assert (made.limits.on_silence, made.priority) == ("stop", 5)
    assert made.retries.times == 2
    assert made.retries.error_codes == ("supervisor_lost", "index_unreachable")


def test_limits_are_shown_on_one_line() -> None:
    words = "--time-limit 90m --memory-limit 4GB --silence-limit 5m --stop-when-silent"
    said = "1 h 30 min of time, 4 GB of memory, ended after 5 min of silence"
    assert describe_limits(submission(*words.split()).limits) == said
    assert describe_limits(submission().limits) == ""


def test_nothing_said_is_no_limit() -> None:
    made = submission()
    assert (made.resources, made.limits, made.retries) == (
        type(made.resources)(),
        type(made.limits)(),
        type(made.retries)(),
    )


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ("--time-limit soon", "limits.time_s"),
        ("--time-limit 0", "limits.time_s"),
        ("--memory lots", "resources.memory_bytes"),
        ("--cpus 0", "resources.cpus"),
        ("--priority 101", "priority"),
        ("--retries 99", "retries.times"),
    ],
)
def test_a_wrong_amount_names_its_field(words: str, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        submission(*words.split())
    assert caught.value.field == field


def test_the_command_line_says_all_that_a_cluster_is_asked_for() -> None:
    made = submission(
        *"--backend ray --nodes 2 --resource tpu=4 --label zone=eu --label kind=a100".split()
    )
    assert (made.backend, made.resources.nodes) == ("ray", 2)
    assert made.resources.custom == {"tpu": 4}
    assert made.resources.labels == {"zone": "eu", "kind": "a100"}


def test_a_label_without_a_value_is_named() -> None:
    with pytest.raises(InvalidInput) as caught:
        submission("--label", "zone")
    assert caught.value.field == "resources.labels"
