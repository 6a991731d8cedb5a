"""Track `cifar100`.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009,
https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

from measurement.tracks.base import Track
from measurement.tracks.cifar import PREPROCESSING, RESOLUTION, Cifar

_DATA = Cifar(
    torchvision_class="CIFAR100",
    folder="cifar-100-python",
    files=("train", "test", "meta"),
    mean=(0.5071, 0.4865, 0.4409),
    std=(0.2673, 0.2564, 0.2762),
)

CIFAR100 = Track(
    slug="cifar100",
    title="CIFAR-100",
    dataset="CIFAR-100, 60,000 images of 32 x 32 pixels in 100 classes",
    source="https://www.cs.toronto.edu/~kriz/cifar.html",
    protocol_version=1,
    metric="top1",
    metric_label="Top-1 accuracy",
    classes=100,
    channels=3,
    native_resolution=RESOLUTION,
    min_resolution=16,
    max_resolution=256,
    train_images=50_000,
    test_images=10_000,
    preprocessing=PREPROCESSING,
    description="Small photographs of a hundred kinds of things; the published split, 50,000 images to train on and "
    "10,000 to test on.",
    load_train=_DATA.load_train,
    load_test=_DATA.load_test,
    lacks=_DATA.lacks,
)
