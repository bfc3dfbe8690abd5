/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The settings of a sink runner, which are keys of a [subscription] group as well. Read when it starts. */

#include "hawser-sink-runner-private.h"

#include "hawser-param-spec.h"
#include "hawser-setting.h"

#define DAY_US (24 * 3600 * (gint64) G_USEC_PER_SEC)

gint64
hawser_sink_settings_get_max_age (const HawserSinkSettings *self)
{
  return self->max_age > 0 && (self->ttl == 0 || self->max_age < self->ttl) ? self->max_age : self->ttl;
}

void
hawser_sink_settings_install (GObjectClass *klass)
{
  const GParamFlags setting = HAWSER_SETTING_FLAGS;

  HAWSER_SETTING (klass, HawserSinkRunner, settings.topic,
    g_param_spec_string ("topic", NULL, "Filter of the topics whose messages are written", NULL, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.filter,
    g_param_spec_string ("filter", NULL, "Condition over the message: JSON Pointers into the payload and names of properties; others are not written", NULL, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.batch_count,
    g_param_spec_uint ("batch-count", NULL, "Most messages of one write", 1, 1000000, 1000, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.batch_size,
    hawser_param_spec_size ("batch-size", "Most payload bytes of one write; a larger message travels alone", 1, G_MAXUINT32, 1024 * 1024, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.batch_age,
    hawser_param_spec_duration ("batch-age", "Longest that a message waits for others to be written with", 0, DAY_US, G_USEC_PER_SEC, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.max_in_flight,
    g_param_spec_uint ("max-in-flight", NULL, "Most writes under way; messages of one key are never in two of them", 1, 1000, 4, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.retry_initial,
    hawser_param_spec_duration ("retry-initial", "Longest pause after the first failure; doubles with each failure", 1000, DAY_US, G_USEC_PER_SEC, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.retry_maximum,
    hawser_param_spec_duration ("retry-maximum", "Longest pause between two attempts", 1000, DAY_US, 5 * 60 * G_USEC_PER_SEC, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.max_attempts,
    g_param_spec_uint ("max-attempts", NULL, "Attempts before a batch goes to the dead letters; 0 tries for ever", 0, G_MAXUINT, 0, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.write_timeout,
    hawser_param_spec_duration ("write-timeout", "A write that takes longer is cancelled and tried again; 0 waits for ever", 0, DAY_US, 60 * G_USEC_PER_SEC, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.breaker_failures,
    g_param_spec_uint ("breaker-failures", NULL, "Failures in a row after which only one write at a time is tried; 0 never", 0, G_MAXUINT, 5, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.dead_letter,
    g_param_spec_string ("dead-letter", NULL, "Topic for messages that were given up; without it they are dropped and counted", NULL, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.spool_limit,
    hawser_param_spec_size ("spool-limit", "Most bytes that wait to be written", 1024, G_MAXUINT64, 64 * 1024 * 1024, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.max_queued,
    g_param_spec_uint ("max-queued", NULL, "Most messages that wait to be written", 1, G_MAXUINT32, 10000000, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.max_age,
    hawser_param_spec_duration ("max-age", "Messages that waited longer are dropped; 0 keeps them", 0, G_MAXINT64, 0, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.on_overflow,
    g_param_spec_enum ("on-overflow", NULL, "What happens to a message when the spool limit is reached", HAWSER_TYPE_OVERFLOW, HAWSER_OVERFLOW_DROP_OLDEST, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.jitter_seed,
    g_param_spec_uint64 ("jitter-seed", NULL, "Makes the pauses repeatable, for tests; 0 draws them", 0, G_MAXUINT64, 0, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.ttl,
    hawser_param_spec_duration ("ttl", "As max-age; the shorter one holds", 0, G_MAXINT64, 0, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.spool_rate,
    g_param_spec_double ("spool-rate", NULL, "Messages a second at most while a backlog is taken; 0 for any", 0, 1e9, 0, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.expires,
    g_param_spec_string ("expires", NULL, "Date (RFC 3339) at which the subscription ends, with what waits in it", NULL, setting));
  HAWSER_SETTING (klass, HawserSinkRunner, settings.description, g_param_spec_string ("description", NULL, "One line for people", NULL, setting));
}
