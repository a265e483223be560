"""Words in the reader's language: English is the source, ``zh_CN.po`` the Chinese catalogue.

A catalogue is compiled from its ``.po`` when it is first asked for, so there is nothing to build.
"""

from functools import cache
from gettext import NullTranslations
from importlib.resources import files
from io import BytesIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LANGUAGES = {"zh": "zh-CN", "en": "en"}
"""Our short names, and how a page says them (BCP 47)."""
CATALOGUES = {"zh": "zh_CN.po", "en": "en.po"}


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of ``zh`` or ``en``."""
    source = files("usance.web.i18n").joinpath(CATALOGUES[language]).read_bytes()
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(source), locale=CATALOGUES[language].removesuffix(".po")))
    compiled.seek(0)
    return Translations(compiled)


def choose(cookie: str | None, accept: str) -> str:
    """The reader's language: what they chose before, else the first that their browser names."""
    if cookie in LANGUAGES:
        return cookie
    for part in accept.split(","):
        name = part.partition(";")[0].strip().lower()
        for language in LANGUAGES:
            if name == language or name.startswith(f"{language}-"):
                return language
    return "zh"
