/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any two documents, target and patch divided by a line end: the result is JSON, and applying the patch once more changes nothing
 * (RFC 7396). Any bytes as a patch of a twin: refused, or the twin is JSON still. */

#include <hawser/hawser.h>

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
merge (const char *text, gsize len)
{
  const char *line = memchr (text, '\n', len);
  gsize first = line != NULL ? (gsize) (line - text) : 0;
  const char *rest = line != NULL ? line + 1 : text;
  HawserJsonSlice target, patch, once;
  g_autoptr (GString) merged = g_string_new (NULL), again = g_string_new (NULL);

  if (!hawser_json_parse (rest, len - (gsize) (rest - text), &patch, NULL))
    return;
  if (!hawser_json_merge_patch (line != NULL && hawser_json_parse (text, first, &target, NULL) ? &target : NULL, &patch, merged))
    {
      g_assert_cmpuint (merged->len, ==, 0);
      return;
    }
  g_assert_true (hawser_json_parse (merged->str, merged->len, &once, NULL));
  g_assert_true (hawser_json_merge_patch (&once, &patch, again));
  g_assert_cmpstr (again->str, ==, merged->str);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static HawserTwins *twins; /* for the life of the process */
  const char *text = size > 0 ? (const char *) data : "";
  g_autofree char *json = NULL;

  merge (text, size);
  if (twins == NULL)
    twins = hawser_twins_get (hawser_bus_new ());
  hawser_twins_patch (twins, "thing/1", text, (gssize) size, HAWSER_TWIN_ANY_REVISION, NULL, NULL, NULL);
  if (!hawser_twins_contains (twins, "thing/1"))
    return 0;
  json = hawser_twins_dup_json (twins, "thing/1", NULL);
  g_assert_true (hawser_json_check (json, strlen (json), NULL));
  if (strlen (json) > 8192) /* each input has a fresh twin, or nearly so */
    hawser_twins_remove (twins, "thing/1", HAWSER_TWIN_ANY_REVISION, NULL);
  return 0;
}
