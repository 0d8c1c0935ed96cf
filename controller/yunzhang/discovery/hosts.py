"""Readings of libvirt hosts and of folders of facts, as they are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from urllib.parse import urlsplit

from yunzhang import clock
from yunzhang.discovery import keeping
from yunzhang.discovery.keeping import Reading, Record
from yunzhang.errors import YunzhangError
from yunzhang.hosts.facts import Host, read_facts
from yunzhang.hosts.libvirt import HostReading, read_host

# Hosts asked at a time.
TOGETHER = 8


def source_of(uri: str) -> str:
    """What a libvirt host is called when nothing else is said: its name, or the whole URI here."""
    return urlsplit(uri).hostname or uri


def read_farm(name: str, uris: Sequence[str]) -> tuple[Reading, list[Record]]:
    """One source of one or more libvirt hosts, complete when every host told all.

    Together they are one source, so that a domain that moves among them stays what it is. Raises
    what `read_host` does when no host could be asked.
    """
    started = clock.now()
    with ThreadPoolExecutor(TOGETHER, thread_name_prefix="libvirt") as pool:
        asked = [pool.submit(copy_context().run, _ask, uri) for uri in uris]
        answers = [answer.result() for answer in asked]
    read = [answer for answer in answers if isinstance(answer, HostReading)]
    failed = [answer for answer in answers if isinstance(answer, YunzhangError)]
    if failed and not read:
        raise failed[0]
    problems = [str(error) for error in failed]
    problems += [problem for host in read for problem in host.problems]
    records = {
        domain.uuid: keeping.record(
            "domains", domain.uuid, domain.name, domain.model_dump(mode="json")
        )
        # a domain that is just moving is on two hosts; the one it runs on is meant
        for domain in sorted(
            (domain for host in read for domain in host.domains),
            key=lambda domain: domain.power == "running",
        )
    }
    reading = Reading(name, "libvirt", started, complete=not problems, problems=tuple(problems))
    return reading, list(records.values())


def _ask(uri: str) -> HostReading | YunzhangError:
    try:
        return read_host(uri)
    except YunzhangError as error:
        return error


def read_folder(name: str, folder: Path) -> tuple[Reading, list[Record]]:
    """Facts of hosts. Never complete: a host that is not there may only not have answered."""
    started = clock.now()
    hosts, problems = read_facts(folder)
    reading = Reading(name, "facts", started, complete=False, problems=tuple(problems))
    return reading, list(_host_records(hosts))


def _host_records(hosts: Iterable[Host]) -> Iterable[Record]:
    for host in hosts:
        payload = host.model_dump(mode="json")
        yield keeping.record("hosts", host.inventory_name, host.hostname, payload)
