#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""QoS 2 over a bridge out when one side forgets its half of the exchange: the daemon because it is killed, the broker on its own.

test_bridge_exchange.py HAWSERD 4|5

The broker here does what the standard says and no more (MQTT 5.0 section 4.3.3, method B): a packet id between PUBREC and PUBREL
is held with the session, and a PUBLISH with that id is a duplicate, whatever is in it. mosquitto looks at the payload as well.
"""

import os
import shutil
import socket
import sys
import tempfile
import threading
import unittest

from faulty_daemon import changed, mqtt, wait_for
from test_bridge_kill import BRIDGE
from test_daemon_kill import CONF, Daemon

VERSION = 4


class Broker:
    """One session, one connection at a time. `releases` False: PUBREL is lost, what is held stays held."""

    def __init__(self):
        self.held, self.delivered, self.levels, self.has_session, self.releases, self.current = {}, [], [], False, True, None
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                self.current = self.listening.accept()[0]
            except OSError:
                return
            wire = mqtt.Wire.__new__(mqtt.Wire)
            wire.socket, wire.buffer = self.current, b""
            try:
                while (packet := wire.read()) is not None:
                    self.take(wire, packet)
            except OSError:
                pass
            wire.close()

    def take(self, wire, packet):
        if packet.type == 1:
            is_clean = bool(packet.body[7] & 2)
            if is_clean:
                self.held.clear()
            present = self.has_session and not is_clean
            self.has_session = not is_clean
            wire.send(mqtt.packet(0x20, bytes([present, 0]) + mqtt.properties(VERSION)))
        elif packet.type == 3:
            _, payload, qos, ident, _ = packet.publish(VERSION)
            self.levels.append(qos)
            if qos == 2:
                self.held.setdefault(ident, int(payload))
                wire.send(mqtt.ack(0x50, ident))
            else:
                self.delivered.append(int(payload))
                wire.send(mqtt.ack(0x40, ident))
        elif packet.type == 6 and self.releases:
            if packet.ident in self.held:
                self.delivered.append(self.held.pop(packet.ident))
            wire.send(mqtt.ack(0x70, packet.ident))
        elif packet.type == 8:
            wire.send(mqtt.packet(0x90, packet.body[:2] + mqtt.properties(VERSION) + bytes([2])))
        changed()

    def cut(self):
        self.current.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


class Exchange(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hawser-exchange-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.broker = Broker()
        self.addCleanup(self.broker.close)
        self.conf = os.path.join(self.folder, "hawser.conf")
        self.next = 0

    def start(self, extra=""):
        with open(self.conf, "w") as file:
            file.write(CONF % self.folder + BRIDGE % (self.broker.port, "5" if VERSION == 5 else "3.1.1", "out", 2, 2) + extra)
        self.daemon = Daemon(sys.argv[1], self.conf)
        self.addCleanup(self.daemon.kill)

    def publish(self, n):
        with mqtt.connected(self.daemon.port, "", VERSION) as wire:
            for ident in range(1, n + 1):
                wire.send(mqtt.publish("crash/x", b"%d" % self.next, VERSION, 2, ident))
                self.next += 1
                self.assertEqual(5, wire.read().type)

    def wait_for_all(self):
        wait_for(lambda: set(self.broker.delivered) == set(range(self.next)), "every message")

    def hold_five_of_ten(self):
        self.start()
        self.publish(5)
        self.wait_for_all()
        self.broker.releases = False
        self.publish(5)
        wait_for(lambda: len(self.broker.held) == 5, "five exchanges under way")

    def test_packet_ids_of_a_killed_daemon_swallow_nothing(self):
        self.hold_five_of_ten()
        self.daemon.kill()
        self.broker.releases = True
        self.start()
        self.publish(5)   # with the packet ids that were under way
        self.wait_for_all()
        self.assertEqual({}, self.broker.held)
        self.assertEqual({2}, set(self.broker.levels))

    def test_what_the_broker_forgot_is_sent_again(self):
        self.hold_five_of_ten()
        self.broker.held.clear()
        self.broker.has_session = False
        self.broker.releases = True
        self.broker.cut()
        self.publish(5)
        self.wait_for_all()

    def test_a_cut_repeats_nothing(self):
        self.hold_five_of_ten()
        self.broker.releases = True
        self.broker.cut()
        self.publish(5)
        self.wait_for_all()
        self.assertEqual(list(range(self.next)), sorted(self.broker.delivered))

    def test_a_session_with_messages_for_us_is_kept_and_gets_qos_1(self):
        self.start("topics-in=other/#;\n")
        self.publish(5)
        self.wait_for_all()
        self.assertEqual({1}, set(self.broker.levels))
        self.daemon.kill()
        self.assertTrue(self.broker.has_session)


if __name__ == "__main__":
    VERSION = int(sys.argv[2])
    unittest.main(argv=sys.argv[:1], verbosity=2)
