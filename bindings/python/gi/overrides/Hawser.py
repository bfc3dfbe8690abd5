# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sugar for Python. Nothing here is needed: all of it is reachable by the introspected names, and no signature differs.

Found by PyGObject in any directory of its path, as long as neither gi/ nor gi/overrides/ there has an __init__.py.
"""
import asyncio
import functools
import json
import warnings

from gi.module import get_introspection_module
from gi.repository import Gio, GLib

Hawser = get_introspection_module("Hawser")
__all__ = ["aio", "variant"]


def _payload(message):
    """The payload as bytes."""
    return message.dup_payload().get_data() or b""


def _json(message):
    """The payload, read as JSON; ValueError if it is none."""
    return json.loads(_payload(message))


Hawser.Message.payload = property(_payload)
Hawser.Message.json = _json
Hawser.Message.topic = property(lambda message: message.get_topic())
Hawser.Message.text = property(lambda message: message.dup_text(), doc="The payload as str; None if it is not UTF-8.")
Hawser.Message.properties = property(lambda message: message.dup_properties(), doc="User properties: a dict of its own.")


def _batch_item(batch, index):
    n_messages = batch.get_size()
    if isinstance(index, slice):
        return [batch.get_message(i) for i in range(*index.indices(n_messages))]
    if not -n_messages <= index < n_messages:
        raise IndexError(index)
    return batch.get_message(index % n_messages)


Hawser.Batch.__len__ = lambda batch: batch.get_size()
Hawser.Batch.__getitem__ = _batch_item
Hawser.Batch.__iter__ = lambda batch: (batch.get_message(i) for i in range(batch.get_size()))


class _Topics:
    """bus.topics: iterates, and finds by name; bus.get_topics() is the Gio.ListModel behind it."""

    def __init__(self, bus):
        self._bus = bus

    def __len__(self):
        return len(self._bus.get_topics())

    def __iter__(self):
        return iter(self._bus.get_topics())

    def __getitem__(self, key):
        if not isinstance(key, str):
            return self._bus.get_topics()[key]
        topic = self._bus.get_topic(key)
        if topic is None:
            raise KeyError(key)
        return topic

    def __contains__(self, key):
        return self._bus.get_topic(key) is not None if isinstance(key, str) else key in self._bus.get_topics()


Hawser.Bus.topics = property(_Topics)
Hawser.Bus.subscriptions = property(lambda bus: bus.get_subscriptions())
Hawser.Bus.connections = property(lambda bus: bus.get_connections())
Hawser.Bus.listeners = property(lambda bus: bus.get_listeners())

_subscribe = Hawser.Bus.subscribe


def _subscribe_for_with(bus, topic_filter, func, *user_data):
    """As hawser_bus_subscribe(); what it returns also ends itself: `with bus.subscribe("a/#", print):`."""
    subscription = _subscribe(bus, topic_filter, func, *user_data)
    subscription.bus = bus
    return subscription


Hawser.Bus.subscribe = _subscribe_for_with
Hawser.Subscription.__enter__ = lambda subscription: subscription
Hawser.Subscription.__exit__ = lambda subscription, *_raised: subscription.bus.unsubscribe(subscription)


def variant(value):
    """A GLib.Variant of what JSON can say, as changes of a twin are: {"desired": {"heater": "on"}}. None is JSON's null."""
    if isinstance(value, dict):
        return GLib.Variant("a{sv}", {name: variant(item) for name, item in value.items()})
    if isinstance(value, (list, tuple)):
        return GLib.Variant("av", [variant(item) for item in value])
    if value is None:
        return GLib.Variant("mv", None)
    for kind, signature in ((bool, "b"), (int, "x"), (float, "d"), (str, "s")):    # a bool is an int too
        if isinstance(value, kind):
            return GLib.Variant(signature, value)
    raise TypeError(f"no variant of a {type(value).__name__}")


def _fail_as_gerror(function):
    """PyGObject prints an exception that is no GLib.Error, and the caller never hears of it: to it, a failure was none."""
    def call(behavior, *arguments):
        try:
            return function(behavior, *arguments)
        except GLib.Error:
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            raise GLib.Error.new_literal(Hawser.error_quark(), text, Hawser.Error.INVALID) from error

    return functools.wraps(function)(call)


def _init_behavior(cls, **keywords):
    super(Hawser.TwinBehavior, cls).__init_subclass__(**keywords)
    for name in ("do_handle", "do_apply_event"):
        if name in vars(cls):
            setattr(cls, name, _fail_as_gerror(vars(cls)[name]))


Hawser.TwinBehavior.__init_subclass__ = classmethod(_init_behavior)


def aio(target, name, *arguments):
    """A future for a pair: `await Hawser.aio(bus, "publish", message)`. Call it from a coroutine; somebody must run the
    default GLib.MainContext, on this or another thread. Cancelling the future cancels the operation."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    cancellable = Gio.Cancellable()

    def settle(setter, value):
        if not future.done():
            getattr(future, setter)(value)

    def on_done(source, result, *_user_data):
        try:
            value = getattr(source, name + "_finish")(result)
        except GLib.Error as error:
            loop.call_soon_threadsafe(settle, "set_exception", error)
        else:
            loop.call_soon_threadsafe(settle, "set_result", value)

    def begin():
        getattr(target, name + "_async")(*arguments, cancellable, on_done)
        return GLib.SOURCE_REMOVE

    future.add_done_callback(lambda done: cancellable.cancel() if done.cancelled() else None)
    GLib.idle_add(begin, priority=GLib.PRIORITY_DEFAULT)
    return future


def _warn_of_lost_results(owner, name):
    """PyGObject before 3.50 drops the result of an _async call without a callback, and says nothing."""
    method = getattr(owner, name)

    def checked(self, *arguments, **keywords):
        if not any(callable(argument) for argument in (*arguments, *keywords.values())):
            warnings.warn(f"{name}() without a callback: its result is lost; see Hawser.aio()", RuntimeWarning, stacklevel=2)
        return method(self, *arguments, **keywords)

    setattr(owner, name, checked)


for _owner, _name in ((Hawser.Bus, "publish_async"), (Hawser.SinkRunner, "drain_async"), (Hawser.SinkRunner, "test_async"),
                      (Hawser.Assembly, "drain_async")):
    _warn_of_lost_results(_owner, _name)
