/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The last messages of topics that say `history=N`: a ring each, in memory, of references to the messages themselves. Who
 * subscribes with `since` gets exactly the slice from there on, then what is new; or the slice at the speed at which it
 * was published, beside what is new. Bounded by count for a topic and by bytes for all. The journal has what the rings
 * have: a message is put in the commit of the message itself, and removed when it leaves its ring. Context: the bus's lane.
 * Shape of a stored value: the stored message; the key is its number in 16 hexadecimal digits. The value of the key
 * "ceiling" is a number, u64, little-endian: a restart goes on behind it, so that no number is given twice. */

#include "hawser-receiver-private.h"

#include <string.h>

#include "hawser-topic-raw.h"
#include "hawser-units.h"

#define MAX_BYTES (256 * 1024 * 1024)  /* of all rings: then the topic that grows loses its oldest */
#define MAX_REPLAYS 64                 /* at the speed of then, for one receiver */
#define SPACE "history"
#define CEILING "ceiling"
#define LEAP 65536                     /* numbers that a restart leaves out at most */

typedef struct {
  HawserTimer timer;
  HawserReceiver *receiver;
  GPtrArray *messages;
  guint next;
  gint64 began_us;                     /* when the first one went */
  double speed;
  guint8 max_qos;
} Replay;

static void
unref_message (gpointer message)
{
  hawser_message_unref (message);
}

static void
free_ring (gpointer data)
{
  g_queue_free_full (data, unref_message);
}

static void
free_replay (gpointer data)
{
  Replay *replay = data;

  hawser_timer_disarm (&replay->timer);
  g_ptr_array_unref (replay->messages);
  g_free (replay);
}

static void
free_replays (gpointer data)
{
  g_ptr_array_unref (data);
}

void
hawser_history_init (HawserHistory *self, HawserBus *bus)
{
  self->bus = bus;
}

void
hawser_history_clear (HawserHistory *self)
{
  g_clear_pointer (&self->replays, g_hash_table_unref);
  g_clear_pointer (&self->rings, g_hash_table_unref);
}

static gsize
size_of (const HawserMessage *message)
{
  return sizeof *message + message->topic_len + message->properties_len + message->payload_len;
}

/* ---- Keeping ---- */

static gboolean
is_stored (HawserHistory *self, const char *topic)
{
  return hawser_journal_exists (&self->bus->journal) && *topic != '$'; /* figures of this run */
}

static void
write_key (guint64 sequence, char out[17])
{
  g_snprintf (out, 17, "%016" G_GINT64_MODIFIER "x", sequence);
}

/* Published and perhaps given, but not yet committed when we are killed: its number must not be another's then. */
static void
raise_ceiling (HawserHistory *self, guint64 sequence)
{
  HawserBus *bus = self->bus;
  g_autoptr (GBytes) value = NULL;
  guint64 stored;

  if (sequence + LEAP / 2 < self->ceiling)
    return;
  self->ceiling = sequence + LEAP;
  stored = GUINT64_TO_LE (self->ceiling);
  value = g_bytes_new (&stored, sizeof stored);
  hawser_journal_put (&bus->journal, SPACE, CEILING, value, NULL, NULL);
}

static void
forget_oldest (HawserHistory *self, const char *topic, GQueue *ring)
{
  HawserMessage *oldest = g_queue_pop_head (ring);

  if (is_stored (self, topic))
    {
      char key[17];

      write_key (oldest->sequence, key);
      hawser_journal_remove (&self->bus->journal, SPACE, key, NULL, NULL);
    }
  self->n_bytes -= size_of (oldest);
  hawser_message_unref (oldest);
}

static GQueue *
keep (HawserHistory *self, const char *topic, HawserMessage *message)
{
  GQueue *ring;

  if (self->rings == NULL)
    self->rings = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_ring);
  ring = g_hash_table_lookup (self->rings, topic);
  if (ring == NULL)
    {
      ring = g_queue_new ();
      g_hash_table_insert (self->rings, g_strdup (topic), ring);
    }
  g_queue_push_tail (ring, hawser_message_ref (message));
  self->n_bytes += size_of (message);
  return ring;
}

gboolean
hawser_history_add (HawserHistory *self, const char *topic, HawserMessage *message, guint limit, HawserJournalDone done, gpointer data)
{
  HawserBus *bus = self->bus;
  GQueue *ring = keep (self, topic, message);
  gboolean goes_to_journal = is_stored (self, topic);

  if (goes_to_journal)
    {
      g_autoptr (GBytes) stored = hawser_message_store (message, hawser_journal_get_line_offset_us (&bus->journal));
      char key[17];

      raise_ceiling (self, message->sequence);
      write_key (message->sequence, key);
      hawser_journal_put (&bus->journal, SPACE, key, stored, done, data);
    }
  while (ring->length > limit || (self->n_bytes > MAX_BYTES && ring->length > 1))
    forget_oldest (self, topic, ring);
  return goes_to_journal;
}

/* ---- After a restart ---- */

typedef struct {
  HawserHistory *history;
  gint64 offset_us, now_us;
  guint n_bad;
} Recovery;

static void
recover (gpointer data, const char *key, GBytes *value)
{
  Recovery *recovery = data;
  HawserHistory *self = recovery->history;
  HawserBus *bus = self->bus;
  gsize len;
  const guint8 *bytes = g_bytes_get_data (value, &len);
  g_autoptr (HawserMessage) message = NULL;
  char own_key[17];

  if (strcmp (key, CEILING) == 0 && len == sizeof self->ceiling)
    {
      memcpy (&self->ceiling, bytes, len);
      self->ceiling = GUINT64_FROM_LE (self->ceiling);
      bus->sequence = MAX (bus->sequence, self->ceiling);
      return;
    }
  message = hawser_message_load (bytes, len, recovery->offset_us);
  if (message != NULL)
    write_key (message->sequence, own_key);
  if (message == NULL || strcmp (key, own_key) != 0)
    {
      recovery->n_bad++;
      return;
    }
  bus->sequence = MAX (bus->sequence, message->sequence);
  if (hawser_message_get_remaining_s (message, recovery->now_us) == 0)
    hawser_journal_remove (&bus->journal, SPACE, key, NULL, NULL);
  else
    keep (self, message->data, message);
}

static int
compare_in_ring (gconstpointer a, gconstpointer b, gpointer data)
{
  const HawserMessage *left = a, *right = b;

  return (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

gboolean
hawser_history_recover (HawserHistory *self, GError **error)
{
  HawserBus *bus = self->bus;
  Recovery recovery = { .history = self, .offset_us = hawser_journal_get_line_offset_us (&bus->journal), .now_us = hawser_lane_get_now_us (bus->lane) };
  GHashTableIter iter;
  gpointer ring;

  if (!hawser_journal_foreach_value (&bus->journal, SPACE, recover, &recovery, error))
    return FALSE;
  if (recovery.n_bad > 0)
    g_warning ("%u messages of the history of topics could not be read and were left out", recovery.n_bad);
  if (self->rings == NULL)
    return TRUE;
  g_hash_table_iter_init (&iter, self->rings);
  while (g_hash_table_iter_next (&iter, NULL, &ring))
    g_queue_sort (ring, compare_in_ring, NULL);
  return TRUE;
}

static HawserLocalTopic *
find_settings (HawserBus *bus, const char *topic)
{
  gsize len = strlen (topic);
  HawserTopicRecord *record = hawser_topic_table_find (&bus->topics, topic, len);

  return record != NULL ? hawser_topic_table_settings (&bus->topics, record) : hawser_topic_table_resolve (&bus->topics, topic, len);
}

void
hawser_history_sweep (HawserHistory *self)
{
  GHashTableIter iter;
  gpointer topic, ring;

  if (self->rings == NULL)
    return;
  g_hash_table_iter_init (&iter, self->rings);
  while (g_hash_table_iter_next (&iter, &topic, &ring))
    {
      HawserLocalTopic *settings = find_settings (self->bus, topic);
      guint limit = settings != NULL ? settings->history : 0;

      while (((GQueue *) ring)->length > limit)
        forget_oldest (self, topic, ring);
      if (((GQueue *) ring)->length == 0)
        g_hash_table_iter_remove (&iter);
    }
}

/* ---- The slice ---- */

gboolean
hawser_since_parse (const char *text, gint64 now_us, gint64 wall_minus_monotonic_us, HawserSince *out)
{
  g_autoptr (GTimeZone) utc = NULL;
  g_autoptr (GDateTime) time = NULL;
  gint64 us;

  *out = (HawserSince) { 0, G_MININT64 };
  if (g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, &out->sequence, NULL))
    return TRUE;
  if (hawser_duration_parse (text, &us, NULL))
    {
      out->published_us = now_us - us;
      return TRUE;
    }
  utc = g_time_zone_new_utc ();
  time = g_date_time_new_from_iso8601 (text, utc);
  if (time == NULL)
    return FALSE;
  out->published_us = g_date_time_to_unix (time) * G_USEC_PER_SEC + g_date_time_get_microsecond (time) - wall_minus_monotonic_us;
  return TRUE;
}

static gboolean
may_read (HawserReceiver *receiver, const char *topic)
{
  HawserBus *bus = receiver->bus;
  HawserLocalTopic *settings = find_settings (bus, topic);
  HawserPolicyContext context;

  if (!hawser_receiver_is_peer (receiver))
    return hawser_bus_check_right (bus, HAWSER_ACTION_SUBSCRIBE, settings, NULL) == HAWSER_RESULT_OK;
  hawser_receiver_fill_context (receiver, &context);
  context.topic = topic;
  return hawser_bus_check_right (bus, HAWSER_ACTION_SUBSCRIBE, settings, &context) == HAWSER_RESULT_OK;
}

static int
compare (gconstpointer a, gconstpointer b)
{
  const HawserMessage *left = *(HawserMessage *const *) a, *right = *(HawserMessage *const *) b;

  return (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

static GPtrArray *
take_slice (HawserHistory *self, HawserReceiver *receiver, const char *filter, const HawserSince *since)
{
  GPtrArray *slice = g_ptr_array_new_with_free_func (unref_message);
  gint64 now_us = hawser_lane_get_now_us (self->bus->lane);
  GHashTableIter iter;
  gpointer topic, ring;

  if (self->rings == NULL)
    return slice;
  g_hash_table_iter_init (&iter, self->rings);
  while (g_hash_table_iter_next (&iter, &topic, &ring))
    {
      if (!hawser_topic_filter_matches_raw (filter, strlen (filter), topic, strlen (topic)) || !may_read (receiver, topic))
        continue;
      for (GList *link = ((GQueue *) ring)->head; link != NULL; link = link->next)
        {
          HawserMessage *message = link->data;

          if (message->sequence >= since->sequence && message->published_us >= since->published_us && hawser_message_get_remaining_s (message, now_us) != 0)
            g_ptr_array_add (slice, hawser_message_ref (message));
        }
    }
  g_ptr_array_sort (slice, compare);
  return slice;
}

/* ---- Giving it ---- */

static void
give (HawserReceiver *receiver, HawserMessage *message, guint8 max_qos)
{
  HawserQueueEntry entry = { .message = hawser_message_ref (message), .qos = MIN (max_qos, message->qos) };

  receiver->bus->statistics.matched += !(receiver->flags & HAWSER_RECEIVER_HIDDEN);
  hawser_receiver_count_queued (receiver);
  hawser_queue_push (&receiver->queue, &entry); /* a reference beside the ring's: limits are for what is published */
  hawser_lane_mark_dirty (receiver->bus->lane, &receiver->dirty);
}

static void
on_due (HawserTimer *timer)
{
  Replay *replay = (Replay *) timer;
  HawserBus *bus = replay->receiver->bus;
  gint64 now_us = hawser_lane_get_now_us (bus->lane), first_us = ((HawserMessage *) replay->messages->pdata[0])->published_us;
  GPtrArray *all = g_hash_table_lookup (bus->history.replays, replay->receiver);

  for (; replay->next < replay->messages->len; replay->next++)
    {
      HawserMessage *message = replay->messages->pdata[replay->next];
      gint64 due_us = replay->began_us + (gint64) ((double) (message->published_us - first_us) / replay->speed);

      if (due_us > now_us)
        {
          hawser_timer_arm (&replay->timer, bus->lane, due_us, on_due);
          return;
        }
      give (replay->receiver, message, replay->max_qos);
    }
  if (all->len == 1)
    g_hash_table_remove (bus->history.replays, replay->receiver);
  else
    g_ptr_array_remove_fast (all, replay);
}

static void
play (HawserHistory *self, HawserReceiver *receiver, GPtrArray *slice, double speed, guint8 max_qos)
{
  GPtrArray *all;
  Replay *replay;

  if (self->replays == NULL)
    self->replays = g_hash_table_new_full (NULL, NULL, NULL, free_replays);
  all = g_hash_table_lookup (self->replays, receiver);
  if (all == NULL)
    {
      all = g_ptr_array_new_with_free_func (free_replay);
      g_hash_table_insert (self->replays, receiver, all);
    }
  if (slice->len == 0 || all->len >= MAX_REPLAYS)
    {
      if (all->len == 0)
        g_hash_table_remove (self->replays, receiver);
      return;
    }
  replay = g_new0 (Replay, 1);
  replay->receiver = receiver;
  replay->messages = g_ptr_array_ref (slice);
  replay->began_us = hawser_lane_get_now_us (self->bus->lane);
  replay->speed = speed;
  replay->max_qos = max_qos;
  g_ptr_array_add (all, replay);
  hawser_timer_arm (&replay->timer, self->bus->lane, replay->began_us, on_due);
}

gboolean
hawser_history_replay (HawserHistory *self, HawserReceiver *receiver, const char *filter, const char *since_text, double speed, guint8 max_qos)
{
  g_autoptr (GPtrArray) slice = NULL;
  HawserClock *clock = self->bus->clock;
  HawserSince since;

  if (!hawser_since_parse (since_text, hawser_lane_get_now_us (self->bus->lane), hawser_clock_get_wall_us (clock) - hawser_clock_get_monotonic_us (clock), &since))
    return FALSE;
  slice = take_slice (self, receiver, filter, &since);
  if (speed > 0)
    play (self, receiver, slice, speed, max_qos);
  else
    for (guint i = 0; i < slice->len; i++)
      give (receiver, slice->pdata[i], max_qos);
  return TRUE;
}

void
hawser_history_forget (HawserHistory *self, HawserReceiver *receiver)
{
  if (self->replays != NULL)
    g_hash_table_remove (self->replays, receiver);
}
