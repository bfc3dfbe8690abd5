/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a durable receiver is in the journal: its filters, party and limits, written once a turn when they changed, read
 * back at the start. Its messages are hawser-receiver-flow.c. Context: the bus's lane. */

#include "hawser-bus-private.h"
#include "hawser-group-private.h"
#include "hawser-receiver-private.h"

#include <string.h>

#include "hawser-author.h"
#include "hawser-principal.h"
#include "hawser-topic-raw.h"

#define META_TYPE "(uuutxubssa{ss}a(syybbu)xm" HAWSER_AUTHOR_TYPE ")"
#define FORMER_META_TYPE "(uuutxubssa{ss}a(syybbu)x)" /* which knew the name of a party */
#define HAS_PARTY (1u << 31)                             /* among the flags: not the former type */

static GBytes *
save_meta (HawserReceiver *self)
{
  HawserDurable *durable = self->durable;
  GVariantBuilder claims, filters;
  g_autoptr (GVariant) meta = NULL;

  g_variant_builder_init (&claims, G_VARIANT_TYPE ("a{ss}"));
  g_variant_builder_init (&filters, G_VARIANT_TYPE ("a(syybbu)"));
  for (HawserEntry *entry = self->entries; entry != NULL; entry = entry->next_of_receiver)
    {
      g_autofree char *filter = hawser_match_node_dup_path (entry->node);

      g_variant_builder_add (&filters, "(syybbu)", filter, entry->qos, 0, entry->no_local, entry->retain_as_published, entry->id);
    }
  for (HawserMember *member = self->members; member != NULL; member = member->next)
    if (!member->is_leaving)
      g_variant_builder_add (&filters, "(syybbu)", hawser_group_get_text (member->group), member->qos, member->shares_exactly_once, FALSE,
                             member->retain_as_published, member->id);
  meta = g_variant_ref_sink (g_variant_new ("(uuutxubssa{ss}a(syybbu)xm@" HAWSER_AUTHOR_TYPE ")", HAS_PARTY | self->flags, durable->expiry_s, durable->limits.max_messages,
                                            durable->limits.max_bytes, durable->limits.max_age_us, (guint32) durable->limits.overflow, durable->party != NULL,
                                            durable->identity != NULL ? durable->identity : "", "", &claims, &filters, durable->detached_us,
                                            durable->party != NULL ? hawser_author_to_variant (durable->party) : NULL));
  return g_variant_get_data_as_bytes (meta);
}

void
hawser_receiver_save_now (HawserReceiver *self)
{
  HawserBus *bus = self->bus;

  self->needs_save = FALSE;
  if (self->durable == NULL || !(self->flags & HAWSER_RECEIVER_DURABLE) || !hawser_journal_exists (&bus->journal) || self->is_removed)
    return;
  {
    g_autoptr (GBytes) meta = save_meta (self);

    if (self->durable->queue == 0)
      self->durable->queue = bus->journal.funcs->add_queue (bus->journal.log, self->durable->id, meta);
    else
      bus->journal.funcs->update_queue (bus->journal.log, self->durable->queue, meta);
  }
}

/* What waits for the end of the turn, now. */
void
hawser_receiver_save (HawserReceiver *self)
{
  if (self->needs_save)
    hawser_receiver_save_now (self);
}

/* Once a turn, however many filters change in it. */
void
hawser_receiver_save_later (HawserReceiver *self)
{
  if (!(self->flags & HAWSER_RECEIVER_DURABLE) || !hawser_journal_exists (&self->bus->journal) || self->is_removed)
    return;
  self->needs_save = TRUE;
  hawser_lane_mark_dirty (self->bus->lane, &self->dirty);
}

static void
on_absent_too_long (HawserTimer *timer)
{
  HawserDurable *durable = (HawserDurable *) ((char *) timer - G_STRUCT_OFFSET (HawserDurable, timer));

  durable->receiver->bus->n_expired_receivers++;
  hawser_receiver_remove (durable->receiver);
}

void
hawser_receiver_arm_expiry (HawserReceiver *self)
{
  HawserDurable *durable = self->durable;
  gint64 away_us;

  if (durable->expiry_s == G_MAXUINT32 || (self->flags & HAWSER_RECEIVER_PROVISIONED))
    return;
  away_us = MAX (0, hawser_journal_get_line_us (&self->bus->journal) - durable->detached_us);
  hawser_timer_arm (&durable->timer, self->bus->lane,
                    hawser_lane_get_now_us (self->bus->lane) + MAX (0, (gint64) durable->expiry_s * G_USEC_PER_SEC - away_us), on_absent_too_long);
}

/* Kept by identity, for the peer that proves it. */
void
hawser_receiver_keep_identity (HawserReceiver *self, const char *identity)
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

/* What the former type said of a party, whose client id is in the id of its queue. */
static HawserPolicyContext *
load_former_party (const char *id, const char *name)
{
  g_autoptr (HawserPrincipal) principal = *name != '\0' ? hawser_principal_new (name, NULL) : NULL;
  const char *colon = strchr (id, ':');
  g_autofree char *protocol = colon != NULL ? g_strndup (id, (gsize) (colon - id)) : g_strdup ("");

  return hawser_author_new (&(HawserPolicyContext) { .principal = principal, .client_id = colon != NULL ? colon + 1 : id, .protocol = protocol }, NULL);
}

void
hawser_receiver_recover (HawserBus *bus, const HawserJournalQueue *queue)
{
  guint32 first = 0;
  gboolean has_party;
  g_autoptr (GVariant) meta = NULL, party = NULL;
  g_autoptr (GVariantIter) claims = NULL, filters = NULL;
  HawserQueueLimits limits = { 0 };
  guint32 flags, expiry_s, overflow, id;
  const char *identity, *principal_name, *filter;
  gboolean is_peer, no_local, retain_as_published;
  guint8 qos, spare;
  gint64 detached_us;
  HawserReceiver *self;

  memcpy (&first, g_bytes_get_data (queue->meta, NULL), MIN (g_bytes_get_size (queue->meta), sizeof first));
  has_party = (first & HAS_PARTY) != 0;
  meta = g_variant_ref_sink (g_variant_new_from_bytes (has_party ? G_VARIANT_TYPE (META_TYPE) : G_VARIANT_TYPE (FORMER_META_TYPE), queue->meta, FALSE));
  if (has_party)
    g_variant_get (meta, "(uuutxub&s&sa{ss}a(syybbu)xm@" HAWSER_AUTHOR_TYPE ")", &flags, &expiry_s, &limits.max_messages, &limits.max_bytes, &limits.max_age_us, &overflow,
                   &is_peer, &identity, &principal_name, &claims, &filters, &detached_us, &party);
  else
    g_variant_get (meta, "(uuutxub&s&sa{ss}a(syybbu)x)", &flags, &expiry_s, &limits.max_messages, &limits.max_bytes, &limits.max_age_us, &overflow, &is_peer, &identity,
                   &principal_name, &claims, &filters, &detached_us);
  flags &= ~HAS_PARTY;
  bus->committed_position = MAX (bus->committed_position, queue->last_position);
  if (flags & HAWSER_RECEIVER_GROUP)
    {
      hawser_group_recover (bus, queue);
      return;
    }
  limits.overflow = MIN (overflow, HAWSER_OVERFLOW_BLOCK);
  self = hawser_receiver_make (bus, queue->id, flags, &limits);
  self->is_recovered = TRUE;
  self->durable->queue = queue->queue;
  self->durable->expiry_s = expiry_s;
  hawser_receiver_keep_identity (self, *identity != '\0' ? identity : NULL);
  self->durable->recovered_position = queue->last_position;
  self->durable->skipped_position = G_MAXUINT64;
  self->durable->detached_us = detached_us != 0 ? detached_us : hawser_journal_get_line_us (&bus->journal);
  if (party != NULL)
    self->durable->party = hawser_author_from_variant (party);
  else if (is_peer)
    self->durable->party = load_former_party (queue->id, principal_name);
  while (g_variant_iter_loop (filters, "(&syybbu)", &filter, &qos, &spare, &no_local, &retain_as_published, &id))
    {
      HawserMatchNode *node;
      HawserEntry *entry;
      gsize len = strlen (filter);

      if (hawser_topic_filter_is_shared_raw (filter, len))
        {
          const HawserSubscribeOptions options = { .qos = MIN (qos, 2), .retain_as_published = retain_as_published, .id = id, .shares_exactly_once = spare };
          gsize at;

          if (hawser_group_parse (filter, len, &at))
            hawser_group_join (self, filter, len, &options);
          continue;
        }
      if (!hawser_topic_filter_check (filter, len))
        continue;
      node = hawser_match_tree_insert (bus->routes.filters, filter, len);
      entry = hawser_receiver_add_entry (self, node, filter, len);
      entry->id = id;
      entry->qos = MIN (qos, 2);
      entry->no_local = no_local;
      entry->retain_as_published = retain_as_published;
      self->has_ids |= id != 0;
      hawser_routes_filter_changed (&bus->routes, filter, len);
      hawser_receiver_lease_entry (self, entry, filter, len);
    }
  hawser_receiver_arm_expiry (self);
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
  hawser_receiver_keep_identity (self, identity);
  hawser_receiver_save_later (self);
}

void
hawser_receiver_set_expiry (HawserReceiver *self, guint32 expiry_s)
{
  if (self->durable == NULL || self->flags & HAWSER_RECEIVER_PROVISIONED || self->durable->expiry_s == expiry_s)
    return;
  self->durable->expiry_s = expiry_s;
  hawser_receiver_save_later (self);
}

void
hawser_bus_idle_unclaimed (HawserBus *self)
{
  hawser_bus_sweep_history (self);
  for (HawserReceiver *receiver = self->receivers; receiver != NULL; receiver = receiver->next)
    if (receiver->is_recovered && receiver->flags & HAWSER_RECEIVER_CONFIGURED)
      {
        g_warning ("subscription '%s' is not configured any more: %" G_GSIZE_FORMAT " messages wait in the spool, nothing is added",
                   receiver->durable->id, hawser_receiver_get_n_queued (receiver));
        while (receiver->entries != NULL)
          hawser_receiver_remove_entry (receiver, receiver->entries);
      }
}
