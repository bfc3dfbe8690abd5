/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who a peer is: claims with one or several values, immutable, shared by reference. */

#include <hawser/hawser.h>

static void
claims_are_found_by_name (void)
{
  g_autoptr (GHashTable) claims = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (HawserPrincipal) principal = NULL;
  g_auto (GStrv) list = NULL;

  g_hash_table_insert (claims, (gpointer) "role", (gpointer) "viewer");
  g_hash_table_insert (claims, (gpointer) "mission", (gpointer) "pegasus-1");
  principal = hawser_principal_new ("anna", claims);
  g_assert_cmpstr (hawser_principal_get_name (principal), ==, "anna");
  g_assert_cmpstr (hawser_principal_get_claim (principal, "role"), ==, "viewer");
  g_assert_cmpstr (hawser_principal_get_claim (principal, "mission"), ==, "pegasus-1");
  g_assert_null (hawser_principal_get_claim (principal, "roles"));
  g_assert_null (hawser_principal_get_claim (principal, ""));
  list = hawser_principal_list_claims (principal);
  g_assert_cmpstrv (list, ((const char *[]) { "mission=pegasus-1", "role=viewer", NULL }));
}

static void
a_claim_has_several_values_in_order (void)
{
  const char *pairs[] = { "group=b", "a=1", "group=a", "group=c=d", "malformed", "=nameless", NULL };
  g_autoptr (HawserPrincipal) principal = hawser_principal_new_from_strings ("x", pairs);

  g_assert_cmpstr (hawser_principal_get_claim_value (principal, "group", 0), ==, "b");
  g_assert_cmpstr (hawser_principal_get_claim_value (principal, "group", 1), ==, "a");
  g_assert_cmpstr (hawser_principal_get_claim_value (principal, "group", 2), ==, "c=d");
  g_assert_null (hawser_principal_get_claim_value (principal, "group", 3));
  g_assert_null (hawser_principal_get_claim_value (principal, "group", G_MAXUINT));
  g_assert_null (hawser_principal_get_claim (principal, "malformed"));
}

static void
claims_that_are_not_text_are_left_out (void)
{
  const char *pairs[] = { "role=\xff", "ro\xffle=x", "ok=yes", NULL };
  g_autoptr (HawserPrincipal) principal = hawser_principal_new_from_strings ("\xff", pairs);
  g_auto (GStrv) list = hawser_principal_list_claims (principal);

  g_assert_cmpuint (g_strv_length (list), ==, 1);
  g_assert_true (g_utf8_validate (hawser_principal_get_name (principal), -1, NULL));
}

static void
nobody_has_no_claims (void)
{
  g_autoptr (HawserPrincipal) principal = hawser_principal_new (NULL, NULL);
  g_autoptr (HawserPrincipal) again = hawser_principal_ref (principal);

  g_assert_cmpstr (hawser_principal_get_name (again), ==, "");
  g_assert_null (hawser_principal_get_claim (again, "role"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/policy/principal/claims-are-found-by-name", claims_are_found_by_name);
  g_test_add_func ("/policy/principal/a-claim-has-several-values-in-order", a_claim_has_several_values_in_order);
  g_test_add_func ("/policy/principal/claims-that-are-not-text-are-left-out", claims_that_are_not_text_are_left_out);
  g_test_add_func ("/policy/principal/nobody-has-no-claims", nobody_has_no_claims);
  return g_test_run ();
}
