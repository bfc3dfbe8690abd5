#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES D2: 10,000 messages at QoS 2 over connections that lose 5 % of what they carry and break: each arrives once."""

import os
import random
import select
import socket
import struct
import tempfile
import threading
import unittest

import mqtt_wire as mqtt
from mqtt_wire import Server, ack, publish, subscribe

N = 10000
WINDOW = 100
EXPIRY = b"\x11" + struct.pack(">I", 3600)


class Proxy(threading.Thread):
    """Carries bytes both ways in segments; of each hundred it loses five, and with a lost segment the connection: TCP
    would carry it again, so losing it for good means that the connection is cut there, sometimes after a part of it."""

    def __init__(self, port, seed):
        super().__init__(daemon=True)
        self.target, self.random, self.n_segments, self.n_cut = port, random.Random(seed), 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs = {}
        self.stopping, self.wake = socket.socketpair()

    def run(self):
        while True:
            ready, _, _ = select.select([self.listener, self.stopping, *self.pairs], [], [])
            for sock in ready:
                if sock is self.stopping:
                    return
                if sock is self.listener:
                    self.accept()
                elif sock in self.pairs:
                    self.carry(sock)

    def accept(self):
        near = self.listener.accept()[0]
        far = socket.create_connection(("127.0.0.1", self.target))
        for sock in (near, far):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pairs[near], self.pairs[far] = far, near

    def carry(self, sock):
        other = self.pairs[sock]
        try:
            data = sock.recv(1400)
        except OSError:
            data = b""
        lost = bool(data) and self.random.random() < 0.05
        self.n_segments += bool(data)
        try:
            other.sendall(data[:self.random.randrange(len(data))] if lost else data)
        except OSError:
            data = b""
        if lost or not data:
            self.n_cut += lost
            del self.pairs[sock], self.pairs[other]
            sock.close()
            other.close()

    def stop(self):
        self.wake.send(b"x")
        self.join()
        for sock in (self.listener, self.stopping, self.wake, *self.pairs):
            sock.close()


class Party:
    """A client that connects again whenever its connection breaks, and keeps what MQTT asks it to keep."""

    def __init__(self, port, version, client):
        self.port, self.version, self.client, self.wire, self.n_connections = port, version, client, None, 0

    def open(self):
        while self.wire is None:
            try:
                self.wire = mqtt.Wire(self.port, mqtt.connect(self.client, self.version, clean=False, block=EXPIRY if self.version == 5 else b""))
                answer = self.wire.read()
                if answer is None:
                    raise OSError
            except OSError:
                self.close()
                continue
            self.n_connections += 1
            assert answer.type == 2 and answer.body[1] == 0, answer.body
            self.resume(answer.body[0])
            self.take_all()

    def send(self, data):
        if self.wire is None:
            return
        try:
            self.wire.send(data)
        except OSError:
            self.close()

    def close(self):
        if self.wire is not None:
            self.wire.close()
        self.wire = None

    def turn(self):
        """Reads what is there."""
        try:
            data = self.wire.socket.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self.wire.buffer += data
        self.take_all()

    def take_all(self):
        while self.wire is not None and (packet := self.wire._cut()) is not None:
            self.take(packet)


class Sender(Party):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.next, self.n_done, self.sent, self.released = 0, 0, {}, set()

    def resume(self, present):
        assert present or not self.sent and not self.released
        for ident, number in list(self.sent.items()):
            self.send(publish("once", b"%d" % number, self.version, 2, ident, dup=True))
        for ident in list(self.released):
            self.send(ack(0x62, ident))

    def fill(self):
        while self.wire is not None and self.next < N and len(self.sent) + len(self.released) < WINDOW:
            ident = self.next % 65535 + 1
            self.sent[ident] = self.next
            self.next += 1
            self.send(publish("once", b"%d" % self.sent[ident], self.version, 2, ident))

    def take(self, packet):
        if packet.type == 5 and self.sent.pop(packet.ident, None) is not None:
            self.released.add(packet.ident)
        if packet.type == 5:
            self.send(ack(0x62, packet.ident))
        elif packet.type == 7 and packet.ident in self.released:
            self.released.discard(packet.ident)
            self.n_done += 1


class Receiver(Party):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.got, self.held = [], set()

    def resume(self, present):
        if not present:
            assert not self.held
            self.send(subscribe(("once", 2), version=self.version))

    def take(self, packet):
        if packet.type == 6:
            self.held.discard(packet.ident)
            self.send(ack(0x70, packet.ident))
        elif packet.type == 3:
            _, payload, qos, ident, _ = packet.publish(self.version)
            assert qos == 2
            if ident not in self.held:
                self.got.append(int(payload))
            self.held.add(ident)
            self.send(ack(0x50, ident))


class ExactlyOnce(unittest.TestCase):
    def exchange(self, version, spool):
        server = Server("mqtt", spool=spool)
        proxy = Proxy(server.port, version)
        proxy.start()
        sender, receiver = Sender(proxy.port, version, "sender"), Receiver(proxy.port, version, "receiver")
        try:
            self.begin(server.port, version)
            while sender.n_done < N or len(receiver.got) < N:
                sender.open()
                receiver.open()
                sender.fill()
                parties = {p.wire.socket: p for p in (sender, receiver) if p.wire is not None}
                ready, _, _ = select.select(list(parties), [], [], mqtt.DEADLINE) if len(parties) == 2 else ([], [], [])
                self.assertTrue(ready or len(parties) < 2, "%d sent, %d received, and nothing more comes" % (sender.n_done, len(receiver.got)))
                for sock in ready:
                    parties[sock].turn()
        finally:
            sender.close()
            receiver.close()
            proxy.stop()
            self.assertEqual(server.close(), 0)
        self.assertEqual(receiver.got, list(range(N)))
        self.assertGreater(proxy.n_cut, proxy.n_segments // 40)
        self.assertGreater(sender.n_connections, 5)

    def begin(self, port, version):
        """The receiver's session and subscription, before anything breaks."""
        with mqtt.connected(port, "receiver", version, clean=False, block=EXPIRY if version == 5 else b"") as wire:
            wire.send(subscribe(("once", 2), version=version))
            self.assertEqual(wire.read().type, 9)

    def test_in_memory(self):
        for version in (4, 5):
            self.exchange(version, None)

    def test_with_a_spool(self):
        for version in (4, 5):
            with tempfile.TemporaryDirectory() as folder:
                self.exchange(version, os.path.join(folder, "spool.db"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
