# SPDX-License-Identifier: LGPL-2.1-or-later
"""hawserd on a disk that forgets and fails (faulty-disk.c), and parties that know what they were promised."""

import json
import os
import random
import select
import signal
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "interop"), os.path.join(HERE, "..", "harness")]
os.environ.setdefault("HAWSER_TEST_SERVE", "")
import mqtt_wire as mqtt  # noqa: E402
from waiting import DEADLINE_S, changed, free_port, wait_for  # noqa: E402,F401

DEADLINE = DEADLINE_S
CONF = """[hawser]
name=faults
state-dir=%(folder)s/state
%(settings)s
[policy anyone]
allow=true
[topic #]
create=auto
publish-policy=anyone
subscribe-policy=anyone
[listener mqtt]
type=mqtt
address=tcp:127.0.0.1:0
anonymous=allow
[listener web]
type=http
address=tcp:127.0.0.1:0
anonymous=allow
admin=true
"""


class Daemon:
    """One run of hawserd; `shim` is the path of the preloaded library, `undo` and `control` its files."""

    def __init__(self, program, folder, shim=None, undo=False, control=False, clock_s=0, settings="sync=always"):
        conf = os.path.join(folder, "hawser.conf")
        with open(conf, "w") as file:
            file.write(CONF % {"folder": folder, "settings": settings})
        env = dict(os.environ)
        if shim is not None:
            env.update(LD_PRELOAD=shim, HAWSER_FAULTY_PREFIX=os.path.join(folder, "state") + "/", HAWSER_FAULTY_CLOCK_S=str(clock_s),
                       ASAN_OPTIONS="verify_asan_link_order=0:" + env.get("ASAN_OPTIONS", ""))
        self.undo = os.path.join(folder, "undo")
        if os.path.exists(self.undo):
            os.unlink(self.undo)
        if undo:
            env["HAWSER_FAULTY_UNDO"] = self.undo
        self.control = os.path.join(folder, "control")
        if control:
            self.fail(b"\0")
            env["HAWSER_FAULTY_CONTROL"] = self.control
        self.log = []
        self.process = subprocess.Popen([program, "--config", conf], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        self.thread = threading.Thread(target=self._read_log, daemon=True)
        self.thread.start()
        line = self.process.stdout.readline()
        self.is_ready = line.startswith("ready")
        if self.is_ready:
            ports = [int(part.split("127.0.0.1:")[1].split()[0].rstrip("/")) for part in line.split("tcp:")[1:]]
            self.port, self.web = ports

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))

    def fail(self, mode):
        with open(self.control, "r+b" if os.path.exists(self.control) else "w+b") as file:
            file.write(mode)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE)
        self.thread.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def post(self, path, body=b"", headers=None, method="POST"):
        """Status and body."""
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.web, path), body, headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def get(self, path):
        status, body = self.post(path, None, method="GET")
        return json.loads(body) if status == 200 else None


def read_undo(path):
    """(kind, path, offset, size before, length, what was there), whole records only."""
    with open(path, "rb") as file:
        data = file.read()
    at, head = 0, struct.Struct("=cI4Q")
    while at + head.size <= len(data):
        kind, path_len, offset, size, length, old_len = head.unpack_from(data, at)
        end = at + head.size + path_len + old_len
        if end > len(data):
            return
        name = data[at + head.size:at + head.size + path_len].decode()
        yield kind, name, offset, size, length, data[end - old_len:end]
        at = end


def take_power_away(undo, rng):
    """Takes back what no sync covers: all of it, or (a torn write) some of the sectors of 512 bytes."""
    records = list(read_undo(undo))
    synced = {}
    for i, record in enumerate(records):
        if record[0] == b"s":
            synced[record[1]] = i
    unsynced = [record for i, record in enumerate(records) if record[0] != b"s" and i > synced.get(record[1], -1)]
    is_torn = rng.random() < 0.5
    n = 0
    for kind, name, offset, size, length, old in reversed(unsynced):
        if not os.path.exists(name):
            continue
        with open(name, "r+b") as file:
            if kind == b"t":
                file.seek(offset)
                file.write(old)
                continue
            n += 1
            if is_torn:
                old_by_sector = old + b"\0" * (length - len(old))
                for sector in range(0, length, 512):
                    if rng.random() < 0.5:
                        file.seek(offset + sector)
                        file.write(old_by_sector[sector:sector + 512][:length - sector])
            else:
                file.seek(offset)
                file.write(old)
                if size < offset + length:
                    file.truncate(size)
    return n


class Publisher:
    """Sends numbers; what is not acknowledged when the daemon dies is sent again."""

    def __init__(self, version, qos, window=100):
        self.version, self.qos, self.window = version, qos, window
        self.next, self.acked, self.pending, self.times, self.refused = 0, set(), {}, {}, set()

    def open(self, port):
        self.wire = mqtt.connected(port, "publisher", self.version, clean=True)
        self.ident = 0
        again, self.pending = sorted(self.pending.values()), {}
        for number in again:
            self.send(number)

    def send(self, number):
        self.ident = self.ident % 65535 + 1
        self.pending[self.ident] = number
        topic = "last" if number % 10 == 0 else "fault/%d" % (number % 3)
        self.wire.send(mqtt.publish(topic, b"%d" % number, self.version, self.qos, self.ident, retain=number % 10 == 0))

    def fill(self):
        while len(self.pending) < self.window:
            self.send(self.next)
            self.next += 1

    def take(self, packet):
        if packet.type in (4, 5):
            number = self.pending.pop(packet.ident)
            if len(packet.body) > 2 and packet.body[2] >= 0x80:
                self.refused.add(number)
            else:
                self.acked.add(number)
                self.times[number] = time.monotonic()
                if packet.type == 5:
                    self.wire.send(mqtt.ack(0x62, packet.ident))


class Subscriber:
    """A persistent session that acknowledges what it gets."""

    def __init__(self, version, qos):
        self.version, self.qos, self.seen, self.wire, self.highest, self.out_of_order = version, qos, set(), None, {}, 0

    def open(self, port, expect_session):
        block = b"\x11\xff\xff\xff\xff" if self.version == 5 else b""
        self.wire = mqtt.connected(port, "subscriber", self.version, clean=False, block=block)
        present = bool(self.wire.connack[0] & 1)
        assert present == expect_session, "session present is %s" % present
        if not expect_session:
            self.wire.send(mqtt.subscribe(("fault/#", self.qos), ("last", self.qos), version=self.version))
            while self.wire.read().type != 9:
                pass

    def take(self, packet):
        if packet.type == 3:
            topic, payload, qos, ident, _ = packet.publish(self.version)
            number = int(payload)
            if number not in self.seen and number < self.highest.get(topic, -1):
                self.out_of_order += 1
            self.highest[topic] = max(number, self.highest.get(topic, -1))
            self.seen.add(number)
            if qos:
                self.wire.send(mqtt.ack(0x40 if qos == 1 else 0x50, ident))
        elif packet.type == 6:
            self.wire.send(mqtt.ack(0x70, packet.ident))

    def close(self):
        if self.wire is not None:
            self.wire.close()
        self.wire = None


def pump(parties, until, deadline_s=DEADLINE):
    """Gives packets to the parties until the condition holds; False when the time is up."""
    end = time.monotonic() + deadline_s
    wires = {party.wire.socket: party for party in parties if party.wire is not None}
    ready = list(wires)   # of all of them something may have come with what was read before
    while True:
        for sock in ready:
            party = wires[sock]
            while (packet := party.wire._cut()) is not None:
                party.take(packet)
        if until():
            return True
        if time.monotonic() > end:
            return False
        # what else is waited for, in files or in time, says nothing: look at it now and then
        ready, _, _ = select.select(list(wires), [], [], 0.2)
        for sock in ready:
            data = sock.recv(1 << 16)
            if not data:
                raise SystemExit("the daemon closed a connection")
            wires[sock].wire.buffer += data


def seeded(seed):
    return random.Random(seed)
