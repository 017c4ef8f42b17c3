"""What a file is that libsndfile does not read, by its first bytes: for messages."""

from __future__ import annotations

_VIDEO = "is a video ({kind}); take the sound out of it first: ffmpeg -i VIDEO -vn sound.wav"
_OTHER = "is {kind}, which is not read; convert it first: ffmpeg -i FILE sound.wav"
_NOT_AUDIO = "is {kind}, not audio; give a recording (wav, flac, ogg, mp3, ...)"
_DAMAGED = "its header is cut off or damaged ({reason}); get a whole copy, or record it again"

#: Brands of the ISO base media file format without pictures.
_SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ")
#: First bytes of formats that libsndfile reads: where it failed all the same, they are damaged.
_READABLE = (
    b"RIFF", b"RIFX", b"RF64", b"riff", b"fLaC", b"OggS", b"FORM", b".snd", b"caff", b"ID3",
    b"NIST_1A", b"Creative Voice",
)  # fmt: skip


def what_it_is(head: bytes, reason: str) -> str:
    """What is wrong with a file and what to do, after its name and a colon.

    Args:
        head: its first bytes.
        reason: what libsndfile says.
    """
    if video := _video(head):
        return _VIDEO.format(kind=video)
    if sound := _other_sound(head):
        return _OTHER.format(kind=sound)
    if kind := _no_sound(head):
        return _NOT_AUDIO.format(kind=kind)
    if head.startswith(_READABLE) or _mpeg_frame(head):
        return _DAMAGED.format(reason=reason)
    return "is not audio that can be read; give a recording (wav, flac, ogg, mp3, ...)"


def _video(head: bytes) -> str:
    brand = head[8:12]
    if head[4:8] == b"ftyp" and brand not in _SOUND_BRANDS:
        return "QuickTime" if brand == b"qt  " else "MP4"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "WebM or Matroska"
    if head.startswith(b"RIFF") and brand == b"AVI ":
        return "AVI"
    if head.startswith((b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")):
        return "MPEG"
    if head.startswith(b"FLV"):
        return "Flash"
    if head.startswith(b"OggS") and b"theora" in head[:256]:
        return "Ogg Theora"
    if head.startswith(b"G") and head[188:189] == b"G" and head[376:377] == b"G":
        return "MPEG transport stream"
    return ""


def _other_sound(head: bytes) -> str:
    if head[4:8] == b"ftyp":
        return "MPEG-4 audio (AAC or ALAC)"
    if head.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"):
        return "Windows Media"
    if head.startswith(b"#!AMR"):
        return "AMR"
    if head[:2] in (b"\xff\xf1", b"\xff\xf9"):
        return "AAC"
    return ""


def _no_sound(head: bytes) -> str:
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8")) or head[8:12] == b"WEBP":
        return "a picture"
    if head.startswith(b"%PDF"):
        return "a PDF document"
    if head.startswith((b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf")):
        return "an archive"
    printable = sum(byte >= 32 or byte in b"\t\n\r" for byte in head)
    if head and b"\0" not in head and printable == len(head) and not head.startswith(_READABLE):
        return "a text"
    return ""


def _mpeg_frame(head: bytes) -> bool:
    """Whether the file begins as MPEG audio without tags does."""
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
