"""Packages that are not installed under the name by which they are asked for, or not at all, and why."""

from __future__ import annotations

# What Plimsoll does itself. `None`, or what came along with the package and scripts rely on.
SERVED_BY_US: dict[str, str | None] = {
    "azureml-defaults": "inference-schema",
    "azureml-inference-server-http": "inference-schema",
    "azureml-contrib-services": None,
    "azureml-contrib-server": None,
    "azureml-ai-monitoring": "pandas",
    "azureml-monitoring": None,
    "plimsoll-runtime": None,
}

# Of these a smaller distribution has all that serving needs, and no server with requirements of its own: mlflow 3.17
# wants gunicorn<27. The last ones are what the smaller one leaves out.
SLIMMER: dict[str, tuple[str, ...]] = {"mlflow": ("mlflow-skinny", "pandas")}

# Names in conda's channels that PyPI has under another.
PYPI_NAMES = {
    "dask-core": "dask",
    "faiss": "faiss-cpu",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python-headless",
    "pytables": "tables",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "py-xgboost-gpu": "xgboost",
    "ruamel_yaml": "ruamel.yaml",
    "tensorflow-base": "tensorflow",
    "tensorflow-mkl": "tensorflow",
    "typing_extensions": "typing-extensions",
}

_CUDA = "CUDA comes with the GPU image"
_SYSTEM = "a library that wheels from PyPI bring along"
_COMPILER = "a compiler; an image that serves has none"
_INTERPRETER = "part of conda's own Python"

CONDA_ONLY: dict[str, str] = {
    **dict.fromkeys(("cudatoolkit", "cudatoolkit-dev", "cudnn", "cuda-toolkit", "cuda-nvcc", "cuda-runtime"), _CUDA),
    **dict.fromkeys(("cuda", "cuda-version", "cupti", "nccl", "pytorch-cuda", "libcublas", "libcufft"), _CUDA),
    **dict.fromkeys(("blas", "libblas", "libcblas", "liblapack", "libopenblas", "openblas", "intel-openmp"), _SYSTEM),
    **dict.fromkeys(("libgcc", "libgcc-ng", "libgfortran", "libgomp", "libstdcxx-ng", "libxgboost", "nomkl"), _SYSTEM),
    **dict.fromkeys(("ca-certificates", "ffmpeg", "freetype", "glib", "icu", "jpeg", "libffi", "libpng"), _SYSTEM),
    **dict.fromkeys(
        ("libprotobuf", "libtiff", "ncurses", "openssl", "readline", "sqlite", "tk", "xz", "zlib"), _SYSTEM
    ),
    **dict.fromkeys(
        ("gcc", "gxx", "gcc_linux-64", "gxx_linux-64", "compilers", "c-compiler", "cxx-compiler"), _COMPILER
    ),
    **dict.fromkeys(("cmake", "make"), _COMPILER),
    **dict.fromkeys(("conda", "anaconda", "python_abi", "libpython", "nodejs", "r-base"), _INTERPRETER),
}
