/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a CloudEvent: refused with a reason, or a message that can be written again; and as a header value, decoded or
 * refused, never with a line end once it is encoded again. */

#include <hawser/hawser.h>

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check_header (const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup (size > 0 ? (const char *) data : "", size);
  g_autofree char *decoded = hawser_cloud_event_decode (text);
  g_autoptr (GString) encoded = g_string_new (NULL);

  hawser_cloud_event_encode (encoded, (const char *) data, size);
  for (gsize i = 0; i < encoded->len; i++)
    g_assert_true (encoded->str[i] > ' ' && encoded->str[i] < 0x7f);
  g_assert_true (decoded == NULL || hawser_utf8_check_string (decoded, strlen (decoded)));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HawserMessage) message = NULL;
  g_autoptr (HawserMessage) again = NULL;
  g_autofree char *json = NULL;

  check_header (data, size);
  message = hawser_message_new_from_json (size > 0 ? (const char *) data : "", (gssize) size, NULL, &error);
  g_assert_true ((message == NULL) == (error != NULL));
  if (message == NULL)
    return 0;

  json = hawser_message_to_json (message);
  g_assert_true (hawser_json_check (json, strlen (json), NULL));
  again = hawser_message_new_from_json (json, -1, NULL, NULL); /* NULL: what we add may be one attribute too many */
  if (again != NULL)
    {
      gsize len, again_len;
      const guint8 *payload = hawser_message_get_data (message, &len), *again_payload = hawser_message_get_data (again, &again_len);

      g_assert_cmpstr (hawser_message_get_topic (again), ==, hawser_message_get_topic (message));
      g_assert_cmpint (hawser_message_get_qos (again), ==, hawser_message_get_qos (message));
      g_assert_true (again_len <= len && (len == 0 || payload != NULL) && (again_len == 0 || again_payload != NULL)); /* JSON loses white space */
    }
  return 0;
}
