"""Secrets of this machine: each in a variable, or in a file of its name that nothing else reads."""

import os
from pathlib import Path

from hub.errors import NeedsOperator


def read_secret(name: str, folder: Path | None) -> bytes:
    """Read a secret from OMS_SECRET_<NAME> or from the file of that name in the secrets folder.

    Raises: NeedsOperator when neither is there or both are empty, saying where it was looked for, or when the file
    cannot be read.
    """
    variable = f"OMS_SECRET_{name.upper().replace('-', '_')}"
    if found := os.environ.get(variable, "").encode().strip():
        return found
    path = folder / name if folder else None
    try:
        found = path.read_bytes().strip() if path and path.is_file() else b""
    except OSError as error:
        told, zh = f"the secret {path} cannot be read: {error.strerror}", f"密钥文件 {path} 无法读取：{error.strerror}"
        raise NeedsOperator(told, code="secret_missing", zh=zh) from error
    if found:
        return found
    place = folder or "OMS_SECRETS_FOLDER"
    raise NeedsOperator(
        f"the secret {name} is missing: set {variable} or a file {name} in {place}",
        code="secret_missing",
        zh=f"缺少密钥 {name}：请设置 {variable}，或在 {place} 中放入文件 {name}",
    )
