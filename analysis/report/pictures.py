"""Small images as inline PNG, each pixel one colour: exact, selectable as a picture, no library.

Signed values diverge from white to blue (negative) and orange (positive), told apart with any
colour vision; unsigned ones go from white to black.
"""

import base64
import struct
import zlib
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

NEGATIVE, POSITIVE = np.array([0, 114, 178]), np.array([213, 94, 0])


def pictures(exhibit: Mapping[str, Any]) -> str:
    """HTML of a `Pictures` exhibit; every image has its own scale, symmetric about zero."""
    shown = "".join(
        f'<figure class="pixels"><img alt="{escape(caption, quote=True)}" src="{uri}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, uri in zip(
            exhibit["captions"],
            (data_uri(colours(image, exhibit["signed"])) for image in exhibit["images"]),
            strict=True,
        )
    )
    return f'<h4>{escape(exhibit["title"])}</h4><div class="gallery">{shown}</div>'


def colours(image: Any, signed: bool) -> np.ndarray:
    """RGB bytes [row, column, 3]; a value that is not finite is grey."""
    values = np.array(image, dtype=float)
    finite = np.isfinite(values)
    values = np.where(finite, values, 0.0)
    size = np.abs(values).max() or 1.0
    share = (np.abs(values) if signed else values - values.min()) / (size if signed else 1.0)
    share = share / (share.max() or 1.0) if not signed else share
    end = np.where(values[..., None] < 0, NEGATIVE, POSITIVE) if signed else np.zeros(3)
    rgb = 255 + share[..., None] * (end - 255)
    return np.where(finite[..., None], rgb, 160).round().astype(np.uint8)


def data_uri(rgb: np.ndarray) -> str:
    """An RGB image as a PNG in a data URI."""
    height, width, _ = rgb.shape
    rows = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(rgb))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    png = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _chunk(kind: bytes, data: bytes) -> bytes:
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))
