/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How messages reach one receiver: at once when it is live and idle, from its queue when it was busy, from the journal
 * when it was away; under its limits, and every loss counted and told. Who it is and what it wants is in the other
 * hawser-receiver files. Context: the bus's lane. */

#include "hawser-bus-private.h"
#include "hawser-group-private.h"
#include "hawser-labels.h"
#include "hawser-mount-private.h"
#include "hawser-observer-private.h"
#include "hawser-receiver-private.h"

#include <string.h>

#include "hawser-topic-raw.h"

#define READ_MESSAGES 256                         /* from the journal at once */
#define READ_BYTES (1 << 20)

static void read_journal (HawserReceiver *self);

/* ---- Limits and losses ---- */

void
hawser_receiver_get_depth (HawserReceiver *self, guint64 *out_messages, guint64 *out_bytes)
{
  HawserBus *bus = self->bus;
  HawserJournalQueue queue;

  *out_messages = self->queue.n;
  *out_bytes = self->queue.bytes;
  if (self->durable != NULL && self->durable->queue != 0 && hawser_journal_get_queue (&bus->journal, self->durable->queue, &queue))
    {
      *out_messages = MAX (*out_messages, queue.depth);
      *out_bytes = MAX (*out_bytes, queue.bytes);
    }
}

/* @n_included: messages in the depth that are not let in yet: the journal had to have them first. */
static gboolean
is_full_beside (HawserReceiver *self, guint64 n_included)
{
  const HawserQueueLimits *limits = self->limits;
  guint64 n, bytes;

  hawser_receiver_get_depth (self, &n, &bytes);
  return n >= limits->max_messages + n_included || bytes >= limits->max_bytes;
}

gboolean
hawser_receiver_is_full (HawserReceiver *self)
{
  return is_full_beside (self, 0);
}

void
hawser_receiver_count_dropped (HawserReceiver *self, HawserMessage *message, HawserDrop reason)
{
  if (hawser_bus_observes_errors (self->bus))
    hawser_observers_note_drop (self, message != NULL ? message->data : NULL, reason);
  self->n_dropped++;
  if (!(self->flags & HAWSER_RECEIVER_HIDDEN))
    self->bus->statistics.dropped[reason]++;
  if (reason == HAWSER_DROP_OVERFLOW)
    self->n_lost_untold++;
}

/* Whether a message is in this process's accounts as not yet delivered: not if it was given before, or before a restart. */
static gboolean
is_accounted (HawserReceiver *self, guint64 position)
{
  return position == 0 || self->durable == NULL || position > MAX (self->durable->given_position, self->durable->recovered_position);
}

void
hawser_receiver_count_queued (HawserReceiver *self)
{
  self->n_queued++;
  self->bus->statistics.queued += !(self->flags & HAWSER_RECEIVER_HIDDEN);
}

void
hawser_receiver_count_unqueued (HawserReceiver *self)
{
  self->n_queued--;
  self->bus->statistics.queued -= !(self->flags & HAWSER_RECEIVER_HIDDEN);
}

void
hawser_receiver_forget_position (HawserReceiver *self, guint64 position)
{
  if (position == 0 || self->durable == NULL || self->durable->queue == 0)
    return;
  self->bus->journal.funcs->ack (self->bus->journal.log, self->durable->queue, position);
  if (G_UNLIKELY (self->durable->watched != NULL))
    hawser_labels_settle (&self->durable->watched, position, FALSE);
}

static void
drop_oldest (HawserReceiver *self)
{
  HawserQueueEntry entry;
  HawserJournalQueue queue;
  HawserBus *bus = self->bus;

  if (hawser_queue_pop (&self->queue, &entry))
    {
      if (is_accounted (self, entry.position))
        {
          hawser_receiver_count_unqueued (self);
          hawser_receiver_count_dropped (self, entry.message, HAWSER_DROP_OVERFLOW);
        }
      hawser_receiver_forget_position (self, entry.position);
      hawser_message_unref (entry.message);
    }
  else if (self->durable != NULL && self->durable->queue != 0 && hawser_journal_get_queue (&bus->journal, self->durable->queue, &queue) && queue.depth > 0)
    {
      if (is_accounted (self, queue.first_position))
        {
          hawser_receiver_count_unqueued (self);
          hawser_receiver_count_dropped (self, NULL, HAWSER_DROP_OVERFLOW);
        }
      hawser_receiver_forget_position (self, queue.first_position);
    }
}

void
hawser_receiver_release_blocked (HawserReceiver *self)
{
  g_autoptr (GPtrArray) blocked = g_steal_pointer (&self->blocked);

  for (guint i = 0; blocked != NULL && i < blocked->len; i++)
    if (HAWSER_IS_HOLD (blocked->pdata[i]))
      hawser_hold_remove (blocked->pdata[i]);
    else
      hawser_connection_resume (blocked->pdata[i]);
}

static void
block (HawserReceiver *self, HawserPublisher *publisher)
{
  gpointer waiter = publisher->connection != NULL ? (gpointer) publisher->connection : publisher->hold;

  if (waiter == NULL || (self->blocked != NULL && g_ptr_array_find (self->blocked, waiter, NULL)))
    return;
  if (self->blocked == NULL)
    self->blocked = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_add (self->blocked, g_object_ref (waiter));
  if (publisher->connection != NULL)
    hawser_connection_pause (publisher->connection);
  else
    hawser_hold_add (publisher->hold);
}

/* Makes room or says no. */
static gboolean
admit (HawserReceiver *self, HawserPublisher *publisher, gboolean is_in_journal)
{
  const HawserQueueLimits *limits = self->limits;

  if (!is_full_beside (self, is_in_journal ? 1 : 0))
    return TRUE;
  switch (limits->overflow)
    {
    case HAWSER_OVERFLOW_DROP_OLDEST:
      drop_oldest (self);
      return TRUE;
    case HAWSER_OVERFLOW_BLOCK:
      block (self, publisher);
      return TRUE;
    case HAWSER_OVERFLOW_DROP_NEWEST:
    case HAWSER_OVERFLOW_REJECT:
    default:
      return FALSE;
    }
}

/* ---- Delivering ---- */

static void
tell_lost (HawserReceiver *self)
{
  guint64 n = self->n_lost_untold;

  self->n_lost_untold = 0;
  if (self->funcs != NULL && self->funcs->lost != NULL)
    self->funcs->lost (self, self->data, n);
}

HawserDeliverResult
hawser_receiver_call_mounted (HawserReceiver *self, const HawserDelivery *delivery)
{
  HawserDelivery renamed;
  g_autoptr (HawserMessage) message = hawser_mount_strip (self->mount_point, delivery->message);

  if (message == NULL)
    return HAWSER_DELIVER_REFUSED;
  renamed = *delivery;
  renamed.message = message;
  return self->funcs->deliver (self, self->data, &renamed);
}

/* FALSE: not now. */
static gboolean
give (HawserReceiver *self, const HawserDelivery *delivery)
{
  gboolean accounted = is_accounted (self, delivery->position);
  HawserDeliverResult result;

  if (G_UNLIKELY (self->n_lost_untold > 0))
    tell_lost (self);
  result = hawser_receiver_call (self, delivery);
  if (G_LIKELY (result == HAWSER_DELIVER_DONE))
    {
      self->n_delivered++;
      if (accounted && !(self->flags & HAWSER_RECEIVER_HIDDEN))
        {
          self->bus->statistics.delivered++;
          self->bus->statistics.delivered_bytes += delivery->message->payload_len;
        }
      if (delivery->position != 0 && self->durable != NULL)
        self->durable->given_position = MAX (self->durable->given_position, delivery->position);
      if (self->connection != NULL)
        hawser_connection_count_delivered (self->connection);
      return TRUE;
    }
  if (result == HAWSER_DELIVER_BUSY)
    {
      self->is_busy = TRUE;
      return FALSE;
    }
  if (accounted)
    hawser_receiver_count_dropped (self, delivery->message, HAWSER_DROP_TOO_LARGE);
  hawser_receiver_forget_position (self, delivery->position);
  return TRUE;
}

static void
enqueue (HawserReceiver *self, const HawserDelivery *delivery)
{
  HawserQueueEntry entry = {
    .message = hawser_message_ref (delivery->message), .position = delivery->position, .qos = delivery->qos, .retain = delivery->retain,
    .is_retained_value = delivery->is_retained_value, .is_redelivered = delivery->is_redelivered,
  };

  hawser_queue_push (&self->queue, &entry);
}

void
hawser_receiver_push (HawserReceiver *self, const HawserQueueEntry *entry)
{
  self->bus->statistics.matched += !(self->flags & HAWSER_RECEIVER_HIDDEN);
  hawser_receiver_count_queued (self);
  hawser_queue_push (&self->queue, entry);
  hawser_lane_mark_dirty (self->bus->lane, &self->dirty);
}

/* Exactly once over a crash: a message is given at QoS 2 when it is on the disk, else its publisher might send again what
 * this party has already. */
static gboolean
must_be_safe (HawserReceiver *self, guint8 qos, guint64 position)
{
  return qos == 2 && position > self->bus->committed_position && !(self->flags & HAWSER_RECEIVER_PASSIVE);
}

static void
wait_for_commit (HawserReceiver *self)
{
  if (self->waits_commit)
    return;
  self->waits_commit = TRUE;
  g_ptr_array_add (self->bus->commit_waiters, self);
}

void
hawser_bus_note_commit (HawserBus *self, guint64 position, gboolean ok)
{
  self->committed_position = MAX (self->committed_position, position);
  for (guint i = 0; i < self->commit_waiters->len; i++)
    {
      HawserReceiver *receiver = g_ptr_array_index (self->commit_waiters, i);

      receiver->waits_commit = FALSE;
      for (guint32 k = 0; !ok && k < receiver->queue.n; k++)
        {
          HawserQueueEntry *entry = &receiver->queue.entries[(receiver->queue.head + k) & (receiver->queue.size - 1)];

          entry->is_void |= entry->position == position && entry->qos == 2;
        }
      hawser_lane_mark_dirty (self->lane, &receiver->dirty);
    }
  g_ptr_array_set_size (self->commit_waiters, 0);
}

void
hawser_receiver_offer (HawserReceiver *self, HawserMessage *message, const HawserDelivery *delivery, HawserPublisher *publisher)
{
  HawserDurable *durable = self->durable;

  if (G_LIKELY (!(self->flags & HAWSER_RECEIVER_HIDDEN)))
    self->bus->statistics.matched++;
  if (G_LIKELY (self->funcs != NULL && !self->is_busy && self->queue.n == 0 && !must_be_safe (self, delivery->qos, delivery->position) && (durable == NULL || durable->skipped_position == 0)))
    {
      if (G_LIKELY (give (self, delivery)))
        {
          if (durable != NULL && delivery->position != 0)
            durable->read_position = delivery->position;
          return;
        }
    }

  if (self->funcs == NULL && delivery->position == 0 && (durable == NULL || durable->queue != 0))
    {
      hawser_receiver_count_dropped (self, message, HAWSER_DROP_GONE); /* QoS 0 for a party that is away, or a receiver that nobody attached to */
      return;
    }
  if (!admit (self, publisher, delivery->position != 0))
    {
      hawser_receiver_forget_position (self, delivery->position);
      hawser_receiver_count_dropped (self, message, HAWSER_DROP_OVERFLOW);
      return;
    }
  if (delivery->position != 0 && (self->funcs == NULL || durable->skipped_position != 0 || self->queue.n >= READ_MESSAGES || self->queue.bytes >= READ_BYTES))
    {
      durable->skipped_position = MAX (durable->skipped_position, delivery->position); /* it is in the journal: memory stays bounded */
      hawser_receiver_count_queued (self);
      return;
    }
  if (self->queue.n == 0 && (durable == NULL || durable->skipped_position == 0))
    self->rights_version = hawser_authority_get_version (&self->bus->authority);
  enqueue (self, delivery);
  hawser_receiver_count_queued (self);
  if (G_UNLIKELY (must_be_safe (self, delivery->qos, delivery->position)))
    wait_for_commit (self);
  if (durable != NULL && delivery->position != 0)
    durable->read_position = delivery->position;
}

/* The route of a message taken from a queue: QoS and flags were kept, identifiers are looked up again. */
static guint
collect_ids (HawserReceiver *self, HawserMessage *message, guint32 *ids, guint max_ids)
{
  guint n = 0;

  for (HawserEntry *entry = self->entries; entry != NULL && n < max_ids; entry = entry->next_of_receiver)
    if (entry->id != 0)
      {
        g_autofree char *filter = hawser_match_node_dup_path (entry->node);

        if (hawser_topic_filter_matches_raw (filter, strlen (filter), message->data, message->topic_len))
          ids[n++] = entry->id;
      }
  return n;
}

static void
on_journal_read (gpointer data, const HawserJournalEntry *entries, guint n_entries, const GError *error)
{
  HawserDurable *durable = data;
  HawserReceiver *self = durable->receiver;

  durable->is_reading = FALSE;
  if (self == NULL)
    {
      g_free (durable); /* removed meanwhile: hawser_receiver_free() left it to us */
      return;
    }
  if (self->funcs == NULL)
    return;
  if (durable->discards_read)
    {
      durable->discards_read = FALSE;
      read_journal (self);
      return;
    }
  for (guint i = 0; i < n_entries; i++)
    {
      HawserMessage *message = entries[i].message;
      HawserQueueEntry entry = {
        .message = hawser_message_ref (message), .position = entries[i].position, .qos = message->qos,
        .is_redelivered = entries[i].position <= durable->given_position,
      };
      guint8 max_qos = 0;

      for (HawserEntry *filter = self->entries; filter != NULL && !(self->flags & HAWSER_RECEIVER_PASSIVE); filter = filter->next_of_receiver)
        {
          entry.retain |= filter->retain_as_published && message->retain;
          max_qos = MAX (max_qos, filter->qos);
        }
      if (!(self->flags & HAWSER_RECEIVER_PASSIVE) && self->entries != NULL)
        entry.qos = MIN (entry.qos, MAX (1, max_qos)); /* it is in the journal because it was promised at 1 or more */
      durable->read_position = MAX (durable->read_position, entries[i].position);
      hawser_queue_push (&self->queue, &entry);
    }
  if (error != NULL)
    g_warning ("receiver '%s': %s", durable->id, error->message);
  if (n_entries == 0 || durable->read_position >= durable->skipped_position)
    durable->skipped_position = 0;
  hawser_lane_mark_dirty (self->bus->lane, &self->dirty);
}

static void
read_journal (HawserReceiver *self)
{
  HawserDurable *durable = self->durable;

  if (durable == NULL || durable->skipped_position == 0 || durable->is_reading || self->funcs == NULL)
    return;
  durable->is_reading = TRUE;
  self->bus->journal.funcs->read (self->bus->journal.log, durable->queue, durable->read_position, READ_MESSAGES, READ_BYTES, on_journal_read, durable);
}

static gboolean
is_stale (HawserReceiver *self, const HawserQueueEntry *entry, gint64 now_us)
{
  gint64 max_age_us = self->limits->max_age_us;

  return hawser_message_get_remaining_s (entry->message, now_us) == 0 || (max_age_us > 0 && now_us - entry->message->published_us > max_age_us);
}

/* It was queued under other rights: may it still be read? */
static gboolean
is_revoked (HawserReceiver *self, HawserMessage *message)
{
  HawserBus *bus = self->bus;

  return hawser_receiver_is_peer (self) && self->group == NULL &&
         !hawser_receiver_may_read (self, &bus->authority, hawser_topic_table_find_settings (&bus->topics, message->data, message->topic_len), message->data);
}

static void
pump (HawserReceiver *self)
{
  gint64 now_us = hawser_lane_get_now_us (self->bus->lane);
  HawserTerms *terms = self->durable != NULL ? self->durable->terms : NULL;
  HawserQueueEntry *entry;

  if (self->is_pumping)
    return;
  self->is_pumping = TRUE;
  while (!self->is_busy && self->funcs != NULL && !self->is_removed && (entry = hawser_queue_peek (&self->queue)) != NULL)
    {
      guint32 ids[16];
      gboolean accounted;
      HawserQueueEntry taken;
      HawserDelivery delivery = {
        .message = entry->message, .position = entry->position, .qos = entry->qos, .retain = entry->retain,
        .is_retained_value = entry->is_retained_value, .is_redelivered = entry->is_redelivered, .now_us = now_us, .ids = ids,
      };

      if (G_UNLIKELY (must_be_safe (self, entry->qos, entry->position)))
        {
          wait_for_commit (self);
          break;
        }
      accounted = is_accounted (self, entry->position);
      if (G_UNLIKELY (entry->is_void))
        hawser_receiver_count_dropped (self, entry->message, HAWSER_DROP_GONE);
      else if (G_UNLIKELY (self->rights_version != hawser_authority_get_version (&self->bus->authority)) && is_revoked (self, entry->message))
        {
          if (accounted)
            hawser_receiver_count_dropped (self, entry->message, HAWSER_DROP_DENIED);
          hawser_receiver_forget_position (self, entry->position);
        }
      else if (G_UNLIKELY (entry->is_retained_value) && !hawser_authority_check_author (&self->bus->authority, entry->message))
        hawser_receiver_count_dropped (self, entry->message, HAWSER_DROP_DENIED);
      else if (is_stale (self, entry, now_us))
        {
          if (accounted)
            hawser_receiver_count_dropped (self, entry->message, HAWSER_DROP_EXPIRED);
          hawser_receiver_forget_position (self, entry->position);
        }
      else
        {
          if (terms != NULL && !hawser_terms_may_give (terms, now_us))
            break;
          if (self->has_ids)
            delivery.n_ids = (guint8) collect_ids (self, entry->message, ids, G_N_ELEMENTS (ids));
          if (!give (self, &delivery))
            break;
          if (terms != NULL && !self->is_removed)
            hawser_terms_note_given (terms, now_us);
        }
      if (hawser_queue_pop (&self->queue, &taken))
        hawser_message_unref (taken.message);
      if (accounted)
        hawser_receiver_count_unqueued (self);
    }
  self->is_pumping = FALSE;
  if (self->blocked != NULL && !hawser_receiver_is_full (self))
    hawser_receiver_release_blocked (self);
  if (self->queue.n == 0 && (self->durable == NULL || self->durable->skipped_position == 0))
    self->rights_version = hawser_authority_get_version (&self->bus->authority); /* what comes from here on is routed by them */
  if (self->queue.n == 0)
    read_journal (self);
}

void
hawser_receiver_flush (HawserDirty *dirty)
{
  HawserReceiver *self = (HawserReceiver *) ((char *) dirty - G_STRUCT_OFFSET (HawserReceiver, dirty));

  if (self->needs_save)
    hawser_receiver_save_now (self);
  if (G_UNLIKELY (self->group != NULL))
    hawser_group_flush (self->group);
  pump (self);
}

void
hawser_receiver_resume (HawserReceiver *self)
{
  self->is_busy = FALSE;
  if (G_UNLIKELY (self->members != NULL))
    hawser_group_resumed (self);
  if (self->queue.n > 0 || self->blocked != NULL || (self->durable != NULL && self->durable->skipped_position != 0))
    hawser_lane_mark_dirty (self->bus->lane, &self->dirty);
}

void
hawser_receiver_ack (HawserReceiver *self, guint64 position)
{
  if (G_UNLIKELY (position & HAWSER_POSITION_SHARED))
    {
      hawser_group_acknowledged (self, position);
      return;
    }
  if (G_UNLIKELY (self->durable != NULL && self->durable->watched != NULL))
    hawser_labels_settle (&self->durable->watched, position, TRUE);
  hawser_receiver_discard (self, position);
}

typedef struct {
  HawserPublished done;
  gpointer data;
  guint64 cookie;
} Put;

static void
on_put (gpointer data, gboolean ok, const GError *error)
{
  g_autofree Put *put = data;

  put->done (put->data, put->cookie, ok ? HAWSER_RESULT_OK : HAWSER_ERROR_UNAVAILABLE);
}

int
hawser_receiver_put (HawserReceiver *self, HawserMessage *message, HawserPublished done, gpointer data, guint64 cookie)
{
  HawserBus *bus = self->bus;
  HawserPublisher publisher = { .bus = bus };
  HawserDelivery delivery = { .message = message, .qos = hawser_message_get_qos (message), .now_us = hawser_lane_get_now_us (bus->lane) };

  if (self->durable != NULL && self->durable->queue != 0)
    {
      Put *put = g_new (Put, 1);

      *put = (Put) { done, data, cookie };
      delivery.position = hawser_journal_append (&bus->journal, message, &self->durable->queue, 1, on_put, put);
      if (delivery.position != 0) /* else it is refused, and on_put() will say so */
        hawser_receiver_offer (self, message, &delivery, &publisher);
      return HAWSER_RESULT_PENDING;
    }
  hawser_receiver_offer (self, message, &delivery, &publisher);
  return HAWSER_RESULT_OK;
}

gboolean
hawser_bus_redrive (HawserBus *bus, const char *sink, guint64 *out_n)
{
  HawserReceiver *receiver = hawser_bus_find_receiver (bus, sink);

  if (receiver == NULL || receiver->funcs == NULL || receiver->funcs->redrive == NULL)
    return FALSE;
  return receiver->funcs->redrive (receiver, receiver->data, out_n);
}

void
hawser_receiver_discard (HawserReceiver *self, guint64 position)
{
  hawser_receiver_forget_position (self, position);
  if (self->blocked != NULL && !hawser_receiver_is_full (self))
    hawser_receiver_release_blocked (self);
}

gboolean
hawser_receiver_ack_through (HawserReceiver *self, guint64 position)
{
  HawserBus *bus = self->bus;
  HawserDurable *durable = self->durable;
  HawserJournalQueue queue;

  if (durable == NULL || durable->queue == 0 || position > MAX (durable->given_position, durable->recovered_position))
    return FALSE;
  while (hawser_journal_get_queue (&bus->journal, durable->queue, &queue) && queue.depth > 0 && queue.first_position <= position)
    hawser_receiver_forget_position (self, queue.first_position);
  if (self->blocked != NULL && !hawser_receiver_is_full (self))
    hawser_receiver_release_blocked (self);
  return TRUE;
}
