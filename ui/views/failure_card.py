"""Why a run failed, and the buttons that mend it."""

from __future__ import annotations

import re

import streamlit as st

from repo_runner.models import Run, RunSpec
from ui.navigation import go
from ui.person import may_change, may_submit
from ui.views.form import fill_from_spec
from ui.views.run_actions import resume, resume_word
from ui.widgets.notice import button, of_failure, show_notices

_MODULE = re.compile(r"No module named '([\w.]+)'")

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
_AGAIN = {"supervisor_lost", "interrupted", "script_killed"}
_TO_EDIT = "Edit and run"


def show_failure(run: Run) -> None:
    """Show the cause on top of a failed run; the first button is what most probably helps."""
    if run.failure is None:
        return
    card = {**of_failure(run.failure), "buttons": buttons(run)}
    match show_notices([card], key="failure"):
        case None:
            return
        case "resume":
            resume(run)
            st.rerun()
        case _:
            fill_from_spec(with_package(run), run.name)
            go("new")


def buttons(run: Run) -> list[dict[str, object]]:
    """Return the buttons of the card, for a person who may use them."""
    if not may_submit():
        return []
    package = missing_package(run)
    if package:
        return [button(f"Add {package} and run again", main=True, name="edit")]
    code = run.failure.error_code if run.failure else ""
    again = button(resume_word(run), main=code in _AGAIN, name="resume")
    edit = button(_TO_EDIT, main=code not in _AGAIN, name="edit")
    return [again, edit] if code in _AGAIN and may_change(run) else [edit]


def missing_package(run: Run) -> str:
    """Return the package that a failed import asks for; empty when it is another failure, or asked for already."""
    failure = run.failure
    if failure is None or failure.error_code != "module_missing":
        return ""
    text = "\n".join(reversed(failure.lines))
    match = _MODULE.search(text)
    package = package_of(match[1]) if match else ""
    return "" if package in run.spec.requirements else package


def package_of(module: str) -> str:
    """Return the package that provides a module, as far as their names differ in a known way."""
    top = module.split(".", 1)[0]
    for name in (".".join(module.split(".")[:2]), top):
        if name in _PACKAGES:
            return _PACKAGES[name]
    return top.replace("_", "-")


def with_package(run: Run) -> RunSpec:
    """Return what the run was asked to do, with the package it misses."""
    package = missing_package(run)
    if not package:
        return run.spec
    return run.spec.model_copy(update={"requirements": (*run.spec.requirements, package)})
