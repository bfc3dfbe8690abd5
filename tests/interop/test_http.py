#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The HTTP listener as curl, websockets and a browser's EventSource see it."""

import asyncio
import base64
import gzip
import hashlib
import http.client
import json
import os
import ssl
import subprocess
import tempfile
import threading
import unittest
import urllib.parse

import websockets

from http_daemon import DEADLINE_S, LISTENER, OPEN, Daemon, EventStream, wait_for

EVENT = {'specversion': '1.0', 'id': 'e1', 'source': '/test', 'type': 't'}


class HttpCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        root = cls.folder.name
        os.makedirs(f'{root}/www/sub')
        for name, text in (('index.html', '<p>page'), ('a b.js', 'x'), ('sub/index.html', 'sub'), ('.hidden', 'no')):
            with open(f'{root}/www/{name}', 'w') as file:
                file.write(text)
        with open(f'{root}/secret', 'w') as file:
            file.write('secret')
        os.symlink(f'{root}/secret', f'{root}/www/link')
        os.symlink(root, f'{root}/www/up')
        cls.daemon = Daemon(f'static=/flight:{root}/www;\ncors-origins=https://good.example;\n')

    @classmethod
    def tearDownClass(cls):
        cls.daemon.close()
        cls.folder.cleanup()

    def curl(self, *arguments):
        return subprocess.run(['curl', '-s', '-m', str(DEADLINE_S), *arguments], capture_output=True, check=True).stdout

    def url(self, path):
        return f'http://127.0.0.1:{self.daemon.port}{path}'


class Publishing(HttpCase):
    def test_post_is_accepted_and_arrives(self):
        stream = EventStream(self.daemon, ['p/#'])
        status = self.curl('-o', '/dev/null', '-w', '%{http_code}', '-d', '{"x": 1}', '-H', 'Content-Type: application/json',
                           '-H', 'ce-id: m1', '-H', 'ce-site: K%C3%B6ln', '-H', 'ce-correlationid: c1', '-H', 'ce-replyto: r/1', self.url('/v1/topics/p/a'))
        self.assertEqual(status, b'202')
        kind, event = stream.next()
        self.assertEqual(kind, 'message')
        self.assertEqual((event['subject'], event['data'], event['id'], event['site'], event['correlationid'], event['replyto']),
                         ('p/a', {'x': 1}, 'm1', 'Köln', 'c1', 'r/1'))
        self.assertEqual(event['datacontenttype'], 'application/json')
        stream.close()

    def test_put_retains_and_delete_takes_away(self):
        self.assertEqual(self.daemon.request('PUT', '/v1/topics/r/a', b'kept', {'Content-Type': 'text/plain', 'ce-k': 'v w'}).status, 202)
        answer = self.daemon.request('GET', '/v1/topics/r/a')
        self.assertEqual((answer.status, answer.body, answer.headers['Content-Type'], answer.headers['ce-k'], answer.headers['ce-subject']),
                         (200, b'kept', 'text/plain', 'v%20w', 'r/a'))
        self.assertEqual(self.daemon.request('GET', '/v1/topics/r/a', headers={'If-None-Match': answer.headers['ETag']}).status, 304)
        self.assertIn('sandbox', answer.headers['Content-Security-Policy'])
        structured = self.daemon.request('GET', '/v1/topics/r/a', headers={'Accept': 'application/cloudevents+json'})
        self.assertEqual(structured.json()['data'], 'kept')
        self.assertEqual(self.daemon.request('DELETE', '/v1/topics/r/a').status, 204)
        self.assertEqual(self.daemon.request('GET', '/v1/topics/r/a').status, 404)

    def test_put_of_nothing_takes_away(self):
        self.daemon.request('PUT', '/v1/topics/r/b', b'kept')
        self.daemon.request('PUT', '/v1/topics/r/b', b'')
        self.assertEqual(self.daemon.request('GET', '/v1/topics/r/b').status, 404)

    def test_retained_value_expires(self):
        self.daemon.request('PUT', '/v1/topics/r/c?expiry=1s', b'x')
        wait_for(lambda: self.daemon.request('GET', '/v1/topics/r/c').status == 404, 'expiry')
        self.daemon.request('PUT', '/v1/topics/r/c?expiry=1h', b'x')
        self.assertEqual(self.daemon.request('GET', '/v1/topics/r/c').status, 200)

    def test_only_kept_values_say_that_they_are_retained(self):
        self.daemon.request('PUT', '/v1/topics/rk/a', b'1')
        stream = EventStream(self.daemon, ['rk/#'])
        self.assertIs(stream.next()[1]['hawserretained'], True)
        self.daemon.request('PUT', '/v1/topics/rk/a', b'2')
        self.assertIs(stream.next()[1]['hawserretained'], False)
        stream.close()

    def test_structured_and_batch(self):
        stream = EventStream(self.daemon, ['s/#'])
        one = json.dumps({**EVENT, 'subject': 's/1', 'data': {'n': 1}})
        self.assertEqual(self.daemon.request('POST', '/v1/events', one, {'Content-Type': 'application/cloudevents+json; charset=utf-8'}).status, 202)
        batch = json.dumps([{**EVENT, 'id': str(n), 'subject': f's/{n}', 'data_base64': 'aGk='} for n in range(2, 5)])
        self.assertEqual(self.daemon.request('POST', '/v1/events', batch, {'Content-Type': 'application/cloudevents-batch+json'}).status, 202)
        self.assertEqual(self.daemon.request('POST', '/v1/topics/s/9', one, {'Content-Type': 'application/cloudevents+json'}).status, 202)
        events = [stream.next()[1] for _ in range(5)]
        self.assertEqual([e['subject'] for e in events], ['s/1', 's/2', 's/3', 's/4', 's/9'])
        self.assertEqual(events[0]['source'], '/test')
        stream.close()

    def test_bad_batch_publishes_nothing(self):
        stream = EventStream(self.daemon, ['bb/#'])
        batch = json.dumps([{**EVENT, 'subject': 'bb/1'}, {'specversion': '1.0'}])
        answer = self.daemon.request('POST', '/v1/events', batch, {'Content-Type': 'application/cloudevents-batch+json'})
        self.assertEqual((answer.status, answer.json()['detail'][:8]), (400, 'event 1:'))
        self.daemon.publish('bb/after', 'x')
        self.assertEqual(stream.next()[1]['subject'], 'bb/after')
        stream.close()

    def test_idempotency_key_is_the_id(self):
        stream = EventStream(self.daemon, ['i/#'])
        self.daemon.request('POST', '/v1/topics/i/a', b'x', {'Idempotency-Key': '"key-7"'})
        self.assertEqual(stream.next()[1]['id'], 'key-7')
        stream.close()

    def test_gzip_body_is_decoded(self):
        self.daemon.request('PUT', '/v1/topics/g/a', gzip.compress(b'hello'), {'Content-Encoding': 'gzip'})
        self.assertEqual(self.daemon.request('GET', '/v1/topics/g/a').body, b'hello')
        answer = self.daemon.request('POST', '/v1/topics/g/a', b'x', {'Content-Encoding': 'br'})
        self.assertEqual(answer.status, 415)

    def test_request_and_reply(self):
        stream = EventStream(self.daemon, ['ask/#'])

        def answer():
            event = stream.next()[1]
            self.daemon.request('POST', '/v1/topics/' + event['replyto'], b'"pong"',
                                {'ce-correlationid': event['correlationid'], 'Content-Type': 'application/json', 'ce-mood': 'fine'})

        thread = threading.Thread(target=answer)
        thread.start()
        reply = self.daemon.request('POST', '/v1/topics/ask/1?wait=50s', b'ping')
        thread.join()
        self.assertEqual((reply.status, reply.body, reply.headers['Content-Type'], reply.headers['ce-mood']), (200, b'"pong"', 'application/json', 'fine'))
        self.assertFalse([t['name'] for t in self.daemon.listing('topics') if t['name'].startswith('reply/')])
        stream.close()

    def test_no_reply_is_504(self):
        answer = self.daemon.request('POST', '/v1/topics/ask/2?wait=200ms', b'ping')
        self.assertEqual((answer.status, answer.json()['reason']), (504, 'timeout'))

    def test_keep_alive_serves_pipelined_requests_in_order(self):
        with self.daemon.connect() as peer:
            peer.sendall(b''.join(b'PUT /v1/topics/k/%d HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n%dGET /v1/topics/k/%d HTTP/1.1\r\nHost: a\r\n\r\n' % (n, n, n)
                                  for n in range(5)))
            file = peer.makefile('rb')
            bodies = []
            for n in range(10):
                self.assertIn(b' 20', file.readline())
                length = 0
                while (line := file.readline()) != b'\r\n':
                    if line.lower().startswith(b'content-length:'):
                        length = int(line.split()[1])
                bodies.append(file.read(length))
            self.assertEqual(bodies[1::2], [b'%d' % n for n in range(5)])
            file.close()

    def test_chunked_large_and_expected_bodies(self):
        payload = os.urandom(3_000_000)
        path = os.path.join(self.folder.name, 'payload')
        with open(path, 'wb') as file:
            file.write(payload)
        for extra in ([], ['-H', 'Transfer-Encoding: chunked'], ['-H', 'Expect: 100-continue']):
            self.assertEqual(self.curl('-o', '/dev/null', '-w', '%{http_code}', '-T', path, *extra, self.url('/v1/topics/big')), b'202')
            self.assertEqual(self.curl(self.url('/v1/topics/big')), payload)


class Problems(HttpCase):
    def test_problem_json(self):
        answer = self.daemon.request('GET', '/v1/topics/none')
        problem = answer.json()
        self.assertEqual(answer.headers['Content-Type'], 'application/problem+json')
        self.assertEqual((problem['type'], problem['status'], problem['title'], problem['reason'], problem['instance']),
                         ('about:blank', 404, 'Not Found', 'not-found', '/v1/topics/none'))

    def test_statuses(self):
        for method, path, status in (
                ('POST', '/v1/topics/', 400), ('POST', '/v1/topics/a%00b', 400), ('POST', '/v1/topics/a/%2e%2e/b', 400), ('POST', '/v1/topics/%252e', 400),
                ('POST', '/v1/topics/a%0d%0ab', 400), ('POST', '/v1/topics/%ff', 400), ('POST', '/v1/topics/a/%23', 400), ('POST', '/v1/topics/a?qos=3', 400),
                ('POST', '/v1/topics/a?expiry=x', 400), ('POST', '/v1/topics/a?wait=1y', 400), ('POST', '/v1/topics/$SYS/x', 403),
                ('GET', '/v1/events', 400), ('GET', '/v1/events?filter=a/%23/b', 400), ('GET', '/v1/poll', 400), ('GET', '/v1/ws', 426),
                ('GET', '/nothing', 404), ('GET', '/mqtt', 426), ('GET', '/v1/admin/cats', 404), ('PATCH', '/v1/topics/a', 405), ('POST', '/v1/poll', 405)):
            with self.subTest(path=path):
                self.assertEqual(self.daemon.request(method, path, b'x' if method == 'POST' else None).status, status)

    def test_methods_without_a_body(self):
        for method in ('HEAD', 'OPTIONS', 'TRACE', 'BREW'):
            answer = self.daemon.request(method, '/v1/topics/a')
            self.assertEqual((answer.status, answer.body), (405, b''))
            self.assertIn('POST', answer.headers['Allow'])

    def test_forged_event_ids(self):
        for value in ('x', '1', '1-', '-1', 'zz-1', '1-1x', 'f' * 10000 + '-1'):
            self.assertEqual(self.daemon.request('GET', '/v1/events?filter=a', headers={'Last-Event-ID': value}).status, 400)


class Origins(HttpCase):
    def test_foreign_pages_may_not_write(self):
        for headers in ({'Origin': 'https://evil.example'}, {'Sec-Fetch-Site': 'cross-site'}, {'Origin': 'null'}):
            self.assertEqual(self.daemon.request('POST', '/v1/topics/o', b'x', headers).status, 403)

    def test_own_and_listed_pages_may(self):
        own = f'http://127.0.0.1:{self.daemon.port}'
        self.assertEqual(self.daemon.request('POST', '/v1/topics/o', b'x', {'Origin': own}).status, 202)
        answer = self.daemon.request('POST', '/v1/topics/o', b'x', {'Origin': 'https://good.example'})
        self.assertEqual((answer.status, answer.headers['Access-Control-Allow-Origin']), (202, 'https://good.example'))

    def test_preflight(self):
        asked = {'Origin': 'https://good.example', 'Access-Control-Request-Method': 'PUT', 'Access-Control-Request-Headers': 'ce-id'}
        answer = self.daemon.request('OPTIONS', '/v1/topics/o', headers=asked)
        self.assertEqual((answer.status, answer.headers['Access-Control-Allow-Headers']), (204, 'ce-id'))
        self.assertEqual(self.daemon.request('OPTIONS', '/v1/topics/o', headers={**asked, 'Origin': 'https://evil.example'}).status, 405)

    def test_admin_refuses_rebinding_and_foreign_pages(self):
        self.assertEqual(self.daemon.request('GET', '/v1/admin/topics', headers={'Host': 'evil.example'}).status, 403)
        self.assertEqual(self.daemon.request('GET', '/v1/admin/topics', headers={'Origin': 'https://evil.example'}).status, 403)
        self.assertEqual(self.daemon.request('GET', '/v1/admin/topics', headers={'Host': 'localhost:1'}).status, 200)


class Polling(HttpCase):
    def test_deadline_is_204_and_the_cursor_goes_on(self):
        answer = self.daemon.request('GET', '/v1/poll?filter=poll/%23&wait=100ms')
        self.assertEqual(answer.status, 204)
        for n in range(3):
            self.daemon.publish(f'poll/{n}', str(n))
        answer = self.daemon.request('GET', '/v1/poll?filter=poll/%23&wait=50s', headers={'Last-Event-ID': answer.headers['Hawser-Cursor']})
        self.assertEqual((answer.status, [e['subject'] for e in answer.json()]), (200, ['poll/0', 'poll/1', 'poll/2']))
        answer = self.daemon.request('GET', '/v1/poll?filter=poll/%23&wait=0s', headers={'Last-Event-ID': answer.headers['Hawser-Cursor']})
        self.assertEqual(answer.status, 204)

    def test_waits_for_the_next_message(self):
        def publish():
            wait_for(lambda: [s for s in self.daemon.listing('subscriptions') if s['filter'] == 'pw/+'], 'the poll')
            self.daemon.publish('pw/1', 'x')

        thread = threading.Thread(target=publish)
        thread.start()
        answer = self.daemon.request('GET', '/v1/poll?filter=pw/%2B&wait=50s')
        thread.join()
        self.assertEqual([e['data'] for e in answer.json()], ['x'])

    def test_retained_values_come_first(self):
        self.daemon.request('PUT', '/v1/topics/pr/1', b'kept')
        answer = self.daemon.request('GET', '/v1/poll?filter=pr/%23&wait=20s')
        self.assertEqual([(e['subject'], e['hawserretained']) for e in answer.json()], [('pr/1', True)])

    def test_many_come_in_parts_without_loss(self):
        cursor = self.daemon.request('GET', '/v1/poll?filter=pm/%23&wait=0s').headers['Hawser-Cursor']
        batch = json.dumps([{**EVENT, 'subject': 'pm/a', 'data': n} for n in range(2500)])
        self.daemon.request('POST', '/v1/events', batch, {'Content-Type': 'application/cloudevents-batch+json'})
        seen = []
        while len(seen) < 2500:
            answer = self.daemon.request('GET', '/v1/poll?filter=pm/%23&wait=50s', headers={'Last-Event-ID': cursor})
            self.assertEqual(answer.status, 200)
            cursor = answer.headers['Hawser-Cursor']
            seen += [e['data'] for e in answer.json()]
        self.assertEqual(seen, list(range(2500)))


class Sockets(HttpCase):
    def run_async(self, coroutine):
        return asyncio.run(asyncio.wait_for(coroutine, DEADLINE_S))

    def connect(self, query='', **options):
        return websockets.connect(f'ws://127.0.0.1:{self.daemon.port}/v1/ws{query}', subprotocols=['cloudevents.json'], **options)

    def test_events_both_ways(self):
        async def run():
            async with self.connect('?filter=ws/%23') as socket:
                self.assertEqual(socket.subprotocol, 'cloudevents.json')
                await socket.send(json.dumps({**EVENT, 'subject': 'ws/1', 'data': {'a': 1}}))
                event = json.loads(await socket.recv())
                self.assertEqual((event['subject'], event['data'], event['id']), ('ws/1', {'a': 1}, 'e1'))
        self.run_async(run())

    def test_subscribe_and_unsubscribe_are_answered(self):
        async def run():
            async with self.connect() as socket:
                async def ask(**operation):
                    await socket.send(json.dumps(operation))
                    return json.loads(await socket.recv())
                self.assertEqual(await ask(op='subscribe', filter='wo/#', ref=7), {'ok': True, 'ref': 7})
                await socket.send(json.dumps({**EVENT, 'subject': 'wo/1', 'data': 1}))
                self.assertEqual(json.loads(await socket.recv())['subject'], 'wo/1')
                self.assertEqual(await ask(op='unsubscribe', filter='wo/#', ref='x'), {'ok': True, 'ref': 'x'})
                answer = await ask(op='unsubscribe', filter='wo/#', ref='y')
                self.assertEqual((answer['ok'], answer['ref'], answer['error']['reason']), (False, 'y', 'not-found'))
                answer = await ask(op='subscribe', filter='a/#/b')
                self.assertEqual((answer['ok'], answer['error']['status']), (False, 400))
                answer = await ask(op='dance', filter='a')
                self.assertFalse(answer['ok'])
                await socket.send('{')
                self.assertEqual(json.loads(await socket.recv())['error']['reason'], 'malformed')
                await socket.send(json.dumps({**EVENT, 'id': 'bad', 'subject': '$SYS/x'}))
                answer = json.loads(await socket.recv())
                self.assertEqual((answer['ok'], answer['ref'], answer['error']['reason']), (False, 'bad', 'not-authorized'))
        self.run_async(run())

    def test_large_and_fragmented_messages(self):
        async def run():
            async with self.connect('?filter=wl/%23', max_size=None) as socket:
                for length in (10, 70_000, 2_000_000):
                    text = json.dumps({**EVENT, 'subject': 'wl/1', 'data': 'x' * length})
                    await socket.send(text)
                    self.assertEqual(len(json.loads(await socket.recv())['data']), length)
                await socket.send([text[:100], text[100:5000], text[5000:]])
                self.assertEqual(len(json.loads(await socket.recv())['data']), 2_000_000)
        self.run_async(run())

    def test_ping_close_and_listing(self):
        async def run():
            async with self.connect('?filter=wp/%23') as socket:
                await (await socket.ping('hello'))
                self.assertEqual([s['filter'] for s in self.daemon.listing('subscriptions') if s['filter'].startswith('wp/')], ['wp/#'])
            self.assertEqual(socket.close_code, 1000)
        self.run_async(run())
        wait_for(lambda: not [s for s in self.daemon.listing('subscriptions') if s['filter'].startswith('wp/')], 'its end')

    def test_foreign_origin_is_refused(self):
        async def run():
            with self.assertRaises(websockets.InvalidStatusCode) as caught:
                await self.connect(origin='https://evil.example')
            self.assertEqual(caught.exception.status_code, 403)
            async with self.connect(origin='https://good.example'):
                pass
        self.run_async(run())


class Files(HttpCase):
    def test_files_have_types_and_tags(self):
        answer = self.daemon.request('GET', '/flight/')
        self.assertEqual((answer.status, answer.body, answer.headers['Content-Type']), (200, b'<p>page', 'text/html; charset=utf-8'))
        self.assertIn("default-src 'self'", answer.headers['Content-Security-Policy'])
        self.assertEqual(answer.headers['X-Content-Type-Options'], 'nosniff')
        self.assertEqual(self.daemon.request('GET', '/flight/', headers={'If-None-Match': answer.headers['ETag']}).status, 304)
        self.assertEqual(self.daemon.request('GET', '/flight/a%20b.js').headers['Content-Type'], 'text/javascript; charset=utf-8')
        self.assertEqual(self.daemon.request('GET', '/flight').headers['Location'], '/flight/')
        self.assertEqual(self.daemon.request('GET', '/flight/sub').headers['Location'], '/flight/sub/')
        self.assertEqual(self.daemon.request('GET', '/flight/sub/').body, b'sub')
        head = self.daemon.request('HEAD', '/flight/index.html')
        self.assertEqual((head.status, head.body, head.headers['Content-Length']), (200, b'', '7'))

    def test_nothing_outside_is_served(self):
        for path in ('../secret', '%2e%2e/secret', '..%2fsecret', 'link', 'up/secret', '.hidden', 'sub/../../secret', '%252e%252e/secret', 'a%00', 'none'):
            with self.subTest(path=path):
                out = self.curl('--path-as-is', '-o', '/dev/null', '-w', '%{http_code}', self.url('/flight/' + path))
                self.assertEqual(out, b'404')


class Admin(HttpCase):
    def test_dashboard_needs_nothing_from_elsewhere(self):
        page = self.daemon.request('GET', '/')
        self.assertEqual(page.status, 200)
        for name in ('dashboard.css', 'dashboard.js'):
            self.assertIn(f'/dashboard/{name}'.encode(), page.body)
            self.assertEqual(self.daemon.request('GET', f'/dashboard/{name}').status, 200)
        self.assertNotIn(b'http://', page.body)
        self.assertNotIn(b'https://', page.body)

    def test_topics_page_by_page(self):
        for n in range(120):
            self.daemon.publish(f'page/{n:03}', 'x')
        seen, cursor = [], ''
        while True:
            page = self.daemon.request('GET', f'/v1/admin/topics?prefix=page/&limit=50{cursor}').json()
            seen += [item['name'] for item in page['items']]
            if page['next'] is None:
                break
            cursor = '&cursor=' + urllib.parse.quote(page['next'], safe='')
        self.assertEqual(seen, [f'page/{n:03}' for n in range(120)])
        self.assertEqual(self.daemon.request('DELETE', '/v1/admin/topics/page/000').status, 204)
        self.assertEqual(self.daemon.request('GET', '/v1/admin/topics/page/000').status, 404)

    def test_topic_is_put_changed_and_deleted(self):
        settings = {'description': 'd', 'retain': 'last', 'publish_policy': 'anyone', 'subscribe_policy': 'anyone', 'message_expiry': '10s', 'max_message_size': '1KiB'}
        path = '/v1/admin/topics/made/here'
        first = self.daemon.request('PUT', path, json.dumps(settings))
        self.assertEqual((first.status, first.json()['message-expiry'], first.json()['max-message-size']), (201, '10s', '1KiB'))
        self.assertEqual(self.daemon.request('PUT', path, json.dumps(settings)).status, 200)
        self.assertEqual(self.daemon.publish('made/here', 'x').status, 202)
        self.assertEqual(self.daemon.request('GET', '/v1/topics/made/here').body, b'x')
        self.assertEqual(self.daemon.publish('made/here', 'x' * 2000).status, 413)
        self.assertEqual(self.daemon.request('PUT', path, json.dumps({**settings, 'enabled': False})).status, 200)
        self.assertEqual(self.daemon.publish('made/here', 'x').status, 409)
        for bad in ({'colour': 1}, {'enabled': 'maybe'}, {'retain': 'often'}, {'message_expiry': 'x'}, []):
            self.assertEqual(self.daemon.request('PUT', path, json.dumps(bad)).status, 400)
        self.assertFalse(self.daemon.request('GET', path).json()['enabled'])
        self.assertEqual(self.daemon.request('DELETE', path).status, 204)
        self.assertEqual(self.daemon.request('DELETE', path).status, 404)

    def test_durable_subscription_is_put_and_deleted(self):
        path, wanted = '/v1/admin/subscriptions/arch', {'filter': 'd/#', 'identity': 'anna', 'max_messages': 10}
        first = self.daemon.request('PUT', path, json.dumps(wanted))
        self.assertEqual((first.status, first.json()['durable'], first.json()['filter'], first.json()['identity']), (201, True, 'd/#', 'anna'))
        self.assertEqual(self.daemon.request('PUT', path, json.dumps(wanted)).status, 200)
        self.assertEqual(self.daemon.request('PUT', path, json.dumps({'filter': 'other'})).status, 409)
        self.assertEqual(self.daemon.request('PUT', '/v1/admin/subscriptions/bad', json.dumps({'filter': 'a/#/b'})).status, 400)
        self.assertIn('arch', [s['id'] for s in self.daemon.listing('subscriptions')])
        self.assertEqual(self.daemon.request('DELETE', path).status, 204)
        self.assertEqual(self.daemon.request('GET', path).status, 404)

    def test_full_subscription_that_rejects_is_429(self):
        path = '/v1/admin/subscriptions/small'
        self.assertEqual(self.daemon.request('PUT', path, json.dumps({'filter': 'full/#', 'max_messages': 2, 'overflow': 'reject'})).status, 201)
        answers = [self.daemon.publish('full/1', 'x') for _ in range(3)]
        self.assertEqual([a.status for a in answers], [202, 202, 429])
        self.assertEqual((answers[2].json()['reason'], answers[2].headers['Retry-After']), ('quota', '1'))
        self.daemon.request('DELETE', path)
        self.assertEqual(self.daemon.publish('full/1', 'x').status, 202)

    def test_lists_carry_what_was_promised(self):
        stream = EventStream(self.daemon, ['list/#'])
        for kind, keys in (('subscriptions', ('id', 'filter', 'durable')), ('connections', ('id', 'protocol', 'principal')), ('listeners', ('name', 'address')), ('plugins', ('name', 'roles'))):
            items = self.daemon.listing(kind)
            self.assertTrue(items)
            for key in keys:
                self.assertIn(key, items[0])
        stream.close()

    def test_metrics_and_health(self):
        self.daemon.publish('m', 'x')
        text = self.daemon.request('GET', '/metrics').body.decode()
        values = dict(line.rsplit(' ', 1) for line in text.splitlines() if not line.startswith('#'))
        self.assertGreater(float(values['hawser_messages_received_total']), 0)
        self.assertGreater(float(values['process_resident_memory_bytes']), 1e6)
        self.assertIn('hawser_connections{protocol="http",listener="web"}', values)
        for name in values:
            self.assertIn(f'# TYPE {name.split("{")[0]} ', text)
        self.assertEqual(self.daemon.request('GET', '/livez').body, b'ok\n')
        self.assertIn(b'[+] listener web', self.daemon.request('GET', '/readyz?verbose').body)


class WithoutAdmin(unittest.TestCase):
    def test_nothing_of_it_is_served(self):
        with Daemon(config=OPEN + LISTENER.replace('admin=true', 'admin=false')) as daemon:
            for path in ('/v1/admin/topics', '/metrics', '/livez', '/dashboard/index.html', '/'):
                self.assertEqual(daemon.request('GET', path).status, 404)


class Rights(unittest.TestCase):
    def test_policies_and_credentials(self):
        with tempfile.TemporaryDirectory() as folder:
            config = OPEN.replace('[policy anyone]\nallow=true', '[policy anyone]\nallow=protocol == "http"\n[policy nobody]\nallow=false') + '''
[topic closed/#]
create=auto
publish-policy=nobody
subscribe-policy=nobody
''' + LISTENER
            with Daemon(config=config) as daemon:
                self.assertEqual(daemon.publish('open', 'x').status, 202)
                answer = daemon.publish('closed/a', 'x')
                self.assertEqual((answer.status, answer.json()['reason']), (403, 'not-authorized'))
                stream = EventStream(daemon, ['#'])
                self.assertEqual(stream.status, 200)
                daemon.publish('closed/a', 'x')
                daemon.publish('open', 'y')
                self.assertEqual(stream.next()[1]['subject'], 'open')
                stream.close()



def password_line(name, password, claims):
    """As mosquitto_passwd writes it, with claims."""
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac('sha512', password.encode(), salt, 101, 64)
    return f'{name}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}:{claims}\n'


def basic(name, password):
    return {'Authorization': 'Basic ' + base64.b64encode(f'{name}:{password}'.encode()).decode()}


class Identities(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        root = cls.folder.name
        with open(os.open(f'{root}/users', os.O_CREAT | os.O_WRONLY, 0o600), 'w') as file:
            file.write(password_line('anna', 'secret', 'role=operator') + password_line('bob', 'other', 'role=guest'))
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
                        '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', f'{root}/key.pem', '-out', f'{root}/cert.pem'], check=True, capture_output=True)
        os.chmod(f'{root}/key.pem', 0o600)
        listener = LISTENER.replace('anonymous=allow', 'identities=users;')
        cls.daemon = Daemon(config=OPEN.replace('allow=true', 'allow=role == "operator"') + f'''
[identity users]
type=password
password-file={root}/users
[tls edge]
certificate-file={root}/cert.pem
private-key-file={root}/key.pem
''' + listener + listener.replace('[listener web]', '[listener webs]') + 'tls=edge\n')

    @classmethod
    def tearDownClass(cls):
        cls.daemon.close()
        cls.folder.cleanup()

    def test_nobody_is_challenged(self):
        answer = self.daemon.publish('a', 'x')
        self.assertEqual((answer.status, answer.json()['reason']), (401, 'not-authorized'))
        self.assertIn('Basic realm="hawser"', answer.headers.get_all('WWW-Authenticate')[0])
        for path in ('/v1/events?filter=a', '/v1/poll?filter=a', '/v1/topics/a', '/v1/admin/topics', '/metrics'):
            self.assertEqual(self.daemon.request('GET', path).status, 401)
        self.assertEqual(self.daemon.request('GET', '/livez').status, 200)

    def test_wrong_and_unreadable_credentials(self):
        for headers in (basic('anna', 'wrong'), basic('nobody', 'x'), {'Authorization': 'Basic !'}, {'Authorization': 'Basic YW5uYQ=='},
                        {'Authorization': 'Digest x'}, {'Authorization': 'Bearer x'}):
            self.assertEqual(self.daemon.request('POST', '/v1/topics/a', b'x', headers).status, 401)

    def test_rights_follow_each_request_of_a_connection(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.daemon.port, timeout=DEADLINE_S)
        statuses = []
        for headers in (basic('anna', 'secret'), basic('bob', 'other'), basic('anna', 'secret'), {}):
            connection.request('POST', '/v1/topics/a', b'x', headers)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        self.assertEqual(statuses, [202, 403, 202, 401])
        connection.close()

    def test_guest_may_not_listen(self):
        self.assertEqual(self.daemon.request('GET', '/v1/topics/a', headers=basic('bob', 'other')).status, 403)
        self.assertEqual(self.daemon.request('GET', '/v1/events?filter=a', headers=basic('bob', 'other')).status, 403)
        stream = EventStream(self.daemon, ['a'], headers='Authorization: %s\r\n' % basic('anna', 'secret')['Authorization'])
        self.assertEqual(stream.status, 200)
        self.assertEqual([c['principal'] for c in self.daemon.request('GET', '/v1/admin/connections', headers=basic('anna', 'secret')).json()['items'] if c['principal']],
                         ['anna', 'anna'])
        self.daemon.request('POST', '/v1/topics/a', b'for operators', basic('anna', 'secret'))
        self.assertEqual(stream.next()[1]['data'], 'for operators')
        stream.close()

    def test_tls_carries_all_of_it(self):
        port, root = self.daemon.ports['webs'], self.folder.name

        def curl(path, *arguments):
            return subprocess.run(['curl', '-sN', '-m', str(DEADLINE_S), '--cacert', f'{root}/cert.pem', '-u', 'anna:secret', *arguments,
                                   f'https://localhost:{port}{path}'], capture_output=True, check=True).stdout

        async def run():
            context = ssl.create_default_context(cafile=f'{root}/cert.pem')
            async with websockets.connect(f'wss://localhost:{port}/v1/ws?filter=wss/%23', ssl=context, extra_headers=basic('anna', 'secret'), max_size=None) as socket:
                await socket.send(json.dumps({**EVENT, 'subject': 'wss/1', 'data': 'x' * 300_000}))
                self.assertEqual(len(json.loads(await socket.recv())['data']), 300_000)

        self.assertEqual(curl('/v1/topics/tls/1', '-X', 'PUT', '-d', 'hello', '-o', '/dev/null', '-w', '%{http_code}'), b'202')
        self.assertEqual(curl('/v1/topics/tls/1'), b'hello')
        asyncio.run(asyncio.wait_for(run(), DEADLINE_S))
        stream = subprocess.Popen(['curl', '-sN', '-m', str(DEADLINE_S), '--cacert', f'{root}/cert.pem', '-u', 'anna:secret',
                                   f'https://localhost:{port}/v1/events?filter=live'], stdout=subprocess.PIPE)
        self.assertEqual(stream.stdout.readline(), b'retry: 1000\n')
        curl('/v1/topics/live', '-d', '7')
        while not (line := stream.stdout.readline()).startswith(b'data: '):
            self.assertTrue(line)
        self.assertEqual(json.loads(line[6:])['data'], 7)
        stream.kill()
        stream.communicate()


if __name__ == '__main__':
    unittest.main()
