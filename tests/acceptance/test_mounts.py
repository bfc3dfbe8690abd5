#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES C17: two listeners with the same topics, each below a mount point of its own, over MQTT and HTTP."""
import signal
import unittest

import acceptance
from acceptance import Case, Client, Web, puback, wait_for

LISTENERS = ''.join(f'''
[listener {kind}-{tenant}]
type={type}
address=tcp:127.0.0.1:0
anonymous=allow
mount-point=tenant{tenant.upper()}/
''' for tenant in 'ab' for kind, type in (('mqtt', 'mqtt'), ('web', 'http')))


class Mounts(Case):
    def setUp(self):
        super().setUp()
        self.daemon = self.open(LISTENERS)
        self.webs = {tenant: Web(self.daemon.port(f'web-{tenant}')) for tenant in 'ab'}

    def tenant(self, tenant, *arguments, **options):
        client = Client(self.daemon.port(f'mqtt-{tenant}'), *arguments, **options)
        self.addCleanup(client.close)
        return client

    def retained(self):
        return {item['name'] for item in self.daemon.web.items('topics') if item['retained_value']}

    def test_the_same_topic_is_two_and_neither_sees_the_prefix(self):
        whole = self.client(self.daemon)
        whole.subscribe('#')
        clients = {tenant: self.tenant(tenant) for tenant in 'ab'}
        for tenant, client in clients.items():
            self.assertEqual([1], client.subscribe('#'))
        for tenant, client in clients.items():
            client.publish('room/light', tenant.encode())
        for tenant, client in clients.items():
            client.publish('end')
            wait_for(lambda: ('end', '') in client.pairs(), 'the end')
            self.assertEqual([('room/light', tenant), ('end', '')], client.pairs())
        self.assertEqual({('tenantA/room/light', 'a'), ('tenantB/room/light', 'b')}, set(whole.wait(4) and whole.pairs()) - {('tenantA/end', ''), ('tenantB/end', '')})

    def test_http_and_mqtt_of_a_tenant_share_its_topics(self):
        events = {tenant: acceptance.Events(web.port, 'room/#') for tenant, web in self.webs.items()}
        for stream in events.values():
            self.addCleanup(stream.close)
        client = self.tenant('a')
        client.subscribe('room/#')
        self.assertEqual(202, self.webs['a'].publish('room/x', b'over http').status)
        self.assertEqual(['over http'], client.wait(1))
        client.publish('room/y', b'over mqtt', retain=True)
        self.assertEqual(['room/x', 'room/y'], [data['subject'] for _, data, _ in events['a'].wait(2)])
        self.assertEqual([], events['b'].items)
        self.assertEqual((200, b'over mqtt'), (self.webs['a'].get('/v1/topics/room/y').status, self.webs['a'].get('/v1/topics/room/y').body))
        self.assertEqual(404, self.webs['b'].get('/v1/topics/room/y').status)
        self.assertEqual(200, self.daemon.web.get('/v1/topics/tenantA/room/y').status)
        polled = self.webs['a'].get('/v1/poll?filter=room/%23&wait=5s').json()
        self.assertEqual(['room/y'], [event['subject'] for event in polled])

    def test_retained_values_are_the_tenants_own(self):
        for tenant in 'ab':
            self.tenant(tenant).publish('state', tenant.encode(), retain=True)
        self.assertEqual({'tenantA/state', 'tenantB/state'}, self.retained())
        for tenant in 'ab':
            late = self.tenant(tenant)
            late.subscribe('#')
            late.publish('end')
            wait_for(lambda: len(late.messages) >= 2, 'two messages')
            self.assertEqual([('state', tenant), ('end', '')], late.pairs())
            self.assertTrue(late.messages[0].retain)
        self.tenant('a').publish('state', b'', retain=True)
        self.assertEqual({'tenantB/state'}, self.retained())

    def test_a_will_stays_in_its_tenant(self):
        watching = {tenant: self.tenant(tenant) for tenant in 'ab'}
        for client in watching.values():
            client.subscribe('#')
        dying = self.tenant('a', 'dying', will={'topic': 'gone', 'payload': b'a', 'qos': 1})
        dying.client.loop_stop()
        dying.client._sock_close()
        self.assertEqual(['a'], watching['a'].wait(1))
        self.assertEqual('gone', watching['a'].messages[0].topic)
        watching['b'].publish('end')
        self.assertEqual(['end'], [m.topic for m in (watching['b'].wait(1) and watching['b'].messages)])

    def test_a_shared_subscription_has_its_members_in_one_tenant(self):
        members = {tenant: [self.tenant(tenant) for _ in range(2)] for tenant in 'ab'}
        for clients in members.values():
            for client in clients:
                client.subscribe('$share/crew/jobs/#')
        for tenant in 'ab':
            sender = self.tenant(tenant)
            for n in range(20):
                sender.publish('jobs/x', f'{tenant}{n}'.encode())
        for tenant, clients in members.items():
            wait_for(lambda: sum(len(client.messages) for client in clients) >= 20, 'the work')
            self.assertEqual(sorted(f'{tenant}{n}' for n in range(20)), sorted(sum((client.payloads() for client in clients), [])))
            self.assertEqual({'jobs/x'}, {message.topic for client in clients for message in client.messages})

    def test_requests_are_answered_inside_of_a_tenant(self):
        responders = {tenant: self.tenant(tenant) for tenant in 'ab'}
        for tenant, client in responders.items():
            client.subscribe('ask')
            client.client.on_message = (lambda tenant, client: lambda c, u, m: client.client.publish(
                m.properties.ResponseTopic, tenant, 1, properties=acceptance.properties(acceptance.PACKET_TYPES.PUBLISH, CorrelationData=m.properties.CorrelationData)))(tenant, client)
        for tenant in 'ab':
            answer = self.webs[tenant].publish('ask', b'?', '?wait=20s')
            self.assertEqual((200, tenant.encode()), (answer.status, answer.body))
            asking = self.tenant(tenant)
            asking.subscribe('answers')
            asking.publish('ask', b'?', ResponseTopic='answers', CorrelationData=b'1')
            self.assertEqual([tenant], asking.wait(1))

    def test_the_same_client_id_is_two_clients_with_two_sessions(self):
        clients = {tenant: self.tenant(tenant, 'same', expiry=1000, clean=False) for tenant in 'ab'}
        for tenant, client in clients.items():
            client.subscribe(f'kept/{tenant}')
        for tenant, client in clients.items():
            self.assertEqual([], client.codes)   # neither took the other's place
            client.close()
        for tenant in 'ab':
            for topic in 'ab':
                self.tenant(tenant).publish(f'kept/{topic}', tenant.encode())
        for tenant in 'ab':
            client = self.tenant(tenant, 'same', expiry=1000, clean=False)
            self.assertEqual([tenant], client.wait(1))
            self.assertEqual(f'kept/{tenant}', client.messages[0].topic)
            client.close()

    def test_sessions_keep_their_place_over_a_restart(self):
        client = self.tenant('a', 'stays', expiry=1000, clean=False)
        client.subscribe('kept')
        client.close()
        self.tenant('a').publish('kept', b'1')
        self.tenant('b').publish('kept', b'2')
        self.daemon.stop(signal.SIGKILL)
        self.daemon = self.open(LISTENERS)
        client = self.tenant('a', 'stays', expiry=1000, clean=False)
        self.assertEqual(['1'], client.wait(1))
        self.tenant('b').publish('kept', b'4')
        self.tenant('a').publish('kept', b'3')
        self.assertEqual([('kept', '1'), ('kept', '3')], client.wait(2) and client.pairs())

    def test_names_of_the_bus_itself_stay_out_of_reach(self):
        self.assertEqual(0x87, puback(self.daemon.port('mqtt-a'), '$SYS/x'))
        client = self.tenant('a')
        client.subscribe('$SYS/#', '../#', 'tenantB/#', 'end')
        self.tenant('b').publish('x', b'b')
        client.publish('tenantB/x', b'mine')
        client.publish('end')
        wait_for(lambda: 'end' in [m.topic for m in client.messages], 'the end')
        self.assertEqual([('tenantB/x', 'mine'), ('end', '')], client.pairs())

    def test_a_bad_mount_point_is_an_error_of_the_configuration(self):
        done = self.run_daemon('--check-config', '--config', self.write(acceptance.TEST_CONF + LISTENERS.replace('tenantA/', 'tenant/+/', 1)))
        self.assertEqual(3, done.returncode)
        self.assertIn('mount-point=tenant/+/', done.stdout + done.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
