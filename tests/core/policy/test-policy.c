/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The rule language, one table per question: what it decides, what it refuses to read, what it says when it denies. */

#include <hawser/hawser.h>

#include <string.h>
#include <time.h>

static const char *claims[] = {
  "role=viewer", "mission=pegasus-1", "level=12", "big=9007199254740993", "group=users", "group=pilots", "empty=", "quote=a\"b\\c",
  "born=2026-03-01T12:00:00+01:00", "star=a*b", "umlaut=zürich", "uri=https://example.org/x", "code=007", "flag=true", NULL,
};

static gboolean
decide (const char *expression, char **out_explanation)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HawserPrincipal) principal = hawser_principal_new_from_strings ("anna", claims);
  g_autoptr (HawserPolicy) policy = hawser_policy_new ("p", expression, &error);
  HawserPolicyContext context = {
    .principal = principal, .client_id = "craft-7", .listener = "mqtts", .protocol = "mqtt", .topic = "device/craft-7/state", .is_encrypted = TRUE,
  };

  g_assert_no_error (error);
  return hawser_policy_evaluate (policy, &context, out_explanation);
}

static const struct {
  const char *expression;
  gboolean is_allowed;
} decisions[] = {
  { "true", TRUE }, { "false", FALSE }, { "not false", TRUE }, { "not not true", TRUE }, { "true or false and false", TRUE },
  { "(true or false) and false", FALSE }, { "not true or true", TRUE }, { "not (true or true)", FALSE },
  { "role == \"viewer\"", TRUE }, { "role == \"operator\"", FALSE }, { "role != \"operator\"", TRUE }, { "role != \"viewer\"", FALSE },
  { "role==\"viewer\"and mission==\"pegasus-1\"", TRUE }, { "role == \"Viewer\"", FALSE }, { "empty == \"\"", TRUE },
  { "role in (\"viewer\"; \"operator\")", TRUE }, { "role in (\"a\", \"viewer\",)", TRUE }, { "role in (\"a\";)", FALSE },
  { "role not in (\"a\"; \"b\")", TRUE }, { "role not in (\"viewer\")", FALSE }, { "level in (11; 12)", TRUE },
  /* absent claims decide nothing */
  { "nothing == \"x\"", FALSE }, { "nothing != \"x\"", FALSE }, { "not nothing == \"x\"", FALSE }, { "not (nothing == \"x\" or false)", FALSE },
  { "nothing == \"x\" or role == \"viewer\"", TRUE }, { "not (nothing == \"x\" and false)", TRUE }, { "nothing not in (\"x\")", FALSE },
  { "nothing < 5", FALSE }, { "not nothing < 5", FALSE }, { "nothing ~ \"*\"", FALSE }, { "not nothing ~ \"*\"", FALSE }, { "address == \"::1\"", FALSE },
  { "exists nothing", FALSE }, { "not exists nothing", TRUE }, { "nothing exists", FALSE }, { "role exists", TRUE }, { "exists role and empty exists", TRUE },
  /* numbers */
  { "level == 12", TRUE }, { "level == 12.0", TRUE }, { "level == \"12.0\"", FALSE }, { "level < 13", TRUE }, { "level < \"13\"", TRUE }, { "level > 9", TRUE },
  { "level >= 12", TRUE }, { "level <= 11.5", FALSE }, { "level > -1e3", TRUE }, { "role < 5", FALSE }, { "not role < 5", FALSE }, { "role == 5", FALSE },
  { "role != 5", TRUE }, { "big == 9007199254740993", TRUE }, { "big == 9007199254740992", FALSE }, { "code == \"7\"", FALSE }, { "code == 7", TRUE },
  { "empty < 5", FALSE },
  /* dates */
  { "born == \"2026-03-01T11:00:00Z\"", TRUE }, { "born < \"2026-03-01T11:00:00.001Z\"", TRUE }, { "born >= \"2026-03-01\"", TRUE }, { "born > \"2026-03-02\"", FALSE },
  { "level < \"2026-03-01\"", FALSE }, { "not level < \"2026-03-01\"", FALSE },
  /* several values */
  { "group == \"pilots\"", TRUE }, { "group == \"users\" and group == \"pilots\"", TRUE }, { "group != \"pilots\"", FALSE }, { "group != \"cooks\"", TRUE },
  { "group ~ \"pil*\"", TRUE }, { "group not in (\"pilots\")", FALSE },
  /* patterns */
  { "role ~ \"v*r\"", TRUE }, { "role ~ \"v?ewer\"", TRUE }, { "role ~ \"viewer?\"", FALSE }, { "role ~ \"*\"", TRUE }, { "role ~ \"**w**\"", TRUE }, { "role ~ \"\"", FALSE },
  { "star ~ \"a\\*b\"", TRUE }, { "role ~ \"v\\*r\"", FALSE }, { "umlaut ~ \"z?rich\"", TRUE }, { "umlaut ~ \"z??rich\"", FALSE }, { "umlaut ~ \"*??????\"", TRUE },
  { "umlaut ~ \"*???????\"", FALSE }, { "quote == \"a\\\"b\\\\c\"", TRUE }, { "uri ~ \"https://*\"", TRUE }, { "uri ~ \"*+*\"", FALSE }, { "role ~ \"#\"", FALSE },
  { "topic ~ \"device/+/state\"", TRUE }, { "topic ~ \"device/+\"", FALSE }, { "topic ~ \"device/#\"", TRUE }, { "topic ~ \"device/craft-7/state/#\"", TRUE },
  { "topic ~ \"device/{client-id}/#\"", TRUE }, { "topic ~ \"device/{client-id}\"", FALSE }, { "topic ~ \"device/{mission}/#\"", FALSE }, { "topic ~ \"+/{client-id}/*\"", TRUE },
  { "topic ~ \"device/{nothing}/#\"", FALSE }, { "not topic ~ \"device/{nothing}/#\"", FALSE }, { "topic ~ \"/#\"", FALSE }, { "topic ~ \"#\"", TRUE },
  { "topic ~ \"device/\\{client-id\\}/#\"", FALSE }, { "client-id ~ \"craft-{level}\"", FALSE }, { "role ~ \"{group}\"", FALSE }, { "group ~ \"{group}\"", TRUE },
  /* facts */
  { "listener == \"mqtts\" and protocol == \"mqtt\" and client-id == \"craft-7\" and tls == true", TRUE }, { "tls == \"false\"", FALSE }, { "principal == \"anna\"", TRUE },
  { "flag == true", TRUE }, { "flag == \"true\"", TRUE },
};

static void
decides (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (decisions); i++)
    {
      g_autofree char *explanation = NULL;
      gboolean is_allowed = decide (decisions[i].expression, &explanation);

      if (is_allowed != decisions[i].is_allowed)
        g_error ("%s: %s (%s)", decisions[i].expression, is_allowed ? "allowed" : "denied", explanation);
      g_assert_true ((explanation == NULL) == is_allowed);
      g_assert_true (decide (decisions[i].expression, NULL) == is_allowed);
    }
}

static const struct {
  const char *expression;
  const char *message;
} refusals[] = {
  { "", "column 1: the rule is empty; write 'false' to let nobody in" },
  { "   ", "column 1: the rule is empty; write 'false' to let nobody in" },
  { "role in )", "column 9: expected a list in brackets after 'in': (\"a\"; \"b\")" },
  { "role in ", "column 9: expected a value after 'in'" },
  { "role in ()", "column 10: expected a value after 'in ('" },
  { "role in (\"a\" \"b\")", "column 14: expected ';' or ')' in the list of 'in'" },
  { "role in (\"a\"; ; )", "column 15: expected a value after ';'" },
  { "role", "column 5: expected one of == != < > <= >= in ~ exists after 'role'" },
  { "role = \"a\"", "column 6: '=' does not compare; write '=='" },
  { "role == viewer", "column 9: expected a value after '=='; a text stands in quotes: \"viewer\"" },
  { "role == \"viewer", "column 9: text is never closed with '\"'" },
  { "role == \"a\\n\"", "column 11: '\\' may stand only before \" \\ * ? { } + #" },
  { "\"viewer\" == role", "column 1: expected the name of a claim" },
  { "role == \"a\" and", "column 16: expected the name of a claim" },
  { "role == \"a\" role == \"b\"", "column 13: expected 'and' or 'or'" },
  { "and role == \"a\"", "column 1: expected the name of a claim" },
  { "(role == \"a\"", "column 1: '(' is never closed" },
  { "role == \"a\")", "column 12: ')' closes nothing" },
  { "not", "column 4: expected the name of a claim" },
  { "exists \"role\"", "column 8: expected the name of a claim after 'exists'" },
  { "role not == \"a\"", "column 10: expected 'in' after 'not'" },
  { "level < \"high\"", "column 9: '<' needs a number or a date" },
  { "level < 5x", "column 9: '5x' is not a number; a text stands in quotes" },
  { "level ~ 5", "column 9: '~' needs a pattern in quotes" },
  { "role ~ \"{client-id\"", "column 9: '{' is never closed; write '\\{' for the character itself" },
  { "role ~ \"{}\"", "column 9: '{}' names no claim" },
  { "role ~ \"{a}{b}{c}{d}{e}\"", "column 21: a pattern may substitute at most 4 different claims" },
  { "topic ~ \"a/#/b\"", "column 12: '#' must be the last level" },
  { "topic ~ \"a/b+\"", "column 13: '+' must be a whole level" },
  { "role == \"zürich\" & true", "column 18: '&' has no meaning here" },
  { "role == \"\xff\"", "column 10: not valid UTF-8" },
  { "role == \"a\nb\"", "column 11: control character" },
};

static void
says_where_a_rule_cannot_be_read (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *expected = g_strconcat ("policy 'viewers': ", refusals[i].message, NULL);

      g_assert_null (hawser_policy_new ("viewers", refusals[i].expression, &error));
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
      g_assert_cmpstr (error->message, ==, expected);
    }
}

static const struct {
  const char *expression;
  const char *message;
} explanations[] = {
  { "role == \"web-site\" and can-command == \"true\"", "policy p: role == \"web-site\" is false" },
  { "role == \"viewer\" and can-command == \"true\"", "policy p: can-command == \"true\" is false: there is no claim 'can-command'" },
  { "role == \"a\" or role == \"b\"", "policy p: role == \"a\" is false" },
  { "true and not role == \"viewer\"", "policy p: not role == \"viewer\" is false" },
  { "not (role == \"viewer\" or false) and true", "policy p: not (role == \"viewer\" or false) is false" },
  { "role < 5", "policy p: role < 5 is false: it cannot be decided for 'viewer'" },
  { "role == \"viewer\" and false", "policy p: the rule says false" },
  { "( exists nothing )", "policy p: exists nothing is false" },
};

static void
explains_the_first_false_term (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (explanations); i++)
    {
      g_autofree char *explanation = NULL;

      g_assert_false (decide (explanations[i].expression, &explanation));
      g_assert_cmpstr (explanation, ==, explanations[i].message);
    }
}

static void
no_policy_denies (void)
{
  HawserPolicyContext context = { 0 };
  g_autofree char *explanation = NULL;

  g_assert_false (hawser_policy_evaluate (NULL, &context, &explanation));
  g_assert_cmpstr (explanation, ==, "no policy allows it");
}

static void
an_anonymous_peer_has_no_claims (void)
{
  g_autoptr (HawserPolicy) any = hawser_policy_new ("p", "role exists or principal exists", NULL);
  g_autoptr (HawserPolicy) topic = hawser_policy_new ("p", "topic ~ \"public/#\"", NULL);
  HawserPolicyContext context = { .topic = "public/x" };

  g_assert_false (hawser_policy_evaluate (any, &context, NULL));
  g_assert_true (hawser_policy_evaluate (topic, &context, NULL));
}

static void
a_token_cannot_override_a_fact (void)
{
  const char *forged[] = { "listener=admin", "tls=true", "topic=free", "client-id=root", NULL };
  g_autoptr (HawserPrincipal) principal = hawser_principal_new_from_strings ("eve", forged);
  g_autoptr (HawserPolicy) policy = hawser_policy_new ("p", "listener == \"admin\" or tls == true or topic == \"free\" or client-id == \"root\"", NULL);
  HawserPolicyContext context = { .principal = principal, .listener = "mqtt", .topic = "secret" };

  g_assert_false (hawser_policy_evaluate (policy, &context, NULL));
}

static const struct {
  const char *pattern, *client_id, *topic;
  gboolean is_allowed;
} substitutions[] = {
  { "device/{client-id}/#", "7", "device/7/a", TRUE },
  { "device/{client-id}/#", "+", "device/7/a", FALSE },
  { "device/{client-id}/#", "+", "device/+/a", FALSE },
  { "device/{client-id}/#", "#", "device/7/a", FALSE },
  { "device/{client-id}/#", "#", "device/#", FALSE },
  { "device/{client-id}/#", "*", "device/7/a", FALSE },
  { "device/{client-id}/#", "*", "device/*/a", TRUE },
  { "device/{client-id}/#", "?", "device/7/a", FALSE },
  { "device/{client-id}/#", "7/a", "device/7/a/b", FALSE },
  { "device/{client-id}/#", "", "device//a", FALSE },
  { "device/{client-id}/#", "{client-id}", "device/7/a", FALSE },
  { "{client-id}/#", "$SYS", "$SYS/broker", FALSE },
  /* a subscription's filter must be covered by the pattern */
  { "device/+", "7", "device/#", FALSE },
  { "device/+", "7", "device/+", TRUE },
  { "device/#", "7", "device/#", TRUE },
  { "device/#", "7", "device/+/x", TRUE },
  { "device/?", "7", "device/+", FALSE },
  { "device/*", "7", "device/#", FALSE },
  { "#", "7", "#", TRUE },
  { "#", "7", "$SYS/x", FALSE },
  { "+/x", "7", "$SYS/x", FALSE },
  { "*", "7", "$SYS/x", FALSE },
  { "$SYS/#", "7", "$SYS/x", TRUE },
  { "device/#", "7", "device", TRUE },
  { "device/#", "7", "devices/x", FALSE },
};

static void
a_substituted_value_is_never_a_wildcard (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (substitutions); i++)
    {
      g_autofree char *expression = g_strdup_printf ("topic ~ \"%s\"", substitutions[i].pattern);
      g_autoptr (HawserPolicy) policy = hawser_policy_new ("p", expression, NULL);
      HawserPolicyContext context = { .client_id = substitutions[i].client_id, .topic = substitutions[i].topic };

      if (hawser_policy_evaluate (policy, &context, NULL) != substitutions[i].is_allowed)
        g_error ("row %" G_GSIZE_FORMAT ": %s, client %s, topic %s", i, expression, context.client_id, context.topic);
    }
}

static void
nesting_is_bounded (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  HawserPolicy *policy;

  for (guint depth = 0; depth < 64; depth++)
    g_string_append (text, "(false or true and ");
  g_string_append (text, "true");
  for (guint depth = 0; depth < 64; depth++)
    g_string_append_c (text, ')');
  policy = hawser_policy_new ("deep", text->str, &error);
  g_assert_no_error (error);
  g_assert_true (hawser_policy_evaluate (policy, &(HawserPolicyContext) { 0 }, NULL));
  hawser_policy_unref (policy);

  g_string_prepend_c (text, '(');
  g_string_append_c (text, ')');
  g_assert_null (hawser_policy_new ("deep", text->str, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
  g_assert_true (g_str_has_suffix (error->message, ": nested deeper than 64"));
}

static void
length_is_bounded (void)
{
  g_autofree char *text = g_strnfill (70000, 'a');
  g_autoptr (GError) error = NULL;

  g_assert_null (hawser_policy_new ("long", text, &error));
  g_assert_cmpstr (error->message, ==, "policy 'long': column 65537: longer than 65536 bytes");
}

static void
a_hostile_pattern_costs_linear_time (void)
{
  g_autofree char *value = g_strnfill (65535, 'a');
  const char *pairs[] = { "v=", NULL };
  g_autofree char *pair = g_strconcat (pairs[0], value, NULL);
  g_autoptr (HawserPrincipal) principal = hawser_principal_new_from_strings ("x", (const char *[]) { pair, NULL });
  g_autoptr (HawserPolicy) policy = hawser_policy_new ("p", "v ~ \"*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b\"", NULL);
  clock_t start = clock ();   /* of this process: what else the machine does is not its cost */

  g_assert_false (hawser_policy_evaluate (policy, &(HawserPolicyContext) { .principal = principal }, NULL));
  g_assert_cmpint (clock () - start, <, CLOCKS_PER_SEC);
}

static const struct {
  const char *expression;
  gboolean is_constant, value;
} constants[] = {
  { "true", TRUE, TRUE }, { "false", TRUE, FALSE }, { "role == \"x\"", FALSE, FALSE }, { "role == \"x\" or true", TRUE, TRUE }, { "false and role exists", TRUE, FALSE },
  { "role exists", FALSE, FALSE }, { "not role exists", FALSE, FALSE }, { "not (true and not false)", TRUE, FALSE },
};

static void
a_constant_rule_is_recognised (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (constants); i++)
    {
      g_autoptr (HawserPolicy) policy = hawser_policy_new ("p", constants[i].expression, NULL);
      gboolean value = FALSE;

      g_assert_true (hawser_policy_is_constant (policy, &value) == constants[i].is_constant);
      g_assert_true (value == constants[i].value);
    }
}

static void
a_rule_names_what_it_uses (void)
{
  g_autoptr (HawserPolicy) policy = hawser_policy_new ("p", "role == \"x\" and topic ~ \"device/{client-id}/#\"", NULL);

  g_assert_true (hawser_policy_uses (policy, "role"));
  g_assert_true (hawser_policy_uses (policy, "topic"));
  g_assert_true (hawser_policy_uses (policy, "client-id"));
  g_assert_false (hawser_policy_uses (policy, "device"));
  g_assert_false (hawser_policy_uses (policy, "listener"));
}

static void
facts_can_be_tried_out (void)
{
  g_autoptr (HawserPolicy) policy = hawser_policy_new ("p", "topic ~ \"a/#\" and tls == true", NULL);
  g_autoptr (GHashTable) facts = g_hash_table_new (g_str_hash, g_str_equal);
  g_autofree char *explanation = NULL;

  g_hash_table_insert (facts, (gpointer) "topic", (gpointer) "a/b");
  g_assert_false (hawser_policy_test (policy, NULL, facts, &explanation));
  g_assert_cmpstr (explanation, ==, "policy p: tls == true is false");
  g_hash_table_insert (facts, (gpointer) "tls", (gpointer) "true");
  g_assert_true (hawser_policy_test (policy, NULL, facts, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/policy/rule/decides", decides);
  g_test_add_func ("/policy/rule/says-where-it-cannot-be-read", says_where_a_rule_cannot_be_read);
  g_test_add_func ("/policy/rule/explains-the-first-false-term", explains_the_first_false_term);
  g_test_add_func ("/policy/rule/none-denies", no_policy_denies);
  g_test_add_func ("/policy/rule/an-anonymous-peer-has-no-claims", an_anonymous_peer_has_no_claims);
  g_test_add_func ("/policy/rule/a-token-cannot-override-a-fact", a_token_cannot_override_a_fact);
  g_test_add_func ("/policy/rule/a-substituted-value-is-never-a-wildcard", a_substituted_value_is_never_a_wildcard);
  g_test_add_func ("/policy/rule/nesting-is-bounded", nesting_is_bounded);
  g_test_add_func ("/policy/rule/length-is-bounded", length_is_bounded);
  g_test_add_func ("/policy/rule/a-hostile-pattern-costs-linear-time", a_hostile_pattern_costs_linear_time);
  g_test_add_func ("/policy/rule/a-constant-is-recognised", a_constant_rule_is_recognised);
  g_test_add_func ("/policy/rule/names-what-it-uses", a_rule_names_what_it_uses);
  g_test_add_func ("/policy/rule/facts-can-be-tried-out", facts_can_be_tried_out);
  return g_test_run ();
}
