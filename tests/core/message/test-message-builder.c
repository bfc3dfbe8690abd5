/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is built, and what is built from a message that was there: a property that a message has once is there once. */

#include <string.h>

#include <hawser/hawser.h>

static HawserMessage *
build_first (void)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new ("a/b");
  g_autoptr (GBytes) correlation = g_bytes_new_static ("C1", 2);

  hawser_message_builder_set_text (builder, "first");
  hawser_message_builder_set_content_type (builder, "text/plain");
  hawser_message_builder_set_reply_to (builder, "reply/1");
  hawser_message_builder_set_correlation (builder, correlation);
  hawser_message_builder_set_id (builder, "id-1");
  hawser_message_builder_set_time_us (builder, 1000000);
  hawser_message_builder_add_property (builder, "colour", "red");
  hawser_message_builder_add_property (builder, "colour", "green");
  return hawser_message_builder_build (builder);
}

static guint
count_properties (HawserMessage *message, int kind, const char *name)
{
  HawserMessageView view;
  HawserProperty property;
  gsize position = 0;
  guint n = 0;

  hawser_message_view (message, &view);
  while (hawser_properties_next (view.properties, view.properties_len, &position, &property))
    n += (int) property.kind == kind && property.name_len == strlen (name) && memcmp (property.name, name, property.name_len) == 0;
  return n;
}

static void
test_what_is_set_again_is_replaced (void)
{
  g_autoptr (HawserMessage) first = build_first (), second = NULL;
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new_from (first);
  g_autoptr (GBytes) correlation = g_bytes_new_static ("C2", 2), read = NULL;
  g_autofree char *content_type = NULL, *reply_to = NULL, *id = NULL;

  hawser_message_builder_set_content_type (builder, "application/json");
  hawser_message_builder_set_reply_to (builder, "reply/2");
  hawser_message_builder_set_correlation (builder, correlation);
  hawser_message_builder_set_id (builder, "id-2");
  hawser_message_builder_set_time_us (builder, 2000000);
  second = hawser_message_builder_build (builder);

  content_type = hawser_message_dup_content_type (second);
  reply_to = hawser_message_dup_reply_to (second);
  read = hawser_message_dup_correlation (second);
  id = hawser_message_dup_id (second);
  g_assert_cmpstr (content_type, ==, "application/json");
  g_assert_cmpstr (reply_to, ==, "reply/2");
  g_assert_cmpstr (id, ==, "id-2");
  g_assert_true (g_bytes_equal (read, correlation));
  g_assert_cmpint (hawser_message_get_time_us (second), ==, 2000000);
  for (int kind = HAWSER_PROPERTY_CONTENT_TYPE; kind <= HAWSER_PROPERTY_CORRELATION; kind++)
    g_assert_cmpuint (count_properties (second, kind, ""), ==, 1);
  g_assert_cmpuint (count_properties (second, HAWSER_PROPERTY_USER, "id"), ==, 1);
  g_assert_cmpuint (count_properties (second, HAWSER_PROPERTY_USER, "time"), ==, 1);
  g_assert_cmpuint (count_properties (second, HAWSER_PROPERTY_USER, "colour"), ==, 2);
}

static void
test_the_first_message_stays_as_it_was (void)
{
  g_autoptr (HawserMessage) first = build_first (), second = NULL;
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new_from (first);
  g_autofree char *text = NULL, *reply_to = NULL;

  hawser_message_builder_set_text (builder, "second");
  hawser_message_builder_set_reply_to (builder, "reply/2");
  second = hawser_message_builder_build (builder);
  text = hawser_message_dup_text (first);
  reply_to = hawser_message_dup_reply_to (first);
  g_assert_cmpstr (text, ==, "first");
  g_assert_cmpstr (reply_to, ==, "reply/1");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/message/builder/what-is-set-again-is-replaced", test_what_is_set_again_is_replaced);
  g_test_add_func ("/message/builder/the-first-message-stays-as-it-was", test_the_first_message_stays_as_it_was);
  return g_test_run ();
}
