#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES C5 C6 C7 C9 D4 D5 D6 D12 M3: subscriptions, queues and wills as stock clients see them."""
import base64
import datetime
import json
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, __file__.rpartition('/')[0])
from acceptance import DEADLINE_S, PACKET_TYPES, TEST_CONF, Case, Web, in_time, let_pass, mosquitto, must_be_before, properties, puback, wait_for, wire

PASSWORDS = '''
[identity crew]
type=password
password-file=%s
'''


def basic(user):
    return 'Basic ' + base64.b64encode(f'{user}:secret of {user}'.encode()).decode()


class C5EphemeralSubscriptionBoundToChannel(Case):
    def test_sigkill_of_the_subscriber_ends_it_at_once(self):
        daemon = self.open()
        for command in (['mosquitto_sub', '-h', '127.0.0.1', '-p', str(daemon.mqtt), '-k', '600', '-t', 'gone/#'],
                        ['curl', '-sN', f'http://127.0.0.1:{daemon.web.port}/v1/events?filter=gone/%23']):
            peer = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            wait_for(lambda: 'gone/#' in daemon.web.filters(), 'the subscription')
            peer.send_signal(signal.SIGKILL)
            peer.wait()
            wait_for(lambda: 'gone/#' not in daemon.web.filters(), 'its end')   # long before the keep-alive of 600 s

    def test_a_silent_peer_is_gone_after_one_and_a_half_keep_alives(self):
        daemon = self.open()
        for version in (4, 5):
            # Half open: the peer neither sends nor closes.
            with wire.connected(daemon.mqtt, '', version, keep=1) as peer:
                silent = time.monotonic()
                peer.send(wire.subscribe(('gone/#', 1), version=version))
                self.assertEqual(peer.read().type, 9)
                wait_for(lambda: 'gone/#' not in daemon.web.filters(), 'its end')   # exactly when: tests/protocols/mqtt/test-mqtt-time.c
                self.assertGreaterEqual(time.monotonic() - silent, 1)

    def test_a_clean_goodbye_and_an_unsubscribe_end_it_too(self):
        daemon = self.open()
        subscriber = self.client(daemon)
        subscriber.subscribe('a/#', 'b/#')
        self.assertLessEqual({'a/#', 'b/#'}, daemon.web.filters())
        subscriber.client.unsubscribe('a/#')
        wait_for(lambda: 'a/#' not in daemon.web.filters(), 'unsubscribe')
        subscriber.close()
        wait_for(lambda: 'b/#' not in daemon.web.filters(), 'goodbye')


class C6DurableSubscriptionByIdentity(Case):
    N = 50

    def open_with_passwords(self):
        path = self.scratch / 'users'
        if not path.exists():
            path.touch(0o600)
            for user in ('xavier', 'yvonne'):
                subprocess.run(['mosquitto_passwd', '-b', str(path), user, f'secret of {user}'], check=True, capture_output=True)
        text = PASSWORDS % path
        for name, kind in (('mqtt-users', 'mqtt'), ('web-users', 'http')):
            text += f'[listener {name}]\ntype={kind}\naddress=tcp:127.0.0.1:0\nidentities=crew;\n'
        return self.open(text)

    def provide(self, daemon, identity, filter='jobs/#', id='queue-of-x', **more):
        answer = daemon.web.put(f'/v1/admin/subscriptions/{id}', {'filter': filter, 'identity': identity, 'durable': True, **more})
        self.assertEqual(answer.status, 201, answer.body)
        item = daemon.web.subscription(id)
        self.assertEqual((item['id'], item['filter'], item['identity'], item['durable']), (id, filter, identity, True))
        self.assertIn(id, [i['id'] for i in daemon.web.items('subscriptions')])

    def fill(self, daemon, n=N, begin=0):
        publisher = self.client(daemon)
        for i in range(begin, begin + n):
            if i % 2:
                publisher.publish(f'jobs/{i % 3}', str(i))
            else:
                self.assertEqual(daemon.web.publish(f'jobs/{i % 3}', str(i), Content_Type='text/plain').status, 202)
        publisher.close()

    def wait_empty(self, daemon):
        wait_for(lambda: daemon.web.subscription('queue-of-x')['n_queued'] == 0, 'an empty queue')

    def test_by_mqtt_3_1_1_and_5_with_the_client_id_of_an_anonymous_listener(self):
        daemon = self.open()
        self.provide(daemon, 'xavier')
        for version in (4, 5):
            self.fill(daemon)
            self.assertEqual(daemon.web.subscription('queue-of-x')['n_queued'], self.N)
            stranger = self.client(daemon, 'yvonne', version=version)
            owner = self.client(daemon, 'xavier', version=version)
            self.assertEqual(owner.wait(self.N), [str(i) for i in range(self.N)])
            self.wait_empty(daemon)
            self.assertEqual(stranger.payloads(), [])
            owner.close()
            stranger.close()
        self.assertEqual(daemon.web.subscription('queue-of-x')['durable'], True)

    def test_by_a_stock_client(self):
        daemon = self.open()
        self.provide(daemon, 'xavier')
        self.fill(daemon, 5)
        done = mosquitto('mosquitto_sub', daemon.mqtt, '-i', 'xavier', '-t', 'unrelated', '-C', '5')
        self.assertEqual(done.stdout.decode().split(), ['0', '1', '2', '3', '4'])

    def test_by_a_principal_over_mqtt(self):
        daemon = self.open_with_passwords()
        self.provide(daemon, 'xavier')
        for version in (4, 5):
            self.fill(daemon, 10)
            daemon.mqtt, plain = daemon.port('mqtt-users'), daemon.mqtt
            # The name that was proved counts, not the client id.
            other = self.client(daemon, 'xavier', version=version, user=('yvonne', 'secret of yvonne'))
            owner = self.client(daemon, 'whatever', version=version, user=('xavier', 'secret of xavier'))
            self.assertEqual(owner.wait(10), [str(i) for i in range(10)])
            daemon.mqtt = plain
            self.wait_empty(daemon)
            self.assertEqual(other.payloads(), [])
            owner.close()
            other.close()

    def test_by_a_principal_over_server_sent_events(self):
        daemon = self.open_with_passwords()
        self.provide(daemon, 'xavier')
        self.fill(daemon)
        users = Web(daemon.port('web-users'))
        daemon.web, admin = users, daemon.web
        other = self.events(daemon, 'jobs/#', user='yvonne:secret of yvonne')
        owner = self.events(daemon, 'jobs/#', user='xavier:secret of xavier')
        owner.wait(self.N)
        daemon.web = admin
        self.fill(daemon, 3, self.N)  # and live ones behind, once
        owner.wait(self.N + 3)
        self.assertEqual([str(x) for x in owner.data()], [str(i) for i in range(self.N + 3)])
        self.assertEqual(daemon.web.subscription('queue-of-x')['n_queued'], self.N + 3)  # given is not had
        users.authorization = basic('xavier')
        self.assertEqual(users.request('POST', '/v1/ack', headers={'Last-Event-ID': owner.last_id}).status, 204)
        self.wait_empty(daemon)
        other.wait(3)
        self.assertEqual([str(x) for x in other.data()], [str(i) for i in range(self.N, self.N + 3)])

    def test_by_a_principal_over_long_poll(self):
        daemon = self.open_with_passwords()
        self.provide(daemon, 'xavier')
        self.fill(daemon)
        users = Web(daemon.port('web-users'), basic('xavier'))
        got, cursor = [], None
        while len(got) < self.N:
            answer = users.get('/v1/poll?filter=jobs/%23&wait=20s', **({'Last-Event-ID': cursor} if cursor else {}))
            self.assertEqual(answer.status, 200)
            cursor = answer.headers['Hawser-Cursor']
            got += [str(event['data']) for event in answer.json()]
        self.assertEqual(got, [str(i) for i in range(self.N)])
        answer = users.get('/v1/poll?filter=jobs/%23&wait=0s', **{'Last-Event-ID': cursor})
        self.assertEqual(answer.status, 204)
        self.wait_empty(daemon)

    def poll(self, users, cursor=None, wait='0s'):
        answer = users.get(f'/v1/poll?filter=jobs/%23&wait={wait}', **({'Last-Event-ID': cursor} if cursor else {}))
        self.assertIn(answer.status, (200, 204), answer.body)
        return [str(event['data']) for event in (answer.json() if answer.status == 200 else [])], answer.headers['Hawser-Cursor']

    def test_a_poll_that_dies_before_its_cursor_came_back_gets_all_again(self):
        daemon = self.open_with_passwords()
        self.provide(daemon, 'xavier')
        self.fill(daemon, 20)
        everything = [str(i) for i in range(20)]
        # The client reads the whole answer and is killed before it asks again.
        with subprocess.Popen(['curl', '-sSN', '-u', 'xavier:secret of xavier', f'http://127.0.0.1:{daemon.port("web-users")}'
                               '/v1/poll?filter=jobs/%23', 'telnet://127.0.0.1:%d' % daemon.mqtt], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            text = b''
            while not text.endswith(b']'):
                text += client.stdout.read1()
            client.kill()
        self.assertEqual([str(event['data']) for event in json.loads(text)], everything)
        users = Web(daemon.port('web-users'), basic('xavier'))
        got, cursor = self.poll(users)
        self.assertEqual(got, everything)
        daemon.stop(signal.SIGKILL)   # the daemon forgets neither, and knows the cursor of before
        daemon = self.open_with_passwords()
        users = Web(daemon.port('web-users'), basic('xavier'))
        self.assertEqual(self.poll(users)[0], everything)
        self.assertEqual(self.poll(users, cursor)[0], [])
        self.wait_empty(daemon)

    def test_a_stream_that_dies_gives_what_its_last_id_does_not_prove_again(self):
        daemon = self.open_with_passwords()
        self.provide(daemon, 'xavier')
        self.fill(daemon, 20)
        daemon.web, admin = Web(daemon.port('web-users')), daemon.web
        one = self.events(daemon, 'jobs/#', user='xavier:secret of xavier')
        one.wait(20)
        one.close()   # SIGKILL
        again = self.events(daemon, 'jobs/#', user='xavier:secret of xavier')
        again.wait(20)
        self.assertEqual([str(x) for x in again.data()], [str(i) for i in range(20)])
        again.close()
        half = self.events(daemon, 'jobs/#', user='xavier:secret of xavier', last_id=again.items[9][2])
        half.wait(10)
        self.assertEqual([str(x) for x in half.data()], [str(i) for i in range(10, 20)])
        self.assertEqual(admin.subscription('queue-of-x')['n_queued'], 10)
        half.close()
        self.events(daemon, 'jobs/#', user='xavier:secret of xavier', last_id=half.last_id)
        daemon.web = admin
        self.wait_empty(daemon)

    def test_a_cursor_that_was_made_up_acknowledges_nothing(self):
        daemon = self.open_with_passwords()
        self.provide(daemon, 'xavier')
        self.fill(daemon, 3)
        users = Web(daemon.port('web-users'), basic('xavier'))
        cursor = self.poll(users)[1]
        place, _, position = cursor.rpartition('.')
        for forged in (f'{place}.{int(position) + 1}', f'{place}.{2**64 - 1}', f'{place[:-1]}.{position}'):
            self.assertEqual(users.request('POST', '/v1/ack', headers={'Last-Event-ID': forged}).status, 204)
        stranger = Web(daemon.port('web-users'), basic('yvonne'))
        self.assertEqual(stranger.request('POST', '/v1/ack', headers={'Last-Event-ID': cursor}).status, 204)
        self.assertEqual(self.poll(users)[0], ['0', '1', '2'])
        for wrong in (f'{cursor}.', f'{cursor}-', f'{cursor}-x.1', f'{cursor}-1.', cursor + '-1.1' * 20):
            self.assertEqual(users.request('POST', '/v1/ack', headers={'Last-Event-ID': wrong}).status, 400, wrong)
        self.assertEqual(users.request('POST', '/v1/ack').status, 400)
        self.assertEqual(daemon.web.request('POST', '/v1/ack', headers={'Last-Event-ID': cursor}).status, 403)

    def test_a_stream_is_asked_for_its_proof_before_its_queue_overflows(self):
        daemon = self.open_with_passwords()
        self.provide(daemon, 'xavier', **{'max-queued': 10, 'on-overflow': 'reject'})
        daemon.web, admin = Web(daemon.port('web-users')), daemon.web
        got, last_id = [], None
        for i in range(4):
            daemon.web = Web(daemon.port('web-users'))
            stream = self.events(daemon, 'jobs/#', user='xavier:secret of xavier', last_id=last_id)
            daemon.web = admin
            self.fill(daemon, 6, 6 * i)
            stream.process.wait(DEADLINE_S)   # it was ended after more than half of the limit
            wait_for(lambda: len(stream.items) == 6, 'the events')
            got += [str(x) for x in stream.data()]
            last_id = stream.last_id
        self.assertEqual(got, [str(i) for i in range(24)])

    def test_it_survives_sigkill_with_what_it_holds(self):
        daemon = self.open()
        self.provide(daemon, 'xavier')
        self.fill(daemon)
        daemon.stop(signal.SIGKILL)
        daemon = self.open()
        self.assertEqual(daemon.web.subscription('queue-of-x')['n_queued'], self.N)
        self.fill(daemon, 10, self.N)
        owner = self.client(daemon, 'xavier', version=4)
        self.assertEqual(owner.wait(self.N + 10), [str(i) for i in range(self.N + 10)])

    def test_sigkill_right_behind_the_answer_keeps_it(self):
        daemon = self.open()
        self.provide(daemon, 'xavier')
        daemon.stop(signal.SIGKILL)
        daemon = self.open()
        self.assertEqual(daemon.web.subscription('queue-of-x')['filter'], 'jobs/#')
        self.assertEqual(daemon.web.request('DELETE', '/v1/admin/subscriptions/queue-of-x').status, 204)
        daemon.stop(signal.SIGKILL)
        self.assertIsNone(self.open().web.subscription('queue-of-x'))

    def test_retained_values_are_given_when_it_is_new_and_not_again_after_a_restart(self):
        extra = '[subscription kept]\ntopic=kept/#\nidentity=owner\n'
        daemon = self.open()
        self.client(daemon).publish('kept/a', 'first', retain=True)
        for expected in (['first', 'second'], ['third']):
            daemon.stop()
            daemon = self.open(extra)
            self.client(daemon).publish('kept/a', ['second', 'third'][expected == ['third']], retain=True)
            owner = self.client(daemon, 'owner')
            self.assertEqual(owner.wait(len(expected)), expected)
            wait_for(lambda: daemon.web.subscription('kept')['n_queued'] == 0, 'the acknowledgements')

    def test_put_is_idempotent_and_another_filter_is_refused(self):
        daemon = self.open()
        self.provide(daemon, 'xavier')
        self.fill(daemon, 4)
        self.assertEqual(daemon.web.put('/v1/admin/subscriptions/queue-of-x', {'filter': 'jobs/#', 'identity': 'xavier'}).status, 200)
        self.assertEqual(daemon.web.subscription('queue-of-x')['n_queued'], 4)
        self.assertEqual(daemon.web.put('/v1/admin/subscriptions/queue-of-x', {'filter': 'other'}).status, 409)


class D4LossBounds(Case):
    """SIGKILL of the process takes nothing that the system was given, so `never` loses no more than its last window here; the
    torn last record and the loss of power are tests/crash and tests/plugins/store-sqlite."""

    def run_mode(self, mode):
        extra = f'[subscription keep]\ntopic=keep/#\nidentity=reader\n'
        conf = TEST_CONF.replace('[hawser]\n', f'[hawser]\nsync={mode}\nsync-interval=100ms\n')
        daemon = self.open(extra, conf=conf)
        publisher = self.client(daemon)
        n = 500
        infos = [publisher.client.publish('keep/a', str(i), 1) for i in range(n)]
        for info in infos:
            info.wait_for_publish(DEADLINE_S)
        acked = [i for i, info in enumerate(infos) if info.is_published()]
        self.assertEqual(len(acked), n)
        if mode != 'always':
            # The bound: what was acknowledged longer ago than the interval is there.
            let_pass(0.3)
        daemon.stop(signal.SIGKILL)
        reader = self.client(self.open(extra, conf=conf), 'reader')
        return reader, n

    def test_always_loses_nothing_that_was_acknowledged(self):
        reader, n = self.run_mode('always')
        self.assertEqual(reader.wait(n), [str(i) for i in range(n)])

    def test_interval_loses_nothing_older_than_the_interval(self):
        reader, n = self.run_mode('interval')
        self.assertEqual(reader.wait(n), [str(i) for i in range(n)])

    def test_never_loses_nothing_that_the_system_was_given(self):
        reader, n = self.run_mode('never')
        self.assertEqual(reader.wait(n), [str(i) for i in range(n)])


class C7MaxSubscriptionDuration(Case):
    CONF = ('[topic short/#]\ncreate=auto\npublish-policy=anyone\nsubscribe-policy=anyone\nmax-subscription-duration=2s\n'
            '[topic $SYS/#]\nsubscribe-policy=anyone\n')

    def test_it_ends_with_a_notice_to_the_client_and_an_event_on_the_bus(self):
        daemon = self.open(self.CONF)
        watcher = self.client(daemon)
        watcher.subscribe('$SYS/hawser/subscription/ended')
        stream = self.events(daemon, 'short/a')
        began = time.monotonic()
        with wire.connected(daemon.mqtt, 'brief', 5) as peer:
            peer.send(wire.subscribe(('short/a', 1), version=5))
            self.assertEqual(peer.read().type, 9)
            bye = peer.read()   # DISCONNECT: administrative action, and why
            self.assertEqual((bye.type, bye.body[0]), (14, 0x98))
            self.assertIn(b'short/a', bytes(bye.body))
            self.assertGreaterEqual(time.monotonic() - began, 1.9)
        self.assertEqual(stream.wait(1)[0][:2], ('ended', {'filter': 'short/a', 'reason': 'timeout'}))
        stream.process.wait(DEADLINE_S)
        told = [json.loads(text) for text in watcher.wait(2)]
        self.assertEqual({(event['filter'], event['reason']) for event in told}, {('short/a', 'max-subscription-duration')})
        self.assertIn('brief', [event.get('client_id') for event in told])
        self.assertNotIn('short/a', daemon.web.filters())
        watcher.publish('short/a', 'still open to publishers')


class C9AttributeFilters(Case):
    def test_exactly_the_matching_third_of_3000_mixed_messages(self):
        daemon = self.open()
        answer = daemon.web.put('/v1/admin/subscriptions/third', {
            'filter': 'mixed/#', 'identity': 'reader', 'attribute_filter': 'region == "eu" and not kind == "debug"', 'not_me': True})
        self.assertEqual(answer.status, 201, answer.body)
        publisher, expected = self.client(daemon), []
        for i in range(3000):
            region, kind = ('eu', 'us', 'ap')[i % 3], ('data', 'debug')[i // 3 % 2]
            if i % 2 == 0:
                region, kind = 'eu', 'data' if i % 3 else 'debug'
            publisher.client.publish(f'mixed/{i % 7}', str(i), 1, properties=properties(
                PACKET_TYPES.PUBLISH, UserProperty=[('region', region), ('kind', kind)]))
            expected += [str(i)] if region == 'eu' and kind != 'debug' else []
        publisher.publish('mixed/last', 'done', UserProperty=[('region', 'eu'), ('kind', 'data')])
        self.assertEqual(len(expected), 1000)
        self.assertEqual(daemon.web.subscription('third')['n_queued'], 1001)
        owner = self.client(daemon, 'reader')
        owner.publish('mixed/own', 'of myself', UserProperty=[('region', 'eu'), ('kind', 'data')])
        self.assertEqual(owner.wait(1001), expected + ['done'])
        publisher.publish('mixed/last', 'end', UserProperty=[('region', 'eu'), ('kind', 'data')])
        self.assertEqual(owner.wait(1002)[1001], 'end')   # and nothing of its own before it

    def test_a_wrong_rule_is_refused_with_its_place(self):
        daemon = self.open()
        answer = daemon.web.put('/v1/admin/subscriptions/q', {'filter': 'a', 'attribute_filter': 'region =='})
        self.assertEqual(answer.status, 400)
        self.assertIsNone(daemon.web.subscription('q'))


class D5TtlAndSpoolRate(Case):
    """The rate itself, within a tenth, is tests/core/bus/test-terms.c: there the clock is the test's."""

    def test_a_returning_client_gets_a_backlog_no_faster_than_its_rate_and_nothing_too_old(self):
        daemon = self.open('[subscription slow]\ntopic=slow/#\nidentity=owner\nspool-rate=100\nttl=1h\n'
                           '[subscription old]\ntopic=old/#\nidentity=owner\nttl=1ms\n')
        publisher = self.client(daemon)
        publisher.publish('old/a', 'too old')
        for i in range(300):
            publisher.client.publish('slow/a', str(i), 1)
        publisher.publish('slow/a', '300')
        began = time.monotonic()
        owner = self.client(daemon, 'owner')
        self.assertEqual(owner.wait(301), [str(i) for i in range(301)])
        self.assertGreaterEqual(time.monotonic() - began, 2.7)

    def test_everything_that_is_put_reads_back_and_survives_a_restart(self):
        daemon = self.open()
        wanted = {'filter': 'a/#', 'identity': 'anna', 'qos': 1, 'description': 'what anna reads', 'expires': '2099-01-31T12:00:00Z',
                  'attribute_filter': '/level > 3', 'not_me': True, 'ttl': '30s', 'spool_rate': 12.5, 'max_queued': 70, 'max_queued_bytes': 90000,
                  'on_overflow': 'reject'}
        self.assertEqual(daemon.web.put('/v1/admin/subscriptions/q', wanted).status, 201)
        for _ in range(2):
            item = daemon.web.subscription('q')
            self.assertEqual({key: item[key] for key in wanted}, wanted)
            self.assertEqual(item['max_age'], '30s')
            # What was read can be sent back.
            self.assertEqual(daemon.web.put('/v1/admin/subscriptions/q', item).status, 200)
            daemon.stop(signal.SIGKILL)
            daemon = self.open()
        self.assertEqual(daemon.web.put('/v1/admin/subscriptions/q', {'filter': 'a/#'}).status, 200)
        item = daemon.web.subscription('q')
        self.assertEqual((item['description'], item['expires'], item['attribute_filter'], item['not_me'], item['spool_rate'], item['ttl']),
                         (None, None, None, False, None, None))
        for wrong in ({'expires': 'soon'}, {'spool_rate': 0}, {'spool_rate': 'fast'}, {'not_me': 'yes'}, {'ttl': 'x'}, {'nothing': 1}):
            self.assertEqual(daemon.web.put('/v1/admin/subscriptions/q', {'filter': 'a/#', **wrong}).status, 400, wrong)

    def test_it_ends_at_its_date(self):
        daemon = self.open()
        when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)
        self.assertEqual(daemon.web.put('/v1/admin/subscriptions/q', {'filter': 'a/#', 'expires': when.isoformat()}).status, 201)
        wait_for(lambda: daemon.web.subscription('q') is None, 'the end')
        self.assertGreaterEqual(datetime.datetime.now(datetime.timezone.utc), when)
        # The kill may come before the end was committed: then the next daemon ends it, for its date is kept.
        daemon.stop(signal.SIGKILL)
        daemon = self.open()
        wait_for(lambda: daemon.web.subscription('q') is None, 'the end again')


class D6BoundedQueuesWithPolicy(Case):
    def provide(self, daemon, **limits):
        answer = daemon.web.put('/v1/admin/subscriptions/q', {'filter': 'q/#', 'identity': 'owner', **limits})
        self.assertEqual(answer.status, 201, answer.body)

    def publish(self, daemon, n, size=1):
        publisher = self.client(daemon)
        for i in range(n):
            publisher.publish('q/a', str(i).ljust(size))

    def drain(self, daemon):
        owner = self.client(daemon, 'owner')
        owner.subscribe('end')
        wait_for(lambda: daemon.web.subscription('q')['n_queued'] == 0, 'an empty queue')
        self.client(daemon).publish('end', 'end')
        wait_for(lambda: 'end' in owner.payloads(), 'the mark')
        return [payload.strip() for payload in owner.payloads()[:-1]]

    def assert_accounts(self, daemon, dropped, reason='overflow'):
        matched, delivered, queued, by_reason = daemon.web.account()
        self.assertEqual(matched, delivered + queued + sum(by_reason.values()))
        self.assertEqual(by_reason[reason], dropped)
        self.assertEqual(daemon.web.subscription('q')['n_dropped'], dropped)

    def test_by_count_drop_oldest(self):
        daemon = self.open()
        self.provide(daemon, **{'max-queued': 10, 'on-overflow': 'drop-oldest'})
        self.publish(daemon, 25)
        self.assertEqual(daemon.web.subscription('q')['n_queued'], 10)
        self.assert_accounts(daemon, 15)
        self.assertEqual(self.drain(daemon), [str(i) for i in range(15, 25)])
        self.assert_accounts(daemon, 15)

    def test_by_count_drop_newest(self):
        daemon = self.open()
        self.provide(daemon, **{'max-queued': 10, 'on-overflow': 'drop-newest'})
        self.publish(daemon, 25)
        self.assert_accounts(daemon, 15)
        self.assertEqual(self.drain(daemon), [str(i) for i in range(10)])

    def test_by_count_reject(self):
        daemon = self.open()
        self.provide(daemon, **{'max-queued': 10, 'on-overflow': 'reject'})
        self.publish(daemon, 10)
        self.assertEqual(puback(daemon.mqtt, 'q/a'), 0x97)
        answer = daemon.web.publish('q/a', b'x')
        self.assertEqual(answer.status, 429)
        self.assertEqual(daemon.web.subscription('q')['n_queued'], 10)
        matched, delivered, queued, dropped = daemon.web.account()
        self.assertEqual((matched, delivered + queued + sum(dropped.values())), (10, 10))
        self.assertEqual(self.drain(daemon), [str(i) for i in range(10)])

    def test_by_count_block_stops_reading_and_loses_nothing(self):
        daemon = self.open()
        self.provide(daemon, **{'max-queued': 10, 'on-overflow': 'block'})
        with wire.connected(daemon.mqtt, 'fast', 5) as peer:
            for i in range(200):
                peer.send(wire.publish('q/a', str(i).encode(), 5, 1, i + 1))
            # Others are served meanwhile, and the queue stays near its limit.
            self.assertEqual(daemon.web.get('/livez').status, 200)
            self.assertLess(daemon.web.subscription('q')['n_queued'], 200)
            owner = self.client(daemon, 'owner')
            self.assertEqual(owner.wait(200), [str(i) for i in range(200)])
            for i in range(200):
                self.assertEqual(peer.read().ident, i + 1)
        self.assert_accounts(daemon, 0)

    def test_by_bytes(self):
        daemon = self.open()
        self.provide(daemon, **{'max-queued-bytes': 10000, 'on-overflow': 'drop-oldest'})
        self.publish(daemon, 50, 1000)
        queued = daemon.web.subscription('q')
        self.assertLessEqual(queued['queued_bytes'], 10000 + 1100)
        self.assertGreaterEqual(queued['n_queued'], 5)
        self.assert_accounts(daemon, 50 - queued['n_queued'])
        self.assertEqual(self.drain(daemon), [str(i) for i in range(50 - queued['n_queued'], 50)])

    def test_by_age(self):
        daemon = self.open()
        self.provide(daemon, **{'max-age': '1s'})
        self.publish(daemon, 5)
        published = time.monotonic()
        let_pass(1.1, published)
        self.assertEqual(self.drain(daemon), [])
        self.assert_accounts(daemon, 5, 'expired')

    def test_limits_of_the_configuration(self):
        daemon = self.open('[subscription q]\ntopic=q/#\nidentity=owner\nmax-queued=10\non-overflow=drop-newest\n')
        self.publish(daemon, 25)
        self.assert_accounts(daemon, 15)
        self.assertEqual(self.drain(daemon), [str(i) for i in range(10)])

    def test_limits_survive_a_restart(self):
        daemon = self.open()
        self.provide(daemon, **{'max-queued': 10, 'on-overflow': 'drop-oldest'})
        self.publish(daemon, 8)
        daemon.stop(signal.SIGKILL)
        daemon = self.open()
        publisher = self.client(daemon)
        for i in range(8, 25):
            publisher.publish('q/a', str(i))
        self.assertEqual(self.drain(daemon), [str(i) for i in range(15, 25)])


class D12LossVisibility(Case):
    def test_an_event_stream_is_told_how_many_it_lost_and_the_sums_hold(self):
        daemon = self.open()
        stalled = socket.socket()
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect(('127.0.0.1', daemon.web.port))
        self.addCleanup(stalled.close)
        stalled.sendall(b'GET /v1/events?filter=s/%23 HTTP/1.1\r\nHost: localhost\r\n\r\n')
        wait_for(lambda: 's/#' in daemon.web.filters(), 'the subscription')
        live = self.client(daemon)
        live.subscribe('s/#')
        publisher = self.client(daemon)
        n, payload = 600, 'x' * 20000
        for begin in range(0, n, 20):
            infos = [publisher.client.publish('s/a', payload, 1) for _ in range(20)]
            for info in infos:
                info.wait_for_publish(DEADLINE_S)
            live.wait(begin + 20)  # it keeps up
        publisher.publish('s/end', 'end')

        def account():
            matched, delivered, queued, dropped = daemon.web.account()
            self.assertEqual(matched, delivered + queued + sum(dropped.values()))
            return dropped['overflow']
        wait_for(account, 'losses')

        reader = stalled.makefile('rb')
        got = lost = 0
        kind = None
        while True:
            line = reader.readline()
            self.assertTrue(line, 'the stream ended')
            if line.startswith(b'event:'):
                kind = line.split()[1]
            elif line.startswith(b'data:'):
                data = json.loads(line[5:])
                if kind == b'gap':
                    lost += data['lost']
                elif data['subject'] == 's/end':
                    break
                else:
                    got += 1
                kind = None
        self.assertGreater(lost, 0)
        self.assertEqual(got + lost, n)
        wait_for(lambda: daemon.web.account()[2] == 0, 'the acknowledgements')
        matched, delivered, queued, dropped = daemon.web.account()
        self.assertEqual(dropped['overflow'], lost)
        # The stream and the client: two matches for each of the messages.
        self.assertEqual((matched, delivered), (2 * (n + 1), 2 * (n + 1) - lost))


class RightsByClaimsOverARestart(Case):
    """Who was allowed because of a claim still is after a restart: as an absent reader, by its last words, and as who left a value."""

    CREW = """
[identity crew]
type=password
password-file=%s
[policy readers]
allow=role == "reader"
[policy writers]
allow=role == "writer"
[topic crew/#]
create=auto
publish-policy=writers
subscribe-policy=readers
[listener users]
type=mqtt
address=tcp:127.0.0.1:0
identities=crew;
"""

    def open_crew(self):
        path = self.scratch / 'users'
        if not path.exists():
            path.touch(0o600)
            for user in ('anna', 'bert'):
                subprocess.run(['mosquitto_passwd', '-b', str(path), user, f'secret of {user}'], check=True, capture_output=True)
            roles = {'anna': 'team=red;role=reader', 'bert': 'role=writer;team=red'}
            path.write_text(''.join(f'{line}:{roles[line.partition(":")[0]]}\n' for line in path.read_text().splitlines()))
        daemon = self.open(self.CREW % path)
        daemon.mqtt = daemon.port('users')
        return daemon

    def member(self, daemon, user, **options):
        return self.client(daemon, f'client of {user}', user=(user, f'secret of {user}'), **options)

    def restart(self, daemon):
        _, _, err = daemon.stop(signal.SIGKILL)
        self.assertNotIn('assertion', err)
        return self.open_crew()

    def test_an_absent_reader_gets_what_came_before_and_after(self):
        daemon = self.open_crew()
        reader = self.member(daemon, 'anna', expiry=1000)
        self.assertEqual(reader.subscribe('crew/#'), [1])
        reader.close()
        self.member(daemon, 'bert').publish('crew/a', 'before')
        daemon = self.restart(daemon)
        self.member(daemon, 'bert').publish('crew/a', 'after')
        self.assertEqual(self.member(daemon, 'anna', clean=False, expiry=1000).wait(2), ['before', 'after'])

    def test_last_words_come(self):
        daemon = self.open_crew()
        block = b'\x11' + (1000).to_bytes(4, 'big')
        with wire.connected(daemon.mqtt, 'dying', 5, user='bert', password=b'secret of bert', block=block,
                            will=('crew/last', b'words', 1, True, b'\x18' + (2).to_bytes(4, 'big'))):
            pass
        wait_for(lambda: not [c for c in daemon.web.items('connections') if c['protocol'] == 'mqtt'], 'it has left')
        self.assertEqual(daemon.web.publish('other', b'x', '?qos=1&retain=true').status, 202)   # whose commit is behind that of the will
        daemon = self.restart(daemon)
        reader = self.member(daemon, 'anna')
        self.assertEqual(reader.subscribe('crew/last'), [1])
        self.assertEqual(reader.wait(1), ['words'])

    def test_a_retained_value_is_given(self):
        daemon = self.open_crew()
        self.member(daemon, 'bert').publish('crew/kept', 'value', retain=True)
        daemon = self.restart(daemon)
        reader = self.member(daemon, 'anna')
        self.assertEqual(reader.subscribe('crew/kept'), [1])
        self.assertEqual(reader.wait(1), ['value'])


class M3WillsAndWillDelay(Case):
    WILL = {'topic': 'will/a', 'payload': 'gone', 'qos': 1}

    def watch(self, daemon):
        watcher = self.client(daemon)
        watcher.subscribe('will/#', 'mark')
        return watcher

    def mark(self, daemon, watcher):
        self.client(daemon).publish('mark', 'mark')
        wait_for(lambda: 'mark' in watcher.payloads(), 'the mark')

    def test_it_arrives_after_sigkill(self):
        daemon = self.open()
        watcher = self.watch(daemon)
        for version in ('mqttv311', 'mqttv5'):
            peer = subprocess.Popen(['mosquitto_sub', '-h', '127.0.0.1', '-p', str(daemon.mqtt), '-V', version, '-t', f'x/{version}', '--will-topic', f'will/{version}',
                                     '--will-payload', 'gone', '--will-qos', '1'])
            wait_for(lambda: f'x/{version}' in daemon.web.filters(), 'the client')
            peer.send_signal(signal.SIGKILL)
            peer.wait()
        watcher.wait(2)
        self.assertEqual(watcher.pairs(), [('will/mqttv311', 'gone'), ('will/mqttv5', 'gone')])

    def test_it_is_not_sent_after_disconnect(self):
        daemon = self.open()
        watcher = self.watch(daemon)
        for version in (4, 5):
            client = self.client(daemon, version=version, will=self.WILL)
            client.close()
        wait_for(lambda: len([c for c in daemon.web.items('connections') if c['protocol'] == 'mqtt']) == 1, 'goodbyes')
        self.mark(daemon, watcher)
        self.assertEqual(watcher.payloads(), ['mark'])

    def will_block(self, seconds):
        return bytes([0x18]) + seconds.to_bytes(4, 'big')

    def connect(self, daemon, delay, expiry=60, clean=False):
        return wire.connected(daemon.mqtt, 'delayed', 5, clean=clean, will=('will/a', b'gone', 1, False, self.will_block(delay)), block=b'\x11' + expiry.to_bytes(4, 'big'))

    def test_the_delay_is_kept(self):
        daemon = self.open()
        watcher = self.watch(daemon)
        peer = self.connect(daemon, 1)
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\x01\0\0\0\0\0\0\0')
        left = time.monotonic()
        peer.close()
        watcher.wait(1)
        self.assertGreaterEqual(time.monotonic() - left, 0.95)

    def test_a_reconnect_cancels_it(self):
        in_time(self, self.reconnect_within, 1, 6, 30)

    def reconnect_within(self, delay_s):
        daemon = self.open()
        watcher = self.watch(daemon)
        peer = self.connect(daemon, delay_s)
        left = time.monotonic()
        peer.close()
        wait_for(lambda: len([c for c in daemon.web.items('connections') if c['client_id'] == 'delayed']) == 0, 'it left')
        with wire.connected(daemon.mqtt, 'delayed', 5, clean=False, block=b'\x11\0\0\0\x3c') as peer:
            must_be_before(left + delay_s)
            self.assertEqual(peer.connack[0], 1)
            let_pass(delay_s + 0.5)
            self.mark(daemon, watcher)
            self.assertEqual(watcher.payloads(), ['mark'])
            peer.send(wire.DISCONNECT)


if __name__ == '__main__':
    unittest.main(verbosity=2)
