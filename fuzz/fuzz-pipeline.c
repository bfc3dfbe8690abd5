/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any first line as a stage, any rest as payloads, a line each: the stage is refused, or its account holds and what it gives of map and
 * window is JSON. */

#include <hawser/hawser.h>

#include <string.h>

#include "hawser-stage-private.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_auto (GStrv) lines = g_strsplit (text, "\n", 100);
  g_autoptr (HawserStage) stage = lines[0] != NULL ? hawser_stage_new (lines[0], NULL) : NULL;
  HawserStageTime time = { G_USEC_PER_SEC, G_GINT64_CONSTANT (1790000000) * G_USEC_PER_SEC };
  gboolean makes_json = stage != NULL && (g_str_has_prefix (hawser_stage_get_text (stage), "map") || g_str_has_prefix (hawser_stage_get_text (stage), "window"));
  HawserStageStatistics s;

  for (guint i = 1; stage != NULL && lines[i] != NULL; i++)
    {
      g_autoptr (HawserMessage) message = hawser_message_new_text (i % 2 == 0 ? "a/b" : "a/c", lines[i]);
      HawserMessage *out;

      time.now_us += 100000;
      time.wall_us += 100000;
      if (hawser_stage_accepts (stage))
        hawser_stage_push (stage, message, &time);
      while ((out = hawser_stage_pop (stage, &time)) != NULL)
        {
          gsize len;
          const char *payload = (const char *) hawser_message_get_data (out, &len);

          g_assert_true (!makes_json || hawser_json_check (payload, len, NULL));
          hawser_message_unref (out);
        }
      g_assert_cmpint (hawser_stage_next_us (stage, &time), >=, -1);
      hawser_stage_get_statistics (stage, &s);
      if (!g_str_has_prefix (hawser_stage_get_text (stage), "window"))
        g_assert_cmpuint (s.n_in, ==, s.n_out + s.n_filtered + s.n_unusable + s.n_combined + s.n_limited + s.n_overflow + hawser_stage_get_n_waiting (stage));
    }
  return 0;
}
