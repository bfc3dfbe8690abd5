/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The contract of the identity role. A fact is a function that says what is wrong, or nothing; the same table is walked by
 * tests in C, Python and JavaScript. Each runs on a main context of its own, as a lane does. */

#include "contract-identity.h"

#include <string.h>

#define DEADLINE_MS 30000
#define N_AT_ONCE 40
#define LONG (1 << 20)

typedef struct {
  HawserIdentity *identity;
  const char *user, *password, *claim;
  GMainContext *context;
  guint n_started, n_answers;
  gboolean is_inside;           /* a call is under way */
  gboolean is_late;
  char *problem;                /* of an answer */
} World;

typedef struct {
  World *world;
  HawserPrincipal *principal;
  GError *error;
} Answer;

static void
answer_clear (Answer *answer)
{
  g_clear_pointer (&answer->principal, hawser_principal_unref);
  g_clear_error (&answer->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Answer, answer_clear)

/* ---- Asking ---- */

static void
say (World *world, const char *problem)
{
  if (world->problem == NULL)
    world->problem = g_strdup (problem);
}

static void
on_answer (GObject *source, GAsyncResult *result, gpointer data)
{
  Answer *answer = data;
  World *world = answer->world;

  if (world->is_inside)
    say (world, "the answer came from inside the call");
  if (!g_main_context_is_owner (world->context))
    say (world, "the answer came on another context than that of the caller");
  if (answer->principal != NULL || answer->error != NULL)
    say (world, "there was a second answer");
  world->n_answers++;
  answer->principal = hawser_identity_authenticate_finish (HAWSER_IDENTITY (source), result, &answer->error);
  if ((answer->principal == NULL) == (answer->error == NULL))
    say (world, "an answer is either a principal or an error");
}

static void
ask (World *world, HawserCredentialKind kind, const char *user, GBytes *secret, GCancellable *cancellable, Answer *out_answer)
{
  out_answer->world = world;
  world->n_started++;
  world->is_inside = TRUE;
  hawser_identity_authenticate_async (world->identity, kind, user, secret, cancellable, on_answer, out_answer);
  world->is_inside = FALSE;
}

static gboolean
on_late (gpointer data)
{
  ((World *) data)->is_late = TRUE;
  return G_SOURCE_CONTINUE;
}

/* What is wrong with the answers, or NULL. */
static char *
wait_for_all (World *world)
{
  g_autoptr (GSource) late = g_timeout_source_new (DEADLINE_MS);

  g_source_set_callback (late, on_late, world, NULL);
  g_source_attach (late, world->context);
  while (world->n_answers < world->n_started && !world->is_late)
    g_main_context_iteration (world->context, TRUE);
  while (g_main_context_iteration (world->context, FALSE))
    continue; /* a second answer would come now */
  g_source_destroy (late);
  if (world->is_late)
    return g_strdup_printf ("%u of %u answers came in time", world->n_answers, world->n_started);
  return g_steal_pointer (&world->problem);
}

static char *
ask_and_wait (World *world, HawserCredentialKind kind, const char *user, const char *text, Answer *out_answer)
{
  g_autoptr (GBytes) secret = text != NULL ? g_bytes_new (text, strlen (text)) : NULL;

  ask (world, kind, user, secret, NULL, out_answer);
  return wait_for_all (world);
}

static char *
expect_refusal (World *world, HawserCredentialKind kind, const char *user, const char *text)
{
  g_auto (Answer) answer = { 0 };
  char *problem = ask_and_wait (world, kind, user, text, &answer);

  if (problem != NULL)
    return problem;
  if (answer.principal != NULL)
    return g_strdup_printf ("'%.40s' was let in", user != NULL ? user : "(nobody)");
  if (!g_error_matches (answer.error, HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED))
    return g_strdup_printf ("the refusal is '%s', not that of somebody without a right", answer.error->message);
  return NULL;
}

static char *
expect_welcome (World *world, const Answer *answer)
{
  g_autofree char *expected = NULL, *name = NULL;

  if (answer->principal == NULL)
    return g_strdup_printf ("the user was refused: %s", answer->error->message);
  if (g_strcmp0 (hawser_principal_get_name (answer->principal), world->user) != 0)
    return g_strdup_printf ("the principal is called '%s'", hawser_principal_get_name (answer->principal));
  if (world->claim == NULL)
    return NULL;
  name = g_strndup (world->claim, strcspn (world->claim, "="));
  expected = g_strdup (world->claim + strlen (name) + 1);
  if (g_strcmp0 (hawser_principal_get_claim (answer->principal, name), expected) != 0)
    return g_strdup_printf ("the claim '%s' is '%s'", name, hawser_principal_get_claim (answer->principal, name));
  return NULL;
}

/* ---- Facts ---- */

static char *
right_password_brings_name_and_claims (World *world)
{
  g_auto (Answer) answer = { 0 };
  char *problem = ask_and_wait (world, HAWSER_CREDENTIAL_PASSWORD, world->user, world->password, &answer);

  return problem != NULL ? problem : expect_welcome (world, &answer);
}

static char *
wrong_password_is_refused (World *world)
{
  g_autofree char *longer = g_strconcat (world->password, "x", NULL), *shorter = g_strndup (world->password, strlen (world->password) - 1);
  const char * const wrong[] = { "wrong", "", longer, shorter, world->user };
  char *problem = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (wrong) && problem == NULL; i++)
    problem = expect_refusal (world, HAWSER_CREDENTIAL_PASSWORD, world->user, wrong[i]);
  return problem;
}

static char *
unknown_user_is_refused (World *world)
{
  g_autofree char *longer = g_strconcat (world->user, "x", NULL);
  const char * const unknown[] = { "nobody of this name", "", longer };
  char *problem = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (unknown) && problem == NULL; i++)
    problem = expect_refusal (world, HAWSER_CREDENTIAL_PASSWORD, unknown[i], world->password);
  return problem;
}

static char *
who_shows_nothing_is_refused (World *world)
{
  char *problem = expect_refusal (world, HAWSER_CREDENTIAL_PASSWORD, world->user, NULL);

  if (problem == NULL)
    problem = expect_refusal (world, HAWSER_CREDENTIAL_PASSWORD, NULL, world->password);
  if (problem == NULL)
    problem = expect_refusal (world, HAWSER_CREDENTIAL_PASSWORD, NULL, NULL);
  return problem;
}

static char *
kind_it_does_not_judge_is_refused (World *world)
{
  const HawserCredentialKind kinds[] = { HAWSER_CREDENTIAL_NONE, HAWSER_CREDENTIAL_TOKEN, HAWSER_CREDENTIAL_CERTIFICATE };
  char *problem = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (kinds) && problem == NULL; i++)
    if (!hawser_identity_understands (world->identity, kinds[i]))
      problem = expect_refusal (world, kinds[i], world->user, world->password);
  return problem;
}

static char *
password_that_holds_zero_bytes_is_whole (World *world)
{
  const gsize len = strlen (world->password);
  g_autofree char *text = g_malloc (len + 2);
  g_autoptr (GBytes) secret = NULL;
  g_auto (Answer) answer = { 0 };
  char *problem;

  memcpy (text, world->password, len + 1);
  text[len + 1] = 'x';
  secret = g_bytes_new (text, len + 2);
  ask (world, HAWSER_CREDENTIAL_PASSWORD, world->user, secret, NULL, &answer);
  problem = wait_for_all (world);
  if (problem == NULL && answer.principal != NULL)
    problem = g_strdup ("what comes after a zero byte does not count");
  return problem;
}

static char *
overlong_credentials_are_refused (World *world)
{
  g_autofree char *text = g_strnfill (LONG, 'a');
  char *problem = expect_refusal (world, HAWSER_CREDENTIAL_PASSWORD, world->user, text);

  return problem != NULL ? problem : expect_refusal (world, HAWSER_CREDENTIAL_PASSWORD, text, world->password);
}

static char *
refusal_tells_neither_secret_nor_whether_the_user_exists (World *world)
{
  g_auto (Answer) wrong = { 0 }, unknown = { 0 };
  char *problem = ask_and_wait (world, HAWSER_CREDENTIAL_PASSWORD, world->user, "zq7-secret", &wrong);

  if (problem == NULL)
    problem = ask_and_wait (world, HAWSER_CREDENTIAL_PASSWORD, "nobody of this name", "zq7-secret", &unknown);
  if (problem != NULL)
    return problem;
  if (wrong.error == NULL || unknown.error == NULL)
    return g_strdup ("somebody was let in");
  if (strstr (wrong.error->message, "zq7-secret") != NULL)
    return g_strdup ("the refusal holds the secret");
  if (!g_str_equal (wrong.error->message, unknown.error->message))
    return g_strdup_printf ("'%s' and '%s' tell whether a user exists", wrong.error->message, unknown.error->message);
  return NULL;
}

static char *
many_at_once_get_their_own_answers (World *world)
{
  g_autoptr (GBytes) right = g_bytes_new (world->password, strlen (world->password)), wrong = g_bytes_new_static ("wrong", 5);
  Answer answers[N_AT_ONCE] = { 0 };
  char *problem;

  for (guint i = 0; i < N_AT_ONCE; i++)
    ask (world, HAWSER_CREDENTIAL_PASSWORD, world->user, i % 2 == 0 ? right : wrong, NULL, &answers[i]);
  problem = wait_for_all (world);
  for (guint i = 0; i < N_AT_ONCE; i++)
    {
      if (problem == NULL && i % 2 == 0)
        problem = expect_welcome (world, &answers[i]);
      else if (problem == NULL && answers[i].principal != NULL)
        problem = g_strdup ("a wrong password was let in with the right ones");
      answer_clear (&answers[i]);
    }
  return problem;
}

static char *
cancelled_before_is_cancelled (World *world)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GBytes) secret = g_bytes_new (world->password, strlen (world->password));
  g_auto (Answer) answer = { 0 };
  char *problem;

  g_cancellable_cancel (cancellable);
  ask (world, HAWSER_CREDENTIAL_PASSWORD, world->user, secret, cancellable, &answer);
  problem = wait_for_all (world);
  if (problem == NULL && !g_error_matches (answer.error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    problem = g_strdup ("a question that was cancelled first was answered otherwise");
  return problem;
}

static char *
cancelled_meanwhile_is_answered_once (World *world)
{
  g_autoptr (GBytes) secret = g_bytes_new (world->password, strlen (world->password));
  Answer answers[N_AT_ONCE] = { 0 };
  char *problem;

  for (guint i = 0; i < N_AT_ONCE; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();

      ask (world, HAWSER_CREDENTIAL_PASSWORD, world->user, secret, cancellable, &answers[i]);
      g_cancellable_cancel (cancellable);
    }
  problem = wait_for_all (world);
  for (guint i = 0; i < N_AT_ONCE; i++)
    {
      if (problem == NULL && answers[i].principal == NULL && !g_error_matches (answers[i].error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        problem = g_strdup_printf ("cancelling became '%s'", answers[i].error->message);
      answer_clear (&answers[i]);
    }
  return problem;
}

static char *
cancelled_after_changes_nothing (World *world)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GBytes) secret = g_bytes_new (world->password, strlen (world->password));
  g_auto (Answer) answer = { 0 };
  char *problem;

  ask (world, HAWSER_CREDENTIAL_PASSWORD, world->user, secret, cancellable, &answer);
  problem = wait_for_all (world);
  g_cancellable_cancel (cancellable);
  if (problem == NULL)
    problem = wait_for_all (world);
  return problem != NULL ? problem : expect_welcome (world, &answer);
}

static char *
loading_again_keeps_the_users (World *world)
{
  g_autoptr (GError) error = NULL;

  if (!hawser_identity_load (world->identity, &error))
    return g_strdup_printf ("it does not load again: %s", error->message);
  return right_password_brings_name_and_claims (world);
}

static const struct {
  const char *name;
  char *(*check) (World *world);
} facts[] = {
  { "right-password-brings-name-and-claims", right_password_brings_name_and_claims },
  { "wrong-password-is-refused", wrong_password_is_refused },
  { "unknown-user-is-refused", unknown_user_is_refused },
  { "who-shows-nothing-is-refused", who_shows_nothing_is_refused },
  { "kind-it-does-not-judge-is-refused", kind_it_does_not_judge_is_refused },
  { "password-that-holds-zero-bytes-is-whole", password_that_holds_zero_bytes_is_whole },
  { "overlong-credentials-are-refused", overlong_credentials_are_refused },
  { "refusal-tells-neither-secret-nor-whether-the-user-exists", refusal_tells_neither_secret_nor_whether_the_user_exists },
  { "many-at-once-get-their-own-answers", many_at_once_get_their_own_answers },
  { "cancelled-before-is-cancelled", cancelled_before_is_cancelled },
  { "cancelled-meanwhile-is-answered-once", cancelled_meanwhile_is_answered_once },
  { "cancelled-after-changes-nothing", cancelled_after_changes_nothing },
  { "loading-again-keeps-the-users", loading_again_keeps_the_users },
};

/**
 * contract_identity_list_facts:
 *
 * Returns: (transfer full) (array zero-terminated=1): names of all facts
 */
char **
contract_identity_list_facts (void)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (facts); i++)
    g_strv_builder_add (names, facts[i].name);
  return g_strv_builder_end (names);
}

/**
 * contract_identity_check:
 * @fact: one of contract_identity_list_facts()
 * @identity: a provider that is loaded
 * @user: a user that it knows
 * @password: that user's password, at least two bytes
 * @claim: (nullable): `NAME=VALUE`, a claim of that user
 * @error: return location
 *
 * Returns: %TRUE if it is so; with %FALSE the error says what is not
 */
gboolean
contract_identity_check (const char *fact, HawserIdentity *identity, const char *user, const char *password, const char *claim, GError **error)
{
  World world = { .identity = identity, .user = user, .password = password, .claim = claim };
  g_autofree char *problem = NULL;
  gsize i = 0;

  while (i < G_N_ELEMENTS (facts) && !g_str_equal (facts[i].name, fact))
    i++;
  g_return_val_if_fail (i < G_N_ELEMENTS (facts), FALSE);
  world.context = g_main_context_new ();
  g_main_context_push_thread_default (world.context);
  problem = facts[i].check (&world);
  g_main_context_pop_thread_default (world.context);
  g_main_context_unref (world.context);
  g_free (world.problem);
  if (problem != NULL)
    g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s: %s", fact, problem);
  return problem == NULL;
}

/* ---- For tests in C ---- */

typedef struct {
  const char *fact;
  HawserIdentity *(*make) (void);
  const char *user, *password, *claim;
} Test;

static void
run_test (gconstpointer data)
{
  const Test *test = data;
  g_autoptr (HawserIdentity) identity = test->make ();
  g_autoptr (GError) error = NULL;

  contract_identity_check (test->fact, identity, test->user, test->password, test->claim, &error);
  g_assert_no_error (error);
}

void
contract_identity_add (const char *name, HawserIdentity *(*make) (void), const char *user, const char *password, const char *claim)
{
  for (gsize i = 0; i < G_N_ELEMENTS (facts); i++)
    {
      g_autofree char *path = g_strdup_printf ("/identity/%s/%s", name, facts[i].name);
      Test test = { facts[i].name, make, user, password, claim };

      g_test_add_data_func_full (path, g_memdup2 (&test, sizeof test), run_test, g_free);
    }
}
