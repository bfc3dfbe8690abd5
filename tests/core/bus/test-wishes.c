/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a publisher asks for by user properties: a table of names and values, and what they mean. */

#include <hawser/hawser.h>

#include <string.h>

#include "hawser-wishes.h"

#define SECOND G_USEC_PER_SEC
#define NOW_US (1000 * SECOND)
#define OFFSET_US (G_GINT64_CONSTANT (1700000000) * SECOND)   /* wall minus monotonic: it is 2023-11-14T22:30:00Z */

typedef struct {
  const char *name, *property, *value;
  gint64 due_us;             /* -1: refused */
} Time;

static const Time times[] = {
  { "at-rfc-3339", "deliver-at", "2023-11-14T22:30:03Z", NOW_US + 3 * SECOND },
  { "at-with-a-zone-and-a-fraction", "deliver-at", "2023-11-14T23:30:03.25+01:00", NOW_US + 3 * SECOND + SECOND / 4 },
  { "at-seconds", "deliver-at", "1700001003.5", NOW_US + 3 * SECOND + SECOND / 2 },
  { "at-milliseconds", "deliver-at", "1700001003500", NOW_US + 3 * SECOND + SECOND / 2 },
  { "at-as-a-cloud-event-says-it", "deliverat", "1700001003", NOW_US + 3 * SECOND },
  { "at-that-has-passed-is-now", "deliver-at", "2001-01-01T00:00:00Z", 0 },
  { "at-a-year-ahead", "deliver-at", "2024-11-13T22:30:00Z", NOW_US + G_GINT64_CONSTANT (365) * 86400 * SECOND },
  { "at-more-than-a-year-ahead", "deliver-at", "2024-11-15T22:30:01Z", -1 },
  { "at-nothing", "deliver-at", "tomorrow", -1 },
  { "at-empty", "deliver-at", "", -1 },
  { "at-with-something-behind", "deliver-at", "1700001003x", -1 },
  { "after", "deliver-after", "250ms", NOW_US + SECOND / 4 },
  { "after-as-a-cloud-event-says-it", "deliverafter", "3s", NOW_US + 3 * SECOND },
  { "after-a-bare-number-is-seconds", "deliver-after", "3", NOW_US + 3 * SECOND },
  { "after-nothing-is-now", "deliver-after", "0s", 0 },
  { "after-more-than-a-year", "deliver-after", "367d", -1 },
  { "after-no-duration", "deliver-after", "soon", -1 },
  { "another-name", "deliver-on", "tomorrow", 0 },
};

static HawserMessage *
make (const char *name, const char *value, const char *other_name, const char *other_value)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new ("a");

  hawser_message_builder_add_property (builder, name, value);
  if (other_name != NULL)
    hawser_message_builder_add_property (builder, other_name, other_value);
  return hawser_message_builder_build (builder);
}

static void
check_time (gconstpointer data)
{
  const Time *time = data;
  g_autoptr (HawserMessage) message = make (time->property, time->value, NULL, NULL);
  HawserWishes wishes;
  const char *problem = hawser_wishes_read (message, NOW_US, OFFSET_US, &wishes);

  g_assert_cmpint (problem != NULL, ==, time->due_us < 0);
  if (problem == NULL)
    g_assert_cmpint (wishes.due_us, ==, time->due_us);
}

static void
labels_are_read (void)
{
  g_autoptr (HawserMessage) message = make ("requested", "stored, sink:archive ,sink:b", "timeout", "3s");
  HawserWishes wishes;

  g_assert_null (hawser_wishes_read (message, NOW_US, OFFSET_US, &wishes));
  g_assert_true (wishes.has_labels && wishes.wants_stored);
  g_assert_cmpuint (wishes.n_sinks, ==, 2);
  g_assert_cmpmem (wishes.sinks[0].name, wishes.sinks[0].len, "archive", 7);
  g_assert_cmpmem (wishes.sinks[1].name, wishes.sinks[1].len, "b", 1);
  g_assert_cmpint (wishes.timeout_us, ==, 3 * SECOND);
}

static void
labels_that_are_not_ours_are_left_alone (void)
{
  const char *others[] = { "", "ack", "stored,ack", "sink:", "Stored", "sink:a,,sink:b" };

  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autoptr (HawserMessage) message = make ("requested", others[i], NULL, NULL);
      HawserWishes wishes;

      g_assert_null (hawser_wishes_read (message, NOW_US, OFFSET_US, &wishes));
      g_assert_false (wishes.has_labels);
    }
}

static void
timeout_is_bounded (void)
{
  const struct { const char *text; gint64 us; } timeouts[] = {
    { "1h", 600 * SECOND }, { "0s", 1 }, { "soon", 10 * SECOND }, { "250ms", SECOND / 4 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (timeouts); i++)
    {
      g_autoptr (HawserMessage) message = make ("requested", "stored", "timeout", timeouts[i].text);
      HawserWishes wishes;

      g_assert_null (hawser_wishes_read (message, NOW_US, OFFSET_US, &wishes));
      g_assert_cmpint (wishes.timeout_us, ==, timeouts[i].us);
    }
}

static void
more_sinks_than_are_kept_are_not_ours (void)
{
  g_autoptr (GString) text = g_string_new ("stored");
  g_autoptr (HawserMessage) message = NULL;
  HawserWishes wishes;

  for (guint i = 0; i <= HAWSER_MAX_LABELS; i++)
    g_string_append_printf (text, ",sink:s%u", i);
  message = make ("requested", text->str, NULL, NULL);
  g_assert_null (hawser_wishes_read (message, NOW_US, OFFSET_US, &wishes));
  g_assert_false (wishes.has_labels);
}

static void
what_was_asked_is_taken_out_and_the_rest_stays (void)
{
  g_autoptr (HawserMessage) message = hawser_wishes_strip (make ("deliver-after", "3s", "colour", "red"), "given");
  g_autofree char *after = hawser_message_dup_property (message, "deliver-after");
  g_autofree char *colour = hawser_message_dup_property (message, "colour");
  g_autofree char *id = hawser_message_dup_property (message, "id");

  g_assert_null (after);
  g_assert_cmpstr (colour, ==, "red");
  g_assert_cmpstr (id, ==, "given");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    {
      g_autofree char *path = g_strconcat ("/bus/wishes/deliver/", times[i].name, NULL);

      g_test_add_data_func (path, &times[i], check_time);
    }
  g_test_add_func ("/bus/wishes/labels-are-read", labels_are_read);
  g_test_add_func ("/bus/wishes/labels-that-are-not-ours-are-left-alone", labels_that_are_not_ours_are_left_alone);
  g_test_add_func ("/bus/wishes/timeout-is-bounded", timeout_is_bounded);
  g_test_add_func ("/bus/wishes/more-sinks-than-are-kept-are-not-ours", more_sinks_than_are_kept_are_not_ours);
  g_test_add_func ("/bus/wishes/what-was-asked-is-taken-out-and-the-rest-stays", what_was_asked_is_taken_out_and_the_rest_stays);
  return g_test_run ();
}
