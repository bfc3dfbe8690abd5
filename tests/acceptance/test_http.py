#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES H1 H2 O9 and the names of DESIGN 13: HTTP as curl and a bare WebSocket see it."""
import json
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, __file__.rpartition('/')[0])
from acceptance import DEADLINE_S, TEST_CONF, Case, WebSocket, environment, wait_for


def curl(*arguments):
    """Status, content type, body."""
    done = subprocess.run(['curl', '-sS', '-w', '\n%{http_code} %{content_type}', *arguments], capture_output=True, timeout=DEADLINE_S)
    body, _, last = done.stdout.rpartition(b'\n')
    status, _, kind = last.decode().partition(' ')
    return int(status), kind, body


class HttpCase(Case):
    def setUp(self):
        super().setUp()
        self.daemon = self.open()
        self.web = self.daemon.web
        self.url = f'http://127.0.0.1:{self.web.port}'


class H1HttpPublish(HttpCase):
    def test_post_is_202_and_arrives_with_its_content_type(self):
        subscriber = self.client(self.daemon)
        subscriber.subscribe('a/#')
        status, _, _ = curl('-X', 'POST', '-H', 'Content-Type: text/csv; charset=utf-8', '--data-binary', 'höhe,1', f'{self.url}/v1/topics/a/b?qos=1')
        self.assertEqual(status, 202)
        subscriber.wait(1)
        self.assertEqual(subscriber.pairs(), [('a/b', 'höhe,1')])
        self.assertEqual(subscriber.messages[0].properties.ContentType, 'text/csv; charset=utf-8')

    def test_each_qos_is_taken(self):
        subscriber = self.client(self.daemon)
        subscriber.subscribe('a', qos=2)
        for qos in (0, 1, 2):
            self.assertEqual(self.web.publish('a', str(qos), f'?qos={qos}').status, 202)
        subscriber.wait(3)
        self.assertEqual([(m.qos, m.payload) for m in subscriber.messages], [(0, b'0'), (1, b'1'), (2, b'2')])
        self.assertEqual(self.web.publish('a', '', '?qos=3').status, 400)

    def test_the_answer_comes_after_the_commit(self):
        daemon = self.open('[subscription keep]\ntopic=keep/#\nidentity=reader\n', STATE_DIR=str(self.scratch / 'other'))
        for i in range(20):
            self.assertEqual(daemon.web.publish('keep/a', str(i)).status, 202)
        daemon.stop(signal.SIGKILL)
        daemon = self.open('[subscription keep]\ntopic=keep/#\nidentity=reader\n', STATE_DIR=str(self.scratch / 'other'))
        self.assertEqual(self.client(daemon, 'reader').wait(20), [str(i) for i in range(20)])

    def test_put_is_retained_and_get_reads_it(self):
        self.assertEqual(curl('-X', 'PUT', '-H', 'Content-Type: image/png', '--data-binary', '\u0001', f'{self.url}/v1/topics/pic')[0], 202)
        self.assertEqual(curl(f'{self.url}/v1/topics/pic'), (200, 'image/png', b'\x01'))
        self.assertEqual(curl('-X', 'POST', '-d', '2', f'{self.url}/v1/topics/pic?retain=true')[0], 202)
        self.assertEqual(curl(f'{self.url}/v1/topics/pic')[2], b'2')
        self.assertEqual(curl('-X', 'POST', '-d', '3', f'{self.url}/v1/topics/pic')[0], 202)
        self.assertEqual(curl(f'{self.url}/v1/topics/pic')[2], b'2')
        self.assertEqual(curl(f'{self.url}/v1/topics/none')[:2], (404, 'application/problem+json'))
        subscriber = self.client(self.daemon)
        subscriber.subscribe('pic')
        subscriber.wait(1)
        self.assertTrue(subscriber.messages[0].retain)

    def test_batch_body(self):
        subscriber = self.client(self.daemon)
        subscriber.subscribe('b/#')
        events = [{'specversion': '1.0', 'id': f'i{n}', 'source': '/test', 'type': 't', 'subject': f'b/{n}', 'datacontenttype': 'application/json', 'data': {'n': n}} for n in range(5)]
        answer = self.web.request('POST', '/v1/events', json.dumps(events), {'Content-Type': 'application/cloudevents-batch+json'})
        self.assertIn(answer.status, (200, 202))
        subscriber.wait(5)
        self.assertEqual([(t, json.loads(p)) for t, p in subscriber.pairs()], [(f'b/{n}', {'n': n}) for n in range(5)])
        answer = self.web.request('POST', '/v1/topics/b/all', json.dumps(events), {'Content-Type': 'application/cloudevents-batch+json'})
        self.assertIn(answer.status, (200, 202))
        subscriber.wait(10)
        self.assertEqual([t for t, _ in subscriber.pairs()[5:]], ['b/all'] * 5)

    def test_idempotency_key_publishes_once(self):
        subscriber = self.client(self.daemon)
        subscriber.subscribe('k/#')
        for key in ('"8e03978e-40d5"', '"8e03978e-40d5"', '8e03978e-40d5', '"other"'):
            self.assertEqual(self.web.publish('k/a', b'paid', Idempotency_Key=key).status, 202)
        # The same key on another topic is another message.
        self.assertEqual(self.web.publish('k/b', b'paid', Idempotency_Key='"other"').status, 202)
        self.assertEqual(self.web.publish('k/end', b'end').status, 202)
        wait_for(lambda: 'end' in subscriber.payloads(), 'the mark')
        self.assertEqual([t for t, _ in subscriber.pairs()], ['k/a', 'k/a', 'k/b', 'k/end'])
        answer = self.web.publish('k/a', b'another body', Idempotency_Key='"other"')
        self.assertEqual((answer.status, answer.headers['Content-Type']), (422, 'application/problem+json'))

    def test_the_callers_trace_goes_on_in_the_message(self):
        trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
        reader = self.client(self.daemon)
        reader.subscribe('c/#')
        for headers in ({'traceparent': trace, 'tracestate': 'vendor=1'}, {'traceparent': 'not a trace'}, {'traceparent': trace.replace('0af', '0AF')},
                        {'traceparent': trace, 'ce-traceparent': trace[:-1] + '0'}):
            self.assertEqual(self.web.request('POST', '/v1/topics/c/a', b'x', headers).status, 202)
        reader.wait(4)
        got = [[value for name, value in getattr(message.properties, 'UserProperty', []) if name.startswith('trace')] for message in reader.messages]
        self.assertEqual(got, [[trace, 'vendor=1'], [], [], [trace[:-1] + '0']])

    def test_cloudevents_metadata(self):
        stream = self.events(self.daemon, 'c/#')
        self.assertEqual(self.web.publish('c/a', b'x', '?expiry=30s', ce_id='id-1', ce_correlationid='corr', ce_replyto='reply/me', ce_region='eu', Content_Type='text/plain').status, 202)
        event = {'specversion': '1.0', 'id': 'id-2', 'source': '/s', 'type': 't', 'region': 'us', 'datacontenttype': 'text/plain', 'data': 'y'}
        self.assertEqual(self.web.request('POST', '/v1/topics/c/a', json.dumps(event), {'Content-Type': 'application/cloudevents+json'}).status, 202)
        (_, first, _), (_, second, _) = stream.wait(2)
        self.assertEqual([first.get(k) for k in ('specversion', 'id', 'correlationid', 'replyto', 'region', 'subject', 'data')], ['1.0', 'id-1', 'corr', 'reply/me', 'eu', 'c/a', 'x'])
        self.assertEqual([second.get(k) for k in ('id', 'region', 'data')], ['id-2', 'us', 'y'])

    def test_wait_makes_it_a_request(self):
        responder = self.client(self.daemon)
        asked = []

        def reply(client, user, message):
            asked.append(message.properties.CorrelationData)
            responder.publish(message.properties.ResponseTopic, b're:' + message.payload, 0, CorrelationData=message.properties.CorrelationData)

        responder.client.on_message = reply
        responder.subscribe('ask')
        self.assertEqual(curl('-d', 'question', f'{self.url}/v1/topics/ask?wait=50s')[::2], (200, b're:question'))
        self.assertEqual(curl('-d', 'x', f'{self.url}/v1/topics/silence?wait=100ms')[:2], (504, 'application/problem+json'))
        answer = self.web.publish('ask', b'mine', '?wait=50s', **{'ce-correlationid': 'C7'})
        self.assertEqual((answer.status, answer.headers['ce-correlationid']), (200, 'C7'))
        self.assertEqual(asked[-1], b'C7')
        event = {'specversion': '1.0', 'id': '1', 'source': '/s', 'type': 't', 'correlationid': 'C8', 'datacontenttype': 'text/plain', 'data': 'whole'}
        answer = self.web.request('POST', '/v1/topics/ask?wait=50s', json.dumps(event), {'Content-Type': 'application/cloudevents+json'})
        self.assertEqual((answer.status, answer.body, asked[-1]), (200, b're:whole', b'C8'))
        answer = self.web.request('POST', '/v1/topics/ask?wait=50s', json.dumps([event]), {'Content-Type': 'application/cloudevents-batch+json'})
        self.assertEqual((answer.status, answer.json()['detail']), (400, 'a batch cannot wait for a reply'))

    def test_what_retain_is_must_be_readable(self):
        self.assertEqual([self.web.publish('kept', b'x', query).status for query in ('?retain=1', '?retain=false', '?retain', '?retain=maybe')], [202, 202, 202, 400])


class H4Range(HttpCase):
    def part(self, path, text, **headers):
        answer = self.web.get(path, Range=text, **headers)
        return answer.status, answer.body, answer.headers.get('Content-Range')

    def check(self, path):
        for text, status, body, field in (
                ('bytes=2-4', 206, b'234', 'bytes 2-4/10'), ('bytes=7-', 206, b'789', 'bytes 7-9/10'), ('bytes=-2', 206, b'89', 'bytes 8-9/10'),
                ('bytes=0-99', 206, b'0123456789', 'bytes 0-9/10'), ('bytes=8-' + '9' * 50, 206, b'89', 'bytes 8-9/10'), ('bytes=-99', 206, b'0123456789', 'bytes 0-9/10'),
                ('bytes=4-2', 200, b'0123456789', None), ('bytes=x', 200, b'0123456789', None), ('bytes=0-1,3-4', 200, b'0123456789', None), ('lines=1-2', 200, b'0123456789', None)):
            self.assertEqual(self.part(path, text), (status, body, field), text)
        for text in ('bytes=10-', 'bytes=-0', 'bytes=' + '9' * 50 + '-'):
            self.assertEqual(self.part(path, text)[::2], (416, 'bytes */10'), text)
        whole = self.web.get(path)
        self.assertEqual(whole.headers['Accept-Ranges'], 'bytes')
        self.assertEqual(self.part(path, 'bytes=0-0', **{'If-Range': whole.headers['ETag']})[:2], (206, b'0'))
        self.assertEqual(self.part(path, 'bytes=0-0', **{'If-Range': '"other"'})[:2], (200, b'0123456789'))

    def test_of_a_retained_value(self):
        self.web.request('PUT', '/v1/topics/part', b'0123456789')
        self.check('/v1/topics/part')

    def test_of_a_file(self):
        (self.scratch / 'page').mkdir()
        (self.scratch / 'page' / 'ten').write_text('0123456789')
        conf = TEST_CONF.replace('admin=true', f'admin=true\nstatic=/flight:{self.scratch}/page;')
        self.web = self.open(conf=conf, STATE_DIR=str(self.scratch / 'static')).web
        self.check('/flight/ten')


class H2HttpReceive(HttpCase):
    def poll(self, cursor=None, wait='20s', path='p/%23'):
        answer = self.web.get(f'/v1/poll?filter={path}&wait={wait}', **({'Last-Event-ID': cursor} if cursor else {}))
        return answer.status, answer.headers['Hawser-Cursor'], [event['data'] for event in answer.json()] if answer.body else []

    def test_long_poll_is_204_at_the_deadline_and_1_to_n_before(self):
        begin = time.monotonic()
        status, cursor, events = self.poll(wait='300ms')
        self.assertEqual((status, events), (204, []))
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)
        self.assertTrue(cursor)
        for i in range(25):
            self.web.publish('p/a', str(i), Content_Type='text/plain')
        got = []
        while len(got) < 25:
            status, cursor, events = self.poll(cursor)
            self.assertEqual(status, 200)
            self.assertGreaterEqual(len(events), 1)
            got += events
        self.assertEqual(got, [str(i) for i in range(25)])
        self.assertEqual(self.poll(cursor, '0s')[0], 204)

    def test_long_poll_answers_when_something_comes(self):
        process = subprocess.Popen(['curl', '-sS', f'{self.url}/v1/poll?filter=p/%23&wait=50s'], stdout=subprocess.PIPE)
        wait_for(lambda: 'p/#' in self.web.filters(), 'the poll')
        self.web.publish('p/a', b'now', Content_Type='text/plain')
        out, _ = process.communicate(timeout=DEADLINE_S)   # at its own end it would be empty
        event, = json.loads(out)
        self.assertEqual((event['specversion'], event['subject'], event['data']), ('1.0', 'p/a', 'now'))
        wait_for(lambda: 'p/#' not in self.web.filters(), 'its end')

    def test_sse_is_live_with_the_headers_and_resumes_without_loss(self):
        stream = self.events(self.daemon, 's/#', 't')
        self.assertEqual((stream.status, stream.headers['content-type'].partition(';')[0]), (200, 'text/event-stream'))
        published, got, publisher = 0, [], self.client(self.daemon)
        for round in range(4):
            for _ in range(20):
                publisher.publish('s/a' if published % 2 else 't', str(published))
                published += 1
            wait_for(lambda: len(stream.items) >= 7, 'some')
            stream.close()  # in the middle
            items = stream.items[:7]
            got += [int(data['data']) for _, data, _ in items]
            for _ in range(5):
                publisher.publish('s/a', str(published))
                published += 1
            stream = self.events(self.daemon, 's/#', 't', last_id=items[-1][2])
        wait_for(lambda: len(got) + len(stream.items) >= published, 'the rest')
        got += [int(data['data']) for kind, data, _ in stream.items]
        self.assertEqual(got, list(range(published)))

    def test_websocket_both_ways(self):
        peer = WebSocket(self.web.port, '/v1/ws?filter=w/a&filter=w/b')
        self.addCleanup(peer.close)
        self.assertEqual((peer.status, peer.is_accepted, peer.headers['sec-websocket-protocol']), (101, True, 'cloudevents.json'))
        self.assertLessEqual({'w/a', 'w/b'}, self.web.filters())
        subscriber = self.client(self.daemon)
        subscriber.subscribe('out/#')
        self.web.publish('w/b', b'{"n":1}', Content_Type='application/json')
        event = peer.read()
        self.assertEqual((event['specversion'], event['subject'], event['data']), ('1.0', 'w/b', {'n': 1}))
        peer.send({'specversion': '1.0', 'id': '1', 'source': '/page', 'type': 't', 'subject': 'out/x', 'datacontenttype': 'application/json', 'data': {'up': True}})
        subscriber.wait(1)
        self.assertEqual((subscriber.messages[0].topic, json.loads(subscriber.payloads()[0])), ('out/x', {'up': True}))

    def test_websocket_subscribe_and_unsubscribe_are_answered(self):
        peer = WebSocket(self.web.port, '/v1/ws')
        self.addCleanup(peer.close)
        peer.send({'op': 'subscribe', 'filter': 'w/#', 'ref': 'r1'})
        self.assertEqual({k: v for k, v in peer.read().items() if k != 'error'}, {'ok': True, 'ref': 'r1'})
        self.web.publish('w/1', b'one', Content_Type='text/plain')
        self.assertEqual(peer.read()['data'], 'one')
        peer.send({'op': 'unsubscribe', 'filter': 'w/#', 'ref': 'r2'})
        self.assertEqual(peer.read()['ok'], True)
        self.web.publish('w/2', b'two')
        peer.send({'op': 'subscribe', 'filter': 'bad/#/x', 'ref': 'r3'})
        answer = peer.read()
        self.assertEqual((answer['ok'], answer['ref']), (False, 'r3'))
        self.assertIn('detail', answer['error'])
        peer.send({'op': 'subscribe', 'filter': 'last', 'ref': 4})
        self.assertEqual(peer.read()['ref'], 4)
        self.web.publish('last', b'mark', Content_Type='text/plain')
        self.assertEqual(peer.read()['data'], 'mark')


class O9HealthAndDrain(Case):
    def test_probes(self):
        web = self.open().web
        for path in ('/livez', '/readyz', '/healthz'):
            self.assertEqual(web.get(path).status, 200)
        self.assertIn(b'web', web.get('/readyz?verbose').body)

    def test_draining_finishes_the_queue_and_exits_0(self):
        out = self.scratch / 'out.ndjson'
        daemon = self.open(f'[subscription keep]\ntopic=keep/#\ntype=file\npath={out}\nbatch-age=1h\nbatch-count=100000\n')
        publisher = self.client(daemon)
        infos = [publisher.client.publish('keep/a', json.dumps({'n': i}), 1) for i in range(300)]
        for info in infos:
            info.wait_for_publish(DEADLINE_S)
        code, _, err = daemon.stop(signal.SIGTERM)
        self.assertEqual(code, 0, err)
        self.assertEqual([json.loads(line)['n'] for line in out.read_text().splitlines()], list(range(300)))

    def test_new_peers_are_refused_once_it_stops(self):
        daemon = self.open()
        port = daemon.web.port
        self.assertEqual(daemon.stop(signal.SIGTERM)[0], 0)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(('127.0.0.1', port))


class NamesOnTheWire(HttpCase):
    """DESIGN 13: fixed."""

    def test_admin_lists(self):
        self.client(self.daemon, 'known').subscribe('x/#')
        self.web.publish('t', b'x')
        for kind, members in (('topics', ('name',)), ('subscriptions', ('id', 'filter', 'durable')), ('connections', ('id', 'protocol', 'principal')),
                              ('listeners', ()), ('plugins', ())):
            page = self.web.get(f'/v1/admin/{kind}').json()
            self.assertEqual(set(page), {'items', 'next'})
            self.assertTrue(page['items'], kind)
            for item in page['items']:
                for member in members:
                    self.assertIn(member, item)
        connection = next(c for c in self.web.items('connections') if c['protocol'] == 'mqtt')
        self.assertIn('known', connection.values())

    def test_pages_have_a_stable_cursor(self):
        for i in range(30):
            self.web.publish(f'page/{i:02}', b'x', '?qos=0')
        names, cursor = [], ''
        while True:
            page = self.web.get('/v1/admin/topics?prefix=page/&limit=7' + cursor).json()
            names += [item['name'] for item in page['items']]
            if page['next'] is None:
                break
            cursor = '&cursor=' + page['next'].replace('/', '%2F')
        self.assertEqual(names, [f'page/{i:02}' for i in range(30)])

    def test_errors_are_problems(self):
        for answer in (self.web.get('/v1/topics/none'), self.web.get('/nowhere'), self.web.get('/v1/events'), self.web.request('PATCH', '/v1/topics/a'),
                       self.web.get('/v1/admin/topics/none')):
            self.assertGreaterEqual(answer.status, 400)
            self.assertEqual(answer.headers['Content-Type'], 'application/problem+json')
            self.assertEqual(answer.json()['status'], answer.status)
            self.assertTrue(answer.json()['title'])

    def test_the_dashboard_metrics_and_the_message_json(self):
        self.assertEqual(self.web.get('/').status in (200, 302, 303, 307, 308), True)
        self.assertIn('hawser_messages_received_total', self.web.metrics())
        stream = self.events(self.daemon, 'j')
        self.client(self.daemon).publish('j', '{"altitude":25913.40}', ContentType='application/json', UserProperty=[('id', 'i1'), ('time', '2026-11-21T03:11:08Z'), ('region', 'eu')])
        (_, event, _), = stream.wait(1)
        self.assertEqual([event.get(k) for k in ('specversion', 'id', 'time', 'region', 'subject', 'datacontenttype', 'hawserqos')],
                         ['1.0', 'i1', '2026-11-21T03:11:08Z', 'eu', 'j', 'application/json', 1])
        self.assertEqual(event['data'], {'altitude': 25913.4})
        for name in ('source', 'type', 'hawserseq', 'hawserretained'):
            self.assertIn(name, event)

    def test_young_status_codes_have_their_names(self):
        answer = self.web.get('/v1/ws')
        self.assertEqual((answer.status, answer.json()['title']), (426, 'Upgrade Required'))

    def test_a_page_of_another_origin_may_patch_a_twin_where_it_may_come_in(self):
        conf = TEST_CONF.replace('admin=true', 'admin=true\ncors-origins=https://page.example;')
        web = self.open(conf=conf, STATE_DIR=str(self.scratch / 'cors')).web
        answer = web.request('OPTIONS', '/v1/twins/x', headers={'Origin': 'https://page.example', 'Access-Control-Request-Method': 'PATCH'})
        self.assertIn('PATCH', answer.headers['Access-Control-Allow-Methods'])

    def test_static_files(self):
        (self.scratch / 'page').mkdir()
        (self.scratch / 'page' / 'index.html').write_text('<p>flight')
        conf = TEST_CONF.replace('admin=true', f'admin=true\nstatic=/flight:{self.scratch}/page;')
        daemon = self.open(conf=conf, STATE_DIR=str(self.scratch / 'static'))
        self.assertEqual(daemon.web.get('/flight/').body, b'<p>flight')
        self.assertEqual(daemon.web.get('/flight/index.html').headers['Content-Type'].partition(';')[0], 'text/html')

    def test_ready_line_exit_codes_and_environment(self):
        self.assertRegex(self.daemon.ready, r'^ready .*mqtt=tcp:127\.0\.0\.1:\d+.*web=tcp:127\.0\.0\.1:\d+')
        self.assertEqual(self.daemon.stop(signal.SIGTERM)[0], 0)
        bad = self.write(TEST_CONF + '[listener mqtt2]\ntype=mqtt\nadress=tcp:127.0.0.1:0\n', 'bad.conf')
        for arguments, code in ((['--config', bad], 3), (['--config', bad, '--check-config'], 3), (['--version'], 0)):
            self.assertEqual(self.run_daemon(*arguments).returncode, code, arguments)
        good = self.write(TEST_CONF, 'good.conf')
        env = environment(HAWSER_CONFIG=good, MQTT_PORT='0', HTTP_PORT='0', STATE_DIR=str(self.scratch / 's'))
        self.assertEqual(self.run_daemon('--check-config', env=env).returncode, 0)
        self.assertIn('name=test', self.run_daemon('--print-config', env=env).stdout)


if __name__ == '__main__':
    unittest.main(verbosity=2)
