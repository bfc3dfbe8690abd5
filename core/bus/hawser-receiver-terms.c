/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What was agreed for a durable subscription beside its filter and limits: which messages of the topics it wants, when it
 * ends, how fast a backlog comes, and a line for people. Kept in the journal under the receiver's id. Here too: subscriptions
 * that end because their topic allows them only so long, and how the end of either is told. Context: the bus's lane. */

#include "hawser-bus-private.h"
#include "hawser-receiver-private.h"

#include <string.h>

#include "hawser-json-line.h"
#include "hawser-message-filter.h"
#include "hawser-topic-filter.h"

#define SPACE "terms"
#define TYPE "(ssxd)"
#define BURST_US (50 * 1000)     /* a backlog may come this much early, so that late timers do not slow it down */
#define ENDED_TOPIC "$SYS/hawser/subscription/ended"

struct _HawserTerms {
  HawserReceiver *receiver;
  char *description;
  char *attributes;
  HawserMessageFilter *filter;
  gint64 expires_us;             /* wall clock; 0: never */
  double rate;                   /* messages a second of a backlog; 0: any */
  gint64 next_us;                /* when the next one is due, by the rate */
  HawserTimer expiry, pace;
};

/* ---- The end ---- */

void
hawser_receiver_tell_end (HawserReceiver *self, const char *filter, const char *reason)
{
  HawserBus *bus = self->bus;
  const char *id = hawser_receiver_get_id (self);
  g_autoptr (GString) json = g_string_new ("{\"filter\":");
  HawserMessage *message;

  hawser_json_append_string (json, filter, strlen (filter));
  if (id != NULL)
    {
      g_string_append (json, ",\"id\":");
      hawser_json_append_string (json, id, strlen (id));
    }
  if (self->connection != NULL)
    {
      const char *client_id = hawser_connection_get_client_id (self->connection);

      g_string_append_printf (json, ",\"connection\":%" G_GUINT64_FORMAT, hawser_connection_get_id (self->connection));
      if (client_id != NULL)
        {
          g_string_append (json, ",\"client_id\":");
          hawser_json_append_string (json, client_id, strlen (client_id));
        }
    }
  g_string_append_printf (json, ",\"reason\":\"%s\"}", reason);
  message = hawser_message_new_text (ENDED_TOPIC, json->str);
  hawser_bus_route (bus, bus->self_publisher, message, NULL, NULL, 0, FALSE);
}

static void arm_expiry (HawserTerms *self);

static void
on_expiry (HawserTimer *timer)
{
  HawserTerms *self = (HawserTerms *) ((char *) timer - G_STRUCT_OFFSET (HawserTerms, expiry));
  HawserReceiver *receiver = self->receiver;

  if (hawser_clock_get_wall_us (receiver->bus->clock) < self->expires_us)
    {
      arm_expiry (self);
      return;
    }
  for (HawserEntry *entry = receiver->entries; entry != NULL; entry = entry->next_of_receiver)
    {
      g_autofree char *filter = hawser_match_node_dup_path (entry->node);

      hawser_receiver_tell_end (receiver, filter, "expired");
    }
  hawser_receiver_remove (receiver);
}

/* The wall clock decides; the timer looks once a day, in case that somebody sets the clock. */
static void
arm_expiry (HawserTerms *self)
{
  HawserLane *lane = self->receiver->bus->lane;
  gint64 left_us = self->expires_us - hawser_clock_get_wall_us (self->receiver->bus->clock);

  hawser_timer_arm (&self->expiry, lane, hawser_lane_get_now_us (lane) + CLAMP (left_us, 0, G_TIME_SPAN_DAY), on_expiry);
}

/* ---- The rate of a backlog ---- */

static void
on_pace (HawserTimer *timer)
{
  HawserTerms *self = (HawserTerms *) ((char *) timer - G_STRUCT_OFFSET (HawserTerms, pace));

  hawser_lane_mark_dirty (self->receiver->bus->lane, &self->receiver->dirty);
}

gboolean
hawser_terms_may_give (HawserTerms *self, gint64 now_us)
{
  if (self->rate <= 0 || now_us >= self->next_us - BURST_US)
    return TRUE;
  if (!hawser_timer_is_armed (&self->pace))
    hawser_timer_arm (&self->pace, self->receiver->bus->lane, self->next_us - BURST_US / 2, on_pace);
  return FALSE;
}

void
hawser_terms_note_given (HawserTerms *self, gint64 now_us)
{
  if (self->rate > 0)
    self->next_us = MAX (self->next_us, now_us) + (gint64) (G_USEC_PER_SEC / self->rate);
}

/* ---- Which messages ---- */

gboolean
hawser_terms_want (HawserTerms *self, HawserMessage *message)
{
  return self->filter == NULL || hawser_message_filter_matches (self->filter, message);
}

gboolean
hawser_terms_are_picky (HawserTerms *self)
{
  return self->filter != NULL;
}

/* ---- Keeping them ---- */

void
hawser_terms_free (HawserTerms *self)
{
  if (self == NULL)
    return;
  hawser_timer_disarm (&self->expiry);
  hawser_timer_disarm (&self->pace);
  g_clear_pointer (&self->filter, hawser_message_filter_free);
  g_free (self->description);
  g_free (self->attributes);
  g_free (self);
}

static void
keep (HawserReceiver *self)
{
  HawserBus *bus = self->bus;
  HawserTerms *terms = self->durable->terms;
  const char *id = self->durable->id;

  if (!hawser_journal_exists (&bus->journal) || !(self->flags & HAWSER_RECEIVER_DURABLE))
    return;
  if (terms == NULL)
    hawser_journal_remove (&bus->journal, SPACE, id, NULL, NULL);
  else
    {
      g_autoptr (GVariant) kept = g_variant_ref_sink (g_variant_new (TYPE, terms->description != NULL ? terms->description : "",
                                                                     terms->attributes != NULL ? terms->attributes : "", terms->expires_us, terms->rate));
      g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (kept);

      hawser_journal_put (&bus->journal, SPACE, id, bytes, NULL, NULL);
    }
}

static gboolean
apply (HawserReceiver *self, const HawserSubscriptionTerms *wanted, GError **error)
{
  HawserDurable *durable = self->durable;
  HawserMessageFilter *filter = NULL;
  HawserTerms *terms;

  if (wanted->attributes != NULL && (filter = hawser_message_filter_new (wanted->attributes, error)) == NULL)
    return FALSE;
  g_clear_pointer (&durable->terms, hawser_terms_free);
  if (wanted->description != NULL || filter != NULL || wanted->expires_us != 0 || wanted->spool_rate > 0)
    {
      durable->terms = terms = g_new0 (HawserTerms, 1);
      terms->receiver = self;
      terms->description = g_strdup (wanted->description);
      terms->attributes = g_strdup (wanted->attributes);
      terms->filter = filter;
      terms->expires_us = wanted->expires_us;
      terms->rate = wanted->spool_rate;
      if (terms->expires_us != 0)
        arm_expiry (terms);
    }
  hawser_receiver_renew_routes (self);
  hawser_lane_mark_dirty (self->bus->lane, &self->dirty); /* it may go faster now */
  return TRUE;
}

gboolean
hawser_receiver_set_terms (HawserReceiver *self, const HawserSubscriptionTerms *terms, GError **error)
{
  gboolean had_terms;

  g_return_val_if_fail (self->durable != NULL, FALSE);
  had_terms = self->durable->terms != NULL;
  if (!apply (self, terms, error))
    return FALSE;
  if (had_terms || self->durable->terms != NULL)
    keep (self);
  return TRUE;
}

void
hawser_receiver_get_terms (HawserReceiver *self, HawserSubscriptionTerms *out_terms)
{
  const HawserTerms *terms = self->durable != NULL ? self->durable->terms : NULL;

  *out_terms = (HawserSubscriptionTerms) { 0 };
  if (terms != NULL)
    *out_terms = (HawserSubscriptionTerms) { terms->description, terms->attributes, terms->expires_us, terms->rate };
}

void
hawser_receiver_forget_terms (HawserReceiver *self)
{
  if (self->durable->terms == NULL)
    return;
  g_clear_pointer (&self->durable->terms, hawser_terms_free);
  keep (self);
}

static void
recover (gpointer data, const char *key, GBytes *value)
{
  HawserBus *bus = data;
  HawserReceiver *receiver = g_hash_table_lookup (bus->durable, key);
  g_autoptr (GVariant) kept = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (TYPE), value, FALSE));
  g_autoptr (GError) error = NULL;
  HawserSubscriptionTerms terms = { 0 };

  if (receiver == NULL)
    return;
  g_variant_get (kept, "(&s&sxd)", &terms.description, &terms.attributes, &terms.expires_us, &terms.spool_rate);
  if (*terms.description == '\0')
    terms.description = NULL;
  if (*terms.attributes == '\0')
    terms.attributes = NULL;
  if (!apply (receiver, &terms, &error))
    g_warning ("subscription '%s': %s", key, error->message);
}

gboolean
hawser_bus_recover_terms (HawserBus *self, GError **error)
{
  return hawser_journal_foreach_value (&self->journal, SPACE, recover, self, error);
}

/* ---- Subscriptions that their topic allows only so long ---- */

typedef struct {
  HawserTimer timer;             /* first: the callback casts */
  HawserEntry *entry;
} Lease;

static void
lease_free (gpointer data)
{
  hawser_timer_disarm (&((Lease *) data)->timer);
  g_free (data);
}

static void
on_lease_over (HawserTimer *timer)
{
  HawserEntry *entry = ((Lease *) timer)->entry;
  HawserReceiver *self = entry->receiver;
  g_autofree char *filter = hawser_match_node_dup_path (entry->node);

  hawser_receiver_tell_end (self, filter, "max-subscription-duration");
  hawser_receiver_remove_entry (self, entry); /* frees the lease */
  hawser_receiver_save_later (self);
  if (self->funcs != NULL && self->funcs->filter_ended != NULL)
    self->funcs->filter_ended (self, self->data, filter, HAWSER_ERROR_TIMEOUT);
  else if (self->n_entries == 0 && self->members == NULL && !(self->flags & HAWSER_RECEIVER_DURABLE))
    hawser_receiver_remove (self);
}

/* The shortest that a topic declares which @filter can match; 0: as long as it likes. */
static gint64
find_limit (HawserBus *bus, const char *text, gsize len)
{
  g_autofree char *name = g_strndup (text, len);
  g_autoptr (HawserTopicFilter) wanted = NULL;
  HawserLocalTopic *settings;
  gint64 limit_us = 0;
  GHashTableIter iter;
  gpointer topic;

  if (strpbrk (name, "+#") == NULL)
    {
      settings = hawser_topic_table_resolve (&bus->topics, name, len);
      return settings != NULL ? settings->max_subscription_us : 0;
    }
  wanted = hawser_topic_filter_new (name, NULL);
  g_hash_table_iter_init (&iter, bus->topics.declared);
  while (wanted != NULL && g_hash_table_iter_next (&iter, NULL, &topic))
    if (HAWSER_IS_LOCAL_TOPIC (topic) && HAWSER_LOCAL_TOPIC (topic)->max_subscription_us > 0)
      {
        g_autoptr (HawserTopicFilter) other = hawser_topic_filter_new (HAWSER_LOCAL_TOPIC (topic)->name, NULL);
        gint64 own_us = HAWSER_LOCAL_TOPIC (topic)->max_subscription_us;

        if (other != NULL && hawser_topic_filter_overlaps (wanted, other) && (limit_us == 0 || own_us < limit_us))
          limit_us = own_us;
      }
  return limit_us;
}

static gboolean
has_limits (HawserBus *bus)
{
  GHashTableIter iter;
  gpointer topic;

  if (bus->leases_version != bus->topics.settings_version + 1)
    {
      bus->leases_version = bus->topics.settings_version + 1;
      bus->has_leases = FALSE;
      g_hash_table_iter_init (&iter, bus->topics.declared);
      while (!bus->has_leases && g_hash_table_iter_next (&iter, NULL, &topic))
        bus->has_leases = HAWSER_IS_LOCAL_TOPIC (topic) && HAWSER_LOCAL_TOPIC (topic)->max_subscription_us > 0;
    }
  return bus->has_leases;
}

void
hawser_receiver_lease_entry (HawserReceiver *self, HawserEntry *entry, const char *filter, gsize len)
{
  HawserBus *bus = self->bus;
  gint64 limit_us;
  Lease *lease;

  if (G_LIKELY (!has_limits (bus)) || self->flags & (HAWSER_RECEIVER_HIDDEN | HAWSER_RECEIVER_PASSIVE | HAWSER_RECEIVER_PROVISIONED | HAWSER_RECEIVER_GROUP))
    return;
  limit_us = find_limit (bus, filter, len);
  if (limit_us == 0)
    return;
  if (bus->leases == NULL)
    bus->leases = g_hash_table_new_full (NULL, NULL, NULL, lease_free);
  lease = g_new0 (Lease, 1);
  lease->entry = entry;
  g_hash_table_insert (bus->leases, entry, lease);
  hawser_timer_arm (&lease->timer, bus->lane, hawser_lane_get_now_us (bus->lane) + limit_us, on_lease_over);
}

void
hawser_entry_end_lease (HawserBus *bus, HawserEntry *entry)
{
  if (G_UNLIKELY (bus->leases != NULL))
    g_hash_table_remove (bus->leases, entry);
}
