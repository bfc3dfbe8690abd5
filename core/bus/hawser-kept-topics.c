/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Topics that were declared while the bus ran, by the admin API for instance, and are to be there after a restart: their
 * properties as a GVariant a{sv} in the journal's space "topics". A declaration by the configuration wins over a kept
 * one of the same name. Context: the bus's lane. */

#include "hawser-kept-topics.h"

#include <string.h>

#include "hawser-local-topic-private.h"

#define SPACE "topics"
#define WRITTEN "written"            /* member of the dictionary: a{ss}, values as they were written */

struct _HawserKeptTopics {
  const HawserJournal *journal;
  GHashTable *names;
  HawserKeptTopicFunc add;           /* while they are recovered */
  gpointer data;
};

HawserKeptTopics *
hawser_kept_topics_new (const HawserJournal *journal)
{
  HawserKeptTopics *self = g_new0 (HawserKeptTopics, 1);

  self->journal = journal;
  self->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

void
hawser_kept_topics_free (HawserKeptTopics *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->names);
  g_free (self);
}

gboolean
hawser_kept_topics_contains (HawserKeptTopics *self, const char *name)
{
  return g_hash_table_contains (self->names, name);
}

static GVariant *
to_variant (const GValue *value)
{
  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value)))
    {
    case G_TYPE_STRING: return g_value_get_string (value) != NULL ? g_variant_new_string (g_value_get_string (value)) : NULL;
    case G_TYPE_BOOLEAN: return g_variant_new_boolean (g_value_get_boolean (value));
    case G_TYPE_INT64: return g_variant_new_int64 (g_value_get_int64 (value));
    case G_TYPE_UINT64: return g_variant_new_uint64 (g_value_get_uint64 (value));
    case G_TYPE_UINT: return g_variant_new_uint32 (g_value_get_uint (value));
    case G_TYPE_ENUM: return g_variant_new_int32 (g_value_get_enum (value));
    default: return NULL;
    }
}

static gboolean
from_variant (GVariant *variant, GValue *value)
{
  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value)))
    {
#define CASE(type, variant_type, set, get) \
    case type: \
      if (!g_variant_is_of_type (variant, variant_type)) \
        return FALSE; \
      set (value, get); \
      return TRUE
    CASE (G_TYPE_STRING, G_VARIANT_TYPE_STRING, g_value_set_string, g_variant_get_string (variant, NULL));
    CASE (G_TYPE_BOOLEAN, G_VARIANT_TYPE_BOOLEAN, g_value_set_boolean, g_variant_get_boolean (variant));
    CASE (G_TYPE_INT64, G_VARIANT_TYPE_INT64, g_value_set_int64, g_variant_get_int64 (variant));
    CASE (G_TYPE_UINT64, G_VARIANT_TYPE_UINT64, g_value_set_uint64, g_variant_get_uint64 (variant));
    CASE (G_TYPE_UINT, G_VARIANT_TYPE_UINT32, g_value_set_uint, g_variant_get_uint32 (variant));
    CASE (G_TYPE_ENUM, G_VARIANT_TYPE_INT32, g_value_set_enum, g_variant_get_int32 (variant));
#undef CASE
    default: return FALSE;
    }
}

void
hawser_kept_topics_keep (HawserKeptTopics *self, HawserTopic *topic)
{
  g_autofree char *name = hawser_topic_dup_name (topic);
  g_autofree GParamSpec **pspecs = NULL;
  GVariantBuilder builder, written;
  g_autoptr (GVariant) stored = NULL;
  g_autoptr (GBytes) bytes = NULL;
  guint n_pspecs;

  if (!hawser_journal_exists (self->journal) || !HAWSER_IS_LOCAL_TOPIC (topic))
    return;
  pspecs = g_object_class_list_properties (G_OBJECT_GET_CLASS (topic), &n_pspecs);
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_init (&written, G_VARIANT_TYPE ("a{ss}"));
  for (guint i = 0; i < n_pspecs; i++)
    {
      g_auto (GValue) value = G_VALUE_INIT;
      const char *text = hawser_local_topic_get_written (HAWSER_LOCAL_TOPIC (topic), pspecs[i]->name);
      GVariant *variant;

      if (strcmp (pspecs[i]->name, "name") == 0)
        continue;
      if (text != NULL)
        g_variant_builder_add (&written, "{ss}", pspecs[i]->name, text);
      g_object_get_property (G_OBJECT (topic), pspecs[i]->name, &value);
      variant = hawser_local_topic_gives (HAWSER_LOCAL_TOPIC (topic), pspecs[i]->name) ? to_variant (&value) : NULL;
      if (variant != NULL)
        g_variant_builder_add (&builder, "{sv}", pspecs[i]->name, variant);
    }
  g_variant_builder_add (&builder, "{sv}", WRITTEN, g_variant_builder_end (&written));
  stored = g_variant_ref_sink (g_variant_builder_end (&builder));
  bytes = g_variant_get_data_as_bytes (stored);
  hawser_journal_put (self->journal, SPACE, name, bytes, NULL, NULL);
  g_hash_table_add (self->names, g_steal_pointer (&name));
}

void
hawser_kept_topics_forget (HawserKeptTopics *self, const char *name)
{
  if (g_hash_table_remove (self->names, name))
    hawser_journal_remove (self->journal, SPACE, name, NULL, NULL);
}

static void
recover_written (HawserLocalTopic *topic, GVariant *stored)
{
  g_autoptr (GVariant) written = g_variant_lookup_value (stored, WRITTEN, G_VARIANT_TYPE ("a{ss}"));
  GVariantIter iter;
  const char *name, *text;

  if (written == NULL)
    return;
  g_variant_iter_init (&iter, written);
  while (g_variant_iter_next (&iter, "{&s&s}", &name, &text))
    if (hawser_local_topic_gives (topic, name))
      hawser_local_topic_set_written (topic, name, text);
}

static void
recover (gpointer data, const char *key, GBytes *value)
{
  HawserKeptTopics *self = data;
  g_autoptr (GVariant) stored = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE_VARDICT, value, FALSE));
  g_autoptr (HawserLocalTopic) topic = hawser_local_topic_new (key);
  g_autoptr (GError) error = NULL;
  GVariantIter iter;
  const char *name;
  GVariant *variant;

  g_variant_iter_init (&iter, stored);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &variant))
    {
      GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (topic), name);
      g_auto (GValue) property = G_VALUE_INIT;

      if (pspec == NULL || !(pspec->flags & G_PARAM_WRITABLE) || pspec->flags & G_PARAM_CONSTRUCT_ONLY)
        continue;
      g_value_init (&property, G_PARAM_SPEC_VALUE_TYPE (pspec));
      if (from_variant (variant, &property))
        g_object_set_property (G_OBJECT (topic), name, &property);
    }
  recover_written (topic, stored);
  if (!self->add (self->data, HAWSER_TOPIC (topic), &error))
    g_debug ("kept topic '%s' was left out: %s", key, error->message);
  else
    g_hash_table_add (self->names, g_strdup (key));
}

gboolean
hawser_kept_topics_recover (HawserKeptTopics *self, HawserKeptTopicFunc add, gpointer data, GError **error)
{
  self->add = add;
  self->data = data;
  return hawser_journal_foreach_value (self->journal, SPACE, recover, self, error);
}
