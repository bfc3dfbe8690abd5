/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The harness itself: with a protocol that sends back what it gets, and a sink that remembers. */

#include "hawser-harness.h"

#include <string.h>

/* ---- An echo that ends at `q`, and after five seconds of silence ---- */

G_DECLARE_FINAL_TYPE (Echo, echo, TEST, ECHO, GObject)

struct _Echo {
  GObject parent_instance;
  guint n_calls, n_closed;
};

typedef struct {
  HawserTimer timer;   /* first: the callback casts */
  Echo *echo;
  HawserConnection *connection;
} EchoPeer;

static void
on_silence (HawserTimer *timer)
{
  hawser_connection_close (((EchoPeer *) timer)->connection, HAWSER_ERROR_TIMEOUT);
}

static void
arm (EchoPeer *peer)
{
  HawserLane *lane = hawser_connection_get_lane (peer->connection);

  hawser_timer_arm (&peer->timer, lane, hawser_lane_get_now_us (lane) + 5 * G_USEC_PER_SEC, on_silence);
}

static gsize
received (HawserConnection *connection, gpointer session, const guint8 *data, gsize len)
{
  EchoPeer *peer = session;

  peer->echo->n_calls++;
  arm (peer);
  hawser_connection_write (connection, data, len);
  if (memchr (data, 'q', len) != NULL)
    hawser_connection_finish (connection, HAWSER_ERROR_CLOSED, "asked for");
  return len;
}

static void
closed (HawserConnection *connection, gpointer session, const GError *error)
{
  EchoPeer *peer = session;

  hawser_timer_disarm (&peer->timer);
  peer->echo->n_closed++;
  g_free (peer);
}

static const HawserSessionFuncs session_funcs = { .received = received, .closed = closed };

static void
accepted (HawserProtocol *protocol, HawserConnection *connection)
{
  EchoPeer *peer = g_new0 (EchoPeer, 1);

  peer->echo = TEST_ECHO (protocol);
  peer->connection = connection;
  hawser_connection_set_session (connection, &session_funcs, peer);
  arm (peer);
}

static void
protocol_init (HawserProtocolInterface *iface)
{
  iface->accepted = accepted;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (Echo, echo, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_PROTOCOL, protocol_init))

static void
echo_class_init (EchoClass *klass)
{
}

static void
echo_init (Echo *self)
{
}

static void
bytes_go_both_ways_whole_and_split (void)
{
  g_autoptr (Echo) echo = g_object_new (echo_get_type (), NULL);
  g_autoptr (HawserHarness) harness = hawser_harness_new_for_protocol (HAWSER_PROTOCOL (echo));
  HawserHarnessPeer *peer = hawser_harness_dial (harness);

  hawser_harness_peer_push (peer, "hello", -1);
  g_assert_cmpuint (echo->n_calls, ==, 1);
  hawser_harness_peer_expect (peer, "hello", -1);
  hawser_harness_peer_push_split (peer, "world", -1);
  g_assert_cmpuint (echo->n_calls, ==, 6);
  hawser_harness_peer_expect (peer, "world", -1);
  hawser_harness_peer_push (peer, "xq", 2);
  hawser_harness_peer_expect (peer, "xq", 2);
  hawser_harness_peer_expect_end (peer);
}

static void
a_peer_that_goes_is_noticed (void)
{
  g_autoptr (Echo) echo = g_object_new (echo_get_type (), NULL);
  g_autoptr (HawserHarness) harness = hawser_harness_new_for_protocol (HAWSER_PROTOCOL (echo));
  HawserHarnessPeer *one = hawser_harness_dial (harness), *two = hawser_harness_dial (harness);

  hawser_harness_peer_close (one);
  g_assert_cmpuint (echo->n_closed, ==, 1);
  hawser_harness_peer_push (two, "still there", -1);
  hawser_harness_peer_expect (two, "still there", -1);
}

static void
time_passes_when_the_test_says_so (void)
{
  g_autoptr (Echo) echo = g_object_new (echo_get_type (), NULL);
  g_autoptr (HawserHarness) harness = hawser_harness_new_for_protocol (HAWSER_PROTOCOL (echo));
  HawserHarnessPeer *peer = hawser_harness_dial (harness);

  hawser_harness_advance (harness, 4900000);
  hawser_harness_peer_push (peer, "x", -1);
  hawser_harness_peer_expect (peer, "x", -1);
  hawser_harness_advance (harness, 4900000);
  g_assert_cmpuint (echo->n_closed, ==, 0);
  hawser_harness_advance (harness, 200000);
  g_assert_cmpuint (echo->n_closed, ==, 1);
  hawser_harness_peer_expect_end (peer);
}

static void
messages_are_pulled_in_order (void)
{
  g_autoptr (HawserHarness) harness = hawser_harness_new ();

  hawser_harness_watch (harness, "a/#");
  hawser_harness_publish (harness, "a/1", "one");
  hawser_harness_publish (harness, "b", "not watched for");
  hawser_harness_publish (harness, "a/2", "two");
  for (guint i = 1; i <= 2; i++)
    {
      g_autoptr (HawserMessage) message = hawser_harness_pull (harness);
      g_autofree char *text = hawser_message_dup_text (message);

      g_assert_cmpstr (hawser_message_get_topic (message), ==, i == 1 ? "a/1" : "a/2");
      g_assert_cmpstr (text, ==, i == 1 ? "one" : "two");
    }
}

/* ---- A sink that blocks, on its worker ---- */

G_DECLARE_FINAL_TYPE (Memory, memory, TEST, MEMORY, GObject)

struct _Memory {
  GObject parent_instance;
  GThread *thread;      /* that made it */
  GString *text;
};

static guint
write_batch (HawserSink *sink, HawserBatch *batch, const char *key, GCancellable *cancellable, GError **error)
{
  Memory *self = TEST_MEMORY (sink);

  g_assert_true (g_thread_self () != self->thread);
  for (guint i = 0; i < hawser_batch_get_size (batch); i++)
    {
      g_autofree char *text = hawser_message_dup_text (hawser_batch_get_message (batch, i));

      g_string_append (self->text, text);
    }
  return hawser_batch_get_size (batch);
}

static void
sink_init (HawserSinkInterface *iface)
{
  iface->write_batch = write_batch;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (Memory, memory, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_SINK, sink_init))

static void
finalize (GObject *object)
{
  g_string_free (TEST_MEMORY (object)->text, TRUE);
  G_OBJECT_CLASS (memory_parent_class)->finalize (object);
}

static void
memory_class_init (MemoryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

static void
memory_init (Memory *self)
{
  self->thread = g_thread_self ();
  self->text = g_string_new (NULL);
}

static void
a_sink_has_all_after_the_drain (void)
{
  g_autoptr (Memory) memory = g_object_new (memory_get_type (), NULL);
  g_autoptr (HawserHarness) harness = hawser_harness_new ();

  hawser_harness_add_sink (harness, HAWSER_SINK (memory), "in/#");
  hawser_harness_publish (harness, "in/1", "one ");
  hawser_harness_publish (harness, "out", "nothing ");
  hawser_harness_publish (harness, "in/2", "two");
  hawser_harness_drain (harness);
  g_assert_cmpstr (memory->text->str, ==, "one two");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/harness/bytes-go-both-ways-whole-and-split", bytes_go_both_ways_whole_and_split);
  g_test_add_func ("/harness/a-peer-that-goes-is-noticed", a_peer_that_goes_is_noticed);
  g_test_add_func ("/harness/time-passes-when-the-test-says-so", time_passes_when_the_test_says_so);
  g_test_add_func ("/harness/messages-are-pulled-in-order", messages_are_pulled_in_order);
  g_test_add_func ("/harness/a-sink-has-all-after-the-drain", a_sink_has_all_after_the_drain);
  return g_test_run ();
}
