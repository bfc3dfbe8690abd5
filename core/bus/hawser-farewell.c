/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages in the name of a party that is away, published unless it comes back in time: what MQTT calls a will with a delay. Kept
 * in the journal, if there is one, so that a restart changes nothing. The rights are those of the moment at which it is
 * published. Context: the bus's lane. */

#include "hawser-farewell.h"

#include <string.h>

#include "hawser-hash.h"
#include "hawser-message-private.h"
#include "hawser-principal.h"
#include "hawser-topic-raw.h"

#define SPACE "farewells"
#define STORED_TYPE "(xsayayuybmsmsmsmsbmsmsa(ss))"

struct _HawserFarewells {
  HawserLane *lane;
  const HawserJournal *journal;
  HawserFarewellFunc publish;
  gpointer data;
  GHashTable *by_key;            /* of Farewell */
};

/* One party's. */
typedef struct {
  HawserTimer timer;             /* first: the callback casts */
  HawserFarewells *all;
  char *key;
  HawserMessage *message;
  gint64 due_us;
  char *client_id, *listener, *protocol, *address;
  const char *mount_point;       /* interned */
  HawserPrincipal *principal;
  gboolean is_encrypted;
} Farewell;

static void
farewell_free (gpointer data)
{
  Farewell *self = data;

  hawser_timer_disarm (&self->timer);
  g_clear_pointer (&self->message, hawser_message_unref);
  g_clear_pointer (&self->principal, hawser_principal_unref);
  g_free (self->key);
  g_free (self->client_id);
  g_free (self->listener);
  g_free (self->protocol);
  g_free (self->address);
  g_free (self);
}

HawserFarewells *
hawser_farewells_new (HawserLane *lane, const HawserJournal *journal, HawserFarewellFunc publish, gpointer data)
{
  HawserFarewells *self = g_new0 (HawserFarewells, 1);

  self->lane = lane;
  self->journal = journal;
  self->publish = publish;
  self->data = data;
  self->by_key = g_hash_table_new_full (hawser_hash_string, g_str_equal, NULL, farewell_free);
  return self;
}

void
hawser_farewells_free (HawserFarewells *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->by_key);
  g_free (self);
}

void
hawser_farewells_forget (HawserFarewells *self)
{
  g_hash_table_remove_all (self->by_key);
}

/* (transfer full): it is in the table no more. The message is in its queues before it leaves the journal: a crash may repeat it. */
static void
publish (Farewell *self)
{
  HawserFarewells *all = self->all;
  const HawserPolicyContext context = {
    .principal = self->principal, .client_id = self->client_id, .listener = self->listener, .protocol = self->protocol,
    .topic = hawser_message_get_topic (self->message), .address = self->address, .is_encrypted = self->is_encrypted, .mount_point = self->mount_point,
  };

  all->publish (all->data, &context, g_steal_pointer (&self->message));
  hawser_journal_remove (all->journal, SPACE, self->key, NULL, NULL);
  farewell_free (self);
}

static void
on_due (HawserTimer *timer)
{
  Farewell *self = (Farewell *) timer;

  g_hash_table_steal (self->all->by_key, self->key);
  publish (self);
}

static void
insert (Farewell *self)
{
  g_hash_table_replace (self->all->by_key, self->key, self);
  hawser_timer_arm (&self->timer, self->all->lane, self->due_us, on_due);
}

static GBytes *
store (Farewell *self)
{
  HawserMessage *message = self->message;
  g_auto (GStrv) pairs = self->principal != NULL ? hawser_principal_list_claims (self->principal) : NULL;
  GVariantBuilder claims;
  g_autoptr (GVariant) stored = NULL;

  g_variant_builder_init (&claims, G_VARIANT_TYPE ("a(ss)"));
  for (guint i = 0; pairs != NULL && pairs[i] != NULL; i++)
    {
      char *equals = strchr (pairs[i], '=');

      *equals = '\0';
      g_variant_builder_add (&claims, "(ss)", pairs[i], equals + 1);
    }
  stored = g_variant_ref_sink (g_variant_new ("(xs@ay@ayuybmsmsmsmsbmsmsa(ss))", self->due_us + hawser_journal_get_line_offset_us (self->all->journal), message->data,
                                              g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, hawser_message_properties (message), message->properties_len, 1),
                                              g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, message->payload, message->payload_len, 1),
                                              message->expiry_s, message->qos, (gboolean) message->retain, self->client_id, self->listener, self->protocol,
                                              self->address, self->is_encrypted, self->mount_point,
                                              self->principal != NULL ? hawser_principal_get_name (self->principal) : NULL, &claims));
  return g_variant_get_data_as_bytes (stored);
}

void
hawser_farewells_promise (HawserFarewells *self, const char *key, const HawserPolicyContext *context, HawserMessage *message, gint64 delay_us)
{
  Farewell *farewell = g_new0 (Farewell, 1);

  *farewell = (Farewell) {
    .all = self, .key = g_strdup (key), .message = message, .due_us = hawser_lane_get_now_us (self->lane) + delay_us,
    .client_id = g_strdup (context->client_id), .listener = g_strdup (context->listener), .protocol = g_strdup (context->protocol),
    .address = g_strdup (context->address), .mount_point = g_intern_string (context->mount_point), .is_encrypted = context->is_encrypted,
    .principal = context->principal != NULL ? hawser_principal_ref (context->principal) : NULL,
  };
  insert (farewell);
  if (hawser_journal_exists (self->journal))
    {
      g_autoptr (GBytes) stored = store (farewell);

      hawser_journal_put (self->journal, SPACE, key, stored, NULL, NULL);
    }
}

gboolean
hawser_farewells_end (HawserFarewells *self, const char *key, gboolean is_kept)
{
  Farewell *farewell = g_hash_table_lookup (self->by_key, key);

  if (farewell == NULL)
    return FALSE;
  g_hash_table_steal (self->by_key, key);
  if (is_kept)
    {
      publish (farewell);
      return TRUE;
    }
  hawser_journal_remove (self->journal, SPACE, key, NULL, NULL);
  farewell_free (farewell);
  return TRUE;
}

static void
recover (gpointer data, const char *key, GBytes *value)
{
  HawserFarewells *all = data;
  g_autoptr (GVariant) stored = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (STORED_TYPE), value, FALSE));
  g_autoptr (GVariant) properties = NULL, payload = NULL;
  g_autoptr (GVariantIter) claims = NULL;
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *mount = NULL, *principal = NULL;
  const char *topic, *claim, *claim_value;
  HawserMessageInit init = { 0 };
  Farewell *self = g_new0 (Farewell, 1);
  gint64 line_us;
  gboolean retain;
  gsize len;

  self->all = all;
  self->key = g_strdup (key);
  g_variant_get (stored, "(x&s@ay@ayuybmsmsmsmsbmsmsa(ss))", &line_us, &topic, &properties, &payload, &init.expiry_s, &init.qos, &retain, &self->client_id,
                 &self->listener, &self->protocol, &self->address, &self->is_encrypted, &mount, &principal, &claims);
  if (!hawser_topic_name_check (topic, strlen (topic)) || init.qos > 2)
    {
      g_warning ("the last words of '%s' could not be read and are left out", key);
      farewell_free (self);
      return;
    }
  while (g_variant_iter_next (claims, "(&s&s)", &claim, &claim_value))
    g_ptr_array_add (texts, g_strconcat (claim, "=", claim_value, NULL));
  g_ptr_array_add (texts, NULL);
  if (principal != NULL)
    self->principal = hawser_principal_new_from_strings (principal, (const char * const *) texts->pdata);
  init.topic = topic;
  init.topic_len = strlen (topic);
  init.retain = retain != FALSE;
  init.properties = g_variant_get_fixed_array (properties, &len, 1);
  init.properties_len = (guint32) len;
  init.payload = g_variant_get_fixed_array (payload, &len, 1);
  init.payload_len = (guint32) len;
  self->message = hawser_message_new_raw (&init);
  self->mount_point = g_intern_string (mount);
  self->due_us = line_us - hawser_journal_get_line_offset_us (all->journal);
  insert (self);
}

gboolean
hawser_farewells_recover (HawserFarewells *self, GError **error)
{
  return hawser_journal_foreach_value (self->journal, SPACE, recover, self, error);
}
