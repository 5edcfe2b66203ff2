# Untyped for pyright: the stubs that it brings for TensorFlow are for an older release and reject valid code.
from typing import Any

def __getattr__(name: str) -> Any: ...
