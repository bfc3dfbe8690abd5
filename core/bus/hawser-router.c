/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way of a message, in one pass: topic, rights, limits, stamp, last value, routes, journal, receivers. Who gets a
 * topic's messages is worked out once and kept with the topic until a filter that could matter changes. Rights of
 * receivers are part of the routes, so that a delivery costs no check. Context: the bus's lane. */

#include "hawser-router.h"

#include <string.h>

#include "hawser-author.h"
#include "hawser-bus-private.h"
#include "hawser-labels.h"
#include "hawser-mount-private.h"
#include "hawser-observer-private.h"
#include "hawser-principal.h"
#include "hawser-topic-raw.h"
#include "hawser-trace.h"

/* ---- Steps of a publish ---- */

/* Finds or makes the record, and decides whether this publisher may use it. */
static int
enter_topic (HawserBus *self, HawserPublisher *publisher, const HawserPolicyContext *given, const char *name, gsize len, HawserTopicRecord **out_record)
{
  HawserTopicRecord *record = publisher->last;
  HawserPolicyContext context;
  HawserLocalTopic *settings;
  int result;

  if (G_LIKELY (record != NULL && publisher->last_records_version == self->topics.records_version &&
                publisher->last_rights_version == hawser_authority_get_version (&self->authority) && record->len == len &&
                memcmp (record->name, name, len) == 0 && (record->settings == NULL || record->settings->expires_us == 0)))
    {
      *out_record = record;
      return HAWSER_RESULT_OK;
    }

  publisher->last = NULL;
  record = hawser_topic_table_find (&self->topics, name, len);
  if (record == NULL && !hawser_topic_name_check (name, len))
    return hawser_refuse (&self->refusal, HAWSER_ERROR_INVALID, "not a valid topic name");
  settings = record != NULL ? hawser_topic_table_settings (&self->topics, record) : hawser_topic_table_resolve (&self->topics, name, len);

  if (given != NULL || publisher->connection != NULL)
    {
      if (given != NULL)
        context = *given;
      else
        hawser_connection_fill_context (publisher->connection, &context);
      context.topic = name; /* terminated: the message's own copy */
      result = hawser_authority_check_publish (&self->authority, settings, record != NULL, &context);
    }
  else
    result = hawser_authority_check (&self->authority, HAWSER_ACTION_PUBLISH, settings, NULL);
  if (result != HAWSER_RESULT_OK)
    return result;

  if (record == NULL)
    {
      record = hawser_topic_table_add (&self->topics, name, len);
      if (record == NULL)
        return hawser_refuse (&self->refusal, HAWSER_ERROR_QUOTA, "topic '%s': there are %u topics already", name, self->topics.n_records);
      hawser_topic_table_settings (&self->topics, record);
      hawser_bus_model_add_topic (self, record);
    }
  if (given == NULL)
    {
      publisher->last = record;
      publisher->last_records_version = self->topics.records_version;
      publisher->last_rights_version = hawser_authority_get_version (&self->authority);
    }
  *out_record = record;
  return HAWSER_RESULT_OK;
}

static HawserMessage *
add_content_type (HawserMessage *message, const char *content_type)
{
  g_autofree char *present = hawser_message_dup_content_type (message);
  HawserProperties properties = { 0 };
  HawserMessage *copy;

  if (present != NULL)
    return message;
  properties.data = g_memdup2 (hawser_message_properties (message), message->properties_len);
  properties.len = properties.size = message->properties_len;
  hawser_properties_add (&properties, HAWSER_PROPERTY_CONTENT_TYPE, NULL, 0, content_type, strlen (content_type));
  copy = hawser_message_new_raw (&(HawserMessageInit) {
      .topic = message->data, .topic_len = message->topic_len, .properties = properties.data, .properties_len = properties.len,
      .payload = message->payload, .payload_len = message->payload_len, .block = message->block,
      .expiry_s = message->expiry_s, .qos = message->qos, .retain = message->retain });
  hawser_properties_clear (&properties);
  hawser_message_unref (message);
  return copy;
}

/* After the stamp: the message is still the bus's alone. */
static void
limit_expiry (HawserLocalTopic *settings, HawserMessage *message)
{
  guint32 limit = (guint32) MIN (MAX (settings->message_expiry_us / G_USEC_PER_SEC, 1), G_MAXUINT32 - 1);

  if (message->expiry_s == 0 || message->expiry_s > limit)
    message->expiry_s = limit;
}

/* MQTT 5.0 section 3.3.1.3: an empty retained message takes the value away. There is room for the value: route_checked()
 * saw to it. */
static void
keep_last_value (HawserBus *self, HawserTopicRecord *record, HawserMessage *message, HawserPending *pending)
{
  gboolean is_empty = message->payload_len == 0;

  if (is_empty && record->retained == NULL)
    return;
  hawser_topic_table_set_retained (&self->topics, record, record->name, record->len, is_empty ? NULL : message);
  if (!hawser_journal_exists (&self->journal) || *record->name == '$') /* figures of this run */
    return;
  hawser_pending_await_commit (pending);
  if (is_empty)
    hawser_journal_remove (&self->journal, "retained", record->name, pending != NULL ? hawser_pending_on_kept : NULL, pending);
  else
    {
      g_autoptr (GBytes) stored = hawser_author_store_message (message, hawser_journal_get_line_offset_us (&self->journal));

      hawser_journal_put (&self->journal, "retained", record->name, stored, pending != NULL ? hawser_pending_on_kept : NULL, pending);
    }
}

static void
keep_history (HawserBus *self, HawserTopicRecord *record, HawserMessage *message, guint limit, HawserPending *pending)
{
  if (hawser_history_add (self->history, record->name, message, limit, pending != NULL ? hawser_pending_on_kept : NULL, pending))
    hawser_pending_await_commit (pending); /* the answer comes on a later turn */
}

static gboolean
goes_to_journal (const HawserRoute *route, const HawserMessage *message)
{
  HawserDurable *durable = route->receiver->durable;

  return durable != NULL && durable->queue != 0 && !route->receiver->is_removed &&
         ((route->receiver->flags & HAWSER_RECEIVER_PASSIVE) || MIN (route->qos, message->qos) > 0);
}

/* Whether @publisher is the one for whom a queue was made, whichever connection it uses. */
static gboolean
is_owner (const HawserRoute *route, const HawserPublisher *publisher)
{
  const HawserDurable *durable = route->receiver->durable;
  const HawserPolicyContext *given = publisher->given;
  const char *name = NULL;

  if (durable == NULL || durable->identity == NULL)
    return FALSE;
  if (given != NULL)
    name = given->principal != NULL ? hawser_principal_get_name (given->principal) : given->client_id;
  else if (publisher->connection != NULL)
    {
      name = hawser_connection_get_principal_name (publisher->connection);
      if (name == NULL || *name == '\0')
        name = hawser_connection_get_client_id (publisher->connection);
    }
  return g_strcmp0 (name, durable->identity) == 0;
}

static gboolean
is_own (const HawserRoute *route, const HawserMessage *message)
{
  return route->no_local && route->receiver->connection != NULL && message->origin != NULL && message->origin->id != 0 &&
         hawser_connection_get_id (route->receiver->connection) == message->origin->id;
}

static gboolean
is_wanted (const HawserRoute *route, const HawserPublisher *publisher, HawserMessage *message)
{
  HawserTerms *terms = route->is_picky ? route->receiver->durable->terms : NULL;

  return !route->is_picky || ((terms == NULL || hawser_terms_want (terms, message)) && !(route->no_local && is_owner (route, publisher)));
}

/* Takes out of a set the routes that do not get this message, where that is not known before it is seen. A new set, or the
 * same; (transfer full). */
static HawserRouteSet *
pick_routes (HawserRouteSet *set, const HawserPublisher *publisher, HawserMessage *message)
{
  HawserRouteSet *picked;
  guint n_ids = 0;

  if (G_LIKELY (!set->is_picky))
    return hawser_route_set_ref (set);
  picked = g_memdup2 (set, sizeof *set + set->n_routes * sizeof (HawserRoute));
  picked->ref_count = 1;
  picked->n_routes = 0;
  for (guint i = 0; i < set->n_routes; i++)
    {
      n_ids = MAX (n_ids, set->routes[i].first_id + set->routes[i].n_ids);
      if (is_wanted (&set->routes[i], publisher, message))
        picked->routes[picked->n_routes++] = set->routes[i];
    }
  picked->ids = n_ids > 0 ? g_memdup2 (set->ids, n_ids * sizeof *set->ids) : NULL;
  return picked;
}

static guint64
append_to_journal (HawserBus *self, HawserRouteSet *set, HawserMessage *message, HawserPending *pending)
{
  guint32 few[16];
  guint32 *queues = set->n_routes <= G_N_ELEMENTS (few) ? few : g_new (guint32, set->n_routes);
  guint n = 0;
  guint64 position = 0;

  for (guint i = 0; i < set->n_routes; i++)
    if (goes_to_journal (&set->routes[i], message) && !is_own (&set->routes[i], message))
      queues[n++] = set->routes[i].receiver->durable->queue;
  if (n > 0)
    position = hawser_journal_append (&self->journal, message, queues, n, pending != NULL ? hawser_pending_on_committed : NULL, hawser_pending_await_commit (pending));
  if (queues != few)
    g_free (queues);
  return position;
}

static void
note_deliveries (HawserBus *self, HawserRouteSet *set, HawserMessage *message)
{
  for (guint i = 0; i < set->n_routes; i++)
    if (!set->routes[i].receiver->is_removed && !is_own (&set->routes[i], message))
      hawser_audit_note_out (&self->audit, set->routes[i].receiver, message);
}

static void
deliver_all (HawserBus *self, HawserPublisher *publisher, HawserRouteSet *set, HawserMessage *message, guint64 position)
{
  HawserDelivery delivery = { .message = message, .now_us = message->published_us };

  for (guint i = 0; i < set->n_routes; i++)
    {
      HawserRoute *route = &set->routes[i];

      if (G_UNLIKELY (route->receiver->is_removed || is_own (route, message)))
        continue;
      delivery.qos = MIN (route->qos, message->qos);
      delivery.retain = route->retain_as_published && message->retain;
      delivery.n_ids = route->n_ids;
      delivery.ids = route->n_ids > 0 ? set->ids + route->first_id : NULL; /* no ids: no array to point into */
      delivery.position = position != 0 && goes_to_journal (route, message) ? position : 0;
      hawser_receiver_offer (route->receiver, message, &delivery, publisher);
    }
}

/* A publisher that cannot be made to wait is told to come again. */
static gboolean
is_refused_by_receiver (HawserRouteSet *set, const HawserPublisher *publisher, HawserMessage *message)
{
  gboolean cannot_wait = publisher->connection != NULL && hawser_connection_refuses_at_once (publisher->connection);

  for (guint i = 0; i < set->n_routes; i++)
    {
      HawserReceiver *receiver = set->routes[i].receiver;
      HawserOverflow overflow = receiver->limits->overflow;

      if ((overflow == HAWSER_OVERFLOW_REJECT || (cannot_wait && overflow == HAWSER_OVERFLOW_BLOCK)) && hawser_receiver_is_full (receiver) && is_wanted (&set->routes[i], publisher, message))
        return TRUE;
    }
  return FALSE;
}

/* What it leaves behind is its own. */
static void
sign (HawserPublisher *publisher)
{
  HawserPolicyContext context;

  if (G_LIKELY (publisher->origin->author != NULL || (publisher->given == NULL && publisher->connection == NULL)))
    return;
  if (publisher->given != NULL)
    context = *publisher->given;
  else
    hawser_connection_fill_context (publisher->connection, &context);
  hawser_author_sign (publisher->origin, &context, publisher->connection != NULL ? hawser_publisher_get_address (publisher) : NULL);
}

/* It goes when its time has come. */
static int
put_off (HawserBus *self, HawserPublisher *publisher, HawserMessage *message, gint64 due_us, HawserPending *pending, gboolean outlives)
{
  int result;

  sign (publisher); /* it may be retained then */
  result = hawser_schedule_add (self->schedule, message, due_us, publisher->origin, pending != NULL ? hawser_pending_on_committed : NULL, pending);
  if (pending == NULL)
    return result;
  if (result == HAWSER_RESULT_PENDING)
    hawser_pending_await_commit (pending);
  else
    pending->result = result;
  return hawser_pending_finish_routing (pending, outlives ? NULL : &publisher->pending);
}

/* It came before. Its publisher is told so when the first one is safe. */
static int
drop_duplicate (HawserBus *self, HawserPublisher *publisher, HawserMessage *message, HawserPending *pending, gboolean outlives)
{
  if (pending != NULL && hawser_dedup_await (self->dedup, message, hawser_pending_on_committed, pending))
    hawser_pending_await_commit (pending);
  hawser_message_unref (message);
  return pending != NULL ? hawser_pending_finish_routing (pending, outlives ? NULL : &publisher->pending) : HAWSER_RESULT_OK;
}

/* ---- Labels ---- */

static HawserReceiver *
find_sink (HawserRouteSet *set, const char *name, gsize len)
{
  for (guint i = 0; i < set->n_routes; i++)
    {
      HawserReceiver *receiver = set->routes[i].receiver;
      const char *id = receiver->durable != NULL && receiver->flags & HAWSER_RECEIVER_PASSIVE ? receiver->durable->id : NULL;

      if (id != NULL && strlen (id) == len && memcmp (id, name, len) == 0)
        return receiver;
    }
  return NULL;
}

static int
check_labels (HawserBus *self, HawserRouteSet *set, const HawserWishes *wishes, gboolean is_kept)
{
  if (!hawser_journal_exists (&self->journal))
    return hawser_refuse (&self->refusal, HAWSER_ERROR_NOT_FOUND, "requested: nothing is stored here, there is no state-dir");
  if (wishes->wants_stored && !set->has_journal && !is_kept)
    return hawser_refuse (&self->refusal, HAWSER_ERROR_NOT_FOUND, "requested: stored: no durable subscription takes this topic, and it is not retained");
  for (guint i = 0; i < wishes->n_sinks; i++) /* a name twice is no other sink: both are settled one after the other */
    if (find_sink (set, wishes->sinks[i].name, wishes->sinks[i].len) == NULL)
      return hawser_refuse (&self->refusal, HAWSER_ERROR_NOT_FOUND, "requested: sink:%.*s: no such sink takes this topic", (int) MIN (wishes->sinks[i].len, 100),
                            wishes->sinks[i].name);
  return HAWSER_RESULT_OK;
}

/* check_labels() let it pass; @position is not 0 if there are sinks. */
static void
await_labels (HawserBus *self, HawserPending *pending, HawserRouteSet *set, const HawserWishes *wishes, guint64 position)
{
  GPtrArray **watched[HAWSER_MAX_LABELS];

  for (guint i = 0; i < wishes->n_sinks; i++)
    watched[i] = &find_sink (set, wishes->sinks[i].name, wishes->sinks[i].len)->durable->watched;
  hawser_labels_new (pending, self->lane, wishes, watched, position);
}

/* ---- The way ---- */

static int
route_checked (HawserBus *self, HawserPublisher *publisher, HawserTopicRecord *record, HawserMessage *message, HawserPublished published,
               gpointer data, guint64 cookie, gboolean outlives)
{
  HawserLocalTopic *settings = hawser_topic_table_settings (&self->topics, record);
  HawserRouteSet *set;
  HawserPending *pending = NULL;
  HawserWishes wishes;
  HawserMessage *asked = NULL;       /* what @wishes points into */
  guint64 position = 0;
  gboolean is_kept, is_first_value, waits_for_labels;
  int result;

  wishes.due_us = 0;
  wishes.has_labels = FALSE; /* and nothing else is read: to clear it all would be a twentieth of the cost of a message */
  if (settings != NULL && settings->max_message_size > 0 && message->payload_len > settings->max_message_size)
    {
      hawser_message_unref (message);
      return hawser_refuse (&self->refusal, HAWSER_ERROR_TOO_LARGE, "topic '%s': payload over %" G_GUINT64_FORMAT " bytes", record->name, settings->max_message_size);
    }
  if (settings != NULL && settings->content_type != NULL)
    message = add_content_type (message, settings->content_type);
  if (G_UNLIKELY (self->trace != HAWSER_TRACE_PROPAGATE) && !publisher->is_schedule)
    message = hawser_trace_apply (self->trace, message);
  if (record->topic != NULL && HAWSER_TOPIC_GET_IFACE (record->topic)->publish != NULL)
    {
      HawserMessage *changed = hawser_topic_publish (record->topic, message);

      hawser_message_unref (message);
      if (changed == NULL)
        return HAWSER_RESULT_OK;
      message = changed;
    }
  if (G_UNLIKELY (message->properties_len > 0) && !publisher->is_schedule)
    {
      const char *problem = hawser_wishes_read (message, hawser_lane_get_now_us (self->lane),
                                                hawser_clock_get_wall_us (self->clock) - hawser_clock_get_monotonic_us (self->clock), &wishes);

      if (problem != NULL)
        {
          hawser_message_unref (message);
          return hawser_refuse (&self->refusal, HAWSER_ERROR_INVALID, "topic '%s': %s", record->name, problem);
        }
      if (settings != NULL && settings->dedup_window_us > 0 && hawser_dedup_is_known (self->dedup, message, settings->dedup_window_us))
        return drop_duplicate (self, publisher, message, published != NULL ? hawser_pending_start (&self->pending, published, data, cookie) : NULL, outlives);
      if (wishes.due_us != 0)
        return put_off (self, publisher, message, wishes.due_us, published != NULL ? hawser_pending_start (&self->pending, published, data, cookie) : NULL, outlives);
    }

  waits_for_labels = G_UNLIKELY (wishes.has_labels) && published != NULL && !publisher->ignores_labels;
  is_kept = G_UNLIKELY (message->retain || (settings != NULL && settings->retain != HAWSER_RETAIN_CLIENT)) &&
            (settings == NULL || settings->retain == HAWSER_RETAIN_LAST || (settings->retain == HAWSER_RETAIN_CLIENT && message->retain));
  is_first_value = is_kept && record->retained == NULL && message->payload_len > 0;
  if (G_UNLIKELY (is_first_value && self->topics.n_retained >= self->topics.max_retained))
    {
      hawser_message_unref (message);
      return hawser_refuse (&self->refusal, HAWSER_ERROR_QUOTA, "topic '%s': there are %u retained values already", record->name, self->topics.n_retained);
    }
  set = hawser_routes_get (&self->routes, &self->authority, record, settings);
  if (set->may_refuse && is_refused_by_receiver (set, publisher, message))
    {
      hawser_message_unref (message);
      return hawser_refuse (&self->refusal, HAWSER_ERROR_QUOTA, "topic '%s': a subscription is full", record->name);
    }
  if (G_UNLIKELY (waits_for_labels) && (result = check_labels (self, set, &wishes, is_kept && message->qos > 0)) != HAWSER_RESULT_OK)
    {
      hawser_message_unref (message);
      return result;
    }
  if (G_UNLIKELY (wishes.has_labels))
    {
      asked = hawser_message_ref (message);
      message = hawser_wishes_strip (message, NULL);
    }

  message = hawser_message_stamp (message, ++self->sequence, hawser_lane_get_now_us (self->lane), publisher->origin);
  if (is_kept && message->payload_len > 0 && !publisher->is_schedule)
    {
      sign (publisher);
      message->rights_version = hawser_authority_get_authors_version (&self->authority); /* enter_topic() has looked */
    }
  if (settings != NULL && settings->message_expiry_us > 0)
    limit_expiry (settings, message);
  if (G_UNLIKELY (settings != NULL && settings->is_audited))
    hawser_audit_note_in (&self->audit, publisher, message, HAWSER_RESULT_OK);
  record->n_published++;
  self->statistics.published++;
  self->statistics.published_bytes += message->payload_len;

  /* a QoS 2 message without a publisher that waits: its delivery does */
  if (published != NULL || (message->qos == 2 && set->has_journal))
    pending = hawser_pending_start (&self->pending, published, data, cookie);
  if (G_UNLIKELY (settings != NULL && settings->history > 0))
    keep_history (self, record, message, settings->history, message->qos > 0 ? pending : NULL);
  if (is_kept)
    keep_last_value (self, record, message, message->qos > 0 ? pending : NULL);

  if (self->twins != NULL)
    self->twin_hook->message (self->twins, record, message, publisher->connection);

  if (set->n_routes > 0)
    {
      set = pick_routes (set, publisher, message);
      self->routing++;
      if (set->has_journal)
        {
          position = append_to_journal (self, set, message, pending);
          if (pending != NULL)
            pending->position = position;
        }
      if (G_UNLIKELY (waits_for_labels) && pending != NULL && position != 0)
        await_labels (self, pending, set, &wishes, position);
      if (G_UNLIKELY (settings != NULL && settings->is_audited))
        note_deliveries (self, set, message);
      deliver_all (self, publisher, set, message, position);
      hawser_route_set_unref (set);
      if (--self->routing == 0 && self->graveyard != NULL)
        hawser_bus_bury (self);
    }
  else if (is_first_value && record->n_published == 1 && record->topic == NULL && self->topic_model == NULL)
    hawser_topic_table_remove (&self->topics, record); /* the value alone stays; who publishes here again makes a record that stays too */
  hawser_message_unref (message);
  hawser_message_unref (asked);
  return pending != NULL ? hawser_pending_finish_routing (pending, outlives ? NULL : &publisher->pending) : HAWSER_RESULT_OK;
}

static int
count_refusal (HawserBus *self, int result)
{
  if (result > 0)
    self->statistics.refused++;
  return result;
}

static int
note_refusal (HawserBus *self, const HawserPublisher *publisher, const char *topic, int result)
{
  if (result > 0 && hawser_bus_observes_errors (self))
    hawser_observers_note_refusal (self, publisher, topic, result);
  return count_refusal (self, result);
}

/* As route_checked(), for topics whose refusals leave a line too. */
static int
route_entered (HawserBus *self, HawserPublisher *publisher, HawserTopicRecord *record, HawserMessage *message, HawserPublished published, gpointer data,
               guint64 cookie, gboolean outlives)
{
  HawserLocalTopic *settings = hawser_topic_table_settings (&self->topics, record);
  g_autoptr (HawserMessage) kept = NULL;
  int result;

  if (G_LIKELY (settings == NULL || !settings->is_audited || self->audit.funcs == NULL))
    return route_checked (self, publisher, record, message, published, data, cookie, outlives);
  if (!self->audit.funcs->is_well (self->audit.trail))
    {
      hawser_message_unref (message);
      return hawser_refuse (&self->refusal, HAWSER_ERROR_UNAVAILABLE, "topic '%s': the audit trail cannot be written", record->name);
    }
  kept = hawser_message_ref (message);
  result = route_checked (self, publisher, record, message, published, data, cookie, outlives);
  if (result > 0)
    hawser_audit_note_in (&self->audit, publisher, kept, result);
  return result;
}

/* @message: (transfer full): it was refused before it came to its topic. */
static int
refuse_entry (HawserBus *self, HawserPublisher *publisher, HawserMessage *message, int result)
{
  HawserLocalTopic *settings = self->audit.funcs != NULL && hawser_topic_name_check (message->data, message->topic_len)
                               ? hawser_topic_table_resolve (&self->topics, message->data, message->topic_len) : NULL;

  if (settings != NULL && settings->is_audited)
    hawser_audit_note_in (&self->audit, publisher, message, result);
  note_refusal (self, publisher, message->data, result);
  hawser_message_unref (message);
  return result;
}

int
hawser_bus_route (HawserBus *self, HawserPublisher *publisher, HawserMessage *message, HawserPublished published, gpointer data, guint64 cookie, gboolean outlives)
{
  HawserTopicRecord *record;
  int result = enter_topic (self, publisher, NULL, message->data, message->topic_len, &record);

  if (result != HAWSER_RESULT_OK)
    return refuse_entry (self, publisher, message, result);
  result = route_entered (self, publisher, record, message, published, data, cookie, outlives);
  return note_refusal (self, publisher, result > 0 ? record->name : NULL, result); /* a record may be gone when its message was taken */
}

/* (transfer full); NULL: refused. */
static HawserMessage *
mount_message (HawserBus *self, const char *mount, HawserMessage *message)
{
  HawserMessage *mounted = hawser_mount_message (mount, message);

  if (mounted == NULL)
    hawser_refuse (&self->refusal, HAWSER_ERROR_NOT_AUTHORIZED, "topic '%s': topics that begin with $ are the bus's own, and a name is at most 65535 bytes long with "
                       "the mount point", hawser_message_get_topic (message));
  hawser_message_unref (message);
  return mounted;
}

int
hawser_connection_publish (HawserConnection *self, HawserMessage *message, HawserPublished published, guint64 cookie)
{
  HawserPublisher *publisher = hawser_publisher_of (self);
  const char *mount = hawser_connection_get_owner (self)->mount_point;

  hawser_connection_count_received (self);
  if (G_UNLIKELY (publisher->meter != NULL || hawser_memory_is_tight (&publisher->bus->memory)))
    {
      int result = hawser_meter_admit (hawser_publisher_need_meter (publisher), message);

      if (result != HAWSER_RESULT_OK)
        {
          note_refusal (publisher->bus, publisher, message->data, result);
          hawser_message_unref (message);
          return result;
        }
    }
  if (G_UNLIKELY (mount != NULL))
    {
      message = mount_message (publisher->bus, mount, message);
      if (message == NULL)
        return count_refusal (publisher->bus, HAWSER_ERROR_NOT_AUTHORIZED);
    }
  return hawser_bus_route (publisher->bus, publisher, message, published, self, cookie, FALSE);
}

void
hawser_connection_link_lost (HawserConnection *self)
{
  HawserBus *bus = hawser_connection_get_bus (self);

  if (bus->twins != NULL)
    bus->twin_hook->link_lost (bus->twins, self);
}

int
hawser_bus_publish_as (HawserBus *self, const HawserPolicyContext *context, const char *source, HawserMessage *message, HawserPublished published,
                       gpointer data, guint64 cookie)
{
  g_autofree char *made = NULL;
  HawserPublisher publisher = { .bus = self, .given = context };
  HawserTopicRecord *record;
  int result;

  if (context->mount_point != NULL)
    {
      message = mount_message (self, context->mount_point, message);
      if (message == NULL)
        return count_refusal (self, HAWSER_ERROR_NOT_AUTHORIZED);
    }
  if (source == NULL)
    source = made = g_strdup_printf ("/listener/%s/client/%s", context->listener != NULL ? context->listener : "", context->client_id != NULL ? context->client_id : "");
  result = enter_topic (self, &publisher, context, message->data, message->topic_len, &record);
  if (result != HAWSER_RESULT_OK)
    return refuse_entry (self, &publisher, message, result);
  publisher.origin = hawser_origin_new (0, self->uid, source);
  result = route_entered (self, &publisher, record, message, published, data, cookie, TRUE);
  hawser_origin_unref (publisher.origin);
  return note_refusal (self, &publisher, result > 0 ? record->name : NULL, result);
}

const char *
hawser_bus_get_last_refusal (HawserBus *self)
{
  return self->refusal.text;
}

gint64
hawser_bus_get_retry_after_us (HawserBus *self)
{
  return self->refusal.retry_after_us;
}

int
hawser_bus_check_publish (HawserBus *self, const HawserPolicyContext *context, const char *name)
{
  g_autofree char *full_name = context->mount_point != NULL && *name != '$' && *name != '\0' ? g_strconcat (context->mount_point, name, NULL) : NULL;
  const char *topic = full_name != NULL ? full_name : name;
  gsize len = strlen (topic);
  HawserTopicRecord *record = hawser_topic_table_find (&self->topics, topic, len);
  HawserPolicyContext full = *context;

  if (record == NULL && !hawser_topic_name_check (topic, len))
    return hawser_refuse (&self->refusal, HAWSER_ERROR_INVALID, "not a valid topic name");
  full.topic = topic;
  return hawser_authority_check_publish (&self->authority, hawser_topic_table_find_settings (&self->topics, topic, len), record != NULL, &full);
}

int
hawser_bus_check_subscribe (HawserBus *self, const HawserPolicyContext *context, const char *name)
{
  g_autofree char *full_name = context->mount_point != NULL ? g_strconcat (context->mount_point, name, NULL) : NULL;
  HawserPolicyContext full = *context;

  full.topic = full_name != NULL ? full_name : name;
  return hawser_authority_check (&self->authority, HAWSER_ACTION_SUBSCRIBE, hawser_topic_table_find_settings (&self->topics, full.topic, strlen (full.topic)), &full);
}

int
hawser_bus_check_admin (HawserBus *self, HawserConnection *connection)
{
  HawserPolicyContext context;

  if (self->authority.admin_policy == NULL)
    return HAWSER_RESULT_OK;
  hawser_connection_fill_context (connection, &context);
  return hawser_authority_check_admin (&self->authority, &context);
}
