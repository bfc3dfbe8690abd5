/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as JSON: checked, walked, pointed into and compacted within their bounds; and all ways agree. */

#include <hawser/hawser.h>

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check_slice (const HawserJsonSlice *slice, const char *text, gsize len)
{
  g_autofree char *string = hawser_json_slice_dup_string (slice);
  double number;
  gint64 integer;

  g_assert_true (slice->len > 0 && slice->text >= text && slice->text + slice->len <= text + len);
  if (string != NULL)
    g_assert_true (hawser_utf8_check_string (string, strlen (string)) && hawser_json_slice_is_string (slice, string, strlen (string)));
  hawser_json_slice_get_double (slice, &number);
  hawser_json_slice_get_int64 (slice, &integer);
}

static gsize
count_members (const HawserJsonSlice *container)
{
  HawserJsonSlice key = { HAWSER_JSON_STRING, NULL, 0 }, value;
  HawserJsonIter iter;
  gsize n = 0;

  hawser_json_iter_init (&iter, container);
  for (; hawser_json_iter_next (&iter, &key, &value); n++)
    {
      check_slice (&value, container->text, container->len);
      if (container->type == HAWSER_JSON_OBJECT)
        check_slice (&key, container->text, container->len);
    }
  return n;
}

/* A sound text as the patch of a document, and as the document of a patch: what comes out is sound. */
static void
check_merge (const HawserJsonSlice *root)
{
  static const char document[] = "{\"a\":{\"b\":[1,2],\"c\":null},\"d\":\"e\",\"a\":0}";
  g_autoptr (GString) merged = g_string_new (NULL);
  HawserJsonSlice fixed;

  g_assert_true (hawser_json_parse (document, strlen (document), &fixed, NULL));
  for (guint i = 0; i < 3; i++)
    {
      g_string_truncate (merged, 0);
      if (hawser_json_merge_patch (i == 0 ? NULL : i == 1 ? &fixed : root, i == 2 ? &fixed : root, merged))
        g_assert_true (hawser_json_check (merged->str, merged->len, NULL));
      else
        g_assert_cmpuint (merged->len, ==, 0);
    }
}

/* The first line as a pointer into a document. */
static void
check_pointer (const char *text, gsize size)
{
  static const char document[] = "{\"\":0,\"a\":[{\"b~/\":1},\"\\u00e9\"],\"01\":{}}";
  const char *end = memchr (text, '\n', size);
  g_autofree char *pointer = g_strndup (text, end != NULL ? (gsize) (end - text) : size);
  HawserJsonSlice found;

  if (hawser_json_pointer_get (pointer, document, strlen (document), &found))
    check_slice (&found, document, strlen (document));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static const char *const pointers[] = { "", "/a", "/a/0", "/0", "/1/a~1b", "/a/b/c/0/1", "/~0", "/" };
  const char *text = size > 0 ? (const char *) data : "";
  g_autoptr (GString) line = g_string_new (NULL);
  g_autoptr (GString) quoted = g_string_new (NULL);
  HawserJsonSlice root, found;
  HawserJsonWriter writer;
  gboolean valid = hawser_json_parse (text, size, &root, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (pointers); i++)
    if (hawser_json_pointer_get (pointers[i], text, size, &found))
      check_slice (&found, text, size);

  check_pointer (text, size);
  g_assert_true (hawser_json_compact (line, data, size) == valid);
  if (valid)
    {
      HawserJsonSlice again;

      check_slice (&root, text, size);
      check_merge (&root);
      g_assert_true (hawser_json_parse (line->str, line->len, &again, NULL));
      g_assert_true (again.type == root.type && memchr (line->str, '\n', line->len) == NULL);
      g_assert_true (count_members (&root) == count_members (&again));
    }

  /* whatever the bytes are, a string made of them is JSON */
  hawser_json_writer_init (&writer, quoted);
  hawser_json_writer_string (&writer, text, (gssize) size);
  g_assert_true (hawser_json_check (quoted->str, quoted->len, NULL));
  return 0;
}
