#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon on a disk that is full or fails, beside another daemon, with a store of the future, and under a clock that
jumps. HARDENING D4, D5, D6, D8. Environment: HAWSERD, HAWSER, HAWSER_FAULTY_DISK (the preloaded library)."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest

import faulty_daemon as faulty
from faulty_daemon import mqtt

HAWSERD, SHIM = os.environ["HAWSERD"], os.environ["HAWSER_FAULTY_DISK"]
YEAR_S = 365 * 86400


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hawser-faults-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.daemon = None

    def tearDown(self):
        if self.daemon is not None and self.daemon.process.poll() is None:
            self.daemon.process.kill()
            self.daemon.end()

    def start(self, **more):
        self.daemon = faulty.Daemon(HAWSERD, self.folder, SHIM, **more)
        self.assertTrue(self.daemon.is_ready, self.daemon.log)
        return self.daemon

    def stop(self):
        self.assertEqual(self.daemon.end(), 0, self.daemon.log)

    def make_session(self, expiry=b"\xff\xff\xff\xff"):
        with mqtt.connected(self.daemon.port, "away", 5, clean=False, block=b"\x11" + expiry) as wire:
            wire.send(mqtt.subscribe(("t/#", 1), version=5))
            self.assertEqual(wire.read().type, 9)

    def publish(self, wire, ident, payload, retain=False, block=b""):
        """The reason of its PUBACK."""
        wire.send(mqtt.publish("t/%d" % ident, payload, 5, 1, ident, retain=retain, block=block))
        packet = wire.read(faulty.DEADLINE)
        self.assertEqual((packet.type, packet.ident), (4, ident))
        return packet.body[2] if len(packet.body) > 2 else 0

    def queued(self):
        """What the session gets, with no wait: a message of QoS 0 marks the end."""
        payloads = []
        with mqtt.connected(self.daemon.port, "away", 5, clean=False, block=b"\x11\xff\xff\xff\xff") as wire:
            wire.send(mqtt.subscribe(("end", 0), version=5))
            with mqtt.connected(self.daemon.port, "marker", 5) as marker:
                marker.send(mqtt.publish("t/end", b"end", 5, 1, 9))
                while True:
                    packet = wire.read(faulty.DEADLINE)
                    if packet.type != 3:
                        continue
                    _, payload, qos, ident, _ = packet.publish(5)
                    if payload == b"end":
                        return payloads
                    payloads.append(payload)
                    wire.send(mqtt.ack(0x40, ident))


class Disk(Case):
    def check_failure(self, mode, words):
        self.start(control=True)
        self.make_session()
        with mqtt.connected(self.daemon.port, "publisher", 5) as wire:
            self.assertEqual(self.publish(wire, 1, b"before"), 0)
            self.daemon.fail(mode)
            self.assertGreaterEqual(self.publish(wire, 2, b"refused"), 0x80)
            if mode != b"f":
                status, body = self.daemon.post("/v1/topics/t/3", b"refused")
                self.assertEqual(status, 503)
                self.assertIn(words, body)
                self.assertGreaterEqual(self.publish(wire, 4, b"refused", retain=True), 0x80)
            self.daemon.fail(b"\0")
            end = time.monotonic() + faulty.DEADLINE
            while self.publish(wire, 5, b"after") != 0:   # tried again each second
                self.assertLess(time.monotonic(), end, "the disk works again, the daemon does not")
        self.stop()
        self.start()
        self.assertEqual(self.queued(), [b"before", b"after"])
        self.stop()

    def test_full_disk_refuses_the_publisher_and_nobody_gets_what_was_refused(self):
        self.check_failure(b"n", b"no room left on the disk")

    def test_failing_disk_refuses_the_publisher_and_nobody_gets_what_was_refused(self):
        self.check_failure(b"e", b"Input/output error")

    def test_one_failed_sync_is_never_taken_for_success(self):
        self.check_failure(b"f", b"")


class Store(Case):
    def test_second_daemon_on_the_same_store_is_refused(self):
        self.start()
        other = faulty.Daemon(HAWSERD, self.folder)
        self.assertFalse(other.is_ready)
        self.assertNotEqual(other.process.wait(faulty.DEADLINE), 0)
        other.thread.join()
        other.process.stdout.close()
        other.process.stderr.close()
        self.assertIn("in use by another process", "\n".join(other.log))
        self.assertEqual(self.daemon.post("/v1/topics/t/1", b"x")[0], 202)
        self.stop()

    def test_store_of_a_newer_version_is_refused_and_left_as_it_is(self):
        self.start()
        self.make_session()
        self.stop()
        path = os.path.join(self.folder, "state", "spool.db")
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA journal_mode = DELETE")
            db.execute("PRAGMA user_version = 1000")
        db.close()
        with open(path, "rb") as file:
            before = file.read()
        daemon = faulty.Daemon(HAWSERD, self.folder)
        self.assertFalse(daemon.is_ready)
        self.assertNotEqual(daemon.process.wait(faulty.DEADLINE), 0)
        daemon.thread.join()
        daemon.process.stdout.close()
        daemon.process.stderr.close()
        self.assertIn("version 1000", "\n".join(daemon.log))
        with open(path, "rb") as file:
            self.assertEqual(file.read(), before)

    def hawser(self, *arguments):
        return subprocess.run([os.environ["HAWSER"], "spool", "check", *arguments], capture_output=True, text=True, timeout=faulty.DEADLINE)

    def test_check_of_a_sound_store_says_what_is_in_it(self):
        self.start()
        self.make_session()
        self.assertEqual(self.daemon.post("/v1/topics/t/1?retain=1", b"x" * 100)[0], 202)
        path = os.path.join(self.folder, "state")
        result = self.hawser(path)
        self.assertEqual(result.returncode, 1, result)
        self.assertIn("in use by another process", result.stderr)
        self.stop()
        result = self.hawser(path)
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
        self.assertIn("1 message in 1 queue, no damage", result.stdout)

    def test_check_names_a_damaged_message_and_fails(self):
        self.start()
        self.make_session()
        self.assertEqual(self.daemon.post("/v1/topics/t/1", b"findme" * 10)[0], 202)
        self.stop()
        path = os.path.join(self.folder, "state", "spool.db")
        with open(path, "r+b") as file:
            at = file.read().index(b"findmefindme")
            file.seek(at)
            file.write(b"F")
        result = self.hawser(path)
        self.assertEqual(result.returncode, 1, result)
        self.assertIn("fails its checksum", result.stdout)

    def test_check_of_what_is_not_there_is_an_error(self):
        result = self.hawser(os.path.join(self.folder, "nothing"))
        self.assertEqual(result.returncode, 1, result)
        self.assertIn("nothing", result.stderr)


class Clock(Case):
    def check_jump(self, clock_s):
        self.start()
        self.make_session(b"\x00\x00\x0e\x10")                # an hour
        hour = b"\x02\x00\x00\x0e\x10"
        with mqtt.connected(self.daemon.port, "publisher", 5) as wire:
            self.assertEqual(self.publish(wire, 1, b"queued and kept", True, hour), 0)
        self.stop()
        self.start(clock_s=clock_s)
        self.assertEqual(self.daemon.post("/v1/topics/t/1", None, method="GET"), (200, b"queued and kept"))
        self.assertEqual(self.queued(), [b"queued and kept"])
        self.stop()
        self.start()
        self.assertEqual(self.daemon.post("/v1/topics/t/1", None, method="GET"), (200, b"queued and kept"))
        self.stop()

    def test_year_forward_ends_no_session_and_expires_nothing(self):
        self.check_jump(YEAR_S)

    def test_year_back_ends_no_session_and_expires_nothing(self):
        self.check_jump(-YEAR_S)


if __name__ == "__main__":
    unittest.main()
