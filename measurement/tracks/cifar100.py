"""Track `cifar100`.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009,
https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

from measurement.tracks.cifar import Cifar

_DATA = Cifar(
    torchvision_class="CIFAR100",
    folder="cifar-100-python",
    files=("train", "test", "meta"),
    mean=(0.5071, 0.4865, 0.4409),
    std=(0.2673, 0.2564, 0.2762),
)

CIFAR100 = _DATA.track(
    slug="cifar100", title="CIFAR-100", classes=100, kinds="a hundred kinds of things", baseline=0.15
)
