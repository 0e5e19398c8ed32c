"""A script that knows nothing of Lightning."""

import sys

import torch

print(sum(torch.ones(3)).item())
assert not any(name.partition(".")[0] == "repo_runner_probe" for name in dir())
assert "pytorch_lightning" not in sys.modules
assert "lightning" not in sys.modules
