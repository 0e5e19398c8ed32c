"""Which conda packages PyPI has as well. A list: one name can mean two packages."""

_RENAMED = {
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "opencv": "opencv-python",
    "py-opencv": "opencv-python",
    "msgpack-python": "msgpack",
    "ray-default": "ray[default]",
}

_SAME_NAME = """
albumentations boto3 click datasets einops fastapi gymnasium h5py huggingface_hub hydra-core imageio
ipykernel ipython ipywidgets joblib jsonargparse jupyter jupyterlab kornia lightning
lightning-utilities lmdb matplotlib mlflow monai nbformat networkx nibabel nltk notebook numba numpy
omegaconf onnx optuna packaging pandas pillow plotly protobuf psutil pyarrow pydantic pyparsing
pyro-ppl python-dateutil pytorch-lightning pytorch-metric-learning pyyaml regex requests rich
sacremoses safetensors scikit-image scikit-learn scipy seaborn sentencepiece setuptools six spacy
statsmodels sympy tensorboard tensorboardx tensorflow timm tokenizers toolz torchaudio torchmetrics
torchvision tqdm transformers typing-extensions umap-learn wandb xarray xgboost zarr
"""

#: conda name → PyPI name.
PYPI_NAMES = {**_RENAMED, **{name: name for name in _SAME_NAME.split()}}
