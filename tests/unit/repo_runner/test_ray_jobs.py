"""What a cluster answers, in our words."""

from __future__ import annotations

import httpx
import pytest

from repo_runner.backends.ray_jobs import ClusterRefused, ClusterUnreachable, RayJobs
from repo_runner.errors import RunnerError


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (500, "No available agent to submit job, please try again later.", ClusterUnreachable),
        (500, "ValueError: entrypoint_num_cpus", ClusterRefused),
        (403, "Forbidden", ClusterRefused),
    ],
)
def test_a_cluster_that_has_just_started_is_asked_again_and_a_refusal_is_not(
    status: int, text: str, error: type[RunnerError]
) -> None:
    jobs = RayJobs("http://cluster")
    jobs._http = httpx.Client(
        base_url="http://cluster",
        transport=httpx.MockTransport(lambda _: httpx.Response(status, text=text)),
    )
    with pytest.raises(error) as caught:
        jobs.submit({})
    assert text.rsplit(maxsplit=1)[-1].strip(".") in caught.value.message
