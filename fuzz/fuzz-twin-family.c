/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any lines as topic pattern, id, parent, map and aggregate of a family, and the last as a topic that comes: refused with the name of
 * a property, or the topic makes at most one twin, whose id is one. */

#include <hawser/hawser.h>

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_auto (GStrv) lines = g_strsplit (text, "\n", 6);
  guint n = g_strv_length (lines);
  g_autoptr (HawserTwinFamily) family = hawser_twin_family_new ("f");
  g_autoptr (HawserBus) bus = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) topics = n > 0 ? g_strsplit (lines[0], ";", 8) : NULL, map = n > 3 ? g_strsplit (lines[3], ";", 8) : NULL;
  g_auto (GStrv) aggregate = n > 4 ? g_strsplit (lines[4], ";", 8) : NULL;
  const char *property = NULL;

  if (!g_utf8_validate (text, -1, NULL))
    return 0;
  g_object_set (family, "topics", topics, "id", n > 1 ? lines[1] : NULL, "parent", n > 2 && *lines[2] != '\0' ? lines[2] : NULL, "map", map, "aggregate", aggregate, NULL);
  if (!hawser_twin_family_check (family, &property, &error))
    {
      g_assert_nonnull (error);
      return 0;
    }
  bus = hawser_bus_new ();
  if (hawser_twins_add_family (hawser_twins_get (bus), family, NULL) && n > 5 && hawser_topic_name_is_valid (lines[5], -1, NULL) && *lines[5] != '$')
    {
      g_autoptr (HawserMessage) message = hawser_message_new_text (lines[5], "{\"a\":1,\"b\":{\"c\":2}}");
      g_autoptr (GString) page = g_string_new (NULL);

      hawser_bus_publish (bus, message, NULL);
      g_assert_true (hawser_twins_write_list (hawser_twins_get (bus), NULL, NULL, NULL, NULL, 100, page, NULL));
      g_assert_true (hawser_json_check (page->str, page->len, NULL));
    }
  hawser_bus_close (bus);
  return 0;
}
