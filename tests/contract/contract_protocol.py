#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The contract of the protocol role, run on every adapter that hawserd loads: what must hold whatever peers speak.

A new adapter adds one entry to SPEAK: what a good peer says, and what it then reads.
"""
import json
import os
import random
import socket
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'daemon'))
from fixture import DEADLINE_S, OPEN, WEB, Case

SEED = int(os.environ.get('HAWSER_TEST_SEED', '20261121'))

# type: (what a good peer sends, what it must read at the front)
SPEAK = {
    'mqtt': (bytes.fromhex('100c00044d5154540402003c0000' 'c000'), bytes.fromhex('20020000' 'd000')),
    'line': (b'SUB contract/line\nPUB contract/line hello\n', b'MSG contract/line hello\n'),
    'http': (b'GET /v1/topics/contract/none HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', b'HTTP/1.1 404 '),
}


def listener(kind):
    return f'[listener {kind}]\ntype={kind}\naddress=tcp:127.0.0.1:0\nanonymous=allow\n'


class Protocols(Case):
    def setUp(self):
        super().setUp()
        self.daemon = self.start(OPEN + WEB + ''.join(listener(kind) for kind in SPEAK))

    def dial(self, kind):
        peer = socket.create_connection(self.daemon.addresses[kind], timeout=DEADLINE_S)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.addCleanup(peer.close)
        return peer

    def expect(self, peer, expected):
        got = b''
        while len(got) < len(expected):
            data = peer.recv(4096)
            if not data:
                break
            got += data
        self.assertEqual(got[:len(expected)], expected)

    def serves(self, kind):
        said, expected = SPEAK[kind]
        peer = self.dial(kind)
        peer.sendall(said)
        self.expect(peer, expected)
        peer.close()

    def n_connections(self, kind):
        with urllib.request.urlopen('http://127.0.0.1:%d/v1/admin/connections?limit=500' % self.daemon.port('web'), timeout=DEADLINE_S) as answer:
            return sum(1 for item in json.load(answer)['items'] if item.get('protocol') == kind)

    def each(self, check):
        for kind in SPEAK:
            with self.subTest(protocol=kind):
                check(kind)

    def test_what_comes_byte_by_byte_is_understood(self):
        def check(kind):
            said, expected = SPEAK[kind]
            peer = self.dial(kind)
            for i in range(len(said)):
                peer.send(said[i:i + 1])
            self.expect(peer, expected)
        self.each(check)

    def test_a_peer_that_goes_after_any_byte_harms_nobody(self):
        def check(kind):
            said = SPEAK[kind][0]
            for i in range(len(said)):
                peer = self.dial(kind)
                peer.send(said[:i])
                peer.close()
            self.serves(kind)
        self.each(check)

    def test_noise_ends_that_peer_at_most(self):
        chance = random.Random(SEED)

        def check(kind):
            for _ in range(60):
                peer = self.dial(kind)
                try:
                    peer.sendall(chance.randbytes(chance.randrange(1, 3000)))
                except OSError:
                    pass  # closed before all was sent
                peer.close()
            self.serves(kind)
        self.each(check)

    def test_noise_after_a_good_beginning_ends_that_peer_at_most(self):
        chance = random.Random(SEED + 1)

        def check(kind):
            said = SPEAK[kind][0]
            for _ in range(60):
                peer = self.dial(kind)
                try:
                    peer.sendall(said + chance.randbytes(chance.randrange(1, 3000)))
                except OSError:
                    pass
                peer.close()
            self.serves(kind)
        self.each(check)

    def test_a_thousand_that_come_and_go_leave_nothing(self):
        def check(kind):
            for _ in range(50):
                peers = [self.dial(kind) for _ in range(20)]
                for peer in peers:
                    peer.sendall(SPEAK[kind][0])
                for peer in peers:
                    peer.close()
            self.serves(kind)
            end = time.monotonic() + DEADLINE_S
            # the listing itself comes over HTTP: that one connection is there
            while self.n_connections(kind) > (1 if kind == 'http' else 0) and time.monotonic() < end:
                pass
            self.assertLessEqual(self.n_connections(kind), 1 if kind == 'http' else 0)
        self.each(check)

    def test_a_stop_ends_every_peer_and_exits_0(self):
        peers = []
        for kind in SPEAK:
            peer = self.dial(kind)
            peer.sendall(SPEAK[kind][0])
            self.expect(peer, SPEAK[kind][1])
            peers.append(peer)
        self.assertEqual(self.daemon.stop()[0], 0)
        for peer in peers:
            while True:
                try:
                    if not peer.recv(4096):
                        break
                except ConnectionResetError:
                    break


if __name__ == '__main__':
    print('seed', SEED)
    unittest.main(verbosity=2)
