/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as what a publisher or subscriber asks for by user properties: lines "NAME=VALUE" are the properties of a message,
 * whose wishes are read and taken out; each value is a `since` too. What was taken out asks for nothing more. */

#include <string.h>

#include "hawser-message-private.h"
#include "hawser-since.h"
#include "hawser-wishes.h"

#define NOW_US (G_GINT64_CONSTANT (1000) * G_USEC_PER_SEC)
#define WALL_US (G_GINT64_CONSTANT (1700000000) * G_USEC_PER_SEC)
#define YEAR_US (G_GINT64_CONSTANT (366) * 86400 * G_USEC_PER_SEC)

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check_since (const char *value, gsize len)
{
  g_autofree char *text = g_strndup (value, MIN (len, 1024));
  HawserSince since;

  if (hawser_since_parse (text, NOW_US, WALL_US, &since))
    g_assert_true (since.sequence == 0 || since.published_us == G_MININT64);
}

static void
check_labels (const HawserMessage *message, const HawserWishes *wishes)
{
  const char *begin = (const char *) hawser_message_properties (message), *end = begin + message->properties_len;

  g_assert_true (wishes->n_sinks <= HAWSER_MAX_LABELS && (wishes->wants_stored || wishes->n_sinks > 0));
  for (guint i = 0; i < wishes->n_sinks; i++)
    g_assert_true (wishes->sinks[i].name >= begin && wishes->sinks[i].name + wishes->sinks[i].len <= end);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  HawserProperties properties = { 0 };
  HawserWishes wishes, none;
  HawserMessage *message;
  const char *at = size > 0 ? (const char *) data : "", *end = at + size;

  while (at < end)
    {
      const char *line_end = memchr (at, '\n', (gsize) (end - at));
      const char *stop = line_end != NULL ? line_end : end;
      const char *equals = memchr (at, '=', (gsize) (stop - at));

      if (equals != NULL)
        {
          hawser_properties_add (&properties, HAWSER_PROPERTY_USER, at, (gsize) (equals - at), equals + 1, (gsize) (stop - equals - 1));
          check_since (equals + 1, (gsize) (stop - equals - 1));
        }
      at = stop + 1;
    }
  message = hawser_message_new_raw (&(HawserMessageInit) {
      .topic = "a", .topic_len = 1, .properties = properties.data, .properties_len = properties.len, .qos = 1 });
  hawser_properties_clear (&properties);
  if (hawser_wishes_read (message, NOW_US, WALL_US, &wishes) == NULL)
    {
      g_assert_true (wishes.due_us == 0 || (wishes.due_us > NOW_US && wishes.due_us <= NOW_US + YEAR_US));
      g_assert_cmpint (wishes.timeout_us, >, 0);
      if (wishes.has_labels)
        check_labels (message, &wishes);
    }
  message = hawser_wishes_strip (message, "id");
  g_assert_null (hawser_wishes_read (message, NOW_US, WALL_US, &none));
  g_assert_true (none.due_us == 0 && !none.has_labels);
  hawser_message_unref (message);
  return 0;
}
