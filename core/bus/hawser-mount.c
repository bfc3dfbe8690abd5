/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Peers of a listener with a mount point live below a prefix that they never see: it is put before the topics, filters and reply
 * topics that come from them, and taken off what goes to them. Rights, retained values, queues and listings know the full names.
 * Pure functions over messages; any thread. */

#include "hawser-mount-private.h"

#include <string.h>

#include "hawser-message-private.h"
#include "hawser-topic-raw.h"

#define MAX_TOPIC_LEN 65535 /* bytes; MQTT 5.0 section 1.5.4 */

char *
hawser_mount_filter (const char *mount, const char *filter, gsize len)
{
  gsize at = 0;

  if (hawser_topic_filter_is_shared_raw (filter, len) && len > 7)
    {
      const char *slash = memchr (filter + 7, '/', len - 7);

      at = slash != NULL ? (gsize) (slash + 1 - filter) : len;
    }
  return g_strdup_printf ("%.*s%s%.*s", (int) at, filter, mount, (int) (len - at), filter + at);
}

/* Under another name; @adds: the mount point is put before the reply topic, else it is taken off, with the property where it is not there. */
static HawserMessage *
rename_message (HawserMessage *message, const char *topic, gsize topic_len, const char *mount, gboolean adds)
{
  HawserProperties properties = { 0 };
  HawserProperty property;
  HawserMessage *renamed;
  gsize position = 0, mount_len = strlen (mount);

  while (hawser_properties_next (hawser_message_properties (message), message->properties_len, &position, &property))
    if (property.kind != HAWSER_PROPERTY_REPLY_TO)
      hawser_properties_add (&properties, property.kind, property.name, property.name_len, property.value, property.value_len);
    else if (adds)
      {
        g_autofree char *full = g_strdup_printf ("%s%.*s", mount, (int) property.value_len, (const char *) property.value);

        hawser_properties_add (&properties, property.kind, NULL, 0, full, strlen (full));
      }
    else if (property.value_len > mount_len && memcmp (property.value, mount, mount_len) == 0)
      hawser_properties_add (&properties, property.kind, NULL, 0, property.value + mount_len, property.value_len - mount_len);
  renamed = hawser_message_new_raw (&(HawserMessageInit) {
      .topic = topic, .topic_len = topic_len, .properties = properties.data, .properties_len = properties.len,
      .payload = message->payload, .payload_len = message->payload_len, .block = message->block,
      .expiry_s = message->expiry_s, .qos = message->qos, .retain = message->retain });
  hawser_properties_clear (&properties);
  return renamed;
}

HawserMessage *
hawser_mount_message (const char *mount, HawserMessage *message)
{
  g_autofree char *topic = NULL;

  if (message->topic_len == 0 || *message->data == '$' || message->topic_len + strlen (mount) > MAX_TOPIC_LEN)
    return NULL;
  topic = g_strconcat (mount, message->data, NULL);
  return rename_message (message, topic, strlen (topic), mount, TRUE);
}

HawserMessage *
hawser_mount_strip (const char *mount, HawserMessage *message)
{
  gsize len = strlen (mount);
  HawserMessage *stripped;

  if (message->topic_len <= len || memcmp (message->data, mount, len) != 0)
    return NULL;
  stripped = rename_message (message, message->data + len, message->topic_len - len, mount, FALSE);
  stripped->published_us = message->published_us;
  stripped->sequence = message->sequence;
  stripped->origin = message->origin != NULL ? hawser_origin_ref (message->origin) : NULL;
  return stripped;
}
