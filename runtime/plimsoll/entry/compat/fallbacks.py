"""Import names of Azure ML and SageMaker that scripts use, for images that do not hold those packages.

The finder stands last in `sys.meta_path`: whatever the user installed wins, module by module, also
where a real `azureml` package is there but lacks the sub-package that a script asks for.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    Loader = object  # the real base class costs every worker 2 MB of imports, and only its methods matter

_RAW = ("rawhttp", "plimsoll.entry.http.raw")
_REQUEST = ("AMLRequest", "plimsoll.entry.http.request")
_RESPONSE = ("AMLResponse", "plimsoll.entry.http.response")
_MODEL = ("Model", "plimsoll.entry.compat.model_paths")
_ERRORS = tuple(
    (name, "plimsoll.entry.compat.model_paths")
    for name in ("AzureMLException", "ModelNotFoundException", "WebserviceException")
)
_LOGGING = tuple((name, "plimsoll.entry.compat.log_config") for name in ("AMLLogFormatter", "RootAccessFilter"))
_TOOLKIT = "plimsoll.entry.toolkit"
_CONTENT_TYPES = tuple(
    (name, f"{_TOOLKIT}.content_types") for name in ("JSON", "CSV", "OCTET_STREAM", "ANY", "NPY", "NPZ", "UTF8_TYPES")
)
_TOOLKIT_ERRORS = tuple(
    (name, f"{_TOOLKIT}.errors")
    for name in ("BaseInferenceToolkitError", "GenericInferenceToolkitError", "UnsupportedFormatError")
)
_COLLECTOR = ("Collector", "plimsoll.entry.collection.collector")
_CONTEXTS = tuple(
    (name, "plimsoll.entry.collection.contexts")
    for name in ("CorrelationContext", "BasicCorrelationContext", "get_context", "get_context_wrapper")
)
_V1_COLLECTOR = ("ModelDataCollector", "plimsoll.entry.collection.model_data_collector")

_NAMES: dict[str, tuple[tuple[str, str], ...]] = {
    "azureml": (),
    "azureml.ai": (),
    "azureml.ai.monitoring": (_COLLECTOR,),
    "azureml.ai.monitoring.collector": (_COLLECTOR,),
    "azureml.ai.monitoring.context": _CONTEXTS,
    "azureml.ai.monitoring.context.context": (*_CONTEXTS, ("WrapperContext", _CONTEXTS[0][1])),
    "azureml.contrib": (),
    "azureml.contrib.services": (_RAW, _REQUEST, _RESPONSE),
    "azureml.contrib.services.aml_request": (_RAW, _REQUEST),
    "azureml.contrib.services.aml_response": (_RESPONSE,),
    "azureml.core": (_MODEL,),
    "azureml.core.model": (_MODEL,),
    "azureml.exceptions": _ERRORS,
    "azureml.monitoring": (_V1_COLLECTOR,),
    "azureml.monitoring.modeldatacollector": (_V1_COLLECTOR,),
    "azureml_inference_server_http": (),
    "azureml_inference_server_http.api": (),
    "azureml_inference_server_http.api.aml_request": (_RAW, _REQUEST),
    "azureml_inference_server_http.api.aml_response": (_RESPONSE,),
    "azureml_inference_server_http.log_config": _LOGGING,
    "sagemaker_inference": (),
    "sagemaker_inference.content_types": _CONTENT_TYPES,
    "sagemaker_inference.decoder": (("decode", f"{_TOOLKIT}.decoder"),),
    "sagemaker_inference.encoder": (
        ("encode", f"{_TOOLKIT}.encoder"),
        ("SUPPORTED_CONTENT_TYPES", f"{_TOOLKIT}.encoder"),
    ),
    "sagemaker_inference.errors": _TOOLKIT_ERRORS,
    "sagemaker_inference.utils": (("parse_accept", f"{_TOOLKIT}.functions"),),
}


_TO_INSTALL = {
    "inference_schema": "this script uses its decorators; install it with: pip install inference-schema",
}


class FallbackFinder(Loader):
    """Finds and fills the modules of the table above, and says what to install for those it cannot stand in for."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in _TO_INSTALL:
            message = f"No module named {fullname!r}: {_TO_INSTALL[fullname]}"
            raise ModuleNotFoundError(message, name=fullname)
        if fullname not in _NAMES:
            return None
        is_package = any(name.startswith(f"{fullname}.") for name in _NAMES)
        return ModuleSpec(fullname, self, origin="plimsoll", is_package=is_package)

    def create_module(self, spec: ModuleSpec) -> None:
        """None: the import system makes an ordinary module."""

    def exec_module(self, module: ModuleType) -> None:
        for name, home in _NAMES[module.__name__]:
            setattr(module, name, getattr(import_module(home), name))


def install() -> None:
    if not any(isinstance(finder, FallbackFinder) for finder in sys.meta_path):
        sys.meta_path.append(FallbackFinder())
