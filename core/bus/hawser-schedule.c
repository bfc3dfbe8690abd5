/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages that are published when their time has come: kept in memory, in order, and in the journal, on its line of
 * time, so that neither a restart nor a clock that jumps changes when. One timer for the earliest. Rights were checked
 * when the message came; limits and routes are those of the moment it goes. Context: the bus's lane.
 * Shape of a stored value: i64 due on the line of time, little-endian, then the stored message; the key is the id. */

#include "hawser-schedule.h"

#include <string.h>

#include "hawser-author.h"
#include "hawser-receiver.h"
#include "hawser-wishes.h"

#define SPACE "scheduled"
#define MAX_SCHEDULED 100000                     /* the admin API shows the number */
#define MAX_SCHEDULED_BYTES (64 * 1024 * 1024)
#define TURN 1000                                /* published at once; the others have the next turn */

typedef struct {
  gint64 due_us;
  HawserMessage *message;
  char id[32];
} Scheduled;

struct _HawserSchedule {
  HawserTimer timer;                             /* for the earliest; first: the callback casts */
  HawserLane *lane;
  const HawserJournal *journal;
  HawserRefusal *refusal;
  guint64 *sequence;
  const char *uid;
  HawserScheduleFunc publish;
  gpointer data;
  GSequence *by_time;                            /* of Scheduled */
  GHashTable *by_id;                             /* id -> GSequenceIter */
  guint64 n_bytes;
};

static void
scheduled_free (gpointer data)
{
  Scheduled *scheduled = data;

  hawser_message_unref (scheduled->message);
  g_free (scheduled);
}

static int
compare (gconstpointer a, gconstpointer b, gpointer data)
{
  const Scheduled *left = a, *right = b;

  return left->due_us != right->due_us ? (left->due_us > right->due_us) - (left->due_us < right->due_us) : strcmp (left->id, right->id);
}

HawserSchedule *
hawser_schedule_new (HawserLane *lane, const HawserJournal *journal, HawserRefusal *refusal, guint64 *sequence, const char *uid, HawserScheduleFunc publish,
                     gpointer data)
{
  HawserSchedule *self = g_new0 (HawserSchedule, 1);

  self->lane = lane;
  self->journal = journal;
  self->refusal = refusal;
  self->sequence = sequence;
  self->uid = uid;
  self->publish = publish;
  self->data = data;
  self->by_time = g_sequence_new (scheduled_free);
  self->by_id = g_hash_table_new (g_str_hash, g_str_equal);
  return self;
}

void
hawser_schedule_free (HawserSchedule *self)
{
  if (self == NULL)
    return;
  hawser_timer_disarm (&self->timer);
  g_hash_table_unref (self->by_id);
  g_sequence_free (self->by_time);
  g_free (self);
}

guint
hawser_schedule_get_n (HawserSchedule *self)
{
  return g_hash_table_size (self->by_id);
}

static void on_due (HawserTimer *timer);

static void
arm (HawserSchedule *self)
{
  GSequenceIter *first = g_sequence_get_begin_iter (self->by_time);

  if (g_sequence_iter_is_end (first))
    hawser_timer_disarm (&self->timer);
  else
    hawser_timer_arm (&self->timer, self->lane, ((Scheduled *) g_sequence_get (first))->due_us, on_due);
}

static void
insert (HawserSchedule *self, HawserMessage *message, gint64 due_us, const char *id)
{
  Scheduled *scheduled = g_new0 (Scheduled, 1);

  scheduled->due_us = due_us;
  scheduled->message = message;
  g_strlcpy (scheduled->id, id, sizeof scheduled->id);
  g_hash_table_insert (self->by_id, scheduled->id, g_sequence_insert_sorted (self->by_time, scheduled, compare, NULL));
  self->n_bytes += message->payload_len + message->properties_len;
}

static void
remove_iter (HawserSchedule *self, GSequenceIter *iter)
{
  Scheduled *scheduled = g_sequence_get (iter);

  self->n_bytes -= scheduled->message->payload_len + scheduled->message->properties_len;
  hawser_journal_remove (self->journal, SPACE, scheduled->id, NULL, NULL);
  g_hash_table_remove (self->by_id, scheduled->id);
  g_sequence_remove (iter);
}

static void
on_due (HawserTimer *timer)
{
  HawserSchedule *self = (HawserSchedule *) timer;
  gint64 now_us = hawser_lane_get_now_us (self->lane);

  for (guint i = 0; i < TURN; i++)
    {
      GSequenceIter *first = g_sequence_get_begin_iter (self->by_time);
      Scheduled *scheduled = g_sequence_iter_is_end (first) ? NULL : g_sequence_get (first);

      if (scheduled == NULL || scheduled->due_us > now_us)
        break;
      /* into its queues before it leaves the schedule, in one commit or an earlier one: a crash may repeat it */
      if (!self->publish (self->data, scheduled->id, scheduled->message))
        break;
      remove_iter (self, first); /* publishing calls receivers, and none of them may cancel: that is the admin API's, on a turn of its own */
    }
  arm (self);
}

static GBytes *
store (HawserSchedule *self, HawserMessage *message, gint64 due_us)
{
  gint64 offset_us = hawser_journal_get_line_offset_us (self->journal), line_us = GINT64_TO_LE (due_us + offset_us);
  g_autoptr (GBytes) stored = hawser_author_store_message (message, offset_us);
  gsize len = g_bytes_get_size (stored);
  guint8 *data = g_malloc (sizeof line_us + len);

  memcpy (data, &line_us, sizeof line_us);
  memcpy (data + sizeof line_us, g_bytes_get_data (stored, NULL), len);
  return g_bytes_new_take (data, sizeof line_us + len);
}

int
hawser_schedule_add (HawserSchedule *self, HawserMessage *message, gint64 due_us, HawserOrigin *origin, HawserJournalDone done, gpointer data)
{
  guint64 sequence = ++*self->sequence;
  g_autoptr (GBytes) value = NULL;
  char id[32];

  if (hawser_schedule_get_n (self) >= MAX_SCHEDULED || self->n_bytes + message->payload_len > MAX_SCHEDULED_BYTES)
    {
      hawser_message_unref (message);
      return hawser_refuse (self->refusal, HAWSER_ERROR_QUOTA, "%u messages wait for their time already", hawser_schedule_get_n (self));
    }
  g_snprintf (id, sizeof id, "%s%010" G_GINT64_MODIFIER "x", self->uid, sequence);
  message = hawser_message_stamp (hawser_wishes_strip (message, id), sequence, hawser_lane_get_now_us (self->lane), origin);
  insert (self, message, due_us, id);
  arm (self);
  if (!hawser_journal_exists (self->journal))
    return HAWSER_RESULT_OK;
  value = store (self, message, due_us);
  hawser_journal_put (self->journal, SPACE, id, value, done, data);
  return done != NULL ? HAWSER_RESULT_PENDING : HAWSER_RESULT_OK;
}

typedef struct {
  HawserSchedule *schedule;
  GHashTable *origins;
} Recovery;

static void
recover (gpointer data, const char *key, GBytes *value)
{
  Recovery *recovery = data;
  HawserSchedule *self = recovery->schedule;
  gsize len;
  const guint8 *bytes = g_bytes_get_data (value, &len);
  gint64 offset_us = hawser_journal_get_line_offset_us (self->journal), line_us;
  HawserMessage *message;

  if (len <= sizeof line_us || strlen (key) >= sizeof ((Scheduled *) NULL)->id)
    return;
  memcpy (&line_us, bytes, sizeof line_us);
  message = hawser_author_load_message (recovery->origins, bytes + sizeof line_us, len - sizeof line_us, offset_us);
  if (message == NULL)
    {
      g_warning ("scheduled message %s could not be read and was left out", key);
      return;
    }
  *self->sequence = MAX (*self->sequence, message->sequence);
  insert (self, message, GINT64_FROM_LE (line_us) - offset_us, key);
}

gboolean
hawser_schedule_recover (HawserSchedule *self, GError **error)
{
  g_autoptr (GHashTable) origins = hawser_author_new_table ();
  Recovery recovery = { self, origins };
  gboolean is_done = hawser_journal_foreach_value (self->journal, SPACE, recover, &recovery, error);

  arm (self);
  return is_done;
}

void
hawser_schedule_foreach (HawserSchedule *self, HawserScheduleEach func, gpointer data)
{
  HawserClock *clock = self->journal->clock;
  gint64 offset_us = hawser_clock_get_wall_us (clock) - hawser_clock_get_monotonic_us (clock);

  for (GSequenceIter *iter = g_sequence_get_begin_iter (self->by_time); !g_sequence_iter_is_end (iter); iter = g_sequence_iter_next (iter))
    {
      Scheduled *scheduled = g_sequence_get (iter);

      if (!func (scheduled->id, scheduled->due_us + offset_us, scheduled->message, data))
        return;
    }
}

gboolean
hawser_schedule_cancel (HawserSchedule *self, const char *id)
{
  GSequenceIter *iter = g_hash_table_lookup (self->by_id, id);

  if (iter == NULL)
    return FALSE;
  remove_iter (self, iter);
  arm (self);
  return TRUE;
}
