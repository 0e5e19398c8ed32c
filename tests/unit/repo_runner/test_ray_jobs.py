"""What a cluster answers, in our words."""

from __future__ import annotations

from collections.abc import Callable

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
    jobs = cluster(lambda _: httpx.Response(status, text=text))
    with pytest.raises(error) as caught:
        jobs.submit({})
    assert text.rsplit(maxsplit=1)[-1].strip(".") in caught.value.message


def test_a_log_is_read_whole_where_the_cluster_lets_in_no_more_readers() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/api/v0/logs/"):
            return httpx.Response(429, text="Max number of in-progress requests=100 reached.")
        assert request.url.path == "/api/jobs/run-1/logs"
        return httpx.Response(200, json={"logs": "first\nsecond\n"})

    for follow in (True, False):
        assert b"".join(cluster(answer).log("run-1", "node", follow=follow)) == b"first\nsecond\n"


def cluster(answer: Callable[[httpx.Request], httpx.Response]) -> RayJobs:
    jobs = RayJobs("http://cluster")
    jobs._http = httpx.Client(base_url="http://cluster", transport=httpx.MockTransport(answer))
    return jobs
