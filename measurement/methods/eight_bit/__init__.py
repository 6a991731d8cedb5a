"""Networks in 8 bits, by torchao: `linear` for the linear layers on any device, `program` for whole networks on x86.

Its modules are imported only where they are used: torchao takes seconds to import, and most recipes need none of it.
"""

from __future__ import annotations

import logging

# torchao registers an enumeration in a way that newer versions of torch warn about: the reader can do nothing about
# it.
logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)
