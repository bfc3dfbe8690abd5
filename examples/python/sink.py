#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sink.py: a destination that nobody connects from; here it prints. A sink only writes one batch and says how it went.
The runner around it batches, retries, and keeps messages until the sink said that they are safe. It needs no network and
ends by itself.
"""
import gi
gi.require_version("Hawser", "1")
from gi.repository import GLib, GObject, Hawser


class Printer(GObject.Object, Hawser.Sink):
    def do_write(self, write):
        """Answer each write exactly once: now as here, or later from a callback."""
        batch = write.get_batch()
        if write.get_attempt() == 1:
            print("not ready yet")
            write.fail_temporary(0, "the printer warms up", 0)    # the runner comes again
            return
        for i in range(batch.get_size()):
            print("wrote", batch.get_message(i).dup_text())
        write.done(batch.get_size())    # all of it is safe


loop = GLib.MainLoop()
bus = Hawser.Bus()
runner = Hawser.SinkRunner.new(bus, "printer", Printer(), "jobs/#")

# A write as soon as three messages wait, or when one has waited for 100 ms (times are in microseconds).
runner.props.batch_count = 3
runner.props.batch_age = 100000
runner.props.retry_initial = 50000


def on_written(runner, _property):
    if runner.props.n_written == 3:
        loop.quit()


runner.connect("notify::n-written", on_written)
runner.start()
for text in "one", "two", "three":
    bus.publish(Hawser.Message.new_text("jobs/office", text))
loop.run()

print("all of them are safe")
runner.stop()
bus.close()
