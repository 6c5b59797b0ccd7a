"""Files that people write for a command: read as text, and only as far as one of their kind may go."""

from pathlib import Path

from hub.errors import Malformed


def read_file(file: Path, code: str, longest: int) -> str:
    """Give what a file says.

    Raises: Malformed with that code when there is none, it is no UTF-8, or it has more than `longest` characters.
    """
    try:
        with file.open(encoding="utf-8-sig") as stream:  # Excel and Windows put a mark before the first character
            written = stream.read(longest + 1)
    except UnicodeDecodeError as error:
        zh = f"{file} 不是 UTF-8 编码：请另存为 UTF-8（Excel 中选“CSV UTF-8（逗号分隔）”）"
        raise Malformed(f"{file} is no UTF-8: save it as UTF-8 (in Excel: CSV UTF-8)", zh=zh, code=code) from error
    except OSError as error:
        name = type(error).__name__
        raise Malformed(f"{file} cannot be read: {name}", zh=f"{file} 无法读取：{name}", code=code) from error
    if len(written) > longest:
        zh = f"{file} 过长：最多 {longest} 个字符"
        raise Malformed(f"{file} is too long: at most {longest} characters", zh=zh, code=code)
    return written
