/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a rule: it is refused with a column or decided, with and without claims, within its bounds. */

#include <hawser/hawser.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

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

  g_assert_true ((policy == NULL) == (error != NULL));
  if (policy == NULL)
    return 0;
  g_assert_true (hawser_policy_evaluate (policy, &context, &explanation) == (explanation == NULL));
  if (hawser_policy_is_constant (policy, &value))
    g_assert_true (hawser_policy_evaluate (policy, &nobody, NULL) == value);
  return 0;
}
