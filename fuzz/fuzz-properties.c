/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a block of properties, and as a stored message with its author: walked within their bounds, loaded or refused, and what is
 * loaded stores and loads again. */

#include <hawser/hawser.h>

#include <string.h>

#include "hawser-author.h"
#include "hawser-message-private.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
walk (const guint8 *data, gsize size)
{
  HawserProperty property;
  gsize position = 0;

  while (hawser_properties_next (data, size, &position, &property))
    {
      g_assert_true ((const guint8 *) property.name >= data && property.value + property.value_len <= data + size);
      g_assert_true (position <= size);
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (HawserMessage) message = NULL, signed_message = NULL;
  g_autoptr (GHashTable) origins = hawser_author_new_table ();
  g_autoptr (HawserMessage) again = NULL;
  g_autoptr (GBytes) stored = NULL;
  gsize len, again_len;

  walk (data, size);
  message = hawser_message_load (data, size, 0);
  if (message == NULL)
    return 0;
  signed_message = hawser_author_load_message (origins, data, size, 0);
  g_assert_true ((hawser_author_of (signed_message) != NULL) == (data[3] == 1));

  stored = hawser_message_store (message, 0);
  again = hawser_message_load (g_bytes_get_data (stored, NULL), g_bytes_get_size (stored), 0);
  g_assert_nonnull (again);
  g_assert_cmpstr (hawser_message_get_topic (again), ==, hawser_message_get_topic (message));
  hawser_message_get_data (message, &len);
  hawser_message_get_data (again, &again_len);
  g_assert_cmpuint (len, ==, again_len);
  return 0;
}
