"""What a picture file says besides its pixels: EXIF, XMP, colour profile; what a copy may keep."""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass

from PIL import ExifTags, Image

_ORIENTATION = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)[2-8]")
#: Tags that describe the picture. The rest of the main directory describes the old file: sizes,
#: strips, compression, orientation; the thumbnail, in a directory of its own, shows the old
#: pixels.
_KEPT = (
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.Software,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.HostComputer,
    ExifTags.Base.Rating,
    ExifTags.Base.Copyright,
    ExifTags.Base.XPTitle,
    ExifTags.Base.XPComment,
    ExifTags.Base.XPAuthor,
    ExifTags.Base.XPKeywords,
    ExifTags.Base.XPSubject,
)
_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
#: Maker notes hold offsets into the old file; the sizes are the old picture's.
_DROPPED = (
    ExifTags.Base.MakerNote,
    ExifTags.Base.ExifImageWidth,
    ExifTags.Base.ExifImageHeight,
    ExifTags.Base.ExifInteroperabilityOffset,
)
#: Bytes 24 to 35 of an ICC profile, when it was made, in six numbers: else equal runs would write
#: unequal files.
_CREATED = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
#: What one segment of a JPEG file holds.
SEGMENT = 65_000


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a copy of a picture keeps.

    Attributes:
        exif: an EXIF block without orientation, sizes, thumbnail and maker note; may be empty.
        xmp: an XMP packet with the orientation "upright"; may be empty.
        profile: the ICC profile to write: that of sRGB, where the file had any; else empty.
    """

    exif: bytes = b""
    xmp: bytes = b""
    profile: bytes = b""


def read_metadata(image: Image.Image) -> Metadata:
    """The metadata of an open picture; what is broken in them is left out."""
    try:
        exif = _exif(image)
    except Exception:  # broken EXIF data, of which there are many kinds, are not worth a picture
        exif = b""
    xmp = image.info.get("xmp", b"")
    if not isinstance(xmp, bytes):
        xmp = b""
    profile = srgb_profile() if image.info.get("icc_profile") else b""
    return Metadata(exif, _ORIENTATION.sub(rb"\g<1>1", xmp), profile)


def to_srgb(image: Image.Image) -> Image.Image:
    """The picture in sRGB, by its ICC profile; as it is without one, or with a broken one."""
    profile = image.info.get("icc_profile")
    if not profile:
        return image
    from PIL import ImageCms

    if image.mode == "P":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(image, source, target, outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError):  # broken, or not for pictures of this mode
        return image
    return converted if converted is not None else image


def srgb_profile() -> bytes:
    """The ICC profile of sRGB (IEC 61966-2-1), the same bytes at any time."""
    from PIL import ImageCms

    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return made[:24] + _CREATED + made[36:]


def _exif(image: Image.Image) -> bytes:
    found = image.getexif()
    kept = Image.Exif()
    for tag in _KEPT:
        if tag in found:
            kept[tag] = found[tag]
    for directory in _DIRECTORIES:
        values = {tag: it for tag, it in found.get_ifd(directory).items() if tag not in _DROPPED}
        if values:
            kept[directory] = values
    block = kept.tobytes() if len(kept) else b""
    return block if len(block) <= SEGMENT else b""
