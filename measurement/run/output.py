"""The folder that a run writes: recipe.json, and after success the trace, the weights and, last, record.json."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measurement.errors import BadInput, BadOption
from measurement.recipe import Recipe

RECORD, TRACE, WEIGHTS, RECIPE = "record.json", "trace.parquet", "model.safetensors", "recipe.json"


class OutputFolder:
    """Raises BadOption if the folder can't be made, or if it holds a record already and `force` is not given."""

    def __init__(self, path: Path, *, force: bool = False) -> None:
        self.path = path
        if path.exists() and not path.is_dir():
            raise BadOption(f"{path} is not a folder", field="--out")
        if (path / RECORD).exists() and not force:
            raise BadInput(
                f"{path} holds a {RECORD} already; choose another folder, or use --force to replace it", field="--out"
            )

    def open(self, recipe: Recipe) -> None:
        """Make the folder, remove an earlier run's results and write the recipe."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for name in (RECORD, TRACE, WEIGHTS):
                (self.path / name).unlink(missing_ok=True)
            (self.path / RECIPE).write_text(recipe.text(), "utf-8")
        except OSError as error:
            raise BadOption(f"can't write {self.path}: {error.strerror}", field="--out") from None

    @contextmanager
    def staged(self) -> Iterator[Path]:
        """A folder to write results in; they appear in the output folder together, the record last."""
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=self.path) as name:
            staging = Path(name)
            yield staging
            for result in (TRACE, WEIGHTS, RECORD):
                if result != WEIGHTS or (staging / result).exists():  # a model that was brought is not written again
                    (staging / result).replace(self.path / result)
