"""A stream as it was read back from the text, and the questions that checks ask of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pod:
    """`where` names the object that makes such pods; of a patch to one, `whole` is False: the cluster has the rest."""

    where: str
    labels: Content
    spec: Content
    whole: bool

    @property
    def containers(self) -> Sequence[Content]:
        found: Sequence[Content] = self.spec.get("containers", [])
        return found

    @property
    def port_names(self) -> set[str]:
        return {port["name"] for one in self.containers for port in one.get("ports", []) if "name" in port}


@dataclass(frozen=True, slots=True)
class Stream:
    contents: Sequence[Content]

    def of(self, kind: str) -> Iterator[Content]:
        return (content for content in self.contents if content.get("kind") == kind)

    def find(self, kind: str, name: str) -> Content | None:
        return next((content for content in self.of(kind) if name_of(content) == name), None)

    def pods(self) -> Iterator[Pod]:
        """Of all objects that have a template for them."""
        for content in self.contents:
            spec = content.get("spec", {})
            template = spec.get("template")
            if isinstance(template, Mapping) and "spec" in template:
                whole = content.get("kind") != "Deployment" or "selector" in spec
                yield Pod(place(content), template.get("metadata", {}).get("labels", {}), template["spec"], whole)


def parts(content: Any) -> Iterator[Content]:
    """Every mapping in it, however deep, the outermost first."""
    if isinstance(content, Mapping):
        yield content
        for value in content.values():
            yield from parts(value)
    elif isinstance(content, list):
        for value in content:
            yield from parts(value)


def name_of(content: Content) -> str:
    return str(content.get("metadata", {}).get("name", ""))


def place(content: Content) -> str:
    """`Deployment digits`, for a sentence."""
    return f"{content.get('kind', 'a document')} {name_of(content)}".strip()


def matches(selector: Content, labels: Content) -> bool:
    """An empty selector would select everything, which is never meant here."""
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())
