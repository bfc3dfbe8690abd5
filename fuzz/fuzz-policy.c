/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a rule: it is refused with a column or decided, with and without claims, within its bounds. And as the filter of
 * a subscription, over a message with JSON and properties. */

#include <hawser/hawser.h>

#include "hawser-message-filter.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check_filter (const char *text)
{
  g_autoptr (GError) error = NULL;
  HawserMessageFilter *filter = hawser_message_filter_new (text, &error);
  g_autoptr (HawserMessageBuilder) builder = NULL;
  g_autoptr (HawserMessage) message = NULL;
  gboolean matches;

  g_assert_true ((filter == NULL) == (error != NULL));
  if (filter == NULL)
    return;
  builder = hawser_message_builder_new ("device/7/a");
  hawser_message_builder_set_text (builder, "{\"level\":12,\"a\":{\"b\":[1,\"x\"]}}");
  hawser_message_builder_add_property (builder, "colour", "red");
  message = hawser_message_builder_build (builder);
  matches = hawser_message_filter_matches (filter, message);
  g_assert_true (hawser_message_filter_matches (filter, message) == matches);
  hawser_message_filter_free (filter);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  static const char *claims[] = { "role=viewer", "level=12", "a=a", "a=b", "born=2026-03-01T12:00:00Z", NULL };
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr (HawserPrincipal) principal = hawser_principal_new_from_strings ("anna", claims);
  g_autoptr (GError) error = NULL;
  g_autoptr (HawserPolicy) policy = hawser_policy_new ("fuzz", text, &error);
  HawserPolicyContext context = { .principal = principal, .client_id = "7", .topic = "device/7/a" };
  HawserPolicyContext nobody = { 0 };
  g_autofree char *explanation = NULL;
  gboolean value;

  check_filter (text);
  g_assert_true ((policy == NULL) == (error != NULL));
  if (policy == NULL)
    return 0;
  g_assert_true (hawser_policy_evaluate (policy, &context, &explanation) == (explanation == NULL));
  if (hawser_policy_is_constant (policy, &value))
    g_assert_true (hawser_policy_evaluate (policy, &nobody, NULL) == value);
  return 0;
}
