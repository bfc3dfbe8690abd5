/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gateways, which speak for things that cannot. Where a family has a gateway-topic, the name of the principal that last reported for
 * a twin is kept, and what goes to the thing goes below that principal's topic. Whether it may report for it at all is said
 * before, by the publish-policy of the topic. The names are shared, one for all twins of a gateway. On the bus's lane; what
 * makes a filter for a principal touches only families, which are read only. */

#include "hawser-twins-private.h"

#include <string.h>

#include "hawser-topic-name.h"

#define MAX_NAME 256 /* bytes of a principal's name: it becomes one level of a topic */

/* One level: what a peer is called must not reach into the topic of another one. */
static gboolean
is_level (const char *name)
{
  return *name != '\0' && strlen (name) <= MAX_NAME && strpbrk (name, "/+#") == NULL;
}

/* A thing that connects itself is called as its twin, or as the last level of it. */
static gboolean
is_itself (const char *name, const char *id)
{
  const char *slash = strrchr (id, '/');

  return strcmp (name, id) == 0 || (slash != NULL && strcmp (name, slash + 1) == 0);
}

static gboolean
is_gateway (const HawserTwinFamily *family, const char *id, const char *name)
{
  return family->gateway_topic != NULL && name != NULL && is_level (name) && !is_itself (name, id);
}

static char *
make_topic (const HawserTwinFamily *family, const char *gateway, const char *rest)
{
  g_autoptr (GString) topic = g_string_new (family->gateway_topic);

  g_string_replace (topic, "{principal}", gateway, 0);
  g_string_append_printf (topic, "/%s", rest);
  return g_string_free (g_steal_pointer (&topic), FALSE);
}

/* TRUE: what goes to the thing takes another way from now on. */
gboolean
hawser_twin_note_gateway (HawserTwins *self, HawserTwinRef twin, HawserConnection *connection)
{
  HawserTwinFamily *family = hawser_twin_family (self, hawser_twin_get (self, twin));
  const char *name, *before;

  if (G_LIKELY (family->gateway_topic == NULL) || connection == NULL)
    return FALSE;
  name = hawser_connection_get_principal_name (connection);
  before = g_hash_table_lookup (self->gateways, GUINT_TO_POINTER (twin));
  if (!is_gateway (family, hawser_twins_get_id (self, twin), name))
    {
      if (before != NULL && self->host_funcs != NULL && self->host_funcs->patched != NULL)
        self->host_funcs->patched (self->host, twin);
      return g_hash_table_remove (self->gateways, GUINT_TO_POINTER (twin));
    }
  if (before != NULL && strcmp (before, name) == 0)
    return FALSE;
  g_hash_table_insert (self->gateways, GUINT_TO_POINTER (twin), g_ref_string_new_intern (name));
  if (self->host_funcs != NULL && self->host_funcs->patched != NULL)
    self->host_funcs->patched (self->host, twin); /* a restart must not send its commands nowhere */
  return TRUE;
}

const char *
hawser_twin_get_gateway (HawserTwins *self, HawserTwinRef twin)
{
  return g_hash_table_lookup (self->gateways, GUINT_TO_POINTER (twin));
}

void
hawser_twin_restore_gateway (HawserTwins *self, HawserTwinRef twin, const char *name)
{
  if (is_gateway (hawser_twin_family (self, hawser_twin_get (self, twin)), hawser_twins_get_id (self, twin), name))
    g_hash_table_insert (self->gateways, GUINT_TO_POINTER (twin), g_ref_string_new_intern (name));
}

/* Of `inbox/ID/SUBJECT` or `delta/ID` as the last gateway of @twin gets it; NULL: there is none. */
char *
hawser_twin_dup_gateway_topic (HawserTwins *self, HawserTwinRef twin, const char *rest)
{
  const char *gateway = g_hash_table_lookup (self->gateways, GUINT_TO_POINTER (twin));
  g_autofree char *topic = gateway != NULL ? make_topic (hawser_twin_family (self, hawser_twin_get (self, twin)), gateway, rest) : NULL;

  return topic != NULL && hawser_topic_name_is_valid (topic, -1, NULL) ? g_steal_pointer (&topic) : NULL;
}

/**
 * hawser_twins_dup_inbox_filter: (skip)
 * @self: twins
 * @id: a twin's id; it need not be there
 * @principal: (nullable): name of who reports for it
 *
 * Context: the bus's.
 *
 * Returns: (transfer full): the filter of what is sent to the twin when @principal was the last one to report for it
 * Since: 0.1
 */
char *
hawser_twins_dup_inbox_filter (HawserTwins *self, const char *id, const char *principal)
{
  HawserTwinFamily *family = hawser_twins_find_family (self, id);
  g_autofree char *rest = g_strconcat ("inbox/", id, "/#", NULL);

  if (family != NULL && is_gateway (family, id, principal))
    return make_topic (family, principal, rest);
  return g_strconcat ("$twin/", rest, NULL);
}
