"""How numbers are written: the forms of decimal marks, groups of thousands, and signs of percent or currency.

A form is an example: 1234.5 as it is written in that form, and the sign, such as "1.234,5" or "1,234.5$". The empty
form is a plain number. Every form allows numbers without groups; the sign may stand before or after a number, or be
left out, and does not change it: 12% is 12.
"""

import math
import re
from functools import lru_cache

PLAIN = "1234.5"
SPACES = " \u00a0\u2009\u202f"
UNSIGNED = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
EXPONENT = r"(?:[eE][+-]?[0-9]+)?"
NUMBER = rf"[+-]?{UNSIGNED}{EXPONENT}"
INFINITY = r"[+-]?(?i:inf(?:inity)?)"
SIGNS = ("%", "$", "€", "£", "¥", "₹", "₽", "₩", "₺", "EUR", "USD", "GBP", "CHF")


def _grouped(group: str, decimal: str, digits: str = "{3}") -> str:
    """A regular expression of numbers in groups of digits; the last group has three."""
    whole = rf"(?:[0-9]{{1,3}}(?:{group}[0-9]{digits})*{group}[0-9]{{3}}|[0-9]+)"
    return rf"[+-]?(?:{whole}(?:{decimal}[0-9]*)?|{decimal}[0-9]+){EXPONENT}"


# In the order of preference: a number that can be read in several forms is taken in the first of them.
STYLES = {
    PLAIN: NUMBER,
    "1,234.5": _grouped(",", r"\.", "{2,3}"),  # in India, groups have two digits
    "1 234.5": _grouped(f"[{SPACES}]", r"\."),
    "1'234.5": _grouped("['’]", r"\."),
    "1.234,5": _grouped(r"\.", ","),
    "1 234,5": _grouped(f"[{SPACES}]", ","),
}
GROUPS = str.maketrans(dict.fromkeys(f"'’{SPACES}"))
_SIGN = f"(?:{'|'.join(map(re.escape, SIGNS))})"
# What looks like a number in some form.
CANDIDATE = rf"[+-]?[{SPACES}]*{_SIGN}?[{SPACES}]*[+-]?[0-9.,][0-9.,'’eE+{SPACES}-]*{_SIGN}?"


def has_decimal_comma(form: str) -> bool:
    """Whether numbers of this form have a comma before their decimals."""
    return ",5" in form


def read(text: str, form: str = "") -> float:
    """The number, without spaces around it; NaN where it is none or not in this form. Infinity is alike in all."""
    if form and not re.fullmatch(INFINITY, text):
        text = _plain(text, form)
    try:
        # float() also takes underscores and the digits of every script.
        return float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return math.nan


def forms(text: str) -> list[str]:
    """Every form in which the text is a number, with its sign if it has one."""
    unsigned, sign = _without_sign(text)
    return [style + sign for style in STYLES if _pattern(style).fullmatch(unsigned)]


def _plain(text: str, form: str) -> str:
    """A number of this form as Python writes it; "" where it is none."""
    unsigned, sign = _without_sign(text)
    style = form.removesuffix(sign)
    if sign and style == form:
        return ""
    style = next(known for known in STYLES if style.startswith(known))
    if not _pattern(style).fullmatch(unsigned):
        return ""
    if has_decimal_comma(style):
        return unsigned.translate(GROUPS).replace(".", "").replace(",", ".")
    return unsigned.translate(GROUPS).replace(",", "")


def _without_sign(text: str) -> tuple[str, str]:
    """The number without its percent or currency sign, and that sign or ""."""
    for sign in SIGNS:
        if sign in text:
            if text.endswith(sign):
                return text.removesuffix(sign).rstrip(), sign
            minus = text[:1] if text[:1] in "+-" else ""
            rest = text[len(minus) :].lstrip()
            return (minus + rest.removeprefix(sign).lstrip(), sign) if rest.startswith(sign) else (text, "")
    return text, ""


@lru_cache(len(STYLES))
def _pattern(style: str) -> re.Pattern[str]:
    return re.compile(STYLES[style])
