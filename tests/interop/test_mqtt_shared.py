#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shared subscriptions (MQTT 5.0 section 4.8.2): each message goes to one member, whatever becomes of the others."""

import collections
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from mqtt_member import read_journal
from mqtt_wire import DEADLINE, DISCONNECT, PINGREQ, Server, ack, connected, publish, subscribe, unsubscribe

PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x62, 0x70
EXPIRY = b"\x11" + struct.pack(">I", 3600)


class Base(unittest.TestCase):
    spool = False

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = directory.name
        self.start()
        self.addCleanup(lambda: self.assertEqual(self.server.close(), 0))

    def start(self):
        self.server = Server("mqtt", spool=os.path.join(self.folder, "spool.db") if self.spool else None)

    def wire(self, client="", version=5, **arguments):
        made = connected(self.server.port, client, version, **arguments)
        self.addCleanup(made.close)
        return made

    def member(self, client="", version=5, qos=1, topic="$share/g/jobs/#", **arguments):
        wire = self.wire(client, version, **arguments)
        wire.send(subscribe((topic, qos), version=version))
        answer = wire.read()
        self.assertEqual((answer.type, answer.body[-1]), (9, qos))
        return wire

    def send(self, sender, payloads, qos=1, topic="jobs/x"):
        """Publishes at MQTT 3.1.1 and waits for each acknowledgement."""
        waiting = set()
        for at, payload in enumerate(payloads):
            sender.send(publish(topic, b"%d" % payload, 4, qos, at % 60000 + 1))
            waiting.add(at % 60000 + 1)
            while len(waiting) >= 500:
                self.take_ack(sender, waiting)
        while waiting:
            self.take_ack(sender, waiting)

    def take_ack(self, sender, waiting):
        packet = sender.read()
        if packet.type == 5:
            sender.send(ack(PUBREL, packet.ident))
        else:
            waiting.discard(packet.ident)

    def drain(self, wire, version=5):
        """What is there: everything up to the answer to a PINGREQ."""
        wire.send(PINGREQ)
        got = []
        while (packet := wire.read()).type != 13:
            if packet.type == 3:
                got.append((packet.flags,) + packet.publish(version))
        return got


class Groups(Base):
    def test_each_message_goes_to_one_member_and_to_each_group(self):
        members = [self.member(version=version) for version in (4, 5, 4, 5)]
        other, plain = self.member(topic="$share/h/jobs/#"), self.member(topic="jobs/x")
        self.send(self.wire(version=4), range(100))
        shares = [self.drain(wire, 4 + at % 2) for at, wire in enumerate(members)]
        self.assertEqual([len(share) for share in shares], [25] * 4)
        self.assertEqual(sorted(int(m[2]) for share in shares for m in share), list(range(100)))
        for wire in (other, plain):
            self.assertEqual([int(m[2]) for m in self.drain(wire)], list(range(100)))

    def test_the_least_loaded_gets_it(self):
        lazy, busy = self.member(), self.member()
        sender = self.wire(version=4)
        self.send(sender, range(10))
        for m in self.drain(busy):
            busy.send(ack(PUBACK, m[4]))
        self.drain(busy)
        self.assertEqual(len(self.drain(lazy)), 5)
        self.send(sender, range(10, 14))
        self.assertEqual([int(m[2]) for m in self.drain(busy)], [10, 11, 12, 13])

    def test_retained_values_are_not_sent(self):
        self.wire().send(publish("jobs/r", b"kept", 5, 0, retain=True))
        sender = self.wire()
        sender.send(publish("jobs/r", b"kept", 5, 1, 1, retain=True))
        sender.read()
        member = self.member()
        self.assertEqual(self.drain(member), [])

    def test_bad_names_are_refused(self):
        wire = self.wire()
        for topic in ("$share/g", "$share//a", "$share/g/", "$share/g/$share/h/a", "$share/"):
            wire.send(subscribe((topic, 1), version=5))
            self.assertEqual(wire.read().body[-1], 0x8F, topic)

    def test_identifier_and_retain_flag_are_the_members_own(self):
        wire = self.wire()
        wire.send(subscribe(("$share/g/jobs/#", 1 | 8), version=5, block=b"\x0b\x21"))
        wire.read()
        sender = self.wire()
        sender.send(publish("jobs/a", b"x", 5, 1, 1, retain=True))
        sender.read()
        flags, topic, payload, qos, ident, block = self.drain(wire)[0]
        self.assertEqual((flags & 1, block), (1, b"\x0b\x21"))

    def test_unsubscribed_member_gets_nothing_more_and_may_finish(self):
        leaver, other = self.member(), self.member()
        sender = self.wire(version=4)
        self.send(sender, range(2))
        had = self.drain(leaver)
        self.assertEqual(len(had), 1)
        leaver.send(unsubscribe("$share/g/jobs/#", version=5))
        self.assertEqual(leaver.read().body[-1], 0)
        self.send(sender, range(2, 6))
        self.assertEqual(len(self.drain(other)), 5)
        leaver.send(ack(PUBACK, had[0][4]))
        self.assertEqual(self.drain(leaver), [])
        leaver.send(DISCONNECT)
        leaver.read_all()
        self.assertEqual(len(self.drain(other)), 0)

    def test_what_a_member_did_not_acknowledge_goes_to_others(self):
        silent, other = self.member(), self.member()
        self.send(self.wire(version=4), range(100))
        first = self.drain(other)
        self.assertEqual(len(self.drain(silent)), 50)
        silent.close()
        again = []
        while len(again) < 50:
            again += self.drain(other)
        self.assertTrue(all(m[0] & 8 for m in again))
        self.assertEqual([int(m[2]) for m in again], sorted(int(m[2]) for m in again))
        self.assertEqual(sorted(int(m[2]) for m in first + again), list(range(100)))

    def test_rejected_message_goes_to_nobody_else(self):
        first, second = self.member(), self.member()
        self.send(self.wire(version=4), range(2))
        for wire in (first, second):
            for m in self.drain(wire):
                wire.send(ack(PUBACK, m[4], 0x80))
            self.drain(wire)
        first.close()
        self.assertEqual(self.drain(second), [])

    def test_at_qos_2_the_chosen_one_finishes_when_it_comes_back(self):
        chosen, other = self.member("chosen", qos=2, block=EXPIRY), self.member(qos=2)
        self.send(self.wire(version=4), range(2), 2)
        had = self.drain(chosen)
        self.assertEqual(len(had), 1)
        chosen.close()
        self.assertEqual([m[2] for m in self.drain(other)], [b"%d" % (1 - int(had[0][2]))])
        back = self.wire("chosen", clean=False, block=EXPIRY)
        again = back.read()
        self.assertEqual((again.flags & 8, again.publish(5)[1:4]), (8, had[0][2:5]))
        back.send(ack(PUBREC, again.publish(5)[3]))
        self.assertEqual(back.read().type, 6)
        self.assertEqual(self.drain(other), [])

    def test_at_qos_2_nobody_else_gets_what_a_dead_session_had(self):
        for version, expected in ((5, 0), (4, 1)):
            topic = "$share/dead%d/d%d" % (version, version)
            chosen, other = self.member(version=version, qos=2, topic=topic), self.member(version=version, qos=2, topic=topic)
            self.send(self.wire(version=4), range(2), 2, "d%d" % version)
            self.assertEqual((len(self.drain(chosen, version)), len(self.drain(other, version))), (1, 1))
            chosen.close()
            deadline = time.monotonic() + (DEADLINE if expected else 0.5)
            got = []
            while len(got) < max(1, expected) and time.monotonic() < deadline:
                got += self.drain(other, version)
            self.assertEqual(len(got), expected, version)

    def test_messages_wait_while_nobody_is_there(self):
        for client in ("a", "b"):
            self.member(client, block=EXPIRY).close()
        self.send(self.wire(version=4), range(100))
        back = [self.wire(client, clean=False, block=EXPIRY) for client in ("a", "b")]
        self.assertEqual([wire.connack[0] for wire in back], [1, 1])
        got = []
        while len(got) < 100:
            for wire in back:
                got += self.drain(wire)
        self.assertEqual(sorted(int(m[2]) for m in got), list(range(100)))

    def test_message_too_large_for_one_goes_to_another(self):
        small, large = self.member(block=b"\x27\0\0\0\x40"), self.member()
        sender = self.wire()
        for at in range(4):
            sender.send(publish("jobs/x", b"y" * 100, 5, 1, at + 1))
            sender.read()
        self.assertEqual((len(self.drain(small)), len(self.drain(large))), (0, 4))


class KeptGroups(Groups):
    """The same with a spool under the bus."""

    spool = True

    def test_group_survives_sigkill_of_the_server(self):
        self.member("a", block=EXPIRY).close()
        self.send(self.wire(version=4), range(200))
        self.server.kill()
        self.start()
        back = self.wire("a", clean=False, block=EXPIRY)
        self.assertEqual(back.connack[0], 1)
        got = []
        while len(got) < 200:
            for m in self.drain(back):
                got.append(int(m[2]))
                back.send(ack(PUBACK, m[4]))
        self.assertEqual(got, list(range(200)))
        back.send(unsubscribe("$share/g/jobs/#", version=5))
        while back.read().type != 11:
            pass
        self.send(self.wire(version=4), range(3))
        self.assertEqual(self.drain(back), [])


class Killed(Base):
    """Four members and 10,000 messages (FEATURES C11); members are killed with SIGKILL and come back."""

    N = 10000

    def launch(self, number, version, qos):
        path = os.path.join(self.folder, "member-%d" % number)
        process = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "mqtt_member.py"), str(self.server.port), str(version),
                                    "member-%d" % number, "$share/g/jobs/#", str(qos), path], stdout=subprocess.PIPE, text=True)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    def seen(self):
        counts = collections.Counter()
        for number in range(4):
            counts.update(int(p) for p in read_journal(os.path.join(self.folder, "member-%d" % number))[0])
        return counts

    def run_members(self, version, qos, seed):
        rng = random.Random(seed)
        members = [self.launch(number, version, qos) for number in range(4)]
        sender = self.wire(version=4)
        n_killed = 0
        try:
            for start in range(0, self.N, 1000):
                self.send(sender, range(start, start + 1000), qos)
                number = rng.randrange(4)
                members[number].kill()
                members[number].wait()
                members[number].stdout.close()
                n_killed += 1
                members[number] = self.launch(number, version, qos)
            deadline = time.monotonic() + 60
            while len(counts := self.seen()) < self.N and time.monotonic() < deadline:
                self.drain(sender, 4)
        finally:
            for member in members:
                member.kill()
                member.wait()
                member.stdout.close()
        self.assertEqual((n_killed, len(counts)), (10, self.N))
        return sum(counts.values())

    def test_no_loss_at_qos_1(self):
        for version in (4, 5):
            # twice only what a killed member had received and could not acknowledge any more
            self.assertLess(self.run_members(version, 1, version), self.N + 10 * 250)
            self.reset()

    def test_neither_loss_nor_duplicate_at_qos_2(self):
        for version in (4, 5):
            self.assertEqual(self.run_members(version, 2, version), self.N)
            self.reset()

    def reset(self):
        for name in os.listdir(self.folder):
            if name.startswith("member-"):
                os.unlink(os.path.join(self.folder, name))
        for number in range(4):
            self.wire("member-%d" % number, clean=True).close()

    def test_a_member_that_never_answers_costs_nothing(self):
        silent = self.member(qos=1)
        process = self.launch(0, 5, 1)
        self.send(self.wire(version=4), range(1000))
        silent.close()
        deadline = time.monotonic() + 60
        while len(counts := self.seen()) < 1000 and time.monotonic() < deadline:
            self.drain(self.wire())
        process.kill()
        process.wait()
        process.stdout.close()
        self.assertEqual((len(counts), sum(counts.values())), (1000, 1000))


if __name__ == "__main__":
    unittest.main(verbosity=2)
