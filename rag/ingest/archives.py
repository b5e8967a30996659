"""Looks into a zip container before anything is inflated from it."""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from rag.errors import DocumentRejected

MAX_UNPACKED = 500 * 2**20
MAX_XML = 100 * 2**20
"""The parts a parser builds a tree from; a tree takes several times as much memory."""
MAX_RATIO = 100
RATIO_APPLIES_ABOVE = 20 * 2**20
"""Small files of long runs compress beyond any ratio and harm nobody."""
MAX_MEMBERS = 20_000
MAX_NESTING = 3
UNSAFE_NAME = re.compile(r"(^|[\\/])\.\.([\\/]|$)|^[\\/]|^[A-Za-z]:|[\x00-\x1f]")
ARCHIVE_SUFFIXES = (".zip", ".jar", ".docx", ".xlsx", ".pptx", ".odt", ".epub")
TYPE_BY_FOLDER = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
MIMETYPES = {
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
    "application/epub+zip",
}
END_OF_DIRECTORY = b"PK\x05\x06"


@dataclass(frozen=True)
class Container:
    """What a zip holds: the document type it is, the members that may be read, and warnings."""

    media_type: str
    data: bytes
    warnings: tuple[str, ...]


def inspect(data: bytes, name: str) -> Container:
    """Check a zip as a whole, and drop its unsafe members. Raises DocumentRejected.

    Members are inflated once, as a stream, to prove sizes and checksums: the declared ones lie.
    """
    if _declared_members(data) > MAX_MEMBERS:
        raise _rejected("member_count", name, f"has more than {MAX_MEMBERS:,} members")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise _rejected("member_count", name, f"has more than {MAX_MEMBERS:,} members")
            _check_overlap(members, name)
            _check_sizes(members, len(data), name)
            kept, dropped = _safe(members)
            _check_nesting(archive, kept, name)
            _prove(archive, kept, name)
            media_type = _media_type(archive, kept)
            warnings = _content_warnings(kept, media_type)
            if dropped:
                shown = ", ".join(repr(member.filename)[:60] for member in dropped[:3])
                warnings.append(f"unsafe_members: {len(dropped)} left out ({shown})")
                data = _without(archive, kept)
    # NotImplementedError is how zipfile names a compression or version that it does not know.
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise _rejected("corrupt", name, f"is a damaged archive ({error})") from error
    except RuntimeError as error:
        raise _rejected("encrypted", name, "is encrypted") from error
    return Container(media_type, data, tuple(warnings))


def _declared_members(data: bytes) -> int:
    """Members by the end record, read before a directory of a million entries is built."""
    at = data.rfind(END_OF_DIRECTORY, max(0, len(data) - 65_557))
    if at < 0 or at + 12 > len(data):
        return 0
    count = struct.unpack_from("<H", data, at + 10)[0]
    if count == 0xFFFF and data[at - 20 : at - 16] == b"PK\x06\x07":
        record = struct.unpack_from("<Q", data, at - 12)[0]
        if data[record : record + 4] == b"PK\x06\x06" and record + 40 <= len(data):
            return struct.unpack_from("<Q", data, record + 32)[0]
    directory_bytes = struct.unpack_from("<I", data, at + 12)[0] if at + 16 <= len(data) else 0
    return max(count, directory_bytes // 300)


def _check_overlap(members: list[zipfile.ZipInfo], name: str) -> None:
    end = 0
    for member in sorted(members, key=lambda m: m.header_offset):
        if member.header_offset < end:
            raise _rejected("corrupt", name, "has overlapping members")
        coding = "utf-8" if member.flag_bits & 0x800 else "cp437"
        named = len(member.orig_filename.encode(coding, errors="replace"))
        end = member.header_offset + 30 + named + member.compress_size


def _check_sizes(members: list[zipfile.ZipInfo], packed: int, name: str) -> None:
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED:
        raise _rejected("resource_limit", name, f"unpacks to {unpacked // 2**20:,} MB")
    if unpacked > RATIO_APPLIES_ABOVE and unpacked > MAX_RATIO * packed:
        raise _rejected("resource_limit", name, f"unpacks to {unpacked // max(packed, 1):,} times")
    for member in members:
        if _is_xml(member) and member.file_size > MAX_XML:
            raise _rejected(
                "resource_limit", name, f"has a part of {member.file_size // 2**20:,} MB"
            )


def _safe(
    members: list[zipfile.ZipInfo],
) -> tuple[list[zipfile.ZipInfo], list[zipfile.ZipInfo]]:
    """Members that stay inside the archive, each name once (the last one, as readers take it)."""
    last = {member.filename: member for member in members}
    kept: list[zipfile.ZipInfo] = []
    dropped: list[zipfile.ZipInfo] = []
    for member in members:
        link = stat.S_ISLNK(member.external_attr >> 16)
        good = not link and not UNSAFE_NAME.search(member.orig_filename)
        (kept if good and last[member.filename] is member else dropped).append(member)
    return kept, dropped


def _check_nesting(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], name: str) -> None:
    """Archives within archives, followed only as deep as the limit and only where small."""
    for depth in _depths(archive, members, 1):
        if depth > MAX_NESTING:
            raise _rejected("nesting", name, f"holds archives more than {MAX_NESTING} deep")


def _depths(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], depth: int) -> Iterator[int]:
    yield depth
    if depth > MAX_NESTING:
        return
    for member in members:
        if not member.filename.lower().endswith(ARCHIVE_SUFFIXES):
            continue
        inner = archive.read(member) if member.file_size <= RATIO_APPLIES_ABOVE else b""
        if inner[:4] == b"PK\x03\x04" and _declared_members(inner) <= MAX_MEMBERS:
            with zipfile.ZipFile(io.BytesIO(inner)) as nested:
                small = [m for m in nested.infolist() if m.file_size <= RATIO_APPLIES_ABOVE]
                yield from _depths(nested, small, depth + 1)


def _prove(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], name: str) -> None:
    """Inflate each member as a stream: zipfile raises on a wrong size or checksum."""
    total = 0
    for member in members:
        with archive.open(member) as stream:
            while piece := stream.read(2**20):
                total += len(piece)
                if total > MAX_UNPACKED:
                    raise _rejected("resource_limit", name, "unpacks to more than it declares")


def _media_type(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> str:
    names = [member.filename for member in members]
    if "mimetype" in names:
        declared = archive.read("mimetype")[:100].decode("ascii", errors="replace").strip()
        if declared in MIMETYPES:
            return declared
    if "[Content_Types].xml" in names:
        for folder, media_type in TYPE_BY_FOLDER.items():
            if any(name.startswith(folder) for name in names):
                return media_type
    return "application/zip"


def _content_warnings(members: list[zipfile.ZipInfo], media_type: str) -> list[str]:
    if media_type == "application/zip":
        return []
    names = [member.filename.lower() for member in members]
    warnings: list[str] = []
    if any(name.endswith(("vbaproject.bin", "/scripts/", ".xba")) for name in names):
        warnings.append("macros: present, never run")
    if embedded := [name for name in names if "/embeddings/" in name and not name.endswith("/")]:
        warnings.append(f"embedded_files: {len(embedded)} not opened")
    return warnings


def _without(archive: zipfile.ZipFile, kept: list[zipfile.ZipInfo]) -> bytes:
    """The same archive with only the members kept, so that no parser meets the others."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as clean:
        for member in kept:
            clean.writestr(member.filename, archive.read(member))
    return target.getvalue()


def _is_xml(member: zipfile.ZipInfo) -> bool:
    return member.filename.lower().endswith((".xml", ".rels", ".xhtml", ".html", ".opf"))


def _rejected(reason: str, name: str, what: str) -> DocumentRejected:
    hints = {
        "corrupt": "Save the document anew and retry.",
        "encrypted": "Remove the password and retry.",
    }
    hint = hints.get(reason, "Unpack it and add the documents inside.")
    return DocumentRejected(reason, f"'{name}' {what}.", hint=hint)
