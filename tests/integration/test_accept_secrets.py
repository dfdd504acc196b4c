"""What is kept of a refused message holds no secret, however it was written and wherever it was cut."""

import orjson
import pytest

from producers.refusal import KEPT_BYTES, Refusal, kept
from shared.contracts.answers import Reason
from shared.tenancy.access import PREFIX

#: Of the length of a real one. It stands in the tests' names, which must be the same in every process that runs tests.
SECRET = PREFIX + "0xxgULK3ImpJtn64Yc6FPZKdkOOYiTO7jSoNBHZt_d4"


def shown(body: bytes) -> str:
    record = kept(Refusal(Reason.MALFORMED, "wrong", body), "bus")
    assert len(record) < 4 * KEPT_BYTES + 1000
    return str(orjson.loads(record)["body"])


def holds_no_secret(text: str) -> bool:
    """Not the key, nor six of its characters in a row."""
    pieces = (SECRET[start : start + 6] for start in range(len(SECRET) - 5))
    return not any(piece in text for piece in pieces)


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


@pytest.mark.parametrize(
    "body",
    [
        f'{{"authorization":"{SECRET}"}}',
        f'{{"authorization" : "Bearer {SECRET}", "id": 1}}',
        f'{{"AUTHORIZATION":"{SECRET}"',
        f'{{"authorization":"{SECRET[:20]}',
        f'{{"authorization":"{SECRET}\\',
        f'{{"data":{{"message":"my key is {SECRET}, thanks"}}}}',
        f"garbage \x00\x01 {SECRET} more garbage",
        f"key={SECRET}&x=1",
        f'{{"authorization":"{escaped(SECRET)}"}}',
        f'{{"{escaped("authorization")}":"{SECRET}"}}',
        f'{{"data":"{escaped("hg_")}{SECRET[3:]}"}}',
        f'{{"id":"{SECRET}","source":"{SECRET}"}}',
    ],
)
def test_a_key_is_taken_out_of_what_is_kept(body: str) -> None:
    assert holds_no_secret(shown(body.encode()))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-8-sig"])
def test_a_key_is_taken_out_in_whatever_encoding_it_was_written(encoding: str) -> None:
    """What is no UTF-8 is no JSON, and is kept for that."""
    text = shown(f'{{"authorization":"sk-live","data":"{SECRET}"}}'.encode(encoding)).replace("\0", "")
    assert holds_no_secret(text)
    assert "sk-live" not in text


@pytest.mark.parametrize("foreign", ["sk-live-0123456789", 'with \\" a quote', "over\ntwo lines", "\\"])
def test_whatever_stands_in_authorization_is_taken_out(foreign: str) -> None:
    text = shown(f'{{"authorization":"{foreign}","id":"m-1"}}'.encode())
    assert foreign not in text


def test_a_key_is_taken_out_wherever_the_cut_goes_through_it() -> None:
    for place in range(KEPT_BYTES - len(SECRET) - 2, KEPT_BYTES + 2):
        assert holds_no_secret(shown(b"x" * place + SECRET.encode() + b" and on")), place


def test_a_key_is_taken_out_of_every_field_of_the_record() -> None:
    refusal = Refusal(Reason.MALFORMED, f"said {SECRET}", b"", subject=SECRET, source=SECRET, tenant=SECRET)
    assert holds_no_secret(kept(refusal, "bus").decode())


def test_what_is_kept_of_a_huge_message_is_small_and_quickly_made() -> None:
    assert len(shown(b'{"authorization":"' * 1_000_000)) < 2 * KEPT_BYTES
