"""Files of a hub: `hf://owner/name@revision/file`, at a commit, so that the content is fixed."""

from __future__ import annotations

from dataclasses import dataclass

_NAME = r"[A-Za-z0-9_-][A-Za-z0-9_.-]*"
_BEFORE = rf"^hf://{_NAME}/{_NAME}@[0-9a-f]{{40}}/({_NAME}/)*{_NAME}"
WEIGHTS_PATTERN = rf"{_BEFORE}\.safetensors$"
MODEL_PATTERN = rf"{_BEFORE}\.onnx$"
MOST_OF_REFERENCE = 300


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository at a commit."""

    repository: str
    revision: str
    path: str

    @classmethod
    def of(cls, reference: str) -> HubFile:
        """From a reference that has one of the patterns."""
        repository, _, rest = reference.removeprefix("hf://").partition("@")
        revision, _, path = rest.partition("/")
        return cls(repository, revision, path)
