"""Conda environment files: what pip can follow, and what is named instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.errors import ImageConflict, RequirementsError
from plimsoll.install.conda import Note, read_environment
from plimsoll.install.lines import Line

AZURE = """\
# Conda environment specification.
name: project_environment
channels:
- anaconda
- conda-forge
dependencies:
- python=3.11
- pip:
  - azureml-defaults~=1.0
  - -r more.txt
  - joblib==1.5.0
- numpy=1.26
- conda-forge::pandas>=2.0,<3
- cudatoolkit=11.2
- scikit-learn==1.5.2=py311h1
"""


def read(folder: Path, text: str) -> list[Line | Note]:
    path = folder / "myenv.yml"
    path.write_text(text)
    return list(read_environment(path, "3.11.7"))


def test_an_environment_of_azure(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("tqdm\n")
    found = read(tmp_path, AZURE)
    lines = [(item.text, item.place.line) for item in found if isinstance(item, Line)]
    assert lines == [
        ("azureml-defaults~=1.0", 9),
        ("tqdm", 1),
        ("joblib==1.5.0", 11),
        ("numpy==1.26.*", 12),
        ("pandas<3,>=2.0", 13),
        ("scikit-learn==1.5.2", 15),
    ]
    notes = [str(item) for item in found if isinstance(item, Note)]
    assert notes == [
        f"{tmp_path}/myenv.yml, line 3: channels are ignored, everything comes from PyPI",
        f"cudatoolkit ({tmp_path}/myenv.yml, line 14): a conda-only package: CUDA comes with the GPU image",
    ]


@pytest.mark.parametrize(
    ("package", "requirement"),
    [
        ("numpy", "numpy"),
        ("numpy=1.26.4", "numpy==1.26.4.*"),
        ("numpy=1.26.*", "numpy==1.26.*"),
        ("numpy 1.26*", "numpy==1.26.*"),
        ("numpy = 1.26", "numpy==1.26.*"),
        ("numpy==1.26.4", "numpy==1.26.4"),
        ("numpy=*", "numpy"),
        ("numpy=1.26.4=py311_0", "numpy==1.26.4.*"),
        ("numpy>=1.20", "numpy>=1.20"),
        ("numpy!=1.25", "numpy!=1.25"),
        ("numpy~=1.25", "numpy~=1.25"),
        ("pytorch=2.5", "torch==2.5.*"),
        ("NumPy", "numpy"),
    ],
)
def test_versions_as_conda_writes_them(tmp_path: Path, package: str, requirement: str) -> None:
    (line,) = read(tmp_path, f"dependencies:\n- {package}\n")
    assert isinstance(line, Line)
    assert line.text == requirement


@pytest.mark.parametrize(("wanted", "fits"), [("3.11", True), ("=3.11.7", True), (">=3.9", True), ("=3.8", False)])
def test_the_python_of_the_image(tmp_path: Path, wanted: str, fits: bool) -> None:
    text = f"dependencies:\n- python{wanted if wanted[0] in '=>' else '=' + wanted}\n"
    if fits:
        assert read(tmp_path, text) == []
        return
    with pytest.raises(ImageConflict) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(
        f"python=3.8 ({tmp_path}/myenv.yml, line 2): this image runs Python 3.11.7 (write"
    )
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dependencies:\n- a\n- b: [\n", "myenv.yml, line 4: not valid YAML"),
        ("", "myenv.yml: not a conda environment: it has no 'dependencies'"),
        ("- a\n- b\n", "myenv.yml: not a conda environment"),
        ("dependencies: numpy\n", "myenv.yml, line 1: dependencies must be a list"),
        ("dependencies:\n- numpy\n- conda:\n  - b\n", "myenv.yml, line 3: neither a package nor a pip section"),
        ("dependencies:\n- pip:\n  - a: b\n", "myenv.yml, line 3: not a requirement"),
        ("dependencies:\n- pip:\n  - a = b\n", "myenv.yml, line 3: 'a = b' is not a valid requirement"),
        ("dependencies:\n- numpy=1.2|1.3\n", "myenv.yml, line 2: the version in 'numpy=1.2|1.3' is not understood"),
        ("dependencies:\n- numpy[build=x]\n", "myenv.yml, line 2: 'numpy[build=x]' is not understood"),
        ("dependancies:\n- numpy\ndependencies: []\n", "myenv.yml, line 1: 'dependancies' is not known"),
    ],
)
def test_what_cannot_be_understood_is_named_by_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RequirementsError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2
