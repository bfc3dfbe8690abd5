/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* W3C Trace Context of messages, as `[hawser] trace-context` has it. Pure but for the random ids. Source: Trace Context, 3.2. */

#include "hawser-trace.h"

#include <string.h>

#include "hawser-message-raw.h"

#define PARENT "traceparent"
#define STATE "tracestate"

static gboolean
is_named (const HawserProperty *property, const char *name)
{
  return property->kind == HAWSER_PROPERTY_USER && property->name_len == strlen (name) && memcmp (property->name, name, property->name_len) == 0;
}

static guint32
draw (void)
{
  guint32 number;

  do /* ids of zeros only are not valid */
    number = g_random_int ();
  while (number == 0);
  return number;
}

HawserMessage *
hawser_trace_apply (HawserTrace trace, HawserMessage *message)
{
  HawserProperties properties = { 0 };
  HawserProperty property;
  HawserMessage *changed;
  gsize position = 0;
  gboolean has_parent = FALSE, has_state = FALSE;

  while (hawser_properties_next (hawser_message_properties (message), message->properties_len, &position, &property))
    {
      gboolean is_parent = is_named (&property, PARENT), is_state = is_named (&property, STATE);

      has_parent |= is_parent;
      has_state |= is_state;
      if (trace != HAWSER_TRACE_OFF || (!is_parent && !is_state))
        hawser_properties_add (&properties, property.kind, property.name, property.name_len, property.value, property.value_len);
    }
  if (trace == HAWSER_TRACE_PROPAGATE || (trace == HAWSER_TRACE_GENERATE && has_parent) || (trace == HAWSER_TRACE_OFF && !has_parent && !has_state))
    {
      hawser_properties_clear (&properties);
      return message;
    }
  if (trace == HAWSER_TRACE_GENERATE)
    {
      /* version 00, sampled */
      g_autofree char *parent = g_strdup_printf ("00-%08x%08x%08x%08x-%08x%08x-01", draw (), draw (), draw (), draw (), draw (), draw ());

      hawser_properties_add (&properties, HAWSER_PROPERTY_USER, PARENT, strlen (PARENT), parent, strlen (parent));
    }
  changed = hawser_message_new_raw (&(HawserMessageInit) {
      .topic = message->data, .topic_len = message->topic_len, .properties = properties.data, .properties_len = properties.len,
      .payload = message->payload, .payload_len = message->payload_len, .block = message->block,
      .expiry_s = message->expiry_s, .qos = message->qos, .retain = message->retain });
  hawser_properties_clear (&properties);
  hawser_message_unref (message);
  return changed;
}

HawserTrace
hawser_trace_parse (const char *word)
{
  return g_strcmp0 (word, "generate") == 0 ? HAWSER_TRACE_GENERATE : g_strcmp0 (word, "off") == 0 ? HAWSER_TRACE_OFF : HAWSER_TRACE_PROPAGATE;
}
