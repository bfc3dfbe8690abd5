/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A receiver: one party, its filters, its one queue. Here: how it comes, attaches, leaves and goes. How messages reach it
 * is hawser-receiver-flow.c, its filters are hawser-receiver-filters.c, what of it survives a restart is
 * hawser-receiver-durable.c. Context: the bus's lane. */

#include "hawser-bus-private.h"
#include "hawser-group-private.h"
#include "hawser-labels.h"
#include "hawser-receiver-private.h"

#include <string.h>

#include "hawser-author.h"

#include "hawser-principal.h"

static HawserQueueLimits
complete (HawserReceiverFlags flags, const HawserQueueLimits *limits)
{
  HawserQueueLimits full = { .overflow = HAWSER_OVERFLOW_DROP_OLDEST };

  if (limits != NULL)
    full = *limits;
  if (full.max_messages == 0)
    full.max_messages = flags & HAWSER_RECEIVER_DURABLE ? G_MAXUINT32 : HAWSER_DEFAULT_MAX_MESSAGES;
  if (full.max_bytes == 0)
    full.max_bytes = flags & HAWSER_RECEIVER_DURABLE ? HAWSER_DEFAULT_MAX_DURABLE_BYTES : HAWSER_DEFAULT_MAX_BYTES;
  return full;
}

/* Limits come from a listener's settings: a handful, however many peers there are. */
static const HawserQueueLimits *
share_limits (HawserBus *bus, HawserQueueLimits limits)
{
  for (guint i = bus->limits->len; i-- > 0;)
    {
      const HawserQueueLimits *known = g_ptr_array_index (bus->limits, i);

      if (known->max_messages == limits.max_messages && known->max_bytes == limits.max_bytes && known->max_age_us == limits.max_age_us &&
          known->overflow == limits.overflow)
        return known;
    }
  g_ptr_array_add (bus->limits, g_memdup2 (&limits, sizeof limits));
  return g_ptr_array_index (bus->limits, bus->limits->len - 1);
}

HawserReceiver *
hawser_receiver_make (HawserBus *bus, const char *id, HawserReceiverFlags flags, const HawserQueueLimits *limits)
{
  HawserReceiver *self = g_new0 (HawserReceiver, 1);

  self->bus = bus;
  self->flags = (guint8) flags;
  self->serial = ++bus->next_serial;
  self->dirty.flush = hawser_receiver_flush;
  self->next = bus->receivers;
  if (self->next != NULL)
    self->next->prev = self;
  bus->receivers = self;
  if (id != NULL)
    {
      HawserDurable *durable = g_new0 (HawserDurable, 1);

      durable->receiver = self;
      durable->id = g_strdup (id);
      durable->expiry_s = G_MAXUINT32;
      durable->limits = complete (flags, limits);
      self->durable = durable;
      self->limits = &durable->limits;
      g_hash_table_insert (bus->durable, durable->id, self);
    }
  else
    self->limits = share_limits (bus, complete (flags, limits));
  if (!(flags & (HAWSER_RECEIVER_HIDDEN | HAWSER_RECEIVER_GROUP)))
    bus->statistics.n_receivers++;
  if ((flags & (HAWSER_RECEIVER_DURABLE | HAWSER_RECEIVER_HIDDEN | HAWSER_RECEIVER_GROUP)) == HAWSER_RECEIVER_DURABLE)
    bus->statistics.n_durable++;
  return self;
}

HawserReceiver *
hawser_receiver_new (HawserBus *bus, const char *id, HawserReceiverFlags flags, const HawserQueueLimits *limits)
{
  HawserReceiver *self = id != NULL ? g_hash_table_lookup (bus->durable, id) : NULL;

  if (self != NULL)
    {
      if (self->is_recovered && flags & HAWSER_RECEIVER_CONFIGURED)
        hawser_receiver_forget_filters (self); /* the configuration says anew what it wants */
      if (flags & self->flags & HAWSER_RECEIVER_PROVISIONED && limits != NULL)
        {
          self->durable->limits = complete (self->flags, limits);
          hawser_receiver_save_later (self);
        }
      self->is_recovered = FALSE;
      return self;
    }
  self = hawser_receiver_make (bus, id, flags, limits);
  if (flags & HAWSER_RECEIVER_DURABLE)
    hawser_receiver_save_now (self); /* at once: it needs its queue */
  return self;
}

HawserReceiver *
hawser_bus_find_receiver (HawserBus *bus, const char *id)
{
  return g_hash_table_lookup (bus->durable, id);
}

void
hawser_receiver_free (HawserReceiver *self)
{
  HawserDurable *durable = self->durable;

  g_clear_pointer (&self->group, hawser_group_free);
  if (durable != NULL)
    {
      hawser_timer_disarm (&durable->timer);
      g_free (durable->id);
      g_free (durable->identity);
      hawser_author_free (durable->party);
      g_clear_pointer (&durable->kept, g_hash_table_unref);
      g_clear_pointer (&durable->former, g_hash_table_unref);
      hawser_terms_free (durable->terms);
      durable->receiver = NULL;
      if (!durable->is_reading)
        g_free (durable);
    }
  g_free (self);
}

void
hawser_bus_bury (HawserBus *self)
{
  while (self->graveyard != NULL)
    {
      HawserReceiver *receiver = self->graveyard;

      self->graveyard = receiver->next;
      hawser_receiver_free (receiver);
    }
}

static void
forget_live (HawserReceiver *self)
{
  HawserPublisher *publisher = self->connection != NULL ? hawser_connection_get_publisher (self->connection) : NULL;

  if (publisher != NULL && publisher->receiver == self)
    publisher->receiver = NULL;
}

void
hawser_receiver_remove (HawserReceiver *self)
{
  HawserBus *bus = self->bus;
  const HawserReceiverFuncs *funcs = self->funcs;
  gpointer data = self->data;

  if (self->is_removed)
    return;
  self->is_removed = TRUE;
  hawser_replays_forget (bus->replays, self);
  forget_live (self);
  self->funcs = NULL;
  self->data = NULL;
  hawser_group_removed (self);
  self->connection = NULL;
  if (self->group != NULL)
    hawser_group_dissolve (self->group);
  while (self->entries != NULL)
    hawser_receiver_remove_entry (self, self->entries);
  hawser_receiver_release_blocked (self);
  if (!(self->flags & HAWSER_RECEIVER_HIDDEN))
    {
      bus->statistics.queued -= self->n_queued;
      bus->statistics.dropped[HAWSER_DROP_GONE] += self->n_queued;
    }
  hawser_lane_note_freed (bus->lane, self->queue.bytes);
  hawser_queue_clear (&self->queue);
  if (self->waits_commit)
    g_ptr_array_remove_fast (bus->commit_waiters, self);
  hawser_receiver_forget_keys (self);
  hawser_lane_unmark_dirty (bus->lane, &self->dirty);
  if (self->durable != NULL)
    {
      hawser_labels_drop_all (&self->durable->watched);
      if (self->durable->queue != 0)
        bus->journal.funcs->remove_queue (bus->journal.log, self->durable->queue);
      hawser_receiver_forget_terms (self);
      hawser_receiver_keep_identity (self, NULL);
      if (self->durable->id != NULL)
        g_hash_table_remove (bus->durable, self->durable->id);
    }
  if (!(self->flags & (HAWSER_RECEIVER_HIDDEN | HAWSER_RECEIVER_GROUP)))
    bus->statistics.n_receivers--;
  if ((self->flags & (HAWSER_RECEIVER_DURABLE | HAWSER_RECEIVER_HIDDEN | HAWSER_RECEIVER_GROUP)) == HAWSER_RECEIVER_DURABLE)
    bus->statistics.n_durable--;
  if (self->prev != NULL)
    self->prev->next = self->next;
  else
    bus->receivers = self->next;
  if (self->next != NULL)
    self->next->prev = self->prev;

  if (funcs != NULL && funcs->ended != NULL)
    funcs->ended (self, data, HAWSER_ERROR_CLOSED);
  if (bus->routing > 0 || self->is_pumping)
    {
      self->next = bus->graveyard;
      bus->graveyard = self;
    }
  else
    hawser_receiver_free (self);
}

/* @self has been attached before only if it is durable. */
void
hawser_receiver_set_mount_point (HawserReceiver *self, const char *mount_point)
{
  self->mount_point = g_intern_string (mount_point);
}

void
hawser_receiver_attach (HawserReceiver *self, HawserConnection *connection, const HawserReceiverFuncs *funcs, gpointer data)
{
  HawserDurable *durable = self->durable;
  const HawserReceiverFuncs *former_funcs = self->funcs;
  gpointer former = self->data;

  if (former_funcs != NULL && former != data)
    {
      /* one party at a time: what the former one did not acknowledge goes to the new one */
      hawser_receiver_detach (self, durable != NULL ? durable->expiry_s : 0);
      if (former_funcs->ended != NULL)
        former_funcs->ended (self, former, HAWSER_ERROR_EXISTS);
    }
  self->connection = connection;
  self->funcs = funcs;
  if (connection != NULL)
    self->mount_point = hawser_connection_get_owner (connection)->mount_point;
  self->data = data;
  self->is_busy = FALSE;
  if (durable != NULL && connection != NULL)
    {
      g_autofree char *address = hawser_connection_dup_policy_address (connection);
      HawserPolicyContext context;

      hawser_connection_fill_context (connection, &context);
      hawser_author_free (durable->party);
      durable->party = hawser_author_new (&context, address);
      hawser_receiver_renew_routes (self); /* who it is, and so its rights, may be others now */
      hawser_receiver_check_filters (self);
    }
  if (durable != NULL)
    {
      HawserJournalQueue queue;

      hawser_timer_disarm (&durable->timer);
      durable->detached_us = 0;
      durable->discards_read = durable->is_reading;
      durable->read_position = 0;
      durable->skipped_position = 0;
      if (durable->queue != 0 && hawser_journal_get_queue (&self->bus->journal, durable->queue, &queue) && queue.depth > 0)
        durable->skipped_position = MAX (1, queue.last_position);
      hawser_receiver_save_later (self);
    }
  if (self->queue.n > 0 || (durable != NULL && durable->skipped_position != 0))
    hawser_lane_mark_dirty (self->bus->lane, &self->dirty);
  hawser_group_attached (self);
}

void
hawser_receiver_detach (HawserReceiver *self, guint32 expiry_s)
{
  HawserQueue kept = { 0 };
  HawserQueueEntry entry;

  hawser_replays_forget (self->bus->replays, self);
  self->funcs = NULL;
  self->data = NULL;
  self->is_busy = FALSE;
  if (!(self->flags & HAWSER_RECEIVER_DURABLE) || expiry_s == 0)
    {
      hawser_receiver_remove (self);
      return;
    }
  hawser_group_detached (self);
  self->connection = NULL;
  /* what the journal has is read from there again; what only memory has is kept */
  while (hawser_queue_pop (&self->queue, &entry))
    if (entry.position != 0 || entry.qos == 0 || entry.is_retained_value)
      {
        if (entry.position == 0)
          {
            hawser_receiver_count_unqueued (self);
            hawser_receiver_count_dropped (self, entry.message, HAWSER_DROP_GONE);
          }
        hawser_message_unref (entry.message);
      }
    else
      hawser_queue_push (&kept, &entry);
  hawser_queue_clear (&self->queue);
  self->queue = kept;
  if (self->durable->queue != 0)
    self->durable->skipped_position = G_MAXUINT64; /* until somebody attaches */
  if (!(self->flags & HAWSER_RECEIVER_PROVISIONED))
    self->durable->expiry_s = expiry_s;
  self->durable->detached_us = hawser_journal_get_line_us (&self->bus->journal);
  hawser_receiver_arm_expiry (self);
  hawser_receiver_save_later (self);
}

guint
hawser_receiver_get_n_filters (HawserReceiver *self)
{
  return self->n_entries;
}

const char *
hawser_receiver_get_id (HawserReceiver *self)
{
  return self->durable != NULL ? self->durable->id : NULL;
}

gboolean
hawser_receiver_is_durable (HawserReceiver *self)
{
  return (self->flags & HAWSER_RECEIVER_DURABLE) != 0;
}

gpointer
hawser_receiver_get_data (HawserReceiver *self)
{
  return self->data;
}

gsize
hawser_receiver_get_n_queued (HawserReceiver *self)
{
  guint64 n, bytes;

  hawser_receiver_get_depth (self, &n, &bytes);
  return n;
}

HawserBus *
hawser_receiver_get_bus (HawserReceiver *self)
{
  return self->bus;
}

const HawserQueueLimits *
hawser_receiver_get_limits (HawserReceiver *self)
{
  return self->limits;
}
