"""Track `cifar10`.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009,
https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

from measurement.tracks.cifar import Cifar

_DATA = Cifar(
    torchvision_class="CIFAR10",
    folder="cifar-10-batches-py",
    files=(*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"),
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
)

CIFAR10 = _DATA.track(slug="cifar10", title="CIFAR-10", classes=10, kinds="ten kinds of things", baseline=0.4)
