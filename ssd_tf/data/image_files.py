# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Image files -> upright RGB pixels, by Pillow, whatever kind of image they are. Imports no TensorFlow.

Of JPEG, PNG, GIF and BMP the pixels are those that `images.decode` gives in TensorFlow's graphs. Images are upright, as
viewers show them.
"""

import contextlib
import io
import pathlib
from collections.abc import Iterator
from typing import IO, NamedTuple

import numpy as np
import PIL.ExifTags
import PIL.Image

from ssd_tf.data.kinds import EXPECTED, HEAD_BYTES, IMAGE_SUFFIXES, head_of, image_kind
from ssd_tf.utils.errors import UserError, first_line
from ssd_tf.utils.imports import import_extra
from ssd_tf.utils.text import is_text, printable

# What turns a stored image upright, by its orientation: from TRANSPOSED on its axes are exchanged; then its rows and
# columns are reversed.
TRANSPOSED, UPSIDE_DOWN, MIRRORED = 5, (3, 4, 7, 8), (2, 3, 6, 7)
_TURNS = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
# Tags of TIFF: which image this is, how it is compressed, and what only cameras' raw files (DNG) have.
_SUBFILE, _COMPRESSION, _DNG_VERSION = 254, 259, 50706
_THUMBNAIL = 1
_JPEG_COMPRESSIONS = (6, 7)
# Of these Pillow makes no RGB, or a wrong one.
_OTHER_MODES = ("I", "F", "LAB", "HSV")


class Upright(NamedTuple):
    """The image of a file: uint8 RGB [H, W, 3]; what the file is, of kinds.py; the EXIF orientation by which the image
    was turned, 1 where it was not; and whether the file has it without loss."""

    pixels: np.ndarray
    kind: str
    orientation: int
    is_lossless: bool


def read_image(path: pathlib.Path) -> np.ndarray:
    """uint8 RGB [H, W, 3] of a file, upright.

    Raises:
      ValueError: it cannot be read, is no image, or its name is no UTF-8; the message names the file.
    """
    if not is_text(str(path)):
        raise UserError(f"{printable(str(path))}: expected a name in UTF-8")
    try:
        return decode_file(path.read_bytes()).pixels
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except UserError as error:
        raise UserError(f"{path}: not readable as an image ({error})") from error


def decode_file(encoded: bytes) -> Upright:
    """The image of a file, of several the first; 16 bits become 8, and what is transparent loses that.

    Raises:
      ValueError: it is no image, is damaged, has too many pixels or pixels of another kind, is the raw file of a
        camera, or its decoder is not installed.
    """
    kind = image_kind(encoded)
    if not kind:
        raise UserError(f"expected a {EXPECTED} file")
    try:
        with open_image(io.BytesIO(encoded)) as image:
            if _is_camera_raw(image):
                raise UserError("the raw file of a camera, of which only a thumbnail could be read")
            # Before it is loaded: of a TIFF Pillow then takes it away, since it has turned the image.
            orientation = exif_orientation(image)
            is_lossless = _is_lossless(image, encoded, kind)
            if image.mode in _OTHER_MODES:
                raise UserError(
                    f"expected grey or RGB of 8 or 16 bits. Received: pixels that Pillow calls {image.mode}"
                )
            if orientation in _TURNS and image.format != "TIFF":
                image = image.transpose(_TURNS[orientation])
            return Upright(rgb(image), kind, orientation, is_lossless)
    except UserError:
        raise
    except PIL.UnidentifiedImageError as error:
        raise UserError(f"{kind} that is damaged, or that Pillow {PIL.__version__} cannot decode") from error
    except Exception as error:  # what decoders raise of files that are damaged is not agreed on
        raise UserError(f"{kind}: {first_line(error)}") from error


def orientation_of(encoded: bytes) -> int:
    """`exif_orientation` of a file; 1 of what is no image.

    Raises:
      ValueError: it has more pixels than `decode_file` takes.
    """
    try:
        with open_image(io.BytesIO(encoded)) as image:
            return exif_orientation(image)
    except PIL.Image.DecompressionBombError as error:
        raise UserError(first_line(error)) from error
    except (OSError, ValueError):
        return 1


def file_size(file: pathlib.Path | IO[bytes]) -> tuple[int, int] | None:
    """Height and width in pixels of the upright image, from its header; None where it is no image."""
    try:
        with open_image(file) as image:
            height, width = image.height, image.width
            # The size of a TIFF is that of the upright image already.
            is_transposed = image.format != "TIFF" and exif_orientation(image) >= TRANSPOSED
    except (OSError, ValueError, PIL.Image.DecompressionBombError):
        return None
    return (width, height) if is_transposed else (height, width)


def is_image(path: pathlib.Path) -> bool:
    """Whether a file is an image: by its content, or else by its name, so that damaged ones are reported.

    The raw files of cameras are none, most of which are TIFF.
    """
    kind = image_kind(head_of(path))
    if kind == "TIFF":
        with contextlib.suppress(Exception), open_image(path) as image:
            return not _is_camera_raw(image)
    return bool(kind) or path.suffix.lower() in IMAGE_SUFFIXES


@contextlib.contextmanager
def open_image(file: pathlib.Path | IO[bytes]) -> Iterator[PIL.Image.Image]:
    """The image of a file that Pillow has looked at, and not decoded yet.

    Raises:
      ValueError: it is HEIC, and its decoder is not installed.
      And all that Pillow raises.
    """
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(file.open("rb")) if isinstance(file, pathlib.Path) else file
        opened.seek(0)
        if image_kind(opened.read(HEAD_BYTES)) == "HEIC":
            import_extra("pillow_heif").register_heif_opener()
        opened.seek(0)
        yield stack.enter_context(PIL.Image.open(opened))


def exif_orientation(image: PIL.Image.Image) -> int:
    """1 to 8; 1 where the image does not say it, or says nonsense."""
    if image.format == "TIFF":
        exif = image.getexif()
    else:  # not getexif, which looks into XMP too, as viewers do not
        exif = PIL.Image.Exif()
        with contextlib.suppress(Exception):  # what it raises of damaged ones is not agreed on
            exif.load(image.info.get("exif", b""))
    orientation = exif.get(PIL.ExifTags.Base.Orientation, 1)
    return orientation if orientation in range(1, 9) else 1


def rgb(image: PIL.Image.Image) -> np.ndarray:
    """uint8 RGB [H, W, 3]."""
    image.load()  # NumPy would swallow some of what its decoder raises
    if image.mode.startswith("I"):  # 16 bits of grey, of which PIL would cut off what is above 255
        image = PIL.Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))  # convert copies RGB, too


def _is_camera_raw(image: PIL.Image.Image) -> bool:
    """Whether a TIFF begins with a thumbnail or is a DNG."""
    tags = getattr(image, "tag_v2", {})
    return _DNG_VERSION in tags or tags.get(_SUBFILE) == _THUMBNAIL


def _is_lossless(image: PIL.Image.Image, encoded: bytes, kind: str) -> bool:
    if kind == "TIFF":
        return getattr(image, "tag_v2", {}).get(_COMPRESSION) not in _JPEG_COMPRESSIONS
    return kind in ("PNG", "GIF", "BMP", "odd BMP") or (kind == "WebP" and _is_lossless_webp(encoded))


def _is_lossless_webp(encoded: bytes) -> bool:
    """Whether its first chunk of pixels is VP8L. An animation's are inside of others, and count as lossy."""
    at = 12
    while at + 8 <= len(encoded):
        name, size = encoded[at : at + 4], int.from_bytes(encoded[at + 4 : at + 8], "little")
        if name in (b"VP8L", b"VP8 ", b"ANMF"):
            return name == b"VP8L"
        at += 8 + size + size % 2
    return False
