"""TIFF with 16 bits a sample (TIFF 6.0), which Pillow reads but does not write in colour."""

from __future__ import annotations

import io
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from cnntasks_style.metadata import Metadata

_DEFLATE = 8  # Adobe's number for zlib
_HORIZONTAL = 2  # differences to the pixel on the left, which compress better
_RGB = 2
_UNASSOCIATED = 2  # opacity that the colours are not multiplied by
_BITS = 16


def encode_tiff(
    values: NDArray[np.float32], alpha: NDArray[np.uint8] | None, metadata: Metadata
) -> bytes:
    """A TIFF file with 16 bits a sample, compressed without loss.

    Args:
        values: H×W×3 in [0, 1].
        alpha: H×W, the opacity; becomes a fourth sample.
        metadata: EXIF, XMP and profile.
    """
    samples = np.rint(np.clip(values.astype(np.float64), 0, 1) * 65535).astype(np.uint16)
    if alpha is not None:
        samples = np.dstack([samples, alpha.astype(np.uint16) * 257])
    height, width, channels = samples.shape
    differences = samples.copy()
    differences[:, 1:] -= samples[:, :-1]  # modulo 2^16, as readers add them
    strip = zlib.compress(differences.astype("<u2").tobytes(), 6)

    tags = ImageFileDirectory_v2()
    _add_exif(tags, metadata.exif)
    tags[ExifTags.Base.ImageWidth] = width
    tags[ExifTags.Base.ImageLength] = height
    tags[ExifTags.Base.BitsPerSample] = (_BITS,) * channels
    tags[ExifTags.Base.Compression] = _DEFLATE
    tags[ExifTags.Base.PhotometricInterpretation] = _RGB
    tags[ExifTags.Base.StripOffsets] = 0  # from the end of the directory; Pillow adds that
    tags[ExifTags.Base.SamplesPerPixel] = channels
    tags[ExifTags.Base.RowsPerStrip] = height
    tags[ExifTags.Base.StripByteCounts] = len(strip)
    tags[ExifTags.Base.PlanarConfiguration] = 1
    tags[ExifTags.Base.Predictor] = _HORIZONTAL
    if alpha is not None:
        tags[ExifTags.Base.ExtraSamples] = _UNASSOCIATED
    if metadata.xmp:
        tags.tagtype[ExifTags.Base.XMLPacket] = 1
        tags[ExifTags.Base.XMLPacket] = metadata.xmp
    if metadata.profile:
        tags.tagtype[ExifTags.Base.InterColorProfile] = 7
        tags[ExifTags.Base.InterColorProfile] = metadata.profile
    file = io.BytesIO()
    tags.save(file)
    return file.getvalue() + strip


def _add_exif(tags: ImageFileDirectory_v2, block: bytes) -> None:
    exif = Image.Exif()
    if block:
        exif.load(block)
    for tag, value in exif.items():
        if tag not in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            tags[tag] = value
    for directory in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        values = exif.get_ifd(directory)
        if values:
            tags[directory] = dict(values)
