# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import gzip
import hashlib
import json
import time
import tracemalloc
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.sanitize import clean
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import codec
from frames import HOST, ID, NONCE, OTHER, document, failure, frame
from hypothesis import given
from hypothesis import strategies as st

LOCK = codec.Operation("Lock-Host", {"owner": "c", "run": "r", "purpose": "p"}, "ab" * 32)
CLIXML = (
    b'#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
    b'<Obj S="progress" RefId="0"><TN RefId="0"><T>System.Object</T></TN></Obj>'
    b'<S S="Error">Das Argument &lt;x&gt; ist_x000D__x000A_</S><S S="Error">ung\xc3\xbcltig.</S>'
    b'<S S="warning">only a warning</S></Objs>'
)


def decode(
    stdout: bytes, stderr: bytes = b"", exit_code: int = 0, limits: codec.Limits | None = None
) -> codec.Reply:
    return codec.decode_reply(
        stdout, stderr, exit_code, operation_id=ID, nonce=NONCE, limits=limits
    )


def encode(operation: codec.Operation = LOCK, operation_id: str = ID, nonce: str = NONCE) -> bytes:
    return codec.encode_request(operation, operation_id=operation_id, nonce=nonce)


# --- request


def test_command_line_fits_cmd_and_starts_as_ansible_expects() -> None:
    prefix = "PowerShell -NoProfile -NonInteractive -ExecutionPolicy Unrestricted -EncodedCommand "
    assert codec.BOOTSTRAP_COMMAND.startswith(prefix)
    assert len(codec.BOOTSTRAP_COMMAND) < 8191
    script = base64.b64decode(codec.BOOTSTRAP_COMMAND.removeprefix(prefix)).decode("utf-16-le")
    assert script == loader.bootstrap()
    assert len(script) < 3000


def test_request_is_one_ascii_line_with_everything_in_it() -> None:
    sent = encode(codec.Operation("Lock-Host", {"owner": "J\u00fcrgen\n\ud800"}, "ab" * 32))
    assert sent.endswith(b"\n")
    assert sent.count(b"\n") == 1
    assert sent.isascii()
    request = json.loads(sent)
    script = loader.script("Lock-Host")
    assert gzip.decompress(base64.b64decode(request.pop("script"))).decode() == script.text
    assert request == {
        "protocol": 1,
        "operation": "Lock-Host",
        "operation_id": ID,
        "nonce": NONCE,
        "key": "ab" * 32,
        "lock": None,
        "sha256": hashlib.sha256(script.text.encode()).hexdigest(),
        "parameters": {"owner": "J\u00fcrgen\n\ud800"},
    }


def test_parameters_never_reach_the_command_line() -> None:
    assert "secret" not in codec.BOOTSTRAP_COMMAND
    assert b'"secret-value"' in encode(codec.Operation("Lock-Host", {"owner": "secret-value"}))


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (codec.Operation("Get-Nothing"), "'Get-Nothing' does not exist; known are .*Lock-Host"),
        (codec.Operation("../bootstrap"), "does not exist"),
        (codec.Operation("Lock-Host", {}, "short"), "64 hex digits"),
        (codec.Operation("Lock-Host", {}, "AB" * 32), "64 hex digits"),
        (codec.Operation("Get-HostLock", {}, "ab" * 32), "only reads and takes no key"),
        (codec.Operation("Lock-Host", {"when": object()}), "cannot be sent as JSON"),
        (codec.Operation("Lock-Host", {"number": float("nan")}), "cannot be sent as JSON"),
    ],
)
def test_request_that_makes_no_sense_is_refused(operation: codec.Operation, message: str) -> None:
    with pytest.raises(errors.ConfigError, match=message):
        encode(operation)


@pytest.mark.parametrize("token", ["", "1d" * 15, "1D" * 16, '1d" ' * 8, "1d" * 16 + "\n"])
def test_tokens_that_could_leave_their_quotes_are_refused(token: str) -> None:
    with pytest.raises(errors.ConfigError, match="operation id"):
        encode(operation_id=token)
    with pytest.raises(errors.ConfigError, match="nonce"):
        encode(nonce=token)


# --- reply


def test_reply_is_typed() -> None:
    part = {"source": "iis", "class": "X", "id": "Y", "message": "Z"}
    reply = decode(frame(document(errors=[part])))
    assert reply.operation == "Get-HostLock"
    assert reply.status == "ok"
    assert reply.result == {"state": "free"}
    assert reply.errors == (codec.HostError("iis", "X", "Y", "Z"),)
    assert reply.host == codec.HostStamp(**HOST)  # type: ignore[arg-type]
    assert reply.collected_at == "2021-03-05T10:00:00.0000000Z"
    assert (reply.replayed, reply.noise, reply.key) == (False, "", None)
    assert (reply.script_sha256, reply.duration_ms) == ("ab" * 32, 12)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"", b"  \r\n"])
def test_line_ending_does_not_matter(ending: bytes) -> None:
    assert decode(frame().strip() + ending).status == "ok"


def test_noise_around_the_frame_is_kept_and_inert() -> None:
    stdout = b"profile \x1b[2Jtext\r\nno newline:" + frame() + b"WARNUNG: \xfcber\r\nmore"
    reply = decode(stdout, CLIXML)
    assert reply.result == {"state": "free"}
    assert reply.noise.startswith("profile \\x1b[2Jtext\\r\\nno newline:\\n")
    assert "WARNUNG: \ufffdber" in reply.noise
    assert reply.noise.endswith("Das Argument <x> ist ung\u00fcltig.")
    assert "\n" not in reply.noise


def test_noise_is_bounded() -> None:
    reply = decode(
        b"a" * 100_000 + b"\n" + frame() + b"b" * 100_000, limits=codec.Limits(noise_chars=50)
    )
    assert len(reply.noise) == 50


def test_our_frame_wins_over_others() -> None:
    forged = frame(document(result={"state": "forged"}), nonce=OTHER)
    assert decode(forged + frame() + forged).result == {"state": "free"}
    assert decode(frame()[:40] + b"\n" + frame()).result == {"state": "free"}


FRAMES_REFUSED: dict[str, tuple[bytes, type[errors.RemediationError], str]] = {
    "nothing": (b"", errors.EmptyReply, "nothing at all .*anti-malware"),
    "blank": (b" \r\n\r\n", errors.EmptyReply, "nothing at all"),
    "text": (b"Microsoft Windows [Version", errors.MalformedReply, r"26 bytes.*'Microsoft Windows"),
    "html": (b"<html>\x1b[2J", errors.MalformedReply, r"<html>\\\\x1b\[2J"),
    "plain JSON": (b'{"a": 1}', errors.MalformedReply, "hold no reply"),
    "UTF-16": (frame().decode().encode("utf-16-le"), errors.MalformedReply, "hold no reply"),
    "twice": (frame() * 2, errors.MalformedReply, "2 frames answer the nonce"),
    "very often": (frame(nonce=OTHER) * 1001, errors.MalformedReply, "more than 1,000 frames"),
    "twice, different": (frame() + frame(document(result=None)), errors.MalformedReply, "forged"),
    "other nonce": (frame(nonce=OTHER), errors.WrongNonce, f"nonce {OTHER}, asked was {ID}"),
    "other operation": (frame(operation_id=OTHER), errors.WrongNonce, f"operation {OTHER}"),
    "other end": (frame(end=OTHER), errors.WrongNonce, "discarded"),
    "cut in the end": (frame()[:-5], errors.TruncatedReply, "does not end"),
    "cut in the reply": (frame()[:150], errors.TruncatedReply, "150 bytes arrived"),
    "cut in the header": (frame()[:30], errors.TruncatedReply, "same key"),
    "cut and more noise": (frame()[:150] + b"\nnoise", errors.TruncatedReply, "150 bytes"),
    "future frame": (frame(version=2), errors.ReplySchemaError, "version 2.*update the controller"),
    "old frame": (frame(version=0), errors.WrongNonce, "discarded"),
    "mangled header": (frame().replace(b',"nonce', b', "nonce'), errors.MalformedReply, "header"),
    "no JSON": (frame('{"schema":1,}'), errors.MalformedReply, "does not hold JSON"),
    "empty inside": (frame(" "), errors.MalformedReply, "does not hold JSON"),
    "NaN": (frame('{"schema":NaN}'), errors.MalformedReply, "NaN is not JSON"),
    "huge number": (frame('{"schema":' + "1" * 5000 + "}"), errors.MalformedReply, "JSON"),
    "not ASCII": (frame('{"a":"\u00fc"}'), errors.MalformedReply, "JSON"),
    "open bracket": (frame('{"a":[1}'), errors.MalformedReply, "JSON"),
    "extra bracket": (frame('{"a":1}]'), errors.MalformedReply, "do not match"),
    "open string": (frame('{"a":"1}'), errors.MalformedReply, "do not match|JSON"),
    "3,000 levels": (frame("[" * 3000 + "]" * 3000), errors.ReplyTooLarge, "more than 64 levels"),
    "levels, open": (frame('{"a":' * 100_000), errors.MalformedReply, "do not match"),
    "list": (frame("[]"), errors.ReplySchemaError, "'reply' is .*a mapping"),
    "future schema": (frame(document(schema=2)), errors.ReplySchemaError, "has schema 2.*update"),
    "schema true": (frame(document(schema=True)), errors.ReplySchemaError, "'schema' is True"),
    "schema text": (frame(document(schema="1")), errors.ReplySchemaError, "'schema'"),
    "schema missing": (frame("{}"), errors.ReplySchemaError, "'schema' is None"),
    "status": (frame(document(status="great")), errors.ReplySchemaError, "'status' is 'great'"),
    "status list": (frame(document(status=[])), errors.ReplySchemaError, "'status'"),
    "errors": (frame(document(errors=None)), errors.ReplySchemaError, "'errors'"),
    "error entry": (frame(document(errors=["x"])), errors.ReplySchemaError, r"'errors\[\]'"),
    "error source": (frame(document(errors=[{"source": 1}])), errors.ReplySchemaError, "'source'"),
    "host": (frame(document(host="EX01")), errors.ReplySchemaError, "'host'"),
    "host name": (frame(document(host={"name": 1})), errors.ReplySchemaError, "'name'"),
    "process": (frame(document(host={"process_id": "1"})), errors.ReplySchemaError, "'process_id'"),
    "duration": (frame(document(duration_ms=1.5)), errors.ReplySchemaError, "'duration_ms'"),
    "success without nonce": (frame(nonce=""), errors.MalformedReply, "claims success"),
}


@pytest.mark.parametrize("name", FRAMES_REFUSED)
def test_output_that_is_no_answer_has_its_own_error(name: str) -> None:
    stdout, kind, message = FRAMES_REFUSED[name]
    with pytest.raises(errors.RemediationError, match=message) as caught:
        decode(stdout)
    assert type(caught.value) is kind


def test_clixml_on_stderr_is_a_crash_with_its_text() -> None:
    with pytest.raises(errors.HostCrash) as caught:
        decode(b"", CLIXML, 1)
    assert str(caught.value) == (
        "PowerShell failed before it could answer (exit code 1): "
        "Das Argument <x> ist ung\u00fcltig."
    )


def test_text_on_stderr_without_a_frame_is_a_crash() -> None:
    with pytest.raises(errors.HostCrash, match=r"exit code 255.*Cannot load \\x1b"):
        decode(b"noise", b"Cannot load \x1b[31m", 255)


def test_progress_alone_is_no_crash() -> None:
    only_progress = CLIXML.partition(b'<S S="Error">')[0] + b"</Objs>"
    with pytest.raises(errors.EmptyReply):
        decode(b"", only_progress)


FAILURES = {
    "LanguageMode": errors.LanguageModeRefused,
    "ScriptIntegrity": errors.ScriptIntegrityError,
    "RequestInvalid": errors.ScriptError,
    "ScriptFailed": errors.ScriptError,
    "Locked": errors.LockedByOther,
    "SomethingNew": errors.ScriptError,
}


@pytest.mark.parametrize("name", FAILURES)
def test_failure_on_the_host_has_the_class_that_it_names(name: str) -> None:
    told = failure(name, "be\x07cause", details={"owner": "a\x1b"}, at="line 7: throw")
    with pytest.raises(errors.ScriptError) as caught:
        decode(frame(told))
    assert type(caught.value) is FAILURES[name]
    assert str(caught.value) == "Get-HostLock: be\\x07cause [SomeId] (line 7: throw)"
    reply = codec.failed_reply(caught.value)
    assert reply
    assert reply.errors[0].details == {"owner": "a\\x1b"}


def test_failure_without_a_reason_is_still_a_failure() -> None:
    with pytest.raises(errors.ScriptError, match="no reason given"):
        decode(frame(document(status="error")))


def test_bootstrap_failure_needs_only_the_short_reply() -> None:
    host = {name: HOST[name] for name in HOST if name != "boot_id"}
    short = {"schema": 1, "operation": "", "status": "error", "host": host}
    short["errors"] = [
        {"source": "bootstrap", "class": "RequestInvalid", "id": "", "message": "no"}
    ]
    with pytest.raises(errors.ScriptError, match="operation: no"):
        decode(frame(short, operation_id="", nonce=""))


def test_host_text_is_inert_everywhere() -> None:
    evil = "\x1b]0;title\x07\u202e\ud800\tx"
    inert = "\\x1b]0;title\\x07\\u202e\\ud800\\tx"
    entry = {"source": evil, "class": evil, "id": evil, "message": evil}
    reply = decode(
        frame(document(result={evil: [evil]}, errors=[entry], host=HOST | {"name": evil}))
    )
    assert reply.result == {inert: [inert]}
    assert reply.errors[0] == codec.HostError(inert, inert, inert, inert)
    assert reply.host.name == inert


# --- bounds


def test_reply_over_the_cap_is_refused() -> None:
    big = frame(document(result="x" * 2000))
    with pytest.raises(errors.ReplyTooLarge, match=r"2,\d\d\d bytes, the cap is 1,000"):
        decode(big, limits=codec.Limits(reply_bytes=1000))


def test_output_over_the_cap_is_refused_unread() -> None:
    limits = codec.Limits(command_bytes=1000)
    with pytest.raises(errors.ReplyTooLarge, match="nothing of it was read"):
        decode(frame() + b"x" * 1000, limits=limits)
    with pytest.raises(errors.ReplyTooLarge):
        decode(frame(), b"x" * 1000, limits=limits)


def test_too_many_values_are_refused() -> None:
    many = frame(document(result=[[]] * 1000))
    with pytest.raises(errors.ReplyTooLarge, match="values"):
        decode(many, limits=codec.Limits(values=1000))


def test_nesting_within_the_bound_passes_and_strings_do_not_count() -> None:
    deep: Any = "[[[[" * 100 + '\\"' + "{" * 100
    for _level in range(63):  # and the reply's own level
        deep = [deep]
    assert decode(frame(document(result=deep))).result == deep
    with pytest.raises(errors.ReplyTooLarge, match="levels"):
        decode(frame(document(result=[deep])))


HOSTILE = {
    "quotes": b'"' * 2**22,
    "escaped quotes": b'"' + b'\\"' * 2**21,
    "backslashes": b'"' + b"\\" * 2**22,
    "brackets": b"[" * 2**22,
    "pairs": b"[]" * 2**21,
    "markers": b'{"exchange_remediation":1' * 2**17,
    "marker lines": b'{"exchange_remediation":1\n' * 2**17,
    "ours, open": frame()[:120] + b'"\\"' * 2**20,
    "CLIXML": b"#< CLIXML <Objs " * 2**17,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_output_costs_little(name: str) -> None:
    """4 MiB each; generous bounds that only a quadratic scan would break."""
    raw = HOSTILE[name]
    framed = frame("@").replace(b"@", raw.replace(b"\n", b""))
    started = time.process_time()
    for stdout, stderr in ((raw, b""), (framed, b""), (b"", raw)):
        with pytest.raises(errors.ReplyError):
            decode(stdout, stderr)
    assert time.process_time() - started < 5


def test_reply_of_300_megabytes_is_refused_without_copying_it() -> None:
    raw = frame()[:100] + bytes(300 * 1024 * 1024)
    tracemalloc.start()
    try:
        with pytest.raises(errors.ReplyTooLarge, match=r"314,572,900 bytes"):
            decode(raw)
        assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    finally:
        tracemalloc.stop()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_any_result_arrives_and_is_printable(result: Any) -> None:
    reply = decode(b"noise\n" + frame(document(result=result)))
    text = json.dumps(reply.result, ensure_ascii=False)
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in text)
    text.encode("utf-8")  # no lone surrogates


@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(0, 500))
def test_any_output_is_a_reply_or_an_error_of_ours(head: bytes, tail: bytes, cut: int) -> None:
    stdout = head + frame()[cut:] + tail
    try:
        said = decode(stdout, tail).noise
    except errors.ReplyError as error:
        said = str(error)
    assert clean(said) == said
