/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The format of the configuration is complete from the first version; what stands behind a key may come later. A key that
 * would be ignored is named here, so that nobody believes in it. Called by HawserAssembly for each group, on its context. */

#include "hawser-assembly-effects-private.h"

#include <string.h>

#include "hawser-config-private.h"

/* What the assembly itself reads; properties of the objects it makes are found by asking them. */
static const struct {
  const char *kind;
  const char *keys;            /* between blanks */
} read_keys[] = {
  { "hawser", " name config-version state-dir plugins on-plugin-error max-message-size max-memory sync sync-interval sys-interval stop-timeout max-live-twins "
              "trace-context audit-file audit-chain on-audit-error " },
  { "log", " level format domains " },
  { "admin", " address enabled identities tls policy redact " },
  { "listener", " type address enabled description tls identities anonymous max-message-size " },
  { "topic", " description discovery-url enabled create expires publish-policy subscribe-policy require-encryption audit retain content-type "
             "max-message-size message-expiry max-subscription-duration dedup-window history " },
  { "bridge", " type enabled description " },
  { "store", " type description " },
  { "subscription", " topic type enabled description identity max-queued max-queued-bytes max-age ttl spool-limit on-overflow " },
};

static gboolean
has_property (GObject    *object,
              const char *key)
{
  GParamSpec *pspec = object != NULL ? g_object_class_find_property (G_OBJECT_GET_CLASS (object), key) : NULL;

  return pspec != NULL && (pspec->flags & G_PARAM_WRITABLE) != 0;
}

static gboolean
is_read (const char *kind,
         const char *key)
{
  g_autofree char *word = g_strdup_printf (" %s ", key);

  for (gsize i = 0; i < G_N_ELEMENTS (read_keys); i++)
    if (strcmp (read_keys[i].kind, kind) == 0)
      return strstr (read_keys[i].keys, word) != NULL;
  /* Kinds that are not in the table are read whole. */
  return TRUE;
}

/* Those of a queue without a sink; a sink has properties of these names, or leaves them to its runner. */
static gboolean
is_read_for_queue (const char *kind,
                   const char *key,
                   GObject    *first)
{
  static const char * const keys[] = { "filter", "not-me", "expires", "spool-rate", NULL };

  return strcmp (kind, "subscription") == 0 && first == NULL && g_strv_contains (keys, key);
}

/* Saying what holds anyway is no problem. */
static gboolean
says_what_holds (const char *key,
                 const char *value)
{
  static const struct {
    const char *key;
    const char *value;
  } holding[] = {
    { "dashboard", "true" }, { "metrics", "true" }, /* where there is no address */
    { "durable", "true" }, { "compression", "none" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (holding); i++)
    if (strcmp (holding[i].key, key) == 0 && g_strcmp0 (holding[i].value, value) == 0)
      return TRUE;
  return FALSE;
}

void
hawser_assembly_check_effects (HawserConfigGroup *group,
                               GObject           *first,
                               GObject           *second)
{
  const char *kind = hawser_config_group_get_kind (group);
  g_auto (GStrv) keys = hawser_config_group_list_keys (group);

  for (guint i = 0; keys[i] != NULL; i++)
    {
      const char *key = keys[i];

      /* the check has said already that there is no such key */
      if (hawser_config_group_find_key (group, key) == NULL)
        continue;
      if (is_read (kind, key) || is_read_for_queue (kind, key, first) || has_property (first, key) || has_property (second, key) ||
          says_what_holds (key, hawser_config_group_get_string (group, key)))
        continue;
      hawser_config_group_add_problem (group, key, HAWSER_CONFIG_SEVERITY_WARNING, "has no effect in this version");
    }
}
