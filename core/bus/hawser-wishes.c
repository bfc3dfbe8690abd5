/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a publisher asks for by user properties: to deliver a message later, and to be told when it arrived in certain
 * places. Read once for each message that has properties at all. The names are those of CloudEvents attributes too, which
 * have no hyphens. What is asked for is done by hawser-schedule.c and hawser-labels.c. Any thread.
 *
 *   deliver-at, deliverat        RFC 3339, or seconds (milliseconds, if that many) since 1970
 *   deliver-after, deliverafter  a duration such as 3s; a bare number is seconds
 *   requested                    labels with commas between: stored, sink:NAME; anything else is not meant for us
 *   timeout                      how long to wait for them, a duration; 10s */

#include "hawser-wishes.h"

#include <string.h>

#include "hawser-message-private.h"
#include "hawser-units.h"

#define MAX_DELAY_US (G_GINT64_CONSTANT (366) * 86400 * G_USEC_PER_SEC)
#define TIMEOUT_US (10 * G_USEC_PER_SEC)
#define MAX_TIMEOUT_US (G_GINT64_CONSTANT (10) * 60 * G_USEC_PER_SEC)
#define MAX_VALUE 1024               /* of a property that is looked at */
#define FIRST_MS 1e11                /* seconds since 1970 are fewer for 3000 years, milliseconds more since 1973 */

typedef enum { NONE, DELIVER_AT, DELIVER_AFTER, REQUESTED, TIMEOUT } Wish;

static Wish
find_wish (const HawserProperty *property)
{
  static const struct {
    const char *name;
    Wish wish;
  } names[] = {
    { "deliver-at", DELIVER_AT }, { "deliverat", DELIVER_AT }, { "deliver-after", DELIVER_AFTER }, { "deliverafter", DELIVER_AFTER },
    { "requested", REQUESTED }, { "timeout", TIMEOUT },
  };

  /* most properties are told apart by their first letter */
  if (property->kind != HAWSER_PROPERTY_USER || property->name_len < 7 || strchr ("drt", property->name[0]) == NULL)
    return NONE;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strlen (names[i].name) == property->name_len && memcmp (names[i].name, property->name, property->name_len) == 0)
      return names[i].wish;
  return NONE;
}

static gboolean
parse_time (const char *text, gint64 *out_wall_us)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (text, utc);
  char *end;
  double number;

  if (time != NULL)
    {
      *out_wall_us = g_date_time_to_unix (time) * G_USEC_PER_SEC + g_date_time_get_microsecond (time);
      return TRUE;
    }
  if (!g_ascii_isdigit (*text))
    return FALSE;
  number = g_ascii_strtod (text, &end);
  if (*end != '\0' || !(number < 1e15))
    return FALSE;
  *out_wall_us = (gint64) (number < FIRST_MS ? number * 1e6 : number * 1e3);
  return TRUE;
}

/* FALSE: not a list of ours. */
static gboolean
read_labels (const char *text, gsize len, HawserWishes *out)
{
  HawserWishes found = { .has_labels = TRUE };
  const char *end = text + len;

  while (text < end)
    {
      const char *comma = memchr (text, ',', (gsize) (end - text));
      const char *stop = comma != NULL ? comma : end;

      while (text < stop && *text == ' ')
        text++;
      while (stop > text && stop[-1] == ' ')
        stop--;
      if (stop - text == 6 && memcmp (text, "stored", 6) == 0)
        found.wants_stored = TRUE;
      else if (stop - text > 5 && memcmp (text, "sink:", 5) == 0 && found.n_sinks < HAWSER_MAX_LABELS)
        {
          found.sinks[found.n_sinks].name = text + 5;
          found.sinks[found.n_sinks++].len = (gsize) (stop - text - 5);
        }
      else
        return FALSE;
      text = comma != NULL ? comma + 1 : end;
    }
  if (!found.wants_stored && found.n_sinks == 0)
    return FALSE;
  out->has_labels = TRUE;
  out->wants_stored = found.wants_stored;
  out->n_sinks = found.n_sinks;
  memcpy (out->sinks, found.sinks, sizeof found.sinks);
  return TRUE;
}

static const char *
read_one (Wish wish, const HawserProperty *property, gint64 now_us, gint64 wall_minus_monotonic_us, HawserWishes *out)
{
  g_autofree char *text = g_strndup ((const char *) property->value, MIN (property->value_len, MAX_VALUE));
  gint64 wall_us, us;

  switch (wish)
    {
    case DELIVER_AT:
      if (!parse_time (text, &wall_us))
        return "deliver-at is neither a time as in RFC 3339 nor seconds since 1970";
      if (wall_us - wall_minus_monotonic_us > now_us + MAX_DELAY_US)
        return "deliver-at is more than a year ahead";
      out->due_us = MAX (wall_us - wall_minus_monotonic_us, 1);
      break;
    case DELIVER_AFTER:
      if (!hawser_duration_parse (text, &us, NULL))
        return "deliver-after is not a duration such as 3s";
      if (us > MAX_DELAY_US)
        return "deliver-after is more than a year";
      out->due_us = now_us + us;
      break;
    case REQUESTED:
      if (property->value_len <= MAX_VALUE)
        read_labels ((const char *) property->value, property->value_len, out);
      break;
    case TIMEOUT:
      if (hawser_duration_parse (text, &us, NULL))
        out->timeout_us = CLAMP (us, 1, MAX_TIMEOUT_US);
      break;
    case NONE:
    default:
      break;
    }
  return NULL;
}

const char *
hawser_wishes_read (const HawserMessage *message, gint64 now_us, gint64 wall_minus_monotonic_us, HawserWishes *out)
{
  const guint8 *properties = hawser_message_properties (message);
  HawserProperty property;
  gsize position = 0;

  out->due_us = 0;
  out->has_labels = FALSE;
  out->timeout_us = TIMEOUT_US;
  while (hawser_properties_next (properties, message->properties_len, &position, &property))
    {
      Wish wish = find_wish (&property);
      const char *problem = G_UNLIKELY (wish != NONE) ? read_one (wish, &property, now_us, wall_minus_monotonic_us, out) : NULL;

      if (problem != NULL)
        return problem;
    }
  if (out->due_us != 0 && out->due_us <= now_us)
    out->due_us = 0; /* late already */
  return NULL;
}

HawserMessage *
hawser_wishes_strip (HawserMessage *message, const char *id)
{
  HawserProperties properties = { 0 };
  HawserProperty property;
  HawserMessage *copy;
  gboolean has_id = FALSE;
  gsize position = 0;

  while (hawser_properties_next (hawser_message_properties (message), message->properties_len, &position, &property))
    {
      Wish wish = find_wish (&property);

      has_id |= property.kind == HAWSER_PROPERTY_USER && property.name_len == 2 && memcmp (property.name, "id", 2) == 0;
      if (wish == NONE)
        hawser_properties_add (&properties, property.kind, property.name, property.name_len, property.value, property.value_len);
    }
  if (!has_id && id != NULL)
    hawser_properties_add (&properties, HAWSER_PROPERTY_USER, "id", 2, id, strlen (id));
  copy = hawser_message_new_raw (&(HawserMessageInit) {
      .topic = message->data, .topic_len = message->topic_len, .properties = properties.data, .properties_len = properties.len,
      .payload = message->payload, .payload_len = message->payload_len, .block = message->block,
      .expiry_s = message->expiry_s, .qos = message->qos, .retain = message->retain });
  hawser_properties_clear (&properties);
  hawser_message_unref (message);
  return copy;
}
