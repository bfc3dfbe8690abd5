/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The last messages of topics that say `history=N`: a ring each, in memory, of references to the messages themselves. Who
 * subscribes with `since` gets the slice from there on, by hawser-replay.c. Bounded by count for a topic and by bytes for all. The journal has what the rings
 * have: a message is put in the commit of the message itself, and removed when it leaves its ring. Context: the bus's lane.
 * Shape of a stored value: the stored message; the key is its number in 16 hexadecimal digits. The value of the key
 * "ceiling" is a number, u64, little-endian: a restart goes on behind it, so that no number is given twice. */

#include "hawser-history.h"

#include <string.h>

#include "hawser-topic-raw.h"

#define MAX_BYTES (256 * 1024 * 1024)  /* of all rings: then the topic that grows loses its oldest */
#define SPACE "history"
#define CEILING "ceiling"
#define LEAP 65536                     /* numbers that a restart leaves out at most */

struct _HawserHistory {
  HawserLane *lane;
  const HawserJournal *journal;
  guint64 *sequence;
  GHashTable *rings;                   /* topic -> GQueue of messages; NULL: no topic asked yet */
  guint64 n_bytes;
  guint64 ceiling;                     /* in the journal: numbers up to it may have been given; 0: none there yet */
};

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

HawserHistory *
hawser_history_new (HawserLane *lane, const HawserJournal *journal, guint64 *sequence)
{
  HawserHistory *self = g_new0 (HawserHistory, 1);

  self->lane = lane;
  self->journal = journal;
  self->sequence = sequence;
  return self;
}

void
hawser_history_free (HawserHistory *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->rings, g_hash_table_unref);
  g_free (self);
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
  return hawser_journal_exists (self->journal) && *topic != '$'; /* figures of this run */
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
  g_autoptr (GBytes) value = NULL;
  guint64 stored;

  if (sequence + LEAP / 2 < self->ceiling)
    return;
  self->ceiling = sequence + LEAP;
  stored = GUINT64_TO_LE (self->ceiling);
  value = g_bytes_new (&stored, sizeof stored);
  hawser_journal_put (self->journal, SPACE, CEILING, value, NULL, NULL);
}

static void
forget_oldest (HawserHistory *self, const char *topic, GQueue *ring)
{
  HawserMessage *oldest = g_queue_pop_head (ring);

  if (is_stored (self, topic))
    {
      char key[17];

      write_key (oldest->sequence, key);
      hawser_journal_remove (self->journal, SPACE, key, NULL, NULL);
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
  GQueue *ring = keep (self, topic, message);
  gboolean goes_to_journal = is_stored (self, topic);

  if (goes_to_journal)
    {
      g_autoptr (GBytes) stored = hawser_message_store (message, hawser_journal_get_line_offset_us (self->journal));
      char key[17];

      raise_ceiling (self, message->sequence);
      write_key (message->sequence, key);
      hawser_journal_put (self->journal, SPACE, key, stored, done, data);
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
  gsize len;
  const guint8 *bytes = g_bytes_get_data (value, &len);
  g_autoptr (HawserMessage) message = NULL;
  char own_key[17];

  if (strcmp (key, CEILING) == 0 && len == sizeof self->ceiling)
    {
      memcpy (&self->ceiling, bytes, len);
      self->ceiling = GUINT64_FROM_LE (self->ceiling);
      *self->sequence = MAX (*self->sequence, self->ceiling);
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
  *self->sequence = MAX (*self->sequence, message->sequence);
  if (hawser_message_get_remaining_s (message, recovery->now_us) == 0)
    hawser_journal_remove (self->journal, SPACE, key, NULL, NULL);
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
  Recovery recovery = { .history = self, .offset_us = hawser_journal_get_line_offset_us (self->journal), .now_us = hawser_lane_get_now_us (self->lane) };
  GHashTableIter iter;
  gpointer ring;

  if (!hawser_journal_foreach_value (self->journal, SPACE, recover, &recovery, error))
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

void
hawser_history_sweep (HawserHistory *self, HawserHistoryLimit get_limit, gpointer data)
{
  GHashTableIter iter;
  gpointer topic, ring;

  if (self->rings == NULL)
    return;
  g_hash_table_iter_init (&iter, self->rings);
  while (g_hash_table_iter_next (&iter, &topic, &ring))
    {
      guint limit = get_limit (data, topic);

      while (((GQueue *) ring)->length > limit)
        forget_oldest (self, topic, ring);
      if (((GQueue *) ring)->length == 0)
        g_hash_table_iter_remove (&iter);
    }
}

/* ---- The slice ---- */

static int
compare (gconstpointer a, gconstpointer b)
{
  const HawserMessage *left = *(HawserMessage *const *) a, *right = *(HawserMessage *const *) b;

  return (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

GPtrArray *
hawser_history_take (HawserHistory *self, const char *filter, const HawserSince *since, HawserHistoryMayRead may_read, gpointer data)
{
  GPtrArray *slice = g_ptr_array_new_with_free_func (unref_message);
  gint64 now_us = hawser_lane_get_now_us (self->lane);
  GHashTableIter iter;
  gpointer topic, ring;

  if (self->rings == NULL)
    return slice;
  g_hash_table_iter_init (&iter, self->rings);
  while (g_hash_table_iter_next (&iter, &topic, &ring))
    {
      if (!hawser_topic_filter_matches_raw (filter, strlen (filter), topic, strlen (topic)) || !may_read (data, topic))
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
