#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every normative statement of MQTT 3.1.1 and 5.0: a test named by its id, or the reason why it says nothing about a server.

The tables are protocols/mqtt/conformance-3.1.1.md and conformance-5.0.md. Each row names a fact, a method here or in
mqtt_facts.py; the test test_MQTT_x_y_z_n runs it. The program fails when an id of the standards has no row, a row names a
fact that is not there, or a test did not run.
"""

import os
import re
import struct
import sys
import tempfile
import time
import unittest

import test_mqtt_auth as scram
from mqtt_wire import in_time, must_be_before
from mqtt_facts import (BAD_TEXT, LIMITED, MALFORMED, PROTOCOL, PUBACK, PUBCOMP, PUBREC, PUBREL, DISCONNECT, Facts, ack, connect, expiry, mqtt, packet, publish,
                        string, subscribe, unsubscribe, user)

TABLES = os.environ.get("HAWSER_CONFORMANCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "protocols", "mqtt"))

# section -> how many statements it has, or which
IDS_311 = {"1.5.3": 3, "2.2.2": 2, "2.3.1": 7, "3.1.0": 2, "3.1.2": 24, "3.1.3": 11, "3.1.4": 5, "3.2.0": 1, "3.2.2": 6, "3.3.1": 12, "3.3.2": 3, "3.3.4": 1,
           "3.3.5": 2, "3.6.1": 1, "3.6.4": 1, "3.8.1": 1, "3.8.3": 4, "3.8.4": 6, "3.9.3": 2, "3.10.1": 1, "3.10.3": 2, "3.10.4": 6, "3.12.4": 1, "3.14.1": 1,
           "3.14.4": 3, "4.1.0": 2, "4.2.0": 1, "4.3.1": 1, "4.3.2": 2, "4.3.3": 2, "4.4.0": 1, "4.5.0": 2, "4.6.0": 6, "4.7.1": 3, "4.7.2": 1, "4.7.3": 4,
           "4.8.0": 2, "6.0.0": 4, "7.0.0": 2, "7.1.1": 1, "7.1.2": 1}
IDS_5 = {"1.5.4": 3, "1.5.5": 1, "1.5.7": 1, "2.1.3": 1, "2.2.1": (2, 3, 4, 5, 6), "2.2.2": 1, "3.1.0": 2, "3.1.2": 30, "3.1.3": 12, "3.1.4": 6, "3.2.0": 2, "3.2.2": 22,
         "3.3.1": 13, "3.3.2": 20, "3.3.4": 10, "3.4.2": 3, "3.5.2": 3, "3.6.1": 1, "3.6.2": 3, "3.7.2": 3, "3.8.1": 1, "3.8.3": 5, "3.8.4": 8, "3.9.2": 2,
         "3.9.3": 2, "3.10.1": 1, "3.10.3": 2, "3.10.4": 6, "3.11.2": 2, "3.11.3": 2, "3.12.4": 1, "3.14.0": 1, "3.14.1": 1, "3.14.2": 4, "3.14.4": 3,
         "3.15.1": 1, "3.15.2": 3, "4.1.0": 2, "4.2": 1, "4.3.1": 1, "4.3.2": 5, "4.3.3": 13, "4.4.0": 2, "4.5.0": 2, "4.6.0": 6, "4.7.0": 1, "4.7.1": 2,
         "4.7.2": 1, "4.7.3": 4, "4.8.2": 6, "4.9.0": 3, "4.12.0": 7, "4.12.1": 2, "4.13.1": 1, "4.13.2": 1, "6.0.0": 4}


class Mqtt311(Facts):
    v = 4

    def other_levels_are_told(self):
        self.refused(connect("", 4, level=3), 1)

    def password_needs_a_name(self):
        self.refused(packet(0x10, self.head(0x42) + string("") + string("secret")))

    def empty_id_needs_a_clean_session(self):
        self.refused(connect("", 4, clean=False), 2)

    def long_id_is_refused_with_a_code(self):
        self.refused(connect("x" * 60000, 4), 2)

    def unspoken_code_closes_without_one(self):
        self.refused(connect("", 4, flags=3))

    def transient_errors_close(self):
        self.ends(b"\x30" + mqtt.varint(9 << 20), 0)

    def unauthorized_publish_has_its_usual_answer(self):
        wire = self.open()
        wire.send(publish("$SYS/x", b"x", 4, 1, 3))
        self.assertEqual(self.next(wire, 4).ident, 3)
        wire.send(publish("$SYS/x", b"x", 4, 2, 4))
        self.assertEqual(self.next(wire, 5).ident, 4)

    def retained_state_is_no_part_of_a_session(self):
        wire = self.durable(self.t)
        self.pub(wire, b"kept", qos=1, retain=True)
        self.durable(self.t, clean=True)
        self.assertEqual(self.retained(), [b"kept"])

    def refusal_closes(self):
        answers = self.raw(connect("", 4, will=("$SYS/x", b""))).read_all()
        self.assertEqual([(item.type, item.body) for item in answers], [(2, b"\0\5")])

    def unsuback_has_no_more_than_the_id(self):
        wire = self.open()
        wire.send(unsubscribe(self.t, version=4, ident=9))
        self.assertEqual(self.next(wire, 11).body, b"\0\x09")


class Mqtt5(Facts):
    v = 5
    listeners = Facts.listeners + ("mqtt;max-packet-size=200;max-message-size=100",)

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        path = os.path.join(cls.folder.name, "passwords")
        with open(path, "w", encoding="utf-8") as file:
            file.write(scram.line("anna", "secret"))
        os.chmod(path, 0o600)
        cls.listeners = Mqtt5.listeners + ("mqtt;anonymous=no;passwords=" + path,)
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def property(self, item, ident):
        """Whether the block of a packet that the server made has this property; blocks in these tests are short."""
        return bytes([ident]) in item

    def small(self, size, block=b""):
        return self.open(block=b"\x27" + struct.pack(">I", size) + block)

    # ---- format ----

    def long_varints_close(self):
        self.ends(b"\xc0\x80\0", MALFORMED)
        self.ends(packet(0x30, string(self.t) + b"\x80\0x"), MALFORMED)

    def pairs_are_text(self):
        for text in BAD_TEXT + (b"a\0",):
            self.ends(publish(self.t, b"x", 5, block=user(text, "v")), MALFORMED)
            self.ends(publish(self.t, b"x", 5, block=user("k", text)), MALFORMED)

    def qos_0_has_no_id(self):
        receiver, sender = self.pair(0)
        self.pub(sender, b"payload")
        self.assertEqual(self.until(receiver)[0].body, string(self.t) + b"\0payload")

    def no_properties_are_a_zero(self):
        wire = self.open()
        wire.send(subscribe((self.t, 1), version=5))
        self.assertEqual(self.next(wire, 9).body[2], 0)
        self.pub(self.open(), b"payload", qos=1)
        self.assertEqual(self.until(wire)[0].body[2 + len(self.t) + 2:], b"\0payload")

    # ---- CONNECT and CONNACK ----

    def other_versions_are_told(self):
        self.refused(connect("", 5, level=6), 0x84)
        self.refused(connect("", 5, level=255), 0x84)

    def session_is_kept_for_its_expiry(self):
        self.session_is_resumed()
        self.open(self.t + "x").close()
        self.assertEqual(self.open(self.t + "x", clean=False).connack[0], 0)

    def maximum_packet_size_is_kept(self):
        wire = self.small(100)
        self.sub(wire, (self.t, 1))
        sender = self.open()
        self.pub(sender, b"x" * 200, qos=1)
        self.pub(sender, b"y", qos=1, block=b"".join(user("k", "v" * 20) for _ in range(5)))
        self.pub(sender, b"small", qos=1)
        self.assertEqual(self.payloads(wire), [b"small"])

    def too_large_counts_as_sent(self):
        wire = self.small(100, b"\x21\0\1")
        self.sub(wire, (self.t, 1))
        sender = self.open()
        for at in range(5):
            self.pub(sender, b"x" * 200, qos=1)
        self.pub(sender, b"small", qos=1)
        self.assertEqual(self.payloads(wire), [b"small"])

    def no_alias_beyond_the_maximum(self):
        wire = self.open(block=b"\x22\0\2")
        self.sub(wire, (self.t + "/#", 0))
        sender = self.open()
        for at in range(40):
            self.pub(sender, topic="%s/%d" % (self.t, at % 4), qos=1)
        for item in self.everything(wire):
            block = item.publish(5)[4]
            if block[:1] == b"\x23":
                self.assertIn(struct.unpack(">H", block[1:3])[0], (1, 2))

    def no_alias_unasked(self):
        for block in (b"", b"\x22\0\0"):
            wire = self.open(block=block)
            self.sub(wire, (self.t, 0))
            sender = self.open()
            for at in range(10):
                self.pub(sender, qos=1)
            for item in self.everything(wire):
                self.assertEqual(item.publish(5)[:1] + item.publish(5)[4:], (self.t, b""))

    def no_response_information_unasked(self):
        for block in (b"", b"\x19\0"):
            self.assertFalse(self.property(self.open(block=block).connack[3:], 0x1A))

    def reasons_only_for_those_who_want_them(self):
        wire = self.open(block=b"\x17\0")
        wire.send(publish("$SYS/x", b"x", 5, 1, 3) + publish("$SYS/x", b"x", 5, 2, 4) + subscribe("$share/g", version=5))
        self.assertEqual([self.next(wire, kind).body[2:] for kind in (4, 5, 9)], [b"\x87", b"\x87", b"\0\x8f"])

    def assigned_id_is_told(self):
        wire = self.open()
        self.assertTrue(self.property(wire.connack, 0x12))
        self.pub(wire, qos=1)

    def refused_id_closes(self):
        self.refused(connect("x" * 60000, 5), 0x85)

    def will_delay_is_broken_off(self):
        in_time(self, self.come_back_within, 1, 5, 20)

    def come_back_within(self, delay_s):
        watcher = self.open()
        self.sub(watcher, (self.t, 0))
        delay = b"\x18" + struct.pack(">I", delay_s)
        began = time.monotonic()
        self.durable(self.t, will=(self.t, b"gone", 0, False, delay)).close()
        again = self.durable(self.t)
        must_be_before(began + delay_s)
        self.never(watcher, delay_s + 0.3)
        self.stays(again)

    def will_keeps_its_user_properties_in_order(self):
        block = user("b", "1") + user("a", "2") + user("b", "3")
        item, _ = self.dies((self.t, b"x", 0, False, block))
        self.assertEqual(item.publish(5)[4], block)

    def failed_checks_close(self):
        self.refused_with(connect("", 5, will=("$SYS/x", b"")), 0x87)

    def refused_with(self, data, code, port=None):
        answers = self.raw(data, port).read_all()
        self.assertEqual([(item.type, item.body[:2]) for item in answers], [(2, bytes([0, code]))])

    def reason_codes_of_connack_are_known_ones(self):
        known = {0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F}
        for data in (connect("", 5, flags=3), connect("", 5, level=6), connect("x" * 60000, 5), connect("", 5, will=("$SYS/x", b"")), connect("", 5, will=("#", b"")),
                     connect("", 5, block=b"\x15" + string("none")), connect("", 5, block=b"\x21\0\0")):
            self.assertIn(self.raw(data).read_all()[0].body[1], known)

    def refusal_closes(self):
        self.failed_checks_close()

    def maximum_qos_is_told(self):
        self.assertIn(b"\x24\1", self.open(port=self.limited).connack)
        self.assertNotIn(b"\x24", self.open().connack[3:7])

    def subscribing_above_the_maximum_is_taken(self):
        self.assertEqual(self.sub(self.open(port=self.limited), (self.t, 0), (self.t, 1), (self.t, 2)), b"\0\1\1")

    def publishing_above_the_maximum_ends(self):
        self.ends(publish(self.t, b"x", 5, 2), 0x9B, self.open(port=self.limited))

    def will_above_the_maximum_is_refused(self):
        self.refused_with(connect("", 5, will=(self.t, b"x", 2)), 0x9B, self.limited)

    def retained_will_is_refused(self):
        self.refused_with(connect("", 5, will=(self.t, b"x", 0, True)), 0x9A, self.limited)

    def retaining_ends(self):
        self.ends(publish(self.t, b"x", 5, retain=True), 0x9A, self.open(port=self.limited))

    def packets_over_the_maximum_end(self):
        wire = self.open(port=self.server.ports[3])
        self.assertIn(b"\x27\0\0\0\xc8", wire.connack)
        self.ends(publish(self.t, b"x" * 300, 5), 0x95, wire)

    def assigned_ids_differ(self):
        names = [wire.connack[wire.connack.index(b"\x12") + 3:][:29] for wire in (self.open(), self.open())]
        self.assertNotEqual(*names)

    def reason_of_connack_fits(self):
        answer = self.raw(connect("", 5, will=("$SYS/x", b""), block=b"\x27\0\0\0\x0a")).read_all()
        self.assertEqual([item.body for item in answer], [b"\0\x87\0"])

    def no_user_properties_of_ours(self):
        wire = self.open()
        self.assertNotIn(b"\x26", wire.connack[3:8])
        wire.send(publish("$SYS/x", b"x", 5, 1, 3) + publish("$SYS/x", b"x", 5, 2, 4) + subscribe("$share/g", version=5) + unsubscribe("none", version=5))
        for kind in (4, 5, 9, 11):
            body = self.next(wire, kind).body
            self.assertFalse(len(body) > 4 and body[3:4] == b"\x26" and kind in (4, 5), body)
        wire.send(ack(PUBREL, 99) + ack(PUBREC, 99))
        self.assertEqual([self.next(wire, kind).body for kind in (7, 6)], [b"\0\x63\x92"] * 2)

    def keep_alive_is_the_clients(self):
        self.assertFalse(self.property(self.open(keep=1).connack[-3:], 0x13))
        self.silence_closes()

    def keep_alive_is_ours_where_we_say_so(self):
        self.assertIn(b"\x13\0\2", self.open(port=self.limited, keep=100).connack)

    # ---- PUBLISH ----

    def retained_ones_by_handling(self, handling, expected, again):
        self.pub(self.open(), b"kept", qos=1, retain=True)
        wire = self.open()
        for wanted in (expected, again):
            self.sub(wire, (self.t, 1 | handling << 4))
            self.assertEqual(len(self.payloads(wire)), wanted)

    def retain_handling_0_sends(self):
        self.retained_ones_by_handling(0, 1, 1)

    def retain_handling_1_sends_once(self):
        self.retained_ones_by_handling(1, 1, 0)

    def retain_handling_2_never_sends(self):
        self.retained_ones_by_handling(2, 0, 0)

    def retain_as_published(self):
        wire = self.open()
        self.sub(wire, (self.t, 1 | 8))
        sender = self.open()
        self.pub(sender, qos=1, retain=True)
        self.pub(sender, qos=1)
        self.assertEqual([item.flags & 1 for item in self.until(wire, 2)], [1, 0])

    def passes(self, block):
        receiver, sender = self.pair(1)
        self.pub(sender, qos=1, block=block)
        self.assertEqual(self.until(receiver)[0].publish(5)[4], block)

    def format_indicator_passes(self):
        self.passes(b"\x01\0")
        self.passes(b"\x01\1")

    def response_topic_passes(self):
        self.passes(b"\x08" + string("answers/\u2603"))

    def correlation_passes(self):
        self.passes(b"\x09" + string(bytes(range(256))))

    def user_properties_pass(self):
        self.passes(b"".join(user("k%d" % (at % 3), "v\u2603%d" % at) for at in range(20)))

    def content_type_passes(self):
        self.passes(b"\x03" + string("text/plain; charset=\u2603"))

    def expired_ones_are_dropped(self):
        wire = self.durable(self.t)
        self.sub(wire, (self.t, 1))
        wire.close()
        sender = self.open()
        self.pub(sender, b"short", qos=1, block=b"\x02\0\0\0\1")
        self.pub(sender, b"long", qos=1, block=b"\x02\0\0\0\x64")
        self.let_pass(1.2)
        self.assertEqual(self.payloads(self.durable(self.t)), [b"long"])

    def expiry_counts_down(self):
        wire = self.durable(self.t)
        self.sub(wire, (self.t, 1))
        wire.close()
        self.pub(self.open(), qos=1, block=b"\x02\0\0\0\x64")
        self.let_pass(1.2)
        block = self.until(self.durable(self.t))[0].publish(5)[4]
        self.assertIn(struct.unpack(">BI", block[:5]), [(2, left) for left in range(1, 100)])

    def aliases_end_with_the_connection(self):
        wire = self.durable(self.t)
        self.pub(wire, qos=1, block=b"\x23\0\1")
        wire.close()
        again = self.durable(self.t)
        self.ends(publish("", b"x", 5, block=b"\x23\0\1"), PROTOCOL, again)

    def alias_0_ends(self):
        self.ends(publish(self.t, b"x", 5, block=b"\x23\0\0"), 0x94)

    def alias_over_the_maximum_ends(self):
        self.ends(publish(self.t, b"x", 5, block=b"\x23\0\x21"), 0x94)

    def all_aliases_are_taken(self):
        wire = self.open()
        self.assertIn(b"\x22\0\x20", wire.connack)
        watcher = self.open()
        self.sub(watcher, (self.t + "/#", 0))
        for alias in range(1, 33):
            block = b"\x23" + struct.pack(">H", alias)
            self.pub(wire, qos=1, topic="%s/%d" % (self.t, alias), block=block)
            wire.send(publish("", b"again", 5, 1, block=block))
            self.next(wire, 4)
        self.assertEqual([item.publish(5)[0] for item in self.until(watcher, 64)], ["%s/%d" % (self.t, alias) for alias in range(1, 33) for _ in "12"])

    def response_topic_is_text(self):
        for text in BAD_TEXT:
            self.ends(publish(self.t, b"x", 5, block=b"\x08" + string(text)), MALFORMED)

    def response_topic_has_no_wildcards(self):
        for text in ("a/#", "+", "a/+/b", ""):
            self.ends(publish(self.t, b"x", 5, block=b"\x08" + string(text)), PROTOCOL)
            self.refused(connect("", 5, will=(self.t, b"x", 0, False, b"\x08" + string(text))), PROTOCOL)

    def content_type_is_text(self):
        for text in BAD_TEXT:
            self.ends(publish(self.t, b"x", 5, block=b"\x03" + string(text)), MALFORMED)

    def identifiers_are_given(self):
        wire = self.open()
        for at, topic in enumerate((self.t, self.t + "/#", "+/" + self.t.split("/")[1])):
            self.sub(wire, (topic, 1), block=b"\x0b" + bytes([at + 5]) if at < 2 else b"")
        self.pub(self.open(), qos=1)
        blocks = [item.publish(5)[4] for item in self.everything(wire)]
        self.assertEqual([sorted(block[at:at + 2] for at in range(0, len(block), 2)) for block in blocks], [[b"\x0b\5", b"\x0b\6"]])

    def identifier_from_a_client_ends(self):
        self.ends(publish(self.t, b"x", 5, block=b"\x0b\1"), PROTOCOL)

    def exceeding_our_receive_maximum_ends(self):
        self.ends(b"".join(publish(self.t, b"x", 5, 2, at + 1) for at in range(20001)), 0x93, self.quiet_end())

    def quiet_end(self):
        """A connection of which only the DISCONNECT counts."""
        wire = self.open()
        read_all = wire.read_all
        wire.read_all = lambda: [item for item in read_all() if item.type == 14]
        return wire

    def receive_maximum_is_kept(self):
        wire = self.open(block=b"\x21\0\3")
        self.sub(wire, (self.t, 2))
        sender = self.open()
        for at in range(8):
            self.pub(sender, b"%d" % at, qos=1 + at % 2, ident=at + 1)
        first = [item.publish(5) for item in self.everything(wire)]
        self.assertEqual([m[1] for m in first], [b"0", b"1", b"2"])
        wire.send(ack(PUBREC, first[1][3]))
        self.assertEqual([item.type for item in self.everything(wire)], [6])
        wire.send(ack(PUBCOMP, first[1][3]))
        self.assertEqual(self.until(wire)[0].publish(5)[1], b"3")
        wire.send(ack(PUBACK, first[0][3]))
        self.assertEqual(self.until(wire)[0].publish(5)[1], b"4")
        self.stays(wire)

    def full_quota_delays_nothing_else(self):
        wire = self.open(block=b"\x21\0\1")
        self.sub(wire, (self.t, 1))
        sender = self.open()
        for at in range(3):
            self.pub(sender, qos=1)
        self.assertEqual(len(self.payloads(wire)), 1)
        self.sub(wire, (self.t + "x", 1))
        self.pub(wire, qos=2, topic=self.t + "y")
        self.pub(sender, b"0", topic=self.t)
        self.stays(wire)

    # ---- acknowledgements ----

    def codes_of_puback_are_known_ones(self):
        self.code_of(1, 4)

    def codes_of_pubrec_are_known_ones(self):
        self.code_of(2, 5)

    def code_of(self, qos, kind):
        wire = self.open()
        wire.send(publish("$SYS/x", b"x", 5, qos, 3))
        self.assertEqual(self.next(wire, kind).body[2], 0x87)
        wire.send(publish(self.t, b"x", 5, qos, 4))
        self.assertIn(self.next(wire, kind).body[2:3], (b"", b"\0", b"\x10"))

    def codes_of_pubrel_are_known_ones(self):
        wire = self.open()
        wire.send(ack(PUBREC, 9))
        self.assertEqual(self.next(wire, 6).body, b"\0\x09\x92")
        self.pubrec_is_answered_with_pubrel()

    def codes_of_pubcomp_are_known_ones(self):
        wire = self.open()
        wire.send(ack(PUBREL, 9))
        self.assertEqual(self.next(wire, 7).body, b"\0\x09\x92")
        self.pubrel_is_answered_with_pubcomp()

    def reason_of_puback_fits(self):
        wire = self.small(10)
        wire.send(publish("$SYS/x", b"x", 5, 1, 3))
        self.assertEqual(self.next(wire, 4).body, b"\0\3\x87")

    def reason_of_pubrec_fits(self):
        wire = self.small(10)
        wire.send(publish("$SYS/x", b"x", 5, 2, 3))
        self.assertEqual(self.next(wire, 5).body, b"\0\3\x87")

    def reason_of_release_is_never_told(self):
        wire = self.small(6)
        wire.send(ack(PUBREC, 9) + ack(PUBREL, 8))
        self.assertEqual([self.next(wire, kind).body for kind in (6, 7)], [b"\0\x09\x92", b"\0\x08\x92"])

    def reason_of_suback_fits(self):
        wire = self.small(10)
        self.assertEqual(self.sub(wire, "$share/g"), b"\x8f")
        wire.send(unsubscribe("none", version=5))
        self.assertEqual(self.next(wire, 11).body, b"\0\1\0\x11")

    # ---- SUBSCRIBE and UNSUBSCRIBE ----

    def no_local(self):
        wire = self.open()
        self.sub(wire, (self.t, 4))
        self.pub(wire, b"own", qos=1)
        self.pub(self.open(), b"other", qos=1)
        self.assertEqual(self.payloads(wire), [b"other"])

    def no_local_on_a_shared_one_ends(self):
        self.ends(subscribe(("$share/g/" + self.t, 4), version=5), PROTOCOL)

    def unsuback_codes_are_in_order(self):
        wire = self.open()
        self.sub(wire, (self.t, 0), (self.t + "x", 0))
        wire.send(unsubscribe("none", self.t, "none/2", self.t + "x", version=5))
        self.assertEqual(self.next(wire, 11).body[3:], b"\x11\0\x11\0")

    # ---- DISCONNECT and AUTH ----

    def no_disconnect_before_connack(self):
        for data in (connect("", 5, flags=3), connect("", 5, will=("$SYS/x", b"")), packet(0x10, b"")):
            self.assertTrue({item.type for item in self.raw(data).read_all()} <= {2})

    def disconnect_codes_are_known_ones(self):
        self.ends(packet(0xE0, b"\x05"), MALFORMED)
        self.second_connect_closes()

    def no_session_expiry_from_us(self):
        wire = self.durable(self.t)
        wire.send(connect("", 5))
        body = wire.read_all()[-1].body
        self.assertNotEqual(body[2:3], b"\x11")

    def reason_of_disconnect_fits(self):
        wire = self.small(6)
        wire.send(connect("", 5))
        self.assertEqual([item.body for item in wire.read_all()], [b"\x82"])

    def nothing_after_disconnect(self):
        receiver, sender = self.pair(0)
        receiver.send(b"\xc0\1\0" + subscribe(self.t + "x", version=5))
        self.pub(sender, qos=1)
        items = receiver.read_all()
        self.assertEqual([item.type for item in items][-1], 14)

    def auth_flags_are_checked(self):
        for first in (0xF1, 0xF2, 0xF8):
            self.ends(bytes([first, 0]), MALFORMED)

    def challenge(self, wire, party, **arguments):
        """One round of SCRAM; the server's AUTH."""
        item = self.next(wire, 15)
        reason, method, data = scram.read_auth(item.body)
        self.assertEqual((reason, method), (0x18, "SCRAM-SHA-256"))
        wire.send(scram.auth(0x18, party.final(data, **arguments)))
        return item.body, data

    def log_in(self):
        party = scram.Scram("anna", "secret")
        wire = self.raw(connect("", 5, block=scram.block(party.first())), self.server.ports[4])
        self.challenge(wire, party)
        answer = self.next(wire, 2)
        self.assertEqual((answer.body[:2], scram.read_auth(answer.body)[1]), (b"\0\0", "SCRAM-SHA-256"))
        return wire

    def authentication_goes_on_with_one_method(self):
        wire = self.log_in()
        party = scram.Scram("anna", "secret")
        wire.send(scram.auth(0x19, party.first()))
        self.challenge(wire, party)
        self.assertEqual(scram.read_auth(self.next(wire, 15).body), (0, "SCRAM-SHA-256", party.expected))

    def authentication_says_no_more_than_it_must(self):
        party = scram.Scram("anna", "secret")
        wire = self.raw(connect("", 5, block=scram.block(party.first())), self.server.ports[4])
        body, data = self.challenge(wire, party)
        self.assertEqual(body, b"\x18" + mqtt.properties(5, scram.block(data)))

    def another_method_ends(self):
        self.ends(scram.auth(0x19, b"x", "SCRAM-SHA-1"), 0x8C, self.log_in())

    def failed_authentication_closes(self):
        wire = self.log_in()
        party = scram.Scram("anna", "secret")
        wire.send(scram.auth(0x19, party.first()))
        self.challenge(wire, party, spoil=True)
        self.assertEqual([(item.type, item.body[0]) for item in wire.read_all()], [(14, 0x87)])

    def wrong_proof_closes(self):
        party = scram.Scram("anna", "wrong")
        wire = self.raw(connect("", 5, block=scram.block(party.first())), self.server.ports[4])
        self.challenge(wire, party)
        self.assertEqual([(item.type, item.body[1]) for item in wire.read_all()], [(2, 0x87)])

    def unasked_auth_ends(self):
        self.ends(packet(0xF0), PROTOCOL)
        self.ends(packet(0xF0, b"\x19" + mqtt.properties(5, b"\x15" + string("SCRAM-SHA-256"))), PROTOCOL)

    def unknown_methods_are_refused(self):
        self.refused_with(connect("", 5, block=b"\x15" + string("none")), 0x8C)

    def no_auth_unasked(self):
        wire = self.open(user="anna", password=b"secret")
        self.assertFalse(self.property(wire.connack[3:6], 0x15))
        self.stays(wire)

    # ---- state, order, errors ----

    def session_ends_with_its_expiry(self):
        self.open(self.t, block=expiry(1)).close()
        self.let_pass(1.4)
        self.assertEqual(self.open(self.t, clean=False).connack[0], 0)

    def begun_qos_2_does_not_expire(self):
        in_time(self, self.begin_within, 1, 5, 20)

    def begin_within(self, expiry_s):
        wire = self.durable(self.t)
        self.sub(wire, (self.t, 2))
        began = time.monotonic()
        self.pub(self.open(), qos=2, block=b"\x02" + struct.pack(">I", expiry_s))
        must_be_before(began + expiry_s)
        first = self.until(wire)[0].publish(5)
        wire.close()
        self.let_pass(expiry_s + 0.2)
        again = self.durable(self.t)
        self.assertEqual(self.until(again)[0].publish(5)[:4], first[:4])
        again.send(ack(PUBREC, first[3]))
        self.assertEqual(self.next(again, 6).ident, first[3])

    def refused_qos_2_frees_its_id(self):
        receiver, sender = self.pair(0)
        sender.send(publish("$SYS/x", b"x", 5, 2, 9))
        self.assertEqual(self.next(sender, 5).body[2], 0x87)
        sender.send(publish(self.t, b"new", 5, 2, 9))
        self.assertEqual(self.next(sender, 5).body[2:], b"")
        self.assertEqual(self.payloads(receiver), [b"new"])

    def rejected_ones_are_not_sent_again(self):
        for qos, first in ((1, PUBACK), (2, PUBREC)):
            client, topic = self.t + "-%d" % qos, self.t + "/%d" % qos
            wire = self.durable(client)
            self.sub(wire, (topic, qos))
            self.pub(self.open(), qos=qos, topic=topic)
            wire.send(ack(first, self.until(wire)[0].publish(5)[3], 0x83))
            self.stays(wire)
            wire.close()
            self.stays(self.durable(client))

    def share_names_are_checked(self):
        wire = self.open()
        for topic in ("$share", "$share/", "$share/g", "$share//a", "$share/g/"):
            self.assertEqual(self.sub(wire, topic), b"\x8f", topic)

    def share_names_have_no_wildcards(self):
        wire = self.open()
        self.ends(subscribe("$share/g+/a", version=5), 0x8F)
        self.ends(subscribe("$share/#/a", version=5), 0x8F)
        self.assertEqual(self.sub(wire, ("$share/+/a", 0)), b"\x8f")

    def shared_ones_respect_the_qos(self):
        low, high = self.open(), self.open()
        self.sub(low, ("$share/g/" + self.t, 0))
        self.sub(high, ("$share/g/" + self.t, 2))
        sender = self.open()
        for at in range(10):
            self.pub(sender, qos=2)
        self.assertEqual({item.publish(5)[2] for item in self.everything(low)}, {0})
        self.assertTrue({item.publish(5)[2] for item in self.everything(high)} <= {2})

    def shared(self, qos, client=None):
        """A member that got a message and one that did not; what it got."""
        topic = "$share/g/" + self.t
        chosen = self.durable(client) if client else self.open()
        self.sub(chosen, (topic, qos))
        self.pub(self.open(), b"x", qos=qos)
        got = self.until(chosen)[0].publish(5)
        other = self.open()
        self.sub(other, (topic, qos))
        return chosen, other, got

    def shared_qos_2_is_finished_by_its_client(self):
        chosen, other, got = self.shared(2, self.t)
        chosen.close()
        self.never(other)
        again = self.durable(self.t)
        self.assertEqual(self.until(again)[0].publish(5)[:4], got[:4])

    def shared_qos_2_ends_with_its_session(self):
        chosen, other, _ = self.shared(2)
        chosen.close()
        self.never(other)

    def rejected_shared_ones_go_nowhere(self):
        chosen, other, got = self.shared(1)
        chosen.send(ack(PUBACK, got[3], 0x80))
        self.stays(chosen)
        chosen.close()
        self.never(other)

    def errors_are_told_and_close(self):
        self.ends(publish("#", b"x", 5), 0x90)
        self.refused(connect("", 5, flags=3), MALFORMED)


def rows(name):
    """(id, fact or None) of each row of a table."""
    with open(os.path.join(TABLES, name), encoding="utf-8") as file:
        for line in file:
            match = re.fullmatch(r"\| MQTT-(\S+) \| [^|]+ \| (?:`(\w+)`|(\w[^|`]*)) \|\n", line)
            if match:
                yield match[1], match[2]
            elif line.startswith("| MQTT-"):
                raise SystemExit("%s: cannot read %s" % (name, line))


def expected(ids):
    return ["%s-%d" % (section, n) for section, counted in ids.items() for n in (range(1, counted + 1) if isinstance(counted, int) else counted)]


def make_tests(case, name, ids):
    """Gives the case a test for each row that names a fact; the list of them."""
    table = list(rows(name))
    found = [ident for ident, _ in table]
    problems = ["%s: no row for MQTT-%s" % (name, ident) for ident in expected(ids) if ident not in found]
    problems += ["%s: MQTT-%s is no id of the standard, or is there twice" % (name, ident) for ident in found if ident not in expected(ids) or found.count(ident) > 1]
    problems += ["%s: MQTT-%s names %s, which is not there" % (name, ident, fact) for ident, fact in table if fact and not hasattr(case, fact)]
    if problems:
        raise SystemExit("\n".join(problems))
    made = []
    for ident, fact in table:
        if fact:
            test = "test_MQTT_" + re.sub(r"\W", "_", ident)
            setattr(case, test, lambda self, fact=fact: getattr(self, fact)())
            made.append("%s.%s" % (case.__name__, test))
    return made


class Result(unittest.TextTestResult):
    passed = set()

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed.add("%s.%s" % (type(test).__name__, test._testMethodName))


def main():
    made = make_tests(Mqtt311, "conformance-3.1.1.md", IDS_311) + make_tests(Mqtt5, "conformance-5.0.md", IDS_5)
    program = unittest.main(exit=False, testRunner=unittest.TextTestRunner(resultclass=Result))
    missing = [name for name in made if name not in Result.passed]
    if len(sys.argv) == 1 and missing:
        print("did not run, or failed: " + ", ".join(missing))
        sys.exit(1)
    print("%d statements of 3.1.1, %d of 5.0; %d tests" % (len(expected(IDS_311)), len(expected(IDS_5)), len(made)))
    sys.exit(not program.result.wasSuccessful())


if __name__ == "__main__":
    main()
