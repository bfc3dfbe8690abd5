#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES C1 C2 C3 C4 C10 C13 E3: topics as stock clients see them."""
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, __file__.rpartition('/')[0])
from acceptance import DEADLINE_S, TEST_CONF, Case, let_pass, mosquitto, puback, wait_for, wire

# MQTT 5.0, 2.4
NOT_AUTHORIZED, TOPIC_NAME_INVALID = 0x87, 0x90
REFUSED = (0x83, 0x87, 0x90, 0x99)

STRICT = TEST_CONF.replace('create=auto', 'create=deny')


class C1ProvisionedTopicsWithMetadata(Case):
    # Piraeus: resource URI, description, discovery URL, enabled, expires, maximum subscription duration, publish and
    # subscribe policy, require encrypted channel, audit.
    FIELDS = {
        'description': 'Höhe of "the" craft', 'discovery-url': 'https://example.org/topic?a=1&b=2', 'enabled': True,
        'expires': '2099-01-02T03:04:05Z', 'max-subscription-duration': '12h', 'publish-policy': 'anyone', 'subscribe-policy': 'anyone',
        'require-encryption': True, 'audit': True,
    }
    MORE = {'retain': 'last', 'content-type': 'application/json', 'max-message-size': 4096, 'message-expiry': '10s', 'history': 3}
    PATH = '/v1/admin/topics/craft/telemetry/ground'

    def assert_there(self, daemon, fields):
        answer = daemon.web.get(self.PATH)
        self.assertEqual(answer.status, 200)
        topic = answer.json()
        self.assertEqual({name: topic.get(name) for name in ('name', *fields)}, {'name': 'craft/telemetry/ground', **fields})
        self.assertIn('craft/telemetry/ground', [item['name'] for item in daemon.web.items('topics')])

    def test_ten_fields_read_back_equal_and_survive_sigterm_and_sigkill(self):
        fields = {**self.FIELDS, **self.MORE}
        daemon = self.open()
        self.assertEqual(daemon.web.put(self.PATH, fields).status, 201)
        self.assert_there(daemon, fields)
        self.assertEqual(daemon.stop(signal.SIGTERM)[0], 0)
        daemon = self.open()
        self.assert_there(daemon, fields)
        daemon.stop(signal.SIGKILL)
        self.assert_there(self.open(), fields)

    def test_durations_sizes_and_dates_read_back_as_they_were_written(self):
        fields = {'max-subscription-duration': '60s', 'message-expiry': 3600, 'max-message-size': '64KiB', 'expires': '2099-01-02T03:04:05+01:00'}
        daemon = self.open()
        self.assertEqual(daemon.web.put(self.PATH, fields).status, 201)
        self.assert_there(daemon, fields)
        daemon.stop(signal.SIGKILL)
        daemon = self.open()
        self.assert_there(daemon, fields)
        self.assertEqual(daemon.web.put(self.PATH, {'max-subscription-duration': '1min'}).status, 200)
        self.assert_there(daemon, {'max-subscription-duration': '1min', 'message-expiry': None, 'max-message-size': 0, 'expires': None})

    def test_sigkill_right_behind_the_answer_loses_nothing(self):
        for number in range(5):
            fields = {**self.FIELDS, 'description': f'round {number}'}
            daemon = self.open()
            self.assertIn(daemon.web.put(self.PATH, fields).status, (200, 201))
            daemon.stop(signal.SIGKILL)
            daemon = self.open()
            self.assert_there(daemon, fields)
            daemon.stop(signal.SIGKILL)

    def test_put_is_idempotent_and_delete_ends_it(self):
        daemon = self.open()
        self.assertEqual(daemon.web.put(self.PATH, self.FIELDS).status, 201)
        first = daemon.web.get(self.PATH).json()
        self.assertEqual(daemon.web.put(self.PATH, self.FIELDS).status, 200)
        self.assertEqual(daemon.web.get(self.PATH).json(), first)
        self.assertEqual(daemon.web.request('DELETE', self.PATH).status, 204)
        self.assertEqual(daemon.web.get(self.PATH).status, 404)
        daemon.stop(signal.SIGKILL)
        self.assertEqual(self.open().web.get(self.PATH).status, 404)

    def test_underscores_and_the_property_name_are_understood_too(self):
        daemon = self.open()
        self.assertEqual(daemon.web.put(self.PATH, {'publish_policy': 'anyone', 'discovery_uri': 'https://example.org/'}).status, 201)
        self.assert_there(daemon, {'publish-policy': 'anyone', 'discovery-url': 'https://example.org/'})

    def test_what_does_not_fit_changes_nothing(self):
        daemon = self.open()
        for bad in ({'enabled': 'perhaps'}, {'nonsense': 1}, {'expires': 'tomorrow'}, {'description': 'd', 'history': -1}, []):
            answer = daemon.web.put(self.PATH, bad)
            self.assertEqual((answer.status, answer.headers['Content-Type']), (400, 'application/problem+json'), bad)
        self.assertEqual(daemon.web.get(self.PATH).status, 404)


    def test_what_a_topic_does_not_say_the_filters_above_it_say(self):
        # DESIGN 12: a filter gives metadata and policy to every topic it matches, the most specific wins.
        daemon = self.open()
        self.assertEqual(daemon.web.put('/v1/admin/topics/plant/%23', {'content-type': 'text/plain'}).status, 201)
        self.assertEqual(daemon.web.put('/v1/admin/topics/plant/pump', {'description': 'Pump', 'retain': 'last'}).status, 201)
        for topic in 'plant/pump', 'plant/valve':
            self.assertIn(puback(daemon.mqtt, topic, b'on'), (0, 0x10))
        answer = daemon.web.get('/v1/topics/plant/pump')
        self.assertEqual((answer.status, answer.body, answer.headers['Content-Type']), (200, b'on', 'text/plain'))
        self.assertEqual(daemon.web.get('/v1/topics/plant/valve').status, 404)
        own = daemon.web.get('/v1/admin/topics/plant/pump').json()
        self.assertEqual((own['publish-policy'], own['content-type'], own['retain']), (None, None, 'last'))
        daemon.stop(signal.SIGKILL)
        daemon = self.open()
        self.assertEqual(daemon.web.put('/v1/admin/topics/plant/%23', {'enabled': False}).status, 200)
        self.assertEqual(daemon.web.publish('plant/pump', b'off').status, 409)
        self.assertEqual(daemon.web.put('/v1/admin/topics/plant/pump', {'enabled': True}).status, 200)
        self.assertEqual(daemon.web.publish('plant/pump', b'off').status, 202)


class C2AutoCreatedTopicsByPolicy(Case):
    def test_strict_mode_refuses_an_unknown_topic_with_each_protocols_code(self):
        daemon = self.open(conf=STRICT)
        self.assertIn(puback(daemon.mqtt, 'nobody/declared/this'), (NOT_AUTHORIZED, TOPIC_NAME_INVALID))
        answer = daemon.web.publish('nobody/declared/this', b'x')
        self.assertIn(answer.status, (403, 404))
        self.assertEqual(answer.headers['Content-Type'], 'application/problem+json')
        self.assertNotIn('nobody/declared/this', [item['name'] for item in daemon.web.items('topics')])

    def test_mqtt_3_1_1_gets_its_puback_and_nobody_gets_the_message(self):
        # 3.1.1 has no code: "it MUST either make a positive acknowledgement or close" (MQTT 3.1.1, 3.3.5-2).
        daemon = self.open(conf=STRICT)
        stream = self.events(daemon, '#')
        self.assertEqual(puback(daemon.mqtt, 'nobody/declared/this', version=4), 0)
        self.assertEqual(daemon.web.put('/v1/admin/topics/known', {'publish-policy': 'anyone', 'subscribe-policy': 'anyone'}).status, 201)
        self.assertEqual(puback(daemon.mqtt, 'known', b'1'), 0)
        self.assertEqual(puback(daemon.mqtt, 'known', b'2', version=4), 0)
        stream.wait(2)
        self.assertEqual([data['subject'] for _, data, _ in stream.items], ['known', 'known'])

    def test_a_stock_publisher_is_told(self):
        daemon = self.open(conf=STRICT)
        done = mosquitto('mosquitto_pub', daemon.mqtt, '-V', '5', '-q', '1', '-t', 'nobody/declared/this', '-m', 'x')
        self.assertTrue(done.returncode != 0 or b'not authori' in (done.stdout + done.stderr).lower() or b'invalid' in (done.stdout + done.stderr).lower(), done)

    def test_with_it_off_the_topic_comes_into_being(self):
        daemon = self.open()
        self.assertIn(puback(daemon.mqtt, 'made/by/use'), (0, 0x10))
        self.assertEqual(daemon.web.publish('made/by/http', b'x').status, 202)
        self.assertLessEqual({'made/by/use', 'made/by/http'}, {item['name'] for item in daemon.web.items('topics')})


class C3TopicEnabledDisabledExpiry(Case):
    TOPIC = {'publish-policy': 'anyone', 'subscribe-policy': 'anyone'}

    def assert_refused(self, daemon, topic):
        self.assertIn(puback(daemon.mqtt, topic), (0x87, 0x99))
        answer = daemon.web.publish(topic, b'x')
        self.assertIn(answer.status, (403, 409))
        self.assertEqual(answer.json()['status'], answer.status)

    def test_disabling_refuses_the_next_publish_of_a_connected_client(self):
        daemon = self.open()
        daemon.web.put('/v1/admin/topics/valve', self.TOPIC)
        with wire.connected(daemon.mqtt, '', 5) as peer:
            peer.send(wire.publish('valve', b'1', 5, 1, 1))
            self.assertIn(peer.read().body[2:], (b'', b'\x10'))
            self.assertEqual(daemon.web.put('/v1/admin/topics/valve', {**self.TOPIC, 'enabled': False}).status, 200)
            peer.send(wire.publish('valve', b'2', 5, 1, 2))
            packet = peer.read()
            self.assertEqual((packet.type, packet.ident), (4, 2))
            self.assertIn(packet.body[2], (0x87, 0x99))
            self.assert_refused(daemon, 'valve')
            daemon.web.put('/v1/admin/topics/valve', {**self.TOPIC, 'enabled': True})
            peer.send(wire.publish('valve', b'3', 5, 1, 3))
            self.assertIn(peer.read().body[2:], (b'', b'\x10'))
        self.assertEqual(daemon.web.publish('valve', b'x').status, 202)

    def test_past_its_expiry_a_topic_refuses(self):
        daemon = self.open()
        self.assertEqual(daemon.web.put('/v1/admin/topics/old', {**self.TOPIC, 'expires': '2020-01-01T00:00:00Z'}).status, 201)
        self.assert_refused(daemon, 'old')

    def test_expiry_arrives_while_it_runs(self):
        daemon = self.open()
        end = time.time() + 1.2
        stamp = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(end)) + f'.{int(end % 1 * 1000):03d}Z'
        self.assertEqual(daemon.web.put('/v1/admin/topics/brief', {**self.TOPIC, 'expires': stamp}).status, 201)
        status = daemon.web.publish('brief', b'x').status
        if time.time() < end - 0.1:
            self.assertEqual(status, 202)
        wait_for(lambda: daemon.web.publish('brief', b'x').status in (403, 409), 'refusal')
        self.assertGreaterEqual(time.time(), end - 0.1)
        self.assert_refused(daemon, 'brief')

    def test_a_configured_topic_may_be_disabled_and_expired(self):
        daemon = self.open('[topic off]\nenabled=false\npublish-policy=anyone\n[topic past]\nexpires=2020-01-01\npublish-policy=anyone\n')
        self.assert_refused(daemon, 'off')
        self.assert_refused(daemon, 'past')


class C4HierarchicalTopicNames(Case):
    # (filter, topic, matches): MQTT 5.0, 4.7. The million random pairs are tests/core/topic/test-match-tree.c.
    TABLE = [
        ('a/+/c', 'a/b/c', True), ('a/+/c', 'a//c', True), ('a/+/c', 'a/b/d', False), ('a/+/c', 'a/b/c/d', False), ('a/+/c', 'a/c', False),
        ('a/#', 'a', True), ('a/#', 'a/b', True), ('a/#', 'a/b/c', True), ('a/#', 'ab', False), ('a/#', 'b/a', False),
        ('#', 'a', True), ('#', '/a', True), ('+', 'a', True), ('+', '/a', False), ('+/+', '/a', True), ('/+', '/a', True),
        ('a/+', 'a/', True), ('a/+', 'a', False), ('+/b/#', 'a/b', True), ('a', 'A', False), ('ä/+', 'ä/ö', True),
    ]

    def test_the_table_through_mqtt(self):
        daemon = self.open()
        publisher = self.client(daemon)
        for version in (4, 5):
            for number, (pattern, topic, matches) in enumerate(self.TABLE):
                with wire.connected(daemon.mqtt, '', version) as peer:
                    peer.send(wire.subscribe((pattern, 1), ('mark', 1), version=version))
                    self.assertEqual(peer.read().type, 9)
                    publisher.publish(topic, f'{number}')
                    publisher.publish('mark', 'end')
                    got = []
                    while (packet := peer.read()).publish(version)[0] != 'mark' or pattern == '#' and not got:
                        got.append(packet.publish(version)[0])
                    self.assertEqual(got, [topic] if matches else [], (pattern, topic))

    def test_dollar_topics_are_not_matched_by_wildcards(self):
        daemon = self.open()
        with wire.connected(daemon.mqtt, '', 5) as peer, wire.connected(daemon.mqtt, '', 5) as other:
            peer.send(wire.subscribe(('#', 1), ('+/x', 1), version=5))
            self.assertEqual(peer.read().type, 9)
            other.send(wire.publish('$dollar/x', b'no', 5, 1, 1))
            other.read()
            other.send(wire.publish('a/x', b'yes', 5, 1, 2))
            self.assertEqual(peer.read().publish(5)[:2], ('a/x', b'yes'))

    def test_mosquitto_clients_agree(self):
        daemon = self.open()
        seen = subprocess.Popen(['mosquitto_sub', '-h', '127.0.0.1', '-p', str(daemon.mqtt), '-t', 'a/+/c', '-t', 'b/#', '-C', '3', '-v'], stdout=subprocess.PIPE)
        wait_for(lambda: {'a/+/c', 'b/#'} <= daemon.web.filters(), 'subscriptions')
        for topic in ('a/b/c', 'a/b/d', 'b', 'c/b', 'b/x/y'):
            mosquitto('mosquitto_pub', daemon.mqtt, '-q', '1', '-t', topic, '-m', topic)
        out, _ = seen.communicate(timeout=DEADLINE_S)
        self.assertEqual(out.decode().split('\n')[:3], ['a/b/c a/b/c', 'b b', 'b/x/y b/x/y'])


class C10RetainedLastValue(Case):
    def test_a_new_subscriber_gets_all_below_exactly_once(self):
        daemon = self.open()
        publisher = self.client(daemon)
        topics = ['a'] + [f'a/{i}/{j}' for i in range(5) for j in range(5)] + ['a/$x']
        for topic in topics:
            publisher.publish(topic, 'old', retain=True)
            publisher.publish(topic, topic, retain=True)
        publisher.publish('ab', 'outside', retain=True)
        for version in (4, 5):
            subscriber = self.client(daemon, version=version)
            subscriber.subscribe('a/#', 'a/+/1', 'end')  # overlapping filters
            publisher.publish('end', 'end')
            wait_for(lambda: ('end', 'end') in subscriber.pairs(), 'the mark')
            wait_for(lambda: set(topics) <= {m.topic for m in subscriber.messages}, 'all values')
            single = self.client(daemon, version=version)
            single.subscribe('a/#', 'end')
            publisher.publish('end', 'end')
            wait_for(lambda: ('end', 'end') in single.pairs(), 'the mark')
            got = [m for m in single.messages if m.topic != 'end']
            self.assertEqual(sorted((m.topic, m.payload.decode()) for m in got), sorted((t, t) for t in topics))
            self.assertTrue(all(m.retain for m in got))

    def test_an_empty_retained_publish_clears(self):
        daemon = self.open()
        publisher = self.client(daemon)
        publisher.publish('a/1', 'x', retain=True)
        publisher.publish('a/2', 'y', retain=True)
        publisher.publish('a/1', '', retain=True)
        subscriber = self.client(daemon)
        subscriber.subscribe('a/#', 'end')
        publisher.publish('end', 'end')
        wait_for(lambda: ('end', 'end') in subscriber.pairs(), 'the mark')
        self.assertEqual(subscriber.pairs(), [('a/2', 'y'), ('end', 'end')])
        self.assertEqual(daemon.web.get('/v1/topics/a/1').status, 404)

    def test_retained_expiry_is_honoured(self):
        daemon = self.open()
        publisher = self.client(daemon)
        publisher.publish('a/long', 'y', retain=True, MessageExpiryInterval=1000)
        began = time.monotonic()
        publisher.publish('a/brief', 'x', retain=True, MessageExpiryInterval=1)
        body = daemon.web.get('/v1/topics/a/brief').body
        if time.monotonic() < began + 0.9:
            self.assertEqual(body, b'x')
        wait_for(lambda: daemon.web.get('/v1/topics/a/brief').status == 404, 'expiry')
        subscriber = self.client(daemon)
        subscriber.subscribe('a/#', 'end')
        publisher.publish('end', 'end')
        wait_for(lambda: ('end', 'end') in subscriber.pairs(), 'the mark')
        self.assertEqual(subscriber.pairs(), [('a/long', 'y'), ('end', 'end')])
        self.assertLessEqual(subscriber.messages[0].properties.MessageExpiryInterval, 1000)

    def test_last_values_survive_sigkill(self):
        daemon = self.open()
        self.client(daemon).publish('a/1', 'kept', retain=True)
        daemon.stop(signal.SIGKILL)
        done = mosquitto('mosquitto_sub', self.open().mqtt, '-t', 'a/#', '-C', '1', '-v')
        self.assertEqual(done.stdout, b'a/1 kept\n')


class C13MessageExpiry(Case):
    def leave_session(self, daemon, version):
        subscriber = Client = self.client(daemon, 'away', version=version, clean=False, expiry=3600 if version == 5 else None)
        self.assertEqual(subscriber.subscribe('e/#'), [1])
        Client.close()
        wait_for(lambda: not [c for c in daemon.web.items('connections') if c['protocol'] == 'mqtt'], 'goodbye')

    def test_one_second_is_not_delivered_after_two_offline_and_the_rest_is_rewritten(self):
        daemon = self.open()
        self.leave_session(daemon, 5)
        publisher = self.client(daemon)
        published = time.monotonic()
        publisher.publish('e/1', 'brief', MessageExpiryInterval=1)
        publisher.publish('e/2', 'long', MessageExpiryInterval=100)
        publisher.publish('e/3', 'forever')
        self.assertEqual(daemon.web.publish('e/4', b'http', '?expiry=1s').status, 202)
        self.assertEqual(daemon.web.publish('e/5', b'http', '?expiry=100s').status, 202)
        taken = time.monotonic()    # all of them
        let_pass(2.05, taken)
        subscriber = self.client(daemon, 'away', clean=False, expiry=3600)
        self.assertEqual(subscriber.wait(3), ['long', 'forever', 'http'])
        publisher.publish('e/end', 'end')
        wait_for(lambda: 'end' in subscriber.payloads(), 'the mark')
        self.assertEqual(subscriber.payloads(), ['long', 'forever', 'http', 'end'])
        passed = time.monotonic() - published
        for message in (subscriber.messages[0], subscriber.messages[2]):
            self.assertLessEqual(message.properties.MessageExpiryInterval, 98)
            self.assertGreaterEqual(message.properties.MessageExpiryInterval, 100 - passed - 1)
        self.assertFalse(hasattr(subscriber.messages[1].properties, 'MessageExpiryInterval'))
        self.assertEqual(daemon.web.account()[3]['expired'], 2)

    def test_it_expires_in_the_spool_over_a_restart_too(self):
        daemon = self.open()
        self.leave_session(daemon, 5)
        publisher = self.client(daemon)
        published = time.monotonic()
        publisher.publish('e/1', 'brief', MessageExpiryInterval=1)
        publisher.publish('e/2', 'long', MessageExpiryInterval=100)
        daemon.stop(signal.SIGKILL)
        let_pass(2.05, published)
        daemon = self.open()
        subscriber = self.client(daemon, 'away', clean=False, expiry=3600)
        self.client(daemon).publish('e/end', 'end')
        wait_for(lambda: 'end' in subscriber.payloads(), 'the mark')
        self.assertEqual(subscriber.payloads(), ['long', 'end'])
        self.assertLessEqual(subscriber.messages[0].properties.MessageExpiryInterval, 98)

    def test_the_topic_bounds_the_life_of_its_messages(self):
        daemon = self.open('[topic e/#]\nmessage-expiry=1000s\ncreate=auto\npublish-policy=anyone\nsubscribe-policy=anyone\n')
        subscriber = self.client(daemon)
        subscriber.subscribe('e/#')
        publisher = self.client(daemon)
        publisher.publish('e/1', 'a')
        publisher.publish('e/2', 'b', MessageExpiryInterval=100000)
        publisher.publish('e/3', 'c', MessageExpiryInterval=500)
        subscriber.wait(3)
        for message, bound in zip(subscriber.messages, (1000, 1000, 500)):   # less what it waited
            self.assertLessEqual(message.properties.MessageExpiryInterval, bound)
            self.assertGreater(message.properties.MessageExpiryInterval, bound - 2 * DEADLINE_S)


class E3RequireEncryptedChannelPerTopic(Case):
    TOPIC = '[topic secret/#]\ncreate=auto\npublish-policy=anyone\nsubscribe-policy=anyone\nrequire-encryption=true\n'
    # Loopback counts as encrypted unless the daemon is told otherwise.
    STRICT = '--set', 'hawser.trust-loopback=false'

    def start_with_tls(self, *arguments):
        key, certificate = self.scratch / 'key.pem', self.scratch / 'cert.pem'
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', certificate,
                        '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-days', '2'], check=True, capture_output=True)
        self.certificate = str(certificate)
        text = self.TOPIC + f'[tls t]\ncertificate-file={certificate}\nprivate-key-file={key}\n'
        text += '[listener mqtts]\ntype=mqtt\naddress=tcp:127.0.0.1:0\nanonymous=allow\ntls=t\n'
        text += '[listener webs]\ntype=http\naddress=tcp:127.0.0.1:0\nanonymous=allow\ntls=t\n'
        from acceptance import Web, environment
        daemon = self.start(TEST_CONF + text, *arguments, env=environment(STATE_DIR=str(self.scratch / 'state'), MQTT_PORT='0', HTTP_PORT='0'))
        daemon.mqtt, daemon.web = daemon.port('mqtt'), Web(daemon.port('web'))
        return daemon

    def curl_publish(self, daemon, name, topic):
        scheme = 'https' if name == 'webs' else 'http'
        done = subprocess.run(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--cacert', self.certificate, '--data', 'x',
                               f'{scheme}://localhost:{daemon.port(name)}/v1/topics/{topic}'], capture_output=True, text=True, timeout=DEADLINE_S)
        return int(done.stdout)

    def test_plain_is_refused_and_tls_is_allowed(self):
        daemon = self.start_with_tls(*self.STRICT)
        self.assertEqual(puback(daemon.mqtt, 'secret/a'), NOT_AUTHORIZED)
        self.assertEqual(self.curl_publish(daemon, 'web', 'secret/a'), 403)
        self.assertEqual(self.curl_publish(daemon, 'webs', 'secret/a'), 202)
        self.assertEqual(self.curl_publish(daemon, 'web', 'open/a'), 202)
        with wire.connected(daemon.mqtt, '', 5) as plain:
            plain.send(wire.subscribe(('secret/a', 1), version=5))
            self.assertGreaterEqual(plain.read().body[-1], 0x80)
            plain.send(wire.subscribe(('#', 1), version=5))
            self.assertEqual(plain.read().body[-1], 1)
            subscriber = subprocess.Popen(['mosquitto_sub', '-h', 'localhost', '-p', str(daemon.port('mqtts')), '--cafile', self.certificate, '-t', 'secret/#', '-C', '1', '-v'],
                                          stdout=subprocess.PIPE)
            wait_for(lambda: 'secret/#' in daemon.web.filters(), 'the subscription')
            done = subprocess.run(['mosquitto_pub', '-h', 'localhost', '-p', str(daemon.port('mqtts')), '--cafile', self.certificate, '-V', '5', '-q', '1', '-t', 'secret/a', '-m', 'told'],
                                  capture_output=True, timeout=DEADLINE_S)
            self.assertEqual((done.returncode, done.stderr), (0, b''))
            self.assertEqual(subscriber.communicate(timeout=DEADLINE_S)[0], b'secret/a told\n')
            self.assertEqual(puback(daemon.mqtt, 'open/b', b'mark'), 0)
            self.assertEqual(plain.read().publish(5)[:2], ('open/b', b'mark'))

    def test_the_loopback_exception_is_configurable(self):
        daemon = self.start_with_tls('--set', 'hawser.trust-loopback=true')
        self.assertIn(puback(daemon.mqtt, 'secret/a'), (0, 0x10))
        self.assertEqual(self.curl_publish(daemon, 'web', 'secret/a'), 202)


if __name__ == '__main__':
    unittest.main(verbosity=2)
