"""Track `cifar10`.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009,
https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

from measurement.tracks.base import Track
from measurement.tracks.cifar import PREPROCESSING, RESOLUTION, Cifar

_DATA = Cifar(
    torchvision_class="CIFAR10",
    folder="cifar-10-batches-py",
    files=(*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"),
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
)

CIFAR10 = Track(
    slug="cifar10",
    title="CIFAR-10",
    dataset="CIFAR-10, 60,000 images of 32 x 32 pixels in 10 classes",
    source="https://www.cs.toronto.edu/~kriz/cifar.html",
    protocol_version=1,
    metric="top1",
    metric_label="Top-1 accuracy",
    classes=10,
    channels=3,
    native_resolution=RESOLUTION,
    min_resolution=16,
    max_resolution=256,
    train_images=50_000,
    test_images=10_000,
    preprocessing=PREPROCESSING,
    description="Small photographs of ten kinds of things; the published split, 50,000 images to train on and 10,000 "
    "to test on.",
    load_train=_DATA.load_train,
    load_test=_DATA.load_test,
    lacks=_DATA.lacks,
)
