#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES C8: leased observers of messages, numbers and errors, over HTTP, MQTT, WebSocket and the command line."""
import base64
import json
import subprocess
import sys
import time
import unittest

sys.path.insert(0, __file__.rpartition('/')[0])
from acceptance import HAWSER, TEST_CONF, Case, Events, TooSlow, Web, WebSocket, environment, in_time, let_pass, must_be_before, puback, wait_for


class ObserverEvents(Events):
    """curl -N on /v1/observers/ID/events."""

    def __init__(self, port, id, *curl):
        self.begin(port, f'/v1/observers/{id}/events', *curl)


def observe(web, kind, filter, lease, **more):
    answer = web.request('POST', '/v1/observers', dict(kind=kind, filter=filter, lease=lease, **more))
    assert answer.status == 201, (answer.status, answer.body)
    assert answer.headers['Location'] == '/v1/observers/' + answer.json()['id']
    return answer.json()


class Observers(Case):
    def setUp(self):
        super().setUp()
        self.daemon = self.open(conf=TEST_CONF.replace('[topic #]', '[topic closed/#]\nenabled=false\ncreate=auto\n\n[topic #]'))
        self.web = self.daemon.web
        self.publisher = self.client(self.daemon)

    def stream(self, id):
        stream = ObserverEvents(self.web.port, id)
        self.addCleanup(stream.close)
        return stream

    def test_a_lease_of_five_seconds_is_over_after_five_seconds(self):
        in_time(self, self.lease_ends, 5, 20, 60)

    def lease_ends(self, lease_s):
        began = time.monotonic()
        observer = observe(self.web, 'message', 'plant/#', lease_s)
        stream = self.stream(observer['id'])
        must_be_before(began + lease_s / 2)
        self.assertEqual((observer['kind'], observer['filter'], observer['lease']), ('message', 'plant/#', lease_s))

        def is_over():
            self.publisher.publish('plant/a', 'x')   # the row's publisher goes on
            return any(kind == 'ended' for kind, _, _ in stream.items)

        wait_for(is_over, 'the end of the lease')
        self.assertGreaterEqual(time.monotonic() - began, lease_s - 0.1)
        wait_for(lambda: stream.process.poll() is not None, 'the end of the stream')
        events = [event for kind, event, _ in stream.items if kind == 'message']
        self.assertGreater(len(events), 2)
        self.assertEqual({event.get('topic') for event in events[:-1]}, {'plant/a'})
        self.assertEqual(events[-1]['data'], {'ended': 'lease'})
        self.assertEqual(self.web.get('/v1/observers/' + observer['id']).status, 404)
        self.assertEqual(self.web.put('/v1/observers/' + observer['id'], {}).status, 404)
        self.assertEqual(self.web.get('/v1/observers').json(), {'items': [], 'next': None})

    def test_renewed_at_half_time_nothing_is_missed(self):
        in_time(self, self.renew_at_half_time, 4, 16, 60)

    def renew_at_half_time(self, lease_s):
        asked, n = time.monotonic(), 0
        observer = observe(self.web, 'message', 'plant/#', lease_s)
        stream = self.stream(observer['id'])
        for _ in range(3):
            while time.monotonic() < asked + lease_s / 2:
                self.publisher.publish('plant/a', str(n))
                n += 1
                let_pass(0.01)
            before, asked = asked, time.monotonic()
            answer = self.web.put('/v1/observers/' + observer['id'], None)
            must_be_before(before + lease_s)
            self.assertEqual((answer.status, answer.json()['lease']), (200, lease_s))
            self.assertGreater(answer.json()['expires'], observer['expires'])
        stream.wait(n)
        self.assertEqual([int(event) for event in stream.data()], list(range(n)))

    def test_mqtt_and_websocket_read_the_same_topic(self):
        observer = observe(self.web, 'message', 'plant/+', '5min')
        reader = self.client(self.daemon)
        reader.subscribe(observer['topic'])
        socket = WebSocket(self.web.port, f'/v1/ws?filter={observer["topic"]}')
        self.addCleanup(socket.close)
        self.publisher.publish('plant/a', '{"kw": 5}', ContentType='application/json', UserProperty=[('unit', 'kW')])
        reader.wait(1)
        names = dict(reader.messages[0].properties.UserProperty)
        self.assertEqual((reader.messages[0].topic, reader.payloads(), names['topic'], names['unit']), (observer['topic'], ['{"kw": 5}'], 'plant/a', 'kW'))
        event = socket.read()
        self.assertEqual((event['data'], event['topic'], event['unit'], event['subject']), ({'kw': 5}, 'plant/a', 'kW', observer['topic']))
        self.assertEqual(self.web.request('DELETE', '/v1/observers/' + observer['id']).status, 204)
        self.assertEqual(socket.read()['data'], {'ended': 'request'})

    def test_numbers_come_each_second(self):
        observer = observe(self.web, 'metric', 'plant/#', '5min')
        stream = self.stream(observer['id'])
        stream.wait(1)
        self.assertEqual([stream.data()[0][name] for name in ('filter', 'messages', 'bytes', 'errors', 'last_message')], ['plant/#', 0, 0, 0, None])
        for text in ('one', 'three'):
            self.publisher.publish('plant/a', text)
        wait_for(lambda: stream.data()[-1]['messages'] == 2, 'the numbers')
        self.assertEqual(stream.data()[-1]['bytes'], 8)
        late = self.client(self.daemon)
        late.subscribe(observer['topic'])
        self.assertEqual(json.loads(late.wait(1)[0])['messages'], 2)

    def test_errors_say_what_where_and_why(self):
        observer = observe(self.web, 'error', 'closed/#', '5min')
        stream = self.stream(observer['id'])
        self.assertNotEqual(puback(self.daemon.mqtt, 'closed/door'), 0)
        self.assertGreaterEqual(self.web.publish('closed/door', b'x').status, 400)
        stream.wait(2)
        for error in stream.data():
            self.assertEqual((error.get('topic'), error.get('reason')), ('closed/door', 'disabled'), error)
            self.assertIn('is disabled', error['detail'])
        self.assertTrue(stream.data()[0]['source'].startswith('listener/mqtt'), stream.data()[0])
        self.assertTrue(stream.data()[1]['source'].startswith('listener/web'), stream.data()[1])

    def test_a_sink_that_cannot_write_is_an_error(self):
        where = self.scratch / 'no such folder'
        daemon = self.open(f'\n[subscription keep]\ntype=file\ntopic=plant/#\npath={where}/x/y/log\nbatch-age=10ms\n', STATE_DIR=str(self.scratch / 'other state'))
        observer = observe(daemon.web, 'error', 'plant/#', '5min')
        stream = ObserverEvents(daemon.web.port, observer['id'])
        self.addCleanup(stream.close)
        where.write_text('a file is in the way')
        daemon.web.publish('plant/a', b'x')
        error = wait_for(lambda: stream.data(), 'the error')[0]
        self.assertEqual((error['topic'], error['reason']), ('plant/a', 'sink-failed'))

    def test_what_makes_no_sense_is_refused_with_a_reason(self):
        for body, word in (({'filter': 'a', 'lease': 0.5}, 'lease'), ({'filter': 'a', 'lease': 'soon'}, 'lease'), ({'filter': 'a', 'kind': 'all'}, 'kind'), ({'lease': 5}, 'filter'),
                           ({'filter': 'a/#/b'}, 'a/#/b'), ({'filter': '$observer/#'}, 'observe'), ({'filter': 'a', 'ttl': 5}, 'kind, filter and lease')):
            answer = self.web.request('POST', '/v1/observers', body)
            self.assertEqual((answer.status, answer.headers['Content-Type']), (400, 'application/problem+json'), body)
            self.assertIn(word, answer.json()['detail'])
        id = observe(self.web, 'error', 'a', 300)['id']
        self.assertEqual(self.web.put('/v1/observers/' + id, {'filter': 'b'}).status, 400)
        self.assertEqual(self.web.request('DELETE', f'/v1/observers/{id}/events').status, 405)
        self.assertEqual(self.web.request('PATCH', '/v1/observers/' + id, {}).status, 405)

    def test_there_are_a_hundred_of_one_principal_and_no_more(self):
        for _ in range(100):
            observe(self.web, 'error', 'a', 300)
        self.assertEqual(self.web.request('POST', '/v1/observers', {'filter': 'a'}).status, 429)
        self.assertEqual(len(self.web.get('/v1/observers').json()['items']), 100)
        self.assertEqual(len(self.web.items('observers')), 100)

    def test_the_command_line_renews_while_it_runs(self):
        in_time(self, self.observe_and_renew, 4, 16, 60)

    def observe_and_renew(self, lease_s):
        tool = subprocess.Popen([HAWSER, 'observe', '--url', f'http://127.0.0.1:{self.web.port}', '--lease', f'{lease_s}s', 'plant/#'], stdout=subprocess.PIPE, text=True, env=environment())
        self.addCleanup(tool.stdout.close)
        self.addCleanup(tool.wait)
        self.addCleanup(tool.kill)
        wait_for(lambda: any(f.startswith('$observer/') for f in self.web.filters()), 'the observer')
        first, = self.there()
        wait_for(lambda: self.there()[0]['expires'] > first['expires'], 'a renewal')
        self.publisher.publish('plant/a', 'still here')
        self.assertEqual(tool.stdout.readline(), 'plant/a still here\n')
        tool.kill()
        tool.wait()
        wait_for(lambda: not self.web.get('/v1/observers').json()['items'], 'the end of the lease')

    def there(self):
        items = self.web.get('/v1/observers').json()['items']
        if not items:
            raise TooSlow   # the tool came too late to renew it
        return items


RIGHTS = '''
[policy readers]
allow=role in ("reader", "writer")

[policy writers]
allow=role == "writer"

[topic lab/#]
create=auto
publish-policy=anyone
subscribe-policy=readers

[topic lab/secret]
publish-policy=anyone
subscribe-policy=writers

[identity crew]
type=password
password-file=%s

[listener guarded]
type=http
address=tcp:127.0.0.1:0
identities=crew;
'''


class ObserversOfOthers(Case):
    """walt may read lab/secret, rita may not; neither reads what the other observes."""

    def setUp(self):
        super().setUp()
        passwords = self.scratch / 'users'
        passwords.touch(0o600)
        for user in ('rita', 'walt'):
            subprocess.run(['mosquitto_passwd', '-b', str(passwords), user, user], check=True, capture_output=True)
        roles = {'rita': 'reader', 'walt': 'writer'}
        passwords.write_text(''.join(f'{line}:role={roles[line.partition(":")[0]]}\n' for line in passwords.read_text().splitlines()))
        self.daemon = self.open(RIGHTS % passwords)
        self.port = self.daemon.port('guarded')
        self.webs = {user: Web(self.port, 'Basic ' + base64.b64encode(f'{user}:{user}'.encode()).decode()) for user in roles}

    def stream(self, user, id):
        stream = ObserverEvents(self.port, id, '-u', f'{user}:{user}')
        self.addCleanup(stream.close)
        return stream

    def test_each_sees_what_its_maker_may_read(self):
        streams = {}
        for user, web in self.webs.items():
            streams[user] = self.stream(user, observe(web, 'message', 'lab/#', 300)['id'])
        for topic in ('lab/secret', 'lab/open'):
            self.daemon.web.publish(topic, topic.encode())
        streams['rita'].wait(1)
        streams['walt'].wait(2)
        self.assertEqual((streams['rita'].data(), streams['walt'].data()), (['lab/open'], ['lab/secret', 'lab/open']))
        self.assertEqual(self.webs['rita'].request('POST', '/v1/observers', {'filter': 'lab/secret'}).status, 403)

    def test_nobody_reads_renews_or_ends_that_of_another(self):
        observer = observe(self.webs['walt'], 'message', 'lab/#', 300)
        web, way = self.webs['rita'], '/v1/observers/' + observer['id']
        self.assertEqual([web.request(method, way).status for method in ('GET', 'PUT', 'DELETE')], [404] * 3)
        self.assertEqual(web.get(way + '/events').status, 404)
        self.assertEqual(web.get('/v1/events?filter=' + observer['topic']).status, 403)
        self.assertEqual(web.get('/v1/observers').json()['items'], [])
        self.assertEqual([item['id'] for item in self.daemon.web.items('observers')], [observer['id']])
        # somebody who proves nothing is nobody else either, nor is a wildcard a way in
        reader = self.client(self.daemon)
        reader.subscribe('$observer/#')
        self.daemon.web.publish('lab/open', b'x')
        stream = self.stream('walt', observer['id'])
        self.daemon.web.publish('lab/open', b'y')
        stream.wait(1)
        self.assertEqual(reader.payloads(), [])


if __name__ == '__main__':
    unittest.main(verbosity=2)
