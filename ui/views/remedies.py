"""What probably mends a failed run: for a cause, what to ask for the next time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from repo_runner.models import Run, RunSpec
from ui.views.fixes import nearest
from ui.views.limit_fields import duration_text, size_text

_MODULE = re.compile(r"No module named '([\w.]+)'")
_BATCH_SIZE = re.compile(r"--[\w.-]*batch[_-]?size")
_MAX_SCRIPTS = 3

#: Modules that are not called as the package that provides them.
_PACKAGES = dict(
    pair.split("=")
    for pair in (
        "sklearn=scikit-learn cv2=opencv-python-headless yaml=pyyaml PIL=pillow skimage=scikit-image "
        "bs4=beautifulsoup4 dotenv=python-dotenv dateutil=python-dateutil google.protobuf=protobuf "
        "pl_bolts=lightning-bolts lightning_fabric=lightning-fabric pytorch_lightning=pytorch-lightning "
        "tensorboardX=tensorboardX attr=attrs Crypto=pycryptodome OpenSSL=pyopenssl serial=pyserial "
        "git=gitpython jwt=pyjwt magic=python-magic fitz=pymupdf Levenshtein=python-levenshtein "
        "torch_geometric=torch-geometric segmentation_models_pytorch=segmentation-models-pytorch "
        "faiss=faiss-cpu umap=umap-learn hydra=hydra-core mpl_toolkits=matplotlib pkg_resources=setuptools "
        "ruamel=ruamel.yaml jose=python-jose slugify=python-slugify"
    ).split()
)


@dataclass(frozen=True)
class Remedy:
    """A button, and what the run is asked for with it."""

    label: str
    spec: RunSpec


def remedies(run: Run, scripts: Iterable[str] = ()) -> list[Remedy]:
    """Return what a click can mend, the most probable first; `scripts` are those the repository has."""
    makers = {
        "module_missing": _package,
        "limit_time": _more_time,
        "limit_silence": _more_time,
        "limit_memory": _more_memory,
        "limit_disk": _more_disk,
        "gpu_out_of_memory": _smaller_batch,
        "out_of_memory": _smaller_batch,
        "part_of_package": _as_module,
    }
    code = run.failure.error_code if run.failure else ""
    if code == "script_not_found":
        return [
            _script(run, path) for path in nearest(run.spec.script_path, scripts)[:_MAX_SCRIPTS]
        ]
    found = makers[code](run) if code in makers else None
    return [found] if found else []


def package_of(module: str) -> str:
    """Return the package that provides a module, as far as their names differ in a known way."""
    top = module.split(".", 1)[0]
    for name in (".".join(module.split(".")[:2]), top):
        if name in _PACKAGES:
            return _PACKAGES[name]
    return top.replace("_", "-")


def _package(run: Run) -> Remedy | None:
    """The package a failed import asks for, unless it was asked for already."""
    lines = run.failure.lines if run.failure else ()
    match = _MODULE.search("\n".join(reversed(lines)))
    package = package_of(match[1]) if match else ""
    if not package or package in run.spec.requirements:
        return None
    requirements = (*run.spec.requirements, package)
    return Remedy(f"Add {package} and run again", _with(run.spec, requirements=requirements))


def _more_time(run: Run) -> Remedy | None:
    limits = run.spec.limits
    field = "silence_s" if run.failure and run.failure.error_code == "limit_silence" else "time_s"
    seconds = getattr(limits, field)
    if not seconds:
        return None
    changed = limits.model_copy(update={field: seconds * 2})
    word = "time" if field == "time_s" else "patience"
    label = f"Run again with more {word} ({duration_text(seconds * 2)})"
    return Remedy(label, _with(run.spec, limits=changed))


def _more_memory(run: Run) -> Remedy | None:
    return _doubled(run, "memory_bytes", "memory")


def _more_disk(run: Run) -> Remedy | None:
    return _doubled(run, "disk_bytes", "disk")


def _doubled(run: Run, field: str, word: str) -> Remedy | None:
    count = getattr(run.spec.limits, field)
    if not count:
        return None
    limits = run.spec.limits.model_copy(update={field: count * 2})
    label = f"Run again with more {word} ({size_text(count * 2)})"
    return Remedy(label, _with(run.spec, limits=limits))


def _smaller_batch(run: Run) -> Remedy | None:
    """Half of a batch size that stands in the arguments."""
    words = list(run.spec.script_args)
    for at, word in enumerate(words):
        flag, equals, inline = word.partition("=")
        place = at if equals else at + 1
        size = inline if equals else words[place] if place < len(words) else ""
        if _BATCH_SIZE.fullmatch(flag) and size.isdigit() and int(size) > 1:
            half = str(int(size) // 2)
            words[place] = f"{flag}={half}" if equals else half
            label = f"Run again with {flag} {half}"
            return Remedy(label, _with(run.spec, script_args=tuple(words)))
    return None


def _as_module(run: Run) -> Remedy | None:
    path = PurePosixPath(run.spec.script_path)
    module = ".".join(path.with_suffix("").parts)
    if run.spec.script_module or len(path.parts) < 2:
        return None
    return Remedy(f"Run again as -m {module}", _with(run.spec, script_module=module))


def _script(run: Run, path: str) -> Remedy:
    return Remedy(f"Use {path} and run again", _with(run.spec, script_path=path, script_module=""))


def _with(spec: RunSpec, **changes: object) -> RunSpec:
    return spec.model_copy(update=changes)
