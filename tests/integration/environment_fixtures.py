"""The fixtures `bench` and `wheels`, a plugin of the modules that test environments."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from repo_runner.settings import Settings
from tests.integration.environment_bench import Bench
from tests.wheelhouse import make_wheel


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "alpha", "1.0")
    make_wheel(folder, "alpha", "2.0")
    make_wheel(folder, "beta", "1.0", requires="alpha<2")
    make_wheel(folder, "gamma", "1.0", modules=400)
    make_wheel(folder, "ancient", "1.0", tag="cp27-cp27m-manylinux1_x86_64")
    for version in ("2.6.1", "2.6.2", "2.6.3"):
        make_wheel(folder, "lightning", version)
    return folder


@pytest.fixture
def bench(settings: Settings, wheels: Path, tmp_path: Path) -> Bench:
    """uv sees only the handmade wheels; there is one empty repository."""
    own = {n: v for n, v in settings.installer_env.items() if not n.startswith(("UV_", "PIP_"))}
    settings_file = tmp_path / "operator" / "uv.toml"
    settings_file.parent.mkdir()
    settings_file.write_text("no-index = true\npython-downloads = 'never'\n")
    uv = {"UV_FIND_LINKS": str(wheels), "UV_CONFIG_FILE": str(settings_file)}
    isolated = dataclasses.replace(settings, installer_env={**own, **uv})
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "train.py").write_text("print('hello')\n")
    return Bench(isolated, tmp_path / "checkout")
