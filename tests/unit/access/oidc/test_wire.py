"""Where calls may lead, and that they end."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from yunzhang.access.oidc import wire
from yunzhang.errors import Outside


@pytest.mark.parametrize(
    ("url", "issuer", "allowed"),
    [
        ("https://sso.gov.cn/t", "https://sso.gov.cn", True),
        ("https://SSO.gov.cn:8443/t", "https://sso.gov.cn", True),
        ("https://keys.sso.gov.cn/t", "https://sso.gov.cn", True),
        ("https://evilsso.gov.cn/t", "https://sso.gov.cn", False),
        ("https://gov.cn/t", "https://sso.gov.cn", False),
        ("https://mail.gov.cn/t", "https://sso.gov.cn", False),
        ("https://sso.gov.cn.evil.example/t", "https://sso.gov.cn", False),
        ("https://a.localhost/t", "https://localhost", False),
        ("https://1.127.0.0.1/t", "https://127.0.0.1", False),
    ],
)
def test_what_stays_with_the_issuer(url: str, issuer: str, allowed: bool) -> None:
    assert wire.is_allowed_host(url, issuer, frozenset()) is allowed


@contextmanager
def trickling(head: bytes, piece: bytes) -> Iterator[str]:
    """A server that never ends its answer."""
    over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(head)
            while not over.wait(0.01):
                try:
                    connection.sendall(piece)
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"", b"H"),
    ],
    ids=["body", "lines of the head", "first line"],
)
def test_answer_that_never_ends(monkeypatch: pytest.MonkeyPatch, head: bytes, piece: bytes) -> None:
    """Each piece is in time; the whole is not."""
    monkeypatch.setattr(wire, "DEADLINE", 0.1)
    with trickling(head, piece) as url, pytest.raises(Outside) as refused:
        wire.ask("GET", url)
    assert refused.value.values == {"reason": "> 0 s"}


def test_answer_that_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Outside) as refused:
        wire.ask("GET", f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert refused.value.values == {"reason": "ReadTimeout"}


def _certificate(folder: Path) -> Path:
    """A certificate of this address with its key, that no authority knows."""
    own, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    start = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(own.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True
        )
        .sign(own, hashes.SHA256())
    )
    private = own.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / "server.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def test_certificates_that_this_machine_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An office's own authority is trusted by trusting it on the machine, and not otherwise."""
    file = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    def serve() -> None:
        for _ in range(2):
            connection, _address = listener.accept()
            with connection:
                try:
                    with context.wrap_socket(connection, server_side=True) as secured:
                        secured.recv(65536)
                        secured.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"a": 1} ')
                except ssl.SSLError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(Outside) as refused:
            wire.ask("GET", url)
        assert refused.value.values == {"reason": "ConnectError"}
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert wire.ask("GET", url) == wire.Answer(200, {"a": 1})
        thread.join()
