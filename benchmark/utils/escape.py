"""Text of cards, records and files, made harmless where it is shown: it is data, never markup."""

import re

MARKUP = re.compile(r"<(?=[A-Za-z/!?])|&(?=#?\w+;)|\||(?<=\])\(|\s*\n\s*")
"""What begins HTML or an entity, ends a cell, makes a link of [text], or ends a line."""
CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
"""What moves the cursor, colours, rings, or turns the direction of writing; not tab and newline."""


def markdown(text: str) -> str:
    """Text as it reads in a paragraph, heading or cell of Markdown, and in what HTML is made of it.

    Example::

        markdown("a | b <!-- /leaderboard -->")    # "a &#124; b &#60;!-- /leaderboard -->"
    """
    return MARKUP.sub(_entity, printable(text))


def printable(text: str) -> str:
    """Text for a terminal, with control characters as Python writes them.

    Example::

        printable("\\x1b[2J")    # "\\\\x1b[2J"
    """
    return CONTROLS.sub(lambda sign: repr(sign[0])[1:-1], text)


def _entity(sign: re.Match[str]) -> str:
    return " " if sign[0].isspace() else f"&#{ord(sign[0])};"
