/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The settings of a bridge, which are keys of a [bridge] group as well, and the rules that they make. Read when it starts. */

#include "hawser-bridge-private.h"

#include "hawser-bridge-rule-private.h"
#include "hawser-error.h"
#include "hawser-param-spec.h"
#include "hawser-setting.h"

#define DAY_US (G_GINT64_CONSTANT (86400) * G_USEC_PER_SEC)

void
hawser_bridge_settings_install (GObjectClass *klass)
{
  const GParamFlags setting = HAWSER_SETTING_FLAGS;

  HAWSER_SETTING (klass, HawserBridge, settings.topics_in,
    g_param_spec_boxed ("topics-in", NULL, "What comes in from the broker: PATTERN [qos=N] [local=PREFIX] [remote=PREFIX]", G_TYPE_STRV, setting));
  HAWSER_SETTING (klass, HawserBridge, settings.topics_out,
    g_param_spec_boxed ("topics-out", NULL, "What goes out to the broker, in the same form", G_TYPE_STRV, setting));
  HAWSER_SETTING (klass, HawserBridge, settings.topics_both,
    g_param_spec_boxed ("topics-both", NULL, "What goes both ways, in the same form", G_TYPE_STRV, setting));
  HAWSER_SETTING (klass, HawserBridge, settings.max_in_flight,
    g_param_spec_uint ("max-in-flight", NULL, "Messages sent and not answered", 1, 65535, 100, setting));
  HAWSER_SETTING (klass, HawserBridge, settings.max_hops,
    g_param_spec_uint ("max-hops", NULL, "Bridges that a message may pass before it is taken for one that goes round", 1, 1000, 16, setting));
  HAWSER_SETTING (klass, HawserBridge, settings.mark_origin,
    g_param_spec_boolean ("mark-origin", NULL, "Whether messages that pass carry user property hawser-via, which keeps them from going round over several bridges", TRUE, setting));
  HAWSER_SETTING (klass, HawserBridge, settings.retry_initial,
    hawser_param_spec_duration ("retry-initial", "Longest pause after the first failure to connect; doubles with each failure", 1000, DAY_US, G_USEC_PER_SEC, setting));
  HAWSER_SETTING (klass, HawserBridge, settings.retry_maximum,
    hawser_param_spec_duration ("retry-maximum", "Longest pause between two attempts to connect", 1000, DAY_US, 30 * G_USEC_PER_SEC, setting));
  HAWSER_SETTING (klass, HawserBridge, settings.spool_limit,
    hawser_param_spec_size ("spool-limit", "Most bytes that wait to be sent", 1024, G_MAXUINT64, 256 * 1024 * 1024, setting));
  HAWSER_SETTING (klass, HawserBridge, settings.max_queued,
    g_param_spec_uint ("max-queued", NULL, "Most messages that wait to be sent", 1, G_MAXUINT32, 10000000, setting));
  HAWSER_SETTING (klass, HawserBridge, settings.max_age,
    hawser_param_spec_duration ("max-age", "Messages that waited longer are dropped; 0 keeps them", 0, G_MAXINT64, 0, setting));
  HAWSER_SETTING (klass, HawserBridge, settings.on_overflow,
    g_param_spec_enum ("on-overflow", NULL, "What happens to a message when a limit of the queue is reached", HAWSER_TYPE_OVERFLOW, HAWSER_OVERFLOW_DROP_OLDEST, setting));
}

static gboolean
parse_rules (char **texts, GPtrArray *first, GPtrArray *second, const char *key, GError **error)
{
  for (guint i = 0; texts != NULL && texts[i] != NULL; i++)
    for (guint n = 0; n < 2; n++)
      {
        GPtrArray *rules = n == 0 ? first : second;
        HawserBridgeRule *rule = rules != NULL ? hawser_bridge_rule_parse (texts[i], error) : NULL;

        if (rule != NULL)
          g_ptr_array_add (rules, rule);
        else if (rules != NULL)
          {
            g_prefix_error (error, "%s: ", key);
            return FALSE;
          }
      }
  return TRUE;
}

gboolean
hawser_bridge_settings_check (HawserBridge *self, GError **error)
{
  const HawserBridgeSettings *settings = &self->settings;

  g_ptr_array_set_size (self->in, 0);
  g_ptr_array_set_size (self->out, 0);
  if (!parse_rules (settings->topics_in, self->in, NULL, "topics-in", error) ||
      !parse_rules (settings->topics_out, self->out, NULL, "topics-out", error) ||
      !parse_rules (settings->topics_both, self->in, self->out, "topics-both", error))
    return FALSE;
  if (self->in->len + self->out->len == 0)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "no topic passes it: name topics-in, topics-out or topics-both");
      return FALSE;
    }
  if (settings->retry_maximum >= settings->retry_initial)
    return TRUE;
  g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "retry-maximum is below retry-initial");
  return FALSE;
}
