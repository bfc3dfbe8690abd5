# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server to test, and MQTT packets by hand: what no client library would send."""

import os
import pathlib
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from waiting import DEADLINE_S as DEADLINE, in_time, let_pass, must_be_before, wait_for  # noqa: E402,F401

SERVE = os.environ["HAWSER_TEST_SERVE"]


class Server:
    """One `serve` process; ends with its input."""

    def __init__(self, *listeners, spool=None):
        command = [SERVE] + (["--spool", spool] if spool else []) + list(listeners or ["mqtt"])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        if not line or line[0] != "ready":
            raise RuntimeError("server did not start")
        self.ports = [int(port) for port in line[1:]]
        self.port = self.ports[0]

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def close(self):
        self.process.stdin.close()
        code = self.process.wait(DEADLINE)
        self.process.stdout.close()
        return code


def varint(n):
    out = bytearray()
    while True:
        byte, n = n & 127, n >> 7
        out.append(byte | (128 if n else 0))
        if not n:
            return bytes(out)


def string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack(">H", len(data)) + data


def packet(first, body=b""):
    return bytes([first]) + varint(len(body)) + body


def properties(version, block=b""):
    return varint(len(block)) + block if version == 5 else b""


def connect(client="", version=4, clean=True, keep=0, will=None, user=None, password=None, block=b"", flags=None, name=b"MQTT", level=None):
    bits = 2 if clean else 0
    tail = string(client)
    if will is not None:
        topic, payload, qos, retain, will_block = tuple(will) + (0, False, b"")[len(will) - 2:]
        bits |= 4 | qos << 3 | (32 if retain else 0)
        tail += properties(version, will_block) + string(topic) + string(payload)
    if user is not None:
        bits |= 128
        tail += string(user)
    if password is not None:
        bits |= 64
        tail += string(password)
    head = string(name) + bytes([version if level is None else level, bits if flags is None else flags]) + struct.pack(">H", keep)
    return packet(0x10, head + properties(version, block) + tail)


def publish(topic, payload=b"", version=4, qos=0, ident=1, retain=False, dup=False, block=b""):
    body = string(topic) + (struct.pack(">H", ident) if qos else b"") + properties(version, block)
    return packet(0x30 | (8 if dup else 0) | qos << 1 | retain, body + (payload if isinstance(payload, bytes) else payload.encode()))


def subscribe(*filters, version=4, ident=1, block=b""):
    body = struct.pack(">H", ident) + properties(version, block)
    for item in filters:
        topic, options = item if isinstance(item, tuple) else (item, 0)
        body += string(topic) + bytes([options])
    return packet(0x82, body)


def unsubscribe(*filters, version=4, ident=1):
    return packet(0xA2, struct.pack(">H", ident) + properties(version) + b"".join(string(f) for f in filters))


def ack(first, ident, reason=None):
    return packet(first, struct.pack(">H", ident) + (b"" if reason is None else bytes([reason])))


PINGREQ = packet(0xC0)
DISCONNECT = packet(0xE0)


class Packet:
    def __init__(self, first, body):
        self.type, self.flags, self.body = first >> 4, first & 15, body

    @property
    def ident(self):
        return struct.unpack(">H", self.body[:2])[0]

    def publish(self, version):
        size = struct.unpack(">H", self.body[:2])[0]
        topic, rest = self.body[2:2 + size].decode(), self.body[2 + size:]
        qos, ident = self.flags >> 1 & 3, 0
        if qos:
            ident, rest = struct.unpack(">H", rest[:2])[0], rest[2:]
        block = b""
        if version == 5:
            size, shift, at = 0, 0, 0
            while True:
                size |= (rest[at] & 127) << shift
                shift, at = shift + 7, at + 1
                if not rest[at - 1] & 128:
                    break
            block, rest = rest[at:at + size], rest[at + size:]
        return topic, rest, qos, ident, block


class Wire:
    """A connection of bytes."""

    def __init__(self, port, data=b""):
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        if data:
            self.send(data)

    def send(self, data):
        self.socket.sendall(data)

    def read(self, deadline=DEADLINE):
        """The next packet; None when the server closed. TimeoutError when nothing comes."""
        end = time.monotonic() + deadline
        while True:
            whole = self._cut()
            if whole is not None:
                return whole
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            except socket.timeout:
                raise TimeoutError("nothing came") from None
            if not data:
                return None
            self.buffer += data

    def _cut(self):
        size, shift = 0, 0
        for at in range(1, min(len(self.buffer), 5)):
            size |= (self.buffer[at] & 127) << shift
            shift += 7
            if not self.buffer[at] & 128:
                end = at + 1 + size
                if len(self.buffer) < end:
                    return None
                whole = Packet(self.buffer[0], self.buffer[at + 1:end])
                self.buffer = self.buffer[end:]
                return whole
        return None

    def read_all(self, deadline=DEADLINE):
        """Packets until the server closes."""
        packets = []
        while True:
            item = self.read(deadline)
            if item is None:
                return packets
            packets.append(item)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


def connected(port, client="", version=4, **arguments):
    """A connection after its CONNACK, and the CONNACK."""
    wire = Wire(port, connect(client, version, **arguments))
    answer = wire.read()
    assert answer is not None and answer.type == 2 and answer.body[1] == 0, answer and answer.body
    wire.connack = answer.body
    return wire


def serves_a_good_client(port, version, seconds=1.0):
    """Connects, subscribes, publishes and receives, all within the time; a machine that was busy then is given another chance."""
    took = [serve_a_good_client(port, version)]
    while took[-1] >= seconds and len(took) < 10:
        took.append(serve_a_good_client(port, version))
    assert took[-1] < seconds, took


def serve_a_good_client(port, version):
    """How long it took."""
    start = time.monotonic()
    with connected(port, "", version) as wire:
        wire.send(subscribe(("good", 1), version=version))
        assert wire.read().type == 9
        wire.send(publish("good", b"x", version, 1, 7))
        types = sorted([wire.read().type, wire.read().type])
        assert types == [3, 4], types
        wire.send(DISCONNECT)
    return time.monotonic() - start
