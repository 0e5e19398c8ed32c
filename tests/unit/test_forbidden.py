"""No app code unpickles, evaluates or calls a shell; and the search for it finds what it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.forbidden import forbidden

ROOT = Path(__file__).resolve().parents[2]
APP_CODE = ["app.py", "components", "repo_runner", "ui", "probe", "examples"]


def sources() -> list[Path]:
    places = [ROOT / place for place in APP_CODE]
    return [
        file for place in places for file in ([place] if place.is_file() else place.rglob("*.py"))
    ]


def test_no_app_code_turns_data_into_code_or_text_into_a_command() -> None:
    files = sources()
    assert len(files) > 150, "the search has lost its way"
    found = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in files
        for line, name in forbidden(file.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import pickle as p",
        "from pickle import loads as read",
        "import joblib.numpy_pickle",
        "from dill import load",
        "import marshal, json",
        "def f():\n    import cloudpickle",
        "__import__('pickle')",
        "import importlib\nimportlib.import_module('dill.session')",
        "from importlib import import_module as get\nget('joblib')",
        "import torch\ntorch.load('x', weights_only=True)",
        "import torch as t\nt.load('x')",
        "from torch import load",
        "from torch import jit\njit.load('x')",
        "import torch\nread = torch.load",
        "import torch\ngetattr(torch, 'load')('x')",
        "Model.load_from_checkpoint('x')",
        "import torch.package",
        "import pandas as pd\npd.read_pickle('x')",
        "eval('1')",
        "run = exec",
        "import builtins\nbuiltins.eval('1')",
        "import yaml\nyaml.load(text)",
        "import yaml\nyaml.load(text, Loader=yaml.FullLoader)",
        "from yaml import load\nload(text, other)",
        "from yaml import unsafe_load",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "from numpy import load\nload('x', allow_pickle=asked)",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "start(command, shell=is_shell)",
        "import asyncio\nasyncio.create_subprocess_shell('ls')",
        "import os\nos.system('ls')",
        "from os import popen",
        "from subprocess import getoutput as g",
    ],
)
def test_each_way_to_say_it_is_found(source: str) -> None:
    assert list(forbidden(source))


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()",
        "import ast\nast.literal_eval('1')",
        "import yaml\nyaml.safe_load(text)",
        "import yaml\nyaml.load(text, Loader=yaml.SafeLoader)",
        "import yaml\nyaml.load(text, yaml.CSafeLoader)",
        "import numpy as np\nnp.load('x')",
        "import numpy\nnumpy.load('x', allow_pickle=False)",
        "import json\njson.load(file)",
        "import subprocess\nsubprocess.run(['ls'], shell=False)",
        "trainer.fit(ckpt_path=path)",
        "loader.exec_module(module)",
        "'eval(1)'  # pickle.load",
    ],
)
def test_what_only_looks_like_it_is_left_alone(source: str) -> None:
    assert list(forbidden(source)) == []
