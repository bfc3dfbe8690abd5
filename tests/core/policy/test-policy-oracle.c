/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* 10,000 random rules agree with an oracle that was told the tree instead of the text. The oracle is a plain recursive
 * evaluation with its own number comparison and its own exponential glob; GTest prints the seed (-s or --seed repeats it). */

#include <hawser/hawser.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_RULES 10000

typedef enum { NO, MAYBE, YES } Truth;

static const char * const names[] = { "a", "b.c", "d-e", "many", "absent" };
static const char * const values[] = { "x", "xy", "yx", "", "7", "7.0", "-3", "12", "x*y", "xx" };
static const char * const patterns[] = { "*", "x*", "*x", "?", "x?", "*y*", "", "?*?", "x*x", "7*" };

typedef struct {
  const char *values[5][3];   /* of each name, ends with NULL */
} World;

static Truth
equals (const char *value, const char *literal, gboolean is_number)
{
  char *end;
  double number;

  if (!is_number)
    return strcmp (value, literal) == 0 ? YES : NO;
  number = strtod (value, &end);
  return *value != '\0' && *end == '\0' && fabs (number - atof (literal)) < 1e-9 ? YES : NO;
}

static gboolean
glob (const char *pattern, const char *value)
{
  if (*pattern == '\0')
    return *value == '\0';
  if (*pattern == '*')
    return glob (pattern + 1, value) || (*value != '\0' && glob (pattern, value + 1));
  return *value != '\0' && (*pattern == '?' || *pattern == *value) && glob (pattern + 1, value + 1);
}

static Truth
orders (const char *op, const char *value, const char *literal)
{
  char *end;
  double number = strtod (value, &end), wanted = atof (literal);

  if (*value == '\0' || *end != '\0')
    return MAYBE;
  if (strcmp (op, "<") == 0)
    return number < wanted ? YES : NO;
  if (strcmp (op, "<=") == 0)
    return number <= wanted ? YES : NO;
  if (strcmp (op, ">") == 0)
    return number > wanted ? YES : NO;
  return number >= wanted ? YES : NO;
}

static Truth
write_term (GRand *rand, GString *text, const World *world)
{
  static const char * const orderings[] = { "<", "<=", ">", ">=" };
  int name = g_rand_int_range (rand, 0, G_N_ELEMENTS (names)), kind = g_rand_int_range (rand, 0, 8);
  const char * const *have = world->values[name];
  const char *literal = values[g_rand_int_range (rand, 0, G_N_ELEMENTS (values))];
  const char *number = values[g_rand_int_range (rand, 4, 8)];
  const char *pattern = patterns[g_rand_int_range (rand, 0, G_N_ELEMENTS (patterns))];
  const char *ordering = orderings[g_rand_int_range (rand, 0, 4)];
  Truth truth = NO;

  switch (kind)
    {
    case 0:
    case 1:
      g_string_append_printf (text, "%s %s \"%s\"", names[name], kind == 0 ? "==" : "!=", literal);
      break;
    case 2:
      g_string_append_printf (text, "%s == %s", names[name], number);
      break;
    case 3:
    case 4:
      g_string_append_printf (text, "%s %s(\"%s\"; %s)", names[name], kind == 3 ? "in " : "not in", literal, number);
      break;
    case 5:
      g_string_append_printf (text, "%s ~ \"%s\"", names[name], pattern);
      break;
    case 6:
      g_string_append_printf (text, "%s %s %s", names[name], ordering, number);
      break;
    default:
      g_string_append_printf (text, g_rand_boolean (rand) ? "exists %s" : "%s exists", names[name]);
      return have[0] != NULL ? YES : NO;
    }

  if (have[0] == NULL)
    return MAYBE;
  for (int i = 0; have[i] != NULL; i++)
    {
      Truth one = kind <= 1 ? equals (have[i], literal, FALSE) : kind == 2 ? equals (have[i], number, TRUE)
                : kind <= 4 ? MAX (equals (have[i], literal, FALSE), equals (have[i], number, TRUE))
                : kind == 5 ? (glob (pattern, have[i]) ? YES : NO) : orders (ordering, have[i], number);

      truth = MAX (truth, one);
    }
  return kind == 1 || kind == 4 ? YES - truth : truth;
}

static Truth write_or (GRand *rand, GString *text, const World *world, int depth);

static Truth
write_operand (GRand *rand, GString *text, const World *world, int depth)
{
  int kind = g_rand_int_range (rand, 0, 10);
  Truth truth;

  if (kind == 0)
    {
      g_string_append (text, "true");
      return YES;
    }
  if (kind == 1)
    {
      g_string_append (text, "false");
      return NO;
    }
  if (kind <= 3 && depth > 0)
    {
      g_string_append (text, "not ");
      return YES - write_operand (rand, text, world, depth - 1);
    }
  if (kind <= 6 && depth > 0)
    {
      g_string_append (text, g_rand_boolean (rand) ? "(" : "( ");
      truth = write_or (rand, text, world, depth - 1);
      g_string_append_c (text, ')');
      return truth;
    }
  return write_term (rand, text, world);
}

static Truth
write_and (GRand *rand, GString *text, const World *world, int depth)
{
  Truth truth = write_operand (rand, text, world, depth), right;

  while (g_rand_int_range (rand, 0, 3) == 0)
    {
      g_string_append (text, " and ");
      right = write_operand (rand, text, world, depth);
      truth = MIN (truth, right);
    }
  return truth;
}

static Truth
write_or (GRand *rand, GString *text, const World *world, int depth)
{
  Truth truth = write_and (rand, text, world, depth), right;

  while (g_rand_int_range (rand, 0, 3) == 0)
    {
      g_string_append (text, " or ");
      right = write_and (rand, text, world, depth);
      truth = MAX (truth, right);
    }
  return truth;
}

static HawserPrincipal *
make_world (GRand *rand, World *world)
{
  g_autoptr (GPtrArray) pairs = g_ptr_array_new_with_free_func (g_free);

  memset (world, 0, sizeof *world);
  for (int name = 0; name < 4; name++)
    for (int i = 0; i < (name == 3 ? 2 : 1) && g_rand_int_range (rand, 0, 5) != 0; i++)
      {
        world->values[name][i] = values[g_rand_int_range (rand, 0, G_N_ELEMENTS (values))];
        g_ptr_array_add (pairs, g_strdup_printf ("%s=%s", names[name], world->values[name][i]));
      }
  g_ptr_array_add (pairs, NULL);
  return hawser_principal_new_from_strings ("oracle", (const char * const *) pairs->pdata);
}

static void
random_rules_agree (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed ((guint32) g_test_rand_int ());
  guint n_allowed = 0;

  for (guint i = 0; i < N_RULES; i++)
    {
      World world;
      g_autoptr (HawserPrincipal) principal = make_world (rand, &world);
      g_autoptr (GString) text = g_string_new (NULL);
      Truth truth = write_or (rand, text, &world, 5);
      g_autoptr (GError) error = NULL;
      g_autoptr (HawserPolicy) policy = hawser_policy_new ("random", text->str, &error);
      HawserPolicyContext context = { .principal = principal };
      g_autofree char *explanation = NULL;
      gboolean is_allowed, constant;

      if (error != NULL)
        g_error ("rule %u: %s: %s", i, text->str, error->message);
      is_allowed = hawser_policy_evaluate (policy, &context, &explanation);
      if (is_allowed != (truth == YES))
        {
          g_auto (GStrv) list = hawser_principal_list_claims (principal);
          g_autofree char *joined = g_strjoinv (", ", list);

          g_error ("rule %u: %s\nclaims: %s\noracle says %d", i, text->str, joined, truth);
        }
      if (hawser_policy_is_constant (policy, &constant))
        g_assert_true (constant == is_allowed);
      n_allowed += is_allowed;
    }
  g_test_message ("%u of %u rules allowed", n_allowed, N_RULES);
  g_assert_cmpuint (n_allowed, >, N_RULES / 10);
  g_assert_cmpuint (n_allowed, <, N_RULES - N_RULES / 10);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/policy/oracle/ten-thousand-random-rules-agree", random_rules_agree);
  return g_test_run ();
}
