#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hostile packets made by rule, not by hand: each field of each packet in each way to be wrong, both versions, and seeded
mutations of good packets; then HARDENING M1 to M23 by their names. Each reaction is the one that the standard gives, and
after each packet a good client is served."""

import random
import struct
import time
import unittest

import mqtt_wire as mqtt
from mqtt_wire import DISCONNECT, PINGREQ, Server, Wire, ack, connect, connected, let_pass, packet, properties, publish, serves_a_good_client, string, subscribe, unsubscribe, varint

MALFORMED, PROTOCOL, OPEN, CLOSED = 0x81, 0x82, "open", "closed"
BAD_TEXT = {"nul": b"a\0b", "surrogate": b"\xed\xa0\x80", "overlong": b"\xc0\xaf", "cut": b"a\xe2\x82", "ff": b"\xff", "above-10ffff": b"\xf4\x90\x80\x80"}

# MQTT 5.0, table 2-4: identifier -> (good value, packets that may have it)
PROPERTIES = {
    0x01: (b"\1", "publish will"), 0x02: (b"\0\0\0\1", "publish will"), 0x03: (string("x"), "publish will"), 0x08: (string("r"), "publish will"),
    0x09: (string("c"), "publish will"), 0x0B: (b"\1", "publish subscribe"), 0x11: (b"\0\0\0\1", "connect disconnect"), 0x12: (string("i"), ""),
    0x13: (b"\0\1", ""), 0x15: (string("m"), "connect auth"), 0x16: (string("d"), "connect auth"), 0x17: (b"\1", "connect"), 0x18: (b"\0\0\0\1", "will"),
    0x19: (b"\1", "connect"), 0x1A: (string("i"), ""), 0x1C: (string("s"), "disconnect"), 0x1F: (string("r"), "puback pubrec pubrel pubcomp disconnect auth"),
    0x21: (b"\0\1", "connect"), 0x22: (b"\0\1", "connect"), 0x23: (b"\0\1", "publish"), 0x24: (b"\1", ""), 0x25: (b"\1", ""),
    0x26: (string("k") + string("v"), "connect will publish puback pubrec pubrel pubcomp subscribe unsubscribe disconnect auth"), 0x27: (b"\0\0\1\0", "connect"),
    0x28: (b"\1", ""), 0x29: (b"\1", ""), 0x2A: (b"\1", "")}
TEXT = {0x03, 0x08, 0x15, 0x1C, 0x1F}
REASONS = {"puback": {0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99}, "pubrec": {0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99}, "pubrel": {0, 0x92},
           "pubcomp": {0, 0x92}}
FIRST = {"puback": 0x40, "pubrec": 0x50, "pubrel": 0x62, "pubcomp": 0x70}

# how each packet of 5.0 looks around a property block
MAKE = {"connect": lambda block: connect("", 5, block=block), "will": lambda block: connect("", 5, will=("w", b"x", 0, False, block)),
        "publish": lambda block: publish("a", b"x", 5, block=block), "subscribe": lambda block: subscribe("a", version=5, block=block),
        "unsubscribe": lambda block: packet(0xA2, b"\0\1" + properties(5, block) + string("a")), "disconnect": lambda block: packet(0xE0, b"\0" + properties(5, block))}
for name, first in FIRST.items():
    MAKE[name] = lambda block, first=first: packet(first, b"\0\1\0" + properties(5, block))
# not refused, and yet the connection does not go on: what a good packet with this property means
ENDS = {("publish", 0x0B): PROTOCOL, ("connect", 0x15): 0x8C, ("connect", 0x16): PROTOCOL, ("disconnect", None): CLOSED, ("disconnect", 0x11): PROTOCOL}


def length_ways(data):
    """A length that does not fit: (name, bytes) for every two-byte length in front of these."""
    yield "length-past-the-end", struct.pack(">H", len(data) + 1) + data
    yield "length-ffff", b"\xff\xff" + data


def every_property():
    """Every identifier in every packet: allowed, foreign or unknown; twice; cut; with a bad value."""
    for kind, make in MAKE.items():
        for ident in range(0x80):
            value, where = PROPERTIES.get(ident, (b"\1", ""))
            item = bytes([ident]) + value
            allowed = kind in where.split()
            good = ENDS.get((kind, ident), ENDS.get((kind, None), OPEN))
            yield "%s-property-%02x" % (kind, ident), kind, make(item), good if allowed else MALFORMED
            if not allowed:
                continue
            for size in range(1, len(item)):
                yield "%s-property-%02x-cut-%d" % (kind, ident, size), kind, make(item[:size]), MALFORMED
            if ident != 0x26 and (kind, ident) != ("publish", 0x0B):
                yield "%s-property-%02x-twice" % (kind, ident), kind, make(item + item), PROTOCOL
            for way, text in BAD_TEXT.items() if ident in TEXT else ():
                yield "%s-property-%02x-%s" % (kind, ident, way), kind, make(bytes([ident]) + string(text)), MALFORMED
            for way, text in BAD_TEXT.items() if ident == 0x26 else ():
                yield "%s-user-name-%s" % (kind, way), kind, make(b"\x26" + string(text) + string("v")), MALFORMED
                yield "%s-user-value-%s" % (kind, way), kind, make(b"\x26" + string("k") + string(text)), MALFORMED
            for way, data in length_ways(b"r") if ident in TEXT | {0x09, 0x16, 0x26} else ():
                yield "%s-property-%02x-%s" % (kind, ident, way), kind, make(bytes([ident]) + data), MALFORMED
    for kind, ident, top in (("connect", 0x17, 2), ("connect", 0x19, 2), ("publish", 0x01, 2), ("will", 0x01, 2)):
        for value in (top, 3, 0x7F, 0x80, 0xFF):
            yield "%s-property-%02x-value-%d" % (kind, ident, value), kind, MAKE[kind](bytes([ident, value])), PROTOCOL
    for kind, item, code in (("connect", b"\x21\0\0", PROTOCOL), ("connect", b"\x27\0\0\0\0", PROTOCOL), ("subscribe", b"\x0b\0", PROTOCOL), ("publish", b"\x23\0\0", 0x94)):
        yield "%s-property-%02x-zero" % (kind, item[0]), kind, MAKE[kind](item), code
    for way, data in (("overlong", b"\x81\0"), ("five-bytes", b"\xff\xff\xff\xff\1"), ("endless", b"\xff\xff\xff\xff\xff")):
        yield "subscription-id-" + way, "subscribe", MAKE["subscribe"](b"\x0b" + data), MALFORMED


def every_reason():
    """Every byte as the reason of an acknowledgement, and of DISCONNECT."""
    for name, known in REASONS.items():
        for code in range(256):
            if code not in known:
                yield "%s-reason-%02x" % (name, code), name, packet(FIRST[name], bytes([0, 1, code])), MALFORMED
    known = {0, 4, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E,
             0x9F, 0xA0, 0xA1, 0xA2}
    for code in range(256):
        if code not in known:
            yield "disconnect-reason-%02x" % code, "disconnect", packet(0xE0, bytes([code])), MALFORMED


def every_first_byte(version):
    """Every first byte with a body that would be good for its type."""
    block = properties(version)
    bodies = {3: string("a") + b"\0\1" + block, 4: b"\0\1", 5: b"\0\1", 6: b"\0\1", 7: b"\0\1", 8: b"\0\1" + block + string("a") + b"\0", 10: b"\0\1" + block + string("a")}
    needed = {6: 2, 8: 2, 10: 2}
    for first in range(256):
        kind, flags = first >> 4, first & 15
        if kind == 3:
            bad = flags >> 1 & 3 == 3 or (flags & 8 and not flags >> 1 & 3)
            if bad:
                yield "first-%02x" % first, "any", bytes([first]) + packet(0, bodies[3])[1:], MALFORMED
            continue
        if flags != needed.get(kind, 0) or kind == 0:
            code = MALFORMED
        elif kind in (2, 9, 11, 13, 15):
            code = PROTOCOL
        elif kind == 1:
            code = PROTOCOL
        else:
            continue
        yield "first-%02x" % first, "any", bytes([first]) + packet(0, bodies.get(kind, b""))[1:], code


def every_cut(version):
    """Each packet cut at each byte, its length told truly."""
    block = properties(version)
    whole = {"publish": (0x32, string("abc") + b"\0\1" + block, MALFORMED), "subscribe": (0x82, b"\0\1" + block + string("abc") + b"\0", MALFORMED),
             "unsubscribe": (0xA2, b"\0\1" + block + string("abc"), MALFORMED)}
    for name, (first, body, code) in whole.items():
        for size in range(len(body)):
            bare = name != "publish" and size == 2 + len(block)
            yield "%s-cut-%d" % (name, size), "any", packet(first, body[:size]), PROTOCOL if bare else code
    for name, first in FIRST.items():
        for size in range(2):
            yield "%s-cut-%d" % (name, size), "any", packet(first, b"\0\1"[:size]), MALFORMED
    for name, first, head, tail in (("publish", 0x30, b"", block), ("subscribe", 0x82, b"\0\1" + block, b"\0"), ("unsubscribe", 0xA2, b"\0\1" + block, b"")):
        for way, data in length_ways(b"abc" + tail):
            yield "%s-topic-%s" % (name, way), "any", packet(first, head + data), MALFORMED
        for way, text in BAD_TEXT.items():
            yield "%s-topic-%s" % (name, way), "any", packet(first, head + string(text) + tail), MALFORMED
            yield "%s-second-topic-%s" % (name, way), "any", packet(first, (head + string("a") + tail if name != "publish" else b"") + string(text) + tail), MALFORMED
    for way, text in (("plus", "a+"), ("hash", "#a"), ("middle", "a/#/b"), ("half", "a/b+/c"), ("two", "##"), ("empty", "")):
        for name, make in (("subscribe", subscribe), ("unsubscribe", unsubscribe)):
            yield "%s-%s" % (name, way), "any", make(text, version=version), 0x8F
    for bits in range(256):
        bad = bits & 3 == 3 or bits & (0xC0 if version == 5 else 0xFC) or (version == 5 and bits & 0x30 == 0x30)
        if bad:
            reserved = bits & (0xC0 if version == 5 else 0xFC)
            yield "subscribe-options-%02x" % bits, "any", subscribe(("a", bits), version=version), MALFORMED if reserved else PROTOCOL
    for name in ("pingreq", "disconnect"):
        if name == "pingreq" or version == 4:
            for size in (1, 2, 100):
                yield "%s-body-%d" % (name, size), "any", packet(0xC0 if name == "pingreq" else 0xE0, b"\0" * size), MALFORMED
    for way, data in (("overlong", b"\x80\0"), ("overlong-3", b"\x81\x80\0"), ("five", b"\xff\xff\xff\xff\1"), ("endless", b"\xff\xff\xff\xff\xff")):
        for first in (0x30, 0x40, 0x50, 0x62, 0x70, 0x82, 0xA2, 0xC0, 0xE0):
            yield "length-%s-%02x" % (way, first), "any", bytes([first]) + data, MALFORMED


def connects():
    """CONNECT with everything in it, cut at each byte, and each field wrong, in both versions."""
    for version in (4, 5):
        code = MALFORMED if version == 5 else CLOSED
        full = connect("id", version, will=("w", b"x", 1, True), user="u", password=b"p")[2:]
        for size in range(len(full)):
            yield "connect%d-cut-%d" % (version, size), "connect", packet(0x10, full[:size]), code if size >= 7 else CLOSED
        yield "connect%d-trailing" % version, "connect", packet(0x10, full + b"\0"), code
        for bit in range(256):
            if bit & 1 or bit & 0x18 == 0x18 or (not bit & 4 and bit & 0x38) or (version == 4 and bit & 0xC0 == 0x40):
                yield "connect%d-flags-%02x" % (version, bit), "connect", packet(0x10, full[:7] + bytes([bit]) + full[8:]), code
        for way, text in BAD_TEXT.items():
            yield "connect%d-id-%s" % (version, way), "connect", connect(text, version), code
            yield "connect%d-user-%s" % (version, way), "connect", connect("", version, user=text), code
            yield "connect%d-will-topic-%s" % (version, way), "connect", connect("", version, will=(text, b"x")), code
        head = string("MQTT") + bytes([version, 2, 0, 0]) + properties(version)
        for way, data in length_ways(b"id"):
            yield "connect%d-id-%s" % (version, way), "connect", packet(0x10, head + data), code
    for level in range(256):
        if level not in (0, 3, 4, 5):
            yield "level-%d" % level, "connect", connect("", 5, level=level), 0x84 if level > 5 else 1
    for at in range(4):
        for flip in (1, 0x20, 0x80):
            name = bytearray(b"MQTT")
            name[at] ^= flip
            yield "name-%d-%02x" % (at, flip), "connect", connect("", 5, name=bytes(name)), CLOSED


class Fields(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("mqtt;max-packet-size=8388608")

    @classmethod
    def tearDownClass(cls):
        assert cls.server.close() == 0

    def check(self, cases, version, at_least):
        n = 0
        for name, kind, data, code in cases:
            with self.subTest(name, version=version):
                if kind in ("connect", "will"):
                    self.before(data, code)
                else:
                    self.after(data, code, version)
                serves_a_good_client(self.server.port, 4 + n % 2, mqtt.DEADLINE)
            n += 1
        self.assertGreaterEqual(n, at_least)

    def before(self, data, code):
        with Wire(self.server.port, data) as wire:
            if code == OPEN:
                self.assertEqual(wire.read().body[:2], b"\0\0")
                wire.send(DISCONNECT)
                self.assertEqual(wire.read_all(), [])
                return
            answers = [(item.type, item.body[:2]) for item in wire.read_all()]
        self.assertEqual(answers, [] if code == CLOSED else [(2, bytes([0, code]))])

    def after(self, data, code, version):
        with connected(self.server.port, "", version) as wire:
            wire.send(data)
            if code == OPEN:
                wire.send(PINGREQ)
                while wire.read().type != 13:
                    pass
                return
            answers = [(item.type, item.body[:1]) for item in wire.read_all() if item.type == 14]
        self.assertEqual(answers, [(14, bytes([code]))] if version == 5 and code != CLOSED else [])

    def test_every_property_in_every_packet(self):
        self.check(every_property(), 5, 1700)

    def test_every_reason_in_every_acknowledgement(self):
        self.check(every_reason(), 5, 1200)

    def test_every_first_byte(self):
        for version in (4, 5):
            self.check(every_first_byte(version), version, 200)

    def test_every_cut_and_every_field(self):
        for version in (4, 5):
            self.check(every_cut(version), version, 280)

    def test_every_connect(self):
        self.check(connects(), 5, 700)

    def test_mutations(self):
        """Whatever comes of it, the reaction is one of the standard's: a reason that fits, or the connection goes on."""
        known = {0x81, 0x82, 0x83, 0x8F, 0x90, 0x93, 0x94, 0x95, 0x97, 0x9A, 0x9B}
        rng = random.Random(5)
        good = [publish("mut/a", b"payload", 5, 1, 7, block=b"\x02\0\0\0\x09\x26" + string("k") + string("v")), subscribe(("mut/#", 1), ("x", 2), version=5, block=b"\x0b\7"),
                unsubscribe("mut/#", "y", version=5), ack(0x40, 3, 0x10), ack(0x50, 3), ack(0x62, 3), ack(0x70, 3, 0), packet(0xE0, b"\0\5\x11\0\0\0\0")]
        for n in range(600):
            data = bytearray(rng.choice(good))
            for _ in range(rng.randrange(1, 4)):
                way, at = rng.randrange(4), rng.randrange(len(data))
                if way == 0:
                    data[at] ^= 1 << rng.randrange(8)
                elif way == 1:
                    data[at] = rng.randrange(256)
                elif way == 2:
                    data.insert(at, rng.randrange(256))
                elif len(data) > 2:
                    del data[at]
            with self.subTest(bytes(data).hex()):
                with connected(self.server.port, "", 5) as wire:
                    wire.send(bytes(data))
                    wire.socket.shutdown(1)
                    codes = [item.body[0] for item in wire.read_all() if item.type == 14]
                self.assertTrue(len(codes) <= 1 and set(codes) <= known, codes)
                serves_a_good_client(self.server.port, 4 + n % 2, mqtt.DEADLINE)


class Hardening(unittest.TestCase):
    """HARDENING M1 to M23 by name; what the rules above show in each field is shown here once, with its consequence. Not
    M13 and M14: they are about rights that are revoked, and this server has no policies: tests/daemon/test-reload.py."""

    def start(self, *options):
        server = Server(*options or ("mqtt;max-packet-size=1048576",))
        self.addCleanup(lambda: self.assertEqual(server.close(), 0))
        return server.port

    def end(self, port, data, code, **arguments):
        with connected(port, "", 5, **arguments) as wire:
            wire.send(data)
            self.assertEqual([item.body[0] for item in wire.read_all() if item.type == 14], [code])
        serves_a_good_client(port, 5, mqtt.DEADLINE)

    def refuse(self, port, data, code=None):
        with Wire(port, data) as wire:
            self.assertEqual([item.body[1] for item in wire.read_all()], [] if code is None else [code])
        serves_a_good_client(port, 5, mqtt.DEADLINE)

    def open(self, port, client="", **arguments):
        wire = connected(port, client, 5, **arguments)
        self.addCleanup(wire.close)
        return wire

    def test_M1_the_first_packet_is_connect_and_claims_little(self):
        port = self.start()
        for data in (b"\x30\x03\0\1a", PINGREQ, b"\x10\xff\xff\xff\x7f", b"GET / HTTP/1.1\r\n\r\n"):
            self.refuse(port, data)

    def test_M2_a_cut_connect_and_doubled_or_foreign_properties(self):
        port = self.start()
        self.refuse(port, packet(0x10, connect("abc", 5)[2:-1]), MALFORMED)
        self.refuse(port, connect("", 5, block=b"\x21\0\1\x21\0\1"), PROTOCOL)
        self.refuse(port, connect("", 5, block=b"\x23\0\1"), MALFORMED)

    def test_M3_reserved_flags_close(self):
        port = self.start()
        for first in (0x41, 0x51, 0x60, 0x71, 0x80, 0xA0, 0xC1, 0xE1, 0xF1):
            self.end(port, bytes([first, 2, 0, 1]), MALFORMED)

    def test_M4_bad_text_closes_and_is_never_forwarded(self):
        port = self.start()
        watcher = self.open(port)
        watcher.send(subscribe("#", version=5))
        watcher.read()
        for text in BAD_TEXT.values():
            self.end(port, publish(b"t" + text, b"x", 5), MALFORMED)
            self.end(port, publish("t", b"x", 5, block=b"\x26" + string(text) + string("v")), MALFORMED)
        watcher.send(PINGREQ)
        topics = set()
        while (item := watcher.read()).type != 13:
            topics.add(item.publish(5)[0])
        self.assertEqual(topics, {"good"})

    def test_M5_wildcards_in_topics_are_never_delivered(self):
        port = self.start()
        for topic in ("#", "+", "a/+/b", "a/#"):
            self.end(port, publish(topic, b"x", 5), 0x90)

    def test_M6_packet_id_0_and_qos_3_close_and_a_strange_pubrel_is_told(self):
        port = self.start()
        self.end(port, publish("a", b"x", 5, 1, 0), PROTOCOL)
        self.end(port, packet(0x36, string("a") + b"\0\1\0"), MALFORMED)
        wire = self.open(port)
        wire.send(ack(0x62, 9))
        self.assertEqual((wire.read().body), b"\0\x09\x92")

    def test_M7_thirty_thousand_levels_are_refused(self):
        port = self.start()
        self.end(port, publish("/" * 30000, b"x", 5), 0x90)
        wire = self.open(port)
        wire.send(subscribe("/" * 30000, version=5))
        self.assertEqual(wire.read().body[-1], 0x97)

    def test_M8_receive_maximum_exceeded(self):
        self.end(self.start("mqtt;receive-maximum=3"), b"".join(publish("a", b"x", 5, 2, at) for at in range(1, 5)), 0x93)

    def test_M9_a_packet_over_the_maximum_is_not_read(self):
        self.end(self.start(), b"\x30" + varint(200 << 20), 0x95)

    def test_M10_dripped_bytes_are_no_sign_of_life(self):
        port = self.start("mqtt;connect-timeout=1000000")
        start = time.monotonic()
        wires = [Wire(port, connect("x", 5)[:4]), self.open(port, keep=1)]
        while time.monotonic() - start < 1.2:
            for wire in wires:
                try:
                    wire.send(b"\x30\x7f"[:1] if wire is wires[0] else b"")
                except OSError:
                    pass
            let_pass(0.1)
        try:
            wires[1].send(publish("a", b"x" * 50, 5)[:20])
        except OSError:
            pass   # it was closed before that
        self.assertEqual([wires[0].read_all(), [item.body[:1] for item in wires[1].read_all()]], [[], [b"\x8d"]])
        wires[0].close()

    def test_M11_ids_and_names_with_wildcards_are_literal(self):
        port = self.start()
        for name in ("#", "+", "a/b", "+/#"):
            self.open(port, name, user=name, password=b"x")
        self.refuse(port, connect(b"a\0b", 5), MALFORMED)
        self.refuse(port, connect("a", 5, user=b"a\0b"), MALFORMED)

    def test_M12_dollar_topics_are_the_servers(self):
        port = self.start()
        watcher, wire = self.open(port), self.open(port)
        watcher.send(subscribe("#", "+/x", version=5))
        watcher.read()
        for topic in ("$SYS/x", "$share/g/x", "$hawser/x"):
            wire.send(publish(topic, b"x", 5, 1, 3))
            self.assertEqual(wire.read().body[2], 0x87)
        watcher.send(PINGREQ)
        self.assertEqual(watcher.read().type, 13)

    def test_M15_a_will_to_a_forbidden_topic_is_refused(self):
        port = self.start()
        self.refuse(port, connect("", 5, will=("$SYS/x", b"x")), 0x87)

    def test_M16_a_will_delay_beyond_the_session_and_a_take_over(self):
        port = self.start()
        watcher = self.open(port)
        watcher.send(subscribe("will/#", version=5))
        watcher.read()
        delay = b"\x18" + struct.pack(">I", 3600)
        self.open(port, "a", block=b"\x11\0\0\0\1", will=("will/a", b"1", 0, False, delay)).close()
        self.assertEqual(watcher.read().publish(5)[0], "will/a")
        first = self.open(port, "b", block=b"\x11\0\0\0\x64", will=("will/b", b"1", 0, False, delay))
        self.open(port, "b", clean=False, block=b"\x11\0\0\0\x64")
        self.assertEqual(first.read_all()[-1].body[0], 0x8E)
        watcher.send(PINGREQ)
        self.assertEqual(watcher.read().type, 13)

    def test_M17_one_qos_2_id_a_hundred_thousand_times_is_one_message(self):
        port = self.start()
        watcher, wire = self.open(port), self.open(port)
        watcher.send(subscribe("one", version=5))
        watcher.read()
        data = publish("one", b"x", 5, 2, 9, dup=True) * 1000
        for _ in range(100):
            wire.send(data)
            for _ in range(1000):
                self.assertEqual(wire.read().type, 5)
        watcher.send(PINGREQ)
        self.assertEqual([watcher.read().type, watcher.read().type], [3, 13])

    def test_M18_who_never_acknowledges_is_bounded(self):
        port = self.start("mqtt;max-inflight=100;max-queued-messages=50")
        stuck, sender = self.open(port), self.open(port)
        stuck.send(subscribe(("flood", 1), version=5))
        stuck.read()
        for at in range(1000):
            sender.send(publish("flood", b"%d" % at, 5, 1, at + 1))
            sender.read()
        stuck.send(PINGREQ)
        first = []
        while (item := stuck.read()).type != 13:
            first.append(item.publish(5))
        self.assertEqual(len(first), 100)
        stuck.send(b"".join(ack(0x40, m[3]) for m in first))
        rest = [int(stuck.read().publish(5)[1]) for _ in range(50)]
        self.assertEqual(rest, list(range(950, 1000)))

    def test_M19_ten_thousand_user_properties(self):
        block = (b"\x26" + string("k") + string("v")) * 10000
        port = self.start()
        self.end(port, publish("a", b"x", 5, block=block), 0x97)
        self.refuse(port, connect("", 5, block=block), 0x97)

    def test_M20_a_storm_of_take_overs_leaves_one(self):
        port = self.start()
        wires = [Wire(port, connect("storm", 5)) for _ in range(300)]
        kinds = []
        for wire in wires:
            self.assertEqual(wire.read().type, 2)
        for wire in wires:
            try:
                wire.send(PINGREQ)
            except OSError:
                pass
            kinds.append(wire.read().type)
            wire.close()
        self.assertEqual((kinds.count(13), kinds.count(14)), (1, 299))

    def test_M21_aliases_of_0_over_the_maximum_unknown_or_of_before(self):
        port = self.start()
        self.end(port, publish("a", b"x", 5, block=b"\x23\0\0"), 0x94)
        self.end(port, publish("a", b"x", 5, block=b"\x23\xff\xff"), 0x94)
        self.end(port, publish("", b"x", 5, block=b"\x23\0\1"), PROTOCOL)
        wire = self.open(port, "c", block=b"\x11\0\0\0\x64")
        wire.send(publish("a", b"x", 5, 1, block=b"\x23\0\1"))
        wire.read()
        wire.close()
        again = self.open(port, "c", clean=False)
        again.send(publish("", b"x", 5, block=b"\x23\0\1"))
        self.assertEqual(again.read_all()[-1].body[0], PROTOCOL)

    def test_M22_ten_thousand_overlapping_and_identical_subscriptions(self):
        port = self.start("mqtt;max-subscriptions=10000")
        wire, sender = self.open(port), self.open(port)
        for start in range(0, 10000, 1000):
            wire.send(subscribe(*["m/%d/#" % at for at in range(start, start + 999)], "m/#", version=5))
            self.assertEqual(set(wire.read().body[3:]), {0})
        wire.send(subscribe(*["more/%d" % at for at in range(100)], version=5))
        self.assertEqual(wire.read().body[3:].count(0x97), 91)
        for at in range(20):
            sender.send(publish("m/%d/x" % at, b"x", 5, 1))
            sender.read()
        wire.send(PINGREQ)
        self.assertEqual([wire.read().type for _ in range(21)], [3] * 20 + [13])

    def test_M23_durable_ids_that_come_and_go_are_bounded(self):
        port = self.start("mqtt;max-sessions=100")
        codes = []
        for at in range(300):
            with Wire(port, connect("gone-%d" % at, 5, block=b"\x11\0\0\x0e\x10")) as wire:
                codes.append(wire.read().body[1])
                wire.send(DISCONNECT)
                wire.read_all()
        self.assertEqual((codes.count(0), codes.count(0x97)), (100, 200))
        serves_a_good_client(port, 5, mqtt.DEADLINE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
