#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES C16 D9 D11 D13: messages that wait for their time, that came before, that are answered when they arrived, and those of then."""
import datetime
import http.server
import itertools
import json
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, __file__.rpartition('/')[0])
from acceptance import DEADLINE_S, Case, TooSlow, in_time, must_be_before, wait_for, wire

SLACK_S = 0.05      # FEATURES C16: how early; how late is up to the machine


def kill(daemon):
    daemon.process.kill()
    daemon.process.wait()


def in_seconds(seconds):
    time_then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return time_then.isoformat(timespec='microseconds').replace('+00:00', 'Z')


class Scheduled(Case):
    def check_arrival(self, messages, due, payload):
        wait_for(lambda: messages, 'the message')
        self.assertGreaterEqual(time.monotonic() - due, -SLACK_S)
        self.assertEqual([m.payload.decode() for m in messages], [payload])

    def test_deliver_at_of_mqtt_arrives_then(self):
        daemon = self.open()
        reader, publisher = self.client(daemon), self.client(daemon)
        reader.subscribe('later')
        due = time.monotonic() + 1
        publisher.publish('later', 'x', UserProperty=[('deliver-at', in_seconds(1)), ('kept', 'yes')])
        self.check_arrival(reader.messages, due, 'x')
        names = dict(reader.messages[0].properties.UserProperty)
        self.assertEqual(names['kept'], 'yes')
        self.assertNotIn('deliver-at', names)

    def test_deliver_after_in_milliseconds_and_unix_time(self):
        in_time(self, self.three_by_their_time, 0.2, 2, 10)

    def three_by_their_time(self, step):
        daemon = self.open()
        reader, publisher = self.client(daemon), self.client(daemon)
        reader.subscribe('later')
        began = time.monotonic()
        publisher.publish('later', 'second', UserProperty=[('deliver-at', '%.3f' % (time.time() + 3 * step))])
        publisher.publish('later', 'first', UserProperty=[('deliver-after', f'{int(step * 1000)}ms')])
        publisher.publish('later', 'late already', UserProperty=[('deliver-at', '2001-01-01T00:00:00Z')])
        must_be_before(began + step)
        self.assertEqual(reader.wait(3), ['late already', 'first', 'second'])

    def test_http_message_survives_a_restart_and_is_not_early(self):
        in_time(self, self.over_a_restart, 3, 12, 50)

    def over_a_restart(self, seconds):
        daemon = self.open()
        due = time.monotonic() + seconds
        self.assertEqual(daemon.web.publish('later', b'x', f'?delay={seconds}s').status, 202)
        items = daemon.web.items('scheduled')
        must_be_before(due)
        self.assertEqual([(item['topic'], item['size']) for item in items], [('later', 1)])
        kill(daemon)
        daemon = self.open()
        n_scheduled = daemon.web.metrics()['hawser_scheduled_messages']
        must_be_before(due)
        self.assertEqual(n_scheduled, 1)
        reader = self.client(daemon)
        reader.subscribe('later')
        must_be_before(due)
        self.check_arrival(reader.messages, due, 'x')
        self.assertEqual(daemon.web.items('scheduled'), [])
        self.assertEqual(daemon.stop(signal.SIGTERM)[0], 0)  # that it was delivered waits for a commit: killed now it may come again
        daemon = self.open()
        self.assertEqual(daemon.web.items('scheduled'), [])

    def test_ce_header_and_cloud_event_are_put_off_too(self):
        daemon = self.open()
        self.assertEqual(daemon.web.publish('later', b'x', ce_deliverafter='1h').status, 202)
        event = {'specversion': '1.0', 'id': '1', 'source': 's', 'type': 't', 'subject': 'later', 'deliverafter': '1h', 'data': 'x'}
        answer = daemon.web.request('POST', '/v1/events', json.dumps(event), {'Content-Type': 'application/cloudevents+json'})
        self.assertEqual(answer.status, 202)
        self.assertEqual(len(daemon.web.items('scheduled')), 2)

    def test_cancelled_message_never_comes(self):
        in_time(self, self.cancel_the_first_of_two, 0.3, 3, 20)

    def cancel_the_first_of_two(self, step):
        daemon = self.open()
        reader = self.client(daemon)
        reader.subscribe('later')
        began = time.monotonic()
        for name, delay in (('first', step), ('second', 2 * step)):
            self.assertEqual(daemon.web.publish('later', name.encode(), f'?deliver-after={int(delay * 1000)}ms').status, 202)
        items = daemon.web.items('scheduled')
        must_be_before(began + step)
        gone = daemon.web.request('DELETE', '/v1/admin/scheduled/' + items[0]['id']).status
        must_be_before(began + step)
        self.assertEqual(gone, 204)
        self.assertEqual(daemon.web.request('DELETE', '/v1/admin/scheduled/' + items[0]['id']).status, 404)
        self.assertEqual(reader.wait(1), ['second'])

    def test_time_that_is_none_is_refused(self):
        daemon = self.open()
        for query in ('deliver-at=tomorrow', 'delay=soon', 'delay=20000d'):
            answer = daemon.web.publish('later', b'x', '?' + query)
            self.assertEqual(answer.status, 400, query)
            self.assertIn('deliver-', answer.json()['detail'])


class Dedup(Case):
    EXTRA = '\n[topic once/#]\ncreate=auto\npublish-policy=anyone\nsubscribe-policy=anyone\ndedup-window=10min\n'

    def test_same_id_is_delivered_once_also_over_a_restart_and_from_another_client(self):
        daemon = self.open(self.EXTRA)
        reader = self.client(daemon, 'reader', clean=False, expiry=1000)
        reader.subscribe('once/#', 'often')
        for _ in range(2):
            publisher = self.client(daemon)
            publisher.publish('once/a', 'a', UserProperty=[('id', 'one')])
            publisher.publish('often', 'often', UserProperty=[('id', 'one')])
            self.assertEqual(daemon.web.publish('once/a', b'a', ce_id='one').status, 202)
            publisher.publish('once/b', 'b', UserProperty=[('id', 'one')])
        self.assertEqual(sorted(reader.wait(4)), ['a', 'b', 'often', 'often'])
        self.assertEqual(daemon.web.metrics()['hawser_messages_duplicate_total'], 4)
        wait_for(lambda: not any(item['n_queued'] for item in daemon.web.items('subscriptions')), 'the acknowledgements')
        publisher.publish('often', 'sync')  # its commit carries them; alone they wait for company, and what they were for comes again
        kill(daemon)
        daemon = self.open(self.EXTRA)
        reader = self.client(daemon, 'reader', clean=False, expiry=1000)
        publisher = self.client(daemon)
        publisher.publish('once/a', 'a', UserProperty=[('id', 'one')])
        self.assertEqual(daemon.web.publish('once/c', b'again', Idempotency_Key='k').status, 202)
        kill(daemon)
        daemon = self.open(self.EXTRA)
        reader = self.client(daemon, 'reader', clean=False, expiry=1000)
        self.assertEqual(daemon.web.publish('once/c', b'again', Idempotency_Key='k').status, 202)
        publisher = self.client(daemon)
        publisher.publish('once/end', 'end')
        wait_for(lambda: 'end' in reader.payloads())
        self.assertEqual([p for p in reader.payloads() if p not in ('again', 'sync')], ['end'])
        self.assertLessEqual(reader.payloads().count('again'), 1)

    def test_pipelined_duplicates_are_all_acknowledged(self):
        daemon = self.open(self.EXTRA)
        reader = self.client(daemon, 'reader', clean=False, expiry=1000)
        reader.subscribe('once/#')
        block = b'\x26' + wire.string('id') + wire.string('same')
        with wire.connected(daemon.mqtt, '', 5) as peer:
            peer.send(b''.join(wire.publish('once/x', b'x', 5, 1, i, block=block) for i in range(1, 51)) + wire.publish('once/x', b'end', 5, 1, 51))
            packets = [peer.read() for _ in range(51)]
        self.assertEqual([(p.type, p.ident, p.body[2:]) for p in packets], [(4, i, b'') for i in range(1, 52)])
        self.assertEqual(reader.wait(2), ['x', 'end'])

    def test_id_is_free_again_after_the_window(self):
        daemon = self.open(self.EXTRA.replace('10min', '300ms'))
        reader = self.client(daemon)
        reader.subscribe('once/#')
        end = time.monotonic() + DEADLINE_S
        while len(reader.messages) < 2 and time.monotonic() < end:
            daemon.web.publish('once/a', b'a', ce_id='one')
        self.assertEqual(reader.payloads()[:2], ['a', 'a'])


class Hook(http.server.ThreadingHTTPServer):
    """A destination that answers when it may, with what it is told."""

    daemon_threads = True

    def __init__(self):
        self.may_answer, self.status, self.n, self.bodies = threading.Event(), 204, 0, []
        super().__init__(('127.0.0.1', 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers['Content-Length'])
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True  # its sender was killed
            return
        self.server.bodies.append((body, self.headers['ce-colour'], self.headers['ce-reason']))
        self.server.n += 1
        self.server.may_answer.wait(DEADLINE_S)
        self.send_response(self.server.status)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *arguments):
        pass


class History(Case):
    EXTRA = '\n[topic log/#]\ncreate=auto\npublish-policy=anyone\nsubscribe-policy=anyone\nhistory=5\n'

    def subscribe(self, daemon, qos=1, **properties):
        """The payloads that a new MQTT client gets up to one that is published after its SUBACK."""
        block = b''.join(b'\x26' + wire.string(name) + wire.string(value) for name, value in properties.items())
        payloads = []
        with wire.connected(daemon.mqtt, '', 5) as peer:
            peer.send(wire.subscribe(('log/#', qos), version=5, block=block))
            while peer.read().type != 9:
                pass
            with wire.connected(daemon.mqtt, '', 5) as marker:
                marker.send(wire.publish('log/end', b'end', 5))
                while payloads[-1:] != ['end']:
                    packet = peer.read()
                    self.assertEqual(packet.type, 3)
                    payloads.append(packet.publish(5)[1].decode())
        return payloads[:-1]

    def slice(self, daemon, since):
        """What there is of it: payloads and numbers, up to a message of a topic without history."""
        stream = self.events(daemon, 'log/#', 'end', query=f'&since={since}')
        daemon.web.publish('end', b'end')
        wait_for(lambda: 'end' in map(str, stream.data()), 'the end')
        stream.close()
        return [(str(data['data']), last_id.rpartition('-')[2]) for _, data, last_id in stream.items[:-1]]

    def test_slice_since_sequence_time_and_duration_then_what_is_new(self):
        daemon = self.open(self.EXTRA)
        live = self.events(daemon, 'log/#', 'other')
        for i in range(4):
            daemon.web.publish('log/a' if i % 2 else 'log/b', b'%d' % i)
            daemon.web.publish('other', b'no history')
        live.wait(8)
        numbers = [int(last_id.rpartition('-')[2]) for kind, data, last_id in live.items if data['data'] != 'no history']
        streams = {want: self.events(daemon, 'log/#', query=f'&since={since}')
                   for since, want in ((0, '0123'), (numbers[2], '23'), (numbers[3], '3'), (numbers[3] + 1, ''))}
        daemon.web.publish('log/new', b'n')
        for want, stream in streams.items():
            wait_for(lambda: 'n' in stream.data())
            self.assertEqual(''.join(map(str, stream.data())), want + 'n')
        self.assertEqual(self.subscribe(daemon, since=str(numbers[2]))[:2], ['2', '3'])
        self.assertEqual(self.subscribe(daemon, since='2001-01-01T00:00:00Z')[:4], ['0', '1', '2', '3'])
        self.assertEqual(self.subscribe(daemon, since='1h')[:4], ['0', '1', '2', '3'])
        self.assertEqual(self.subscribe(daemon, since=in_seconds(3600)), [])
        self.assertEqual(self.subscribe(daemon), [])

    def test_only_the_last_of_each_topic_are_kept(self):
        daemon = self.open(self.EXTRA)
        for i in range(12):
            daemon.web.publish('log/x', b'%d' % i)
        self.assertEqual(self.subscribe(daemon, since='0'), ['7', '8', '9', '10', '11'])

    def test_it_survives_a_kill_and_since_gives_the_same_slices(self):
        daemon = self.open(self.EXTRA)
        publisher, live = self.client(daemon), self.events(daemon, 'log/#')
        for i in range(8):
            publisher.publish('log/x' if i % 4 else 'log/y', b'%d' % i, qos=1)  # returns after the PUBACK
        numbers = [int(last_id.rpartition('-')[2]) for _, _, last_id in live.wait(8)]
        before = {since: self.slice(daemon, since) for since in (0, *numbers, numbers[-1] + 1)}
        self.assertEqual([payload for payload, _ in before[0]], ['0', '2', '3', '4', '5', '6', '7'])  # five of each topic
        kill(daemon)
        daemon = self.open(self.EXTRA)
        self.assertEqual({since: self.slice(daemon, since) for since in before}, before)
        after = self.events(daemon, 'log/#', query=f'&since={numbers[-1] + 1}')
        daemon.web.publish('log/x', b'new')
        (_, data, last_id), = after.wait(1)
        self.assertEqual(data['data'], 'new')
        self.assertGreater(int(last_id.rpartition('-')[2]), numbers[-1])

    def test_replay_at_the_speed_of_then(self):
        daemon = self.open(self.EXTRA)
        reader = self.client(daemon)
        reader.subscribe('log/#')
        for delay in ('0ms', '400ms', '800ms'):
            daemon.web.publish('log/x', delay.encode(), f'?deliver-after={delay}')
        reader.wait(3)
        began = time.monotonic()
        stream = self.events(daemon, 'log/#', query='&since=0&speed=1')
        first, _, last = [datetime.datetime.fromisoformat(data['time'].replace('Z', '+00:00')) for _, data, _ in stream.wait(3)]
        self.assertGreater(time.monotonic() - began, (last - first).total_seconds() - 0.1)   # as far apart as then
        self.assertEqual(stream.data(), ['0ms', '400ms', '800ms'])
        fast = self.events(daemon, 'log/#', query='&since=0&speed=1000')
        self.assertEqual([data['data'] for _, data, _ in fast.wait(3)], ['0ms', '400ms', '800ms'])

    def test_since_that_means_nothing_is_refused(self):
        daemon = self.open(self.EXTRA)
        self.assertEqual(daemon.web.get('/v1/events?filter=log/%23&since=yesterday').status, 400)
        self.assertEqual(daemon.web.get('/v1/events?filter=log/%23&since=0&speed=fast').status, 400)
        with wire.connected(daemon.mqtt, '', 5) as peer:
            block = b'\x26' + wire.string('since') + wire.string('yesterday')
            peer.send(wire.subscribe(('log/#', 1), version=5, block=block))
            self.assertGreaterEqual(peer.read().body[-1], 0x80)


def requested(labels, timeout):
    """The properties of a PUBLISH."""
    return b''.join(b'\x26' + wire.string(name) + wire.string(value) for name, value in (('requested', labels), ('timeout', timeout)))


class Labels(Case):
    def open_with_sinks(self, attempts=1):
        self.hook = Hook()
        self.addCleanup(self.hook.server_close)
        self.addCleanup(self.hook.shutdown)
        self.addCleanup(self.hook.may_answer.set)
        folder = self.scratch / 'archive'
        folder.mkdir(exist_ok=True)
        self.extra = f'''
[subscription archive]
topic=data/#
type=file
path={folder}/all.ndjson
batch-age=10ms

[subscription slow]
topic=data/#
type=webhook
uri=http://127.0.0.1:{self.hook.server_address[1]}/
allow-private=true
batch-age=10ms
max-attempts={attempts}
retry-initial=10ms
dead-letter=dead

[subscription picky]
topic=data/#
type=file
path={folder}/picky.ndjson
batch-age=10ms
filter=topic == "none"
'''
        return self.open(self.extra), folder

    def test_answer_comes_when_all_of_it_has_happened(self):
        daemon, folder = self.open_with_sinks()
        answer = daemon.web.publish('data/x', b'first', '?requested=stored,sink:archive&timeout=30s')
        self.assertEqual(answer.status, 202)
        self.assertIn('first', (folder / 'all.ndjson').read_text())   # there when the answer came
        began = time.monotonic()
        threading.Timer(0.3, self.hook.may_answer.set).start()
        self.assertEqual(daemon.web.publish('data/x', b'second', '?requested=stored,%20sink:slow,sink:archive').status, 202)
        self.assertGreater(time.monotonic() - began, 0.2)

    def test_missing_one_is_named_at_the_deadline_over_http_and_mqtt(self):
        in_time(self, self.name_the_missing_one, 0.5, 5, 20)

    def name_the_missing_one(self, timeout_s):
        timeout = f'{int(timeout_s * 1000)}ms'
        daemon, folder = self.open_with_sinks()
        answer = daemon.web.publish('data/x', b'first', f'?requested=stored,sink:archive,sink:slow&timeout={timeout}')
        self.assertEqual(answer.status, 504)
        if answer.json()['detail'] != 'missing in time: sink:slow':
            raise TooSlow(answer.json()['detail'])
        self.assertIn('first', (folder / 'all.ndjson').read_text())
        with wire.connected(daemon.mqtt, '', 5) as peer:
            peer.send(wire.publish('data/x', b'x', 5, 1, 7, block=requested('stored, sink:slow', timeout)))
            packet = peer.read(DEADLINE_S)
            self.assertGreaterEqual(packet.body[2], 0x80)
            if b'missing in time: sink:slow' not in packet.body:
                raise TooSlow(packet.body)
            self.hook.may_answer.set()
            peer.send(wire.publish('data/x', b'x', 5, 1, 8, block=requested('stored, sink:slow', '300s')))
            packet = peer.read()
            self.assertEqual((packet.type, packet.ident, packet.body[2:]), (4, 8, b''))

    def test_what_a_sink_gives_up_or_leaves_out_is_missing_at_once(self):
        daemon, folder = self.open_with_sinks()
        self.hook.status = 400
        self.hook.may_answer.set()
        began = time.monotonic()
        answer = daemon.web.publish('data/x', b'x', '?requested=sink:slow&timeout=5min')
        self.assertEqual((answer.status, answer.json()['detail']), (504, 'given up, and so missing: sink:slow'))
        answer = daemon.web.publish('data/x', b'x', '?requested=sink:picky&timeout=5min')
        self.assertEqual((answer.status, answer.json()['detail']), (504, 'given up, and so missing: sink:picky'))
        self.assertLess(time.monotonic() - began, DEADLINE_S)

    def test_dead_letter_is_driven_to_its_sink_again_over_a_restart(self):
        daemon, folder = self.open_with_sinks(attempts=3)
        self.hook.status = 503
        self.hook.may_answer.set()
        reader = self.client(daemon)
        reader.subscribe('dead', 'data/#')
        daemon.web.publish('data/x', b'poison', ce_colour='red', ce_reason='mine')
        reader.wait(2)
        letter = next(m for m in reader.messages if m.topic == 'dead')
        names = dict(letter.properties.UserProperty)
        self.assertEqual((names['attempts'], names['original-topic'], names['subscription'], names['colour']), ('3', 'data/x', 'slow', 'red'))
        self.assertIn('503', names['reason'])
        asked = self.hook.n
        self.assertEqual(asked, 3)
        queued = lambda: [item['n_queued'] for item in daemon.web.items('subscriptions') if 'slow' in item['id']]
        wait_for(lambda: queued() == [0], 'the message to leave the queue of the sink')
        self.assertEqual(daemon.stop(signal.SIGTERM)[0], 0)
        self.hook.status = 204
        daemon = self.open(self.extra)
        result = self.hawser('sink', 'redrive', 'slow', '-u', f'http://127.0.0.1:{daemon.web.port}')
        self.assertEqual((result.returncode, result.stdout), (0, '1\n'), result)
        wait_for(lambda: self.hook.n == asked + 1, 'the letter at its destination')
        self.assertEqual(self.hook.bodies[-1], (b'poison', 'red', 'mine'))
        answer = daemon.web.request('POST', '/v1/admin/sinks/slow/redrive')
        self.assertEqual((answer.status, answer.json()), (200, {'redriven': 0}))
        self.assertEqual(daemon.web.request('POST', '/v1/admin/sinks/nobody/redrive').status, 404)
        result = self.hawser('sink', 'redrive', 'archive', '-u', f'http://127.0.0.1:{daemon.web.port}')
        self.assertIn('no sink of that name with a dead-letter topic', result.stderr)

    def test_redrive_that_is_killed_between_its_two_commits_is_done_again(self):
        """First the letter is put into the queue of the sink, then it leaves the letters: the second commit waits for company up to 40 ms."""
        daemon, folder = self.open_with_sinks()
        self.hook.may_answer.set()
        n_again, end = 0, time.monotonic() + DEADLINE_S
        for round, n_seen in enumerate(itertools.chain((1, 3, 10, 30), itertools.repeat(1))):
            if round >= 4 and (n_again > 0 or time.monotonic() > end):
                break
            self.hook.status = 400
            sent = {b'%d-%d' % (round, i) for i in range(40)}
            for body in sorted(sent):
                daemon.web.publish('data/x', body)
            queued = lambda: [item['n_queued'] for item in daemon.web.items('subscriptions') if item['id'] == 'slow']
            wait_for(lambda: queued() == [0], 'the messages to leave the queue of the sink')
            self.hook.status, before = 204, len(self.hook.bodies)
            self.assertEqual(daemon.web.request('POST', '/v1/admin/sinks/slow/redrive').status, 200)
            wait_for(lambda: len(self.hook.bodies) >= before + n_seen, 'letters at their destination')
            kill(daemon)
            daemon = self.open(self.extra)
            n_again += daemon.web.request('POST', '/v1/admin/sinks/slow/redrive').json()['redriven']
            wait_for(lambda: {body for body, *_ in self.hook.bodies[before:]} >= sent, 'every letter, once at least')
            wait_for(lambda: queued() == [0], 'the acknowledgements')
            self.assertEqual({body for body, *_ in self.hook.bodies[before:]}, sent)
        self.assertGreater(n_again, 0)  # else no kill ever fell between the two

    def test_label_of_nobody_is_refused_before_anything_is_published(self):
        daemon, folder = self.open_with_sinks()
        reader = self.client(daemon)
        reader.subscribe('#')
        for query, what in (('data/x?requested=sink:nobody', 'sink:nobody'), ('other?requested=stored', 'stored'), ('other?requested=sink:archive', 'sink:archive')):
            topic, _, query = query.partition('?')
            answer = daemon.web.publish(topic, b'x', '?' + query)
            self.assertEqual(answer.status, 404, query)
            self.assertIn(what, answer.json()['detail'])
        daemon.web.publish('other', b'end', '?requested=something+else')
        self.assertEqual(reader.wait(1), ['end'])


if __name__ == '__main__':
    unittest.main()
