/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a query, a path and an order over twins: refused, or answered the same each time; a query and its negation share out
 * all twins. */

#include <hawser/hawser.h>

#include <string.h>

#include "hawser-twin-query-private.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static HawserTwins *
make_twins (void)
{
  static const char * const twins[][2] = {
    { "site/north/1", "{\"parent\":\"region/north\",\"reported\":{\"soc\":0.5,\"name\":\"one\"},\"attributes\":{\"place\":{\"lat\":50.1,\"tags\":[\"a\",1]}}}" },
    { "site/north/2", "{\"parent\":\"region/north\",\"reported\":{\"soc\":0.9,\"on\":true},\"desired\":{\"power-kw\":-3}}" },
    { "site/south/1", "{\"parent\":\"region/south\",\"reported\":{\"soc\":\"full\"}}" },
    { "alone", "{\"attributes\":{\"place\":null}}" },
  };
  HawserBus *bus = hawser_bus_new (); /* for the life of the process */

  for (guint i = 0; i < G_N_ELEMENTS (twins); i++)
    if (!hawser_twins_patch (hawser_twins_get (bus), twins[i][0], twins[i][1], -1, HAWSER_TWIN_ANY_REVISION, NULL, NULL, NULL))
      g_assert_not_reached ();
  return hawser_twins_get (bus);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static HawserTwins *twins;
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autofree char *negation = g_strconcat ("not(", text, ")", NULL);
  g_autoptr (GString) page = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  gint64 n, n_others;

  if (twins == NULL)
    twins = make_twins ();
  n = hawser_twins_count (twins, NULL, text, &error);
  g_assert_true ((n < 0) == (error != NULL));
  n_others = hawser_twins_count (twins, NULL, negation, NULL);
  if (n >= 0 && n_others >= 0 && *text != '\0')
    g_assert_cmpint (n + n_others, ==, hawser_twins_count (twins, NULL, NULL, NULL));
  /* the same bytes as what pages are sorted by, and as a cursor from a stranger */
  hawser_twins_write_list (twins, NULL, NULL, text, NULL, 2, page, NULL);
  hawser_twins_write_list (twins, NULL, NULL, NULL, text, 2, page, NULL);
  return 0;
}
