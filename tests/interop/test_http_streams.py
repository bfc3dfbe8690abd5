#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Event streams: live from the first byte, resumed without loss, gone at once when the client is, bounded when it does
not read, and a thousand of them on one loop."""

import selectors
import socket
import subprocess
import sys
import time
import unittest

from http_daemon import DEADLINE_S, Daemon, EventStream, wait_for

N_CLIENTS = 1000


class Streams(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)

    def subscriptions(self, prefix):
        return [s for s in self.daemon.listing('subscriptions') if s['filter'].startswith(prefix)]

    def test_live_when_the_head_arrives_and_retained_first(self):
        self.daemon.request('PUT', '/v1/topics/a/kept', b'old')
        stream = EventStream(self.daemon, ['a/#'])
        self.daemon.publish('a/new', 'x')
        self.assertEqual([stream.next()[1]['subject'] for _ in range(2)], ['a/kept', 'a/new'])
        stream.close()

    def test_several_filters_deliver_once(self):
        stream = EventStream(self.daemon, ['a/#', 'a/+', 'b'])
        for topic in ('a/1', 'b', 'c', 'a/2/3'):
            self.daemon.publish(topic, 'x')
        self.assertEqual([stream.next()[1]['subject'] for _ in range(3)], ['a/1', 'b', 'a/2/3'])
        stream.close()

    def test_resume_loses_and_repeats_nothing(self):
        stream = EventStream(self.daemon, ['r/#'])
        seen = []
        for n in range(200):
            self.daemon.publish('r/1', str(n))
            if n % 20 == 7:
                seen.append(stream.next()[1]['data'])
                stream.close() # what was sent and not read is lost with the connection
                for extra in range(3):
                    self.daemon.publish('r/2', f'{n}.{extra}')
                stream = EventStream(self.daemon, ['r/#'], stream.last_id)
        self.daemon.publish('r/end', 'end')
        while seen[-1] != 'end':
            kind, event = stream.next()
            self.assertEqual(kind, 'message')
            seen.append(event['data'])
        wanted = []
        for n in range(200):
            wanted.append(n)
            if n % 20 == 7:
                wanted += [float(f'{n}.{extra}') for extra in range(3)]
        self.assertEqual(seen, wanted + ['end'])
        stream.close()

    def test_unknown_position_is_told_as_a_gap(self):
        self.daemon.request('PUT', '/v1/topics/g/kept', b'old')
        stream = EventStream(self.daemon, ['g/#'], '1234-7')
        self.assertEqual(stream.next(), ('gap', {'lost': None}))
        self.assertEqual(stream.next()[1]['subject'], 'g/kept')
        stream.close()

    def test_position_of_a_retained_value_repeats_nothing(self):
        for n in range(3):
            self.daemon.request('PUT', f'/v1/topics/p/{n}', b'old')
        stream = EventStream(self.daemon, ['p/#'])
        for _ in range(3):
            stream.next()
        stream.close()
        stream = EventStream(self.daemon, ['p/#'], stream.last_id)
        self.daemon.publish('p/new', 'x')
        self.assertEqual(stream.next()[1]['subject'], 'p/new')
        stream.close()

    def test_clients_with_filters_of_their_own(self):
        streams = [EventStream(self.daemon, [f'own/{n}']) for n in range(400)]
        for n, stream in enumerate(streams):
            self.daemon.publish(f'own/{n}', str(n))
            self.assertEqual(stream.next()[1]['data'], n)
            stream.close()
        for n, stream in enumerate(streams):
            self.daemon.publish(f'own/{n}', str(-n))
        for n, stream in enumerate(streams):
            stream = EventStream(self.daemon, [f'own/{n}'], stream.last_id)
            self.assertEqual(stream.next()[1]['data'], -n)
            stream.close()

    def test_killed_client_is_gone_at_once(self):
        curl = subprocess.Popen(['curl', '-sN', f'http://127.0.0.1:{self.daemon.port}/v1/events?filter=k/%23'], stdout=subprocess.DEVNULL)
        wait_for(lambda: self.subscriptions('k/'))
        curl.kill()
        wait_for(lambda: not self.subscriptions('k/'), 'its end')
        curl.wait()

    def test_unread_stream_is_bounded_and_told_what_it_lost(self):
        stream = EventStream(self.daemon, ['s/#'])
        before = self.daemon.resident_kib()
        payload = 'x' * 20_000
        for n in range(1500): # 30 MB
            self.assertEqual(self.daemon.publish('s/1', payload, '?qos=0').status, 202)
        self.assertLess(self.daemon.resident_kib() - before, self.daemon.may_grow_kib(40 * 1024))
        self.daemon.publish('s/end', 'end')
        n_seen = n_lost = 0
        while True:
            kind, data = stream.next()
            if kind == 'gap':
                n_lost += data['lost']
            elif data['subject'] == 's/end':
                break
            else:
                n_seen += 1
        self.assertGreater(n_lost, 0)
        self.assertEqual(n_seen + n_lost, 1500)
        stream.close()

    def test_client_that_never_reads_is_closed_and_given_back(self):
        with Daemon('stuck-timeout=300ms\nreplay-size=1MiB\n') as daemon:
            upgrade = (b'GET /v1/ws?filter=n/%23 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
                       b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
            peers = [daemon.connect() for _ in range(50)]
            for n, peer in enumerate(peers):
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                peer.sendall(b'GET /v1/events?filter=n/%23 HTTP/1.1\r\nHost: a\r\n\r\n' if n % 2 else upgrade)
                peer.recv(100)
            before = daemon.resident_kib()
            payload = 'x' * 50_000
            for _ in range(200): # 10 MB for each of 50
                daemon.publish('n/1', payload, '?qos=0')
            self.assertLess(daemon.resident_kib() - before, daemon.may_grow_kib(64 * 1024))
            wait_for(lambda: not [s for s in daemon.listing('subscriptions') if s['filter'] == 'n/#'], 'their end')
            for peer in peers:
                peer.close()

    def test_stop_ends_streams(self):
        stream = EventStream(self.daemon, ['#'])
        self.daemon.close()
        with self.assertRaises((EOFError, ConnectionResetError)):
            while True:
                stream.next()
        stream.close()

    def test_a_thousand_clients_on_one_loop(self):
        selector = selectors.DefaultSelector()
        peers = {}
        before = self.daemon.resident_kib()
        for _ in range(N_CLIENTS):
            peer = self.daemon.connect()
            peer.sendall(b'GET /v1/events?filter=t/%23 HTTP/1.1\r\nHost: a\r\n\r\n')
            peer.setblocking(False)
            peers[peer] = b''
            selector.register(peer, selectors.EVENT_READ)

        def read_until(condition):
            until = time.monotonic() + DEADLINE_S
            while not all(condition(text) for text in peers.values()):
                self.assertLess(time.monotonic(), until)
                for key, _ in selector.select(1):
                    peers[key.fileobj] += key.fileobj.recv(65536)

        read_until(lambda text: b'\r\n\r\n' in text)
        self.assertEqual(len(self.subscriptions('t/')), N_CLIENTS)
        per_client = (self.daemon.resident_kib() - before) / N_CLIENTS
        for n in range(10):
            self.daemon.publish('t/1', str(n))
        read_until(lambda text: text.count(b'\nid: ') == 10)
        for text in peers.values():
            self.assertEqual([int(part.split(b'"data":')[1].split(b'}')[0]) for part in text.split(b'\ndata: ')[1:]], list(range(10)))
        print(f'# {per_client:.1f} KiB a client', file=sys.stderr)
        self.assertLess(per_client, self.daemon.may_grow_kib(10))
        for peer in peers:
            peer.close()
        wait_for(lambda: not self.subscriptions('t/'), 'their end')


if __name__ == '__main__':
    unittest.main()
