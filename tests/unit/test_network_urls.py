"""URLs of what tenants declared, and what lies below them, whatever a model writes."""

from contextlib import suppress
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.network.addresses import NotAllowed
from workers.network.urls import Url


@pytest.mark.parametrize(
    "url",
    [
        "http://user@example.com/",
        "http://example.com@127.0.0.1/",
        "http://example.com:80@evil.example/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/",
        "http:/example.com",
        "http://example.com\\@evil.example/",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://example.com:8o/",
        "http://[::1%25lo]/",
        "http://[::1/",
        "http:///x",
        "http://example.com/%2e%2e/x",
        "http://example.com/a/..;x/b",
        "http://example.com/a%2fb",
        "http://example.com/%255c",
        "http://example.com/%25252525252e",
    ],
)
def test_a_url_that_is_not_clear_is_refused(url: str) -> None:
    with pytest.raises(NotAllowed):
        Url.of(url)


BASE = Url.of("https://api.example.com/v1/orders/")


def below(path: str, query: dict[str, str | list[str]] | None = None) -> str:
    return str(BASE.below(path, dict(query or {})))


def test_what_lies_below_is_encoded() -> None:
    assert below("/ü b/c:d", {"q": ["a&b", "#"]}) == "https://api.example.com/v1/orders/%C3%BC%20b/c:d?q=a%26b&q=%23"
    assert below("") == "https://api.example.com/v1/orders/"


@pytest.mark.parametrize(
    ("url", "held"),
    [
        ("https://api.example.com/v1/orders", True),
        ("https://API.example.com:443/v1/orders/7?x=1", True),
        ("https://api.example.com/v1/orders-of-others", False),
        ("https://api.example.com/v1", False),
        ("https://api.example.com:8443/v1/orders/7", False),
        ("http://api.example.com/v1/orders/7", False),
        ("https://api.example.com.evil.example/v1/orders/7", False),
    ],
)
def test_what_lies_at_a_url_or_below_it_is_held_by_it_and_nothing_beside_it(url: str, *, held: bool) -> None:
    assert BASE.holds(Url.of(url)) is held


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://[2606:4700::1]:8080/x", "[2606:4700::1]:8080"),
        ("https://a.example:443", "a.example"),
        ("HTTP://A", "a"),
    ],
)
def test_a_url_names_its_server_as_a_request_does(url: str, authority: str) -> None:
    assert Url.of(url).authority == authority


@pytest.mark.parametrize(
    "path",
    [
        ".",
        "..",
        "a/../../x",
        "/../x",
        "//evil.example/x",
        "a//b",
        "http://evil.example/",
        "\\\\evil\\x",
        "..\\x",
        "%2e%2e/x",
        "a%2f..",
        "..%00",
        "..;/x",
        "\uff0e\uff0e/x",
        "\u2025/x",
        "a?b",
        "a#b",
        "a\r\nHost: evil",
        "a\x00",
        "a\u2028b",
    ],
)
def test_a_path_that_might_climb_out_is_refused(path: str) -> None:
    with pytest.raises(NotAllowed, match="write it plainly"):
        below(path)


@pytest.mark.parametrize("query", [{"a": "b\r\nc"}, {"a\n": "b"}, {"a": ["b", "\x00"]}])
def test_a_query_with_line_ends_is_refused(query: dict[str, str | list[str]]) -> None:
    with pytest.raises(NotAllowed, match="line ends"):
        below("a", query)


PIECES = st.sampled_from(
    [*"./\\%;:@?#2eEfFcC&= \r\n\t\x00", "..", "//", "%2e", "%252f", "\uff0e", "\uff0f", "http:", "evil.example"]
)
PATHS = st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=12).map("".join)


@given(PATHS, st.dictionaries(st.text(max_size=5), st.text(max_size=8), max_size=3))
def test_no_path_and_query_lead_anywhere_but_below(path: str, query: dict[str, str]) -> None:
    with suppress(NotAllowed):
        made = BASE.below(path, query)
        read = urlsplit(str(made))
        assert (read.scheme, read.netloc, read.fragment) == ("https", "api.example.com", "")
        assert made.target.isascii()
        assert made.target.isprintable()
        assert " " not in made.target
        assert read.path.startswith("/v1/orders/")
        assert not {".", ".."} & set(unquote(unquote(read.path)).replace("\\", "/").split("/"))
        assert BASE.holds(Url.of(str(made)))
