#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES S6 S9 S10 S12 S14 S16 S18 C15 O14: sinks of a running daemon, large payloads, what it costs. Deeper: tests/sinks."""
import http.server
import json
import os
import pathlib
import signal
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, __file__.rpartition('/')[0])
from acceptance import DEADLINE_S, TEST_CONF, Case, Seen, Web, environment, fixture, puback, wait_for, wire


class Hook(http.server.ThreadingHTTPServer):
    """Answers as it is told; remembers when it was asked for what."""

    daemon_threads = True

    def __init__(self, answer):
        self.answer, self.calls = answer, Seen()
        super().__init__(('127.0.0.1', 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request, address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers['Content-Length'])
        body = self.rfile.read(length)
        if len(body) < length:
            return   # the sender was killed: it has asked for nothing
        self.server.calls.append((time.monotonic(), dict(self.headers.items()), body))
        status, headers = self.server.answer(len(self.server.calls))
        if status is None:
            self.connection.shutdown(socket.SHUT_RDWR)  # accepted, and gone before the reply
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *arguments):
        pass


class SinkCase(Case):
    def publish(self, daemon, topic, payloads):
        publisher = self.client(daemon)
        infos = [publisher.client.publish(topic, payload, 1) for payload in payloads]
        for info in infos:
            info.wait_for_publish(DEADLINE_S)

    def hook(self, answer):
        server = Hook(answer)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def webhook(self, server, **settings):
        more = ''.join(f'{key.replace("_", "-")}={value}\n' for key, value in settings.items())
        return f'[subscription hook]\ntopic=h/#\ntype=webhook\nuri=http://127.0.0.1:{server.server_address[1]}/\nallow-private=true\nbatch-age=0s\n{more}'

    def blob(self, **settings):
        more = ''.join(f'{key.replace("_", "-")}={value}\n' for key, value in settings.items())
        return f'[subscription blob]\ntopic=b/#\ntype=blob\nendpoint=file://{self.scratch}/blobs\ncontainer=c\n{more}'

    def objects(self):
        return sorted(p for p in (self.scratch / 'blobs').rglob('*') if p.is_file() and not p.name.startswith('.'))


class S6FileAppendJournal(SinkCase):
    """Rotation by size and age, names and fsync: tests/sinks/test_file.py."""

    def lines(self, path):
        try:
            return len(path.read_text().splitlines())
        except FileNotFoundError:   # between two of them
            return 0

    def test_rotates_by_count_and_reopens_on_sighup(self):
        out = self.scratch / 'out'
        daemon = self.open(f'[subscription journal]\ntopic=j/#\ntype=file\npath={out}\nrotate-count=10\nbatch-age=0s\n')
        self.publish(daemon, 'j/a', [json.dumps({'n': i}) for i in range(35)])
        wait_for(lambda: self.lines(out) == 5, 'the lines')
        out.rename(self.scratch / 'moved')
        self.assertIn('was reloaded', daemon.reload())
        self.publish(daemon, 'j/a', ['{"n":35}'])
        wait_for(lambda: self.lines(out) == 1, 'a new file')
        files = sorted(self.scratch.glob('out.*')) + [self.scratch / 'moved', out]
        self.assertEqual([len(p.read_text().splitlines()) for p in files], [10, 10, 10, 5, 1])
        self.assertEqual([json.loads(line)['n'] for p in files for line in p.read_text().splitlines()], list(range(36)))


class S9BatchByCountBytesAge(SinkCase):
    NAME = '{topic}/{sequence}.ndjson'

    def test_ten_thousand_by_a_thousand_are_ten_objects(self):
        daemon = self.open(self.blob(path_template=self.NAME, batch_count=1000, batch_size='64MiB', batch_age='1h'))
        self.publish(daemon, 'b/a', [json.dumps({'n': i}) for i in range(10000)])
        wait_for(lambda: len(self.objects()) == 10, 'ten objects')
        self.assertEqual([len(p.read_text().splitlines()) for p in self.objects()], [1000] * 10)

    def test_age_flushes_a_lone_message(self):
        daemon = self.open(self.blob(path_template=self.NAME, batch_count=1000, batch_age='2s'))
        begin = time.monotonic()
        self.publish(daemon, 'b/a', ['{"n":1}'])
        wait_for(self.objects, 'the object')
        self.assertGreaterEqual(time.monotonic() - begin, 1.9)   # exactly when: tests/core/host, where the clock is the test's

    def test_stopping_flushes_the_rest(self):
        daemon = self.open(self.blob(path_template=self.NAME, batch_count=1000, batch_age='1h'))
        self.publish(daemon, 'b/a', [json.dumps({'n': i}) for i in range(1500)])
        self.assertEqual(daemon.stop()[0], 0)
        self.assertEqual(sorted(len(p.read_text().splitlines()) for p in self.objects()), [500, 1000])


class S10TemplateNames(SinkCase):
    def test_topic_date_hour_and_node(self):
        daemon = self.open(self.blob(path_template='{topic}/{yyyy}/{MM}/{dd}/{HH}-{node}-{sequence}.ndjson', node='edge-1', batch_age='0s'))
        before = time.time()
        self.publish(daemon, 'b/x', ['{"n":1}'])
        wait_for(self.objects, 'the object')
        name = str(self.objects()[0].relative_to(self.scratch / 'blobs' / 'c'))
        stamps = {time.strftime('%Y/%m/%d/%H', time.gmtime(t)) for t in (before, time.time())}
        self.assertRegex(name, r'^b/x/(%s)-edge-1-\d+\.ndjson$' % '|'.join(stamps))


class S12RetryBackOffAndRetryAfter(SinkCase):
    def test_a_failing_server_is_tried_within_the_envelope_and_nothing_is_lost(self):
        server = self.hook(lambda n: (503, {}) if n <= 5 else (204, {}))
        daemon = self.open(self.webhook(server, retry_initial='100ms', retry_maximum='1s', breaker_failures=100))
        self.publish(daemon, 'h/a', ['{"n":1}'])
        wait_for(lambda: len(server.calls) == 6, 'six attempts')
        # The envelope of full jitter itself (FEATURES S12) is in tests/core/host, where the clock is the test's.
        wait_for(lambda: daemon.web.account()[2] == 0, 'an empty queue')

    def test_retry_after_is_obeyed(self):
        server = self.hook(lambda n: (503, {'Retry-After': '2'}) if n == 1 else (204, {}))
        daemon = self.open(self.webhook(server, retry_initial='10ms', retry_maximum='5s'))
        self.publish(daemon, 'h/a', ['{"n":1}'])
        wait_for(lambda: len(server.calls) == 2, 'two attempts')
        self.assertGreaterEqual(server.calls[1][0] - server.calls[0][0], 1.95)

    def test_a_refusal_goes_to_the_dead_letters_but_408_and_429_do_not(self):
        server = self.hook(lambda n: ({1: 408, 2: 429, 3: 204, 4: 400}.get(n, 204), {}))
        daemon = self.open(self.webhook(server, retry_initial='10ms', dead_letter='dead/hook'))
        watcher = self.client(daemon)
        watcher.subscribe('dead/#')
        self.publish(daemon, 'h/a', ['{"n":1}'])
        wait_for(lambda: len(server.calls) == 3, 'the retries')
        self.publish(daemon, 'h/a', ['{"n":2}'])
        watcher.wait(1)
        self.assertIn('"n":2', watcher.payloads()[0])
        self.assertEqual(len(watcher.messages), 1)


class S14AtLeastOnceAckChain(SinkCase):
    def test_a_server_that_dies_between_accept_and_reply_costs_nothing(self):
        server = self.hook(lambda n: (None, {}) if n % 3 == 1 else (204, {}))
        daemon = self.open(self.webhook(server, retry_initial='10ms', retry_maximum='50ms', breaker_failures=1000))
        self.publish(daemon, 'h/a', [json.dumps({'n': i}) for i in range(60)])
        wait_for(lambda: {json.loads(body)['n'] for _, _, body in server.calls} == set(range(60)), 'all')
        wait_for(lambda: daemon.web.account()[2] == 0, 'an empty queue')

    def test_what_the_server_never_took_is_there_after_sigkill(self):
        server = self.hook(lambda n: (503, {}))
        text = self.webhook(server, retry_initial='10ms', retry_maximum='50ms', breaker_failures=1000)
        daemon = self.open(text)
        self.publish(daemon, 'h/a', [json.dumps({'n': i}) for i in range(20)])
        wait_for(lambda: server.calls, 'an attempt')
        daemon.stop(signal.SIGKILL)
        server.calls.clear()
        server.answer = lambda n: (204, {})
        self.open(text)
        wait_for(lambda: {json.loads(body)['n'] for _, _, body in server.calls} >= set(range(20)), 'all')


class S16CloudEventsBinaryAndStructured(SinkCase):
    def test_each_mode(self):
        for mode in ('binary', 'structured', 'batch'):
            server = self.hook(lambda n: (204, {}))
            daemon = self.open(self.webhook(server, cloudevents_mode=mode), STATE_DIR=str(self.scratch / mode))
            self.client(daemon).publish('h/a', '{"n":1}', ContentType='application/json', UserProperty=[('id', 'i-1'), ('region', 'eu')])
            wait_for(lambda: server.calls, mode)
            _, headers, body = server.calls[0]
            headers = {name.lower(): value for name, value in headers.items()}
            if mode == 'binary':
                event = {name[3:]: value for name, value in headers.items() if name.startswith('ce-')}
                event.update(datacontenttype=headers['content-type'], data=json.loads(body))
            else:
                self.assertTrue(headers['content-type'].startswith('application/cloudevents' + ('-batch+json' if mode == 'batch' else '+json')))
                event = json.loads(body)[0] if mode == 'batch' else json.loads(body)
            self.assertEqual([event[k] for k in ('specversion', 'id', 'region', 'subject', 'datacontenttype', 'data')], ['1.0', 'i-1', 'eu', 'h/a', 'application/json', {'n': 1}])
            self.assertTrue(event['source'] and event['type'])
            daemon.stop()


class S18SinkHealthAndTest(SinkCase):
    log_text = ''

    def verb(self, daemon, *arguments):
        return self.hawser('sink', *arguments, '-u', f'http://127.0.0.1:{daemon.web.port}')

    def log(self, daemon):
        os.set_blocking(daemon.process.stderr.fileno(), False)
        self.log_text += (daemon.process.stderr.read() or b'').decode()
        return self.log_text

    def sink(self, daemon, name):
        return {item['name']: item for item in daemon.web.items('sinks')}[name]

    def failing(self):
        """A hook that answers 503 until it is told otherwise; one message waits for it."""
        server = self.hook(lambda n: (self.status, {}))
        self.status = 503
        daemon = self.open(self.webhook(server, retry_initial='10ms', retry_maximum='20ms', breaker_failures='2'))
        daemon.web.publish('h/1', 'x')
        wait_for(lambda: self.sink(daemon, 'hook')['breaker'] != 'closed', 'the breaker')
        return daemon, server

    def test_status_shows_state_depth_oldest_age_and_last_error(self):
        daemon, server = self.failing()
        item = self.sink(daemon, 'hook')
        self.assertEqual((item['state'], item['n_queued'], item['n_written']), ('failing', 1, 0))
        self.assertIn('503', item['last_error'])
        wait_for(lambda: self.sink(daemon, 'hook')['oldest_ms'] > item['oldest_ms'], 'an age that grows')
        wait_for(lambda: "sink 'hook': POST" in self.log(daemon), 'a line in the log')
        self.assertIn('503', self.verb(daemon, 'list').stdout)
        self.status = 200
        wait_for(lambda: self.sink(daemon, 'hook')['n_written'] == 1, 'the message')
        item = self.sink(daemon, 'hook')
        self.assertEqual((item['state'], item['breaker']), ('running', 'closed'))
        wait_for(lambda: self.sink(daemon, 'hook')['n_queued'] == 0, 'an empty spool')
        wait_for(lambda: "sink 'hook': writes again" in self.log(daemon), 'a line in the log')
        self.assertIn('n_written        1', self.verb(daemon, 'show', 'hook').stdout)

    def test_a_probe_is_sent_and_its_answer_printed(self):
        daemon, server = self.failing()
        result = self.verb(daemon, 'test', 'hook')
        self.assertNotEqual(result.returncode, 0)
        self.assertIn('503', result.stderr)
        self.status = 204
        result = self.verb(daemon, 'test', 'hook')
        self.assertEqual((result.returncode, result.stdout), (0, '204 No Content\n'))
        self.assertIn(b'{"test":true}', [body for _, _, body in server.calls])
        self.assertEqual(self.verb(daemon, 'test', 'nobody').returncode, 6)

    def test_a_pause_holds_messages_and_resume_lets_them_go(self):
        server = self.hook(lambda n: (200, {}))
        daemon = self.open(self.webhook(server))
        result = self.verb(daemon, 'pause', 'hook')
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, '', ''))
        daemon.web.publish('h/1', 'x')
        wait_for(lambda: self.sink(daemon, 'hook')['n_queued'] == 1, 'the message')
        self.assertEqual(self.verb(daemon, 'test', 'hook').returncode, 0)
        self.assertEqual((self.sink(daemon, 'hook')['state'], len(server.calls)), ('paused', 1))
        self.assertEqual(self.verb(daemon, 'resume', 'hook').returncode, 0)
        wait_for(lambda: len(server.calls) == 2, 'the message')


class S10NamesInTheWay(SinkCase):
    def test_an_object_below_another_becomes_a_dead_letter(self):
        daemon = self.open(self.blob(path_template='{topic}', format='raw', batch_age='0s', dead_letter='dead'))
        dead = self.events(daemon, 'dead')
        daemon.web.publish('b/x', 'whole')
        wait_for(lambda: len(self.objects()) == 1, 'an object')
        daemon.web.publish('b/x/y', 'below')
        daemon.web.publish('b/z', 'next')
        dead.wait(1)
        self.assertEqual(dead.data(), ['below'])
        wait_for(lambda: len(self.objects()) == 2, 'the next object')
LARGE_S = 300   # for 256 MiB on a machine that does much else




class C15MessageSize(SinkCase):
    SIZE = 256 << 20

    def raised(self, more=''):
        conf = TEST_CONF.replace('[hawser]\n', '[hawser]\nmax-message-size=256MiB\nmax-memory=2GiB\n')
        return self.open(self.blob(path_template='{topic}/{sequence}', format='raw', batch_age='0s', batch_size='256MiB', spool_limit='1GiB') + more, conf=conf)

    def wait_object(self, folder):
        path = wait_for(lambda: next((p for p in self.objects() if p.parent.name == folder), None), folder, LARGE_S)
        size = path.stat().st_size
        with open(path, 'rb') as file:
            self.assertEqual(file.read(4096), b'x' * 4096)
        return size

    def test_256_mib_pass_mqtt_http_and_the_blob_sink(self):
        daemon = self.raised()
        payload = b'x' * self.SIZE
        begin = time.monotonic()
        with wire.connected(daemon.mqtt, 'large', 5) as peer:
            peer.socket.settimeout(LARGE_S)
            # The remaining length of a packet is 28 bits: the payload is what fits beside the topic.
            head = wire.publish('b/mqtt', b'', 5, 1, 7)
            size = (1 << 28) - 1 - (len(head) - 2)
            peer.send(bytes([0x32]) + wire.varint((1 << 28) - 1) + head[2:])
            peer.send(memoryview(payload)[:size])
            packet = peer.read(LARGE_S)
            self.assertEqual((packet.type, packet.ident), (4, 7))
            self.assertIn(packet.body[2:], (b'', b'\x00', b'\x10'))
        self.assertEqual(self.wait_object('mqtt'), size)
        mqtt_s, begin = time.monotonic() - begin, time.monotonic()
        answer = daemon.web.request('POST', '/v1/topics/b/http', payload, timeout=LARGE_S)
        self.assertEqual(answer.status, 202, answer.body)
        self.assertEqual(self.wait_object('http'), self.SIZE)
        http_s = time.monotonic() - begin
        print(f'# 256 MiB to the object: MQTT {mqtt_s:.1f} s, HTTP {http_s:.1f} s; resident at most {daemon.status("VmHWM") // 1024} MiB, now {daemon.status("VmRSS") // 1024} MiB')

    def test_over_a_limit_the_proper_code(self):
        daemon = self.open('[topic small]\nmax-message-size=1KiB\npublish-policy=anyone\nsubscribe-policy=anyone\n'
                           '[listener tight]\ntype=mqtt\naddress=tcp:127.0.0.1:0\nanonymous=allow\nmax-message-size=1KiB\n'
                           '[listener tight-web]\ntype=http\naddress=tcp:127.0.0.1:0\nanonymous=allow\nmax-message-size=1KiB\n')
        large = b'x' * 5000
        # A PUBACK cannot say 0x95 (MQTT 5.0, 2.4); 0x97 is what it has for a limit of the topic.
        self.assertIn(puback(daemon.mqtt, 'small', large), (0x97, ('disconnect', 0x95)))
        self.assertEqual(daemon.web.publish('small', large).status, 413)
        self.assertEqual(daemon.web.publish('other', large).status, 202)
        self.assertIn(puback(daemon.port('tight'), 'other', large), (0x95, ('disconnect', 0x95)))
        self.assertEqual(Web(daemon.port('tight-web')).publish('other', large).status, 413)


class O14Footprint(Case):
    def start_flight(self):
        page = pathlib.Path(os.environ['FLIGHT_CONF'])
        env = environment(FLIGHT_DIR=str(self.scratch / 'flight'), FLIGHT_PAGE=str(page.parent / 'page'), MQTT_PORT='0', HTTP_PORT='0')
        begin = time.monotonic()
        daemon = fixture.Daemon('--config', str(page), env=env)
        self.addCleanup(daemon.stop)
        with wire.connected(daemon.port('mqtt'), 'x'):
            return daemon, (time.monotonic() - begin) * 1000

    def test_resident_memory_and_start(self):
        """What the start costs is time of the processor: how long that takes is up to what else the machine does, and only printed."""
        times, costs = [], []
        for _ in range(5):
            daemon, took = self.start_flight()
            times.append(took)
            costs.append(daemon.cpu_s() * 1000)
            resident = daemon.status('VmRSS')
            self.assertLessEqual(resident, 15 * 1024)
            daemon.stop()
        print(f'# start to CONNACK {min(times):.0f} ms, {min(costs):.0f} ms of them running; resident {resident} KiB')
        self.assertLessEqual(min(costs), 100)


if __name__ == '__main__':
    unittest.main(verbosity=2)
