/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The provider around the file: answers come back to the caller's context, nobody is let in by a bad file, and a flood of
 * log-ins is refused instead of queued without end. */

#include <hawser/hawser.h>

#include <glib/gstdio.h>
#include <string.h>

#define LINE "anna:$7$101$EArQDQLBek1Ef0cO$BmYLZ5pUSKW2ZQra/Zef4Gh7J8xeAAojg7c23asYbQoJj2uCz9wzu0JRY2ZteashCK7h+E2Lm3nF/9fPYZ6oHQ==:role=operator\n"

GType identity_password_get_type (void);

typedef struct {
  char *directory, *path;
  HawserIdentity *identity;
  GMainContext *context;
  guint n_let_in, n_denied, n_full, n_cancelled, n_answers;
  HawserPrincipal *last;
} Fixture;

static void
write_file (Fixture *fixture, const char *text, int mode)
{
  g_assert_true (g_file_set_contents (fixture->path, text, -1, NULL));
  g_assert_cmpint (g_chmod (fixture->path, mode), ==, 0);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->context = g_main_context_new ();
  g_main_context_push_thread_default (fixture->context);
  fixture->directory = g_dir_make_tmp ("hawser-password-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->directory, "users", NULL);
  fixture->identity = g_object_new (identity_password_get_type (), "password-file", fixture->path, NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_clear_pointer (&fixture->last, hawser_principal_unref);
  g_object_unref (fixture->identity);
  g_remove (fixture->path);
  g_rmdir (fixture->directory);
  g_free (fixture->path);
  g_free (fixture->directory);
  g_main_context_pop_thread_default (fixture->context);
  g_main_context_unref (fixture->context);
}

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Fixture *fixture = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (HawserPrincipal) principal = hawser_identity_authenticate_finish (fixture->identity, result, &error);

  g_assert_true (g_main_context_is_owner (fixture->context));
  g_assert_true ((principal == NULL) == (error != NULL));
  fixture->n_answers++;
  fixture->n_let_in += principal != NULL;
  fixture->n_denied += g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_NOT_AUTHORIZED);
  fixture->n_full += g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_QUOTA);
  fixture->n_cancelled += g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_pointer (&fixture->last, hawser_principal_unref);
  fixture->last = g_steal_pointer (&principal);
}

static void
ask (Fixture *fixture, HawserCredentialKind kind, const char *name, const char *password, GCancellable *cancellable)
{
  g_autoptr (GBytes) secret = password != NULL ? g_bytes_new (password, strlen (password)) : NULL;

  hawser_identity_authenticate_async (fixture->identity, kind, name, secret, cancellable, on_answer, fixture);
}

static void
wait_for (Fixture *fixture, guint n_answers)
{
  while (fixture->n_answers < n_answers)
    g_main_context_iteration (fixture->context, TRUE);
}

static void
the_right_password_brings_its_claims (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  write_file (fixture, LINE, 0600);
  g_assert_true (hawser_identity_load (fixture->identity, &error));
  g_assert_no_error (error);
  g_assert_true (hawser_identity_understands (fixture->identity, HAWSER_CREDENTIAL_PASSWORD));
  g_assert_false (hawser_identity_understands (fixture->identity, HAWSER_CREDENTIAL_TOKEN));
  ask (fixture, HAWSER_CREDENTIAL_PASSWORD, "anna", "secret", NULL);
  g_assert_cmpuint (fixture->n_answers, ==, 0);
  wait_for (fixture, 1);
  g_assert_cmpstr (hawser_principal_get_name (fixture->last), ==, "anna");
  g_assert_cmpstr (hawser_principal_get_claim (fixture->last, "role"), ==, "operator");
}

static void
anything_else_is_denied (Fixture *fixture, gconstpointer data)
{
  g_autofree char *long_password = g_strnfill (100000, 'a');

  write_file (fixture, LINE, 0600);
  g_assert_true (hawser_identity_load (fixture->identity, NULL));
  ask (fixture, HAWSER_CREDENTIAL_PASSWORD, "anna", "wrong", NULL);
  ask (fixture, HAWSER_CREDENTIAL_PASSWORD, "nobody", "secret", NULL);
  ask (fixture, HAWSER_CREDENTIAL_PASSWORD, "anna", long_password, NULL);
  ask (fixture, HAWSER_CREDENTIAL_PASSWORD, "anna", "", NULL);
  ask (fixture, HAWSER_CREDENTIAL_PASSWORD, NULL, NULL, NULL);
  ask (fixture, HAWSER_CREDENTIAL_TOKEN, "anna", "secret", NULL);
  ask (fixture, HAWSER_CREDENTIAL_NONE, NULL, NULL, NULL);
  wait_for (fixture, 7);
  g_assert_cmpuint (fixture->n_denied, ==, 7);
}

static void
nobody_is_let_in_before_loading (Fixture *fixture, gconstpointer data)
{
  write_file (fixture, LINE, 0600);
  ask (fixture, HAWSER_CREDENTIAL_PASSWORD, "anna", "secret", NULL);
  wait_for (fixture, 1);
  g_assert_cmpuint (fixture->n_denied, ==, 1);
}

static void
a_bad_file_lets_in_nobody (Fixture *fixture, gconstpointer data)
{
  static const char * const texts[] = { "", LINE "broken\n", "anna:secret\n", NULL };
  guint n = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *prefix = g_strdup_printf ("password file '%s': ", fixture->path);

      write_file (fixture, LINE, 0600);
      g_assert_true (hawser_identity_load (fixture->identity, NULL));
      if (texts[i] != NULL)
        write_file (fixture, texts[i], 0600);
      else
        g_remove (fixture->path);
      g_assert_false (hawser_identity_load (fixture->identity, &error));
      g_assert_true (g_str_has_prefix (error->message, prefix));
      g_assert_null (strstr (error->message, "secret"));
      ask (fixture, HAWSER_CREDENTIAL_PASSWORD, "anna", "secret", NULL);
      wait_for (fixture, ++n);
      g_assert_cmpuint (fixture->n_denied, ==, n);
    }
}

static void
an_exposed_file_is_warned_about (Fixture *fixture, gconstpointer data)
{
  write_file (fixture, LINE, 0644);
  g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "password file '*': others than its owner may read or write it (mode 0644)");
  g_assert_true (hawser_identity_load (fixture->identity, NULL));
  g_test_assert_expected_messages ();
}

static void
cancelling_answers_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) before = g_cancellable_new (), during = g_cancellable_new (), after = g_cancellable_new ();

  write_file (fixture, LINE, 0600);
  g_assert_true (hawser_identity_load (fixture->identity, NULL));
  g_cancellable_cancel (before);
  ask (fixture, HAWSER_CREDENTIAL_PASSWORD, "anna", "secret", before);
  g_assert_cmpuint (fixture->n_answers, ==, 0);
  ask (fixture, HAWSER_CREDENTIAL_PASSWORD, "anna", "secret", during);
  g_cancellable_cancel (during);
  wait_for (fixture, 2);
  g_assert_cmpuint (fixture->n_cancelled, ==, 2);
  ask (fixture, HAWSER_CREDENTIAL_PASSWORD, "anna", "secret", after);
  wait_for (fixture, 3);
  g_cancellable_cancel (after);
  g_assert_cmpuint (fixture->n_let_in, ==, 1);
}

/* 4000 log-ins at once: at most 1024 wait, the others are told to come again, everybody is answered. */
static void
a_flood_is_refused_not_queued (Fixture *fixture, gconstpointer data)
{
  const guint n = 4000;

  write_file (fixture, "anna:$7$2000$EArQDQLBek1Ef0cO$BmYLZ5pUSKW2ZQra/Zef4Gh7J8xeAAojg7c23asYbQoJj2uCz9wzu0JRY2ZteashCK7h+E2Lm3nF/9fPYZ6oHQ==\n", 0600);
  g_assert_true (hawser_identity_load (fixture->identity, NULL));
  for (guint i = 0; i < n; i++)
    ask (fixture, HAWSER_CREDENTIAL_PASSWORD, "anna", "wrong", NULL);
  wait_for (fixture, n);
  g_assert_cmpuint (fixture->n_full, >, 0);
  g_assert_cmpuint (fixture->n_full, <=, n - 1024);
  g_assert_cmpuint (fixture->n_full + fixture->n_denied, ==, n);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/identity-password/provider/the-right-password-brings-its-claims", Fixture, NULL, set_up, the_right_password_brings_its_claims, tear_down);
  g_test_add ("/identity-password/provider/anything-else-is-denied", Fixture, NULL, set_up, anything_else_is_denied, tear_down);
  g_test_add ("/identity-password/provider/nobody-is-let-in-before-loading", Fixture, NULL, set_up, nobody_is_let_in_before_loading, tear_down);
  g_test_add ("/identity-password/provider/a-bad-file-lets-in-nobody", Fixture, NULL, set_up, a_bad_file_lets_in_nobody, tear_down);
  g_test_add ("/identity-password/provider/an-exposed-file-is-warned-about", Fixture, NULL, set_up, an_exposed_file_is_warned_about, tear_down);
  g_test_add ("/identity-password/provider/cancelling-answers-cancelled", Fixture, NULL, set_up, cancelling_answers_cancelled, tear_down);
  g_test_add ("/identity-password/provider/a-flood-is-refused-not-queued", Fixture, NULL, set_up, a_flood_is_refused_not_queued, tear_down);
  return g_test_run ();
}
