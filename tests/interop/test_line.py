#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The teaching protocol from outside, and its meeting with MQTT."""

import socket
import unittest

from mqtt_wire import DEADLINE, Server, connected, publish, subscribe


class Line(unittest.TestCase):
    def setUp(self):
        self.server = Server("line;max-line=64", "mqtt")
        self.addCleanup(lambda: self.assertEqual(self.server.close(), 0))

    def peer(self):
        peer = socket.create_connection(("127.0.0.1", self.server.port), DEADLINE)
        self.addCleanup(peer.close)
        stream = peer.makefile("rwb", buffering=0)
        self.addCleanup(stream.close)
        return stream

    def test_lines_meet_mqtt(self):
        peer = self.peer()
        peer.write(b"SUB a/+\nPUB a/b to myself\r\n")
        self.assertEqual(peer.readline(), b"MSG a/b to myself\n")
        with connected(self.server.ports[1]) as wire:
            wire.send(subscribe("a/#"))
            wire.read()
            peer.write(b"PUB a/c hello\n")
            self.assertEqual(wire.read().publish(4)[:2], ("a/c", b"hello"))
            self.assertEqual(peer.readline(), b"MSG a/c hello\n")
            wire.send(publish("a/d", b"two\nlines") + publish("a/d", b""))
            self.assertEqual(peer.readline(), b"MSG a/d \n")

    def test_unsubscribed_hears_nothing(self):
        peer = self.peer()
        peer.write(b"SUB a\nSUB b\nUNSUB a\nPUB a 1\nPUB b 2\nUNSUB a\n")
        self.assertEqual([peer.readline(), peer.readline()], [b"MSG b 2\n", b"ERR not-found\n"])

    def test_refusals_name_their_reason(self):
        peer = self.peer()
        for line, reason in ((b"HELLO", b"malformed"), (b"", b"malformed"), (b"PUB", b"malformed"), (b"PUB  x", b"invalid"), (b"PUB a/+ x", b"invalid"),
                             (b"SUB a/#/b", b"invalid"), (b"SUB", b"malformed"), (b"SUB a b", b"malformed"), (b"PUB $SYS/x y", b"not-authorized"), (b"PUB a\xff x", b"invalid"),
                             (b"PUB a x\0y", b"malformed"), (b"x" * 65, b"too-large")):
            peer.write(line + b"\n")
            self.assertEqual(peer.readline(), b"ERR " + reason + b"\n", line)

    def test_endless_line_ends_the_connection(self):
        peer = self.peer()
        peer.write(b"x" * 1000)
        self.assertEqual(peer.readline(), b"ERR too-large\n")
        self.assertEqual(peer.readline(), b"")


if __name__ == "__main__":
    unittest.main(verbosity=2)
