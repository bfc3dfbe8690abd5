#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The introspected API as Python sees it, without a line of override: run with overrides on and off."""
import re
import threading
import unittest

import gi
gi.require_version("Hawser", "1")
gi.require_version("HawserContract", "1")
from gi.repository import Gio, GLib, GObject, Hawser, HawserContract

DEADLINE_S = 120
CODES = ("INVALID", "MALFORMED", "NOT_AUTHORIZED", "NOT_FOUND", "EXISTS", "DISABLED", "TOO_LARGE", "QUOTA", "TIMEOUT",
         "UNAVAILABLE", "CLOSED", "CORRUPT")


def hawser_error(code, text="refused by the test"):
    return GLib.Error.new_literal(Hawser.error_quark(), text, code)


def run_until(condition):
    """Runs the main context, event by event, until the condition holds."""
    context = GLib.MainContext.default()
    late = []
    source = GLib.timeout_source_new_seconds(DEADLINE_S)
    source.set_callback(lambda *_: late.append(True))
    source.attach(context)
    while not condition():
        context.iteration(True)
        if late:
            raise AssertionError("nothing happened in time")
    source.destroy()


def text_message(topic, text):
    return Hawser.Message.new_text(topic, text)


class Receiver(GObject.Object, Hawser.Subscription):
    def __init__(self, topic_filter):
        super().__init__()
        self.topic_filter, self.messages, self.n_lost, self.has_ended = topic_filter, [], 0, False

    def do_dup_filter(self):
        return self.topic_filter

    def do_deliver(self, batch):
        self.messages += [batch.get_message(i) for i in range(batch.get_size())]

    def do_lost(self, n_messages):
        self.n_lost += n_messages

    def do_ended(self):
        self.has_ended = True


class Shouting(GObject.Object, Hawser.Topic):
    """Routes what it is given in capitals, and keeps back what is empty."""

    def do_dup_name(self):
        return "shout"

    def do_publish(self, message):
        text = message.dup_text()
        return text_message("shout", text.upper()) if text else None


class Users(GObject.Object, Hawser.Identity):
    """Lets in a user whose password is his name backwards."""

    def __init__(self, error=None):
        super().__init__()
        self.error = error

    def do_understands(self, kind):
        return kind == Hawser.CredentialKind.PASSWORD

    def do_authenticate(self, kind, name, secret):
        if self.error is not None:
            raise self.error
        if not name or secret is None or secret.get_data() != name[::-1].encode():
            raise hawser_error(Hawser.Error.NOT_AUTHORIZED)
        return Hawser.Principal.new(name, {"role": "pilot" if name == "ada" else "guest"})


class Collector(GObject.Object, Hawser.Sink):
    """Fails as often as it is told, then takes everything."""

    def __init__(self, n_failures=0, refuse=None):
        super().__init__()
        self.n_failures, self.refuse, self.texts, self.attempts, self.is_stopped = n_failures, refuse, [], [], False

    def do_start(self):
        if self.refuse is not None:
            raise self.refuse
        return True

    def do_write(self, write):
        batch = write.get_batch()
        self.attempts.append(write.get_attempt())
        if self.n_failures > 0:
            self.n_failures -= 1
            write.fail_temporary(0, "not now", 0)
            return
        self.texts += [batch.get_message(i).dup_text() for i in range(batch.get_size())]
        write.done(batch.get_size())

    def do_stop(self):
        self.is_stopped = True


class MessageTest(unittest.TestCase):
    def test_payload_is_binary_safe(self):
        data = bytes(range(256)) * 3 + b"\0\0"
        message = Hawser.Message.new("a/b", GLib.Bytes.new(data))
        self.assertEqual(message.dup_payload().get_data(), data)
        self.assertIsNone(message.dup_text())

    def test_empty_payload_is_no_error(self):
        self.assertEqual(Hawser.Message.new("a", None).dup_payload().get_size(), 0)

    def test_builder_sets_what_readers_read(self):
        builder = Hawser.MessageBuilder.new("a/b")
        builder.set_payload(GLib.Bytes.new(b"{}"))
        builder.set_qos(Hawser.Qos.AT_LEAST_ONCE)
        builder.set_retain(True)
        builder.set_expiry_s(60)
        builder.set_content_type("application/json")
        builder.set_reply_to("c")
        builder.set_correlation(GLib.Bytes.new(b"\0\1"))
        builder.add_property("unit", "m")
        message = builder.build()
        self.assertEqual((message.get_topic(), message.get_qos(), message.get_retain(), message.get_expiry_s()),
                         ("a/b", Hawser.Qos.AT_LEAST_ONCE, True, 60))
        self.assertEqual((message.dup_content_type(), message.dup_reply_to(), message.dup_correlation().get_data()),
                         ("application/json", "c", b"\0\1"))
        self.assertEqual(message.dup_property("unit"), "m")
        self.assertEqual(message.dup_properties()["unit"], "m")

    def test_json_is_a_cloud_event(self):
        message = text_message("a/b", "hi")
        again = Hawser.Message.new_from_json(message.to_json(), -1, None)
        self.assertEqual((again.get_topic(), again.dup_text()), ("a/b", "hi"))


class PipelineTest(unittest.TestCase):
    def test_pipeline_is_made_watched_and_stopped(self):
        bus = Hawser.Bus()
        seen = []
        bus.subscribe("watt/#", lambda message: seen.append((message.get_topic(), message.dup_text())))
        pipeline = Hawser.Pipeline.new(bus, "watts")
        for name, value in (("from", ["power/+"]), ("to", "watt/{2}"), ("stages", ["filter /kw > 0", "map w=/kw*1000"])):
            pipeline.set_property(name, value)
        pipeline.start()
        self.assertEqual([p.get_name() for p in bus.get_pipelines()], ["watts"])
        for text in '{"kw": 2}', '{"kw": -1}':
            bus.publish(text_message("power/a", text))
        run_until(lambda: seen and pipeline.get_property("n-published") == 1)
        self.assertEqual(seen, [("watt/a", '{"w":2000}')])
        self.assertEqual(pipeline.dup_statistics().unpack()["filtered"], 1)
        pipeline.stop()
        self.assertEqual(len(bus.get_pipelines()), 0)
        pipeline.set_property("stages", ["nonsense"])
        with self.assertRaises(GLib.Error) as caught:
            pipeline.start()
        self.assertTrue(caught.exception.matches(Hawser.error_quark(), Hawser.Error.INVALID))
        bus.close()


class BusTest(unittest.TestCase):
    def setUp(self):
        self.bus = Hawser.Bus()

    def tearDown(self):
        self.bus.close()

    def test_message_kept_after_dispatch_stays_whole(self):
        kept = []
        subscription = self.bus.subscribe("keep/#", kept.append)
        for i in range(1000):
            self.bus.publish(Hawser.Message.new(f"keep/{i}", GLib.Bytes.new(b"%d\0" % i * 50)))
        run_until(lambda: len(kept) == 1000)
        self.bus.unsubscribe(subscription)
        self.bus.close()
        for i, message in enumerate(kept):
            self.assertEqual((message.get_topic(), message.dup_payload().get_data()), (f"keep/{i}", b"%d\0" % i * 50))

    def test_observer_is_read_renewed_and_ended(self):
        seen, ends = [], []
        observer = self.bus.observe(Hawser.ObserverKind.MESSAGE, "plant/#", 5000)
        self.bus.subscribe(observer.get_topic(), lambda message: seen.append((message.dup_property("topic"), message.dup_text())))
        observer.connect("notify::is-live", lambda *_: ends.append(True))
        self.bus.publish(text_message("plant/a", "1"))
        run_until(lambda: seen)
        self.assertTrue(observer.renew(0))
        self.assertEqual((observer.get_property("kind"), observer.get_property("lease-ms")), (Hawser.ObserverKind.MESSAGE, 5000))
        observer.end()
        run_until(lambda: len(seen) == 2)
        self.assertEqual((seen, ends, observer.is_live()), ([("plant/a", "1"), (None, '{"ended":"request"}')], [True], False))
        with self.assertRaises(GLib.Error) as caught:
            observer.renew(0)
        self.assertTrue(caught.exception.matches(Hawser.error_quark(), Hawser.Error.NOT_FOUND))

    def test_callback_never_runs_inside_publish(self):
        seen = []
        self.bus.subscribe("a", seen.append)
        self.bus.publish(text_message("a", "1"))
        self.assertEqual(seen, [])
        run_until(lambda: seen)

    def test_publish_from_another_thread_arrives(self):
        seen = []
        self.bus.subscribe("a", lambda message: seen.append(message.dup_text()))
        thread = threading.Thread(target=lambda: [self.bus.publish(text_message("a", str(i))) for i in range(100)])
        thread.start()
        run_until(lambda: len(seen) == 100)
        thread.join()
        self.assertEqual(seen, [str(i) for i in range(100)])

    def test_retained_value_is_read_back(self):
        builder = Hawser.MessageBuilder.new("last")
        builder.set_text("7")
        builder.set_retain(True)
        self.bus.publish(builder.build())
        self.assertEqual(self.bus.get_retained("last").dup_text(), "7")
        self.assertIsNone(self.bus.get_retained("none"))

    def test_async_pair_ends_with_its_finish(self):
        outcome = []
        self.bus.publish_async(text_message("a", "1"), None,
                               lambda bus, result: outcome.append(bus.publish_finish(result)))
        self.assertEqual(outcome, [])
        run_until(lambda: outcome)
        self.assertEqual(outcome, [True])

    def test_async_failure_is_raised_by_finish(self):
        outcome = []

        def on_done(bus, result):
            try:
                bus.publish_finish(result)
            except GLib.Error as error:
                outcome.append(error)

        self.bus.close()
        self.bus.publish_async(text_message("a", "1"), None, on_done)
        run_until(lambda: outcome)
        self.assertTrue(outcome[0].matches(Hawser.error_quark(), Hawser.Error.CLOSED), outcome[0])

    def test_models_iterate_and_tell_changes(self):
        models = [self.bus.get_topics(), self.bus.get_subscriptions(), self.bus.get_connections(), self.bus.get_listeners()]
        for model in models:
            self.assertIsInstance(model, Gio.ListModel)
            self.assertEqual([model.get_item(i) for i in range(model.get_n_items())], [])
        topics, subscriptions = models[:2]
        changes = []
        topics.connect("items-changed", lambda _model, *change: changes.append(change))
        self.bus.add_topic(Hawser.LocalTopic.new("a/b"))
        subscription = self.bus.subscribe("a/#", print)
        self.assertEqual(changes, [(0, 0, 1)])
        self.assertEqual([topic.dup_name() for topic in (topics.get_item(0),)], ["a/b"])
        self.assertEqual(subscriptions.get_item(0).get_filter(), "a/#")
        self.assertFalse(subscriptions.get_item(0).get_is_durable())
        self.bus.unsubscribe(subscription)
        self.assertEqual(subscriptions.get_n_items(), 0)
        self.bus.remove_topic("a/b")
        self.assertEqual(changes, [(0, 0, 1), (0, 1, 0)])

    def test_topic_property_notifies(self):
        topic = Hawser.LocalTopic.new("a")
        seen = []
        topic.connect("notify::description", lambda topic, _property: seen.append(topic.get_property("description")))
        topic.set_property("description", "altitude")
        self.assertEqual(seen, ["altitude"])

    def test_policy_explains_its_principal(self):
        policy = Hawser.Policy.new("pilots", 'role == "pilot"')
        self.assertEqual((policy.get_name(), policy.get_expression()), ("pilots", 'role == "pilot"'))
        self.assertTrue(policy.uses("role"))


class SubscriptionTest(unittest.TestCase):
    def test_python_receiver_gets_batches_and_the_end(self):
        bus = Hawser.Bus()
        receiver = Receiver("a/+")
        self.assertTrue(bus.add_subscription(receiver))
        for i in range(5):
            bus.publish(text_message(f"a/{i}", str(i)))
        bus.publish(text_message("b", "no"))
        run_until(lambda: len(receiver.messages) == 5)
        self.assertEqual([m.get_topic() for m in receiver.messages], [f"a/{i}" for i in range(5)])
        bus.unsubscribe(receiver)
        run_until(lambda: receiver.has_ended)
        bus.close()

    def test_python_receiver_that_is_slow_is_told_what_it_lost(self):
        bus = Hawser.Bus()
        receiver = Receiver("#")
        bus.add_subscription(receiver)
        for i in range(30000):
            bus.publish(text_message("a", str(i)))
        run_until(lambda: receiver.n_lost + len(receiver.messages) == 30000)
        self.assertGreater(receiver.n_lost, 0)
        bus.close()

    def test_receiver_without_a_filter_is_refused(self):
        class Nothing(GObject.Object, Hawser.Subscription):
            pass

        with self.assertRaises(GLib.Error) as caught:
            Hawser.Bus().add_subscription(Nothing())
        self.assertTrue(caught.exception.matches(Hawser.error_quark(), Hawser.Error.INVALID))


class TopicTest(unittest.TestCase):
    def test_python_topic_changes_and_keeps_back_messages(self):
        bus = Hawser.Bus()
        receiver = Receiver("#")
        bus.add_subscription(receiver)
        self.assertTrue(bus.add_topic(Shouting()))
        for text in "land", "", "now":
            bus.publish(text_message("shout", text))
        run_until(lambda: len(receiver.messages) == 2)
        self.assertEqual([m.dup_text() for m in receiver.messages], ["LAND", "NOW"])
        self.assertEqual(bus.get_topic("shout").dup_name(), "shout")
        bus.close()

    def test_topic_without_a_name_is_refused(self):
        class Nameless(GObject.Object, Hawser.Topic):
            pass

        with self.assertRaises(GLib.Error) as caught:
            Hawser.Bus().add_topic(Nameless())
        self.assertTrue(caught.exception.matches(Hawser.error_quark(), Hawser.Error.INVALID))


class SinkTest(unittest.TestCase):
    def test_python_sink_gets_batches_and_what_failed_again(self):
        bus = Hawser.Bus()
        sink = Collector(n_failures=2)
        runner = Hawser.SinkRunner.new(bus, "collector", sink, "jobs/#")
        runner.set_property("batch-count", 10)
        runner.set_property("retry-initial", 1000)
        self.assertTrue(runner.start())
        for i in range(25):
            bus.publish(text_message("jobs/a", str(i)))
        run_until(lambda: len(sink.texts) == 25)
        outcome = []
        runner.drain_async(None, lambda source, result: outcome.append(source.drain_finish(result)))
        run_until(lambda: outcome)
        self.assertEqual(outcome, [True])
        self.assertEqual(sink.texts, [str(i) for i in range(25)])
        self.assertIn(2, sink.attempts)
        self.assertTrue(sink.is_stopped)
        bus.close()

    def test_python_sink_that_refuses_to_start_says_why(self):
        sink = Collector(refuse=hawser_error(Hawser.Error.INVALID, "no printer"))
        runner = Hawser.SinkRunner.new(Hawser.Bus(), "collector", sink, "#")
        with self.assertRaises(GLib.Error) as caught:
            runner.start()
        self.assertTrue(caught.exception.matches(Hawser.error_quark(), Hawser.Error.INVALID))
        self.assertIn("no printer", caught.exception.message)

    def test_runner_notifies_its_figures(self):
        bus = Hawser.Bus()
        runner = Hawser.SinkRunner.new(bus, "collector", Collector(), "#")
        runner.set_property("batch-age", 1000)
        seen = []
        runner.connect("notify::n-written", lambda runner, _property: seen.append(runner.get_property("n-written")))
        runner.start()
        bus.publish(text_message("a", "1"))
        run_until(lambda: seen)
        self.assertEqual(seen, [1])
        runner.stop()


class IdentityTest(unittest.TestCase):
    def test_python_provider_answers_at_once_and_asynchronously(self):
        users = Users()
        principal = users.authenticate(Hawser.CredentialKind.PASSWORD, "ada", GLib.Bytes.new(b"ada"[::-1]))
        self.assertEqual((principal.get_name(), principal.get_claim("role")), ("ada", "pilot"))
        outcome = []
        users.authenticate_async(Hawser.CredentialKind.PASSWORD, "bob", GLib.Bytes.new(b"bob"), None,
                                 lambda users, result: outcome.append(users.authenticate_finish(result)))
        run_until(lambda: outcome)
        self.assertEqual(outcome[0].get_name(), "bob")

    def test_python_provider_keeps_the_contract_of_the_role(self):
        facts = HawserContract.identity_list_facts()
        self.assertGreater(len(facts), 10)
        for fact in facts:
            with self.subTest(fact):
                self.assertTrue(HawserContract.identity_check(fact, Users(), "grace", "ecarg", "role=guest"))

    def test_the_contract_finds_a_provider_that_lets_everybody_in(self):
        class Open(GObject.Object, Hawser.Identity):
            def do_authenticate(self, kind, name, secret):
                return Hawser.Principal.new(name or "anybody", {})

        with self.assertRaises(GLib.Error) as caught:
            HawserContract.identity_check("wrong-password-is-refused", Open(), "grace", "ecarg", None)
        self.assertIn("was let in", caught.exception.message)

    def test_every_code_is_caught_by_its_kind(self):
        for name in CODES:
            code = getattr(Hawser.Error, name)
            with self.subTest(name), self.assertRaises(GLib.Error) as caught:
                Users(error=hawser_error(code)).authenticate(Hawser.CredentialKind.PASSWORD, "x", None)
            self.assertTrue(caught.exception.matches(Hawser.error_quark(), code))
            self.assertEqual(Hawser.error_to_nick(code), name.lower().replace("_", "-"))

    def test_provider_that_raises_something_else_lets_nobody_in(self):
        class Faulty(GObject.Object, Hawser.Identity):
            def do_authenticate(self, kind, name, secret):
                return None

        with self.assertRaises(GLib.Error) as caught:
            Faulty().authenticate(Hawser.CredentialKind.PASSWORD, "x", None)
        self.assertTrue(caught.exception.matches(Hawser.error_quark(), Hawser.Error.UNAVAILABLE))


class ErrorTest(unittest.TestCase):
    def assert_kind(self, code, func, *arguments):
        with self.assertRaises(GLib.Error) as caught:
            func(*arguments)
        self.assertTrue(caught.exception.matches(Hawser.error_quark(), code), caught.exception)
        for other in CODES:
            if getattr(Hawser.Error, other) != code:
                self.assertFalse(caught.exception.matches(Hawser.error_quark(), getattr(Hawser.Error, other)))

    def test_library_errors_are_caught_by_kind(self):
        bus, receiver, topic = Hawser.Bus(), Receiver("a"), Hawser.LocalTopic.new("a")
        bus.add_subscription(receiver)
        bus.add_topic(topic)
        self.assert_kind(Hawser.Error.INVALID, bus.subscribe, "a/#/b", print)
        self.assert_kind(Hawser.Error.EXISTS, bus.add_subscription, receiver)
        self.assert_kind(Hawser.Error.EXISTS, bus.add_topic, topic)
        self.assert_kind(Hawser.Error.TOO_LARGE, Hawser.TopicFilter.new, "a/" * 40000)
        self.assert_kind(Hawser.Error.NOT_FOUND, Hawser.Listener.new, bus, "x", "no-such-protocol", "tcp:127.0.0.1:0")
        bus.close()
        self.assert_kind(Hawser.Error.CLOSED, bus.publish, text_message("a", "1"))


class ListenerTest(unittest.TestCase):
    """Rights and users decided in Python, asked for by foreign MQTT clients."""

    def setUp(self):
        self.bus = Hawser.Bus()
        self.bus.add_policy(Hawser.Policy.new("pilots", 'role == "pilot"'))
        topic = Hawser.LocalTopic.new("command")
        topic.set_property("publish-policy", "pilots")
        self.bus.add_topic(topic)
        self.listener = Hawser.Listener.new(self.bus, "mqtt", "mqtt", "tcp:127.0.0.1:0")
        self.listener.add_identity(Users())
        self.notified = []
        self.listener.connect("notify::n-connections", lambda *_: self.notified.append(True))
        self.listener.start()
        self.seen = []
        self.bus.subscribe("command", lambda message: self.seen.append(message.dup_text()))

    def tearDown(self):
        self.listener.stop()
        self.bus.close()

    def publish(self, name, password):
        """The exit status and complaint of mosquitto_pub."""
        process = Gio.Subprocess.new(
            ["mosquitto_pub", "-V", "mqttv5", "-p", str(self.listener.get_port()), "-u", name, "-P", password, "-t", "command",
             "-q", "1", "-m", f"land, says {name}"], Gio.SubprocessFlags.STDERR_PIPE | Gio.SubprocessFlags.STDOUT_PIPE)
        outcome = []

        def on_done(process, result):
            _ok, out, err = process.communicate_utf8_finish(result)
            outcome.append((process.get_exit_status(), out + err))

        process.communicate_utf8_async(None, None, on_done)
        run_until(lambda: outcome)
        return outcome[0]

    def test_user_of_a_python_provider_is_let_in_by_his_claims(self):
        self.assertEqual(self.publish("ada", "ada"[::-1])[0], 0)
        run_until(lambda: self.seen)
        self.assertEqual(self.seen, ["land, says ada"])
        run_until(lambda: self.notified)

    def test_wrong_password_is_refused(self):
        status, text = self.publish("ada", "ada's")
        self.assertNotEqual(status, 0)
        self.assertIn("Bad User Name or Password", text)

    def test_user_without_the_claim_may_not_publish(self):
        _status, text = self.publish("bob", "bob")
        self.assertRegex(text, re.compile("not authori[sz]ed", re.IGNORECASE))
        self.assertEqual(self.seen, [])


if __name__ == "__main__":
    unittest.main()
