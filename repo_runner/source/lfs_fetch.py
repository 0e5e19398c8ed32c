"""The network side of Git LFS: ask a repository's host where objects are, and download them.

Only https, only hosts that are allowed, every redirect checked like a first address; the token goes
to the host of the question and nowhere else.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

from repo_runner.errors import (
    AuthRequired,
    DiskFull,
    FetchInterrupted,
    FetchTimeout,
    HostUnreachable,
    LfsObjectMissing,
    RepoMoved,
    RunnerError,
    SourceError,
    UntrustedHost,
)
from repo_runner.github_link import split_repo_url
from repo_runner.process import ProcessCancelled
from repo_runner.settings import Settings
from repo_runner.source.credentials import Masking, authorization
from repo_runner.source.git import Watch
from repo_runner.source.lfs_batch import (
    MEDIA_TYPE,
    Download,
    check_address,
    origin_of,
    question,
    read_answer,
    same_form,
)
from repo_runner.source.lfs_pointer import Pointer
from repo_runner.source.lfs_route import actual_address, proxy_for, proxy_headers

_CONNECT_S = 15.0
_SILENCE_S = 60.0
_TICK_S = 0.1
_CHUNK_BYTES = 1 << 16
_MAX_ANSWER_BYTES = 16 << 20
_MAX_HOPS = 4
_REDIRECTS = (301, 302, 303, 307, 308)
#: What a host says that will say the same again: not supported, storage full, no bandwidth left.
_FINAL = (501, 507, 509)
_AGENT = {"User-Agent": "repo-runner"}


class LfsRemote:
    """The Git LFS service of one repository."""

    def __init__(self, repo_url: str, settings: Settings) -> None:
        host, _, _ = split_repo_url(repo_url)
        self._url = actual_address(f"{repo_url}.git/info/lfs/objects/batch", settings)
        self._origin = origin_of(self._url)
        self._allowed = {same_form(h) for h in (host, self._origin, *settings.lfs_hosts)}
        # As git does it: a host that stands in for another does not get the other's token.
        config = authorization(settings, repo_url) if self._origin == same_form(host) else {}
        self._token = dict(words.split(": ", 1) for words in config.values())
        self._mask = Masking(config)
        self._env = settings.git_env
        self._silence_s = max(1.0, min(_SILENCE_S, settings.fetch_timeout_s))

    def locate(self, pointers: Collection[Pointer], watch: Watch) -> list[Download]:
        """Where the objects are. Raises AuthRequired, LfsObjectMissing, LfsHostRefused, SourceError."""
        check_address(self._url, self._allowed)
        headers = {**_AGENT, **self._token, "Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
        with self._exchange("POST", self._url, headers, watch, question(pointers)) as response:
            _check(response.status, "The host does not offer Git LFS for this repository.")
            content = response.read(_MAX_ANSWER_BYTES)
            watch.tick()
        return read_answer(content, pointers, self._allowed, self._mask)

    def download(
        self, found: Download, target: Path, watch: Watch, on_bytes: Callable[[int], None]
    ) -> None:
        """Write an object to `target`, which holds nothing of use when this raises."""
        for _ in range(_MAX_HOPS):
            with self._exchange("GET", found.url, self._headers(found), watch) as response:
                if response.status not in _REDIRECTS:
                    _check(
                        response.status, f"The host has lost the content of {found.pointer.name}."
                    )
                    _save(response, found.pointer, target, watch, on_bytes)
                    return
                url = urljoin(found.url, response.headers.get("Location", ""))
            check_address(url, self._allowed)
            stays = origin_of(url) == origin_of(found.url)
            found = replace(found, url=url, headers=found.headers if stays else {})
        raise SourceError(f"The host sends in circles for the content of {found.pointer.name}.")

    def _headers(self, found: Download) -> dict[str, str]:
        has_own = any(name.lower() == "authorization" for name in found.headers)
        token = self._token if origin_of(found.url) == self._origin and not has_own else {}
        return {**_AGENT, **token, **found.headers}

    @contextlib.contextmanager
    def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        watch: Watch,
        body: bytes | None = None,
    ) -> Iterator[HTTPResponse]:
        watch.tick()
        parts = urlsplit(url)
        with _in_our_words(parts, watch), contextlib.closing(self._connection(parts)) as connection:
            connection.connect()
            connection.sock.settimeout(self._silence_s)
            with _ended_by(watch, connection.sock):
                target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
                connection.request(method, target, body, dict(headers))
                with connection.getresponse() as response:
                    yield response

    def _connection(self, parts: SplitResult) -> HTTPSConnection:
        bundle = self._env.get("GIT_SSL_CAINFO") or self._env.get("SSL_CERT_FILE")
        folder = None if bundle else self._env.get("SSL_CERT_DIR")
        trust = ssl.create_default_context(cafile=bundle, capath=folder)
        host, port = parts.hostname or "", parts.port or 443
        proxy = proxy_for(host, self._env)
        if not proxy or not proxy.hostname:
            return HTTPSConnection(host, port, timeout=_CONNECT_S, context=trust)
        connection = HTTPSConnection(
            proxy.hostname, proxy.port or 80, timeout=_CONNECT_S, context=trust
        )
        connection.set_tunnel(host, port, proxy_headers(proxy))
        return connection


def _save(
    response: HTTPResponse,
    pointer: Pointer,
    target: Path,
    watch: Watch,
    on_bytes: Callable[[int], None],
) -> None:
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as file:
        while chunk := response.read(_CHUNK_BYTES):
            watch.tick()
            size += len(chunk)
            if size > pointer.size_bytes:
                break
            digest.update(chunk)
            file.write(chunk)
            on_bytes(size)
    watch.tick()
    if size < pointer.size_bytes:
        raise FetchInterrupted(f"The connection broke in the content of {pointer.name}.")
    if digest.hexdigest() != pointer.oid or size > pointer.size_bytes:
        raise SourceError(
            f"The host sent other content for {pointer.name} than the repository names.",
            hint="Tell the repository's owner: the object in Git LFS is damaged or was exchanged.",
        )


def _check(status: int, missing: str) -> None:
    if status in (401, 403):
        raise AuthRequired("The host keeps the repository's Git LFS objects back.")
    if status in (404, 410):
        raise LfsObjectMissing(missing)
    if status in _REDIRECTS:
        raise RepoMoved
    if status == 429 or (status >= 500 and status not in _FINAL):
        raise FetchInterrupted(f"The host answers Git LFS requests with {status}.")
    if status != 200:
        raise SourceError(f"The host answers Git LFS requests with {status}.")


@contextlib.contextmanager
def _ended_by(watch: Watch, connected: socket.socket) -> Iterator[None]:
    """Break the connection when the watch says so, whoever waits for it at that time."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(_TICK_S):
            try:
                watch.tick()
            except (RunnerError, ProcessCancelled):
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connected, socket.SHUT_RDWR)
                return

    thread = threading.Thread(target=look, name="lfs-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def _in_our_words(parts: SplitResult, watch: Watch) -> Iterator[None]:
    try:
        yield
    except (OSError, HTTPException, ValueError) as error:
        watch.tick()
        raise _meaning(error, parts.hostname or "") from error


def _meaning(error: Exception, host: str) -> RunnerError:
    """As for git's words; an address with a signature in it is never quoted."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull()
    if isinstance(error, ssl.SSLCertVerificationError | FileNotFoundError):
        return UntrustedHost(f"The certificate of {host} is not trusted.")
    if isinstance(error, TimeoutError):
        return FetchTimeout(f"{host} does not answer for Git LFS objects.")
    if isinstance(error, ConnectionRefusedError | socket.gaierror):
        return HostUnreachable(f"{host} cannot be reached for Git LFS objects.")
    if isinstance(error, OSError | HTTPException):
        return FetchInterrupted(f"The connection to {host} broke.", lines=[type(error).__name__])
    return SourceError(f"{host} named an address that cannot be used.", hint="")
