/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which topics pass a bridge, and what each is called on the other side. Pure functions; any thread. */

#include "hawser-bridge-rule-private.h"

#include <string.h>

#include "hawser-error.h"

#define DEFAULT_QOS 1

/* Takes `NAME=` and what follows off the end of @text; NULL when the last word is none of them. */
static char *
take_option (char *text, const char **out_name)
{
  static const char * const names[] = { "qos=", "local=", "remote=" };
  char *space = strrchr (text, ' ');

  for (gsize i = 0; space != NULL && i < G_N_ELEMENTS (names); i++)
    if (g_str_has_prefix (space + 1, names[i]))
      {
        *out_name = names[i];
        *space = '\0';
        g_strchomp (text);
        return space + 1 + strlen (names[i]);
      }
  return NULL;
}

static HawserTopicFilter *
make_filter (const char *prefix, const char *pattern, GError **error)
{
  g_autofree char *text = g_strconcat (prefix, pattern, NULL);
  g_autoptr (HawserTopicFilter) filter = NULL;

  if (strpbrk (prefix, "+#") != NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "prefix '%s': a prefix has no + and #", prefix);
      return NULL;
    }
  filter = hawser_topic_filter_new (text, error);
  if (filter != NULL && hawser_topic_filter_is_shared (filter))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "topic filter '%s': a bridge takes no shared subscription", text);
      return NULL;
    }
  return g_steal_pointer (&filter);
}

HawserBridgeRule *
hawser_bridge_rule_parse (const char *text, GError **error)
{
  g_autofree char *left = g_strstrip (g_strdup (text)), *local = NULL, *remote = NULL;
  HawserBridgeRule *self = g_new0 (HawserBridgeRule, 1);
  const char *name;
  char *value;

  self->qos = DEFAULT_QOS;
  while ((value = take_option (left, &name)) != NULL)
    if (*name == 'q' && value[0] >= '0' && value[0] <= '2' && value[1] == '\0')
      self->qos = (guint8) (value[0] - '0');
    else if (*name == 'l' && local == NULL)
      local = g_strdup (value);
    else if (*name == 'r' && remote == NULL)
      remote = g_strdup (value);
    else
      {
        g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, *name == 'q' ? "'%s': qos is 0, 1 or 2" : "'%s': a prefix stands there twice", text);
        hawser_bridge_rule_free (self);
        return NULL;
      }
  if (strcmp (left, "\"\"") == 0)
    *left = '\0';
  self->local = make_filter (local != NULL ? local : "", left, error);
  self->remote = self->local != NULL ? make_filter (remote != NULL ? remote : "", left, error) : NULL;
  if (self->remote == NULL)
    {
      g_prefix_error (error, "'%s': ", text);
      hawser_bridge_rule_free (self);
      return NULL;
    }
  self->local_len = local != NULL ? strlen (local) : 0;
  self->remote_len = remote != NULL ? strlen (remote) : 0;
  return self;
}

void
hawser_bridge_rule_free (HawserBridgeRule *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->local, hawser_topic_filter_unref);
  g_clear_pointer (&self->remote, hawser_topic_filter_unref);
  g_free (self);
}

const HawserBridgeRule *
hawser_bridge_rule_find_local (GPtrArray *rules, const char *topic)
{
  for (guint i = 0; i < rules->len; i++)
    if (hawser_topic_filter_matches (((HawserBridgeRule *) rules->pdata[i])->local, topic))
      return rules->pdata[i];
  return NULL;
}

const HawserBridgeRule *
hawser_bridge_rule_find_remote (GPtrArray *rules, const char *topic)
{
  for (guint i = 0; i < rules->len; i++)
    if (hawser_topic_filter_matches (((HawserBridgeRule *) rules->pdata[i])->remote, topic))
      return rules->pdata[i];
  return NULL;
}

/* `a/#` matches `a` itself (MQTT 5.0 section 4.7.1.2): then the topic is the prefix without its slash. */
static char *
exchange (const char *topic, gsize prefix_len, const char *prefix, gsize other_len)
{
  gsize len = strlen (topic);

  if (len >= prefix_len)
    return g_strdup_printf ("%.*s%s", (int) other_len, prefix, topic + prefix_len);
  return g_strndup (prefix, other_len > 0 ? other_len - 1 : 0);
}

char *
hawser_bridge_rule_to_remote (const HawserBridgeRule *self, const char *local_topic)
{
  return exchange (local_topic, self->local_len, hawser_topic_filter_get_text (self->remote), self->remote_len);
}

char *
hawser_bridge_rule_to_local (const HawserBridgeRule *self, const char *remote_topic)
{
  return exchange (remote_topic, self->remote_len, hawser_topic_filter_get_text (self->local), self->local_len);
}
