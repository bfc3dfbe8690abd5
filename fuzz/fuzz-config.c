/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a configuration: read and checked without end or harm, and if it has no errors, what is printed of it reads
 * back to the same. */

#include <hawser/hawser.h>

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static HawserConfig *
read_text (const char *text, gsize len)
{
  HawserConfig *config = hawser_config_new ();

  hawser_config_set_type_keys (config, "listener", "mqtt", NULL, 0);
  hawser_config_set_type_keys (config, "subscription", "blob", NULL, 0);
  hawser_config_set_type_keys (config, "identity", "password", NULL, 0);
  hawser_config_add_text (config, "fuzz", text, (gssize) len);
  return config;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (HawserConfig) config = read_text (data != NULL ? (const char *) data : "", size);
  g_autofree char *report = NULL, *printed = NULL, *again_printed = NULL;
  gboolean is_good = hawser_config_check (config);
  g_autoptr (HawserConfig) again = NULL;

  report = hawser_config_report (config);
  g_assert_true (g_utf8_validate (report, -1, NULL));
  printed = hawser_config_print (config, FALSE);
  if (!is_good)
    return 0;
  again = read_text (printed, strlen (printed));
  again_printed = hawser_config_print (again, FALSE);
  g_assert_cmpstr (printed, ==, again_printed);
  return 0;
}
