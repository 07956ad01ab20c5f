"""Where nginx (Debian 12, 1.22) differs from the corpus, and why Plimsoll does not do the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Difference:
    """`cases`: names or patterns of names, by theme. `nginx` and `plimsoll` complete a sentence, for docs/http.md."""

    nginx: str
    plimsoll: str
    section: str
    cases: Mapping[str, tuple[str, ...]]


DIFFERENCES = (
    Difference(
        "ends lines with LF alone, and takes CR CR LF for a line end",
        "Neither: a line ends with CRLF, so two parsers in a row cannot disagree about where it ends",
        "9112 §2.2, §7.1",
        {
            "smuggling": ("coding behind a bare CR as its line end",),
            "chunked": (
                "a bare LF as the last line",
                "a bare LF behind the data",
                "a bare LF behind the last size",
                "a bare LF behind the size",
                "an extension ended by a bare LF",
                "less data than the size",
            ),
            "fields": (
                "bad name: *",
                "bad value: a bare CR last",
                "bad value: a bare LF",
                "bad value: two CRs last",
            ),
        },
    ),
    Difference(
        "drops a line whose name is no token, or that has no colon, and goes on",
        "400: a line that one side drops and another one reads is how requests are smuggled",
        "9112 §5.1",
        {
            "smuggling": ("coding behind a quote before the name",),
            "fields": (
                "a line without a colon",
                "bad name: *",
            ),
            "pipelining": (
                "an error behind a good one: a field without a colon",
                "an error behind a slow one: a field without a colon",
                "nothing after an error: a field without a colon",
            ),
            "half_close": ("an error",),
        },
    ),
    Difference(
        "takes only spaces around a value for blanks, no tabs",
        "A tab is a blank too",
        "9112 §5.1",
        {
            "framing": ("blanks around the length",),
            "smuggling": (
                "a tab before chunked",
                "blanks behind chunked",
            ),
            "host": ("valid: blanks around it",),
        },
    ),
    Difference(
        "answers 501 or 400 or 505 where the other one is expected, and closes",
        "The same in effect: the request is refused and the connection ends",
        "9112 §6.1; 9110 §15.6",
        {
            "smuggling": (
                "coding behind a form feed before the value",
                "coding behind a no-break space before the value",
                "coding behind a vertical tab before the value",
                "coding behind a vertical tab behind the value",
            ),
            "versions": (
                "HTTP/0.9",
                "none: two major digits",
            ),
        },
    ),
    Difference(
        "reads chunk extensions of any length",
        "Bounded like a head: a server ought to limit them",
        "9112 §7.1.1",
        {
            "chunked": (
                "an extension larger than a head may be",
                "extensions that together are larger than a head may be",
            ),
        },
    ),
    Difference(
        "ignores whatever stands between the digits of a size and the line end",
        "400 where it is neither a blank before an extension nor an extension",
        "9112 §7.1.1",
        {
            "chunked": (
                "extension with a NUL",
                "size: two numbers",
            ),
        },
    ),
    Difference(
        "drops trailers without looking at them, in any amount",
        "Dropped as well, but malformed ones are 400 and more than a head may have is 431",
        "9110 §6.5; 9112 §7.1.2",
        {
            "trailers": (
                "* over the limit",
                "* without an end",
                "a malformed trailer: *",
            ),
        },
    ),
    Difference(
        "sends 100 although the body has come, or there is none",
        "A server may leave it out, and does",
        "9110 §10.1.1",
        {
            "expect": (
                "a GET",
                "no body at all",
                "nothing is to come",
                "the body comes with the head",
                "the chunks come with the head",
            ),
        },
    ),
    Difference(
        "ignores an expectation that it does not know",
        "417, which the RFC allows; what a client expects is not silently withheld",
        "9110 §10.1.1",
        {
            "expect": (
                "another expectation",
                "another expectation beside 100-continue",
                "another expectation with chunks",
            ),
        },
    ),
    Difference(
        "keeps the connection after an early answer, and waits for whatever is left of the body",
        "Up to 64 KiB are read; with more to come the connection ends: nothing is read for nothing",
        "9112 §9.3, §9.6",
        {
            "expect": ("refused instead: too long",),
            "pipelining": (
                "an error behind a good one: a body over the limit",
                "nothing after an error: a body over the limit",
            ),
            "early_answers": (
                "*,000 *",
                "one chunk without an end",
                "too large by far, with some of it",
                "too large, before the body",
            ),
        },
    ),
    Difference(
        "ends the connection with every 400",
        "Only a malformed request ends it: a 400 about its content does not",
        "9112 §9.3",
        {
            "expect": ("refused instead: a bad deadline",),
            "pipelining": ("a refusal is no error of the connection: a deadline",),
            "early_answers": (
                "the deadline: before the body",
                "the deadline: before the chunks",
                "the deadline: in the middle of the body",
                "the deadline: the body comes along",
            ),
        },
    ),
    Difference(
        "does not say with the early answer that the connection will end, and ends it when the rest proves malformed",
        "Said in the answer where it is known by then; both are right",
        "9112 §9.6",
        {
            "early_answers": ("early, and the rest is malformed",),
        },
    ),
    Difference(
        "answers 400 to a head that is too large",
        "431 says why",
        "RFC 6585 §5",
        {
            "fields": (
                "a name over the limit",
                "fields over the limit",
                "fields without an end",
                "one field over the limit",
            ),
            "pipelining": (
                "an error behind a good one: a head over the limit",
                "nothing after an error: a head over the limit",
            ),
            "early_answers": ("a head too large, and the client sends on",),
        },
    ),
    Difference(
        "answers 414 to a method without an end",
        "It is no target yet: 431, 400 or 501",
        "9112 §3",
        {
            "methods": ("a method without an end",),
        },
    ),
    Difference(
        "hands methods that it does not know to the application (which refuses them with 405 here)",
        "501: the script cannot be asked with them",
        "9110 §9.1, §15.6.2",
        {
            "methods": (
                "unknown, with a body",
                "unknown: *",
            ),
            "pipelining": ("an unknown method behind a good one",),
        },
    ),
    Difference(
        "answers 400 to methods that are not in capitals",
        "They are tokens, so methods, and unknown: 501",
        "9110 §9.1",
        {
            "methods": ("unknown: *",),
        },
    ),
    Difference(
        "answers TRACE before anything else, with 405, and closes",
        "Like any refused method: 405 or 404, and the connection goes on",
        "9112 §9.3",
        {
            "methods": ("TRACE *",),
            "bodies": (
                "TRACE with a length",
                "TRACE with chunks",
            ),
        },
    ),
    Difference(
        "speaks HTTP/0.9: answers a body without a head, and closes",
        "400: nobody has spoken it since 1996, and a client of HTTP/1 cannot read the answer",
        "9112 §2.3",
        {
            "targets": ("no target: a bare LF in it",),
            "versions": (
                "a request of HTTP/0.9",
                "no version at all",
                "no version, a blank",
            ),
        },
    ),
    Difference(
        "takes HTTP/1.2 and other minor versions for HTTP/1.1",
        "505: there is no such version. The RFC says that it should be answered; this is a departure",
        "9110 §2.5",
        {
            "versions": (
                "HTTP/1.2",
                "HTTP/1.9",
                "none: two minor digits",
            ),
        },
    ),
    Difference(
        "merges slashes: `//score` is `/score`",
        "Another path: 404",
        "9110 §4.2.3",
        {
            "targets": ("origin form b'//score'",),
        },
    ),
    Difference(
        "answers 400 to `OPTIONS *`",
        "It is one of the four forms",
        "9112 §3.2.4",
        {
            "targets": ("OPTIONS of the server",),
        },
    ),
    Difference(
        "ignores a scheme that is not HTTP, and a fragment",
        "400 or 421: neither can be meant",
        "9112 §3.2; 9110 §7.4",
        {
            "targets": (
                "absolute form b'ftp://x/score'",
                "no target: a fragment",
            ),
        },
    ),
    Difference(
        "serves a Host that is none",
        "400",
        "9112 §3.2",
        {
            "host": ("invalid: *",),
        },
    ),
    Difference(
        "skips empty lines before a request without an end",
        "They count as part of the head",
        "9112 §2.2",
        {
            "fields": ("empty lines without an end",),
        },
    ),
    Difference(
        "passes two content types on",
        "400: which one is the body's is anybody's guess",
        "9110 §8.3",
        {
            "fields": (
                "the same content type twice",
                "two content types",
            ),
        },
    ),
    Difference(
        "closes for an option that only ends in the word close",
        "Options are compared whole",
        "9110 §7.6.1",
        {
            "fields": ("a word that ends in close",),
        },
    ),
    Difference(
        "leaves out Allow and WWW-Authenticate where the configuration answers 405 and 401",
        "Both must be there",
        "9110 §15.5.2, §15.5.6",
        {
            "fields": (
                "the methods in a refusal",
                "the scheme in a refusal",
            ),
        },
    ),
)


def is_explained(theme: str, name: str) -> bool:
    return any(fnmatchcase(name, pattern) for one in DIFFERENCES for pattern in one.cases.get(theme, ()))
