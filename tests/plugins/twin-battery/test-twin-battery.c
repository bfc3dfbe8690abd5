/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of the battery: a dispatch and the batteries below in, shares out. */

#include "hawser.h"
#include "twin-battery.h"

#define CHILDREN "{'children': <[{'id': <'b/1'>, 'state': <'online'>, 'reported': <{'soc': <75.0>}>}, {'id': <'b/2'>, 'state': <'online'>, 'reported': <{'soc': <25.0>}>}," \
  " {'id': <'b/3'>, 'state': <'offline'>, 'reported': <{'soc': <90.0>}>}, {'id': <'b/4'>, 'state': <'online'>, 'reported': <@a{sv} {}>}]>}"

static const struct {
  const char *name, *topic, *text, *state, *changes, *out;
} cases[] = {
  { "giving-is-split-by-what-is-there", "$twin/inbox/region/dispatch", "{\"kw\":-400}", CHILDREN, NULL, "$twin/inbox/b/1/dispatch {\"kw\":-300} $twin/inbox/b/2/dispatch {\"kw\":-100} " },
  { "taking-is-split-by-the-room-left", "$twin/inbox/region/dispatch", "{\"kw\":400}", CHILDREN, NULL, "$twin/inbox/b/1/dispatch {\"kw\":100} $twin/inbox/b/2/dispatch {\"kw\":300} " },
  { "one-battery-desires-it", "$twin/inbox/b/1/dispatch", "{\"kw\":-5}", "{'reported': <@a{sv} {}>}", "{'desired': <{'power-kw': <-5.0>}>}", "" },
  { "other-messages-are-left-alone", "$twin/inbox/b/1/open", "{\"kw\":-5}", "{'reported': <@a{sv} {}>}", NULL, "" },
  { "reports-are-left-alone", "grid/b/1/telemetry", "{\"kw\":-5}", "{'reported': <@a{sv} {}>}", NULL, "" },
};

static void
answers (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autoptr (HawserTwinBehavior) behavior = g_object_new (TWIN_TYPE_BATTERY, NULL);
  g_autoptr (GVariant) state = g_variant_ref_sink (g_variant_new_parsed (cases[i].state)), changes = NULL;
  g_autoptr (HawserMessage) message = hawser_message_new_text (cases[i].topic, cases[i].text);
  g_autoptr (HawserBatch) out = hawser_batch_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) sent = g_string_new (NULL);
  g_autofree char *text = NULL;

  changes = hawser_twin_behavior_handle (behavior, "b/1", state, message, out, &error);
  g_assert_no_error (error);
  text = changes != NULL ? g_variant_print (g_variant_ref_sink (changes), FALSE) : NULL;
  g_assert_cmpstr (text, ==, cases[i].changes);
  for (guint m = 0; m < hawser_batch_get_size (out); m++)
    {
      HawserMessage *one = hawser_batch_get_message (out, m);
      g_autofree char *payload = hawser_message_dup_text (one);

      g_string_append_printf (sent, "%s %s ", hawser_message_get_topic (one), payload);
    }
  g_assert_cmpstr (sent->str, ==, cases[i].out);
}

static void
dispatch_without_a_number_is_an_error (void)
{
  g_autoptr (HawserTwinBehavior) behavior = g_object_new (TWIN_TYPE_BATTERY, NULL);
  g_autoptr (GVariant) state = g_variant_ref_sink (g_variant_new_parsed ("@a{sv} {}"));
  g_autoptr (HawserMessage) message = hawser_message_new_text ("$twin/inbox/b/1/dispatch", "much");
  g_autoptr (HawserBatch) out = hawser_batch_new ();
  g_autoptr (GError) error = NULL;

  g_assert_null (hawser_twin_behavior_handle (behavior, "b/1", state, message, out, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/twin-battery/", cases[i].name, NULL);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), answers);
    }
  g_test_add_func ("/twin-battery/dispatch-without-a-number-is-an-error", dispatch_without_a_number_is_an_error);
  return g_test_run ();
}
