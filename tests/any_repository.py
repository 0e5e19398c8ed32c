"""Every repository there is, for tests of what people send: the network and git have tests of their own."""

from __future__ import annotations

from types import SimpleNamespace

from repo_runner.github_link import GithubLink
from repo_runner.source import RemoteRefs, ResolvedSource, Source

SHA = "0" * 40
FILES = {
    "train.py": b"import argparse\n",
    "requirements.txt": b"six\n",
    "deep/main.py": b"print()\n",
}


class AnyRepository(Source):
    """Answers for whatever link was accepted."""

    def with_token(self, *_: object) -> Source:
        return self

    def refs(self, *_: object) -> RemoteRefs:
        return RemoteRefs("main", SHA, {"main": SHA}, {"v1": SHA})

    def resolve(self, link: GithubLink, ref: str = "", *_: object) -> ResolvedSource:
        return ResolvedSource(link.repo_url, ref or "main", SHA)

    def snapshot(self, *_: object) -> SimpleNamespace:
        def read(paths: list[str], _most: int = 0) -> dict[str, bytes]:
            return {path: FILES[path] for path in paths if path in FILES}

        return SimpleNamespace(paths=tuple(FILES), entries={}, submodules={}, read=read)
