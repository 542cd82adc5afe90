"""A Ceph object gateway for tests: a real object store, which unlike moto checks signatures.

One monitor, one storage daemon that keeps its objects in memory and the gateway itself, all on this
machine's own address. They come from Debian (`radosgw ceph-mon ceph-osd ceph-common`) and need
root.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx

PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph-authtool", "monmaptool")
PACKAGES = "radosgw ceph-mon ceph-osd ceph-common"
SECONDS = 120
HOST = "127.0.0.1"

CONFIGURATION = """\
[global]
fsid = {fsid}
mon initial members = a
mon host = [v2:{host}:{monitor_port}]
public addr = {host}
cluster addr = {host}
ms bind msgr1 = false
ms bind ipv6 = false
keyring = {folder}/keyring
run dir = {folder}
admin socket = {folder}/$name.asok
log file = {folder}/$name.log
crash dir = {folder}
mon cluster log file = {folder}/cluster.log
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000

[mon.a]
mon data = {folder}/mon

[osd]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 2147483648

[client.rgw]
rgw data = {folder}/gateway
rgw frontends = beast endpoint={host}:{gateway_port} tcp_nodelay=1
rgw thread pool size = 16
"""

EVERYTHING = ("--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *")


class CephUnavailable(Exception):
    """No gateway can run here, or one did not start; says why."""


def why_not() -> str | None:
    """Return why no gateway can run on this machine; None when one can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"{', '.join(missing)} not installed: apt-get install {PACKAGES}"
    if os.geteuid() != 0:
        return "Ceph's daemons are started as root"
    return None


@contextmanager
def ceph_gateway(access_key: str, secret_key: str) -> Iterator[str]:
    """Start a gateway that knows one user, yield its address, and stop all of it.

    Takes a quarter of a minute and 250 MB.

    Raises:
        CephUnavailable: it cannot run here, or did not answer in time.
    """
    if (reason := why_not()) is not None:
        raise CephUnavailable(reason)
    # The names of Unix sockets are short, so it is not pytest's own folder.
    with tempfile.TemporaryDirectory(prefix="ceph-") as name, ExitStack() as running:
        folder = Path(name)
        monitor_port, gateway_port = _free_ports(2)
        fsid = str(uuid.uuid4())
        (folder / "ceph.conf").write_text(
            CONFIGURATION.format(
                fsid=fsid,
                host=HOST,
                folder=folder,
                monitor_port=monitor_port,
                gateway_port=gateway_port,
            ),
            "ascii",
        )
        _make_keys(folder)
        _make_monitor(folder, fsid, monitor_port)
        running.enter_context(_daemon(folder, "ceph-mon", "-i", "a"))
        osd = str(uuid.uuid4())
        _run(folder, "ceph", "osd", "new", osd, "0")
        (folder / "osd").mkdir()
        _run(folder, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        running.enter_context(_daemon(folder, "ceph-osd", "-i", "0"))
        (folder / "gateway").mkdir()
        gateway = running.enter_context(_daemon(folder, "radosgw", "-n", "client.rgw"))
        url = f"http://{HOST}:{gateway_port}"
        _wait_until_it_answers(url, gateway, folder)
        keys = ("--access-key", access_key, "--secret", secret_key)
        names = ("--uid", "tests", "--display-name", "Tests")
        _run(folder, "radosgw-admin", "-n", "client.rgw", "user", "create", *names, *keys)
        yield url


def _make_keys(folder: Path) -> None:
    keyring = str(folder / "keyring")
    _run(folder, "ceph-authtool", "--create-keyring", keyring)
    for name in ("mon.", "client.admin", "osd.0", "client.rgw"):
        _run(folder, "ceph-authtool", keyring, "--gen-key", "--name", name, *EVERYTHING)


def _make_monitor(folder: Path, fsid: str, port: int) -> None:
    monmap, keyring = str(folder / "monmap"), str(folder / "keyring")
    address = f"[v2:{HOST}:{port}]"
    _run(folder, "monmaptool", "--create", "--addv", "a", address, "--fsid", fsid, monmap)
    _run(folder, "ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)


def _run(folder: Path, program: str, *args: str) -> None:
    done = subprocess.run(
        [program, "-c", str(folder / "ceph.conf"), *args],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise CephUnavailable(f"{program} {args[0]}: {done.stderr.strip()[-1000:]}")


@contextmanager
def _daemon(folder: Path, program: str, *args: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run one daemon, which also ends when the tests are killed."""
    with (folder / f"{program}.out").open("wb") as said:
        command = [program, "-f", *args, "-c", str(folder / "ceph.conf")]
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command], stdout=said, stderr=said
        )
        try:
            yield process
        finally:
            process.kill()  # what they keep is thrown away, so nobody waits for them to tidy up
            process.wait(timeout=SECONDS)


def _wait_until_it_answers(url: str, gateway: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if gateway.poll() is not None:
            break
        try:
            httpx.get(url, timeout=5)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    said = (folder / "radosgw.out").read_text("utf-8", "replace")
    raise CephUnavailable(f"the gateway did not answer in {SECONDS} s: {said.strip()[-1000:]}")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(closing(socket.socket())) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]
