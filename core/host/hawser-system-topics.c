/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* $SYS topics under the names that people's tools know from mosquitto(8), and our own below $SYS/hawser. Retained values, but only as
 * long as somebody subscribes to one: the first such filter brings all of them up to date before it is answered, from then on a timer
 * publishes what has changed, and when the last one has gone the timer stops and the values are taken away. A bus that nobody asks is
 * never woken. Made by the assembly; runs on the lane of the bus. */

#include "hawser-system-topics-private.h"

#include <malloc.h>
#include <math.h>
#include <string.h>

#include "hawser-bridge-statistics.h"
#include "hawser-bus-private.h"
#include "hawser-group-private.h"
#include "hawser-hash.h"
#include "hawser-listener.h"
#include "hawser-topic-raw.h"
#include "hawser-version.h"

#define MINUTE_US (G_GINT64_CONSTANT (60) * G_USEC_PER_SEC)

/* What happens in a minute, averaged over one, five and fifteen (exponentially, as loads are). */
typedef struct {
  const char *name;
  guint64 last;
  double values[3];
} Load;

enum {
  LOAD_MESSAGES_RECEIVED,
  LOAD_MESSAGES_SENT,
  LOAD_PUBLISH_RECEIVED,
  LOAD_PUBLISH_SENT,
  LOAD_PUBLISH_DROPPED,
  LOAD_BYTES_RECEIVED,
  LOAD_BYTES_SENT,
  LOAD_CONNECTIONS,
  LOAD_SOCKETS,
  N_LOADS,
};

static const char * const load_names[N_LOADS] = {
  "messages/received", "messages/sent", "publish/received", "publish/sent", "publish/dropped", "bytes/received", "bytes/sent", "connections",
  "sockets",
};

struct _HawserSystemTopics {
  HawserBus *bus;                /* not owned: we are gone before it closes */
  HawserLane *lane;
  HawserPublisher *publisher;
  HawserTimer timer;
  GHashTable *values;            /* topic to its last text */
  gint64 interval_us;
  gint64 started_us, sampled_us;
  guint64 n_own;                 /* messages that are ours and not the bus's users' */
  guint64 own_bytes;
  gsize most_heap;
  gboolean is_active;
  Load loads[N_LOADS];
};

static void
publish (HawserSystemTopics *self, const char *topic, const char *text, gsize len)
{
  hawser_bus_route (self->bus, self->publisher, hawser_message_new_raw (&(HawserMessageInit) {
      .topic = topic, .topic_len = strlen (topic), .payload = (const guint8 *) text, .payload_len = len, .retain = TRUE }), NULL, NULL, 0, TRUE);
  self->n_own++;
  self->own_bytes += len;
}

static void
set_text (HawserSystemTopics *self, const char *topic, const char *text)
{
  if (g_strcmp0 (g_hash_table_lookup (self->values, topic), text) == 0)
    return;
  g_hash_table_insert (self->values, g_strdup (topic), g_strdup (text));
  publish (self, topic, text, strlen (text));
}

static void
set_number (HawserSystemTopics *self, const char *topic, guint64 value)
{
  char text[32];

  g_snprintf (text, sizeof text, "%" G_GUINT64_FORMAT, value);
  set_text (self, topic, text);
}

/* ---- Figures ---- */

static void
set_load (HawserSystemTopics *self, guint index, guint64 total, gint64 now_us)
{
  static const struct { const char *name; double minutes; } spans[] = { { "1min", 1 }, { "5min", 5 }, { "15min", 15 } };
  Load *load = &self->loads[index];
  double minutes = (double) (now_us - self->sampled_us) / (double) MINUTE_US, rate;

  if (minutes <= 0)
    return;
  rate = (double) (total - MIN (total, load->last)) / minutes;
  load->last = total;
  for (gsize i = 0; i < G_N_ELEMENTS (spans); i++)
    {
      double kept = exp (-minutes / spans[i].minutes);
      g_autofree char *topic = g_strdup_printf ("$SYS/broker/load/%s/%s", load_names[index], spans[i].name);
      char text[32];

      load->values[i] = load->values[i] * kept + rate * (1 - kept);
      g_ascii_formatd (text, sizeof text, "%.2f", load->values[i]);
      set_text (self, topic, text);
    }
}

static void
count_clients (HawserBus *bus, guint64 *out_connected, guint64 *out_absent)
{
  *out_connected = *out_absent = 0;
  for (GList *link = bus->connections.head; link != NULL; link = link->next)
    *out_connected += g_strcmp0 (hawser_connection_get_protocol (link->data), "mqtt") == 0;
  for (HawserReceiver *receiver = bus->receivers; receiver != NULL; receiver = receiver->next)
    *out_absent += receiver->durable != NULL && receiver->funcs == NULL && (receiver->flags & (HAWSER_RECEIVER_PROVISIONED | HAWSER_RECEIVER_HIDDEN)) == 0;
}

static guint64
count_shared (HawserBus *bus)
{
  GHashTableIter iter;
  gpointer group;
  guint64 n = 0;

  g_hash_table_iter_init (&iter, bus->groups);
  while (g_hash_table_iter_next (&iter, NULL, &group))
    n += hawser_group_get_n_members (group);
  return n;
}

/* What waits in memory, once for each subscriber, and last values; ours too. */
static guint64
sum_stored_bytes (HawserBus *bus)
{
  guint64 n = bus->topics.retained_bytes;

  for (HawserReceiver *receiver = bus->receivers; receiver != NULL; receiver = receiver->next)
    n += receiver->queue.bytes;
  return n;
}

static guint64
sum_dropped (const HawserBusStatistics *statistics)
{
  guint64 n = 0;

  for (guint i = 0; i < HAWSER_N_DROPS; i++)
    n += statistics->dropped[i];
  return n;
}

static void
set_clients (HawserSystemTopics *self, const HawserBusStatistics *statistics, gint64 now_us)
{
  guint64 connected, absent, n_opened = 0;

  count_clients (self->bus, &connected, &absent);
  set_number (self, "$SYS/broker/clients/connected", connected);
  set_number (self, "$SYS/broker/clients/active", connected);
  set_number (self, "$SYS/broker/clients/disconnected", absent);
  set_number (self, "$SYS/broker/clients/inactive", absent);
  set_number (self, "$SYS/broker/clients/total", connected + absent);
  set_number (self, "$SYS/broker/clients/maximum", MAX (self->bus->most_connections, connected));
  set_number (self, "$SYS/broker/clients/expired", self->bus->n_expired_receivers);
  set_number (self, "$SYS/broker/subscriptions/count", statistics->n_subscriptions);
  set_number (self, "$SYS/broker/shared_subscriptions/count", count_shared (self->bus));
  for (guint i = 0; i < self->bus->listeners.items->len; i++)
    {
      HawserListener *listener = g_ptr_array_index (self->bus->listeners.items, i);
      g_autofree char *topic = g_strdup_printf ("$SYS/hawser/listener/%s/connections", hawser_listener_get_name (listener));

      n_opened += hawser_listener_get_n_opened (listener);
      if (hawser_topic_name_check (topic, strlen (topic)))
        set_number (self, topic, hawser_listener_get_n_connections (listener));
    }
  set_load (self, LOAD_CONNECTIONS, n_opened, now_us);
  set_load (self, LOAD_SOCKETS, n_opened, now_us);
}

static void
set_messages (HawserSystemTopics *self, const HawserBusStatistics *statistics, gint64 now_us)
{
  /* ours are not what people publish; what is delivered of them is */
  guint64 received = statistics->published - MIN (statistics->published, self->n_own), dropped = sum_dropped (statistics);
  guint64 bytes = statistics->published_bytes - MIN (statistics->published_bytes, self->own_bytes);

  set_number (self, "$SYS/broker/messages/received", received + statistics->refused);
  set_number (self, "$SYS/broker/messages/sent", statistics->delivered);
  set_number (self, "$SYS/broker/messages/stored", statistics->queued + statistics->n_retained);
  set_number (self, "$SYS/broker/publish/messages/received", received);
  set_number (self, "$SYS/broker/publish/messages/sent", statistics->delivered);
  set_number (self, "$SYS/broker/publish/messages/dropped", dropped);
  set_number (self, "$SYS/broker/publish/bytes/received", bytes);
  set_number (self, "$SYS/broker/publish/bytes/sent", statistics->delivered_bytes);
  set_number (self, "$SYS/broker/bytes/received", bytes);
  set_number (self, "$SYS/broker/bytes/sent", statistics->delivered_bytes);
  set_number (self, "$SYS/broker/store/messages/count", statistics->queued + statistics->n_retained);
  set_number (self, "$SYS/broker/store/messages/bytes", sum_stored_bytes (self->bus));
  set_number (self, "$SYS/broker/retained messages/count", statistics->n_retained - MIN (statistics->n_retained, g_hash_table_size (self->values)));
  set_load (self, LOAD_MESSAGES_RECEIVED, received + statistics->refused, now_us);
  set_load (self, LOAD_MESSAGES_SENT, statistics->delivered, now_us);
  set_load (self, LOAD_PUBLISH_RECEIVED, received, now_us);
  set_load (self, LOAD_PUBLISH_SENT, statistics->delivered, now_us);
  set_load (self, LOAD_PUBLISH_DROPPED, dropped, now_us);
  set_load (self, LOAD_BYTES_RECEIVED, bytes, now_us);
  set_load (self, LOAD_BYTES_SENT, statistics->delivered_bytes, now_us);
}

static void
set_own (HawserSystemTopics *self, const HawserBusStatistics *statistics)
{
  static const char * const reasons[HAWSER_N_DROPS] = {
    [HAWSER_DROP_OVERFLOW] = "overflow", [HAWSER_DROP_EXPIRED] = "expired", [HAWSER_DROP_TOO_LARGE] = "too-large", [HAWSER_DROP_GONE] = "gone",
    [HAWSER_DROP_DENIED] = "denied",
  };

  set_number (self, "$SYS/hawser/messages/refused", statistics->refused);
  set_number (self, "$SYS/hawser/messages/matched", statistics->matched);
  set_number (self, "$SYS/hawser/messages/queued", statistics->queued);
  set_number (self, "$SYS/hawser/topics/count", statistics->n_topics);
  set_number (self, "$SYS/hawser/subscriptions/durable", statistics->n_durable);
  for (guint i = 0; i < HAWSER_N_DROPS; i++)
    {
      g_autofree char *topic = g_strdup_printf ("$SYS/hawser/messages/dropped/%s", reasons[i]);

      set_number (self, topic, statistics->dropped[i]);
    }
  for (guint i = 0; i < self->bus->bridges.items->len; i++)
    {
      HawserBridge *bridge = g_ptr_array_index (self->bus->bridges.items, i);
      g_autofree char *state = g_strdup_printf ("$SYS/broker/connection/%s/state", hawser_bridge_get_name (bridge));
      g_autofree char *queued = g_strdup_printf ("$SYS/hawser/bridge/%s/queued", hawser_bridge_get_name (bridge));

      if (!hawser_topic_name_check (state, strlen (state)))
        continue;
      set_text (self, state, hawser_bridge_get_state (bridge) == HAWSER_BRIDGE_STATE_CONNECTED ? "1" : "0");
      set_number (self, queued, hawser_bridge_get_depth (bridge));
    }
}

static void
sample (HawserSystemTopics *self)
{
  gint64 now_us = hawser_clock_get_monotonic_us (hawser_lane_get_clock (self->lane));
  struct mallinfo2 heap = mallinfo2 ();
  HawserBusStatistics statistics;
  char text[64];

  hawser_bus_get_statistics (self->bus, &statistics);
  self->most_heap = MAX (self->most_heap, heap.uordblks + heap.hblkhd);
  set_text (self, "$SYS/broker/version", "hawserd version " HAWSER_VERSION_S);
  g_snprintf (text, sizeof text, "%" G_GINT64_FORMAT " seconds", (now_us - self->started_us) / G_USEC_PER_SEC);
  set_text (self, "$SYS/broker/uptime", text);
  set_number (self, "$SYS/broker/heap/current", heap.uordblks + heap.hblkhd);
  set_number (self, "$SYS/broker/heap/maximum", self->most_heap);
  set_clients (self, &statistics, now_us);
  set_messages (self, &statistics, now_us);
  set_own (self, &statistics);
  self->sampled_us = now_us;
}

/* ---- When ---- */

static void
forget_values (HawserSystemTopics *self)
{
  GHashTableIter iter;
  gpointer topic;

  g_hash_table_iter_init (&iter, self->values);
  while (g_hash_table_iter_next (&iter, &topic, NULL))
    publish (self, topic, "", 0);
  g_hash_table_remove_all (self->values);
}

static void
on_interval (HawserTimer *timer)
{
  HawserSystemTopics *self = (HawserSystemTopics *) ((char *) timer - G_STRUCT_OFFSET (HawserSystemTopics, timer));

  self->is_active = self->bus->n_system_filters > 0;
  if (!self->is_active)
    {
      forget_values (self);
      return;
    }
  sample (self);
  hawser_timer_arm (&self->timer, self->lane, hawser_lane_get_now_us (self->lane) + self->interval_us, on_interval);
}

/* Somebody is about to subscribe: what is retained when it has done so is of now. */
static void
on_wanted (gpointer data)
{
  HawserSystemTopics *self = data;

  if (self->is_active)
    return;
  self->is_active = TRUE;
  sample (self);
  hawser_timer_arm (&self->timer, self->lane, hawser_clock_get_monotonic_us (hawser_lane_get_clock (self->lane)) + self->interval_us, on_interval);
}

HawserSystemTopics *
hawser_system_topics_new (HawserBus *bus, gint64 interval_us)
{
  HawserSystemTopics *self = g_new0 (HawserSystemTopics, 1);

  self->bus = bus;
  self->lane = hawser_lane_ref (hawser_bus_get_lane (bus));
  self->publisher = hawser_publisher_new (bus, NULL, "/system");
  self->values = g_hash_table_new_full (hawser_hash_string, g_str_equal, g_free, g_free);
  self->interval_us = interval_us;
  self->started_us = self->sampled_us = hawser_clock_get_monotonic_us (hawser_lane_get_clock (self->lane));
  bus->system_wanted = on_wanted;
  bus->system_data = self;
  if (bus->n_system_filters > 0) /* of sessions that were kept */
    on_wanted (self);
  return self;
}

void
hawser_system_topics_free (HawserSystemTopics *self)
{
  if (self == NULL)
    return;
  self->bus->system_wanted = NULL;
  self->bus->system_data = NULL;
  hawser_timer_disarm (&self->timer);
  hawser_publisher_free (self->publisher);
  g_hash_table_unref (self->values);
  hawser_lane_unref (self->lane);
  g_free (self);
}
