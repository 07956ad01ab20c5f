#!/bin/sh
# Lets every library find the one copy of CUDA, that of the Python packages: TensorFlow looks there by itself, ONNX
# Runtime and users' libraries ask the loader. Run after the packages are in their place.
set -eu
python - > /etc/ld.so.conf.d/plimsoll-cuda.conf <<'PYTHON'
import sysconfig
from pathlib import Path

for folder in sorted(Path(sysconfig.get_path("purelib")).glob("nvidia/*/lib")):
    print(folder)
PYTHON
ldconfig -X
chmod -R go-w /opt/plimsoll/steps
