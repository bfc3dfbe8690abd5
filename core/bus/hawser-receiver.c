/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A receiver: one party, its filters, its one queue. Live and idle it gets each message at once; busy it queues under
 * its limits; absent and durable it leaves them in the journal and takes them from there, in order, when somebody
 * attaches. What is dropped is counted and told. Routing is hawser-router.c. Context: the bus's lane. */

#include "hawser-bus-private.h"

#include <string.h>

#include "hawser-principal.h"
#include "hawser-topic-filter.h"
#include "hawser-topic-raw.h"

#define DEFAULT_MAX_MESSAGES 10000
#define DEFAULT_MAX_BYTES (1 << 20)               /* a stuck reader costs this and its output limit: 50 of them stay below 64 MB */
#define DEFAULT_MAX_DURABLE_BYTES (64 << 20)
#define READ_MESSAGES 256                         /* from the journal at once */
#define READ_BYTES (1 << 20)

static void pump (HawserReceiver *self);
static void read_journal (HawserReceiver *self);
static void save (HawserReceiver *self);

/* ---- Limits and losses ---- */

static const HawserQueueLimits ephemeral_limits = { DEFAULT_MAX_MESSAGES, DEFAULT_MAX_BYTES, 0, HAWSER_OVERFLOW_DROP_OLDEST };

static const HawserQueueLimits *
get_limits (HawserReceiver *self)
{
  return self->durable != NULL ? &self->durable->limits : &ephemeral_limits;
}

static void
get_depth (HawserReceiver *self, guint64 *out_messages, guint64 *out_bytes)
{
  HawserBus *bus = self->bus;
  HawserJournalQueue queue;

  *out_messages = self->queue.n;
  *out_bytes = self->queue.bytes;
  if (self->durable != NULL && self->durable->queue != 0 && bus->journal_funcs->get_queue (bus->journal, self->durable->queue, &queue))
    {
      *out_messages = MAX (*out_messages, queue.depth);
      *out_bytes = MAX (*out_bytes, queue.bytes);
    }
}

/* @n_included: messages in the depth that are not let in yet: the journal had to have them first. */
static gboolean
is_full_beside (HawserReceiver *self, guint64 n_included)
{
  const HawserQueueLimits *limits = get_limits (self);
  guint64 n, bytes;

  get_depth (self, &n, &bytes);
  return n >= limits->max_messages + n_included || bytes >= limits->max_bytes;
}

gboolean
hawser_receiver_is_full (HawserReceiver *self)
{
  return is_full_beside (self, 0);
}

static void
count_dropped (HawserReceiver *self, HawserDrop reason)
{
  self->n_dropped++;
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

static void
count_queued (HawserReceiver *self)
{
  self->n_queued++;
  self->bus->statistics.queued++;
}

static void
count_unqueued (HawserReceiver *self)
{
  self->n_queued--;
  self->bus->statistics.queued--;
}

static void
forget_position (HawserReceiver *self, guint64 position)
{
  if (position != 0 && self->durable != NULL && self->durable->queue != 0)
    self->bus->journal_funcs->ack (self->bus->journal, self->durable->queue, position);
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
          count_unqueued (self);
          count_dropped (self, HAWSER_DROP_OVERFLOW);
        }
      forget_position (self, entry.position);
      hawser_message_unref (entry.message);
    }
  else if (self->durable != NULL && self->durable->queue != 0 && bus->journal_funcs->get_queue (bus->journal, self->durable->queue, &queue) && queue.depth > 0)
    {
      if (is_accounted (self, queue.first_position))
        {
          count_unqueued (self);
          count_dropped (self, HAWSER_DROP_OVERFLOW);
        }
      forget_position (self, queue.first_position);
    }
}

static void
release_blocked (HawserReceiver *self)
{
  g_autoptr (GPtrArray) blocked = g_steal_pointer (&self->blocked);

  for (guint i = 0; blocked != NULL && i < blocked->len; i++)
    hawser_connection_resume (g_ptr_array_index (blocked, i));
}

static void
block (HawserReceiver *self, HawserPublisher *publisher)
{
  if (publisher->connection == NULL || (self->blocked != NULL && g_ptr_array_find (self->blocked, publisher->connection, NULL)))
    return;
  if (self->blocked == NULL)
    self->blocked = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_add (self->blocked, g_object_ref (publisher->connection));
  hawser_connection_pause (publisher->connection);
}

/* Makes room or says no. */
static gboolean
admit (HawserReceiver *self, HawserPublisher *publisher, gboolean is_in_journal)
{
  const HawserQueueLimits *limits = get_limits (self);

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

/* FALSE: not now. */
static gboolean
give (HawserReceiver *self, const HawserDelivery *delivery)
{
  gboolean accounted = is_accounted (self, delivery->position);
  HawserDeliverResult result;

  if (G_UNLIKELY (self->n_lost_untold > 0))
    tell_lost (self);
  result = self->funcs->deliver (self, self->data, delivery);
  if (G_LIKELY (result == HAWSER_DELIVER_DONE))
    {
      self->n_delivered++;
      if (accounted)
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
    count_dropped (self, HAWSER_DROP_TOO_LARGE);
  forget_position (self, delivery->position);
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
hawser_receiver_offer (HawserReceiver *self, HawserMessage *message, const HawserDelivery *delivery, HawserPublisher *publisher)
{
  HawserDurable *durable = self->durable;

  self->bus->statistics.matched++;
  if (G_LIKELY (self->funcs != NULL && !self->is_busy && self->queue.n == 0 && (durable == NULL || durable->skipped_position == 0)))
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
      count_dropped (self, HAWSER_DROP_GONE); /* QoS 0 for a party that is away, or a receiver that nobody attached to */
      return;
    }
  if (!admit (self, publisher, delivery->position != 0))
    {
      forget_position (self, delivery->position);
      count_dropped (self, HAWSER_DROP_OVERFLOW);
      return;
    }
  if (delivery->position != 0 && (self->funcs == NULL || durable->skipped_position != 0 || self->queue.n >= READ_MESSAGES || self->queue.bytes >= READ_BYTES))
    {
      durable->skipped_position = MAX (durable->skipped_position, delivery->position); /* it is in the journal: memory stays bounded */
      count_queued (self);
      return;
    }
  enqueue (self, delivery);
  count_queued (self);
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
  self->bus->journal_funcs->read (self->bus->journal, durable->queue, durable->read_position, READ_MESSAGES, READ_BYTES, on_journal_read, durable);
}

static gboolean
is_stale (HawserReceiver *self, const HawserQueueEntry *entry, gint64 now_us)
{
  gint64 max_age_us = get_limits (self)->max_age_us;

  return hawser_message_get_remaining_s (entry->message, now_us) == 0 || (max_age_us > 0 && now_us - entry->message->published_us > max_age_us);
}

static void
pump (HawserReceiver *self)
{
  gint64 now_us = hawser_lane_get_now_us (self->bus->lane);
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

      accounted = is_accounted (self, entry->position);
      if (is_stale (self, entry, now_us))
        {
          if (accounted)
            count_dropped (self, HAWSER_DROP_EXPIRED);
          forget_position (self, entry->position);
        }
      else
        {
          if (self->has_ids)
            delivery.n_ids = (guint8) collect_ids (self, entry->message, ids, G_N_ELEMENTS (ids));
          if (!give (self, &delivery))
            break;
        }
      if (hawser_queue_pop (&self->queue, &taken))
        hawser_message_unref (taken.message);
      if (accounted)
        count_unqueued (self);
    }
  self->is_pumping = FALSE;
  if (self->blocked != NULL && !hawser_receiver_is_full (self))
    release_blocked (self);
  if (self->queue.n == 0)
    read_journal (self);
}

static void
pump_dirty (HawserDirty *dirty)
{
  HawserReceiver *self = (HawserReceiver *) ((char *) dirty - G_STRUCT_OFFSET (HawserReceiver, dirty));

  if (self->needs_save)
    save (self);
  pump (self);
}

/* ---- Retained values ---- */

typedef struct {
  HawserReceiver *receiver;
  guint8 qos;
} SendRetained;

static gboolean
send_retained_value (HawserMatchNode *node, gpointer value, gpointer data)
{
  SendRetained *send = data;
  HawserTopicRecord *record = value;
  HawserBus *bus = send->receiver->bus;
  HawserLocalTopic *settings = hawser_topic_table_settings (&bus->topics, record);
  HawserPolicyContext context, *asked = NULL;
  HawserQueueEntry entry;

  if (hawser_message_get_remaining_s (record->retained, hawser_lane_get_now_us (bus->lane)) == 0)
    return TRUE;
  if (hawser_receiver_is_peer (send->receiver))
    {
      hawser_receiver_fill_context (send->receiver, &context);
      context.topic = record->name;
      asked = &context;
    }
  if (hawser_bus_check_right (bus, HAWSER_ACTION_SUBSCRIBE, settings, asked) != HAWSER_RESULT_OK)
    return TRUE;

  entry = (HawserQueueEntry) {
    .message = hawser_message_ref (record->retained), .qos = MIN (send->qos, record->retained->qos), .retain = TRUE, .is_retained_value = TRUE,
  };
  bus->statistics.matched++;
  count_queued (send->receiver);
  hawser_queue_push (&send->receiver->queue, &entry); /* 32 bytes each beside the value itself: limits are for what is published */
  return TRUE;
}

void
hawser_receiver_send_retained (HawserReceiver *self, HawserEntry *entry)
{
  g_autofree char *filter = hawser_match_node_dup_path (entry->node);
  SendRetained send = { self, entry->qos };

  hawser_match_tree_select (self->bus->topics.retained, filter, strlen (filter), send_retained_value, &send);
  if (self->queue.n > 0)
    hawser_lane_mark_dirty (self->bus->lane, &self->dirty);
}

typedef struct {
  HawserBus *bus;
  const HawserPolicyContext *context;
  HawserRetainedFunc func;
  gpointer data;
} EachRetained;

static gboolean
each_retained (HawserMatchNode *node, gpointer value, gpointer data)
{
  EachRetained *each = data;
  HawserTopicRecord *record = value;
  HawserPolicyContext context, *asked = NULL;

  if (each->context != NULL)
    {
      context = *each->context;
      context.topic = record->name;
      asked = &context;
    }
  if (hawser_message_get_remaining_s (record->retained, hawser_lane_get_now_us (each->bus->lane)) == 0 ||
      hawser_bus_check_right (each->bus, HAWSER_ACTION_SUBSCRIBE, hawser_topic_table_settings (&each->bus->topics, record), asked) != HAWSER_RESULT_OK)
    return TRUE;
  return each->func (record->retained, each->data);
}

void
hawser_bus_foreach_retained (HawserBus *self, const HawserPolicyContext *context, const char *filter, HawserRetainedFunc func, gpointer data)
{
  EachRetained each = { self, context, func, data };

  hawser_match_tree_select (self->topics.retained, filter, strlen (filter), each_retained, &each);
}

/* ---- Durable receivers in the journal ---- */

#define META_TYPE "(uuutubssa{ss}a(syybbu)x)"

static GBytes *
save_meta (HawserReceiver *self)
{
  HawserDurable *durable = self->durable;
  GVariantBuilder claims, filters;
  g_auto (GStrv) names = durable->principal != NULL ? hawser_principal_list_claims (durable->principal) : NULL;
  g_autoptr (GVariant) meta = NULL;

  g_variant_builder_init (&claims, G_VARIANT_TYPE ("a{ss}"));
  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    g_variant_builder_add (&claims, "{ss}", names[i], hawser_principal_get_claim (durable->principal, names[i]));
  g_variant_builder_init (&filters, G_VARIANT_TYPE ("a(syybbu)"));
  for (HawserEntry *entry = self->entries; entry != NULL; entry = entry->next_of_receiver)
    {
      g_autofree char *filter = hawser_match_node_dup_path (entry->node);

      g_variant_builder_add (&filters, "(syybbu)", filter, entry->qos, 0, entry->no_local, entry->retain_as_published, entry->id);
    }
  meta = g_variant_ref_sink (g_variant_new (META_TYPE, (guint32) self->flags, durable->expiry_s, durable->limits.max_messages, durable->limits.max_bytes,
                                            (guint32) durable->limits.overflow, durable->protocol != NULL,
                                            durable->identity != NULL ? durable->identity : "",
                                            durable->principal != NULL ? hawser_principal_get_name (durable->principal) : "", &claims, &filters,
                                            durable->detached_wall_us));
  return g_variant_get_data_as_bytes (meta);
}

static void
save (HawserReceiver *self)
{
  HawserBus *bus = self->bus;

  self->needs_save = FALSE;
  if (self->durable == NULL || !(self->flags & HAWSER_RECEIVER_DURABLE) || bus->journal == NULL || self->is_removed)
    return;
  {
    g_autoptr (GBytes) meta = save_meta (self);

    if (self->durable->queue == 0)
      self->durable->queue = bus->journal_funcs->add_queue (bus->journal, self->durable->id, meta);
    else
      bus->journal_funcs->update_queue (bus->journal, self->durable->queue, meta);
  }
}

/* What waits for the end of the turn, now. */
void
hawser_receiver_save (HawserReceiver *self)
{
  if (self->needs_save)
    save (self);
}

/* Once a turn, however many filters change in it. */
static void
save_later (HawserReceiver *self)
{
  if (!(self->flags & HAWSER_RECEIVER_DURABLE) || self->bus->journal == NULL || self->is_removed)
    return;
  self->needs_save = TRUE;
  hawser_lane_mark_dirty (self->bus->lane, &self->dirty);
}

static void
on_absent_too_long (HawserTimer *timer)
{
  HawserDurable *durable = (HawserDurable *) ((char *) timer - G_STRUCT_OFFSET (HawserDurable, timer));

  hawser_receiver_remove (durable->receiver);
}

static void
arm_expiry (HawserReceiver *self)
{
  HawserDurable *durable = self->durable;
  gint64 away_us;

  if (durable->expiry_s == G_MAXUINT32 || (self->flags & HAWSER_RECEIVER_PROVISIONED))
    return;
  away_us = MAX (0, hawser_clock_get_wall_us (self->bus->clock) - durable->detached_wall_us);
  hawser_timer_arm (&durable->timer, self->bus->lane,
                    hawser_lane_get_now_us (self->bus->lane) + MAX (0, (gint64) durable->expiry_s * G_USEC_PER_SEC - away_us), on_absent_too_long);
}

/* ---- Life ---- */

/* Kept by identity, for the peer that proves it. */
static void
set_identity (HawserReceiver *self, const char *identity)
{
  GHashTable *provisioned = self->bus->provisioned;
  char *old = self->durable->identity;
  GPtrArray *list = old != NULL ? g_hash_table_lookup (provisioned, old) : NULL;

  if (list != NULL && g_ptr_array_remove (list, self) && list->len == 0)
    g_hash_table_remove (provisioned, old);
  g_free (old);
  self->durable->identity = g_strdup (identity);
  if (identity == NULL || !(self->flags & HAWSER_RECEIVER_PROVISIONED))
    return;
  list = g_hash_table_lookup (provisioned, identity);
  if (list == NULL)
    {
      list = g_ptr_array_new ();
      g_hash_table_insert (provisioned, g_strdup (identity), list);
    }
  g_ptr_array_add (list, self);
}

static HawserReceiver *
make (HawserBus *bus, const char *id, HawserReceiverFlags flags, const HawserQueueLimits *limits)
{
  HawserReceiver *self = g_new0 (HawserReceiver, 1);

  self->bus = bus;
  self->flags = (guint8) flags;
  self->serial = ++bus->next_serial;
  self->dirty.flush = pump_dirty;
  self->next = bus->receivers;
  if (self->next != NULL)
    self->next->prev = self;
  bus->receivers = self;
  if (id != NULL || limits != NULL)
    {
      HawserDurable *durable = g_new0 (HawserDurable, 1);

      durable->receiver = self;
      durable->id = g_strdup (id);
      durable->expiry_s = G_MAXUINT32;
      if (limits != NULL)
        durable->limits = *limits;
      if (durable->limits.max_messages == 0)
        durable->limits.max_messages = flags & HAWSER_RECEIVER_DURABLE ? G_MAXUINT32 : DEFAULT_MAX_MESSAGES;
      if (durable->limits.max_bytes == 0)
        durable->limits.max_bytes = flags & HAWSER_RECEIVER_DURABLE ? DEFAULT_MAX_DURABLE_BYTES : DEFAULT_MAX_BYTES;
      self->durable = durable;
      if (id != NULL)
        g_hash_table_insert (bus->durable, durable->id, self);
    }
  if (!(flags & HAWSER_RECEIVER_HIDDEN))
    bus->statistics.n_receivers++;
  if (flags & HAWSER_RECEIVER_DURABLE)
    bus->statistics.n_durable++;
  return self;
}

HawserReceiver *
hawser_receiver_new (HawserBus *bus, const char *id, HawserReceiverFlags flags, const HawserQueueLimits *limits)
{
  HawserReceiver *self = id != NULL ? g_hash_table_lookup (bus->durable, id) : NULL;

  if (self != NULL)
    return self;
  self = make (bus, id, flags, limits);
  if (flags & HAWSER_RECEIVER_DURABLE)
    save (self); /* at once: it needs its queue */
  return self;
}

HawserReceiver *
hawser_bus_find_receiver (HawserBus *bus, const char *id)
{
  return g_hash_table_lookup (bus->durable, id);
}

static HawserEntry *
add_entry (HawserReceiver *self, HawserMatchNode *node)
{
  HawserEntry *entry = g_new0 (HawserEntry, 1);

  entry->receiver = self;
  entry->node = node;
  entry->next_of_node = hawser_match_node_get_value (node);
  if (entry->next_of_node != NULL)
    entry->next_of_node->prev_of_node = entry;
  hawser_match_node_set_value (node, entry);
  entry->next_of_receiver = self->entries;
  if (entry->next_of_receiver != NULL)
    entry->next_of_receiver->link_of_receiver = &entry->next_of_receiver;
  self->entries = entry;
  entry->link_of_receiver = &self->entries;
  self->n_entries++;
  if (!(self->flags & HAWSER_RECEIVER_HIDDEN))
    self->bus->statistics.n_subscriptions++;
  return entry;
}

/* Costs the same for a client with one filter and with a million, and on a filter of one or a million clients. */
static void
remove_entry (HawserReceiver *self, HawserEntry *entry)
{
  HawserBus *bus = self->bus;
  g_autofree char *filter = hawser_match_node_dup_path (entry->node);

  hawser_bus_model_remove_subscription (bus, entry);
  *entry->link_of_receiver = entry->next_of_receiver;
  if (entry->next_of_receiver != NULL)
    entry->next_of_receiver->link_of_receiver = entry->link_of_receiver;

  if (entry->next_of_node != NULL)
    entry->next_of_node->prev_of_node = entry->prev_of_node;
  if (entry->prev_of_node != NULL)
    entry->prev_of_node->next_of_node = entry->next_of_node;
  else
    hawser_match_node_set_value (entry->node, entry->next_of_node);
  if (hawser_match_node_get_value (entry->node) == NULL)
    hawser_match_tree_prune (bus->filters, entry->node);
  hawser_bus_filter_changed (bus, filter, strlen (filter));
  self->n_entries--;
  if (!(self->flags & HAWSER_RECEIVER_HIDDEN))
    bus->statistics.n_subscriptions--;
  g_free (entry);
}

void
hawser_receiver_free (HawserReceiver *self)
{
  HawserDurable *durable = self->durable;

  if (durable != NULL)
    {
      hawser_timer_disarm (&durable->timer);
      g_free (durable->id);
      g_free (durable->identity);
      g_clear_pointer (&durable->principal, hawser_principal_unref);
      g_free (durable->listener);
      g_free (durable->protocol);
      durable->receiver = NULL;
      if (!durable->is_reading)
        g_free (durable);
    }
  g_free (self);
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
  self->funcs = NULL;
  self->data = NULL;
  self->connection = NULL;
  while (self->entries != NULL)
    remove_entry (self, self->entries);
  release_blocked (self);
  bus->statistics.queued -= self->n_queued;
  bus->statistics.dropped[HAWSER_DROP_GONE] += self->n_queued;
  hawser_queue_clear (&self->queue);
  hawser_lane_unmark_dirty (bus->lane, &self->dirty);
  if (self->durable != NULL)
    {
      if (self->durable->queue != 0)
        bus->journal_funcs->remove_queue (bus->journal, self->durable->queue);
      set_identity (self, NULL);
      if (self->durable->id != NULL)
        g_hash_table_remove (bus->durable, self->durable->id);
    }
  if (!(self->flags & HAWSER_RECEIVER_HIDDEN))
    bus->statistics.n_receivers--;
  if (self->flags & HAWSER_RECEIVER_DURABLE)
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

static void
routes_changed (HawserReceiver *self)
{
  for (HawserEntry *entry = self->entries; entry != NULL; entry = entry->next_of_receiver)
    {
      g_autofree char *filter = hawser_match_node_dup_path (entry->node);

      hawser_bus_filter_changed (self->bus, filter, strlen (filter));
    }
}

void
hawser_receiver_attach (HawserReceiver *self, HawserConnection *connection, const HawserReceiverFuncs *funcs, gpointer data)
{
  HawserDurable *durable = self->durable;

  self->connection = connection;
  self->funcs = funcs;
  self->data = data;
  self->is_busy = FALSE;
  if (durable != NULL && connection != NULL)
    {
      HawserPrincipal *principal = hawser_connection_get_principal (connection);
      HawserPrincipal *old = durable->principal;

      durable->principal = principal != NULL ? hawser_principal_ref (principal) : NULL;
      g_clear_pointer (&old, hawser_principal_unref);
      g_free (durable->listener);
      durable->listener = g_strdup (hawser_connection_get_listener_name (connection));
      g_free (durable->protocol);
      durable->protocol = g_strdup (hawser_connection_get_protocol (connection));
      durable->was_encrypted = hawser_connection_get_is_encrypted (connection);
      routes_changed (self); /* who it is, and so its rights, may be others now */
    }
  if (durable != NULL)
    {
      HawserJournalQueue queue;

      hawser_timer_disarm (&durable->timer);
      durable->detached_wall_us = 0;
      durable->discards_read = durable->is_reading;
      durable->read_position = 0;
      durable->skipped_position = 0;
      if (durable->queue != 0 && self->bus->journal_funcs->get_queue (self->bus->journal, durable->queue, &queue) && queue.depth > 0)
        durable->skipped_position = MAX (1, queue.last_position);
      save_later (self);
    }
  if (self->queue.n > 0 || (durable != NULL && durable->skipped_position != 0))
    hawser_lane_mark_dirty (self->bus->lane, &self->dirty);
}

void
hawser_receiver_detach (HawserReceiver *self, guint32 expiry_s)
{
  HawserQueue kept = { 0 };
  HawserQueueEntry entry;

  self->funcs = NULL;
  self->data = NULL;
  self->is_busy = FALSE;
  if (!(self->flags & HAWSER_RECEIVER_DURABLE) || expiry_s == 0)
    {
      hawser_receiver_remove (self);
      return;
    }
  self->connection = NULL;
  /* what the journal has is read from there again; what only memory has is kept */
  while (hawser_queue_pop (&self->queue, &entry))
    if (entry.position != 0 || entry.qos == 0 || entry.is_retained_value)
      {
        if (entry.position == 0)
          {
            count_unqueued (self);
            count_dropped (self, HAWSER_DROP_GONE);
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
  self->durable->detached_wall_us = hawser_clock_get_wall_us (self->bus->clock);
  arm_expiry (self);
  save_later (self);
}

/* ---- Filters ---- */

static HawserEntry *
find_entry (HawserReceiver *self, HawserMatchNode *node)
{
  HawserEntry *entry = hawser_match_node_get_value (node);

  /* few receivers share a filter, or few filters share a receiver: walk the shorter list by turns */
  for (HawserEntry *own = self->entries; entry != NULL && own != NULL; entry = entry->next_of_node, own = own->next_of_receiver)
    {
      if (entry->receiver == self)
        return entry;
      if (own->node == node)
        return own;
    }
  return NULL;
}

static gboolean
check_filter_right (HawserReceiver *self, const char *filter, gsize len, int *out_result)
{
  HawserBus *bus = self->bus;
  g_autofree char *name = g_strndup (filter, len);
  HawserPolicyContext context, *asked = NULL;
  g_autoptr (HawserTopicFilter) wanted = hawser_topic_filter_new (name, NULL);
  GHashTableIter iter;
  gpointer topic;

  if (hawser_receiver_is_peer (self))
    {
      hawser_receiver_fill_context (self, &context);
      context.topic = name;
      asked = &context;
    }
  if (asked == NULL || bus->is_open)
    return TRUE;
  if (!hawser_topic_filter_has_wildcards (wanted))
    {
      HawserTopicRecord *record = hawser_topic_table_find (&bus->topics, filter, len);
      HawserLocalTopic *settings = record != NULL ? hawser_topic_table_settings (&bus->topics, record) : hawser_topic_table_resolve (&bus->topics, filter, len);

      *out_result = hawser_bus_check_right (bus, HAWSER_ACTION_SUBSCRIBE, settings, asked);
      return *out_result == HAWSER_RESULT_OK;
    }
  /* a wildcard is allowed when something that it can match may be read; the rest is left out of its routes */
  *out_result = hawser_bus_refuse (bus, HAWSER_ERROR_NOT_AUTHORIZED, "topic filter '%s': matches nothing that may be read", name);
  g_hash_table_iter_init (&iter, bus->topics.declared);
  while (g_hash_table_iter_next (&iter, NULL, &topic))
    if (HAWSER_IS_LOCAL_TOPIC (topic))
      {
        const char *declared = HAWSER_LOCAL_TOPIC (topic)->name;
        g_autoptr (HawserTopicFilter) other = hawser_topic_filter_new (declared, NULL);

        if (other == NULL || !hawser_topic_filter_overlaps (wanted, other))
          continue;
        context.topic = strpbrk (declared, "+#") != NULL ? name : declared;
        if (hawser_bus_check_right (bus, HAWSER_ACTION_SUBSCRIBE, topic, asked) == HAWSER_RESULT_OK)
          return TRUE;
      }
  return FALSE;
}

int
hawser_receiver_subscribe (HawserReceiver *self, const char *filter, gsize filter_len, const HawserSubscribeOptions *options)
{
  HawserBus *bus = self->bus;
  HawserMatchNode *node;
  HawserEntry *entry;
  gboolean is_new;
  int result = HAWSER_RESULT_OK;

  if (!hawser_topic_filter_check (filter, filter_len) || hawser_topic_filter_is_shared_raw (filter, filter_len))
    return hawser_bus_refuse (bus, HAWSER_ERROR_INVALID, "not a valid topic filter");
  if (!check_filter_right (self, filter, filter_len, &result))
    return result;

  node = hawser_match_tree_insert (bus->filters, filter, filter_len);
  entry = find_entry (self, node);
  is_new = entry == NULL;
  if (is_new)
    {
      entry = add_entry (self, node);
      hawser_bus_model_add_subscription (bus, entry);
    }
  entry->qos = options->qos;
  entry->no_local = options->no_local != FALSE;
  entry->retain_as_published = options->retain_as_published != FALSE;
  entry->id = options->id;
  self->has_ids |= options->id != 0;
  hawser_bus_filter_changed (bus, filter, filter_len);
  save_later (self);
  if (options->retain_handling == 0 || (options->retain_handling == 1 && is_new))
    hawser_receiver_send_retained (self, entry);
  return HAWSER_RESULT_OK;
}

gboolean
hawser_receiver_unsubscribe (HawserReceiver *self, const char *filter, gsize filter_len)
{
  HawserMatchNode *node = hawser_match_tree_lookup (self->bus->filters, filter, filter_len);
  HawserEntry *entry = node != NULL ? find_entry (self, node) : NULL;

  if (entry == NULL)
    return FALSE;
  remove_entry (self, entry);
  save_later (self);
  return TRUE;
}

void
hawser_receiver_resume (HawserReceiver *self)
{
  self->is_busy = FALSE;
  if (self->queue.n > 0 || self->blocked != NULL || (self->durable != NULL && self->durable->skipped_position != 0))
    hawser_lane_mark_dirty (self->bus->lane, &self->dirty);
}

void
hawser_receiver_ack (HawserReceiver *self, guint64 position)
{
  forget_position (self, position);
  if (self->blocked != NULL && !hawser_receiver_is_full (self))
    release_blocked (self);
}

/* ---- Recovery ---- */

void
hawser_receiver_recover (HawserBus *bus, const HawserJournalQueue *queue)
{
  g_autoptr (GVariant) meta = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (META_TYPE), queue->meta, FALSE));
  g_autoptr (GVariantIter) claims = NULL, filters = NULL;
  HawserQueueLimits limits = { 0 };
  guint32 flags, expiry_s, overflow, id;
  const char *identity, *principal_name, *filter, *claim, *value;
  gboolean is_peer, no_local, retain_as_published;
  guint8 qos, spare;
  gint64 detached_us;
  HawserReceiver *self;

  g_variant_get (meta, "(uuutub&s&sa{ss}a(syybbu)x)", &flags, &expiry_s, &limits.max_messages, &limits.max_bytes, &overflow, &is_peer, &identity,
                 &principal_name, &claims, &filters, &detached_us);
  limits.overflow = MIN (overflow, HAWSER_OVERFLOW_BLOCK);
  self = make (bus, queue->id, flags, &limits);
  self->durable->queue = queue->queue;
  self->durable->expiry_s = expiry_s;
  set_identity (self, *identity != '\0' ? identity : NULL);
  self->durable->recovered_position = queue->last_position;
  self->durable->skipped_position = G_MAXUINT64;
  self->durable->detached_wall_us = detached_us != 0 ? detached_us : hawser_clock_get_wall_us (bus->clock);
  if (is_peer)
    self->durable->protocol = g_strdup ("");
  if (*principal_name != '\0')
    {
      g_autoptr (GHashTable) table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

      while (g_variant_iter_loop (claims, "{&s&s}", &claim, &value))
        g_hash_table_replace (table, g_strdup (claim), g_strdup (value));
      self->durable->principal = hawser_principal_new (principal_name, table);
    }
  while (g_variant_iter_loop (filters, "(&syybbu)", &filter, &qos, &spare, &no_local, &retain_as_published, &id))
    {
      HawserMatchNode *node;
      HawserEntry *entry;
      gsize len = strlen (filter);

      if (!hawser_topic_filter_check (filter, len))
        continue;
      node = hawser_match_tree_insert (bus->filters, filter, len);
      entry = add_entry (self, node);
      entry->id = id;
      entry->qos = MIN (qos, 2);
      entry->no_local = no_local;
      entry->retain_as_published = retain_as_published;
      self->has_ids |= id != 0;
      hawser_bus_filter_changed (bus, filter, len);
    }
  arm_expiry (self);
}

GPtrArray *
hawser_bus_list_provisioned (HawserBus *bus, const char *identity)
{
  GPtrArray *list = g_hash_table_lookup (bus->provisioned, identity);

  return list != NULL ? g_ptr_array_copy (list, NULL, NULL) : g_ptr_array_new ();
}

void
hawser_receiver_set_identity (HawserReceiver *self, const char *identity)
{
  g_return_if_fail (self->durable != NULL);
  set_identity (self, identity);
  save_later (self);
}

/* ---- Accessors ---- */

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

  get_depth (self, &n, &bytes);
  return n;
}

HawserBus *
hawser_receiver_get_bus (HawserReceiver *self)
{
  return self->bus;
}

char *
hawser_receiver_describe (HawserReceiver *self)
{
  const char *client_id;

  if (self->flags & HAWSER_RECEIVER_PASSIVE)
    return g_strdup_printf ("sink %s", self->durable != NULL && self->durable->id != NULL ? self->durable->id : "");
  if (self->connection == NULL)
    return g_strdup (self->durable != NULL && self->durable->id != NULL ? "absent" : "in-process");
  client_id = hawser_connection_get_client_id (self->connection);
  return g_strdup_printf ("%s client %s", hawser_connection_get_protocol (self->connection), client_id != NULL ? client_id : "");
}

void
hawser_bus_foreach_subscription (HawserBus *self, HawserSubscriptionInfoFunc func, gpointer data)
{
  for (HawserReceiver *receiver = self->receivers; receiver != NULL; receiver = receiver->next)
    {
      g_autofree char *description = NULL;
      guint64 n, bytes;

      if (receiver->flags & HAWSER_RECEIVER_HIDDEN || receiver->entries == NULL)
        continue;
      description = hawser_receiver_describe (receiver);
      get_depth (receiver, &n, &bytes);
      for (HawserEntry *entry = receiver->entries; entry != NULL; entry = entry->next_of_receiver)
        {
          g_autofree char *filter = hawser_match_node_dup_path (entry->node);
          const char *own_id = hawser_receiver_get_id (receiver);
          g_autofree char *id = own_id != NULL && receiver->flags & HAWSER_RECEIVER_PROVISIONED ? g_strdup (own_id)
                                : own_id != NULL ? g_strdup_printf ("%s:%s", own_id, filter)
                                                 : g_strdup_printf ("%u:%s", receiver->serial, filter);
          HawserSubscriptionInfo info = {
            .id = id, .filter = filter, .receiver = description,
            .identity = receiver->durable == NULL ? NULL : receiver->durable->identity != NULL ? receiver->durable->identity : own_id,
            .connection_id = receiver->connection != NULL ? hawser_connection_get_id (receiver->connection) : 0,
            .is_durable = (receiver->flags & HAWSER_RECEIVER_DURABLE) != 0, .is_passive = (receiver->flags & HAWSER_RECEIVER_PASSIVE) != 0,
            .qos = entry->qos, .n_queued = n, .queued_bytes = bytes, .n_delivered = receiver->n_delivered, .n_dropped = receiver->n_dropped,
            .handle = receiver,
          };

          if (!func (&info, data))
            return;
        }
    }
}
