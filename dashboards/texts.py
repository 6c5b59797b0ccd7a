"""The texts of the pages: msgids are English, the catalogue gives their Chinese, compiled in memory at the start."""

import gettext
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final, Literal

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

Language = Literal["zh", "en"]
CATALOGUE: Final = Path(__file__).parent / "locale" / "zh" / "LC_MESSAGES" / "console.po"


def read_catalogue(path: Path = CATALOGUE) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale="zh", domain="console")


@cache
def translations(language: Language) -> gettext.NullTranslations:
    """Give the translations into a language; English needs none."""
    if language == "en":
        return gettext.NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, read_catalogue())
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def translate(language: Language, msgid: str) -> str:
    return translations(language).gettext(msgid)


def N_(msgid: str) -> str:  # noqa: N802 # gettext's own word for a text that is translated later
    """Mark a text for the catalogue where it is declared; it is translated where it is shown."""
    return msgid
