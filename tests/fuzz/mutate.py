"""Altered copies of small valid files: bytes, words and numbers, and the values of JSON."""

import json
from copy import deepcopy
from random import Random
from typing import Any

WORDS = (
    *(b"", b"\0", b"\n", b"\r", b"\r\n", b"\t", b" ", b",", b";", b":", b"=", b".", b"#", b"\\"),
    *(b'"', b"'", b"'''", b"[", b"]", b"{", b"}", b"[[", b"[table]", b"<!--", b"../", b"nan"),
    *(b"0", b"-1", b"1e309", b"9" * 30, b"9" * 5000, b"true", b"null", b"\xff", b"\xc3\xa9"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"\xff\xff\xff\x7f"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**31, 2**63, 10**30, 1e308, 0.5, "", "x", "a/../../b", "\ud800"),
    *("9" * 400, [], {}, [[]], [None], {"": {}}, ["x"] * 300, "<b>", "\n", "\x1b[31m"),
)


def bytes_of(valid: bytes, random: Random) -> bytes:
    """The file with one to four changes: bits, words, numbers, spans, or its end."""
    content = bytearray(valid)
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(content) + 1)
        end = min(len(content), place + random.choice((1, 2, 4, 16, 200)))
        match random.randrange(7):
            case 0 if content:
                content[place % len(content)] ^= 1 << random.randrange(8)
            case 1:
                content[place:end] = random.choice(WORDS)
            case 2:
                content[place:place] = random.choice(WORDS)
            case 3:
                del content[place:end]
            case 4:
                content[place:place] = content[place:end] * random.choice((1, 3, 100))
            case 5:
                content[place:end] = random.randbytes(end - place)
            case 6 if random.random() < 0.3:
                del content[place:]
    return bytes(content)


def json_of(valid: bytes, random: Random) -> Any:
    """The JSON value with one to three of its inner values replaced, doubled or left out."""
    value = json.loads(valid)
    for _ in range(random.randint(1, 3)):
        inside = [each for each in _containers(value) if len(each)]
        if not inside:
            break
        container = random.choice(inside)
        keys = list(container) if isinstance(container, dict) else range(len(container))
        key = random.choice(keys)
        match random.randrange(4):
            case 0:
                del container[key]
            case 1 if isinstance(container, dict):
                container[f"{key}x"] = container[key]
            case 2 if isinstance(container[key], str):
                container[key] += random.choice(("x", "é", "/..", "\0", "0" * 300))
            case _:
                container[key] = deepcopy(random.choice(VALUES))
    return value


def _containers(value: Any) -> list[Any]:
    """The value and all lists and tables inside it."""
    if not isinstance(value, dict | list):
        return []
    inner = value.values() if isinstance(value, dict) else value
    return [value, *(deeper for each in inner for deeper in _containers(each))]
