"""COCO's mean average precision, by pycocotools. Importing it needs torch."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

from torch import Tensor


def average_precision(found: Sequence[Tensor], targets: Sequence[Tensor], classes: int) -> float:
    """The mean over classes and overlaps (0.50, 0.55 … 0.95), 0..1; 0 if no image has a box.

    found: of each image, rows of class (0: none), left, top, right, bottom, score; the best 100 count. targets: of
    each image, rows of class (0: none), left, top, right, bottom, crowd.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO()
    truth.dataset = {
        "images": [{"id": number} for number in range(len(targets))],
        "categories": [{"id": number} for number in range(1, classes + 1)],
        "annotations": [
            box | {"id": identity, "iscrowd": int(row[5])} for identity, (row, box) in enumerate(_boxes(targets), 1)
        ],
    }
    answers = [box | {"score": row[5]} for row, box in _boxes(found)]
    if not answers or not truth.dataset["annotations"]:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(answers), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return max(0.0, float(evaluation.stats[0]))


def _boxes(images: Sequence[Tensor]) -> list[tuple[list[float], dict[str, Any]]]:
    """Each row that is a box, and what COCO says of it."""
    boxes = []
    for number, rows in enumerate(images):
        for row in rows.tolist():
            if row[0] > 0:
                left, top, right, bottom = row[1:5]
                width, height = right - left, bottom - top
                box = {"image_id": number, "category_id": int(row[0]), "bbox": [left, top, width, height]}
                boxes.append((row, box | {"area": width * height}))
    return boxes
