#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Packets that are wrong on purpose, each field in each way, both versions: refused as the standard says, and the next
good client is served within a second."""

import struct
import unittest

from mqtt_wire import (DEADLINE, PINGREQ, Server, Wire, ack, connect, connected, packet, properties, publish, serves_a_good_client, string, subscribe,
                       unsubscribe, varint)

BAD_STRINGS = {"nul": b"a\x00b", "surrogate": b"\xed\xa0\x80", "overlong": b"\xc0\xaf", "cut-utf8": b"a\xe2\x82", "byte-ff": b"\xff", "above-10ffff": b"\xf4\x90\x80\x80"}
BYTES = {1: b"\x00", 2: b"\x00\x01", 3: string("x"), 8: string("r"), 9: string("c"), 11: b"\x01"}
VALUES = {0x01: b"\x01", 0x02: b"\0\0\0\1", 0x03: string("x"), 0x08: string("r"), 0x09: string("c"), 0x0b: b"\x01", 0x11: b"\0\0\0\1", 0x12: string("i"),
          0x13: b"\0\1", 0x15: string("m"), 0x16: string("d"), 0x17: b"\x01", 0x18: b"\0\0\0\1", 0x19: b"\x01", 0x1a: string("i"), 0x1c: string("s"),
          0x1f: string("r"), 0x21: b"\0\1", 0x22: b"\0\1", 0x23: b"\0\1", 0x24: b"\x01", 0x25: b"\x01", 0x26: string("k") + string("v"),
          0x27: b"\0\0\1\0", 0x28: b"\x01", 0x29: b"\x01", 0x2a: b"\x01"}
ALLOWED = {"connect": {0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27}, "will": {0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26},
           "publish": {0x01, 0x02, 0x03, 0x08, 0x09, 0x0b, 0x23, 0x26}, "subscribe": {0x0b, 0x26}, "unsubscribe": {0x26}, "puback": {0x1f, 0x26},
           "disconnect": {0x11, 0x1c, 0x1f, 0x26}}

# what the server may do: "close" without a word, or a packet type with its reason
MALFORMED, PROTOCOL = 0x81, 0x82


def before_connect():
    """(name, bytes, reason in a 5.0 CONNACK or None for a silent close, versions)"""
    good4, good5 = connect("a", 4), connect("a", 5)
    for at in range(1, len(good4) - 2):
        body = good4[2:2 + at]
        yield "connect4-cut-%d" % at, packet(0x10, body), None
    for at in range(9, len(good5) - 2):
        body = good5[2:2 + at]
        # cut before the flags, the version is known but nothing else
        yield "connect5-cut-%d" % at, packet(0x10, body), MALFORMED if at >= 7 else None
    for first in list(range(0x00, 0x10)) + list(range(0x11, 0x20)) + [t << 4 for t in range(2, 16)]:
        yield "first-byte-%02x" % first, bytes([first]) + good4[1:], None
    yield "claims-256-mb", b"\x10\xff\xff\xff\x7f", None
    yield "five-byte-length", b"\x10\xff\xff\xff\xff\x01", None
    yield "overlong-length", b"\x10\x80\x00", None
    yield "http", b"GET / HTTP/1.1\r\n\r\n", None
    yield "tls-hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", None
    for name in (b"", b"MQTU", b"mqtt", b"MQTTT", b"MQ\0T"):
        yield "name-%s" % name.hex(), connect("a", 5, name=name), None
    yield "reserved-flag-4", connect("a", 4, flags=3), None
    yield "reserved-flag-5", connect("a", 5, flags=3), MALFORMED
    for bits, label in ((0x0A, "will-qos-without-will"), (0x22, "will-retain-without-will"), (0x1E, "will-qos-3")):
        yield label + "-4", connect("a", 4, flags=bits), None
        yield label + "-5", connect("a", 5, flags=bits), MALFORMED
    yield "password-without-user-4", connect("a", 4, flags=0x42), None
    for label, data in BAD_STRINGS.items():
        for version in (4, 5):
            code = MALFORMED if version == 5 else None
            yield "id-%s-%d" % (label, version), connect(data, version), code
            yield "user-%s-%d" % (label, version), connect("a", version, user=data), code
            yield "will-topic-%s-%d" % (label, version), connect("a", version, will=(data, b"x")), code
        yield "user-property-%s" % label, connect("a", 5, block=b"\x26" + string(data) + string("v")), MALFORMED
        yield "auth-method-%s" % label, connect("a", 5, block=b"\x15" + string(data)), MALFORMED
    for topic in ("#", "+", "a/#", "a/+/b", ""):
        yield "will-topic-wildcard-%s-5" % topic, connect("a", 5, will=(topic, b"x")), 0x90
    for ident, value in VALUES.items():
        item = bytes([ident]) + value
        if ident not in ALLOWED["connect"]:
            yield "connect-property-%02x" % ident, connect("a", 5, block=item), MALFORMED
        elif ident != 0x26:
            yield "connect-property-twice-%02x" % ident, connect("a", 5, block=item + item), PROTOCOL
        if ident in ALLOWED["connect"]:
            yield "connect-property-cut-%02x" % ident, connect("a", 5, block=item[:-1]), MALFORMED
        if ident not in ALLOWED["will"]:
            yield "will-property-%02x" % ident, connect("a", 5, will=("w", b"x", 0, False, item)), MALFORMED
        elif ident != 0x26:
            yield "will-property-twice-%02x" % ident, connect("a", 5, will=("w", b"x", 0, False, item + item)), PROTOCOL
    for ident in (0x00, 0x04, 0x0A, 0x10, 0x14, 0x1B, 0x20, 0x2B, 0x7F):
        yield "unknown-property-%02x" % ident, connect("a", 5, block=bytes([ident]) + b"\x01"), MALFORMED
    yield "receive-maximum-0", connect("a", 5, block=b"\x21\0\0"), PROTOCOL
    yield "maximum-packet-0", connect("a", 5, block=b"\x27\0\0\0\0"), PROTOCOL
    yield "request-problem-2", connect("a", 5, block=b"\x17\x02"), PROTOCOL
    yield "request-response-2", connect("a", 5, block=b"\x19\x02"), PROTOCOL
    yield "auth-data-alone", connect("a", 5, block=b"\x16" + string("d")), PROTOCOL
    yield "auth-method-unknown", connect("a", 5, block=b"\x15" + string("SCRAM")), 0x8C
    yield "will-format-2", connect("a", 5, will=("w", b"x", 0, False, b"\x01\x02")), PROTOCOL
    yield "will-properties-past-end", packet(0x10, string("MQTT") + b"\x05\x06\0\0\0" + string("a") + b"\x7f" + string("w")), MALFORMED
    yield "properties-past-end", packet(0x10, string("MQTT") + b"\x05\x02\0\0\x7f" + string("a")), MALFORMED
    yield "trailing-byte-4", packet(0x10, good4[2:] + b"\0"), None
    yield "trailing-byte-5", packet(0x10, good5[2:] + b"\0"), MALFORMED
    yield "ten-thousand-user-properties", connect("a", 5, block=(b"\x26" + string("k") + string("v")) * 10000), 0x97
    yield "client-id-of-60000", connect("a" * 60000, 5), 0x85


def after_connect(version):
    """(name, bytes, reason in a 5.0 DISCONNECT)"""
    sub = lambda *f, **k: subscribe(*f, version=version, **k)
    pub = lambda *a, **k: publish(*a, version=version, **k)
    for kind in range(16):
        for flags in (1, 8) if kind == 3 else range(16):
            good = {6: 2, 8: 2, 10: 2}.get(kind, 0)
            if kind == 3:
                continue
            if kind == 0 or flags != good:
                if flags in (1, 2, 8, 15, 0):
                    yield "type-%d-flags-%d" % (kind, flags), bytes([kind << 4 | flags, 2, 0, 1]), MALFORMED
    for kind, label in ((2, "connack"), (9, "suback"), (11, "unsuback"), (13, "pingresp")):
        yield "client-sends-" + label, packet(kind << 4, b"\0\1" if kind != 13 else b""), PROTOCOL
    yield "auth-unasked", packet(0xF0), PROTOCOL
    yield "second-connect", connect("a", version), PROTOCOL
    yield "five-byte-length", b"\x30\xff\xff\xff\xff\x01", MALFORMED
    yield "overlong-length", b"\xc0\x80\x00", MALFORMED
    yield "publish-over-the-limit", b"\x30" + varint(9 << 20) + b"\0\1a", 0x95
    yield "publish-qos-3", packet(0x36, string("a") + b"\0\1" + properties(version)), MALFORMED
    yield "publish-dup-at-qos-0", packet(0x38, string("a") + properties(version)), MALFORMED
    yield "publish-id-0", pub("a", b"x", qos=1, ident=0), PROTOCOL
    yield "publish-qos-2-id-0", pub("a", b"x", qos=2, ident=0), PROTOCOL
    for topic in ("#", "+", "a/+", "a/#/b", "a+"):
        yield "publish-wildcard-%s" % topic, pub(topic, b"x"), 0x90
    yield "publish-empty-topic", pub("", b"x"), PROTOCOL
    for size in range(0, 3):
        yield "publish-cut-topic-%d" % size, packet(0x30, (string("abc"))[:size]), MALFORMED
    yield "publish-without-id", packet(0x32, string("a")), MALFORMED
    yield "publish-many-levels", pub("/" * 30000, b"x"), 0x90
    for label, data in BAD_STRINGS.items():
        yield "publish-topic-" + label, pub(data, b"x"), MALFORMED
        yield "subscribe-filter-" + label, sub(data), MALFORMED
        yield "unsubscribe-filter-" + label, unsubscribe(data, version=version), MALFORMED
    yield "subscribe-id-0", sub("a", ident=0), PROTOCOL
    yield "subscribe-empty", packet(0x82, b"\0\1" + properties(version)), PROTOCOL
    yield "subscribe-nothing", packet(0x82), MALFORMED
    yield "subscribe-without-options", packet(0x82, b"\0\1" + properties(version) + string("a")), MALFORMED
    yield "subscribe-filter-past-end", packet(0x82, b"\0\1" + properties(version) + b"\0\x09a\0"), MALFORMED
    yield "subscribe-qos-3", sub(("a", 3)), PROTOCOL
    yield "subscribe-reserved-bits", sub(("a", 0xC0)), MALFORMED
    for topic in ("", "a/#/b", "a#", "#a", "a+", "+a", "a/b+", "##"):
        yield "subscribe-%s" % topic, sub(topic), 0x8F
        yield "unsubscribe-%s" % topic, unsubscribe(topic, version=version), 0x8F
    yield "unsubscribe-id-0", unsubscribe("a", version=version, ident=0), PROTOCOL
    yield "unsubscribe-empty", packet(0xA2, b"\0\1" + properties(version)), PROTOCOL
    for first, label in ((0x40, "puback"), (0x50, "pubrec"), (0x62, "pubrel"), (0x70, "pubcomp")):
        yield label + "-id-0", ack(first, 0), PROTOCOL
        yield label + "-one-byte", packet(first, b"\0"), MALFORMED
        yield label + "-empty", packet(first), MALFORMED
    yield "pingreq-with-body", packet(0xC0, b"\0"), MALFORMED
    if version == 4:
        for first, label in ((0x40, "puback"), (0x50, "pubrec"), (0x62, "pubrel"), (0x70, "pubcomp")):
            yield label + "-with-reason", ack(first, 1, 0), MALFORMED
        for bit in (4, 8, 16, 32, 64, 128):
            yield "subscribe-option-%d" % bit, sub(("a", bit)), MALFORMED
        yield "disconnect-with-body", packet(0xE0, b"\0"), MALFORMED
        return
    yield "subscribe-retain-handling-3", sub(("a", 0x30)), PROTOCOL
    yield "subscribe-no-local-on-shared", sub(("$share/g/a", 4)), PROTOCOL
    yield "publish-alias-0", pub("a", b"x", block=b"\x23\0\0"), 0x94
    yield "publish-alias-over-maximum", pub("a", b"x", block=b"\x23\xff\xff"), 0x94
    yield "publish-alias-unknown", pub("", b"x", block=b"\x23\0\1"), PROTOCOL
    yield "publish-subscription-id", pub("a", b"x", block=b"\x0b\x01"), PROTOCOL
    yield "publish-response-topic-wildcard", pub("a", b"x", block=b"\x08" + string("r/#")), PROTOCOL
    yield "publish-format-2", pub("a", b"x", block=b"\x01\x02"), PROTOCOL
    yield "publish-many-user-properties", pub("a", b"x", block=(b"\x26" + string("k") + string("v")) * 300), 0x97
    yield "publish-properties-past-end", packet(0x30, string("a") + b"\x7fx"), MALFORMED
    yield "publish-overlong-property-length", packet(0x30, string("a") + b"\x80\x00x"), MALFORMED
    yield "disconnect-reserved-reason", packet(0xE0, b"\x05"), MALFORMED
    yield "disconnect-properties-past-end", packet(0xE0, b"\x00\x7f"), MALFORMED
    makers = {"publish": lambda b: pub("a", b"x", block=b), "subscribe": lambda b: sub("a", block=b),
              "unsubscribe": lambda b: packet(0xA2, b"\0\1" + properties(5, b) + string("a")),
              "puback": lambda b: packet(0x40, b"\0\1\0" + properties(5, b)), "disconnect": lambda b: packet(0xE0, b"\0" + properties(5, b))}
    for kind, make in makers.items():
        for ident, value in VALUES.items():
            item = bytes([ident]) + value
            if ident not in ALLOWED[kind]:
                yield "%s-property-%02x" % (kind, ident), make(item), MALFORMED
            elif ident != 0x26 and not (kind == "publish" and ident == 0x0B):
                yield "%s-property-twice-%02x" % (kind, ident), make(item + item), PROTOCOL
    for first, code in ((0x40, 0x92), (0x50, 0x92), (0x62, 0x10), (0x70, 0x80), (0x40, 0x05)):
        yield "ack-%02x-reason-%02x" % (first, code), ack(first, 1, code), MALFORMED


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("mqtt;max-packet-size=8388608")

    @classmethod
    def tearDownClass(cls):
        cls.good.close() if hasattr(cls, "good") else None
        assert cls.server.close() == 0

    def check_before(self, name, data, code):
        with Wire(self.server.port, data) as wire:
            answers = wire.read_all()
        if code is None:
            self.assertEqual(answers, [], name)
        else:
            self.assertEqual([(a.type, a.body[:2]) for a in answers], [(2, bytes([0, code]))], name)

    def check_after(self, name, version, data, code):
        with connected(self.server.port, "", version) as wire:
            wire.send(data)
            answers = [(a.type, a.body[:1]) for a in wire.read_all()]
        self.assertEqual(answers, [(14, bytes([code]))] if version == 5 else [], name)

    def test_before_connect(self):
        n = 0
        for name, data, code in before_connect():
            with self.subTest(name):
                self.check_before(name, data, code)
                serves_a_good_client(self.server.port, 4 + n % 2)
            n += 1
        self.assertGreater(n, 150)

    def test_after_connect(self):
        n = 0
        for version in (4, 5):
            for name, data, code in after_connect(version):
                with self.subTest(name, version=version):
                    self.check_after(name, version, data, code)
                    serves_a_good_client(self.server.port, 4 + n % 2)
                n += 1
        self.assertGreater(n, 300)

    def test_receive_maximum_exceeded(self):
        server = Server("mqtt;receive-maximum=3")
        try:
            with connected(server.port, "", 5) as wire:
                self.assertIn(b"\x21\x00\x03", wire.connack)
                wire.send(b"".join(publish("a", b"x", 5, 2, i) for i in range(1, 5)))
                self.assertEqual([(p.type, p.body[0]) for p in wire.read_all()][-1], (14, 0x93))
        finally:
            server.close()

    def test_packet_over_the_limit_is_refused_before_it_is_read(self):
        with connected(self.server.port, "", 5) as wire:
            wire.send(b"\x30" + varint(200 << 20))
            self.assertEqual(wire.read_all()[0].body[0], 0x95)

    def test_forgotten_ids_are_answered(self):
        with connected(self.server.port, "", 5) as wire:
            wire.send(ack(0x62, 9) + ack(0x50, 9) + ack(0x40, 9) + ack(0x70, 9) + PINGREQ)
            got = [(p.type, p.body) for p in (wire.read(), wire.read(), wire.read())]
            self.assertEqual(got, [(7, b"\0\x09\x92"), (6, b"\0\x09\x92"), (13, b"")])

    def test_client_that_never_acknowledges_is_bounded(self):
        with connected(self.server.port, "", 5) as stuck, connected(self.server.port, "", 5) as sender:
            stuck.send(subscribe(("flood", 1), version=5))
            stuck.read()
            for start in range(0, 20000, 500):
                sender.send(b"".join(publish("flood", b"x" * 100, 5, 1, k % 60000 + 1) for k in range(start, start + 500)))
                for _ in range(500):
                    sender.read()
            for _ in range(2048):
                self.assertEqual(stuck.read().type, 3)
            stuck.send(PINGREQ)
            self.assertEqual(stuck.read().type, 13)   # and no more of them
        serves_a_good_client(self.server.port, 5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
