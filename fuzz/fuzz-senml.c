/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a pack of measurements, in JSON and in CBOR: read within the bounds, and what is told is what the types say. */

#include <hawser/hawser.h>

#include <math.h>
#include <string.h>

#include "hawser-twin-telemetry-private.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check_record (const HawserSenmlRecord *record, gpointer data)
{
  guint *n = data;

  g_assert_cmpuint (++*n, <=, HAWSER_SENML_MAX_RECORDS);
  g_assert_true (record->base_len == 0 || record->base_name != NULL);
  g_assert_true (record->name_len == 0 || record->name != NULL);
  g_assert_true (record->base_len == 0 || hawser_utf8_check_string (record->base_name, record->base_len));
  g_assert_true (record->name_len == 0 || hawser_utf8_check_string (record->name, record->name_len));
  if (record->type == HAWSER_SENML_NUMBER)
    g_assert_true (isfinite (record->number));
  if (record->type == HAWSER_SENML_TEXT)
    g_assert_true (record->len == 0 || hawser_utf8_check_string (record->text, record->len));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  HawserTwinState state;
  guint n_json = 0, n_cbor = 0;

  hawser_senml_read_json (size > 0 ? (const char *) data : "", size, check_record, &n_json);
  hawser_senml_read_cbor (data, size, check_record, &n_cbor);
  hawser_twin_read_status (data, size, &state);
  return 0;
}
