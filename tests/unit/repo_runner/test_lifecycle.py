import pytest

from repo_runner.lifecycle import ExitRecord, decide
from repo_runner.models import Failure, RunStatus

FAILURE = Failure(error_code="script_failed", message="It failed.")


@pytest.mark.parametrize(
    ("facts", "stop_requested", "status"),
    [
        ({"exit_code": 0}, False, RunStatus.SUCCEEDED),
        ({"exit_code": 1, "failure": FAILURE}, False, RunStatus.FAILED),
        ({"signal": 9, "failure": FAILURE}, False, RunStatus.FAILED),
        ({"exit_code": 3}, False, RunStatus.FAILED),
        ({"exit_code": 0, "stopped": True}, True, RunStatus.STOPPED),
        ({"exit_code": 1, "stopped": True, "failure": FAILURE}, True, RunStatus.STOPPED),
        ({"signal": 15, "stopped": True}, True, RunStatus.STOPPED),
        ({"exit_code": 0}, True, RunStatus.SUCCEEDED),
        ({"exit_code": 0, "failure": FAILURE}, False, RunStatus.FAILED),
    ],
)
def test_the_end_follows_from_intent_and_exit_record(
    facts: dict, stop_requested: bool, status: RunStatus
) -> None:
    record = ExitRecord(attempt=1, ended_at=0.0, **facts)
    assert decide(record, stop_requested=stop_requested)[0] is status
