"""Addresses that fsspec reads, as inputs of every verb: the plugin's registration."""

from __future__ import annotations

import cnntasks

CNNTASKS_API = 1

#: Of the file systems that fsspec knows, those that pictures and texts lie on. `http`, `https` and
#: `file` are the core's own.
SCHEMES = (
    *("abfs", "abfss", "adl", "az", "dbfs", "ftp", "gcs", "gs", "hdfs", "hf", "memory", "oci"),
    *("oss", "s3", "s3a", "sftp", "smb", "ssh", "webdav", "webhdfs"),
)


@cnntasks.hookimpl
def register_sources() -> dict[str, str]:
    """`s3://bucket/picture.jpg` and its relatives; fsspec is imported when one is read."""
    return dict.fromkeys(SCHEMES, "cnntasks_fsspec.sources:expand")
